#include "services/content/reply.h"
#include "services/content/save.h"
#include "content_contract.h"

struct reply content_put_entry(struct ctx *ctx, const struct put_entry_in *in)
{
    const struct entry_put *put = in->body;
    struct expectation expected = { .if_match = in->if_match, .if_none_match = in->if_none_match };
    struct entry_row saved, wanted = { .entry_id = in->entry_id,
                                       .slug = put->slug,
                                       .locale = put->locale.ptr ? put->locale : STR(""),
                                       .title = put->title,
                                       .document = json_text(ctx->arena, put->document) };
    if (!kind_read(ctx, put->kind, put->type, "/type", &wanted.kind) ||
        !entry_save(ctx, &wanted, &expected, &saved))
        return reply_error(ctx);
    return reply_entry(ctx, &saved);
}

struct reply content_get_entry(struct ctx *ctx, const struct get_entry_in *in)
{
    struct entry_row entry;
    if (!entry_find(ctx, in->entry_id, &entry))
        return reply_error(ctx);
    return reply_entry(ctx, &entry);
}

/* ---- deleting ---- */

static bool entry_delete(struct ctx *ctx, const struct entry_row *entry)
{
    if (entry->published_version)
        return ctx_fail(ctx, ERR_CONFLICT, "it is shown: unpublish it first");
    return store_references_lock(ctx) && unreferred(ctx, entry->entry_id) &&
           store_entry_delete(ctx, entry);
}

struct reply content_delete_entry(struct ctx *ctx, const struct delete_entry_in *in)
{
    struct entry_row entry;
    struct expectation expected = { .if_match = in->if_match, .must_match = true };
    if (!entry_find(ctx, in->entry_id, &entry) ||
        !expectation_check(ctx, &expected, entry.version) || !entry_delete(ctx, &entry))
        return reply_error(ctx);
    return reply_empty(ctx);
}

/* ---- lists ---- */

static struct entry_summary summary_of(const struct entry_row *row)
{
    return (struct entry_summary){ .entry_id = row->entry_id,
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
                                   .updated_at = row->updated_us };
}

static enum entry_order order_of(enum list_entries_sort sort)
{
    switch (sort) {
    case LIST_ENTRIES_SORT_SLUG:
        return ENTRIES_BY_SLUG;
    case LIST_ENTRIES_SORT_NEWEST:
        return ENTRIES_NEWEST;
    case LIST_ENTRIES_SORT_OLDEST:
        return ENTRIES_OLDEST;
    default:
        return ENTRIES_BY_ID;
    }
}

/* A cursor belongs to the order that it was made in. */
static bool place_parse(struct ctx *ctx, struct str cursor, const char *order,
                        struct entry_place *out)
{
    struct str parts[4];
    bool newest = strcmp(order, "newest") == 0;
    *out = (struct entry_place){ STR(""), STR(""), newest ? INT64_MAX : INT64_MIN };
    if (!cursor.ptr)
        return true;
    if (!sql_cursor_parse(ctx, cursor, parts, COUNT(parts)))
        return false;
    out->id = parts[1];
    out->slug = parts[2];
    return (str_is(parts[0], order) && str_to_int(parts[3], &out->updated_us)) ||
           ctx_fail_at(ctx, ERR_INVALID, STR("query/cursor"),
                       "this cursor is not one of this list");
}

static struct str place_cursor(struct ctx *ctx, const char *order, const struct entry_row *last)
{
    struct str updated = arena_printf(ctx->arena, "%lld", (long long)last->updated_us);
    const struct str parts[] = { str_of(order), last->entry_id, last->slug, updated };
    return sql_cursor(ctx->arena, parts, COUNT(parts));
}

static struct str or_empty(struct str text)
{
    return text.ptr ? text : STR("");
}

static struct entry_filter filter_of(const struct list_entries_in *in)
{
    return (struct entry_filter){
        .kind = in->type.ptr   ? in->type
                : in->has_kind ? str_of(entry_kind_name(in->kind))
                               : STR(""),
        .state = in->has_state ? str_of(entry_state_name(in->state)) : STR(""),
        .slug_prefix = or_empty(in->slug_prefix),
        .locale = or_empty(in->locale),
        .any_locale = !in->locale.ptr,
        .refers_to = or_empty(in->refers_to),
        .changed_since_us = in->has_changed_since ? in->changed_since : INT64_MIN,
    };
}

struct reply content_list_entries(struct ctx *ctx, const struct list_entries_in *in)
{
    struct entry_place beyond;
    struct entry_filter filter = filter_of(in);
    const char *order = list_entries_sort_name(in->sort);
    size_t n, limit = (size_t)in->limit;
    struct entry_row *rows = ARENA_ARRAY(ctx->arena, struct entry_row, limit + 1);
    if (!place_parse(ctx, in->cursor, order, &beyond) ||
        !store_entries(ctx, &filter, order_of(in->sort), &beyond, limit + 1, rows, &n))
        return reply_error(ctx);
    struct entry_list list = { .n_items = MIN(n, limit) };
    struct entry_summary *items = ARENA_ARRAY(ctx->arena, struct entry_summary, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = summary_of(&rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor = place_cursor(ctx, order, &rows[limit - 1]);
    return reply_ok(ctx, entry_list_encode(ctx, &list));
}
