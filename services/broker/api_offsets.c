/* ListOffsets and OffsetForLeaderEpoch: where the log begins, ends, and is at a time. */
#include "services/broker/call.h"

#define TOPIC_LEAST_BYTES 6
#define TIME_LATEST (-1)
#define TIME_EARLIEST (-2)

struct place {
    enum kafka_error error;
    int64_t offset, time_ms;
};

static struct place find_place(struct call *call, struct str topic, int32_t number, int32_t epoch,
                               int64_t time_ms)
{
    struct partition *partition = partition_get(call->broker->topics, topic, number);
    struct place place = { KAFKA_NONE, -1, -1 };
    if (!partition)
        place.error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    else if (epoch > 0)
        place.error = KAFKA_UNKNOWN_LEADER_EPOCH;
    else if (time_ms == TIME_LATEST)
        place.offset = log_synced(partition->log);
    else if (time_ms == TIME_EARLIEST)
        place.offset = log_start(partition->log);
    else if (time_ms >= 0)
        place.error = log_find_time(partition->log, time_ms, &place.offset, &place.time_ms);
    else
        place.error = KAFKA_UNSUPPORTED_FOR_MESSAGE_FORMAT;
    return place;
}

static void list_one(struct call *call, struct str topic)
{
    struct reader *in = &call->in;
    struct writer *out = &call->out;
    int32_t number = get_i32(in);
    int32_t epoch = call->version >= 4 ? get_i32(in) : -1;
    int64_t time_ms = get_i64(in);
    int32_t most = call->version == 0 ? get_i32(in) : 1;
    if (in->bad)
        return;
    struct place place = find_place(call, topic, number, epoch, time_ms);
    put_i32(out, number);
    put_i16(out, (int16_t)place.error);
    if (call->version == 0) {
        bool has = place.offset >= 0 && most > 0;
        put_i32(out, has);
        if (has)
            put_i64(out, place.offset);
        return;
    }
    put_i64(out, place.time_ms);
    put_i64(out, place.offset);
    if (call->version >= 4)
        put_i32(out, place.offset >= 0 ? 0 : -1);
}

/* The rest of the request: for each partition of each topic `one` reads a question and writes its answer. */
static bool answer_each(struct call *call, void (*one)(struct call *call, struct str topic))
{
    struct reader *in = &call->in;
    struct writer *out = &call->out;
    int32_t n_topics = get_elements(in, TOPIC_LEAST_BYTES);
    put_i32(out, n_topics);
    for (; n_topics > 0 && !in->bad; n_topics--) {
        struct str topic = get_string(in);
        int32_t n = get_elements(in, 12);
        put_string(out, topic);
        put_i32(out, n);
        for (; n > 0 && !in->bad; n--)
            one(call, topic);
    }
    if (!in->bad)
        call_done(call);
    return !in->bad;
}

bool handle_list_offsets(struct call *call)
{
    get_i32(&call->in); /* replica */
    if (call->version >= 2) {
        get_i8(&call->in); /* isolation */
        put_i32(&call->out, 0);
    }
    return answer_each(call, list_one);
}

/* There is one node and so one epoch, 0, which ends where the log ends. */
static void epoch_one(struct call *call, struct str topic)
{
    int32_t number = get_i32(&call->in);
    int32_t current = get_i32(&call->in), asked = get_i32(&call->in);
    const struct partition *partition = partition_get(call->broker->topics, topic, number);
    enum kafka_error error = !partition    ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION
                             : current > 0 ? KAFKA_UNKNOWN_LEADER_EPOCH
                                           : KAFKA_NONE;
    bool known = !error && asked == 0;
    put_i16(&call->out, (int16_t)error);
    put_i32(&call->out, number);
    put_i32(&call->out, known ? 0 : -1);
    put_i64(&call->out, known ? log_synced(partition->log) : -1);
}

bool handle_offset_for_leader_epoch(struct call *call)
{
    if (call->version >= 3)
        get_i32(&call->in); /* replica */
    put_i32(&call->out, 0);
    return answer_each(call, epoch_one);
}
