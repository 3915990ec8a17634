/* The checkpoint of a partition: what a start needs so that it reads only what came after, and
 * which files count. Replaced as a whole, always written after what it speaks of is synced.
 *
 * i32 version, i64 start, i64 synced, producers, i64 buried, i32 passes of compaction, for each:
 * i64 before, i64 ms, i64 tombstones; i32 segments, for each: i64 base, i32 revision, i64 end,
 * i32 bytes, i64 max_time_ms, i64 born_ms, i64 written_ms; for the last also its index; i32
 * CRC-32C of all before. Version 1 knows nothing of compaction and of ages. */
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

#define CHECKPOINT_VERSION 2
#define CHECKPOINT_PASS_BYTES 24
#define CHECKPOINT_SEGMENT_BYTES 28 /* in version 1 */

struct checkpoint {
    struct job job;
    struct log *log;
    uint64_t covers_bytes;
    struct writer bytes, index;
    char index_name[SEGMENT_NAME_BYTES];
    struct segments doomed; /* their files go after the checkpoint no longer names them */
    struct log_waiter *waiters;
    int failed;
};

static void put_passes(const struct log *log, struct writer *out)
{
    put_i64(out, log->buried);
    put_i32(out, (int32_t)log->n_passes);
    for (size_t i = 0; i < log->n_passes; i++) {
        put_i64(out, log->passes[i].before);
        put_i64(out, log->passes[i].ms);
        put_i64(out, log->passes[i].tombstones);
    }
}

static void put_segment(const struct segment *segment, struct writer *out)
{
    put_i64(out, segment->base);
    put_i32(out, (int32_t)segment->revision);
    put_i64(out, segment->end);
    put_i32(out, (int32_t)segment->bytes);
    put_i64(out, segment->max_time_ms);
    put_i64(out, segment->born_ms);
    put_i64(out, segment->written_ms);
}

void checkpoint_write(struct log *log, struct writer *out)
{
    put_i32(out, CHECKPOINT_VERSION);
    put_i64(out, log->start);
    put_i64(out, log->synced);
    producers_write(&log->producers, clock_now_us() / US_PER_MS, out);
    put_passes(log, out);
    put_i32(out, (int32_t)log->segments.n);
    for (size_t i = 0; i < log->segments.n; i++)
        put_segment(log->segments.list[i], out);
    if (log->segments.n)
        index_write(log_active(log), out);
    put_i32(out, (int32_t)hash_crc32c(0, out->bytes, out->len));
}

static void get_passes(struct log *log, struct reader *in)
{
    log->buried = get_i64(in);
    for (int32_t left = get_count(in, CHECKPOINT_PASS_BYTES); left > 0; left--) {
        struct pass pass = { .before = get_i64(in) };
        pass.ms = get_i64(in);
        pass.tombstones = get_i64(in);
        log_add_pass(log, pass);
    }
}

static struct segment *get_segment(struct reader *in, bool has_ages)
{
    struct segment *segment = segment_new(get_i64(in), 0);
    if (has_ages)
        segment->revision = (uint32_t)get_i32(in);
    segment->end = get_i64(in);
    segment->bytes = (uint32_t)get_i32(in);
    segment->max_time_ms = get_i64(in);
    if (has_ages) {
        segment->born_ms = get_i64(in);
        segment->written_ms = get_i64(in);
    }
    return segment;
}

static bool is_whole(const uint8_t *bytes, size_t n)
{
    return n >= 8 && hash_crc32c(0, bytes, n - 4) == load_be32(bytes + n - 4);
}

bool checkpoint_is_later(const uint8_t *bytes, size_t n)
{
    return is_whole(bytes, n) && (int32_t)load_be32(bytes) > CHECKPOINT_VERSION;
}

