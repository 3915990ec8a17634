/* What there is one of: the stop words, the ranking. */
#include "services/search/definition.h"
#include "services/search/query.h"
#include "search_contract.h"

#define THE_ONE STR("all")

static struct reply reply_stored(struct ctx *ctx, enum definition_kind kind, struct str usual)
{
    struct definition_row row;
    if (store_definition(ctx, kind, THE_ONE, &row))
        return reply_ok(ctx, row.definition);
    return ctx_failed(ctx) ? reply_error(ctx) : reply_ok(ctx, usual);
}

struct reply search_put_stop_words(struct ctx *ctx, const struct put_stop_words_in *in)
{
    struct definition_row row;
    return words_are_few(ctx, in->body->words, in->body->n_words, 1) &&
                   definition_put(ctx, DEFINITION_STOP_WORDS, THE_ONE,
                                  stop_words_put_encode(ctx, in->body), &row)
               ? reply_ok(ctx, row.definition)
               : reply_error(ctx);
}

struct reply search_get_stop_words(struct ctx *ctx, const struct get_stop_words_in *in)
{
    return reply_stored(ctx, DEFINITION_STOP_WORDS, STR("{\"words\":[]}"));
}

static bool boosts_check(struct ctx *ctx, const struct ranking_put *ranking)
{
    for (size_t i = 0; i < ranking->n_boosts; i++) {
        enum column column = column_named(ranking->boosts[i].facet);
        if (column == N_COLUMNS || !columns[column].facet)
            return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "/boosts/%zu/facet", i),
                               "there is no facet \"" STR_FMT "\"",
                               STR_ARG(ranking->boosts[i].facet));
    }
    return true;
}

struct reply search_put_ranking(struct ctx *ctx, const struct put_ranking_in *in)
{
    struct definition_row row;
    return boosts_check(ctx, in->body) && definition_put(ctx, DEFINITION_RANKING, THE_ONE,
                                                         ranking_put_encode(ctx, in->body), &row)
               ? reply_ok(ctx, row.definition)
               : reply_error(ctx);
}

struct reply search_get_ranking(struct ctx *ctx, const struct get_ranking_in *in)
{
    struct ranking_put usual = ranking_usual();
    return reply_stored(ctx, DEFINITION_RANKING, ranking_put_encode(ctx, &usual));
}
