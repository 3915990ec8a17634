#include "services/search/match.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "services/search/analysis.h"
#include "services/search/popularity.h"
#include "services/search/tables.h"

#define BEST_TEXT                                                                                  \
    50000 /* the score of a document whose words all match as well as can be: fits 16 bits */
#define MOST_SCORE 4e9
#define FRESH_HALF_DAYS 30.0
#define TOGETHER 64 /* documents that are looked at at once: in the processor's wide registers */
#define FRESH_DAYS 512 /* older is not fresh at all */

static const double class_weight[N_MATCH_CLASSES] = { [MATCH_TYPED] = 1,
                                                      [MATCH_SYNONYM] = 0.9,
                                                      [MATCH_PREFIX] = 0.8,
                                                      [MATCH_ONE_EDIT] = 0.6,
                                                      [MATCH_TWO_EDITS] = 0.4 };

static int by_chunk(const void *a, const void *b)
{
    const struct match_part *x = a, *y = b;
    return (x->chunk > y->chunk) - (x->chunk < y->chunk);
}

static int by_documents(const void *a, const void *b)
{
    const struct match_group *x = a, *y = b;
    return (x->documents > y->documents) - (x->documents < y->documents);
}

/* ---- scoring ---- */

struct run {
    struct match *match;
    const struct lmdb_read *read;
    uint16_t (*scores)[N_MATCH_CLASSES][256]; /* by group */
    size_t *at, *without_at;                  /* by group: the next part */
    uint16_t *text, *group;                   /* by document of the chunk */
    struct column_part filters[32], facets[N_COLUMNS], boosts[MATCH_BOOSTS], popularity, day, price;
    float popular[POPULARITY_LEVELS], fresh[FRESH_DAYS];
    uint32_t today;
    double most_factor;
    uint32_t least; /* score of a text that may still be among the best */
    size_t exception;
};

/* The rarer a group's terms are, the more they count; together they reach BEST_TEXT. */
static void scores_make(struct run *run, uint32_t numbers)
{
    const struct match *match = run->match;
    double rarity[32], all = 0, best_field = 0;
    for (size_t i = 0; i < COUNT(match->weights->fields); i++)
        best_field = MAX(best_field, match->weights->fields[i]);
    for (size_t g = 0; g < match->n_groups; g++) {
        rarity[g] = log(1 + (numbers + 1.0) / ((double)match->groups[g].documents + 1));
        all += rarity[g];
    }
    for (size_t g = 0; g < match->n_groups; g++)
        for (int class = 0; class < N_MATCH_CLASSES; class ++)
            for (int value = 1; value < 256; value++) {
                int field = MIN((int)value_field((uint8_t)value), 2);
                double score = BEST_TEXT * rarity[g] / all * class_weight[class] *
                               match->weights->fields[field] / MAX(best_field, 1e-9) *
                               value_level((uint8_t)value) / VALUE_LEVEL_MOST;
                run->scores[g][class][value] = (uint16_t)MAX(score, 1);
            }
}

static void weights_make(struct run *run)
{
    const struct match_weights *weights = run->match->weights;
    run->today = (uint32_t)MAX(run->match->now_us / US_PER_DAY, 0);
    run->most_factor = 1 + weights->popularity + weights->freshness;
    for (size_t i = 0; i < weights->n_boosts; i++)
        run->most_factor += MAX(weights->boosts[i].weight, 0);
    if (weights->popularity > 0)
        for (uint32_t level = 0; level < POPULARITY_LEVELS; level++)
            run->popular[level] =
                (float)(weights->popularity * popularity_now(level, run->match->now_us));
    if (weights->freshness > 0)
        for (int days = 0; days < FRESH_DAYS; days++)
            run->fresh[days] = (float)(weights->freshness * exp2(-days / FRESH_HALF_DAYS));
}

/* ---- one chunk ---- */

static void group_best(struct run *run, size_t g, uint32_t chunk, uint16_t *best)
{
    const struct match_group *group = &run->match->groups[g];
    memset(best, 0, CHUNK_DOCS * sizeof *best);
    for (; run->at[g] < group->n && group->parts[run->at[g]].chunk == chunk; run->at[g]++) {
        const struct match_part *part = &group->parts[run->at[g]];
        postings_best(part->postings, run->scores[g][part->class], best);
    }
}

/* The next chunk, from this one on, that all groups have parts of. */
static bool chunk_next(struct run *run, uint32_t *chunk)
{
    for (size_t g = 0; g < run->match->n_groups;) {
        const struct match_group *group = &run->match->groups[g];
        while (run->at[g] < group->n && group->parts[run->at[g]].chunk < *chunk)
            run->at[g]++;
        if (run->at[g] == group->n)
            return false;
        uint32_t found = group->parts[run->at[g]].chunk;
        g = found == *chunk ? g + 1 : 0;
        *chunk = found;
    }
    return true;
}

