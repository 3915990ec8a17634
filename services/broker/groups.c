#include "services/broker/groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "services/broker/groups_private.h"

const char *group_state_name(enum group_state state)
{
    static const char *const names[] = { [GROUP_EMPTY] = "Empty",
                                         [GROUP_PREPARING] = "PreparingRebalance",
                                         [GROUP_COMPLETING] = "CompletingRebalance",
                                         [GROUP_STABLE] = "Stable" };
    return names[state];
}

void groups_init(struct groups *groups, struct loop *loop, struct broker_stats *stats,
                 int32_t gather_ms)
{
    *groups = (struct groups){ .loop = loop, .stats = stats, .gather_ms = gather_ms };
}

struct group *group_find(const struct groups *groups, struct str name)
{
    return name.ptr ? map_get(&groups->by_name, name) : NULL;
}

static struct group *group_new(struct groups *groups, struct str name)
{
    struct group *group = mem_alloc(sizeof(*group));
    group->groups = groups;
    group->name = text_copy(name);
    group->rebalance.fire = rebalance_is_due;
    map_put(&groups->by_name, group->name, group);
    groups->stats->groups++;
    return group;
}

static void group_free(struct group *group)
{
    timer_stop(group->groups->loop, &group->rebalance);
    free((char *)group->name.ptr);
    free((char *)group->protocol_type.ptr);
    free(group);
}

void group_drop_if_unused(struct group *group)
{
    if (group->state != GROUP_EMPTY || group->n_members || group->pending)
        return;
    map_take(&group->groups->by_name, group->name);
    group->groups->stats->groups--;
    group_free(group);
}

void groups_clear(struct groups *groups)
{
    struct group *group;
    for (size_t at = 0; (group = map_next(&groups->by_name, &at));) {
        while (group->members)
            member_remove(group, group->members, KAFKA_COORDINATOR_NOT_AVAILABLE);
        while (group->pending)
            member_remove(group, group->pending, KAFKA_COORDINATOR_NOT_AVAILABLE);
        group_free(group);
    }
    map_clear(&groups->by_name);
    groups->stats->groups = 0;
}

/* Lost: its session ran out, or it leaves. */
static void member_lose(struct member *member)
{
    struct group *group = member->group;
    bool was_in = member_find(group->members, member->id) != NULL;
    member_remove(group, member, KAFKA_UNKNOWN_MEMBER_ID);
    if (was_in && group->state == GROUP_PREPARING)
        rebalance_check(group);
    else if (was_in)
        rebalance_start(group);
    group_drop_if_unused(group);
}

static void session_is_over(struct timer *timer)
{
    member_lose(CONTAINER_OF(timer, struct member, session));
}

static struct member *member_new(struct group *group, const struct join *join)
{
    struct member *member = mem_alloc(sizeof(*member));
    member->group = group;
    member->client_id = text_copy(join->client_id);
    member->host = text_copy(join->host);
    char id[ID_UUID_BYTES];
    id_uuid7(id);
    size_t n = MIN(join->client_id.len, 200);
    char *text = mem_alloc(n + 1 + sizeof(id));
    if (n)
        memcpy(text, join->client_id.ptr, n);
    text[n] = '-';
    memcpy(text + n + 1, id, sizeof(id));
    member->id = str_of(text);
    member->session.fire = session_is_over;
    return member;
}

/* What the request says of the member. */
static void member_update(struct member *member, const struct join *join)
{
    protocols_free(member);
    member->session_ms = join->session_ms;
    member->rebalance_ms = join->rebalance_ms;
    member->n_protocols = join->n_protocols;
    member->protocols = mem_alloc(join->n_protocols * sizeof(struct protocol));
    for (size_t i = 0; i < join->n_protocols; i++)
        member->protocols[i] = (struct protocol){ text_copy(join->protocols[i].name),
                                                  text_copy(join->protocols[i].metadata) };
}

static bool same_protocols(const struct member *member, const struct join *join)
{
    if (member->n_protocols != join->n_protocols)
        return false;
    for (size_t i = 0; i < join->n_protocols; i++)
        if (!str_eq(member->protocols[i].name, join->protocols[i].name) ||
            !str_eq(member->protocols[i].metadata, join->protocols[i].metadata))
            return false;
    return true;
}

