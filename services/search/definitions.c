#include "services/search/definitions.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/text/words.h"
#include "services/search/store.h"

/* A snapshot and all it points to live in one arena. */
struct held {
    struct snapshot snapshot;
    struct arena *arena;
    struct held *older;
    int64_t retired_us; /* monotonic */
};

struct definitions {
    _Atomic(struct held *) now;
    struct held *retired; /* the refreshing thread's */
    int64_t revision;
};

struct ranking_put ranking_usual(void)
{
    return (struct ranking_put){
        .title = 1, .keywords = 0.6, .text = 0.3, .popularity = 0.3, .freshness = 0.05
    };
}

static struct held *held_new(void)
{
    struct arena *arena = arena_new(0);
    struct held *held = ARENA_NEW(arena, struct held);
    held->arena = arena;
    held->snapshot.ranking = ranking_usual();
    return held;
}

struct definitions *definitions_new(void)
{
    struct definitions *definitions = mem_alloc(sizeof(*definitions));
    atomic_store(&definitions->now, held_new());
    return definitions;
}

void definitions_free(struct definitions *definitions)
{
    if (!definitions)
        return;
    arena_free(atomic_load(&definitions->now)->arena);
    while (definitions->retired) {
        struct held *held = definitions->retired;
        definitions->retired = held->older;
        arena_free(held->arena);
    }
    free(definitions);
}

const struct snapshot *definitions_now(const struct definitions *definitions)
{
    return &atomic_load_explicit(&definitions->now, memory_order_acquire)->snapshot;
}

struct str words_folded(struct arena *arena, struct str text, size_t *n)
{
    struct words words = words_of(text);
    struct word word;
    struct str out = STR("");
    for (*n = 0; words_next(&words, &word); ++*n)
        out = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(out), *n ? " " : "",
                           STR_ARG(word.folded));
    return out;
}

/* ---- finding: each entry begins with its text ---- */

