/* Batches of records with keys, compressed or not, and the model that they are compared with: what
 * was written at each offset. For unit tests of compaction. */
#pragma once

#include "services/broker/compaction.h"
#include "services/broker/record.h"
#include "services/broker/tests/log_fixture.h"

#define KEYS 40
#define RECORDS_MOST 20000
#define NO_KEY (-1)

/* Of an offset: which key, and the number of its value; a tombstone has none. */
struct written {
    int key, value;
};

struct model {
    struct written records[RECORDS_MOST]; /* by offset */
    int64_t n;
};

static void put_zigzag(struct writer *out, int64_t value)
{
    put_uvarint(out, (uint32_t)((uint64_t)value << 1 ^ (uint64_t)(value >> 31)));
}

static void put_part(struct writer *out, const char *text)
{
    put_zigzag(out, text ? (int64_t)strlen(text) : -1);
    if (text)
        put_raw(out, text, strlen(text));
}

static void key_text(char out[32], int key)
{
    snprintf(out, 32, "key-%d", key);
}

static void value_text(char out[256], const struct written *record)
{
    snprintf(
        out, 256, "value %d of %d, and %.*s", record->value, record->key, record->value % 200,
        "........................................................................................"
        "........................................................................................"
        "........................");
}

static void put_record(struct writer *out, const struct written *record, int32_t delta)
{
    char key[32], value[256];
    struct writer body = { 0 };
    put_i8(&body, 0);
    put_zigzag(&body, delta * 10);
    put_zigzag(&body, delta);
    key_text(key, record->key);
    put_part(&body, record->key == NO_KEY ? NULL : key);
    value_text(value, record);
    put_part(&body, record->value ? value : NULL);
    put_zigzag(&body, 1);
    put_part(&body, "ce_id");
    put_part(&body, value);
    put_zigzag(out, (int64_t)body.len);
    put_raw(out, body.bytes, body.len);
    writer_clear(&body);
}

/* A batch of `n` records, as a producer sends it. */
static void keyed_batch(struct writer *out, const struct written *records, int32_t n,
                        enum codec codec, int64_t producer, int32_t sequence)
{
    struct writer header = { 0 }, body = { 0 };
    struct compress_buffer room = { 0 };
    batch_write(&header, times_from, "", 0);
    header.bytes[22] = (uint8_t)codec;
    store_be32(header.bytes + 23, (uint32_t)n - 1);
    store_be64(header.bytes + 43, (uint64_t)producer);
    if (producer >= 0) {
        header.bytes[51] = header.bytes[52] = 0;
        store_be32(header.bytes + 53, (uint32_t)sequence);
    }
    for (int32_t i = 0; i < n; i++)
        put_record(&body, &records[i], i);
    struct batch batch;
    REQUIRE(batch_read(header.bytes, header.len, &batch));
    struct str bytes = { (const char *)body.bytes, body.len };
    REQUIRE(batch_rewrite(header.bytes, &batch, bytes, n, times_from + 10 * (n - 1), &room, out));
    writer_clear(&header);
    writer_clear(&body);
    compress_buffer_clear(&room);
}

static enum kafka_error append_bytes(struct log *log, const struct writer *bytes, int64_t *offset)
{
    struct sending *sent = ARENA_NEW(arena, struct sending);
    struct frame *frame = frame_new((uint32_t)bytes->len, &stats.held_bytes);
    memcpy(frame->bytes, bytes->bytes, bytes->len);
    frame_arrived(frame, (uint32_t)bytes->len);
    sent->append = (struct append){ .frame = frame, .bytes = frame->bytes, .done = sent_done };
    REQUIRE(batch_accept(frame->bytes, bytes->len, 1 << 20, INT64_MAX, &sent->append.batch) ==
            KAFKA_NONE);
    if (log_append(log, &sent->append))
        log_flush_dirty(&env);
    else
        sent->done = true;
    frame_unref(frame);
    while (!sent->done)
        loop_once(env.loop, 10);
    *offset = sent->append.batch.base_offset;
    return sent->append.error;
}

/* Appends the batch and notes it. */
static enum kafka_error append_keyed(struct log *log, struct model *model,
                                     const struct written *records, int32_t n, enum codec codec)
{
    struct writer bytes = { 0 };
    int64_t offset;
    keyed_batch(&bytes, records, n, codec, -1, 0);
    enum kafka_error error = append_bytes(log, &bytes, &offset);
    writer_clear(&bytes);
    if (!error && CHECK(offset + n <= RECORDS_MOST)) {
        memcpy(model->records + offset, records, (size_t)n * sizeof(*records));
        model->n = offset + n;
    }
    return error;
}