/* One of the protocols must be known to every other member. */
static bool protocols_fit(const struct group *group, const struct join *join)
{
    if (group->n_members == 0)
        return true;
    if (!str_eq(group->protocol_type, join->protocol_type))
        return false;
    for (size_t i = 0; i < join->n_protocols; i++) {
        bool all = true;
        for (const struct member *member = group->members; member && all; member = member->next)
            all = str_eq(member->id, join->member_id) ||
                  member_supports(member, join->protocols[i].name);
        if (all)
            return true;
    }
    return false;
}

static enum kafka_error join_check(const struct groups *groups, const struct group *group,
                                   struct str name, const struct join *join)
{
    if (!name.len)
        return KAFKA_INVALID_GROUP_ID;
    if (join->session_ms < SESSION_LEAST_MS || join->session_ms > SESSION_MOST_MS)
        return KAFKA_INVALID_SESSION_TIMEOUT;
    if (!join->n_protocols || !join->protocol_type.len)
        return KAFKA_INCONSISTENT_GROUP_PROTOCOL;
    if (!group)
        return join->member_id.len ? KAFKA_UNKNOWN_MEMBER_ID
               : groups->by_name.n >= GROUPS_MOST ? KAFKA_GROUP_MAX_SIZE_REACHED
                                                  : KAFKA_NONE;
    if (join->member_id.len && !member_find(group->members, join->member_id) &&
        !member_find(group->pending, join->member_id))
        return KAFKA_UNKNOWN_MEMBER_ID;
    if (!join->member_id.len && group->n_members + group->n_pending >= GROUP_MEMBERS_MOST)
        return KAFKA_GROUP_MAX_SIZE_REACHED;
    return protocols_fit(group, join) ? KAFKA_NONE : KAFKA_INCONSISTENT_GROUP_PROTOCOL;
}

/* Gives a first join its id; the member is expected to come again with it within its session
 * time. */
static void join_give_id(struct group *group, struct join *join)
{
    struct member *member = member_new(group, join);
    member->session_ms = join->session_ms;
    member->next = group->pending;
    group->pending = member;
    group->n_pending++;
    session_restart(member);
    join->done(join, KAFKA_MEMBER_ID_REQUIRED, group, member);
}

/* The member takes part in the rebalance, and its request waits for the end of it. */
static void join_wait(struct member *member, struct join *join)
{
    struct group *group = member->group;
    if (member->join)
        member_answer_join(member, KAFKA_REBALANCE_IN_PROGRESS);
    member_update(member, join);
    if (group->state != GROUP_PREPARING)
        rebalance_start(group);
    member->join = join;
    member->joined = true;
    join->member = member;
    timer_stop(group->groups->loop, &member->session);
    rebalance_check(group);
}

static void join_new(struct group *group, struct join *join)
{
    struct member *member = member_find(group->pending, join->member_id);
    if (member)
        member_unlink(group, member);
    else
        member = member_new(group, join);
    if (!group->n_members) {
        free((char *)group->protocol_type.ptr);
        group->protocol_type = text_copy(join->protocol_type);
    }
    member_append(group, member);
    join_wait(member, join);
}

/* One who is in joins again: to rebalance, or because the answer to the last join was lost. */
static void join_again(struct member *member, struct join *join)
{
    struct group *group = member->group;
    bool same = same_protocols(member, join);
    bool answered_before = (group->state == GROUP_COMPLETING && same) ||
                           (group->state == GROUP_STABLE && same && member != group->leader);
    if (!answered_before) {
        join_wait(member, join);
        return;
    }
    session_restart(member);
    join->done(join, KAFKA_NONE, group, member);
}

void group_join(struct groups *groups, struct str name, struct join *join)
{
    struct group *group = group_find(groups, name);
    enum kafka_error error = join_check(groups, group, name, join);
    join->member = NULL;
    if (error) {
        join->done(join, error, group, NULL);
        return;
    }
    if (!group)
        group = group_new(groups, name);
    struct member *member = join->member_id.len ? member_find(group->members, join->member_id)
                                                : NULL;
    if (!join->member_id.len && join->id_first)
        join_give_id(group, join);
    else if (member)
        join_again(member, join);
    else
        join_new(group, join);
}

