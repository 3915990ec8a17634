/* The records inside a batch: a walk over them, expanded where they are compressed, and a batch
 * with some of them left. (Kafka documentation, "Record".) */
#pragma once

#include "platform/compress/compress.h"
#include "services/broker/batch.h"
#include "services/broker/wire.h"

/* What a batch may expand to: more is not read, so that memory is bounded. */
#define RECORDS_MOST_BYTES (32u << 20)

struct record {
    struct str whole; /* with its length */
    int64_t time_delta;
    int32_t delta; /* its offset, from the batch's base */
    struct str key, value; /* ptr NULL where they are null */
};

/* The next one; false when there is none that is sound: of a length that its fields take. */
bool record_read(struct reader *in, struct record *out);

/* The records of a batch, in `room` where they are compressed; false when they cannot be expanded,
 * or are more than RECORDS_MOST_BYTES. */
bool batch_records(const uint8_t *bytes, const struct batch *batch, struct compress_buffer *room,
                   struct reader *out);

/* Appends the batch with only `count` of its records (as they were, one after the other), or none:
 * of the same offsets, producer and compression. False when it cannot be compressed. */
bool batch_rewrite(const uint8_t *bytes, const struct batch *batch, struct str records,
                   int32_t count, int64_t max_time_ms, struct compress_buffer *room,
                   struct writer *out);
