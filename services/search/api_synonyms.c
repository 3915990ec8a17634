#include "base/clock.h"
#include "services/search/definition.h"
#include "search_contract.h"

static bool synonyms_of(struct ctx *ctx, const struct definition_row *row, struct synonyms *out)
{
    struct synonyms_put put;
    const struct json *json = json_parse(ctx, row->definition);
    if (!json || !synonyms_put_read(ctx, json, &put))
        return ctx_fail(ctx, ERR_INTERNAL, "reading the synonyms " STR_FMT, STR_ARG(row->id));
    *out = (struct synonyms){ .synonyms_id = row->id,
                              .words = put.words,
                              .n_words = put.n_words,
                              .one_way = put.one_way,
                              .version = row->version,
                              .updated_at = row->updated_us };
    return true;
}

static struct reply reply_synonyms(struct ctx *ctx, const struct definition_row *row)
{
    struct synonyms synonyms;
    return synonyms_of(ctx, row, &synonyms) ? reply_ok(ctx, synonyms_encode(ctx, &synonyms))
                                            : reply_error(ctx);
}

struct reply search_put_synonyms(struct ctx *ctx, const struct put_synonyms_in *in)
{
    struct definition_row row;
    if (!words_are_few(ctx, in->body->words, in->body->n_words, SYNONYM_WORDS) ||
        !definition_put(ctx, DEFINITION_SYNONYMS, in->synonyms_id,
                        synonyms_put_encode(ctx, in->body), &row))
        return reply_error(ctx);
    return reply_synonyms(ctx, &row);
}

struct reply search_get_synonyms(struct ctx *ctx, const struct get_synonyms_in *in)
{
    struct definition_row row;
    return definition_get(ctx, DEFINITION_SYNONYMS, in->synonyms_id, &row)
               ? reply_synonyms(ctx, &row)
               : reply_error(ctx);
}

struct reply search_delete_synonyms(struct ctx *ctx, const struct delete_synonyms_in *in)
{
    return definition_delete(ctx, DEFINITION_SYNONYMS, in->synonyms_id) ? reply_empty(ctx)
                                                                        : reply_error(ctx);
}

struct reply search_list_synonyms(struct ctx *ctx, const struct list_synonyms_in *in)
{
    struct definition_row *rows;
    struct synonyms_list list = { 0 };
    if (!definition_page(ctx, DEFINITION_SYNONYMS, in->cursor, (size_t)in->limit, &rows,
                         &list.n_items, &list.next_cursor))
        return reply_error(ctx);
    struct synonyms *items = ARENA_ARRAY(ctx->arena, struct synonyms, list.n_items + 1);
    for (size_t i = 0; i < list.n_items; i++)
        if (!synonyms_of(ctx, &rows[i], &items[i]))
            return reply_error(ctx);
    list.items = items;
    return reply_ok(ctx, synonyms_list_encode(ctx, &list));
}
