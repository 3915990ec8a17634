/* What a document is found by: its terms, each with a value. Pure. */
#pragma once

#include "base/arena.h"

/* A term is a kind and a word: 'w' the word itself, 'p' its first letters (up to PREFIX_MOST), 'a' alone any document. */
#define TERM_WORD 'w'
#define TERM_PREFIX 'p'
#define TERM_ANY 'a'
#define PREFIX_MOST 3 /* longer ones are few enough words to be read one by one */

/* Where a word stands, the best first. */
enum analysis_field { FIELD_OF_TITLE, FIELD_OF_KEYWORDS, FIELD_OF_TEXT, N_ANALYSIS_FIELDS };

/* A value holds the best field that the word stands in, and how much of that field it makes up (1 to 63: BM25's saturation
 * of its number and the field's length). Higher is better. */
static inline enum analysis_field value_field(uint8_t value)
{
    return (enum analysis_field)(3 - (value >> 6));
}
static inline int value_level(uint8_t value)
{
    return value & 63;
}
#define VALUE_LEVEL_MOST 63
static inline uint8_t value_make(enum analysis_field field, int level)
{
    return (uint8_t)((3 - (int)field) << 6 | level);
}

struct term {
    struct str key;
    uint8_t value;
};

/* Sorted by key, each once. `fields` are texts, by enum analysis_field. */
struct term *analyse(struct arena *arena, const struct str fields[N_ANALYSIS_FIELDS], size_t *n);

/* The first `chars` characters of well-formed UTF-8. */
struct str first_chars(struct str text, size_t chars);
