/* The members of a group and the change from one generation to the next. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "services/broker/groups_private.h"

struct str text_copy(struct str text)
{
    if (!text.ptr)
        return text;
    char *copy = mem_alloc(text.len + 1);
    memcpy(copy, text.ptr, text.len);
    return (struct str){ copy, text.len };
}

struct member *member_find(struct member *list, struct str id)
{
    while (list && !str_eq(list->id, id))
        list = list->next;
    return list;
}

bool member_supports(const struct member *member, struct str protocol)
{
    for (size_t i = 0; i < member->n_protocols; i++)
        if (str_eq(member->protocols[i].name, protocol))
            return true;
    return false;
}

struct str member_metadata(const struct member *member)
{
    const struct protocol *chosen = member->group->protocol;
    for (size_t i = 0; chosen && i < member->n_protocols; i++)
        if (str_eq(member->protocols[i].name, chosen->name) && member->protocols[i].metadata.ptr)
            return member->protocols[i].metadata;
    return STR("");
}

void member_append(struct group *group, struct member *member)
{
    struct member **end = &group->members;
    while (*end)
        end = &(*end)->next;
    *end = member;
    member->next = NULL;
    group->n_members++;
}

static bool unlink_from(struct member **list, struct member *member)
{
    while (*list && *list != member)
        list = &(*list)->next;
    if (!*list)
        return false;
    *list = member->next;
    return true;
}

void member_unlink(struct group *group, struct member *member)
{
    if (unlink_from(&group->pending, member))
        group->n_pending--;
    else if (unlink_from(&group->members, member))
        group->n_members--;
    if (group->leader == member) {
        group->leader = NULL;
        group->protocol = NULL;
    }
}

void protocols_free(struct member *member)
{
    struct group *group = member->group;
    if (group->leader == member)
        group->protocol = NULL; /* it lies in the leader's list */
    for (size_t i = 0; i < member->n_protocols; i++) {
        free((char *)member->protocols[i].name.ptr);
        free((char *)member->protocols[i].metadata.ptr);
    }
    free(member->protocols);
    member->protocols = NULL;
    member->n_protocols = 0;
}

void member_answer_join(struct member *member, enum kafka_error error)
{
    struct join *join = member->join;
    member->join = NULL;
    join->member = NULL;
    join->done(join, error, member->group, member);
}

void member_answer_sync(struct member *member, enum kafka_error error)
{
    struct sync *sync = member->sync;
    member->sync = NULL;
    sync->member = NULL;
    session_restart(member);
    sync->done(sync, error, error ? STR("") : member->assignment);
}

void member_remove(struct group *group, struct member *member, enum kafka_error error)
{
    if (member->join)
        member_answer_join(member, error);
    if (member->sync)
        member_answer_sync(member, error);
    timer_stop(group->groups->loop, &member->session);
    protocols_free(member);
    member_unlink(group, member);
    free((char *)member->id.ptr);
    free((char *)member->client_id.ptr);
    free((char *)member->host.ptr);
    free((char *)member->assignment.ptr);
    free(member);
}

void session_restart(struct member *member)
{
    struct loop *loop = member->group->groups->loop;
    timer_set(loop, &member->session, loop_now_us(loop) + member->session_ms * US_PER_MS);
}

static int64_t longest_rebalance_ms(const struct group *group)
{
    int64_t longest = 0;
    for (const struct member *member = group->members; member; member = member->next)
        longest = MAX(longest, member->rebalance_ms);
    return longest;
}

static void due_in_ms(struct group *group, int64_t ms)
{
    struct loop *loop = group->groups->loop;
    timer_set(loop, &group->rebalance, loop_now_us(loop) + ms * US_PER_MS);
}

void rebalance_start(struct group *group)
{
    for (struct member *member = group->members; member; member = member->next) {
        member->joined = false;
        if (member->sync)
            member_answer_sync(member, KAFKA_REBALANCE_IN_PROGRESS);
    }
    group->gathering = group->state == GROUP_EMPTY && group->groups->gather_ms > 0;
    group->state = GROUP_PREPARING;
    due_in_ms(group, group->gathering ? group->groups->gather_ms : longest_rebalance_ms(group));
    rebalance_check(group);
}

/* How many members prefer `protocol` to the others that all support; -1 when somebody does not
 * support it. */
static int votes(const struct group *group, const struct protocol *protocol)
{
    for (const struct member *member = group->members; member; member = member->next)
        if (!member_supports(member, protocol->name))
            return -1;
    int n = 0;
    for (const struct member *member = group->members; member; member = member->next)
        n += str_eq(member->protocols[0].name, protocol->name);
    return n;
}

static const struct protocol *choose_protocol(const struct group *group)
{
    const struct member *leader = group->leader;
    const struct protocol *best = NULL;
    int most = -1;
    for (size_t i = 0; i < leader->n_protocols; i++) {
        int n = votes(group, &leader->protocols[i]);
        if (n > most) {
            most = n;
            best = &leader->protocols[i];
        }
    }
    return best;
}

/* The new generation: everybody is told, and the leader is waited for. */
static void rebalance_complete(struct group *group)
{
    for (struct member *member = group->members, *next; member; member = next) {
        next = member->next;
        if (!member->joined)
            member_remove(group, member, KAFKA_UNKNOWN_MEMBER_ID);
    }
    group->generation = group->generation == INT32_MAX ? 1 : group->generation + 1;
    group->groups->stats->rebalances++;
    group->gathering = false;
    timer_stop(group->groups->loop, &group->rebalance);
    if (!group->members) {
        group->state = GROUP_EMPTY;
        group->protocol = NULL;
        return;
    }
    if (!group->leader)
        group->leader = group->members;
    group->protocol = choose_protocol(group);
    group->state = GROUP_COMPLETING;
    due_in_ms(group, longest_rebalance_ms(group));
    for (struct member *member = group->members; member; member = member->next) {
        member->joined = false;
        session_restart(member);
        if (member->join)
            member_answer_join(member, KAFKA_NONE);
    }
}

void rebalance_check(struct group *group)
{
    if (group->state != GROUP_PREPARING || (group->gathering && group->members))
        return;
    for (const struct member *member = group->members; member; member = member->next)
        if (!member->joined)
            return;
    rebalance_complete(group);
}

void rebalance_is_due(struct timer *timer)
{
    struct group *group = CONTAINER_OF(timer, struct group, rebalance);
    if (group->state == GROUP_PREPARING) {
        rebalance_complete(group);
        group_drop_if_unused(group);
        return;
    }
    /* The leader has not said who gets what: without those who have not even asked, it starts
     * again. */
    for (struct member *member = group->members, *next; member; member = next) {
        next = member->next;
        if (!member->sync)
            member_remove(group, member, KAFKA_UNKNOWN_MEMBER_ID);
    }
    rebalance_start(group);
    group_drop_if_unused(group);
}
