/* What of a text was looked for, as HTML: escaped, the words in <mark>. Pure. */
#pragma once

#include "base/arena.h"

struct highlight_word {
    struct str folded; /* or several next to each other, a space between two */
    bool begun;        /* words that begin like it too */
};

/* All of the text. */
struct str highlight(struct arena *arena, struct str text, const struct highlight_word *words,
                     size_t n);

/* The part of a long text around the first word; ptr NULL when none is in it. */
struct str highlight_part(struct arena *arena, struct str text, const struct highlight_word *words,
                          size_t n);