/* The member, when it is in this generation. */
static enum kafka_error find_in_generation(const struct group *group, struct str member_id,
                                           int32_t generation, struct member **member)
{
    *member = group ? member_find(group->members, member_id) : NULL;
    if (!*member)
        return KAFKA_UNKNOWN_MEMBER_ID;
    return generation == group->generation ? KAFKA_NONE : KAFKA_ILLEGAL_GENERATION;
}

/* The leader's word: everyone gets what it says, and nothing where it says nothing. */
static void assign(struct group *group, const struct sync *sync)
{
    for (struct member *member = group->members; member; member = member->next) {
        struct str assignment = { "", 0 };
        for (size_t i = 0; i < sync->n_assignments; i++)
            if (str_eq(sync->assignments[i].name, member->id))
                assignment = sync->assignments[i].metadata;
        free((char *)member->assignment.ptr);
        member->assignment = text_copy(assignment.ptr ? assignment : STR(""));
    }
    group->state = GROUP_STABLE;
    timer_stop(group->groups->loop, &group->rebalance);
    for (struct member *member = group->members; member; member = member->next)
        if (member->sync)
            member_answer_sync(member, KAFKA_NONE);
}

void group_sync(struct groups *groups, struct str name, struct sync *sync)
{
    struct group *group = group_find(groups, name);
    struct member *member;
    sync->member = NULL;
    enum kafka_error error = find_in_generation(group, sync->member_id, sync->generation, &member);
    if (!error && group->state == GROUP_PREPARING)
        error = KAFKA_REBALANCE_IN_PROGRESS;
    if (error) {
        sync->done(sync, error, (struct str){ "", 0 });
        return;
    }
    session_restart(member);
    if (group->state == GROUP_STABLE) {
        sync->done(sync, KAFKA_NONE, member->assignment);
        return;
    }
    if (member->sync)
        member_answer_sync(member, KAFKA_REBALANCE_IN_PROGRESS);
    member->sync = sync;
    sync->member = member;
    timer_stop(groups->loop, &member->session);
    if (member == group->leader)
        assign(group, sync);
}

enum kafka_error group_heartbeat(struct groups *groups, struct str name, struct str member_id,
                                 int32_t generation)
{
    struct group *group = group_find(groups, name);
    struct member *member;
    enum kafka_error error = find_in_generation(group, member_id, generation, &member);
    if (error)
        return error;
    if (!member->join && !member->sync)
        session_restart(member);
    return group->state == GROUP_PREPARING ? KAFKA_REBALANCE_IN_PROGRESS : KAFKA_NONE;
}

enum kafka_error group_leave(struct groups *groups, struct str name, struct str member_id)
{
    struct group *group = group_find(groups, name);
    struct member *member = group ? member_find(group->members, member_id) : NULL;
    if (group && !member)
        member = member_find(group->pending, member_id);
    if (!member)
        return KAFKA_UNKNOWN_MEMBER_ID;
    member_lose(member);
    return KAFKA_NONE;
}

enum kafka_error group_may_commit(struct groups *groups, struct str name, struct str member_id,
                                  int32_t generation)
{
    struct group *group = group_find(groups, name);
    if (!name.len)
        return KAFKA_INVALID_GROUP_ID;
    if (generation < 0 && (!group || group->n_members == 0))
        return KAFKA_NONE;
    struct member *member;
    enum kafka_error error = find_in_generation(group, member_id, generation, &member);
    if (error)
        return error;
    if (group->state == GROUP_COMPLETING)
        return KAFKA_REBALANCE_IN_PROGRESS;
    if (!member->join && !member->sync)
        session_restart(member);
    return KAFKA_NONE;
}

void join_cancel(struct join *join)
{
    struct member *member = join->member;
    if (!member)
        return;
    member->join = NULL;
    session_restart(member);
}

void sync_cancel(struct sync *sync)
{
    struct member *member = sync->member;
    if (!member)
        return;
    member->sync = NULL;
    session_restart(member);
}
