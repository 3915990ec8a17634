/* The words of a document in their order, 4 bytes each: where phrases are looked for. Pure. A word is the hash of its folded
 * form: a document that has all the words of a phrase is taken for one that has the phrase by mistake where another word
 * of it has the same hash, 1 in 2^32. */
#pragma once

#include "services/search/analysis.h"

struct sequence_text {
    enum analysis_field field;
    struct str text;
};

/* No phrase goes from one text into the next. */
struct str sequence_make(struct arena *arena, const struct sequence_text *texts, size_t n);

/* A folded word as it stands in a sequence. */
uint32_t sequence_word(struct str folded);

/* Are these words (at least one) next to each other in it? *field: the first where they are. */
bool sequence_has(struct str sequence, const uint32_t *words, size_t n, enum analysis_field *field);
