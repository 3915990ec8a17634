/* The topics of a broker: folders that come and go as a whole, and their partitions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "services/broker/log.h"
#include "services/broker/map.h"
#include "services/broker/topic_config.h"

#define TOPIC_NAME_MOST 249
#define TOPIC_PARTITIONS_MOST 1000
#define PARTITIONS_MOST 100000 /* of all topics: some kilobytes of memory each */

struct topics;
struct topic;

/* Somebody who waits for more in a partition (a fetch). */
struct watcher {
    struct watcher *next, **at; /* at NULL: not in a list */
    void (*wake)(struct watcher *watcher);
};

struct partition {
    struct topic *topic;
    int32_t number;
    struct log *log;
    struct watcher *watchers;
};

enum topic_state { TOPIC_MAKING, TOPIC_READY, TOPIC_GOING };

struct topic {
    struct str name; /* ends in NUL */
    char generation[GENERATION_BYTES]; /* new whenever a topic of this name is made */
    enum topic_state state;
    struct topic_config config;
    int32_t n_partitions;
    struct partition **partitions; /* with logs when TOPIC_READY */
    bool growing;
    char *folder;
};

/* Called on the loop when a topic is made, grown or gone, durably. */
struct topic_waiter {
    struct topic_waiter *next;
    void (*done)(struct topic_waiter *waiter, enum kafka_error error);
};

/* Opens all topics under `folder`; removes what was half made or half deleted. */
struct topics *topics_open(struct ctx *ctx, struct log_env *env, const char *folder,
                           int64_t segment_bytes);
void topics_free(struct topics *topics); /* nothing may be under way; NULL-safe */

/* The topic that can be used, or NULL. */
struct topic *topic_get(const struct topics *topics, struct str name);
struct partition *partition_get(const struct topics *topics, struct str name, int32_t number);

/* Also those being made or deleted: for "does it exist". */
struct topic *topic_find(const struct topics *topics, struct str name);

/* for (size_t at = 0; (topic = topic_next(topics, &at));) also gives those being made or
 * deleted. */
struct topic *topic_next(const struct topics *topics, size_t *at);
size_t topics_count(const struct topics *topics);
bool topics_are_changing(const struct topics *topics); /* one is being made or deleted */
int64_t topics_segment_bytes(const struct topics *topics);

/* May it be the name of a topic: 1 to 249 of [a-zA-Z0-9._-], not "." or ".."? */
bool topic_name_is_valid(struct str name);

/* Is there room for so many partitions more? */
bool topics_have_room(const struct topics *topics, int32_t n_partitions);

/* Starts making a topic (valid name, not there, room). The waiter may be NULL. */
struct topic *topic_make(struct topics *topics, struct str name, int32_t n_partitions,
                         const struct topic_config *config, struct topic_waiter *waiter);

/* Starts adding partitions to a topic that is ready and is not growing yet, up to `n`. */
void topic_grow(struct topics *topics, struct topic *topic, int32_t n, struct topic_waiter *waiter);

/* Starts deleting a topic that is ready. Its fetches are woken, its appends refused. */
void topic_delete(struct topics *topics, struct topic *topic, struct topic_waiter *waiter);

/* Ends segments and lets go what is past its time or size, of some partitions; the next call goes
 * on where there is more. */
void topics_retain(struct topics *topics, int64_t now_ms);

void watcher_add(struct partition *partition, struct watcher *watcher);
void watcher_drop(struct watcher *watcher); /* fine when it is in no list */
void partition_wake(struct partition *partition);
