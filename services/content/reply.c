#include "services/content/reply.h"

bool entry_find(struct ctx *ctx, struct str entry_id, struct entry_row *out)
{
    return store_entry(ctx, entry_id, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no entry with this id");
}

bool version_find(struct ctx *ctx, struct str entry_id, int64_t version, struct version_row *out)
{
    return store_version(ctx, entry_id, version, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "the entry has no version %lld", (long long)version);
}

bool kind_read(struct ctx *ctx, enum entry_kind kind, struct str type, const char *pointer,
               struct str *stored)
{
    bool item = kind == ENTRY_KIND_ITEM;
    if (item && !type.ptr)
        return ctx_fail_at(ctx, ERR_INVALID, str_of(pointer), "an item has a type");
    if (!item && type.ptr)
        return ctx_fail_at(ctx, ERR_INVALID, str_of(pointer), "only an item has a type");
    *stored = item ? type : str_of(entry_kind_name(kind));
    return true;
}

enum entry_kind kind_of(struct str stored)
{
    enum entry_kind kind = entry_kind_parse(stored);
    return kind ? kind : ENTRY_KIND_ITEM;
}

struct str type_of_kind(struct str stored)
{
    return entry_kind_parse(stored) ? (struct str){ NULL, 0 } : stored;
}

enum entry_state entry_state_of(const struct entry_row *row)
{
    if (row->published_version == 0)
        return ENTRY_STATE_DRAFT;
    return row->published_version == row->version ? ENTRY_STATE_PUBLISHED : ENTRY_STATE_CHANGED;
}

struct str entry_etag(struct ctx *ctx, int64_t version)
{
    return arena_printf(ctx->arena, "\"%lld\"", (long long)version);
}

struct reply reply_entry(struct ctx *ctx, const struct entry_row *row)
{
    struct entry entry = { .entry_id = row->entry_id,
                           .kind = kind_of(row->kind),
                           .type = type_of_kind(row->kind),
                           .slug = row->slug,
                           .locale = text_or_none(row->locale),
                           .title = row->title,
                           .version = row->version,
                           .state = entry_state_of(row),
                           .has_published_version = row->published_version > 0,
                           .published_version = row->published_version,
                           .has_published_at = row->published_version > 0,
                           .published_at = row->published_us,
                           .updated_at = row->updated_us,
                           .document = json_parse(ctx, row->document) };
    if (!entry.document)
        return reply_error(ctx);
    struct reply reply = reply_ok(ctx, entry_encode(ctx, &entry));
    reply_add(ctx, &reply, "ETag", entry_etag(ctx, row->version));
    return reply;
}

struct str shown_etag(struct ctx *ctx, const struct shown_row *row)
{
    return arena_printf(ctx->arena, "\"" STR_FMT "-%lld-%lld\"", STR_ARG(row->entry_id),
                        (long long)row->version, (long long)row->published_us);
}

struct str shown_text(struct ctx *ctx, const struct shown_row *row, struct str moved_from)
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
    return published.document ? published_encode(ctx, &published) : (struct str){ NULL, 0 };
}

bool etag_has(struct str if_none_match, struct str etag)
{
    struct str tag;
    while (str_split(&if_none_match, ',', &tag)) {
        tag = str_trim(tag);
        if (str_starts(tag, STR("W/")))
            tag = (struct str){ tag.ptr + 2, tag.len - 2 };
        if (str_is(tag, "*") || str_eq(tag, etag))
            return true;
    }
    return false;
}

#define REFERRERS_NAMED 5

bool unreferred(struct ctx *ctx, struct str target)
{
    struct str ids[REFERRERS_NAMED], names = STR("");
    size_t n;
    int64_t in_all;
    if (!store_referrers(ctx, target, REFERRERS_NAMED, ids, &n, &in_all))
        return false;
    for (size_t i = 0; i < n; i++)
        names = arena_printf(ctx->arena, STR_FMT "%s" STR_FMT, STR_ARG(names), i ? ", " : "",
                             STR_ARG(ids[i]));
    return n == 0 ||
           ctx_fail(ctx, ERR_CONFLICT, "%lld refer to it: " STR_FMT "%s", (long long)in_all,
                    STR_ARG(names), in_all > (int64_t)n ? ", ..." : "");
}
