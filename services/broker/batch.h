/* Record batches, format 2: the header, its checks, and a walk over the records of one that is
 * not compressed. (Kafka documentation, "Record Batch".) */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "services/broker/codes.h"

#define BATCH_HEADER_BYTES 61
#define BATCH_LENGTH_AT 8 /* bytes before and with the length field are not counted by it */
#define BATCH_PREFIX_BYTES 12

enum {
    BATCH_CODEC = 0x07,
    BATCH_TIME_OF_APPEND = 0x08,
    BATCH_TRANSACTIONAL = 0x10,
    BATCH_CONTROL = 0x20
};

struct batch {
    int64_t base_offset;
    uint32_t bytes; /* whole, header included */
    int8_t magic;
    uint32_t crc;
    int16_t attributes;
    int32_t last_delta; /* offset of the last record, from the base */
    int64_t base_time_ms, max_time_ms;
    int64_t producer_id; /* -1: not idempotent */
    int16_t producer_epoch;
    int32_t first_sequence;
    int32_t count;
};

static inline int64_t batch_last_offset(const struct batch *batch)
{
    return batch->base_offset + batch->last_delta;
}

/* Reads the header; false when there are fewer than BATCH_HEADER_BYTES or the length field
 * cannot be. */
bool batch_read(const uint8_t *bytes, size_t n, struct batch *out);

/* Whole (`n` holds it) and as it was made: magic 2 and the CRC-32C over everything that the
 * broker does not set. */
bool batch_is_sound(const uint8_t *bytes, size_t n, const struct batch *batch);

/* Every check of a batch that a producer sends as the `n` bytes: exactly one batch, sound,
 * counts and offsets that agree, times that can be and are up to `latest_ms`, nothing that only
 * brokers write, at most `most_bytes`. */
enum kafka_error batch_accept(const uint8_t *bytes, size_t n, size_t most_bytes, int64_t latest_ms,
                              struct batch *out);

/* The broker's part: the base offset, and leader epoch 0. The CRC does not cover them. */
void batch_place(uint8_t *bytes, int64_t base_offset);

/* The first record with a time of at least `time_ms`; of one whose records cannot be expanded its
 * first record. False when the header says that there is none. */
bool batch_find_time(const uint8_t *bytes, const struct batch *batch, int64_t time_ms,
                     int64_t *offset, int64_t *found_ms);

struct writer;

/* A batch of one record without a key, not compressed and of no producer, for what the broker
 * itself keeps. */
void batch_write(struct writer *out, int64_t time_ms, const void *value, size_t n);

/* The value of the only record of such a batch. */
struct str batch_value(const uint8_t *bytes, const struct batch *batch);
