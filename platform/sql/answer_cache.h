/* Answers of reads, kept in memory until what they show changes: no SQL for what was asked before. What they show has a
 * revision in the database (platform/sql/freshness.h). Thread-safe. */
#pragma once

#include "base/ctx.h"

struct answer_cache;

/* `most_bytes`: what it holds at most. `shared`: other processes write to the database too; what they change is seen
 * FRESHNESS_LATE_US later at most (platform/sql/freshness.h). */
struct answer_cache *answer_cache_new(size_t most_bytes, bool shared);
void answer_cache_free(struct answer_cache *cache); /* NULL-safe */

/* This process has committed something (sql_on_commit): the next look waits for answer_cache_meet. */
void answer_cache_doubt(void *cache);

/* Before the first statement of a read: a mark. Then its revision, read in the same snapshot as what will be put. */
int64_t answer_cache_mark(struct answer_cache *cache);
void answer_cache_meet(struct answer_cache *cache, int64_t mark, int64_t revision);

struct kept_answer {
    struct str etag, body; /* both ptr NULL: nothing is there */
};

/* The answer for a key, copied into ctx's arena. False: not there, or somebody must meet the database first. */
bool answer_cache_get(struct ctx *ctx, struct answer_cache *cache, struct str key,
                      struct kept_answer *out);

/* Keeps what was read at that revision, unless a later one has been met. */
void answer_cache_put(struct answer_cache *cache, int64_t revision, struct str key,
                      const struct kept_answer *answer);
