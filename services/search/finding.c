#include "services/search/finding.h"

#include <stdlib.h>

#include "base/clock.h"

/* ---- what is asked ---- */

static void weights_read(struct finding *finding)
{
    const struct ranking_put *ranking = &finding->snapshot->ranking;
    struct match_weights *weights = &finding->weights;
    *weights =
        (struct match_weights){ .fields = { ranking->title, ranking->keywords, ranking->text },
                                .popularity = ranking->popularity,
                                .freshness = ranking->freshness };
    for (size_t i = 0; i < ranking->n_boosts && weights->n_boosts < MATCH_BOOSTS; i++) {
        enum column column = column_named(ranking->boosts[i].facet);
        uint32_t ordinal =
            facet_ordinal(&finding->read, finding->ctx->arena, column, ranking->boosts[i].value);
        if (!ordinal)
            continue;
        weights->boosts[weights->n_boosts].column = column;
        weights->boosts[weights->n_boosts].ordinal = ordinal;
        weights->boosts[weights->n_boosts++].weight = ranking->boosts[i].weight;
    }
}

#define CURSOR_PARTS 4

/* Those of hits by their score have no order: versions that know no other understand them. */
static size_t cursor_parts(const struct finding *finding)
{
    return finding->match.order == MATCH_BY_SCORE ? CURSOR_PARTS - 1 : CURSOR_PARTS;
}

/* score, number, when it was first asked (what is fresh or popular does not change from page to page), order. */
static bool cursor_read(struct finding *finding, struct str cursor)
{
    struct str parts[CURSOR_PARTS] = { [CURSOR_PARTS - 1] = STR("0") };
    int64_t score, number, now_us, order;
    struct match *match = &finding->match;
    if (!cursor.ptr)
        return true;
    if (!sql_cursor_parse(finding->ctx, cursor, parts, cursor_parts(finding)))
        return false;
    if (!str_to_int(parts[0], &score) || !str_to_int(parts[1], &number) ||
        !str_to_int(parts[2], &now_us) || !str_to_int(parts[3], &order) ||
        order != (int64_t)match->order)
        return ctx_fail_at(finding->ctx, ERR_INVALID, STR("query/cursor"),
                           "the cursor is not one that a search in this order gave");
    match->after = true;
    match->behind = (struct match_hit){ (uint32_t)score, (uint32_t)number };
    match->now_us = now_us;
    return true;
}

static struct str cursor_behind(struct finding *finding, struct match_hit hit)
{
    struct arena *arena = finding->ctx->arena;
    struct str parts[CURSOR_PARTS] = {
        arena_printf(arena, "%u", hit.score), arena_printf(arena, "%u", hit.number),
        arena_printf(arena, "%lld", (long long)finding->match.now_us),
        arena_printf(arena, "%d", finding->match.order)
    };
    return sql_cursor(arena, parts, cursor_parts(finding));
}

/* ---- pins ---- */

static int by_number(const void *a, const void *b)
{
    const struct match_exception *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static void exceptions_add(struct finding *finding, const struct str *ids, size_t n, bool hidden)
{
    struct match *match = &finding->match;
    for (size_t i = 0; i < n; i++) {
        uint32_t number;
        bool known = !index_find(&finding->read, finding->ctx->arena, ids[i], &number);
        for (size_t k = 0; k < match->n_exceptions && !known; k++)
            known = match->exceptions[k].number == number;
        if (known)
            continue;
        match->exceptions[match->n_exceptions++] =
            (struct match_exception){ .number = number, .hidden = hidden };
        if (!hidden && match_lets_through(&finding->read, match, number))
            finding->pinned[finding->n_pinned++] = (struct match_hit){ UINT32_MAX, number };
    }
}

static void pins_read(struct finding *finding, struct str text)
{
    size_t n;
    struct str query = words_folded(finding->ctx->arena, text, &n);
    const struct pin_entry *pin = snapshot_pin(finding->snapshot, query);
    if (!pin || finding->query.n_without) /* its words are not those that are looked for */
        return;
    size_t all = pin->n_hidden + pin->n_pinned;
    finding->match.exceptions = ARENA_ARRAY(finding->ctx->arena, struct match_exception, all);
    finding->pinned = ARENA_ARRAY(finding->ctx->arena, struct match_hit, all);
    exceptions_add(finding, pin->hidden, pin->n_hidden, true);
    if (finding->match.order == MATCH_BY_SCORE)
        exceptions_add(finding, pin->pinned, pin->n_pinned, false);
    qsort(finding->match.exceptions, finding->match.n_exceptions, sizeof(struct match_exception),
          by_number);
}

/* Those without the words are found besides. */
static void pins_count(struct finding *finding)
{
    struct match *match = &finding->match;
    for (size_t i = 0; i < finding->n_pinned; i++)
        for (size_t k = 0; k < match->n_exceptions; k++)
            if (match->exceptions[k].number == finding->pinned[i].number)
                match->total += !match->exceptions[k].matched;
}

/* Pinned ones come first, on the first page; what is behind its end waits for the next. */
static void page_make(struct finding *finding, size_t limit)
{
    struct match *match = &finding->match;
    size_t placed = match->after ? 0 : MIN(finding->n_pinned, limit);
    size_t n = MIN(match->n_hits, limit - placed);
    struct match_hit last = n ? match->hits[n - 1] : (struct match_hit){ UINT32_MAX, 0 };
    if (match->n_hits > n)
        finding->next_cursor = cursor_behind(finding, last);
    struct match_hit *hits = ARENA_ARRAY(finding->ctx->arena, struct match_hit, placed + n + 1);
    if (placed)
        memcpy(hits, finding->pinned, placed * sizeof *hits);
    if (n)
        memcpy(hits + placed, match->hits, n * sizeof *hits);
    match->hits = hits;
    match->n_hits = placed + n;
}

/* ---- its life ---- */

bool finding_begin(struct ctx *ctx, const struct model_use *index, struct finding *out)
{
    const struct search *app = ctx->app;
    *out = (struct finding){ .ctx = ctx, .snapshot = definitions_now(app->definitions) };
    return index_read_begin(ctx, index->model, &out->read);
}

void finding_done(struct finding *finding)
{
    lmdb_read_end(&finding->read);
}

bool finding_run(struct finding *finding, struct str text, struct str cursor, size_t limit)
{
    struct match *match = &finding->match;
    match->now_us = clock_now_us();
    if (!cursor_read(finding, cursor))
        return false;
    weights_read(finding);
    match->weights = &finding->weights;
    match->most = limit + 1; /* one more tells that there is more */
    match->hits = ARENA_ARRAY(finding->ctx->arena, struct match_hit, match->most);
    query_read(finding->ctx->arena, text, finding->snapshot, &finding->query);
    pins_read(finding, text);
    query_run(&finding->read, finding->ctx->arena, &finding->query, match);
    pins_count(finding);
    page_make(finding, limit);
    return true;
}
