/* Fetch: answered when there is enough, or when its time is over. */
#include <stdlib.h>

#include "base/clock.h"
#include "services/broker/call.h"
#include "services/broker/cold.h"
#include "services/broker/files.h"

#define TOPIC_LEAST_BYTES 6
#define PARTITION_LEAST_BYTES 16
#define INLINE_BYTES (32 * 1024)       /* below it a copy is cheaper than a file part of its own */
#define INLINE_BYTES_MOST (256 * 1024) /* of one answer */
#define FETCH_BYTES_MOST (64 << 20)
#define WAIT_MOST_MS 60000

struct fetched {
    struct watcher watcher;
    struct fetch *fetch;
    struct partition *partition; /* NULL: unknown */
    int32_t number, epoch, most;
    int64_t offset;
    enum kafka_error error;
    struct slice slice;
};

struct fetched_topic {
    struct str name;
    int32_t n;
    struct fetched *partitions;
};

struct fetch {
    struct call *call;
    struct timer timer;
    struct job reading;
    uint32_t least, most;
    int32_t n_topics;
    struct fetched_topic *topics;
    uint64_t ready; /* bytes that the slices hold */
    bool failed;    /* something has to be said at once */
};

static void decode_partition(struct call *call, struct fetched *one)
{
    struct reader *in = &call->in;
    one->number = get_i32(in);
    one->epoch = call->version >= 9 ? get_i32(in) : -1;
    one->offset = get_i64(in);
    if (call->version >= 5)
        get_i64(in); /* log start of a follower */
    one->most = get_i32(in);
}

static struct fetch *decode(struct call *call, int64_t *wait_ms)
{
    struct reader *in = &call->in;
    struct fetch *fetch = ARENA_NEW(call_arena(call), struct fetch);
    fetch->call = call;
    get_i32(in); /* replica: there are none */
    *wait_ms = get_i32(in);
    int32_t least = get_i32(in);
    int32_t most = call->version >= 3 ? get_i32(in) : INT32_MAX;
    fetch->least = (uint32_t)MAX(least, 0);
    fetch->most = (uint32_t)MAX(MIN(most, FETCH_BYTES_MOST), 0);
    if (call->version >= 4)
        get_i8(in); /* isolation: all that is visible is committed */
    if (call->version >= 7)
        get_i64(in); /* session and its epoch: none is kept, every fetch is whole */
    fetch->n_topics = get_elements(in, TOPIC_LEAST_BYTES);
    fetch->topics = CALL_ARRAY(call, struct fetched_topic, fetch->n_topics);
    for (int32_t i = 0; i < fetch->n_topics && !in->bad; i++) {
        struct fetched_topic *topic = &fetch->topics[i];
        topic->name = get_string(in);
        topic->n = get_elements(in, PARTITION_LEAST_BYTES);
        topic->partitions = CALL_ARRAY(call, struct fetched, topic->n);
        for (int32_t j = 0; j < topic->n && !in->bad; j++) {
            topic->partitions[j].fetch = fetch;
            decode_partition(call, &topic->partitions[j]);
        }
    }
    return in->bad ? NULL
                   : fetch; /* forgotten topics and the rack may follow; they mean nothing here */
}

static enum kafka_error check(const struct fetched *one)
{
    if (!one->partition)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    if (one->fetch->call->version < 4)
        return KAFKA_UNSUPPORTED_FOR_MESSAGE_FORMAT; /* it cannot read the batches as stored */
    if (one->epoch > 0)
        return KAFKA_UNKNOWN_LEADER_EPOCH;
    return KAFKA_NONE;
}

/* Reads one partition anew; the slice of an earlier look is dropped. */
static void look_at(struct fetched *one)
{
    struct fetch *fetch = one->fetch;
    fetch->ready -= one->slice.bytes;
    segment_unref(one->slice.segment);
    one->slice = (struct slice){ 0 };
    one->error = check(one);
    if (!one->error) {
        uint64_t left = fetch->most > fetch->ready ? fetch->most - fetch->ready : 0;
        uint32_t most = (uint32_t)MIN((uint64_t)MAX(one->most, 0), left);
        one->error =
            log_read(one->partition->log, one->offset, most, fetch->ready == 0, &one->slice);
    }
    fetch->ready += one->slice.bytes;
    fetch->failed |= one->error != KAFKA_NONE;
}

static void look(struct fetch *fetch)
{
    struct topics *topics = fetch->call->broker->topics;
    for (int32_t i = 0; i < fetch->n_topics; i++)
        for (int32_t j = 0; j < fetch->topics[i].n; j++) {
            struct fetched *one = &fetch->topics[i].partitions[j];
            one->partition = partition_get(topics, fetch->topics[i].name, one->number);
            look_at(one);
        }
}

/* Small pieces are copied, so that many of them go out in one write. */
static bool copy_in(struct call *call, const struct slice *slice)
{
    size_t before = call->out.len, got;
    uint8_t *room = put_room(&call->out, slice->bytes);
    if (file_read_at(slice->segment->fd, room, slice->bytes, slice->position, &got) == 0 &&
        got == slice->bytes)
        return true;
    call->out.len = before;
    return false;
}

static void encode_records(struct call *call, struct fetched *one)
{
    struct slice slice = one->slice;
    one->slice = (struct slice){ 0 };
    put_i32(&call->out, (int32_t)slice.bytes);
    if (!slice.bytes)
        return;
    if (slice.bytes <= INLINE_BYTES && call->out.len < INLINE_BYTES_MOST && copy_in(call, &slice)) {
        call->broker->stats.bytes_out += slice.bytes;
        segment_unref(slice.segment);
    } else {
        call_put_slice(call, slice);
    }
}

