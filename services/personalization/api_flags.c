#include "base/clock.h"
#include "platform/http/expectation.h"
#include "services/personalization/flags_compiled.h"
#include "services/personalization/store_definitions.h"
#include "personalization_contract.h"

static bool flag_of(struct ctx *ctx, const struct definition_row *row, struct flag *out)
{
    struct flag_put put;
    const struct json *json = json_parse(ctx, row->definition);
    if (!json || !flag_put_read(ctx, json, &put))
        return ctx_fail(ctx, ERR_INTERNAL, "reading the flag " STR_FMT, STR_ARG(row->id));
    *out = (struct flag){ .flag_key = row->id,
                          .type = put.type,
                          .state = put.state,
                          .variants = put.variants,
                          .n_variants = put.n_variants,
                          .default_variant = put.default_variant,
                          .targeting = put.targeting,
                          .description = put.description,
                          .metadata = put.metadata,
                          .has_public = put.has_public,
                          .public = put.public,
                          .version = row->version,
                          .updated_at = row->updated_us };
    return true;
}

static struct reply reply_flag(struct ctx *ctx, const struct definition_row *row)
{
    struct flag flag;
    if (!flag_of(ctx, row, &flag))
        return reply_error(ctx);
    return reply_versioned(ctx, flag_encode(ctx, &flag), row->version);
}

static struct reply reply_none(struct ctx *ctx)
{
    if (!ctx_failed(ctx))
        ctx_fail(ctx, ERR_NOT_FOUND, "there is no flag with this key");
    return reply_error(ctx);
}

struct reply personalization_put_flag(struct ctx *ctx, const struct put_flag_in *in)
{
    struct definition_row row = { 0 };
    bool known = flag_check(ctx, in->body) &&
                 store_definition(ctx, DEFINITION_FLAG, in->flag_key, &row);
    struct str definition = flag_put_encode(ctx, in->body);
    if (ctx_failed(ctx) ||
        !expectation_check(ctx, &(struct expectation){ .if_match = in->if_match }, row.version))
        return reply_error(ctx);
    if (known && str_eq(row.definition, definition))
        return reply_flag(ctx, &row);
    row = (struct definition_row){ .id = in->flag_key,
                                   .definition = definition,
                                   .version = row.version + 1,
                                   .updated_us = clock_now_us() };
    return store_definition_put(ctx, DEFINITION_FLAG, &row) ? reply_flag(ctx, &row)
                                                            : reply_error(ctx);
}

struct reply personalization_get_flag(struct ctx *ctx, const struct get_flag_in *in)
{
    struct definition_row row;
    return store_definition(ctx, DEFINITION_FLAG, in->flag_key, &row) ? reply_flag(ctx, &row)
                                                                      : reply_none(ctx);
}

struct reply personalization_delete_flag(struct ctx *ctx, const struct delete_flag_in *in)
{
    struct definition_row row;
    if (!store_definition(ctx, DEFINITION_FLAG, in->flag_key, &row))
        return reply_none(ctx);
    if (!expectation_check(ctx, &(struct expectation){ .if_match = in->if_match }, row.version) ||
        !store_definition_delete(ctx, DEFINITION_FLAG, in->flag_key))
        return reply_error(ctx);
    return reply_empty(ctx);
}

struct reply personalization_list_flags(struct ctx *ctx, const struct list_flags_in *in)
{
    struct str after = { NULL, 0 };
    if (in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1))
        return reply_error(ctx);
    size_t n, limit = (size_t)in->limit;
    struct definition_row *rows = ARENA_ARRAY(ctx->arena, struct definition_row, limit + 1);
    if (!store_definitions(ctx, DEFINITION_FLAG, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct flag_list list = { .n_items = MIN(n, limit) };
    struct flag *items = ARENA_ARRAY(ctx->arena, struct flag, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        if (!flag_of(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].id, 1);
    return reply_ok(ctx, flag_list_encode(ctx, &list));
}
