#include "services/broker/batch.h"

#include "base/hash.h"
#include "services/broker/record.h"

#define CRC_FROM 21 /* attributes to the end */

bool batch_read(const uint8_t *bytes, size_t n, struct batch *out)
{
    if (n < BATCH_HEADER_BYTES)
        return false;
    struct reader in = reader_of(bytes, BATCH_HEADER_BYTES);
    out->base_offset = get_i64(&in);
    int32_t length = get_i32(&in);
    if (length < BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES || length > INT32_MAX - BATCH_PREFIX_BYTES)
        return false;
    out->bytes = (uint32_t)length + BATCH_PREFIX_BYTES;
    skip_bytes(&in, 4);
    out->magic = get_i8(&in);
    out->crc = (uint32_t)get_i32(&in);
    out->attributes = get_i16(&in);
    out->last_delta = get_i32(&in);
    out->base_time_ms = get_i64(&in);
    out->max_time_ms = get_i64(&in);
    out->producer_id = get_i64(&in);
    out->producer_epoch = get_i16(&in);
    out->first_sequence = get_i32(&in);
    out->count = get_i32(&in);
    return true;
}

bool batch_is_sound(const uint8_t *bytes, size_t n, const struct batch *batch)
{
    return batch->magic == 2 && batch->bytes <= n && batch->base_offset >= 0 &&
           batch->last_delta >= 0 &&
           hash_crc32c(0, bytes + CRC_FROM, batch->bytes - CRC_FROM) == batch->crc;
}

/* Also tells whether all of their times are up to `latest_ms`. */
static bool records_are_sound(const uint8_t *bytes, const struct batch *batch, int64_t latest_ms,
                              bool *in_time)
{
    struct reader in = reader_of(bytes + BATCH_HEADER_BYTES, batch->bytes - BATCH_HEADER_BYTES);
    *in_time = true;
    for (int32_t i = 0; i < batch->count; i++) {
        struct record record;
        int64_t time_ms;
        if (!record_read(&in, &record) || record.delta != i)
            return false;
        if (__builtin_add_overflow(batch->base_time_ms, record.time_delta, &time_ms) ||
            time_ms > latest_ms)
            *in_time = false;
    }
    return reader_left(&in) == 0;
}

static bool times_can_be(const struct batch *batch, int64_t latest_ms)
{
    return !(batch->attributes & BATCH_TIME_OF_APPEND) && batch->base_time_ms >= -1 &&
           batch->max_time_ms >= -1 && batch->max_time_ms <= latest_ms;
}

static bool producer_can_be(const struct batch *batch)
{
    return batch->producer_id >= 0 ? batch->producer_epoch >= 0 && batch->first_sequence >= 0
                                   : batch->producer_id == -1;
}

enum kafka_error batch_accept(const uint8_t *bytes, size_t n, size_t most_bytes, int64_t latest_ms,
                              struct batch *out)
{
    /* The magic byte is at the same place in every format, so that older ones are told apart
     * first. */
    if (n > 16 && bytes[16] < 2)
        return KAFKA_UNSUPPORTED_FOR_MESSAGE_FORMAT;
    if (n > most_bytes)
        return KAFKA_MESSAGE_TOO_LARGE;
    if (!batch_read(bytes, n, out) || out->bytes != n)
        return KAFKA_CORRUPT_MESSAGE;
    out->base_offset = 0;
    if (!batch_is_sound(bytes, n, out))
        return KAFKA_CORRUPT_MESSAGE;
    if (out->attributes & (BATCH_TRANSACTIONAL | BATCH_CONTROL) || out->count <= 0 ||
        out->last_delta != out->count - 1 || !producer_can_be(out))
        return KAFKA_INVALID_RECORD;
    bool in_time = true;
    if (!(out->attributes & BATCH_CODEC) && !records_are_sound(bytes, out, latest_ms, &in_time))
        return KAFKA_INVALID_RECORD;
    return in_time && times_can_be(out, latest_ms) ? KAFKA_NONE : KAFKA_INVALID_TIMESTAMP;
}

void batch_place(uint8_t *bytes, int64_t base_offset)
{
    store_be64(bytes, (uint64_t)base_offset);
    store_be32(bytes + 12, 0);
}

bool batch_find_time(const uint8_t *bytes, const struct batch *batch, int64_t time_ms,
                     int64_t *offset, int64_t *found_ms)
{
    if (batch->max_time_ms < time_ms)
        return false;
    /* When the header says more than the records do; without this, one such batch would cost a
     * scan of the segment. What is compressed was not looked into when it was accepted: its records may say that they are
     * of another batch. */
    *offset = batch->base_offset;
    *found_ms = batch->max_time_ms;
    struct compress_buffer room = { 0 };
    struct reader in;
    bool readable = batch_records(bytes, batch, &room, &in);
    for (int32_t left = batch->count; readable && left > 0; left--) {
        struct record record;
        int64_t time;
        if (!record_read(&in, &record) || record.delta < 0 || record.delta > batch->last_delta ||
            __builtin_add_overflow(batch->base_time_ms, record.time_delta, &time))
            break;
        if (time >= time_ms) {
            *offset = batch->base_offset + record.delta;
            *found_ms = time;
            break;
        }
    }
    compress_buffer_clear(&room);
    return true;
}

static void put_varint(struct writer *out, int32_t value)
{
    put_uvarint(out, (uint32_t)value << 1 ^ (uint32_t)(value >> 31));
}

static size_t varint_bytes(int32_t value)
{
    size_t n = 1;
    for (uint32_t v = (uint32_t)value << 1; v >= 0x80; v >>= 7)
        n++;
    return n;
}

void batch_write(struct writer *out, int64_t time_ms, const void *value, size_t n)
{
    size_t from = out->len;
    put_i64(out, 0);
    size_t length = put_later32(out);
    put_i32(out, 0);
    put_i8(out, 2);
    size_t crc = put_later32(out);
    put_i16(out, 0);
    put_i32(out, 0);
    put_i64(out, time_ms);
    put_i64(out, time_ms);
    put_i64(out, -1);
    put_i16(out, -1);
    put_i32(out, -1);
    put_i32(out, 1);
    /* attributes, time delta, offset delta, no key and no headers take one byte each */
    put_varint(out, (int32_t)(5 + varint_bytes((int32_t)n) + n));
    put_i8(out, 0);
    put_varint(out, 0);
    put_varint(out, 0);
    put_varint(out, -1);
    put_varint(out, (int32_t)n);
    put_raw(out, value, n);
    put_varint(out, 0);
    set_later32(out, length, (int32_t)(out->len - from - BATCH_PREFIX_BYTES));
    set_later32(out, crc,
                (int32_t)hash_crc32c(0, out->bytes + from + CRC_FROM, out->len - from - CRC_FROM));
}

struct str batch_value(const uint8_t *bytes, const struct batch *batch)
{
    struct reader in = reader_of(bytes + BATCH_HEADER_BYTES, batch->bytes - BATCH_HEADER_BYTES);
    struct record record;
    return record_read(&in, &record) && record.value.ptr ? record.value : (struct str){ NULL, 0 };
}
