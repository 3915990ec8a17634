#include "services/content/reply.h"
#include "services/content/types.h"
#include "content_contract.h"

/* ---- answers ---- */

static bool type_answer(struct ctx *ctx, const struct type_row *row, struct content_type *out)
{
    *out = (struct content_type){ .type = row->type,
                                  .version = row->version,
                                  .description = row->description,
                                  .schema = json_parse(ctx, row->schema),
                                  .entries = row->n_entries,
                                  .updated_at = row->updated_us };
    return out->schema != NULL;
}

static struct reply reply_type(struct ctx *ctx, const struct type_row *row)
{
    struct content_type type;
    if (!type_answer(ctx, row, &type))
        return reply_error(ctx);
    struct reply reply = reply_ok(ctx, content_type_encode(ctx, &type));
    reply_add(ctx, &reply, "ETag", entry_etag(ctx, row->version));
    return reply;
}

static bool type_find(struct ctx *ctx, struct str type, struct type_row *out)
{
    return store_type(ctx, type, out) || ctx_fail(ctx, ERR_NOT_FOUND, "there is no such type");
}

/* ---- storing ---- */

struct reply content_put_type(struct ctx *ctx, const struct put_type_in *in)
{
    struct expectation expected = { .if_match = in->if_match, .if_none_match = in->if_none_match };
    struct type_row saved, type = { .type = in->type,
                                    .description = in->body->description,
                                    .schema = json_text(ctx->arena, in->body->schema) };
    if (type_is_reserved(in->type)) {
        ctx_fail_at(ctx, ERR_INVALID, STR("path/type"), "this type is built in");
        return reply_error(ctx);
    }
    if (!type_save(ctx, &type, in->body->schema, &expected, &saved))
        return reply_error(ctx);
    return reply_type(ctx, &saved);
}

struct reply content_delete_type(struct ctx *ctx, const struct delete_type_in *in)
{
    struct type_row type;
    struct expectation expected = { .if_match = in->if_match, .must_match = true };
    if (!type_find(ctx, in->type, &type) || !expectation_check(ctx, &expected, type.version))
        return reply_error(ctx);
    if (type.n_entries)
        ctx_fail(ctx, ERR_CONFLICT, "%lld entries are of this type", (long long)type.n_entries);
    if (ctx_failed(ctx) || !store_type_delete(ctx, in->type))
        return reply_error(ctx);
    return reply_empty(ctx);
}

/* ---- asking ---- */

struct reply content_get_type(struct ctx *ctx, const struct get_type_in *in)
{
    struct type_row type;
    if (!type_find(ctx, in->type, &type))
        return reply_error(ctx);
    return reply_type(ctx, &type);
}

struct reply content_list_types(struct ctx *ctx, const struct list_types_in *in)
{
    struct str after = STR("");
    size_t n, limit = (size_t)in->limit;
    struct type_row *rows = ARENA_ARRAY(ctx->arena, struct type_row, limit + 1);
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !store_types(ctx, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct content_type_list list = { .n_items = MIN(n, limit) };
    struct content_type *items = ARENA_ARRAY(ctx->arena, struct content_type, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        if (!type_answer(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].type, 1);
    return reply_ok(ctx, content_type_list_encode(ctx, &list));
}

struct reply content_check_type(struct ctx *ctx, const struct check_type_in *in)
{
    struct type_row type;
    struct judgement judgement;
    if (!type_find(ctx, in->type, &type))
        return reply_error(ctx);
    struct schema *schema = type_compile(ctx, in->body->schema, "/schema");
    if (!schema || !type_judge(ctx, in->type, schema, &judgement))
        return reply_error(ctx);
    size_t n = (size_t)MIN(judgement.n_misfits, MISFITS_TOLD);
    struct type_misfit *misfits = ARENA_ARRAY(ctx->arena, struct type_misfit, n);
    for (size_t i = 0; i < n; i++)
        misfits[i] = (struct type_misfit){ .entry_id = judgement.misfits[i].entry_id,
                                           .version = judgement.misfits[i].version,
                                           .pointer = judgement.misfits[i].pointer,
                                           .detail = judgement.misfits[i].sentence };
    struct type_check check = { .documents = judgement.n_documents,
                                .misfits = judgement.n_misfits,
                                .first = misfits,
                                .n_first = n };
    return reply_ok(ctx, type_check_encode(ctx, &check));
}
