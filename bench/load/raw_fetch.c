#include <unistd.h>

#include "bench/load/raw.h"

#define API_FETCH 1
#define WAIT_MS 100
#define MOST_BYTES (8 << 20)
#define BATCH_LAST_DELTA_AT 23
#define BATCH_COUNT_AT 57
#define BATCH_HEADER_BYTES 61
#define BATCH_PREFIX_BYTES 12

/* Version 4. */
static void put_fetch(struct writer *out, const struct load *load, const int64_t *offsets)
{
    raw_begin(out, API_FETCH, 4);
    put_i32(out, -1);
    put_i32(out, WAIT_MS);
    put_i32(out, 1);
    put_i32(out, MOST_BYTES);
    put_i8(out, 0);
    put_i32(out, 1);
    put_string(out, str_of(load->topic));
    put_i32(out, (int32_t)load->partitions);
    for (int32_t i = 0; i < load->partitions; i++) {
        put_i32(out, i);
        put_i64(out, offsets[i]);
        put_i32(out, MOST_BYTES);
    }
    raw_end(out);
}

static void take_record(const struct load *load, struct reader *in)
{
    int32_t n = get_varint(in);
    struct reader record = reader_of(in->at, (size_t)n);
    skip_bytes(in, (size_t)n);
    get_i8(&record);
    get_varlong(&record);
    get_varint(&record);
    REQUIRE(get_varint(&record) == -1); /* no key */
    int32_t bytes = get_varint(&record);
    load_came(load, (const char *)record.at, (size_t)bytes);
}

/* Whole batches; the offset behind the last of them. */
static int64_t take_batches(const struct load *load, struct str records, int64_t offset)
{
    const uint8_t *at = (const uint8_t *)records.ptr, *end = at + records.len;
    while (end - at >= BATCH_HEADER_BYTES) {
        size_t n = load_be32(at + 8) + BATCH_PREFIX_BYTES;
        if (n > (size_t)(end - at))
            break;
        struct reader in = reader_of(at + BATCH_HEADER_BYTES, n - BATCH_HEADER_BYTES);
        for (uint32_t i = load_be32(at + BATCH_COUNT_AT); i > 0; i--)
            take_record(load, &in);
        REQUIRE(!in.bad && reader_left(&in) == 0 && (int64_t)load_be64(at) == offset);
        offset += load_be32(at + BATCH_LAST_DELTA_AT) + 1;
        at += n;
    }
    return offset;
}

static void take_answer(const struct load *load, struct reader in, int64_t *offsets)
{
    skip_bytes(&in, 12);
    get_string(&in);
    for (int32_t n = get_elements(&in, 30); n > 0; n--) {
        int32_t partition = get_i32(&in);
        REQUIRE(partition >= 0 && partition < load->partitions && get_i16(&in) == 0);
        skip_bytes(&in, 16);
        skip_bytes(&in, (size_t)get_elements(&in, 16) * 16);
        offsets[partition] = take_batches(load, get_bytes(&in), offsets[partition]);
    }
    REQUIRE(!in.bad);
}

void *raw_consume(void *argument)
{
    const struct load *load = argument;
    int64_t *offsets = calloc((size_t)load->partitions, sizeof(*offsets));
    struct writer request = { 0 }, answer = { 0 };
    int fd = raw_connect(load);
    while (!load_came_whole()) {
        put_fetch(&request, load, offsets);
        raw_send(fd, &request);
        take_answer(load, raw_receive(fd, &answer), offsets);
    }
    close(fd);
    writer_clear(&request);
    writer_clear(&answer);
    free(offsets);
    return NULL;
}
