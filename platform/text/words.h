/* The words of a text as a search compares them: Unicode letters and digits, without case and accents. Stands on
 * utf8proc. */
#pragma once

#include "base/arena.h"

#define WORD_MOST_CHARS 40 /* of a word's folded form; what is beyond is left out of it */
#define WORD_MOST_BYTES (WORD_MOST_CHARS * 4)

struct words {
    struct str text;
    size_t at; /* of the first byte that was not looked at */
    char folded[WORD_MOST_BYTES + 1];
};

struct word {
    struct str
        folded;   /* lower case, compatible forms and accents folded (NFKD); until the next call */
    size_t chars; /* of the folded form */
    size_t from, to; /* bytes of the text that it is made of */
};

/* Any bytes will do: what is not UTF-8 parts words. */
struct words words_of(struct str text);

/* The next word, from left to right: letters, digits and marks in a row; an apostrophe inside joins ("men's" is "mens").
 * Scripts that do not part words (Han, kana) give each character as one. False at the end. */
bool words_next(struct words *words, struct word *out);
