#include "base/clock.h"
#include "platform/sql/secrets.h"
#include "services/content/preview.h"
#include "services/content/reply.h"
#include "content_contract.h"

#define KEY_NAME STR("preview")

struct reply content_make_preview(struct ctx *ctx, const struct make_preview_in *in)
{
    struct entry_row entry;
    struct version_row version;
    struct str key;
    struct preview preview = { .entry_id = in->entry_id,
                               .version = in->body->has_version ? in->body->version : 0,
                               .expires_us = clock_now_us() + in->body->seconds * US_PER_S };
    if (!entry_find(ctx, in->entry_id, &entry) ||
        (preview.version && !version_find(ctx, in->entry_id, preview.version, &version)) ||
        !sql_secret_make(ctx, KEY_NAME, &key))
        return reply_error(ctx);
    struct preview_token token = { .token = preview_sign(ctx->arena, key, &preview),
                                   .expires_at = preview.expires_us };
    return reply_ok(ctx, preview_token_encode(ctx, &token));
}

static bool preview_find(struct ctx *ctx, struct str token, struct preview *preview,
                         struct entry_row *entry, struct version_row *version)
{
    struct str key;
    if (!sql_secret(ctx, KEY_NAME, &key))
        return ctx_fail(ctx, ERR_NOT_FOUND, "this is no preview");
    return preview_verify(ctx, key, token, clock_now_us(), preview) &&
           entry_find(ctx, preview->entry_id, entry) &&
           version_find(ctx, preview->entry_id,
                        preview->version ? preview->version : entry->version, version);
}

struct reply content_get_preview(struct ctx *ctx, const struct get_preview_in *in)
{
    struct preview preview;
    struct entry_row entry;
    struct version_row version;
    if (!preview_find(ctx, in->token, &preview, &entry, &version))
        return reply_error(ctx);
    struct previewed previewed = { .entry_id = entry.entry_id,
                                   .kind = kind_of(entry.kind),
                                   .type = type_of_kind(entry.kind),
                                   .slug = version.slug,
                                   .locale = text_or_none(version.locale),
                                   .title = version.title,
                                   .version = version.version,
                                   .document = json_parse(ctx, version.document),
                                   .expires_at = preview.expires_us };
    if (!previewed.document)
        return reply_error(ctx);
    struct reply reply = reply_ok(ctx, previewed_encode(ctx, &previewed));
    reply_add(ctx, &reply, "Cache-Control", STR("no-store"));
    reply_add(ctx, &reply, "X-Robots-Tag", STR("noindex"));
    return reply;
}
