/* The compressions of Kafka's record batches. What comes from outside is expanded within bounds:
 * neither the result nor the memory that it takes on the way may be larger than is said. Stateless;
 * from any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As in the attributes of a batch. */
enum codec { CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD };

/* Filled anew by each call; zero is empty. */
struct compress_buffer {
    uint8_t *bytes;
    size_t n, size;
};

void compress_buffer_clear(struct compress_buffer *buffer); /* frees; it is empty again */

/* gzip (RFC 1952) and zlib; snappy, raw or in the frames of xerial's Java library; LZ4 frames;
 * zstd (RFC 8878) with windows up to 8 MB, what its levels use. False when it is damaged, not that
 * codec's, or more than `most` bytes. */
bool compress_expand(enum codec codec, const void *bytes, size_t n, size_t most,
                     struct compress_buffer *out);

/* False when the library fails. Snappy is written raw, LZ4 in independent blocks: what every client
 * reads. */
bool compress_shrink(enum codec codec, const void *bytes, size_t n, struct compress_buffer *out);
