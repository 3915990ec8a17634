#include <stdlib.h>

#include "services/search/finding.h"
#include "services/search/highlight.h"
#include "search_contract.h"

#define SUGGESTED_HITS 5
#define SUGGESTED_WORDS 8
#define TRIED_WORDS 24 /* completions that are looked at: of some nothing has the words before */
#define FACET_VALUES 100
#define SYNONYMS_SHOWN 50 /* of one word, in highlights */
#define HIGHLIGHT_WORDS (QUERY_WORDS * (1 + QUERY_NEAR + SYNONYMS_SHOWN))

static size_t highlight_words(const struct query *query, struct highlight_word *out)
{
    size_t n = 0;
    for (size_t i = 0; i < query->n; i++) {
        const struct query_word *word = &query->words[i];
        size_t shown = 0;
        out[n++] = (struct highlight_word){ word->folded, word->begun };
        for (size_t s = 0; s < word->n_synonyms; s++)
            for (size_t k = 0; k < word->synonyms[s]->n && shown < SYNONYMS_SHOWN; k++, shown++)
                out[n++] = (struct highlight_word){ word->synonyms[s]->words[k], false };
        for (size_t k = 0; k < word->n_near; k++)
            out[n++] = (struct highlight_word){ word->near[k].word, false };
    }
    return n;
}

static bool hits_make(struct finding *finding, struct hit *out)
{
    struct arena *arena = finding->ctx->arena;
    struct highlight_word *words = ARENA_ARRAY(arena, struct highlight_word, HIGHLIGHT_WORDS);
    size_t n = highlight_words(&finding->query, words);
    for (size_t i = 0; i < finding->match.n_hits; i++) {
        struct match_hit hit = finding->match.hits[i];
        struct document document;
        if (!index_document(finding->ctx, &finding->read, hit.number, &document))
            return ctx_fail(finding->ctx, ERR_INTERNAL, "reading document %u", hit.number);
        out[i] = (struct hit){ .document_id = document.document_id,
                               .type = document.type,
                               .title = document.title,
                               .slug = document.slug,
                               .locale = document.locale,
                               .category = document.category,
                               .subcategory = document.subcategory,
                               .price = document.price,
                               .score = hit.score };
        out[i].highlights.title = highlight(arena, document.title, words, n);
        out[i].highlights.text = highlight_part(arena, document.text, words, n);
    }
    return true;
}

static int most_first(const void *a, const void *b)
{
    const struct facet_value *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return str_cmp(x->value, y->value);
}

static void facets_make(struct finding *finding, struct facet *out)
{
    struct arena *arena = finding->ctx->arena;
    for (size_t i = 0; i < finding->match.n_facets; i++) {
        const struct match_facet *facet = &finding->match.facets[i];
        struct facet_value *values = ARENA_ARRAY(arena, struct facet_value, facet->n + 1);
        size_t n = 0;
        for (uint32_t ordinal = 1; ordinal <= facet->n; ordinal++)
            if (facet->counts[ordinal])
                values[n++] = (struct facet_value){ facet_value(&finding->read, arena,
                                                                facet->column, ordinal),
                                                    facet->counts[ordinal] };
        qsort(values, n, sizeof *values, most_first);
        out[i] = (struct facet){ .facet = str_of(columns[facet->column].name),
                                 .values = values,
                                 .n_values = MIN(n, FACET_VALUES) };
    }
}

static size_t corrections_make(struct finding *finding, struct correction *out)
{
    size_t n = 0;
    for (size_t i = 0; i < finding->query.n; i++) {
        const struct query_word *word = &finding->query.words[i];
        if (!word->n_near)
            continue;
        struct str *instead = ARENA_ARRAY(finding->ctx->arena, struct str, word->n_near);
        for (size_t k = 0; k < word->n_near; k++)
            instead[k] = arena_str(finding->ctx->arena, word->near[k].word);
        out[n++] = (struct correction){ word->folded, instead, word->n_near };
    }
    return n;
}

static const enum match_order orders[] = { [SEARCH_SORT_RELEVANCE] = MATCH_BY_SCORE,
                                           [SEARCH_SORT_PRICE_ASC] = MATCH_CHEAPEST,
                                           [SEARCH_SORT_PRICE_DESC] = MATCH_DEAREST,
                                           [SEARCH_SORT_NEWEST] = MATCH_NEWEST };

