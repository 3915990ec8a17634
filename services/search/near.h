/* How far two words are apart: insertions, deletions, replacements, and neighbours that changed places (Damerau's distance,
 * optimal string alignment), over characters. Pure. */
#pragma once

#include "platform/text/words.h"

struct letters {
    uint32_t c[WORD_MOST_CHARS];
    size_t n;
    uint32_t mask; /* of the letters that occur: one bit each, shared by some */
};

/* Of well-formed UTF-8; what is beyond WORD_MOST_CHARS is left out. */
struct letters letters_of(struct str word);

/* How many edits a word of so many characters may have. */
int edits_allowed(size_t chars);

/* Cheap and never wrong about a no: may the words be within so many edits? `prefix`: b may go on. */
bool may_be_near(uint32_t a_mask, uint32_t b_mask, int edits, bool prefix);

/* The distance, or edits + 1 where it is more. `prefix`: from a to the beginning of b that is nearest. */
int distance(const struct letters *a, const struct letters *b, int edits, bool prefix);
