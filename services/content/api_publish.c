#include "services/content/publish.h"
#include "services/content/reply.h"
#include "services/content/store.h"
#include "content_contract.h"

static struct str shown_etag(struct ctx *ctx, const struct shown_row *row)
{
    return arena_printf(ctx->arena, "\"" STR_FMT "-%lld-%lld\"", STR_ARG(row->entry_id),
                        (long long)row->version, (long long)row->published_us);
}

static struct reply reply_shown(struct ctx *ctx, const struct shown_row *row, struct str moved_from)
{
    struct published published = { .entry_id = row->entry_id,
                                   .kind = kind_of(row->kind),
                                   .type = type_of_kind(row->kind),
                                   .slug = row->slug,
                                   .locale = text_or_none(row->locale),
                                   .title = row->title,
                                   .version = row->version,
                                   .document = json_parse(ctx, row->document),
                                   .published_at = row->published_us,
                                   .moved_from = moved_from };
    if (!published.document)
        return reply_error(ctx);
    struct reply reply = reply_ok(ctx, published_encode(ctx, &published));
    reply_add(ctx, &reply, "ETag", shown_etag(ctx, row));
    return reply;
}

struct reply content_publish_entry(struct ctx *ctx, const struct publish_entry_in *in)
{
    struct shown_row shown;
    int64_t version = in->body->has_version ? in->body->version : 0;
    if (!entry_publish(ctx, in->entry_id, version, &shown))
        return reply_error(ctx);
    return reply_shown(ctx, &shown, (struct str){ NULL, 0 });
}

struct reply content_unpublish_entry(struct ctx *ctx, const struct unpublish_entry_in *in)
{
    struct entry_row entry;
    if (!entry_unpublish(ctx, in->entry_id, &entry))
        return reply_error(ctx);
    return reply_entry(ctx, &entry);
}

/* Of a locale, or else of a shorter form of it, that has fallbacks of its own, these go last. */
static bool locales_chain(struct ctx *ctx, struct str locale, struct locales *out)
{
    struct locale_row row;
    out->n = 0;
    locales_add(out, locale);
    size_t n_own = out->n;
    for (size_t i = 0; i < n_own; i++)
        if (store_locale(ctx, out->names[i], &row)) {
            const struct json *list = json_parse(ctx, row.fallbacks);
            for (struct json_iter it = json_iter(list); json_next(&it);)
                locales_add(out, json_str(it.value));
            break;
        }
    locales_end(out);
    return !ctx_failed(ctx);
}

static bool published_find(struct ctx *ctx, const struct get_published_in *in,
                           struct shown_row *out)
{
    struct locales locales;
    struct str kind = in->type.ptr ? in->type : str_of(get_published_kind_name(in->kind));
    if (str_is(kind, "item"))
        return ctx_fail_at(ctx, ERR_INVALID, STR("query/type"), "an item has a type");
    return locales_chain(ctx, in->locale, &locales) &&
           (store_shown(ctx, kind, in->slug, &locales, out) ||
            ctx_fail(ctx, ERR_NOT_FOUND, "nothing is shown under this slug"));
}

struct reply content_get_published(struct ctx *ctx, const struct get_published_in *in)
{
    struct shown_row row;
    if (!published_find(ctx, in, &row))
        return reply_error(ctx);
    struct str etag = shown_etag(ctx, &row);
    if (etag_has(in->if_none_match, etag))
        return reply_not_modified(ctx, etag);
    bool moved = !str_eq(row.slug, in->slug);
    return reply_shown(ctx, &row, moved ? in->slug : (struct str){ NULL, 0 });
}
