/* One search under way: what is asked, with what is defined, of the index as it is now. */
#pragma once

#include "services/search/query.h"
#include "services/search/search.h"

struct finding {
    struct ctx *ctx;
    const struct snapshot *snapshot;
    struct lmdb_read read;
    struct query query;
    struct match match;
    struct match_weights weights;
    struct match_hit *pinned; /* in their order */
    size_t n_pinned;
    struct str next_cursor; /* ptr NULL: there is no more */
};

/* Use with CLEANUP(finding_done); `index` must stay in use for as long. */
bool finding_begin(struct ctx *ctx, const struct model_use *index, struct finding *out);
void finding_done(struct finding *finding);

/* Filters, facets and order of the match stand. Makes a page of `limit` hits: match.hits, match.total. */
bool finding_run(struct finding *finding, struct str text, struct str cursor, size_t limit);
