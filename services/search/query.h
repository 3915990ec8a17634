/* A search, from words to hits. */
#pragma once

#include "services/search/definitions.h"
#include "services/search/dictionary.h"
#include "services/search/match.h"

#define QUERY_WORDS 16 /* more are not looked for */
#define QUERY_NEAR 20  /* spellings that are tried for a word */

struct query_word {
    struct str folded;
    bool begun;                           /* the last one: it may go on */
    const struct synonym_entry *synonyms; /* NULL: none */
    bool corrected;
    struct near_word near[QUERY_NEAR]; /* tried too */
    size_t n_near;
};

struct query {
    struct query_word words[QUERY_WORDS];
    size_t n;
};

/* The words that are looked for: without stop words, unless there are no others; the last one is taken for begun. Any
 * bytes will do. */
void query_read(struct arena *arena, struct str text, const struct snapshot *snapshot,
                struct query *out);

/* Makes the groups of the match and runs it. A word that nobody has as it was typed is looked for in other spellings, and
 * all are when nothing has all of
 * them. */
void query_run(const struct lmdb_read *read, struct arena *arena, struct query *query,
               struct match *match);

/* `filter=` and `locale=` of a request. False with INVALID at query/filter. */
bool filters_read(struct ctx *ctx, const struct lmdb_read *read, const struct str *texts, size_t n,
                  struct str locale, struct match *match);

/* `facets=`, after the filters. False with INVALID at query/facets. */
bool facets_read(struct ctx *ctx, const struct lmdb_read *read, const struct str *names, size_t n,
                 struct match *match);

/* N_COLUMNS when there is none of this name. */
enum column column_named(struct str name);