static void text_scores(struct run *run, uint32_t chunk)
{
    group_best(run, 0, chunk, run->text);
    for (size_t g = 1; g < run->match->n_groups; g++) {
        group_best(run, g, chunk, run->group);
        for (size_t doc = 0; doc < CHUNK_DOCS; doc++)
            run->text[doc] = run->text[doc] && run->group[doc]
                                 ? (uint16_t)(run->text[doc] + run->group[doc])
                                 : 0;
    }
}

/* What has any of what it should be without has no score. */
static void without_drop(struct run *run, uint32_t chunk)
{
    for (size_t g = 0; g < run->match->n_without; g++) {
        const struct match_group *group = &run->match->without[g];
        size_t *at = &run->without_at[g];
        while (*at < group->n && group->parts[*at].chunk < chunk)
            ++*at;
        if (*at == group->n || group->parts[*at].chunk > chunk)
            continue;
        uint8_t values[CHUNK_DOCS];
        postings_values(group->parts[*at].postings, values);
        for (size_t doc = 0; doc < CHUNK_DOCS; doc++)
            run->text[doc] = values[doc] ? 0 : run->text[doc];
    }
}

static void parts_find(struct run *run, uint32_t chunk)
{
    const struct match *match = run->match;
    for (size_t i = 0; i < match->n_filters; i++)
        run->filters[i] = column_part(run->read, match->filters[i].column, chunk);
    for (size_t i = 0; i < match->n_facets; i++)
        run->facets[i] = column_part(run->read, match->facets[i].column, chunk);
    for (size_t i = 0; i < match->weights->n_boosts; i++)
        run->boosts[i] = column_part(run->read, match->weights->boosts[i].column, chunk);
    run->popularity = column_part(run->read, COLUMN_POPULARITY, chunk);
    run->day = column_part(run->read, COLUMN_DAY, chunk);
    run->price = column_part(run->read, COLUMN_PRICE, chunk);
}

static bool lets_through(const struct match_filter *filter, uint32_t value)
{
    return filter->ordinals ? value < filter->n_ordinals && filter->ordinals[value]
                            : value >= filter->least && value <= filter->most;
}

/* A bit for each filter that does not let it through. */
static uint32_t filters_failed(const struct run *run, size_t doc)
{
    uint32_t failed = 0;
    for (size_t i = 0; i < run->match->n_filters; i++)
        if (!lets_through(&run->match->filters[i], column_at(&run->filters[i], doc)))
            failed |= 1u << i;
    return failed;
}

/* A facet counts what its own filter alone keeps out. */
static void facets_count(struct run *run, size_t doc, uint32_t failed)
{
    for (size_t i = 0; i < run->match->n_facets; i++) {
        struct match_facet *facet = &run->match->facets[i];
        if (failed && (facet->filter < 0 || failed != 1u << facet->filter))
            continue;
        uint32_t ordinal = column_at(&run->facets[i], doc);
        if (ordinal <= facet->n)
            facet->counts[ordinal]++;
    }
}

static uint32_t score_of(const struct run *run, size_t doc)
{
    const struct match_weights *weights = run->match->weights;
    double factor = 1;
    if (weights->popularity > 0)
        factor += run->popular[column_at(&run->popularity, doc) % POPULARITY_LEVELS];
    if (weights->freshness > 0) {
        uint32_t day = column_at(&run->day, doc), age = day < run->today ? run->today - day : 0;
        factor += age < FRESH_DAYS ? run->fresh[age] : 0;
    }
    for (size_t i = 0; i < weights->n_boosts; i++)
        if (column_at(&run->boosts[i], doc) == weights->boosts[i].ordinal)
            factor += weights->boosts[i].weight;
    return (uint32_t)MIN(MAX(run->text[doc] * factor, 0), MOST_SCORE);
}

/* By what it is in order, the highest first. */
static uint32_t rank_of(const struct run *run, size_t doc)
{
    uint32_t price = column_at(&run->price, doc), day = column_at(&run->day, doc);
    switch (run->match->order) {
    case MATCH_BY_SCORE:
        return score_of(run, doc);
    case MATCH_CHEAPEST:
        return price ? UINT32_MAX - price : 0;
    case MATCH_DEAREST:
        return price;
    case MATCH_NEWEST:
        return MIN(day, UINT16_MAX) << 16 | run->text[doc];
    }
    return 0;
}

/* ---- the best ---- */

static bool is_before(struct match_hit a, struct match_hit b)
{
    return a.score != b.score ? a.score > b.score : a.number < b.number;
}

/* A heap with the worst at its top. */
static void sink(struct match_hit *hits, size_t n, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_before(hits[child], hits[child + 1]))
            child++;
        if (!is_before(hits[at], hits[child]))
            return;
        struct match_hit moved = hits[at];
        hits[at] = hits[child];
        hits[child] = moved;
    }
}

static void keep(struct run *run, struct match_hit hit)
{
    struct match *match = run->match;
    if (match->after && !is_before(match->behind, hit))
        return;
    if (match->n_hits < match->most) {
        match->hits[match->n_hits++] = hit;
        if (match->n_hits == match->most)
            for (size_t i = match->most; i-- > 0;)
                sink(match->hits, match->most, i);
    } else if (match->most && is_before(hit, match->hits[0])) {
        match->hits[0] = hit;
        sink(match->hits, match->most, 0);
    }
    if (match->order == MATCH_BY_SCORE && match->most && match->n_hits == match->most)
        run->least = (uint32_t)(match->hits[0].score / run->most_factor);
}