struct reply search_search(struct ctx *ctx, const struct search_in *in)
{
    CLEANUP(model_done) struct model_use index = service_model(ctx);
    CLEANUP(finding_done) struct finding finding = { 0 };
    struct match *match = &finding.match;
    if (!finding_begin(ctx, &index, &finding) ||
        !filters_read(ctx, &finding.read, in->filter, in->n_filter, in->locale, match) ||
        !facets_read(ctx, &finding.read, in->facets, in->n_facets, match))
        return reply_error(ctx);
    match->order = orders[in->sort];
    if (!finding_run(&finding, in->q, in->cursor, (size_t)in->limit))
        return reply_error(ctx);
    struct hit *hits = ARENA_ARRAY(ctx->arena, struct hit, match->n_hits + 1);
    struct facet *facets = ARENA_ARRAY(ctx->arena, struct facet, match->n_facets + 1);
    struct correction *corrections = ARENA_ARRAY(ctx->arena, struct correction, QUERY_WORDS);
    struct search_result result = { .items = hits,
                                    .n_items = match->n_hits,
                                    .total = match->total,
                                    .facets = facets,
                                    .n_facets = match->n_facets,
                                    .corrections = corrections,
                                    .n_corrections = corrections_make(&finding, corrections),
                                    .next_cursor = finding.next_cursor };
    if (!hits_make(&finding, hits))
        return reply_error(ctx);
    facets_make(&finding, facets);
    return reply_ok(ctx, search_result_encode(ctx, &result));
}

/* ---- suggestions ---- */

/* Is there anything with the words before the last one and this one? */
static bool goes_with(const struct finding *finding, const struct query *query, struct str word)
{
    struct ctx *ctx = finding->ctx;
    struct query asked = *query;
    struct match match = {
        .weights = &finding->weights,
        .filters = finding->match.filters,
        .n_filters = finding->match.n_filters,
        .any = true,
    };
    for (size_t i = 0; i < asked.n; i++)
        asked.words[i].corrected = true; /* other spellings are those that were found already */
    asked.words[asked.n - 1] = (struct query_word){ .folded = word, .corrected = true };
    query_run(&finding->read, ctx->arena, &asked, &match);
    return match.total > 0;
}

static size_t completions_make(const struct finding *finding, struct str *out)
{
    const struct query *query = &finding->query;
    struct near_word tried[TRIED_WORDS];
    size_t n = 0;
    if (query->n == 0 || query->words[query->n - 1].exact)
        return 0;
    struct str last = query->words[query->n - 1].folded, before = STR("");
    for (size_t i = 0; i + 1 < query->n; i++) {
        const char *quote = query->words[i].exact ? "\"" : "";
        before = arena_printf(finding->ctx->arena, STR_FMT "%s" STR_FMT "%s ", STR_ARG(before),
                              quote, STR_ARG(query->words[i].folded), quote);
    }
    size_t n_tried = dictionary_completions(&finding->read, last, tried, COUNT(tried));
    for (size_t i = 0; i < n_tried && n < SUGGESTED_WORDS; i++)
        if (goes_with(finding, query, tried[i].word))
            out[n++] = arena_printf(finding->ctx->arena, STR_FMT STR_FMT, STR_ARG(before),
                                    STR_ARG(tried[i].word));
    return n;
}

struct reply search_suggest(struct ctx *ctx, const struct suggest_in *in)
{
    CLEANUP(model_done) struct model_use index = service_model(ctx);
    CLEANUP(finding_done) struct finding finding = { 0 };
    struct hit hits[SUGGESTED_HITS];
    struct str completions[SUGGESTED_WORDS];
    if (!finding_begin(ctx, &index, &finding) ||
        !filters_read(ctx, &finding.read, NULL, 0, in->locale, &finding.match) ||
        !finding_run(&finding, in->q, (struct str){ NULL, 0 }, SUGGESTED_HITS) ||
        !hits_make(&finding, hits))
        return reply_error(ctx);
    struct suggestions suggestions = { .completions = completions,
                                       .n_completions = completions_make(&finding, completions),
                                       .items = hits,
                                       .n_items = finding.match.n_hits };
    return reply_ok(ctx, suggestions_encode(ctx, &suggestions));
}

struct reply search_get_document(struct ctx *ctx, const struct get_document_in *in)
{
    CLEANUP(model_done) struct model_use index = service_model(ctx);
    CLEANUP(finding_done) struct finding finding = { 0 };
    struct document document;
    uint32_t number;
    if (!finding_begin(ctx, &index, &finding))
        return reply_error(ctx);
    if (!index_find(&finding.read, ctx->arena, in->document_id, &number)) {
        ctx_fail(ctx, ERR_NOT_FOUND, "nothing with this id can be found");
        return reply_error(ctx);
    }
    return index_document(ctx, &finding.read, number, &document)
               ? reply_ok(ctx, document_encode(ctx, &document))
               : reply_error(ctx);
}
