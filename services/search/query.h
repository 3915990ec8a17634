/* A search, from words to hits. */
#pragma once

#include "services/search/definitions.h"
#include "services/search/dictionary.h"
#include "services/search/match.h"

#define QUERY_WORDS 16   /* more are not looked for; those of phrases count too */
#define QUERY_NEAR 20    /* spellings that are tried for a word */
#define QUERY_SYNONYMS 8 /* entries of synonyms that a word may be a part of */

struct query_word {
    struct str folded; /* or a phrase: its words, a space between two */
    bool exact;        /* it was quoted: as it was typed and no other way */
    bool begun;        /* the last one: it may go on */
    /* What may stand for it, or for it and its neighbours: who has all of their words or any of these is found. */
    const struct synonym_entry *synonyms[QUERY_SYNONYMS];
    size_t n_synonyms;
    bool corrected;
    struct near_word near[QUERY_NEAR]; /* tried too */
    size_t n_near;
};

struct query {
    struct query_word words[QUERY_WORDS];
    size_t n;
    struct str without[QUERY_WORDS]; /* words and phrases that are not to be in what is found */
    size_t n_without;
    struct query_phrase *phrases; /* that were looked for already (query.c) */
};

/* What is looked for: without stop words, unless there is nothing else; the last word is taken for begun. What stands in
 * quotes is a phrase; a quote alone parts words. What a minus sign stands before is to be without. Any bytes will do. */
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
