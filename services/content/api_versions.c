#include "services/content/diff.h"
#include "services/content/reply.h"
#include "services/content/save.h"
#include "content_contract.h"

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

/* ---- what changed ---- */

/* A version as the one document that is compared. */
static const struct json *version_whole(struct ctx *ctx, const struct version_row *row)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "slug");
    json_put_str(&out, row->slug);
    if (row->locale.len) {
        json_key(&out, "locale");
        json_put_str(&out, row->locale);
    }
    if (row->title.ptr) {
        json_key(&out, "title");
        json_put_str(&out, row->title);
    }
    json_key(&out, "document");
    json_put_raw(&out, row->document);
    json_object_end(&out);
    return json_parse(ctx, json_out_str(&out));
}

static bool versions_diff(struct ctx *ctx, const struct version_row *from,
                          const struct version_row *to, struct changes *out)
{
    const struct json *before = version_whole(ctx, from), *after = version_whole(ctx, to);
    if (!before || !after)
        return false;
    changes_find(ctx->arena, before, after, out);
    return true;
}

struct reply content_diff_versions(struct ctx *ctx, const struct diff_versions_in *in)
{
    struct entry_row entry;
    struct version_row from, to;
    struct changes found;
    if (!entry_find(ctx, in->entry_id, &entry))
        return reply_error(ctx);
    int64_t against = in->has_to ? in->to : entry.version;
    if (!version_find(ctx, in->entry_id, in->from, &from) ||
        !version_find(ctx, in->entry_id, against, &to) || !versions_diff(ctx, &from, &to, &found))
        return reply_error(ctx);
    struct change *items = ARENA_ARRAY(ctx->arena, struct change, found.n);
    for (size_t i = 0; i < found.n; i++)
        items[i] = (struct change){ .op = change_op_parse(str_of(found.items[i].op)),
                                    .path = found.items[i].path,
                                    .value = found.items[i].after,
                                    .was = found.items[i].before };
    struct version_diff diff = { .from = in->from,
                                 .to = against,
                                 .changes = items,
                                 .n_changes = found.n,
                                 .complete = !found.more };
    return reply_ok(ctx, version_diff_encode(ctx, &diff));
}

/* ---- going back ---- */

struct reply content_restore_version(struct ctx *ctx, const struct restore_version_in *in)
{
    struct entry_row entry, saved;
    struct version_row version;
    struct expectation expected = { .if_match = in->if_match, .must_match = true };
    if (!entry_find(ctx, in->entry_id, &entry) ||
        !version_find(ctx, in->entry_id, in->version, &version))
        return reply_error(ctx);
    struct entry_row wanted = { .entry_id = entry.entry_id,
                                .kind = entry.kind,
                                .slug = version.slug,
                                .locale = version.locale,
                                .title = version.title,
                                .document = version.document };
    if (!entry_save(ctx, &wanted, &expected, &saved))
        return reply_error(ctx);
    return reply_entry(ctx, &saved);
}
