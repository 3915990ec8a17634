#include "services/search/sequence.h"

#include "base/hash.h"
#include "platform/text/words.h"

/* A number below N_ANALYSIS_FIELDS begins a text of that field. */
uint32_t sequence_word(struct str folded)
{
    uint64_t hash = hash_fnv1a(folded.ptr, folded.len);
    uint32_t number = (uint32_t)(hash ^ hash >> 32);
    return number < N_ANALYSIS_FIELDS ? number + N_ANALYSIS_FIELDS : number;
}

struct str sequence_make(struct arena *arena, const struct sequence_text *texts, size_t n)
{
    size_t most = 0, all = 0;
    for (size_t i = 0; i < n; i++)
        most += 1 + texts[i].text.len; /* a word has at least one byte */
    uint32_t *numbers = arena_alloc_raw(arena, most * sizeof *numbers + 1);
    for (size_t i = 0; i < n; i++) {
        struct words words = words_of(texts[i].text);
        struct word word;
        numbers[all++] = texts[i].field;
        while (words_next(&words, &word))
            numbers[all++] = sequence_word(word.folded);
    }
    return (struct str){ (const char *)numbers, all * sizeof *numbers };
}

static uint32_t number_at(struct str sequence, size_t i)
{
    uint32_t number;
    memcpy(&number, sequence.ptr + i * sizeof number, sizeof number);
    return number;
}

static bool goes_on(struct str sequence, size_t at, const uint32_t *words, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (number_at(sequence, at + i) != words[i])
            return false;
    return true;
}

bool sequence_has(struct str sequence, const uint32_t *words, size_t n, enum analysis_field *field)
{
    size_t all = sequence.len / sizeof *words;
    uint32_t in = FIELD_OF_TEXT;
    for (size_t i = 0; i + n <= all; i++) {
        uint32_t number = number_at(sequence, i);
        if (number < N_ANALYSIS_FIELDS) {
            in = number;
        } else if (number == words[0] && goes_on(sequence, i, words, n)) {
            *field = (enum analysis_field)in;
            return true;
        }
    }
    return false;
}
