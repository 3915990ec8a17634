/* DeleteRecords: a partition begins later. Answered when that is durable. */
#include "services/broker/call.h"

#define TOPIC_LEAST_BYTES 6
#define PARTITION_LEAST_BYTES 12
#define OFFSET_ALL (-1) /* all that is there now */

struct deleted {
    struct log_waiter waiter;
    struct deleting *deleting;
    int32_t number;
    enum kafka_error error;
    int64_t offset, start; /* asked for; what it came to */
};

struct deleted_topic {
    struct str name;
    int32_t n;
    struct deleted *partitions;
};

struct deleting {
    struct call *call;
    int32_t n;
    struct deleted_topic *topics;
    size_t waiting;
};

static void answer(struct deleting *deleting)
{
    struct writer *out = &deleting->call->out;
    put_i32(out, 0);
    put_i32(out, deleting->n);
    for (int32_t i = 0; i < deleting->n; i++) {
        const struct deleted_topic *topic = &deleting->topics[i];
        put_string(out, topic->name);
        put_i32(out, topic->n);
        for (int32_t j = 0; j < topic->n; j++) {
            const struct deleted *one = &topic->partitions[j];
            put_i32(out, one->number);
            put_i64(out, one->error ? -1 : one->start);
            put_i16(out, (int16_t)one->error);
        }
    }
    call_done(deleting->call);
}

static void kept(struct log_waiter *waiter, bool is_kept)
{
    struct deleted *one = CONTAINER_OF(waiter, struct deleted, waiter);
    if (!is_kept)
        one->error = KAFKA_STORAGE_ERROR;
    if (--one->deleting->waiting == 0)
        answer(one->deleting);
}

static void decode_topic(struct call *call, struct deleted_topic *topic)
{
    struct reader *in = &call->in;
    topic->name = get_string(in);
    topic->n = get_elements(in, PARTITION_LEAST_BYTES);
    topic->partitions = CALL_ARRAY(call, struct deleted, topic->n);
    for (int32_t i = 0; i < topic->n && !in->bad; i++) {
        topic->partitions[i].number = get_i32(in);
        topic->partitions[i].offset = get_i64(in);
    }
}

static struct deleting *decode(struct call *call)
{
    struct reader *in = &call->in;
    struct deleting *deleting = ARENA_NEW(call_arena(call), struct deleting);
    deleting->call = call;
    deleting->n = get_elements(in, TOPIC_LEAST_BYTES);
    deleting->topics = CALL_ARRAY(call, struct deleted_topic, deleting->n);
    for (int32_t i = 0; i < deleting->n && !in->bad; i++)
        decode_topic(call, &deleting->topics[i]);
    get_i32(in); /* timeout: what is begun is finished */
    return in->bad ? NULL : deleting;
}

static enum kafka_error check(const struct partition *partition, int64_t offset)
{
    if (!partition)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    if (!(partition->topic->config.values[TOPIC_CLEANUP_POLICY] & CLEANUP_DELETE))
        return KAFKA_POLICY_VIOLATION; /* what is only compacted keeps the last of each key */
    if (offset != OFFSET_ALL && (offset < 0 || offset > log_synced(partition->log)))
        return KAFKA_OFFSET_OUT_OF_RANGE;
    return KAFKA_NONE;
}

static void delete_from(struct deleting *deleting, struct str topic, struct deleted *one)
{
    struct partition *partition = partition_get(deleting->call->broker->topics, topic, one->number);
    one->error = check(partition, one->offset);
    if (one->error)
        return;
    one->deleting = deleting;
    one->waiter.done = kept;
    deleting->waiting++;
    log_start_at(partition->log, one->offset == OFFSET_ALL ? INT64_MAX : one->offset, &one->waiter);
    one->start = log_start(partition->log);
}

bool handle_delete_records(struct call *call)
{
    struct deleting *deleting = decode(call);
    if (!deleting)
        return false;
    deleting->waiting = 1; /* until all are begun */
    for (int32_t i = 0; i < deleting->n; i++)
        for (int32_t j = 0; j < deleting->topics[i].n; j++)
            delete_from(deleting, deleting->topics[i].name, &deleting->topics[i].partitions[j]);
    if (--deleting->waiting == 0)
        answer(deleting);
    return true;
}
