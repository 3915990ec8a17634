/* What GET of something published answered, kept in memory until what is shown changes: no SQL for what was asked before.
 * Thread-safe. */
#pragma once

#include "base/ctx.h"

struct shown_cache;

/* `most_bytes`: what it holds at most. `shared`: other processes write to the database too; what they publish is seen
 * FRESHNESS_LATE_US later at most (platform/sql/freshness.h). */
struct shown_cache *shown_cache_new(size_t most_bytes, bool shared);
void shown_cache_free(struct shown_cache *cache); /* NULL-safe */

/* This process has committed something (sql_on_commit): the next look waits for shown_cache_meet. */
void shown_cache_doubt(void *cache);

/* Before the first statement of a read: a mark. Then its revision, read in the same snapshot as what will be put. */
int64_t shown_cache_mark(struct shown_cache *cache);
void shown_cache_meet(struct shown_cache *cache, int64_t mark, int64_t revision);

struct shown_answer {
    struct str etag, body; /* both ptr NULL: nothing is shown there */
};

/* The answer for a key, copied into ctx's arena. False: not there, or somebody must meet the database first. */
bool shown_cache_get(struct ctx *ctx, struct shown_cache *cache, struct str key,
                     struct shown_answer *out);

/* Keeps what was read at that revision, unless a later one has been met. */
void shown_cache_put(struct shown_cache *cache, int64_t revision, struct str key,
                     const struct shown_answer *answer);
