/* Consumer groups: who is in, which generation, who has which partitions. The classic protocol
 * (join, sync, heartbeat, leave), in memory: after a restart members are unknown and join again;
 * what they committed is durable (offsets.h). Needs only a loop for its timers, so that tests
 * drive it without sockets. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "services/broker/codes.h"
#include "services/broker/loop.h"
#include "services/broker/map.h"
#include "services/broker/stats.h"

#define GROUP_MEMBERS_MOST 1000
#define GROUPS_MOST 10000
#define SESSION_LEAST_MS 1000
#define SESSION_MOST_MS (30 * 60 * 1000)

enum group_state { GROUP_EMPTY, GROUP_PREPARING, GROUP_COMPLETING, GROUP_STABLE };

struct protocol {
    struct str name, metadata;
};

struct group;
struct member;

/* A JoinGroup request. Lives until `done`; the texts may go when group_join() returns. */
struct join {
    struct str member_id, client_id, host, protocol_type;
    int32_t session_ms, rebalance_ms;
    bool id_first; /* a first join gets an id and has to come again with it (version 4) */
    const struct protocol *protocols;
    size_t n_protocols;
    struct member *member; /* the group's: while it waits */
    /* `group` and `member` are what is answered from; `member` is NULL on most errors. */
    void (*done)(struct join *join, enum kafka_error error, const struct group *group,
                 const struct member *member);
};

/* A SyncGroup request. */
struct sync {
    struct str member_id;
    int32_t generation;
    const struct protocol *assignments; /* of the leader: member id, assignment */
    size_t n_assignments;
    struct member *member;
    void (*done)(struct sync *sync, enum kafka_error error, struct str assignment);
};

struct member {
    struct member *next;
    struct group *group;
    struct str id, client_id, host; /* owned */
    int32_t session_ms, rebalance_ms;
    struct protocol *protocols; /* owned, in the order of its preference */
    size_t n_protocols;
    struct str assignment; /* owned */
    bool joined;           /* in the rebalance that is under way */
    struct join *join;     /* waits to be answered */
    struct sync *sync;
    struct timer session;
};

struct group {
    struct groups *groups;
    struct str name; /* owned */
    enum group_state state;
    int32_t generation;
    struct str protocol_type; /* owned; ptr NULL before the first member */
    const struct protocol
        *protocol; /* chosen, in the leader's list; NULL before the first generation */
    struct member *members, *leader; /* in the order in which they came */
    size_t n_members;
    struct member *pending; /* got an id, have not joined with it yet */
    size_t n_pending;
    bool gathering; /* the first members of an empty group are given a moment to come together */
    struct timer rebalance;
};

struct groups {
    struct loop *loop;
    struct broker_stats *stats;
    struct map by_name;
    int32_t gather_ms;
};

void groups_init(struct groups *groups, struct loop *loop, struct broker_stats *stats,
                 int32_t gather_ms);
void groups_clear(
    struct groups *groups); /* who waits is answered KAFKA_COORDINATOR_NOT_AVAILABLE */

struct group *group_find(const struct groups *groups, struct str name);

/* Answers through join->done, at once or when the rebalance is complete. */
void group_join(struct groups *groups, struct str name, struct join *join);

/* Answers through sync->done, at once or when the leader has sent the assignments. */
void group_sync(struct groups *groups, struct str name, struct sync *sync);

enum kafka_error group_heartbeat(struct groups *groups, struct str name, struct str member_id,
                                 int32_t generation);
enum kafka_error group_leave(struct groups *groups, struct str name, struct str member_id);

/* May this member commit offsets? Generation -1 without a member: only when the group has no
 * members. */
enum kafka_error group_may_commit(struct groups *groups, struct str name, struct str member_id,
                                  int32_t generation);

/* Who asked is gone: no answer is wanted any more. Its session goes on until it times out. */
void join_cancel(struct join *join);
void sync_cancel(struct sync *sync);

const char *group_state_name(enum group_state state);

/* The metadata of a member for the chosen protocol; empty when there is none. */
struct str member_metadata(const struct member *member);
