/* Postings: which documents of a chunk have a term, and how well. Pure. A chunk is CHUNK_DOCS documents in a row; each has a
 * value from 1 to 255 (analysis.h says of what), 0 is none. Few are kept as numbers and values, many as a row of values. */
#pragma once

#include "base/arena.h"

#define CHUNK_DOCS 8192

struct posting {
    uint16_t doc;  /* within the chunk */
    uint8_t value; /* 0: it has the term no more */
};

/* The postings with the changes (sorted by document, each once) made; len 0: none are left. *delta: by how many documents
 * there are more. Text without bytes stands for none. */
struct str postings_change(struct arena *arena, struct str postings, const struct posting *changes,
                           size_t n, int *delta);

size_t postings_count(struct str postings);

/* best[doc] = max(best[doc], scores[value]) for each of them. */
void postings_best(struct str postings, const uint16_t scores[256], uint16_t best[CHUNK_DOCS]);

/* values[doc] = its value, 0 where it has the term not. */
void postings_values(struct str postings, uint8_t values[CHUNK_DOCS]);
