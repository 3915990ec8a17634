#include "base/clock.h"
#include "services/search/definition.h"
#include "search_contract.h"

static bool query_has_words(struct ctx *ctx, struct str query)
{
    size_t n;
    words_folded(ctx->arena, query, &n);
    return n || ctx_fail_at(ctx, ERR_INVALID, STR("/query"), "there is no word in it");
}

static bool pin_of(struct ctx *ctx, const struct definition_row *row, struct pin *out)
{
    struct pin_put put;
    const struct json *json = json_parse(ctx, row->definition);
    if (!json || !pin_put_read(ctx, json, &put))
        return ctx_fail(ctx, ERR_INTERNAL, "reading the pin " STR_FMT, STR_ARG(row->id));
    *out = (struct pin){ .pin_id = row->id,

                         .query = put.query,
                         .pinned = put.pinned,
                         .n_pinned = put.n_pinned,
                         .hidden = put.hidden,
                         .n_hidden = put.n_hidden,
                         .version = row->version,
                         .updated_at = row->updated_us };
    return true;
}

static struct reply reply_pin(struct ctx *ctx, const struct definition_row *row)
{
    struct pin pin;
    return pin_of(ctx, row, &pin) ? reply_ok(ctx, pin_encode(ctx, &pin)) : reply_error(ctx);
}

struct reply search_put_pin(struct ctx *ctx, const struct put_pin_in *in)
{
    struct definition_row row;
    if (!query_has_words(ctx, in->body->query) ||
        !definition_put(ctx, DEFINITION_PIN, in->pin_id, pin_put_encode(ctx, in->body), &row))
        return reply_error(ctx);
    return reply_pin(ctx, &row);
}

struct reply search_get_pin(struct ctx *ctx, const struct get_pin_in *in)
{
    struct definition_row row;
    return definition_get(ctx, DEFINITION_PIN, in->pin_id, &row) ? reply_pin(ctx, &row)
                                                                 : reply_error(ctx);
}

struct reply search_delete_pin(struct ctx *ctx, const struct delete_pin_in *in)
{
    return definition_delete(ctx, DEFINITION_PIN, in->pin_id) ? reply_empty(ctx) : reply_error(ctx);
}

struct reply search_list_pins(struct ctx *ctx, const struct list_pins_in *in)
{
    struct definition_row *rows;
    struct pin_list list = { 0 };
    if (!definition_page(ctx, DEFINITION_PIN, in->cursor, (size_t)in->limit, &rows, &list.n_items,
                         &list.next_cursor))
        return reply_error(ctx);
    struct pin *items = ARENA_ARRAY(ctx->arena, struct pin, list.n_items + 1);
    for (size_t i = 0; i < list.n_items; i++)
        if (!pin_of(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    return reply_ok(ctx, pin_list_encode(ctx, &list));
}