static void encode_partition(struct call *call, struct fetched *one)
{
    struct writer *out = &call->out;
    const struct log *log = one->partition ? one->partition->log : NULL;
    int64_t synced = log ? log_synced(log) : -1;
    put_i32(out, one->number);
    put_i16(out, (int16_t)one->error);
    put_i64(out, synced);
    if (call->version >= 4)
        put_i64(out, synced); /* last stable offset */
    if (call->version >= 5)
        put_i64(out, log ? log_start(log) : -1);
    if (call->version >= 4)
        put_i32(out, -1); /* no aborted transactions */
    if (call->version >= 11)
        put_i32(out, -1); /* no other replica to prefer */
    encode_records(call, one);
}

static void stop_waiting(struct fetch *fetch)
{
    timer_stop(fetch->call->broker->loop, &fetch->timer);
    for (int32_t i = 0; i < fetch->n_topics; i++)
        for (int32_t j = 0; j < fetch->topics[i].n; j++)
            watcher_drop(&fetch->topics[i].partitions[j].watcher);
}

static void answer(struct fetch *fetch)
{
    struct call *call = fetch->call;
    struct writer *out = &call->out;
    if (call->version >= 1)
        put_i32(out, 0);
    if (call->version >= 7) {
        put_i16(out, KAFKA_NONE);
        put_i32(out, 0);
    }
    put_i32(out, fetch->n_topics);
    for (int32_t i = 0; i < fetch->n_topics; i++) {
        put_string(out, fetch->topics[i].name);
        put_i32(out, fetch->topics[i].n);
        for (int32_t j = 0; j < fetch->topics[i].n; j++)
            encode_partition(call, &fetch->topics[i].partitions[j]);
    }
    call_done(call);
}

static void read_cold(struct job *job)
{
    const struct fetch *fetch = CONTAINER_OF(job, struct fetch, reading);
    for (int32_t i = 0; i < fetch->n_topics; i++)
        for (int32_t j = 0; j < fetch->topics[i].n; j++)
            slice_warm(&fetch->topics[i].partitions[j].slice);
}

/* A topic may have gone meanwhile. */
static void cold_is_read(struct job *job)
{
    struct fetch *fetch = CONTAINER_OF(job, struct fetch, reading);
    for (int32_t i = 0; i < fetch->n_topics; i++)
        for (int32_t j = 0; j < fetch->topics[i].n; j++) {
            struct fetched *one = &fetch->topics[i].partitions[j];
            struct partition *before = one->partition;
            one->partition =
                partition_get(fetch->call->broker->topics, fetch->topics[i].name, one->number);
            if (one->partition != before)
                look_at(one);
        }
    answer(fetch);
}

static bool is_cold(const struct fetch *fetch)
{
    for (int32_t i = 0; i < fetch->n_topics; i++)
        for (int32_t j = 0; j < fetch->topics[i].n; j++)
            if (slice_is_cold(&fetch->topics[i].partitions[j].slice))
                return true;
    return false;
}

/* Nothing more is waited for, but the disk where it must be. */
static void finish(struct fetch *fetch)
{
    struct call *call = fetch->call;
    stop_waiting(fetch);
    if (!is_cold(fetch)) {
        answer(fetch);
        return;
    }
    call->broker->stats.cold_fetches++;
    call->cancel = NULL; /* when the peer goes, cold_is_read() ends it */
    fetch->reading = (struct job){ .run = read_cold, .done = cold_is_read };
    loop_submit_patient(call->broker->loop, &fetch->reading);
}

static void is_due(struct timer *timer)
{
    finish(CONTAINER_OF(timer, struct fetch, timer));
}

/* More is synced in a partition, or its topic goes. */
static void wake(struct watcher *watcher)
{
    struct fetched *one = CONTAINER_OF(watcher, struct fetched, watcher);
    if (one->partition->topic->state != TOPIC_READY) {
        watcher_drop(watcher);
        one->partition = NULL;
    }
    look_at(one);
    if (one->fetch->failed || one->fetch->ready >= one->fetch->least)
        finish(one->fetch);
}

static void cancel(struct call *call)
{
    struct fetch *fetch = call->state;
    stop_waiting(fetch);
    for (int32_t i = 0; i < fetch->n_topics; i++)
        for (int32_t j = 0; j < fetch->topics[i].n; j++)
            segment_unref(fetch->topics[i].partitions[j].slice.segment);
    call_done(call);
}

static void wait(struct fetch *fetch, int64_t wait_ms)
{
    struct call *call = fetch->call;
    call->state = fetch;
    call->cancel = cancel;
    fetch->timer.fire = is_due;
    timer_set(call->broker->loop, &fetch->timer,
              loop_now_us(call->broker->loop) + wait_ms * US_PER_MS);
    for (int32_t i = 0; i < fetch->n_topics; i++)
        for (int32_t j = 0; j < fetch->topics[i].n; j++) {
            struct fetched *one = &fetch->topics[i].partitions[j];
            one->watcher.wake = wake;
            watcher_add(one->partition, &one->watcher);
        }
}

bool handle_fetch(struct call *call)
{
    int64_t wait_ms;
    struct fetch *fetch = decode(call, &wait_ms);
    if (!fetch)
        return false;
    look(fetch);
    wait_ms = MIN(wait_ms, WAIT_MOST_MS);
    if (fetch->failed || wait_ms <= 0 || fetch->ready >= fetch->least)
        finish(fetch);
    else
        wait(fetch, wait_ms);
    return true;
}
