#include "services/search/analysis.h"

#include <stdlib.h>

#include "base/hash.h"
#include "platform/text/words.h"

#define SLOTS_AT_FIRST 64
/* BM25: how soon more of a word counts no more, and how much a field's length does. */
#define K1 1.2
#define B 0.75
static const double usual_words[N_ANALYSIS_FIELDS] = { 8, 4, 100 };

struct entry {
    struct str word; /* ptr NULL: free */
    uint32_t times[N_ANALYSIS_FIELDS];
};

/* Words by hash, open addressing. */
struct counts {
    struct arena *arena;
    struct entry *slots;
    size_t n_slots, n;
    uint32_t words[N_ANALYSIS_FIELDS];
};

static struct entry *slot_of(struct counts *counts, struct str word)
{
    size_t at = hash_fnv1a(word.ptr, word.len) & (counts->n_slots - 1);
    while (counts->slots[at].word.ptr && !str_eq(counts->slots[at].word, word))
        at = (at + 1) & (counts->n_slots - 1);
    return &counts->slots[at];
}

static void grow(struct counts *counts)
{
    struct counts larger = *counts;
    larger.n_slots = counts->n_slots ? counts->n_slots * 4 : SLOTS_AT_FIRST;
    larger.slots = ARENA_ARRAY(counts->arena, struct entry, larger.n_slots);
    for (size_t i = 0; i < counts->n_slots; i++)
        if (counts->slots[i].word.ptr)
            *slot_of(&larger, counts->slots[i].word) = counts->slots[i];
    *counts = larger;
}

static void count_words(struct counts *counts, enum analysis_field field, struct str text)
{
    struct words words = words_of(text);
    struct word word;
    while (words_next(&words, &word)) {
        if (counts->n * 2 >= counts->n_slots)
            grow(counts);
        struct entry *entry = slot_of(counts, word.folded);
        if (!entry->word.ptr) {
            entry->word = arena_str(counts->arena, word.folded);
            counts->n++;
        }
        entry->times[field]++;
        counts->words[field]++;
    }
}

static uint8_t value_of(const struct counts *counts, const struct entry *entry)
{
    int field = 0;
    while (!entry->times[field])
        field++;
    double times = entry->times[field], words = counts->words[field];
    double part = times / (times + K1 * (1 - B + B * words / usual_words[field]));
    return value_make((enum analysis_field)field, MAX(1, (int)(part * VALUE_LEVEL_MOST)));
}

struct str first_chars(struct str text, size_t chars)
{
    size_t at = 0;
    while (at < text.len && (chars || ((unsigned char)text.ptr[at] & 0xc0) == 0x80))
        chars -= ((unsigned char)text.ptr[at++] & 0xc0) != 0x80;
    return (struct str){ text.ptr, at };
}

static struct term term_of(struct arena *arena, char kind, struct str word, uint8_t value)
{
    char *key = arena_alloc_raw(arena, word.len + 1);
    key[0] = kind;
    memcpy(key + 1, word.ptr, word.len);
    return (struct term){ { key, word.len + 1 }, value };
}

static int by_key_best_first(const void *a, const void *b)
{
    const struct term *x = a, *y = b;
    int order = str_cmp(x->key, y->key);
    return order ? order : (int)y->value - (int)x->value;
}

struct term *analyse(struct arena *arena, const struct str fields[N_ANALYSIS_FIELDS], size_t *n)
{
    struct counts counts = { .arena = arena };
    for (int field = 0; field < N_ANALYSIS_FIELDS; field++)
        count_words(&counts, (enum analysis_field)field, fields[field]);
    struct term *terms = ARENA_ARRAY(arena, struct term, counts.n * (1 + PREFIX_MOST) + 1);
    size_t all = 0, kept = 0;
    terms[all++] = term_of(arena, TERM_ANY, STR(""), UINT8_MAX);
    for (size_t i = 0; i < counts.n_slots; i++) {
        const struct entry *entry = &counts.slots[i];
        if (!entry->word.ptr)
            continue;
        uint8_t value = value_of(&counts, entry);
        size_t chars = str_utf8_length(entry->word);
        terms[all++] = term_of(arena, TERM_WORD, entry->word, value);
        for (size_t k = 1; k <= MIN(chars, PREFIX_MOST); k++)
            terms[all++] = term_of(arena, TERM_PREFIX, first_chars(entry->word, k), value);
    }
    qsort(terms, all, sizeof *terms, by_key_best_first);
    for (size_t i = 0; i < all; i++)
        if (kept == 0 || !str_eq(terms[kept - 1].key, terms[i].key))
            terms[kept++] = terms[i];
    *n = kept;
    return terms;
}
