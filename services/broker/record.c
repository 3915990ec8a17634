#include "services/broker/record.h"

#include "base/hash.h"

#define RECORD_LEAST_BYTES 7
#define ATTRIBUTES_AT 21
#define MAX_TIME_AT 35
#define COUNT_AT 57
#define CRC_AT 17

/* A length and so many bytes; -1 is null. */
static struct str get_part(struct reader *in)
{
    int32_t n = get_varint(in);
    struct str part = { NULL, 0 };
    if (n >= 0)
        part = (struct str){ (const char *)in->at, (size_t)n };
    if (n < -1)
        in->bad = true;
    skip_bytes(in, part.len);
    return part;
}

static void skip_headers(struct reader *in)
{
    int32_t left = get_varint(in);
    in->bad |= left < 0;
    for (; left > 0 && !in->bad; left--) {
        in->bad |= !get_part(in).ptr;
        get_part(in);
    }
}

bool record_read(struct reader *in, struct record *out)
{
    const uint8_t *from = in->at;
    int32_t length = get_varint(in);
    if (in->bad || length < RECORD_LEAST_BYTES - 1 || (size_t)length > reader_left(in))
        return false;
    struct reader record = reader_of(in->at, (size_t)length);
    skip_bytes(in, (size_t)length);
    out->whole = (struct str){ (const char *)from, (size_t)(in->at - from) };
    get_i8(&record);
    out->time_delta = get_varlong(&record);
    out->delta = get_varint(&record);
    out->key = get_part(&record);
    out->value = get_part(&record);
    skip_headers(&record);
    return !record.bad && reader_left(&record) == 0;
}

bool batch_records(const uint8_t *bytes, const struct batch *batch, struct compress_buffer *room,
                   struct reader *out)
{
    enum codec codec = batch->attributes & BATCH_CODEC;
    *out = reader_of(bytes + BATCH_HEADER_BYTES, batch->bytes - BATCH_HEADER_BYTES);
    if (codec == CODEC_NONE)
        return true;
    if (!compress_expand(codec, out->at, reader_left(out), RECORDS_MOST_BYTES, room))
        return false;
    *out = reader_of(room->bytes, room->n);
    return true;
}

bool batch_rewrite(const uint8_t *bytes, const struct batch *batch, struct str records,
                   int32_t count, int64_t max_time_ms, struct compress_buffer *room,
                   struct writer *out)
{
    enum codec codec = count ? batch->attributes & BATCH_CODEC : CODEC_NONE;
    if (codec != CODEC_NONE) {
        if (!compress_shrink(codec, records.ptr, records.len, room))
            return false;
        records = (struct str){ (const char *)room->bytes, room->n };
    }
    size_t n = BATCH_HEADER_BYTES + records.len;
    uint8_t *fresh = put_room(out, n);
    memcpy(fresh, bytes, BATCH_HEADER_BYTES);
    if (records.len)
        memcpy(fresh + BATCH_HEADER_BYTES, records.ptr, records.len);
    store_be32(fresh + BATCH_LENGTH_AT, (uint32_t)(n - BATCH_PREFIX_BYTES));
    fresh[ATTRIBUTES_AT + 1] = (uint8_t)((batch->attributes & ~BATCH_CODEC) | (int)codec);
    store_be64(fresh + MAX_TIME_AT, (uint64_t)max_time_ms);
    store_be32(fresh + COUNT_AT, (uint32_t)count);
    store_be32(fresh + CRC_AT, hash_crc32c(0, fresh + ATTRIBUTES_AT, n - ATTRIBUTES_AT));
    return true;
}
