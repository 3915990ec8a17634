/* The primitive types of the Kafka protocol: a bounded reader and a growing writer. Big-endian.
 * A reader never leaves its bytes: what does not fit gives zero and sets `bad`, which is looked
 * at once at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct reader {
    const uint8_t *at, *end;
    uint32_t elements_left; /* of all its arrays together; more are bad */
    bool bad;
};

/* `bytes` may be NULL where n is 0. */
static inline struct reader reader_of(const void *bytes, size_t n)
{
    return (struct reader){ .at = bytes,
                            .end = n ? (const uint8_t *)bytes + n : bytes,
                            .elements_left = UINT32_MAX };
}

static inline size_t reader_left(const struct reader *in)
{
    return (size_t)(in->end - in->at);
}

int8_t get_i8(struct reader *in);
int16_t get_i16(struct reader *in);
int32_t get_i32(struct reader *in);
int64_t get_i64(struct reader *in);
bool get_bool(struct reader *in);

/* Zigzag numbers of records; at most 5 and 10 bytes. */
int32_t get_varint(struct reader *in);
int64_t get_varlong(struct reader *in);
uint32_t get_uvarint(struct reader *in);

/* Slices of the reader's bytes; ptr NULL where the protocol says null. */
struct str get_string(struct reader *in);
struct str get_bytes(struct reader *in);
struct str get_compact_string(struct reader *in);

/* The number of elements that follow, each of at least `least_bytes` (> 0): a number that cannot
 * fit is bad, so that nothing is allocated for it. -1 for a null array. */
int32_t get_count(struct reader *in, size_t least_bytes);

/* The same, 0 for a null array. */
int32_t get_elements(struct reader *in, size_t least_bytes);

/* Tagged fields of flexible versions, skipped. */
void get_tags(struct reader *in);

void skip_bytes(struct reader *in, size_t n);

#define WRITER_BYTES_MOST (64u << 20) /* the metadata of 100,000 partitions take 4 MB */

/* Grows as needed; `bad` when a string is longer than the protocol can say, or all of it longer than any answer is:
 * a short request may name the same thing many times. It can be written on all the same, to no use. Owned by who declares
 * it. */
struct writer {
    uint8_t *bytes;
    size_t len, size;
    bool bad;
};

void writer_clear(struct writer *out); /* frees; the writer is empty again */

void put_i8(struct writer *out, int8_t value);
void put_i16(struct writer *out, int16_t value);
void put_i32(struct writer *out, int32_t value);
void put_i64(struct writer *out, int64_t value);
void put_bool(struct writer *out, bool value);
void put_uvarint(struct writer *out, uint32_t value);
void put_raw(struct writer *out, const void *bytes, size_t n);
void put_string(struct writer *out, struct str value); /* null when ptr is NULL */
void put_bytes(struct writer *out, struct str value);

/* Room of `n` bytes at the end, to be filled by the caller. */
uint8_t *put_room(struct writer *out, size_t n);

/* A 32-bit number written later: put_later32() gives the place, set_later32() fills it. */
size_t put_later32(struct writer *out);
void set_later32(struct writer *out, size_t place, int32_t value);

static inline uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t load_be64(const uint8_t *p)
{
    return (uint64_t)load_be32(p) << 32 | load_be32(p + 4);
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8),
    p[3] = (uint8_t)v;
}

static inline void store_be64(uint8_t *p, uint64_t v)
{
    store_be32(p, (uint32_t)(v >> 32));
    store_be32(p + 4, (uint32_t)v);
}
