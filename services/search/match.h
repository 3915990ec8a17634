/* Finding: documents that have all of some groups of terms, filtered, counted by facets, the best kept. */
#pragma once

#include "services/search/index.h"

/* How good it is that a document has one of a group's terms, rather than the word as it was typed. */
enum match_class {
    MATCH_TYPED,
    MATCH_SYNONYM,
    MATCH_PREFIX,
    MATCH_ONE_EDIT,
    MATCH_TWO_EDITS,
    N_MATCH_CLASSES
};

struct match_part { /* the postings of a term in a chunk */
    uint32_t chunk;
    enum match_class class;
    struct str postings;
};

struct match_group {
    struct match_part *parts; /* sorted by chunk */
    size_t n;
    int64_t documents; /* that have any of it, counted once for each term */
};

/* Of one column, what is let through: of a facet some ordinals, of a number a range. */
struct match_filter {
    enum column column;
    const uint8_t
        *ordinals; /* a byte for each up to n_ordinals: is it let through? NULL: the range counts */
    uint32_t n_ordinals, least, most;
};

struct match_facet {
    enum column column;
    uint32_t *counts; /* by ordinal */
    uint32_t n;       /* counts has n + 1 */
    int filter;       /* the filter on the same column, or -1 */
};

#define MATCH_BOOSTS 20
/* What a document's columns add to 1; its text score is multiplied by the sum. */
struct match_weights {
    double fields[3]; /* by enum analysis_field */
    double popularity, freshness;
    struct {
        enum column column;
        uint32_t ordinal;
        double weight;
    } boosts[MATCH_BOOSTS];
    size_t n_boosts;
};

struct match_hit {
    uint32_t score, number;
};

/* What a pin says of a document: it is no hit; where it is not hidden it is counted all the same. */
struct match_exception {
    uint32_t number;
    bool hidden, matched; /* matched: it was among what was found */
};

/* How hits are in order. What has no price comes last; of one day the better text first. */
enum match_order { MATCH_BY_SCORE, MATCH_CHEAPEST, MATCH_DEAREST, MATCH_NEWEST };

struct match {
    /* asked */
    struct match_group *groups;
    size_t n_groups;
    const struct match_group
        *without; /* what has any of these is not found; parts as they were gathered */
    size_t n_without;
    enum match_order order;
    const struct match_filter *filters;
    size_t n_filters; /* at most 31 */
    struct match_facet *facets;
    size_t n_facets;
    const struct match_weights *weights;
    struct match_exception *exceptions; /* sorted by number */
    size_t n_exceptions;
    int64_t now_us;
    bool after; /* only hits behind this one */
    struct match_hit behind;
    bool any; /* one is enough: only whether there is any */
    /* found */
    struct match_hit *hits; /* room for `most`, the best first */
    size_t n_hits, most;
    int64_t total;
    bool seen; /* a document that only a filter keeps out */
};

/* Do the filters let this document through? */
bool match_lets_through(const struct lmdb_read *read, const struct match *match, uint32_t number);

void match_run(const struct lmdb_read *read, struct arena *arena, struct match *match);
