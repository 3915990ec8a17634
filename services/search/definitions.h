/* The definitions as searches use them: immutable, swapped as a whole. Readers take no lock. */
#pragma once

#include "base/ctx.h"
#include "search_types.h"

#define SYNONYM_WORDS 8 /* that a synonym is made of, at most */

struct synonym_entry {
    struct str word; /* folded, as all words here; or several, a space between two */
    const struct str *words; /* that it finds too */
    size_t n;
};

struct pin_entry {
    struct str query;                  /* its words, a space between two */
    const struct str *pinned, *hidden; /* ids of documents */
    size_t n_pinned, n_hidden;
};

struct snapshot {
    const struct synonym_entry *synonyms; /* by word */
    const struct str *stop_words;         /* sorted */
    const struct pin_entry *pins;         /* by query */
    size_t n_synonyms, n_stop_words, n_pins;
    struct ranking_put ranking;
};

struct definitions;

struct definitions *definitions_new(void);
void definitions_free(struct definitions *definitions); /* NULL-safe; after all readers are gone */

/* The snapshot of now; good for DEFINITIONS_GRACE_S, longer than any request may take. */
#define DEFINITIONS_GRACE_S 60
const struct snapshot *definitions_now(const struct definitions *definitions);

bool snapshot_is_stop_word(const struct snapshot *snapshot, struct str word);
const struct synonym_entry *snapshot_synonyms(const struct snapshot *snapshot,
                                              struct str words); /* NULL: none */
const struct pin_entry *snapshot_pin(const struct snapshot *snapshot,
                                     struct str query); /* NULL: none */

/* Reads all definitions (ctx->sql) into a new snapshot when the revision has moved. One thread. */
bool definitions_refresh(struct ctx *ctx, struct definitions *definitions);

/* The words of a text, folded, a space between two: how a query is named in a definition. */
struct str words_folded(struct arena *arena, struct str text, size_t *n);

/* How it is ranked when nobody has said anything. */
struct ranking_put ranking_usual(void);
