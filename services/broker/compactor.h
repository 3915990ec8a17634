/* Which partition is compacted when: one at a time, so that memory and rate are those of one. First
 * what somebody waits for, then what is due. */
#pragma once

#include "services/broker/compaction.h"
#include "services/broker/topics.h"

struct compactor;

/* Somebody who wants all that a topic holds now to be compacted, at once. */
struct compact_wait {
    struct compact_wait *next, **at;
    struct compactor *compactor;
    struct str topic;   /* owned */
    char generation[GENERATION_BYTES];
    int64_t *until;     /* owned; of each partition */
    int32_t n;
    /* It is over; `why` says what went wrong, and is NULL when nothing did. */
    void (*done)(struct compact_wait *wait, const char *why);
};

struct compactor *compactor_new(struct log_env *env, struct topics *topics,
                                const struct compaction_limits *limits);
void compactor_free(struct compactor *compactor); /* nothing may be under way; NULL-safe */

/* Looks for what is due, where nothing is under way. */
void compactor_look(struct compactor *compactor);

/* Starts waiting; `topic` is ready and compacts. Ends in `done` or compact_wait_drop(). */
void compactor_ask(struct compactor *compactor, struct topic *topic, struct compact_wait *wait);
void compact_wait_drop(struct compact_wait *wait); /* fine when it does not wait */

/* No run begins any more, and what is under way ends soon. */
void compactor_stop(struct compactor *compactor);
bool compactor_is_busy(const struct compactor *compactor);
