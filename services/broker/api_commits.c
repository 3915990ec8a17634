/* OffsetCommit and OffsetFetch. */
#include "services/broker/call.h"

#define METADATA_MOST_BYTES 4096
#define TOPIC_LEAST_BYTES 6

struct commit_partition {
    struct committed committed;
    enum kafka_error error;
};

struct commit_topic {
    struct str name;
    int32_t n;
    struct commit_partition *partitions;
};

/* An OffsetCommit request: answered when it is synced. */
struct committing {
    struct call *call;
    struct str group, member;
    int32_t generation;
    int32_t n_topics;
    struct commit_topic *topics;
};

static void answer(struct committing *committing, enum kafka_error error)
{
    struct call *call = committing->call;
    struct writer *out = &call->out;
    if (call->version >= 3)
        put_i32(out, 0);
    put_i32(out, committing->n_topics);
    for (int32_t i = 0; i < committing->n_topics; i++) {
        const struct commit_topic *topic = &committing->topics[i];
        put_string(out, topic->name);
        put_i32(out, topic->n);
        for (int32_t j = 0; j < topic->n; j++) {
            put_i32(out, topic->partitions[j].committed.partition);
            put_i16(out, (int16_t)(error ? error : topic->partitions[j].error));
        }
    }
    call_done(call);
}

static void committed_done(void *owner, enum kafka_error error)
{
    answer(owner, error);
}

static void decode_partition(struct call *call, struct committed *out)
{
    struct reader *in = &call->in;
    out->partition = get_i32(in);
    out->offset = get_i64(in);
    out->leader_epoch = call->version >= 6 ? get_i32(in) : -1;
    if (call->version == 1)
        get_i64(in); /* a time of its own */
    out->metadata = get_string(in);
}

static struct committing *decode(struct call *call)
{
    struct reader *in = &call->in;
    struct committing *committing = ARENA_NEW(call_arena(call), struct committing);
    committing->call = call;
    committing->group = get_string(in);
    committing->generation = call->version >= 1 ? get_i32(in) : -1;
    committing->member = call->version >= 1 ? get_string(in) : STR("");
    if (call->version >= 7)
        get_string(in); /* group instance */
    if (call->version >= 2 && call->version <= 4)
        get_i64(in); /* how long to keep it: as long as the topic */
    committing->n_topics = get_elements(in, TOPIC_LEAST_BYTES);
    committing->topics = CALL_ARRAY(call, struct commit_topic, committing->n_topics);
    for (int32_t i = 0; i < committing->n_topics && !in->bad; i++) {
        struct commit_topic *topic = &committing->topics[i];
        topic->name = get_string(in);
        topic->n = get_elements(in, 14);
        topic->partitions = CALL_ARRAY(call, struct commit_partition, topic->n);
        for (int32_t j = 0; j < topic->n; j++)
            decode_partition(call, &topic->partitions[j].committed);
    }
    return in->bad ? NULL : committing;
}

static void add_topic(struct committing *committing, struct offsets_change *change,
                      struct commit_topic *topic)
{
    const struct topics *topics = committing->call->broker->topics;
    for (int32_t i = 0; i < topic->n; i++) {
        struct commit_partition *one = &topic->partitions[i];
        one->committed.topic = topic->name;
        if (!partition_get(topics, topic->name, one->committed.partition))
            one->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        else if (one->committed.metadata.len > METADATA_MOST_BYTES)
            one->error = KAFKA_OFFSET_METADATA_TOO_LARGE;
        else
            offsets_add(change, &one->committed);
    }
}

bool handle_offset_commit(struct call *call)
{
    struct committing *committing = decode(call);
    if (!committing)
        return false;
    const struct offsets *offsets = call->broker->offsets;
    enum kafka_error error = group_may_commit(&call->broker->groups, committing->group,
                                              committing->member, committing->generation);
    if (!error && !offsets_has_group(offsets, committing->group) &&
        offsets_n_groups(offsets) >= GROUPS_MOST)
        error = KAFKA_GROUP_MAX_SIZE_REACHED;
    if (error) {
        answer(committing, error);
        return true;
    }
    struct offsets_change *change =
        offsets_begin(call->broker->offsets, committing->group, committed_done, committing);
    for (int32_t i = 0; i < committing->n_topics; i++)
        add_topic(committing, change, &committing->topics[i]);
    offsets_submit(change);
    return true;
}

static void put_fetched(struct call *call, int32_t partition, const struct committed *committed)
{
    struct writer *out = &call->out;
    put_i32(out, partition);
    put_i64(out, committed ? committed->offset : -1);
    if (call->version >= 5)
        put_i32(out, committed ? committed->leader_epoch : -1);
    put_string(out, committed && committed->metadata.ptr ? committed->metadata : STR(""));
    put_i16(out, KAFKA_NONE);
}

static void fetch_named(struct call *call, struct str group, int32_t n_topics)
{
    struct reader *in = &call->in;
    put_i32(&call->out, n_topics);
    for (; n_topics > 0 && !in->bad; n_topics--) {
        struct str topic = get_string(in);
        int32_t n = get_elements(in, 4);
        put_string(&call->out, topic);
        put_i32(&call->out, n);
        for (; n > 0 && !in->bad; n--) {
            int32_t partition = get_i32(in);
            bool named = group.ptr && topic.ptr;
            put_fetched(call, partition,
                        named ? offsets_get(call->broker->offsets, group, topic, partition) : NULL);
        }
    }
}

/* All of the group; each partition with its topic, which the protocol allows to come more than
 * once. */
static void fetch_all(struct call *call, struct str group)
{
    size_t place = put_later32(&call->out);
    int32_t n = 0;
    const struct committed *committed;
    for (size_t at = 0; group.ptr && (committed = offsets_next(call->broker->offsets, group, &at));
         n++) {
        put_string(&call->out, committed->topic);
        put_i32(&call->out, 1);
        put_fetched(call, committed->partition, committed);
    }
    set_later32(&call->out, place, n);
}

bool handle_offset_fetch(struct call *call)
{
    struct reader *in = &call->in;
    if (call->version >= 3)
        put_i32(&call->out, 0);
    struct str group = get_string(in);
    int32_t n_topics = get_count(in, TOPIC_LEAST_BYTES);
    if (n_topics < 0 && call->version >= 2)
        fetch_all(call, group);
    else
        fetch_named(call, group, MAX(n_topics, 0));
    if (in->bad)
        return false;
    if (call->version >= 2)
        put_i16(&call->out, group.len ? KAFKA_NONE : KAFKA_INVALID_GROUP_ID);
    call_done(call);
    return true;
}