bool checkpoint_read(struct log *log, const uint8_t *bytes, size_t n)
{
    if (!is_whole(bytes, n))
        return false;
    struct reader in = reader_of(bytes, n - 4);
    int32_t version = get_i32(&in);
    if (version < 1 || version > CHECKPOINT_VERSION)
        return false;
    log->start = get_i64(&in);
    log->synced = log->end = get_i64(&in);
    if (!producers_read(&log->producers, &in))
        return false;
    if (version > 1)
        get_passes(log, &in);
    for (int32_t left = get_count(&in, CHECKPOINT_SEGMENT_BYTES); left > 0; left--)
        segments_add(&log->segments, get_segment(&in, version > 1));
    if (log->segments.n && !index_read(log_active(log), &in))
        return false;
    return !in.bad && reader_left(&in) == 0;
}

static void run(struct job *job)
{
    struct checkpoint *checkpoint = CONTAINER_OF(job, struct checkpoint, job);
    const struct segment_home *home = &checkpoint->log->config.home;
    char name[SEGMENT_NAME_BYTES];
    if (checkpoint->index.len)
        checkpoint->failed = file_replace(home->folder, checkpoint->index_name,
                                          checkpoint->index.bytes, checkpoint->index.len);
    snprintf(name, sizeof(name), "%" PRId32 ".checkpoint", home->partition);
    if (!checkpoint->failed)
        checkpoint->failed =
            file_replace(home->folder, name, checkpoint->bytes.bytes, checkpoint->bytes.len);
    if (checkpoint->failed || !checkpoint->doomed.n)
        return;
    for (size_t i = 0; i < checkpoint->doomed.n; i++)
        segment_remove_files(home, checkpoint->doomed.list[i]);
    file_sync_folder(home->folder); /* or the next start removes them once more */
}

static void done(struct job *job);

static void submit(struct log *log)
{
    struct checkpoint *checkpoint = mem_alloc(sizeof(*checkpoint));
    struct segment *sealed = log->sealed;
    checkpoint->log = log;
    checkpoint->covers_bytes = log->unchecked_bytes;
    checkpoint->waiters = log->waiters;
    checkpoint->doomed = log->doomed;
    log->waiters = NULL;
    log->doomed = (struct segments){ 0 };
    log->sealed = NULL;
    log->unsaved = log->save_again = false;
    checkpoint_write(log, &checkpoint->bytes);
    if (sealed) {
        segment_name(checkpoint->index_name, log->config.home.partition, sealed->base,
                     sealed->revision, "index");
        index_save(sealed, &checkpoint->index);
        segment_unref(sealed);
    }
    checkpoint->job = (struct job){ .run = run, .done = done };
    log->checkpoint = checkpoint;
    loop_submit(log->env->loop, &checkpoint->job);
}

/* A checkpoint that fails is written again with the next: until then the files that it would
 * have let go are kept, and the next start knows of nothing that it says. */
static void keep_doomed(struct log *log, struct segments *doomed)
{
    log->unsaved = true;
    for (size_t i = 0; i < doomed->n; i++)
        segments_add(&log->doomed, segment_ref(doomed->list[i]));
}

static void done(struct job *job)
{
    struct checkpoint *checkpoint = CONTAINER_OF(job, struct checkpoint, job);
    struct log *log = checkpoint->log;
    struct log_waiter *waiter = checkpoint->waiters;
    bool kept = !checkpoint->failed;
    log->checkpoint = NULL;
    if (kept)
        log->unchecked_bytes -= checkpoint->covers_bytes;
    else
        keep_doomed(log, &checkpoint->doomed);
    segments_clear(&checkpoint->doomed);
    writer_clear(&checkpoint->bytes);
    writer_clear(&checkpoint->index);
    free(checkpoint);
    if (log->save_again)
        submit(log);
    while (waiter) {
        struct log_waiter *next = waiter->next;
        waiter->done(waiter, kept);
        waiter = next;
    }
}

void log_save(struct log *log, struct log_waiter *waiter)
{
    if (waiter) {
        waiter->next = log->waiters;
        log->waiters = waiter;
    }
    if (log->checkpoint)
        log->save_again = true;
    else
        submit(log);
}

void log_checkpoint(struct log *log)
{
    if (log->unchecked_bytes || log->unsaved)
        log_save(log, NULL);
}
