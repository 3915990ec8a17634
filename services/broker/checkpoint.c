/* The checkpoint of a partition: what a start needs so that it reads only what came after.
 * Replaced as a whole, always written after what it speaks of is synced.
 *
 * i32 version, i64 start, i64 synced, producers, i32 segments, then for each: i64 base, i64 end,
 * i32 bytes, i64 max_time_ms; for the last also its index; i32 CRC-32C of all before. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "services/broker/log_private.h"

#define CHECKPOINT_VERSION 1
#define CHECKPOINT_SEGMENT_BYTES 28

struct checkpoint {
    struct job job;
    struct log *log;
    uint64_t covers_bytes;
    struct writer bytes, index;
    int64_t index_base;
    struct segment **dropped; /* their files go after the checkpoint no longer names them */
    size_t n_dropped;
    int failed;
};

static void put_crc(struct writer *out)
{
    put_i32(out, (int32_t)hash_crc32c(0, out->bytes, out->len));
}

void checkpoint_write(struct log *log, struct writer *out)
{
    put_i32(out, CHECKPOINT_VERSION);
    put_i64(out, log->start);
    put_i64(out, log->synced);
    producers_write(&log->producers, clock_now_us() / US_PER_MS, out);
    put_i32(out, (int32_t)log->n_segments);
    for (size_t i = 0; i < log->n_segments; i++) {
        const struct segment *segment = log->segments[i];
        put_i64(out, segment->base);
        put_i64(out, segment->end);
        put_i32(out, (int32_t)segment->bytes);
        put_i64(out, segment->max_time_ms);
    }
    if (log->n_segments)
        index_write(log_active(log), out);
    put_crc(out);
}

bool checkpoint_read(struct log *log, const uint8_t *bytes, size_t n)
{
    if (n < 4 || hash_crc32c(0, bytes, n - 4) != load_be32(bytes + n - 4))
        return false;
    struct reader in = reader_of(bytes, n - 4);
    if (get_i32(&in) != CHECKPOINT_VERSION)
        return false;
    log->start = get_i64(&in);
    log->synced = log->end = get_i64(&in);
    if (!producers_read(&log->producers, &in))
        return false;
    for (int32_t left = get_count(&in, CHECKPOINT_SEGMENT_BYTES); left > 0; left--) {
        struct segment *segment = segment_new(get_i64(&in));
        segment->end = get_i64(&in);
        segment->bytes = (uint32_t)get_i32(&in);
        segment->max_time_ms = get_i64(&in);
        log_add_segment(log, segment);
    }
    if (log->n_segments && !index_read(log_active(log), &in))
        return false;
    return !in.bad && reader_left(&in) == 0;
}

void checkpoint_remove_files(const struct segment_home *home, int64_t base)
{
    char path[FILE_PATH_BYTES];
    segment_path(path, home, base);
    unlink(path);
    segment_index_path(path, home, base);
    unlink(path);
}

static void run(struct job *job)
{
    struct checkpoint *checkpoint = CONTAINER_OF(job, struct checkpoint, job);
    const struct segment_home *home = &checkpoint->log->config.home;
    char name[64];
    if (checkpoint->index.len) {
        snprintf(name, sizeof(name), "%" PRId32 "-%019" PRId64 ".index", home->partition,
                 checkpoint->index_base);
        checkpoint->failed =
            file_replace(home->folder, name, checkpoint->index.bytes, checkpoint->index.len);
    }
    snprintf(name, sizeof(name), "%" PRId32 ".checkpoint", home->partition);
    if (!checkpoint->failed)
        checkpoint->failed =
            file_replace(home->folder, name, checkpoint->bytes.bytes, checkpoint->bytes.len);
    for (size_t i = 0; !checkpoint->failed && i < checkpoint->n_dropped; i++)
        checkpoint_remove_files(home, checkpoint->dropped[i]->base);
}

/* A checkpoint that fails costs only time at the next start; the disk's state is told by the
 * commits. */
static void done(struct job *job)
{
    struct checkpoint *checkpoint = CONTAINER_OF(job, struct checkpoint, job);
    struct log *log = checkpoint->log;
    log->checkpoint = NULL;
    if (!checkpoint->failed)
        log->unchecked_bytes -= checkpoint->covers_bytes;
    for (size_t i = 0; i < checkpoint->n_dropped; i++)
        segment_unref(checkpoint->dropped[i]);
    free(checkpoint->dropped);
    writer_clear(&checkpoint->bytes);
    writer_clear(&checkpoint->index);
    free(checkpoint);
}

static void submit(struct log *log, const struct segment *sealed, struct segment **dropped,
                   size_t n_dropped)
{
    struct checkpoint *checkpoint = mem_alloc(sizeof(*checkpoint));
    checkpoint->job = (struct job){ .run = run, .done = done };
    checkpoint->log = log;
    checkpoint->covers_bytes = log->unchecked_bytes;
    checkpoint_write(log, &checkpoint->bytes);
    if (sealed) {
        checkpoint->index_base = sealed->base;
        index_write(sealed, &checkpoint->index);
        put_crc(&checkpoint->index);
    }
    checkpoint->dropped = dropped;
    checkpoint->n_dropped = n_dropped;
    log->checkpoint = checkpoint;
    loop_submit(log->env->loop, &checkpoint->job);
}

void checkpoint_submit(struct log *log, const struct segment *sealed)
{
    submit(log, sealed, NULL, 0);
}

void log_checkpoint(struct log *log)
{
    if (!log->checkpoint && log->unchecked_bytes)
        checkpoint_submit(log, NULL);
}

bool log_drop_before(struct log *log, int64_t offset)
{
    if (log->checkpoint)
        return false;
    offset = MIN(offset, log->synced);
    if (offset <= log->start)
        return true;
    size_t n = 0;
    while (n + 1 < log->n_segments && log->segments[n]->end <= offset)
        n++;
    struct segment **dropped = mem_alloc((n + 1) * sizeof(*dropped));
    memcpy(dropped, log->segments, n * sizeof(*dropped));
    memmove(log->segments, log->segments + n, (log->n_segments - n) * sizeof(*dropped));
    log->n_segments -= n;
    log->start = offset;
    submit(log, NULL, dropped, n);
    return true;
}
