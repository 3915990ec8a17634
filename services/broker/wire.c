#include "services/broker/wire.h"

#include <stdlib.h>

#include "base/arena.h"

/* The next `n` bytes, or NULL (and bad) when there are fewer. */
static const uint8_t *take(struct reader *in, size_t n)
{
    if (in->bad || reader_left(in) < n) {
        in->bad = true;
        return NULL;
    }
    const uint8_t *p = in->at;
    in->at += n;
    return p;
}

int8_t get_i8(struct reader *in)
{
    const uint8_t *p = take(in, 1);
    return p ? (int8_t)*p : 0;
}

int16_t get_i16(struct reader *in)
{
    const uint8_t *p = take(in, 2);
    return p ? (int16_t)(p[0] << 8 | p[1]) : 0;
}

int32_t get_i32(struct reader *in)
{
    const uint8_t *p = take(in, 4);
    return p ? (int32_t)load_be32(p) : 0;
}

int64_t get_i64(struct reader *in)
{
    const uint8_t *p = take(in, 8);
    return p ? (int64_t)load_be64(p) : 0;
}

bool get_bool(struct reader *in)
{
    return get_i8(in) != 0;
}

static uint64_t get_base128(struct reader *in, int most_bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < most_bytes; i++) {
        const uint8_t *p = take(in, 1);
        if (!p)
            return 0;
        value |= (uint64_t)(*p & 0x7f) << (7 * i);
        if (!(*p & 0x80))
            return value;
    }
    in->bad = true;
    return 0;
}

uint32_t get_uvarint(struct reader *in)
{
    uint64_t value = get_base128(in, 5);
    if (value > UINT32_MAX)
        in->bad = true;
    return in->bad ? 0 : (uint32_t)value;
}

int32_t get_varint(struct reader *in)
{
    uint32_t value = get_uvarint(in);
    return (int32_t)(value >> 1) ^ -(int32_t)(value & 1);
}

int64_t get_varlong(struct reader *in)
{
    uint64_t value = get_base128(in, 10);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* `n` bytes as text; -1 is null, any other negative length is bad. */
static struct str slice(struct reader *in, int64_t n)
{
    if (n < 0) {
        if (n != -1)
            in->bad = true;
        return (struct str){ NULL, 0 };
    }
    const uint8_t *p = take(in, (size_t)n);
    return p ? (struct str){ (const char *)p, (size_t)n } : (struct str){ NULL, 0 };
}

struct str get_string(struct reader *in)
{
    return slice(in, get_i16(in));
}

struct str get_bytes(struct reader *in)
{
    return slice(in, get_i32(in));
}

struct str get_compact_string(struct reader *in)
{
    return slice(in, (int64_t)get_uvarint(in) - 1);
}

int32_t get_count(struct reader *in, size_t least_bytes)
{
    int32_t n = get_i32(in);
    if (n < -1 || (n > 0 && (size_t)n > reader_left(in) / least_bytes))
        in->bad = true;
    else if (n > 0 && (uint32_t)n > in->elements_left)
        in->bad = true;
    else if (n > 0)
        in->elements_left -= (uint32_t)n;
    return in->bad ? 0 : n;
}

int32_t get_elements(struct reader *in, size_t least_bytes)
{
    int32_t n = get_count(in, least_bytes);
    return n < 0 ? 0 : n;
}

void get_tags(struct reader *in)
{
    uint32_t n = get_uvarint(in);
    while (n-- > 0 && !in->bad) {
        get_uvarint(in);
        skip_bytes(in, get_uvarint(in));
    }
}

void skip_bytes(struct reader *in, size_t n)
{
    take(in, n);
}

void writer_clear(struct writer *out)
{
    free(out->bytes);
    *out = (struct writer){ 0 };
}

uint8_t *put_room(struct writer *out, size_t n)
{
    if (out->len + n > WRITER_BYTES_MOST) {
        out->bad = true;
        out->len = 0; /* what comes goes over what there is */
    }
    if (out->size - out->len < n) {
        size_t size = out->size ? out->size * 2 : 128;
        while (size - out->len < n)
            size *= 2;
        out->bytes = mem_realloc(out->bytes, size);
        out->size = size;
    }
    uint8_t *p = out->bytes + out->len;
    out->len += n;
    return p;
}

void put_i8(struct writer *out, int8_t value)
{
    *put_room(out, 1) = (uint8_t)value;
}

void put_i16(struct writer *out, int16_t value)
{
    uint8_t *p = put_room(out, 2);
    p[0] = (uint8_t)((uint16_t)value >> 8), p[1] = (uint8_t)value;
}

void put_i32(struct writer *out, int32_t value)
{
    store_be32(put_room(out, 4), (uint32_t)value);
}

void put_i64(struct writer *out, int64_t value)
{
    store_be64(put_room(out, 8), (uint64_t)value);
}

void put_bool(struct writer *out, bool value)
{
    put_i8(out, value);
}

void put_uvarint(struct writer *out, uint32_t value)
{
    for (; value >= 0x80; value >>= 7)
        put_i8(out, (int8_t)(value | 0x80));
    put_i8(out, (int8_t)value);
}

void put_raw(struct writer *out, const void *bytes, size_t n)
{
    if (n && !out->bad)
        memcpy(put_room(out, n), bytes, n);
}

void put_string(struct writer *out, struct str value)
{
    if (value.len > INT16_MAX) {
        out->bad = true;
        value = (struct str){ NULL, 0 };
    }
    put_i16(out, value.ptr ? (int16_t)value.len : -1);
    put_raw(out, value.ptr, value.len);
}

void put_bytes(struct writer *out, struct str value)
{
    if (value.len > INT32_MAX) {
        out->bad = true;
        value = (struct str){ NULL, 0 };
    }
    put_i32(out, value.ptr ? (int32_t)value.len : -1);
    put_raw(out, value.ptr, value.len);
}

size_t put_later32(struct writer *out)
{
    size_t place = out->len;
    put_i32(out, 0);
    return place;
}

void set_later32(struct writer *out, size_t place, int32_t value)
{
    store_be32(out->bytes + place, (uint32_t)value);
}
