#include "base/clock.h"
#include "services/content/document.h"
#include "services/content/reply.h"
#include "services/content/store.h"
#include "content_contract.h"

/* ---- an entry ---- */

/* Is `version` one of the ETags that If-Match names (RFC 9110 section 13.1.1)? */
static bool matches(struct ctx *ctx, struct str if_match, int64_t version)
{
    struct str tag, own = entry_etag(ctx, version);
    while (str_split(&if_match, ',', &tag)) {
        tag = str_trim(tag);
        if (version > 0 && (str_is(tag, "*") || str_eq(tag, own)))
            return true;
    }
    return false;
}

static bool same_text(struct str a, struct str b)
{
    return !a.ptr == !b.ptr && str_eq(a, b);
}

static bool entry_same(const struct entry_row *a, const struct entry_row *b)
{
    return str_eq(a->slug, b->slug) && str_eq(a->locale, b->locale) &&
           same_text(a->title, b->title) && str_eq(a->document, b->document);
}

/* `before` is the entry as it stands; version 0: there is none. */
static bool put_check(struct ctx *ctx, const struct put_entry_in *in,
                      const struct entry_row *before, const struct entry_row *entry)
{
    struct str owner;
    if (in->if_match.ptr && !matches(ctx, in->if_match, before->version))
        return ctx_fail(ctx, ERR_PRECONDITION_FAILED,
                        "the entry is not at the version that If-Match names");
    if (before->version && !str_eq(before->kind, entry->kind))
        return ctx_fail(ctx, ERR_CONFLICT, "the entry is a " STR_FMT " and stays one",
                        STR_ARG(before->kind));
    if (store_slug_owner(ctx, entry, &owner) && !str_eq(owner, entry->entry_id))
        return ctx_fail(ctx, ERR_CONFLICT, "the slug is that of " STR_FMT, STR_ARG(owner));
    return !ctx_failed(ctx);
}

struct reply content_put_entry(struct ctx *ctx, const struct put_entry_in *in)
{
    const struct entry_put *put = in->body;
    struct entry_row before = { 0 }, entry = { .entry_id = in->entry_id,
                                               .kind = str_of(entry_kind_name(put->kind)),
                                               .slug = put->slug,
                                               .locale = put->locale.ptr ? put->locale : STR(""),
                                               .title = put->title,
                                               .document = json_text(ctx->arena, put->document),
                                               .updated_us = clock_now_us() };
    if (!document_check(ctx, put->kind == ENTRY_KIND_PAGE, put->document, entry.document))
        return reply_error(ctx);
    if (store_entry(ctx, in->entry_id, &before)) {
        entry.published_version = before.published_version;
        entry.published_us = before.published_us;
    }
    if (ctx_failed(ctx) || !put_check(ctx, in, &before, &entry))
        return reply_error(ctx);
    entry.version = before.version + 1;
    if (before.version && entry_same(&before, &entry))
        entry = before;
    else if (!store_entry_put(ctx, &entry, before.version))
        return reply_error(ctx);
    return reply_entry(ctx, &entry);
}

struct reply content_get_entry(struct ctx *ctx, const struct get_entry_in *in)
{
    struct entry_row entry;
    if (!entry_find(ctx, in->entry_id, &entry))
        return reply_error(ctx);
    return reply_entry(ctx, &entry);
}

static struct entry_summary summary_of(const struct entry_row *row)
{
    return (struct entry_summary){ .entry_id = row->entry_id,
                                   .kind = entry_kind_parse(row->kind),
                                   .slug = row->slug,
                                   .locale = text_or_none(row->locale),
                                   .title = row->title,
                                   .version = row->version,
                                   .state = entry_state_of(row),
                                   .has_published_version = row->published_version > 0,
                                   .published_version = row->published_version,
                                   .has_published_at = row->published_version > 0,
                                   .published_at = row->published_us,
                                   .updated_at = row->updated_us };
}

struct reply content_list_entries(struct ctx *ctx, const struct list_entries_in *in)
{
    struct str after = { NULL, 0 }, kind = { NULL, 0 }, state = { NULL, 0 };
    if (in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1))
        return reply_error(ctx);
    if (in->has_kind)
        kind = str_of(entry_kind_name(in->kind));
    if (in->has_state)
        state = str_of(entry_state_name(in->state));
    size_t n, limit = (size_t)in->limit;
    struct entry_row *rows = ARENA_ARRAY(ctx->arena, struct entry_row, limit + 1);
    if (!store_entries(ctx, kind, state, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct entry_list list = { .n_items = MIN(n, limit) };
    struct entry_summary *items = ARENA_ARRAY(ctx->arena, struct entry_summary, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = summary_of(&rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].entry_id, 1);
    return reply_ok(ctx, entry_list_encode(ctx, &list));
}

/* ---- its versions ---- */

static bool versions_from(struct ctx *ctx, struct str cursor, int64_t *before)
{
    struct str last;
    *before = INT64_MAX;
    return !cursor.ptr || (sql_cursor_parse(ctx, cursor, &last, 1) && str_to_int(last, before)) ||
           ctx_fail_at(ctx, ERR_INVALID, STR("query/cursor"),
                       "this cursor is not one of this list");
}

struct reply content_list_versions(struct ctx *ctx, const struct list_versions_in *in)
{
    int64_t before;
    struct entry_row entry;
    size_t n, limit = (size_t)in->limit;
    struct version_row *rows = ARENA_ARRAY(ctx->arena, struct version_row, limit + 1);
    if (!versions_from(ctx, in->cursor, &before) || !entry_find(ctx, in->entry_id, &entry) ||
        !store_versions(ctx, in->entry_id, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct version_list list = { .n_items = MIN(n, limit) };
    struct version_summary *items = ARENA_ARRAY(ctx->arena, struct version_summary, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] =
            (struct version_summary){ .version = rows[i].version,
                                      .slug = rows[i].slug,
                                      .locale = text_or_none(rows[i].locale),
                                      .title = rows[i].title,
                                      .saved_at = rows[i].saved_us,
                                      .published = rows[i].version == entry.published_version };
    list.items = items;
    if (n > limit) {
        struct str last = arena_printf(ctx->arena, "%lld", (long long)rows[limit - 1].version);
        list.next_cursor = sql_cursor(ctx->arena, &last, 1);
    }
    return reply_ok(ctx, version_list_encode(ctx, &list));
}

struct reply content_get_version(struct ctx *ctx, const struct get_version_in *in)
{
    struct entry_row entry;
    struct version_row row;
    if (!entry_find(ctx, in->entry_id, &entry) ||
        !version_find(ctx, in->entry_id, in->version, &row))
        return reply_error(ctx);
    struct version version = { .version = row.version,
                               .slug = row.slug,
                               .locale = text_or_none(row.locale),
                               .title = row.title,
                               .saved_at = row.saved_us,
                               .published = row.version == entry.published_version,
                               .document = json_parse(ctx, row.document) };
    if (!version.document)
        return reply_error(ctx);
    return reply_ok(ctx, version_encode(ctx, &version));
}