static int by_text(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

bool snapshot_is_stop_word(const struct snapshot *snapshot, struct str word)
{
    return snapshot->n_stop_words && bsearch(&word, snapshot->stop_words, snapshot->n_stop_words,
                                             sizeof(struct str), by_text);
}

const struct synonym_entry *snapshot_synonyms(const struct snapshot *snapshot, struct str words)
{
    return snapshot->n_synonyms ? bsearch(&words, snapshot->synonyms, snapshot->n_synonyms,
                                          sizeof(struct synonym_entry), by_text)
                                : NULL;
}

const struct pin_entry *snapshot_pin(const struct snapshot *snapshot, struct str query)
{
    return snapshot->n_pins ? bsearch(&query, snapshot->pins, snapshot->n_pins,
                                      sizeof(struct pin_entry), by_text)
                            : NULL;
}

/* ---- reading ---- */

/* A list that grows in an arena. */
struct list {
    char *items;
    size_t n, room;
};

static void *list_add(struct arena *arena, struct list *list, size_t bytes)
{
    if (list->n == list->room) {
        list->room = list->room ? list->room * 2 : 16;
        char *more = arena_alloc(arena, list->room * bytes);
        if (list->n)
            memcpy(more, list->items, list->n * bytes);
        list->items = more;
    }
    return list->items + list->n++ * bytes;
}

struct pair {
    struct str word, other;
};

struct reading {
    struct snapshot *snapshot;
    struct list pairs, pins;
};

static bool read_stop_words(struct ctx *ctx, const struct definition_row *row, void *argument)
{
    struct reading *reading = argument;
    struct stop_words_put put;
    const struct json *json = json_parse(ctx, row->definition);
    if (!json || !stop_words_put_read(ctx, json, &put))
        return false;
    struct str *words = ARENA_ARRAY(ctx->arena, struct str, put.n_words + 1);
    size_t n;
    for (size_t i = 0; i < put.n_words; i++)
        words[i] = words_folded(ctx->arena, put.words[i], &n);
    qsort(words, put.n_words, sizeof *words, by_text);
    reading->snapshot->stop_words = words;
    reading->snapshot->n_stop_words = put.n_words;
    return true;
}

static bool read_synonyms(struct ctx *ctx, const struct definition_row *row, void *argument)
{
    struct reading *reading = argument;
    struct synonyms_put put;
    const struct json *json = json_parse(ctx, row->definition);
    if (!json || !synonyms_put_read(ctx, json, &put))
        return false;
    for (size_t i = 0; i < (put.one_way ? MIN(put.n_words, 1) : put.n_words); i++)
        for (size_t k = 0; k < put.n_words; k++) {
            size_t n;
            if (i == k)
                continue;
            *(struct pair *)list_add(ctx->arena, &reading->pairs, sizeof(struct pair)) =
                (struct pair){ words_folded(ctx->arena, put.words[i], &n),
                               words_folded(ctx->arena, put.words[k], &n) };
        }
    return true;
}

static bool read_pin(struct ctx *ctx, const struct definition_row *row, void *argument)
{
    struct reading *reading = argument;
    struct pin_put put;
    size_t n;
    const struct json *json = json_parse(ctx, row->definition);
    if (!json || !pin_put_read(ctx, json, &put))
        return false;
    *(struct pin_entry *)list_add(ctx->arena, &reading->pins, sizeof(struct pin_entry)) =
        (struct pin_entry){ .query = words_folded(ctx->arena, put.query, &n),
                            .pinned = put.pinned,
                            .n_pinned = put.n_pinned,
                            .hidden = put.hidden,
                            .n_hidden = put.n_hidden };
    return true;
}

static bool read_ranking(struct ctx *ctx, const struct definition_row *row, void *argument)
{
    struct reading *reading = argument;
    const struct json *json = json_parse(ctx, row->definition);
    return json && ranking_put_read(ctx, json, &reading->snapshot->ranking);
}

static int by_pair(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = str_cmp(x->word, y->word);
    return order ? order : str_cmp(x->other, y->other);
}

/* Pairs become one entry for each word. */
static void group_pairs(struct arena *arena, struct reading *reading)
{
    struct pair *pairs = (struct pair *)reading->pairs.items;
    size_t n = reading->pairs.n, kept = 0;
    if (n == 0)
        return;
    qsort(pairs, n, sizeof *pairs, by_pair);
    struct synonym_entry *entries = ARENA_ARRAY(arena, struct synonym_entry, n);
    struct str *others = ARENA_ARRAY(arena, struct str, n);
    for (size_t i = 0; i < n; i++) {
        others[i] = pairs[i].other;
        if (kept == 0 || !str_eq(entries[kept - 1].word, pairs[i].word))
            entries[kept++] = (struct synonym_entry){ pairs[i].word, &others[i], 0 };
        entries[kept - 1].n++;
    }
    reading->snapshot->synonyms = entries;
    reading->snapshot->n_synonyms = kept;
}

/* By query; of several for one query the first by id is kept. */
static void sort_pins(struct reading *reading)
{
    struct pin_entry *pins = (struct pin_entry *)reading->pins.items;
    size_t kept = 0;
    for (size_t i = 0; i < reading->pins.n; i++) {
        bool known = false;
        for (size_t k = 0; k < kept && !known; k++)
            known = str_eq(pins[k].query, pins[i].query);
        if (!known)
            pins[kept++] = pins[i];
    }
    if (kept)
        qsort(pins, kept, sizeof *pins, by_text);
    reading->snapshot->pins = pins;
    reading->snapshot->n_pins = kept;
}

/* Into the arena of the snapshot; what went wrong into the caller's. */
static bool read_all(struct ctx *ctx, struct held *held)
{
    struct reading reading = { .snapshot = &held->snapshot };
    struct ctx own = *ctx;
    own.arena = held->arena;
    if (store_definitions_each(&own, DEFINITION_STOP_WORDS, read_stop_words, &reading) &&
        store_definitions_each(&own, DEFINITION_RANKING, read_ranking, &reading) &&
        store_definitions_each(&own, DEFINITION_SYNONYMS, read_synonyms, &reading) &&
        store_definitions_each(&own, DEFINITION_PIN, read_pin, &reading)) {
        group_pairs(held->arena, &reading);
        sort_pins(&reading);
        return true;
    }
    ctx->error = own.error;
    ctx->error.detail = arena_str(ctx->arena, own.error.detail);
    return false;
}

static void free_retired(struct definitions *definitions)
{
    int64_t before_us = clock_mono_us() - DEFINITIONS_GRACE_S * US_PER_S;
    for (struct held **at = &definitions->retired; *at;) {
        struct held *held = *at;
        if (held->retired_us > before_us) {
            at = &held->older;
            continue;
        }
        *at = held->older;
        arena_free(held->arena);
    }
}

bool definitions_refresh(struct ctx *ctx, struct definitions *definitions)
{
    int64_t revision;
    free_retired(definitions);
    if (!store_revision(ctx, &revision))
        return false;
    if (revision == definitions->revision)
        return true;
    struct held *fresh = held_new();
    if (!read_all(ctx, fresh)) {
        arena_free(fresh->arena);
        return false;
    }
    struct held *old = atomic_exchange(&definitions->now, fresh);
    old->retired_us = clock_mono_us();
    old->older = definitions->retired;
    definitions->retired = old;
    definitions->revision = revision;
    return true;
}
