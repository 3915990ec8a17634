#include "services/broker/producers.h"

#include <stdlib.h>

#include "base/arena.h"

#define PRODUCER_FILE_BYTES (8 + 8 + 2 + 4 + 1)

static struct str key_of(const int64_t *id)
{
    return (struct str){ (const char *)id, sizeof(*id) };
}

/* Sequences go from INT32_MAX to 0. */
static int32_t sequence_add(int32_t sequence, int32_t n)
{
    return (int32_t)(((uint32_t)sequence + (uint32_t)n) & INT32_MAX);
}

static int32_t last_of(const struct batch *batch)
{
    return sequence_add(batch->first_sequence, batch->last_delta); /* compaction leaves fewer */
}

/* Within half the range behind `expected`. */
static bool is_before(int32_t sequence, int32_t expected)
{
    uint32_t behind = ((uint32_t)expected - (uint32_t)sequence) & INT32_MAX;
    return behind != 0 && behind <= INT32_MAX / 2;
}

static const struct sent *find_sent(const struct producer *producer, const struct batch *batch)
{
    if (producer->epoch != batch->producer_epoch)
        return NULL;
    for (int i = 0; i < producer->n_sent; i++)
        if (producer->sent[i].first == batch->first_sequence &&
            producer->sent[i].last == last_of(batch))
            return &producer->sent[i];
    return NULL;
}

enum producer_verdict producers_judge(const struct producers *producers, const struct batch *batch,
                                      int64_t *offset)
{
    const struct producer *producer = map_get(&producers->by_id, key_of(&batch->producer_id));
    if (!producer)
        return PRODUCER_NEXT;
    if (batch->producer_epoch < producer->tail_epoch)
        return PRODUCER_FENCED;
    if (batch->producer_epoch > producer->tail_epoch)
        return batch->first_sequence == 0 ? PRODUCER_NEXT : PRODUCER_GAP;
    int32_t expected = sequence_add(producer->tail, 1);
    if (batch->first_sequence == expected)
        return PRODUCER_NEXT;
    const struct sent *sent = find_sent(producer, batch);
    if (sent) {
        *offset = sent->offset;
        return PRODUCER_REPEATED;
    }
    return is_before(batch->first_sequence, expected) ? PRODUCER_EARLIER : PRODUCER_GAP;
}

static struct producer *producer_new(struct producers *producers, int64_t id)
{
    struct producer *producer = mem_alloc(sizeof(*producer));
    producer->id = id;
    map_put(&producers->by_id, key_of(&producer->id), producer);
    return producer;
}

void producers_claim(struct producers *producers, const struct batch *batch)
{
    struct producer *producer = map_get(&producers->by_id, key_of(&batch->producer_id));
    if (!producer) {
        /* Should this first batch be dropped, what came after it in the pipeline must not take
         * its place. */
        producer = producer_new(producers, batch->producer_id);
        producer->epoch = batch->producer_epoch;
        producer->last = sequence_add(batch->first_sequence, -1);
    }
    producer->tail_epoch = batch->producer_epoch;
    producer->tail = last_of(batch);
}

void producers_synced(struct producers *producers, const struct batch *batch, int64_t now_ms)
{
    struct producer *producer = map_get(&producers->by_id, key_of(&batch->producer_id));
    if (!producer) {
        producers_claim(producers, batch);
        producer = map_get(&producers->by_id, key_of(&batch->producer_id));
    }
    if (producer->epoch != batch->producer_epoch)
        producer->n_sent = 0;
    if (producer->n_sent == PRODUCER_REMEMBERS)
        memmove(&producer->sent[0], &producer->sent[1], sizeof(struct sent) * --producer->n_sent);
    producer->sent[producer->n_sent++] =
        (struct sent){ batch->first_sequence, last_of(batch), batch->base_offset };
    producer->epoch = batch->producer_epoch;
    producer->last = last_of(batch);
    producer->seen_ms = now_ms;
}

void producers_rewind(struct producers *producers)
{
    struct producer *producer;
    for (size_t at = 0; (producer = map_next(&producers->by_id, &at));) {
        producer->tail_epoch = producer->epoch;
        producer->tail = producer->last;
    }
}

/* One is forgotten at a time, since the table may not change under a walk; those that are left
 * are few. */
static void forget_old(struct producers *producers, int64_t before_ms)
{
    struct producer *producer;
    for (size_t at = 0; (producer = map_next(&producers->by_id, &at));) {
        bool under_way = producer->tail != producer->last ||
                         producer->tail_epoch != producer->epoch;
        if (producer->seen_ms < before_ms && !under_way) {
            map_take(&producers->by_id, key_of(&producer->id));
            free(producer);
            at = 0;
        }
    }
}

void producers_write(struct producers *producers, int64_t now_ms, struct writer *out)
{
    forget_old(producers, now_ms - PRODUCER_KEEP_MS);
    put_i32(out, (int32_t)producers->by_id.n);
    const struct producer *producer;
    for (size_t at = 0; (producer = map_next(&producers->by_id, &at));) {
        put_i64(out, producer->id);
        put_i64(out, producer->seen_ms);
        put_i16(out, producer->epoch);
        put_i32(out, producer->last);
        put_i8(out, (int8_t)producer->n_sent);
        for (int i = 0; i < producer->n_sent; i++) {
            put_i32(out, producer->sent[i].first);
            put_i32(out, producer->sent[i].last);
            put_i64(out, producer->sent[i].offset);
        }
    }
}

bool producers_read(struct producers *producers, struct reader *in)
{
    for (int32_t left = get_count(in, PRODUCER_FILE_BYTES); left > 0 && !in->bad; left--) {
        struct producer *producer = producer_new(producers, get_i64(in));
        producer->seen_ms = get_i64(in);
        producer->epoch = producer->tail_epoch = get_i16(in);
        producer->last = producer->tail = get_i32(in);
        uint8_t n = (uint8_t)get_i8(in);
        if (n > PRODUCER_REMEMBERS)
            return false;
        producer->n_sent = n;
        for (int i = 0; i < n; i++) {
            producer->sent[i].first = get_i32(in);
            producer->sent[i].last = get_i32(in);
            producer->sent[i].offset = get_i64(in);
        }
    }
    return !in->bad;
}

void producers_clear(struct producers *producers)
{
    struct producer *producer;
    for (size_t at = 0; (producer = map_next(&producers->by_id, &at));)
        free(producer);
    map_clear(&producers->by_id);
}