/* Whatever its columns say, with a lower score of its text it is not among the best. */
static void consider(struct run *run, uint32_t chunk, size_t doc)
{
    if (run->text[doc] >= run->least)
        keep(run, (struct match_hit){ rank_of(run, doc), chunk * CHUNK_DOCS + (uint32_t)doc });
}

/* Documents are asked for in their order. */
static struct match_exception *exception_of(struct run *run, uint32_t number)
{
    const struct match *match = run->match;
    while (run->exception < match->n_exceptions &&
           match->exceptions[run->exception].number < number)
        run->exception++;
    bool is_one = run->exception < match->n_exceptions &&
                  match->exceptions[run->exception].number == number;
    return is_one ? &match->exceptions[run->exception] : NULL;
}

static void take(struct run *run, uint32_t chunk, size_t doc)
{
    struct match *match = run->match;
    uint32_t number = chunk * CHUNK_DOCS + (uint32_t)doc;
    struct match_exception *exception = match->n_exceptions ? exception_of(run, number) : NULL;
    if (exception && exception->hidden)
        return;
    uint32_t failed = match->n_filters ? filters_failed(run, doc) : 0;
    if (match->n_facets)
        facets_count(run, doc, failed);
    match->seen |= failed != 0;
    if (failed)
        return;
    match->total++;
    if (exception) {
        exception->matched = true;
        return;
    }
    consider(run, chunk, doc);
}

static void take_each(struct run *run, uint32_t chunk)
{
    for (size_t doc = 0; doc < CHUNK_DOCS; doc += 4) {
        uint64_t four;
        memcpy(&four, run->text + doc, sizeof four);
        for (size_t i = doc; four && i < doc + 4; i++)
            if (run->text[i])
                take(run, chunk, i);
    }
}

/* Where nothing but the text is asked of a document: most are only counted, some at a time. */
static void take_plainly(struct run *run, uint32_t chunk)
{
    for (size_t from = 0; from < CHUNK_DOCS; from += TOGETHER) {
        const uint16_t *text = run->text + from;
        uint16_t best = 0, n = 0;
        for (size_t i = 0; i < TOGETHER; i++) {
            best = MAX(best, text[i]);
            n = (uint16_t)(n + (text[i] != 0));
        }
        run->match->total += n;
        for (size_t i = 0; best && best >= run->least && i < TOGETHER; i++)
            if (text[i])
                consider(run, chunk, from + i);
    }
}

static void take_chunk(struct run *run, uint32_t chunk)
{
    const struct match *match = run->match;
    parts_find(run, chunk);
    if (match->n_filters || match->n_facets || match->n_exceptions)
        take_each(run, chunk);
    else
        take_plainly(run, chunk);
}

static int best_first(const void *a, const void *b)
{
    const struct match_hit *x = a, *y = b;
    return is_before(*x, *y) ? -1 : is_before(*y, *x);
}

bool match_lets_through(const struct lmdb_read *read, const struct match *match, uint32_t number)
{
    for (size_t i = 0; i < match->n_filters; i++) {
        struct column_part part = column_part(read, match->filters[i].column, number / CHUNK_DOCS);
        if (!lets_through(&match->filters[i], column_at(&part, number % CHUNK_DOCS)))
            return false;
    }
    return true;
}

void match_run(const struct lmdb_read *read, struct arena *arena, struct match *match)
{
    struct run *run = ARENA_NEW(arena, struct run);
    run->match = match;
    run->read = read;
    run->at = ARENA_ARRAY(arena, size_t, match->n_groups);
    run->without_at = ARENA_ARRAY(arena, size_t, match->n_without);
    run->text = ARENA_ARRAY(arena, uint16_t, CHUNK_DOCS);
    run->group = ARENA_ARRAY(arena, uint16_t, CHUNK_DOCS);
    run->scores = arena_alloc(arena, match->n_groups * sizeof *run->scores);
    run->least = match->most ? 0 : UINT32_MAX;
    match->n_hits = 0;
    match->total = 0;
    match->seen = false;
    qsort(match->groups, match->n_groups, sizeof *match->groups, by_documents);
    for (size_t g = 0; g < match->n_groups; g++)
        if (match->groups[g].n)
            qsort(match->groups[g].parts, match->groups[g].n, sizeof(struct match_part), by_chunk);
    scores_make(run, index_numbers(read));
    weights_make(run);
    for (uint32_t chunk = 0; chunk_next(run, &chunk); chunk++) {
        text_scores(run, chunk);
        without_drop(run, chunk);
        take_chunk(run, chunk);
        if (match->any && match->total)
            break;
    }
    if (match->n_hits)
        qsort(match->hits, match->n_hits, sizeof *match->hits, best_first);
}
