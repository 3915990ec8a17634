/* Produce and InitProducerId. */
#include "base/clock.h"
#include "base/id.h"
#include "services/broker/call.h"

#define PARTITION_LEAST_BYTES 8
#define TOPIC_LEAST_BYTES 6

struct produced {
    struct append append;
    struct produce *produce;
    int32_t partition;
    enum kafka_error error;
    int64_t offset, start;
};

struct produced_topic {
    struct str name;
    int32_t n;
    struct produced *partitions;
};

/* One Produce request: answered when every partition is. */
struct produce {
    struct call *call;
    int16_t acks;
    int32_t n_topics;
    struct produced_topic *topics;
    size_t waiting;
};

static void encode_partition(const struct call *call, struct writer *out,
                             const struct produced *one)
{
    put_i32(out, one->partition);
    put_i16(out, (int16_t)one->error);
    put_i64(out, one->error ? -1 : one->offset);
    if (call->version >= 2)
        put_i64(out, -1); /* the time of appending: times are the producer's */
    if (call->version >= 5)
        put_i64(out, one->error ? -1 : one->start);
}

/* The names of topics are slices of the request, which the call holds until it is done. */
static void answer(struct produce *produce)
{
    struct call *call = produce->call;
    struct writer *out = &call->out;
    put_i32(out, produce->n_topics);
    for (int32_t i = 0; i < produce->n_topics; i++) {
        const struct produced_topic *topic = &produce->topics[i];
        put_string(out, topic->name);
        put_i32(out, topic->n);
        for (int32_t j = 0; j < topic->n; j++) {
            encode_partition(call, out, &topic->partitions[j]);
            if (produce->acks == 0 && topic->partitions[j].error)
                call->close_after = true; /* the only way to tell a peer that wants no answers */
        }
    }
    if (call->version >= 1)
        put_i32(out, 0);
    call->silent = produce->acks == 0;
    call_done(call);
}

static void synced(struct append *append)
{
    struct produced *one = CONTAINER_OF(append, struct produced, append);
    one->error = append->error;
    one->offset = append->batch.base_offset;
    if (--one->produce->waiting == 0)
        answer(one->produce);
}

static bool decode_partition(struct reader *in, struct produced *one, struct str *records)
{
    one->partition = get_i32(in);
    *records = get_bytes(in);
    return !in->bad;
}

/* Gives the batch to the log; what can be said at once is noted. */
static void produce_to(struct produce *produce, struct str topic, struct produced *one,
                       struct str records)
{
    struct call *call = produce->call;
    struct partition *partition = partition_get(call->broker->topics, topic, one->partition);
    one->produce = produce;
    if (!partition) {
        one->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    struct append *append = &one->append;
    append->frame = call->frame;
    append->bytes = (uint8_t *)records.ptr;
    append->done = synced;
    one->start = log_start(partition->log);
    size_t most = (size_t)partition->topic->config.values[TOPIC_MAX_MESSAGE_BYTES];
    int64_t latest_ms = clock_now_us() / US_PER_MS + call->broker->config.ahead_ms;
    one->error = records.len
                     ? batch_accept(append->bytes, records.len, most, latest_ms, &append->batch)
                     : KAFKA_INVALID_RECORD;
    if (one->error)
        return;
    if (log_append(partition->log, append)) {
        produce->waiting++;
    } else {
        one->error = append->error;
        one->offset = append->batch.base_offset;
    }
}

/* Everything is decoded before anything is appended: a malformed request changes nothing. */
static struct produce *decode(struct call *call, struct str **records)
{
    struct reader *in = &call->in;
    if (call->version >= 3)
        get_string(in); /* transactional id: such batches are refused by their attributes */
    struct produce *produce = ARENA_NEW(call_arena(call), struct produce);
    produce->call = call;
    produce->acks = get_i16(in);
    get_i32(in); /* timeout: a sync is never given up */
    produce->n_topics = get_elements(in, TOPIC_LEAST_BYTES);
    produce->topics = CALL_ARRAY(call, struct produced_topic, produce->n_topics);
    size_t n = 0, size = 16;
    *records = CALL_ARRAY(call, struct str, size);
    for (int32_t i = 0; i < produce->n_topics && !in->bad; i++) {
        struct produced_topic *topic = &produce->topics[i];
        topic->name = get_string(in);
        topic->n = get_elements(in, PARTITION_LEAST_BYTES);
        topic->partitions = CALL_ARRAY(call, struct produced, topic->n);
        while (n + (size_t)topic->n > size) {
            struct str *more = CALL_ARRAY(call, struct str, size * 2);
            memcpy(more, *records, n * sizeof(struct str));
            *records = more;
            size *= 2;
        }
        for (int32_t j = 0; j < topic->n; j++)
            if (!decode_partition(in, &topic->partitions[j], &(*records)[n++]))
                return NULL;
    }
    return in->bad ? NULL : produce;
}

static void refuse_acks(struct produce *produce)
{
    for (int32_t i = 0; i < produce->n_topics; i++)
        for (int32_t j = 0; j < produce->topics[i].n; j++)
            produce->topics[i].partitions[j].error = KAFKA_INVALID_REQUIRED_ACKS;
}

bool handle_produce(struct call *call)
{
    struct str *records;
    struct produce *produce = decode(call, &records);
    if (!produce)
        return false;
    produce->waiting = 1; /* until all are appended */
    if (produce->acks < -1 || produce->acks > 1) {
        refuse_acks(produce);
    } else {
        for (int32_t i = 0; i < produce->n_topics; i++)
            for (int32_t j = 0; j < produce->topics[i].n; j++)
                produce_to(produce, produce->topics[i].name, &produce->topics[i].partitions[j],
                           *records++);
    }
    if (--produce->waiting == 0)
        answer(produce);
    return true;
}

/* Ids are random numbers of 62 bits: no two are the same, and none has to be written down first. */
bool handle_init_producer_id(struct call *call)
{
    struct str transactional_id = get_string(&call->in);
    get_i32(&call->in);
    if (call->in.bad)
        return false;
    uint64_t id;
    id_random(&id, sizeof(id));
    bool refused = transactional_id.ptr != NULL; /* there are no transactions here */
    put_i32(&call->out, 0);
    put_i16(&call->out, refused ? KAFKA_INVALID_REQUEST : KAFKA_NONE);
    put_i64(&call->out, refused ? -1 : (int64_t)(id >> 2));
    put_i16(&call->out, refused ? -1 : 0);
    call_done(call);
    return true;
}
