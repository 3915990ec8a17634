/* The offsets that consumer groups commit, durable: a log of its own (groups/) of changes, and a
 * snapshot that lets old changes go. What is read is what is synced. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "services/broker/log.h"
#include "services/broker/map.h"

struct groups;
struct offsets;

struct committed {
    struct str key; /* topic, NUL, partition: its place in the map */
    struct str topic;
    int32_t partition;
    int32_t leader_epoch;
    int64_t offset;
    struct str metadata;
};

/* Changes on their way to the disk; `done` is called after the sync, or with an error. It frees
 * itself. */
struct offsets_change {
    struct append append;
    struct offsets *offsets;
    struct writer value;
    size_t count_at;
    int32_t count;
    void (*done)(void *owner, enum kafka_error error);
    void *owner;
};

struct offsets *offsets_open(struct ctx *ctx, struct log_env *env, const char *folder);
void offsets_free(struct offsets *offsets); /* nothing may be under way; NULL-safe */

/* What a group committed for a partition, or NULL. Valid until the loop goes on. */
const struct committed *offsets_get(const struct offsets *offsets, struct str group,
                                    struct str topic, int32_t partition);

/* All of a group: for (size_t at = 0; (one = offsets_next(offsets, group, &at));) */
const struct committed *offsets_next(const struct offsets *offsets, struct str group, size_t *at);
size_t offsets_n_groups(const struct offsets *offsets);
bool offsets_has_group(const struct offsets *offsets, struct str group);

/* for (size_t at = 0; offsets_next_group(offsets, &at, &group);) */
bool offsets_next_group(const struct offsets *offsets, size_t *at, struct str *group);

/* Commits: begin, add each partition, submit. With nothing added, submit answers at once. */
struct offsets_change *offsets_begin(struct offsets *offsets, struct str group,
                                     void (*done)(void *owner, enum kafka_error error),
                                     void *owner);
void offsets_add(struct offsets_change *change, const struct committed *committed);
void offsets_submit(struct offsets_change *change);

/* A group, or a topic in all groups, is forgotten. `done` may be NULL. */
void offsets_forget_group(struct offsets *offsets, struct str group,
                          void (*done)(void *, enum kafka_error), void *owner);
void offsets_forget_topic(struct offsets *offsets, struct str topic);

/* Forgets groups that had neither members nor commits for `keep_us` (0: none is); the time counts
 * anew from each start, since who was a member before it may still be on the way back. */
void offsets_expire(struct offsets *offsets, const struct groups *groups, int64_t keep_us,
                    int64_t now_us);

/* A checkpoint of its log, at a stop. */
void offsets_checkpoint(struct offsets *offsets);
void offsets_close_idle(struct offsets *offsets, int64_t before_us);