/* ---- comparing ---- */

struct seen {
    int64_t last[KEYS]; /* the offset of the last record that was read; -1: none */
    int64_t records, next;
    int64_t below; /* compacted: each key once */
    bool ok;
};

static void compare_record(struct seen *seen, const struct model *model, const struct batch *batch,
                           const struct record *record)
{
    int64_t offset = batch->base_offset + record->delta;
    char key[32], value[256];
    seen->ok &= offset >= seen->next && offset < model->n;
    if (!seen->ok)
        return;
    seen->next = offset + 1;
    seen->records++;
    const struct written *wanted = &model->records[offset];
    key_text(key, wanted->key);
    value_text(value, wanted);
    seen->ok &= wanted->key == NO_KEY ? !record->key.ptr : str_is(record->key, key);
    seen->ok &= wanted->value ? str_is(record->value, value) : !record->value.ptr;
    seen->ok &= batch->base_time_ms + record->time_delta <= batch->max_time_ms;
    if (wanted->key == NO_KEY)
        return;
    seen->ok &= seen->last[wanted->key] < 0 || offset >= seen->below;
    seen->last[wanted->key] = offset;
}

static void compare_batch(struct seen *seen, const struct model *model, const uint8_t *bytes,
                          const struct batch *batch, struct compress_buffer *room)
{
    struct reader in;
    struct record record;
    seen->ok &= batch_records(bytes, batch, room, &in);
    for (int32_t left = batch->count; seen->ok && left > 0; left--)
        if ((seen->ok &= record_read(&in, &record)))
            compare_record(seen, model, batch, &record);
    seen->ok &= reader_left(&in) == 0;
}

/* Every record that is there is what was written at its offset, in order; below what is compacted
 * each key once; and the last of each key is there, unless it is a tombstone. */
static struct seen compare(struct log *log, const struct model *model)
{
    struct seen seen = { .ok = true, .below = log_compacted(log) };
    struct compress_buffer room = { 0 };
    for (int i = 0; i < KEYS; i++)
        seen.last[i] = -1;
    int64_t offset = log_start(log);
    while (seen.ok && offset < log_synced(log)) {
        struct slice slice;
        if (!CHECK(log_read(log, offset, 3000, true, &slice) == KAFKA_NONE && slice.segment))
            break;
        struct scan scan = { .fd = slice.segment->fd,
                             .position = slice.position,
                             .end = slice.position + slice.bytes };
        struct batch batch;
        const uint8_t *bytes;
        int64_t before = offset;
        while (scan_next(&scan, &batch, &bytes) == SCAN_BATCH) {
            compare_batch(&seen, model, bytes, &batch, &room);
            offset = batch_last_offset(&batch) + 1;
        }
        scan_clear(&scan);
        segment_unref(slice.segment);
        if (!CHECK(offset > before))
            break;
    }
    compress_buffer_clear(&room);
    int64_t last[KEYS];
    for (int i = 0; i < KEYS; i++)
        last[i] = -1;
    for (int64_t i = 0; i < log_synced(log); i++)
        if (model->records[i].key != NO_KEY)
            last[model->records[i].key] = i;
    for (int i = 0; i < KEYS; i++)
        if (last[i] >= log_start(log) && model->records[last[i]].value)
            seen.ok &= seen.last[i] == last[i];
    CHECK(seen.ok);
    return seen;
}

/* ---- compacting ---- */

struct ran {
    struct compaction_end end;
    bool over;
    enum compaction_outcome outcome;
};

static void ran_out(struct compaction_end *end, enum compaction_outcome outcome)
{
    struct ran *ran = CONTAINER_OF(end, struct ran, end);
    ran->over = true;
    ran->outcome = outcome;
}

static struct compaction_limits limits = { .memory_bytes = 1 << 20, .bytes_a_second = 1u << 30 };

static inline enum compaction_outcome compact_now(struct log *log, bool at_once)
{
    struct ran ran = { .end.done = ran_out };
    compaction_start(log, &limits, at_once, &ran.end);
    while (!ran.over)
        loop_once(env.loop, 10);
    settle();
    return ran.outcome;
}

/* All that is there is sealed, and compacted. */
static inline enum compaction_outcome compact_all(struct log *log)
{
    log_roll(log);
    settle();
    return compact_now(log, true);
}
