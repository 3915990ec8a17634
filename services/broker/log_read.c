#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "services/broker/log_private.h"

/* Builds the index of a sealed segment again, when its file is missing or damaged. */
static bool index_rebuild(struct segment *segment)
{
    struct segment fresh = { .base = segment->base,
                             .bytes = SEGMENT_HEADER_BYTES,
                             .max_time_ms = -1 };
    struct scan scan = { .fd = segment->fd,
                         .position = SEGMENT_HEADER_BYTES,
                         .end = segment->bytes };
    struct batch batch;
    enum scan_result result;
    while ((result = scan_next(&scan, &batch, NULL)) == SCAN_BATCH)
        segment_add(&fresh, &batch);
    scan_clear(&scan);
    free(segment->index);
    segment->index = fresh.index;
    segment->n_index = fresh.n_index;
    segment->index_size = fresh.index_size;
    segment->has_index = result == SCAN_END;
    return segment->has_index;
}

static bool get_index(const struct log *log, struct segment *segment)
{
    char name[SEGMENT_NAME_BYTES], path[FILE_PATH_BYTES];
    uint8_t *bytes;
    size_t n;
    segment_name(name, log->config.home.partition, segment->base, segment->revision, "index");
    file_path(path, log->config.home.folder, "%s", name);
    if (file_read_whole(path, &bytes, &n) == 0) {
        index_load(segment, bytes, n);
        free(bytes);
    }
    return segment->has_index || index_rebuild(segment);
}

/* Opened, and with its index. */
static bool segment_ready(const struct log *log, struct segment *segment)
{
    segment->used_us = loop_now_us(log->env->loop);
    return segment_open(segment, &log->config.home) == 0 &&
           (segment->has_index || get_index(log, segment));
}

/* The segment that holds `offset`, which is in the log. */
static struct segment *segment_of(const struct log *log, int64_t offset)
{
    size_t low = 0, high = log->segments.n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (log->segments.list[middle]->base <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? log->segments.list[low - 1] : NULL;
}

enum kafka_error log_read(struct log *log, int64_t offset, uint32_t most, bool at_least_one,
                          struct slice *out)
{
    *out = (struct slice){ 0 };
    if (offset < log->start || offset > log->synced)
        return KAFKA_OFFSET_OUT_OF_RANGE;
    if (offset == log->synced)
        return KAFKA_NONE;
    struct segment *segment = segment_of(log, offset);
    if (!segment || !segment_ready(log, segment))
        return KAFKA_STORAGE_ERROR;
    struct scan scan = { .fd = segment->fd,
                         .position = segment_seek(segment, offset),
                         .end = segment->bytes };
    struct batch batch;
    enum scan_result result;
    while ((result = scan_next(&scan, &batch, NULL)) == SCAN_BATCH &&
           batch_last_offset(&batch) < offset)
        ;
    scan_clear(&scan);
    if (result != SCAN_BATCH)
        return KAFKA_STORAGE_ERROR;
    uint32_t from = scan.position - batch.bytes, left = segment->bytes - from;
    if (batch.bytes > most) {
        if (at_least_one)
            *out = (struct slice){ segment_ref(segment), from, batch.bytes };
        return KAFKA_NONE;
    }
    uint32_t bytes = left <= most ? left
                                  : segment_cut(segment, from + batch.bytes, from + most) - from;
    *out = (struct slice){ segment_ref(segment), from, bytes };
    return KAFKA_NONE;
}

/* The first record at or after the time, in one segment that has one. */
static enum kafka_error find_in(struct segment *segment, int64_t start, int64_t time_ms,
                                int64_t *offset, int64_t *found_ms)
{
    struct scan scan = { .fd = segment->fd,
                         .position = segment_seek_time(segment, time_ms),
                         .end = segment->bytes };
    struct batch batch;
    const uint8_t *bytes;
    enum scan_result result;
    while ((result = scan_next(&scan, &batch, &bytes)) == SCAN_BATCH)
        if (batch_last_offset(&batch) >= start &&
            batch_find_time(bytes, &batch, time_ms, offset, found_ms))
            break;
    scan_clear(&scan);
    return result == SCAN_BATCH || result == SCAN_END ? KAFKA_NONE : KAFKA_STORAGE_ERROR;
}

enum kafka_error log_find_time(struct log *log, int64_t time_ms, int64_t *offset, int64_t *found_ms)
{
    *offset = *found_ms = -1;
    for (size_t i = 0; i < log->segments.n && *offset < 0; i++) {
        struct segment *segment = log->segments.list[i];
        if (segment->max_time_ms < time_ms)
            continue;
        if (!segment_ready(log, segment))
            return KAFKA_STORAGE_ERROR;
        enum kafka_error error = find_in(segment, log->start, time_ms, offset, found_ms);
        if (error)
            return error;
    }
    if (*offset >= 0) /* of a batch that the start is within */
        *offset = MAX(*offset, log->start);
    return KAFKA_NONE;
}
