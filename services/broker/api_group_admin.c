/* DescribeGroups, ListGroups, DeleteGroups. */
#include "services/broker/call.h"

#define AUTHORIZED_NOT_ASKED INT32_MIN

static void put_member(struct call *call, const struct member *member)
{
    struct writer *out = &call->out;
    put_string(out, member->id);
    if (call->version >= 4)
        put_string(out, (struct str){ NULL, 0 });
    put_string(out, member->client_id.ptr ? member->client_id : STR(""));
    put_string(out, member->host);
    put_bytes(out, member_metadata(member));
    put_bytes(out, member->assignment.ptr ? member->assignment : STR(""));
}

static void describe(struct call *call, struct str name)
{
    struct writer *out = &call->out;
    const struct group *group = group_find(&call->broker->groups, name);
    bool known = group || (name.ptr && offsets_has_group(call->broker->offsets, name));
    put_i16(out, name.len ? KAFKA_NONE : KAFKA_INVALID_GROUP_ID);
    put_string(out, name);
    put_string(out, group   ? str_of(group_state_name(group->state))
                    : known ? STR("Empty")
                            : STR("Dead"));
    put_string(out, group && group->protocol_type.ptr ? group->protocol_type
                    : known                           ? STR("consumer")
                                                      : STR(""));
    put_string(out, group && group->protocol ? group->protocol->name : STR(""));
    put_i32(out, group ? (int32_t)group->n_members : 0);
    for (const struct member *member = group ? group->members : NULL; member; member = member->next)
        put_member(call, member);
    if (call->version >= 3)
        put_i32(out, AUTHORIZED_NOT_ASKED);
}

bool handle_describe_groups(struct call *call)
{
    struct reader *in = &call->in;
    if (call->version >= 1)
        put_i32(&call->out, 0);
    int32_t n = get_elements(in, 2);
    put_i32(&call->out, n);
    for (; n > 0 && !in->bad; n--)
        describe(call, get_string(in));
    if (call->version >= 3)
        get_bool(in);
    if (!in->bad)
        call_done(call);
    return !in->bad;
}

/* Groups with members, then those that only have offsets. */
bool handle_list_groups(struct call *call)
{
    struct writer *out = &call->out;
    const struct broker *broker = call->broker;
    if (call->version >= 1)
        put_i32(out, 0);
    put_i16(out, KAFKA_NONE);
    size_t place = put_later32(out);
    int32_t n = 0;
    const struct group *group;
    for (size_t at = 0; (group = map_next(&broker->groups.by_name, &at)); n++) {
        put_string(out, group->name);
        put_string(out, group->protocol_type.ptr ? group->protocol_type : STR(""));
    }
    struct str name;
    for (size_t at = 0; offsets_next_group(broker->offsets, &at, &name);) {
        if (group_find(&broker->groups, name))
            continue;
        put_string(out, name);
        put_string(out, STR("consumer"));
        n++;
    }
    set_later32(out, place, n);
    call_done(call);
    return true;
}

/* One group of a DeleteGroups request. */
struct deleted {
    struct deleting *deleting;
    struct str name;
    enum kafka_error error;
};

struct deleting {
    struct call *call;
    int32_t n;
    struct deleted *groups;
    size_t waiting;
};

static void answer(struct deleting *deleting)
{
    struct writer *out = &deleting->call->out;
    put_i32(out, 0);
    put_i32(out, deleting->n);
    for (int32_t i = 0; i < deleting->n; i++) {
        put_string(out, deleting->groups[i].name);
        put_i16(out, (int16_t)deleting->groups[i].error);
    }
    call_done(deleting->call);
}

static void deleted_done(void *owner, enum kafka_error error)
{
    struct deleted *one = owner;
    one->error = error;
    if (--one->deleting->waiting == 0)
        answer(one->deleting);
}

static void delete_one(struct deleted *one)
{
    struct broker *broker = one->deleting->call->broker;
    const struct group *group = group_find(&broker->groups, one->name);
    if (!one->name.len)
        one->error = KAFKA_INVALID_GROUP_ID;
    else if (group)
        one->error = KAFKA_NON_EMPTY_GROUP;
    else if (!offsets_has_group(broker->offsets, one->name))
        one->error = KAFKA_GROUP_ID_NOT_FOUND;
    if (one->error)
        return;
    one->deleting->waiting++;
    offsets_forget_group(broker->offsets, one->name, deleted_done, one);
}

bool handle_delete_groups(struct call *call)
{
    struct reader *in = &call->in;
    struct deleting *deleting = ARENA_NEW(call_arena(call), struct deleting);
    deleting->call = call;
    deleting->n = get_elements(in, 2);
    deleting->groups = CALL_ARRAY(call, struct deleted, deleting->n);
    for (int32_t i = 0; i < deleting->n; i++)
        deleting->groups[i].name = get_string(in);
    if (in->bad)
        return false;
    deleting->waiting = 1; /* until all are started */
    for (int32_t i = 0; i < deleting->n; i++) {
        deleting->groups[i].deleting = deleting;
        delete_one(&deleting->groups[i]);
    }
    if (--deleting->waiting == 0)
        answer(deleting);
    return true;
}
