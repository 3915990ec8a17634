/* JoinGroup, SyncGroup, Heartbeat, LeaveGroup. */
#include "services/broker/call.h"

#define PROTOCOL_LEAST_BYTES 6
#define MEMBER_BYTES_MOST                                                                          \
    (256 * 1024) /* that a group keeps of a member; some kilobytes are usual */

static struct protocol *decode_pairs(struct call *call, size_t *n)
{
    struct reader *in = &call->in;
    int32_t count = get_elements(in, PROTOCOL_LEAST_BYTES);
    struct protocol *pairs = CALL_ARRAY(call, struct protocol, count);
    for (int32_t i = 0; i < count && !in->bad; i++) {
        pairs[i].name = get_string(in);
        pairs[i].metadata = get_bytes(in);
    }
    *n = (size_t)count;
    return pairs;
}

static bool is_modest(const struct protocol *pairs, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += pairs[i].name.len + pairs[i].metadata.len;
    return bytes <= MEMBER_BYTES_MOST;
}

/* Static membership is not kept: an instance is a member like any other. */
static void skip_instance(struct call *call, int16_t since)
{
    if (call->version >= since)
        get_string(&call->in);
}

struct joining {
    struct join join;
    struct call *call;
};

static void put_members(struct call *call, const struct group *group, bool is_leader)
{
    struct writer *out = &call->out;
    put_i32(out, is_leader ? (int32_t)group->n_members : 0);
    for (const struct member *member = group->members; is_leader && member; member = member->next) {
        put_string(out, member->id);
        if (call->version >= 5)
            put_string(out, (struct str){ NULL, 0 });
        put_bytes(out, member_metadata(member));
    }
}

static void join_done(struct join *join, enum kafka_error error, const struct group *group,
                      const struct member *member)
{
    struct call *call = CONTAINER_OF(join, struct joining, join)->call;
    struct writer *out = &call->out;
    bool ok = error == KAFKA_NONE;
    if (call->version >= 2)
        put_i32(out, 0);
    put_i16(out, (int16_t)error);
    put_i32(out, ok ? group->generation : -1);
    put_string(out, ok && group->protocol ? group->protocol->name : STR(""));
    put_string(out, ok && group->leader ? group->leader->id : STR(""));
    put_string(out, member ? member->id : STR(""));
    if (ok)
        put_members(call, group, member == group->leader);
    else
        put_i32(out, 0);
    call_done(call);
}

static void join_gone(struct call *call)
{
    join_cancel(call->state);
    call_done(call);
}

bool handle_join_group(struct call *call)
{
    struct reader *in = &call->in;
    struct joining *joining = ARENA_NEW(call_arena(call), struct joining);
    struct join *join = &joining->join;
    joining->call = call;
    struct str group = get_string(in);
    join->session_ms = get_i32(in);
    join->rebalance_ms = call->version >= 1 ? get_i32(in) : join->session_ms;
    join->member_id = get_string(in);
    skip_instance(call, 5);
    join->protocol_type = get_string(in);
    join->protocols = decode_pairs(call, &join->n_protocols);
    if (in->bad)
        return false;
    char host[64];
    conn_peer(call->conn, host);
    join->host = arena_printf(call_arena(call), "/%s", host);
    join->client_id = call->client_id;
    join->id_first = call->version >= 4;
    join->done = join_done;
    call->state = join;
    call->cancel = join_gone;
    if (!is_modest(join->protocols, join->n_protocols)) {
        join_done(join, KAFKA_INVALID_REQUEST, NULL, NULL);
        return true;
    }
    group_join(&call->broker->groups, group, join);
    return true;
}

struct syncing {
    struct sync sync;
    struct call *call;
};

static void sync_done(struct sync *sync, enum kafka_error error, struct str assignment)
{
    struct call *call = CONTAINER_OF(sync, struct syncing, sync)->call;
    if (call->version >= 1)
        put_i32(&call->out, 0);
    put_i16(&call->out, (int16_t)error);
    put_bytes(&call->out, assignment.ptr ? assignment : STR(""));
    call_done(call);
}

static void sync_gone(struct call *call)
{
    sync_cancel(call->state);
    call_done(call);
}

bool handle_sync_group(struct call *call)
{
    struct reader *in = &call->in;
    struct syncing *syncing = ARENA_NEW(call_arena(call), struct syncing);
    syncing->call = call;
    struct sync *sync = &syncing->sync;
    struct str group = get_string(in);
    sync->generation = get_i32(in);
    sync->member_id = get_string(in);
    skip_instance(call, 3);
    sync->assignments = decode_pairs(call, &sync->n_assignments);
    if (in->bad)
        return false;
    sync->done = sync_done;
    call->state = sync;
    call->cancel = sync_gone;
    group_sync(&call->broker->groups, group, sync);
    return true;
}

bool handle_heartbeat(struct call *call)
{
    struct reader *in = &call->in;
    struct str group = get_string(in);
    int32_t generation = get_i32(in);
    struct str member = get_string(in);
    skip_instance(call, 3);
    if (in->bad)
        return false;
    if (call->version >= 1)
        put_i32(&call->out, 0);
    put_i16(&call->out, (int16_t)group_heartbeat(&call->broker->groups, group, member, generation));
    call_done(call);
    return true;
}

/* Version 3 names several members and answers for each. */
static bool leave_many(struct call *call, struct str group)
{
    struct reader *in = &call->in;
    int32_t n = get_elements(in, 4);
    struct str *members = CALL_ARRAY(call, struct str, n);
    for (int32_t i = 0; i < n && !in->bad; i++) {
        members[i] = get_string(in);
        get_string(in);
    }
    if (in->bad)
        return false;
    put_i32(&call->out, 0);
    put_i16(&call->out, KAFKA_NONE);
    put_i32(&call->out, n);
    for (int32_t i = 0; i < n; i++) {
        put_string(&call->out, members[i]);
        put_string(&call->out, (struct str){ NULL, 0 });
        put_i16(&call->out, (int16_t)group_leave(&call->broker->groups, group, members[i]));
    }
    call_done(call);
    return true;
}

bool handle_leave_group(struct call *call)
{
    struct reader *in = &call->in;
    struct str group = get_string(in);
    if (call->version >= 3)
        return !in->bad && leave_many(call, group);
    struct str member = get_string(in);
    if (in->bad)
        return false;
    if (call->version >= 1)
        put_i32(&call->out, 0);
    put_i16(&call->out, (int16_t)group_leave(&call->broker->groups, group, member));
    call_done(call);
    return true;
}
