#include "services/broker/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "services/broker/log_private.h"

#define COMMIT_MOST_BYTES                                                                          \
    (16u << 20) /* one write: long enough to be cheap, short enough for who waits behind it */

/* A group commit: one write and one sync of one file, with all that was appended meanwhile. */
struct commit {
    struct job job;
    struct log *log;
    struct segment *segment;
    bool creates; /* the segment's file is new */
    struct append *first;
    struct iovec *parts;
    size_t n_parts;
    uint32_t position;
    uint32_t bytes;
    int64_t took_us;
    int failed; /* errno */
    bool syncing; /* failed in the sync, or not undone: what the disk holds is not known */
};

static int sync_real(int fd)
{
    return fdatasync(fd) ? errno : 0;
}

const struct disk disk_real = { .write = file_writev_all, .sync = sync_real };

void segments_add(struct segments *segments, struct segment *segment)
{
    if (segments->n == segments->size) {
        segments->size = segments->size ? segments->size * 2 : 4;
        segments->list = mem_realloc(segments->list, segments->size * sizeof(struct segment *));
    }
    segments->list[segments->n++] = segment;
}

void segments_clear(struct segments *segments)
{
    for (size_t i = 0; i < segments->n; i++)
        segment_unref(segments->list[i]);
    free(segments->list);
    *segments = (struct segments){ 0 };
}

void log_add_pass(struct log *log, struct pass pass)
{
    log->passes = mem_realloc(log->passes, (log->n_passes + 1) * sizeof(pass));
    log->passes[log->n_passes++] = pass;
}

void log_free(struct log *log)
{
    if (!log)
        return;
    segments_clear(&log->segments);
    segments_clear(&log->doomed);
    segment_unref(log->sealed);
    free(log->passes);
    producers_clear(&log->producers);
    free(log);
}

int64_t log_start(const struct log *log)
{
    return log->start;
}

int64_t log_synced(const struct log *log)
{
    return log->synced;
}

bool log_is_broken(const struct log *log)
{
    return log->broken;
}

bool log_is_busy(const struct log *log)
{
    return log->commit || log->checkpoint || log->compaction;
}

static bool is_same_batch(const struct batch *a, const struct batch *b)
{
    return a->producer_id == b->producer_id && a->producer_epoch == b->producer_epoch &&
           a->first_sequence == b->first_sequence && a->count == b->count;
}

/* The same batch among those on their way to the disk. */
static struct append *find_under_way(const struct log *log, const struct batch *batch)
{
    struct append *lists[] = { log->commit ? log->commit->first : NULL, log->queued };
    for (size_t i = 0; i < COUNT(lists); i++)
        for (struct append *append = lists[i]; append; append = append->next)
            if (is_same_batch(&append->batch, batch))
                return append;
    return NULL;
}

static void queue(struct log *log, struct append *append)
{
    append->next = append->repeats = NULL;
    append->batch.base_offset = log->end;
    batch_place(append->bytes, log->end);
    log->end += append->batch.count;
    frame_ref(append->frame);
    *log->queued_end = append;
    log->queued_end = &append->next;
    if (!log->is_dirty) {
        log->is_dirty = true;
        log->next_dirty = log->env->dirty;
        log->env->dirty = log;
    }
}

/* An idempotent batch that is not simply the next. */
static bool settle(struct log *log, struct append *append, enum producer_verdict verdict,
                   int64_t offset)
{
    struct append *first = verdict == PRODUCER_EARLIER ? find_under_way(log, &append->batch) : NULL;
    if (first || verdict == PRODUCER_REPEATED)
        log->env->stats->repeats++;
    if (first) {
        append->next = first->repeats;
        append->frame = NULL;
        first->repeats = append;
        return true;
    }
    append->batch.base_offset = verdict == PRODUCER_REPEATED ? offset : -1;
    append->error = verdict == PRODUCER_REPEATED ? KAFKA_NONE
                    : verdict == PRODUCER_FENCED ? KAFKA_INVALID_PRODUCER_EPOCH
                    : verdict == PRODUCER_GAP    ? KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER
                                                 : KAFKA_DUPLICATE_SEQUENCE_NUMBER;
    return false;
}

bool log_append(struct log *log, struct append *append)
{
    append->error = log->refused ? log->refused : log->broken ? KAFKA_STORAGE_ERROR : KAFKA_NONE;
    if (append->error)
        return false;
    if (append->batch.producer_id >= 0) {
        int64_t offset = -1;
        enum producer_verdict verdict = producers_judge(&log->producers, &append->batch, &offset);
        if (verdict != PRODUCER_NEXT)
            return settle(log, append, verdict, offset);
        producers_claim(&log->producers, &append->batch);
    }
    queue(log, append);
    return true;
}

/* Answers a list of appends and their repeats. */
static void answer(struct append *append, enum kafka_error error)
{
    while (append) {
        struct append *next = append->next;
        for (struct append *repeat = append->repeats; repeat;) {
            struct append *next_repeat = repeat->next;
            repeat->error = error;
            repeat->batch.base_offset = append->batch.base_offset;
            repeat->done(repeat);
            repeat = next_repeat;
        }
        append->error = error;
        frame_unref(append->frame);
        append->done(append);
        append = next;
    }
}

static void answer_queued(struct log *log, enum kafka_error error)
{
    struct append *queued = log->queued;
    log->queued = NULL;
    log->queued_end = &log->queued;
    answer(queued, error);
}

void log_refuse(struct log *log, enum kafka_error error)
{
    log->refused = error;
    answer_queued(log, error);
}

/* On a worker. What was not written whole is cut off again, so that the file ends where it is
 * synced. */
static void commit_undo(struct commit *commit)
{
    if (commit->creates && commit->segment->fd >= 0) {
        char path[FILE_PATH_BYTES];
        segment_path(path, &commit->log->config.home, commit->segment);
        if (unlink(path))
            commit->syncing = true;
    } else if (!commit->creates && ftruncate(commit->segment->fd, commit->position)) {
        commit->syncing = true;
    }
}

static int commit_write(struct commit *commit)
{
    const struct disk *disk = commit->log->env->disk;
    const struct segment_home *home = &commit->log->config.home;
    int failed = commit->creates ? segment_create(commit->segment, home) : 0;
    if (!failed)
        failed = disk->write(commit->segment->fd, commit->parts, commit->n_parts, commit->position);
    if (failed)
        return failed;
    commit->syncing = true;
    failed = disk->sync(commit->segment->fd);
    if (!failed && commit->creates)
        failed = file_sync_folder(home->folder);
    if (failed)
        return failed;
    commit->syncing = false;
    /* The mark only sharpens what a start can tell; without it the start still reads all that is
     * synced. */
    segment_mark(commit->segment, commit->position + commit->bytes);
    return 0;
}

static void commit_run(struct job *job)
{
    struct commit *commit = CONTAINER_OF(job, struct commit, job);
    int64_t before = clock_mono_us();
    commit->failed = commit_write(commit);
    if (commit->failed)
        commit_undo(commit);
    commit->took_us = clock_mono_us() - before;
}

static void commit_free(struct commit *commit)
{
    segment_unref(commit->segment);
    free(commit->parts);
    free(commit);
}

static void count_sync(struct broker_stats *stats, const struct commit *commit)
{
    static const double bounds_ms[] = {
#define X(ms) ms,
        SYNC_BUCKETS(X)
#undef X
    };
    size_t bucket = 0;
    while (bucket < COUNT(bounds_ms) && (double)commit->took_us > bounds_ms[bucket] * US_PER_MS)
        bucket++;
    stats->sync_buckets[bucket]++;
    stats->sync_us += (uint64_t)commit->took_us;
    stats->syncs++;
    stats->sync_failures += commit->failed != 0;
}

static bool is_full(int failed)
{
    return failed == ENOSPC || failed == EDQUOT;
}

/* Nobody waiting is told yes. A full disk is tried again with the next batch; anything else, or
 * a file whose state is not known, is refused until a restart has read it. */
static void commit_failed(struct log *log, const struct commit *commit)
{
    struct append *first = commit->first;
    bool was_full = log->full;
    log->full = is_full(commit->failed) && !commit->syncing;
    log->broken = !log->full;
    log->end = log->synced;
    producers_rewind(&log->producers);
    char path[FILE_PATH_BYTES];
    segment_path(path, &log->config.home, commit->segment);
    if (log->broken) {
        log->env->stats->partitions_failed++;
        notice(&log->env->notices, NOTICE_ERROR, "log.failed",
               "%s: %s %s; nothing more is taken in here until a restart", path,
               commit->syncing ? "syncing" : "writing", strerror(commit->failed));
    } else if (!was_full) {
        notice(&log->env->notices, NOTICE_ERROR, "log.full",
               "%s: %s; nothing is acknowledged here until there is room", path,
               strerror(commit->failed));
    }
    answer(first, KAFKA_STORAGE_ERROR);
    answer_queued(log, KAFKA_STORAGE_ERROR);
}

/* The segment before it is sealed: its index goes to the disk. */
static void begin_segment(struct log *log, struct segment *segment)
{
    if (log->segments.n) {
        segment_unref(log->sealed);
        log->sealed = segment_ref(log_active(log));
    }
    segments_add(&log->segments, segment_ref(segment));
}

static void commit_synced(struct log *log, const struct commit *commit)
{
    struct segment *segment = commit->segment;
    if (commit->creates)
        begin_segment(log, segment);
    if (log->full) {
        log->full = false;
        notice(&log->env->notices, NOTICE_INFO, "log.room",
               "%s, partition %" PRId32 ": there is room again", log->config.home.folder,
               log->config.home.partition);
    }
    int64_t now_ms = clock_now_us() / US_PER_MS;
    if (segment->bytes == SEGMENT_HEADER_BYTES)
        segment->born_ms = now_ms;
    segment->written_ms = now_ms;
    for (const struct append *append = commit->first; append; append = append->next) {
        segment_add(segment, &append->batch);
        if (append->batch.producer_id >= 0)
            producers_synced(&log->producers, &append->batch, now_ms);
        log->env->stats->records_in += (uint64_t)append->batch.count;
        log->env->stats->batches_in++;
    }
    log->env->stats->bytes_in += commit->bytes;
    log->synced = segment->end;
    log->unchecked_bytes += commit->bytes;
    if (log->sealed || (!log->checkpoint && log->unchecked_bytes >= CHECKPOINT_EVERY_BYTES))
        log_save(log, NULL);
    answer(commit->first, KAFKA_NONE);
    log->config.advanced(log->config.owner);
}

static void commit_done(struct job *job)
{
    struct commit *commit = CONTAINER_OF(job, struct commit, job);
    struct log *log = commit->log;
    log->commit = NULL;
    count_sync(log->env->stats, commit);
    if (commit->failed)
        commit_failed(log, commit);
    else
        commit_synced(log, commit);
    commit_free(commit);
    log_flush(log);
}

/* The segment that the next batch goes to: the active one, or a new one when it would grow
 * beyond its size. */
static struct segment *segment_for(struct log *log, uint32_t bytes, bool *creates)
{
    struct segment *active = log_active(log);
    *creates = !active ||
               (active->bytes > SEGMENT_HEADER_BYTES &&
                (log->roll || (uint64_t)active->bytes + bytes > log->config.segment_bytes));
    return *creates ? segment_new(log->synced, 0) : segment_ref(active);
}

/* Takes from the queue what fits in one commit; nothing where there only is a segment to begin. */
static void commit_take(struct log *log, struct commit *commit)
{
    struct append *last = NULL;
    uint64_t room = MAX(log->config.segment_bytes, commit->position) - commit->position;
    for (struct append *append = log->queued; append; append = append->next) {
        uint64_t bytes = (uint64_t)commit->bytes + append->batch.bytes;
        if (last && (bytes > room || bytes > COMMIT_MOST_BYTES))
            break;
        commit->bytes = (uint32_t)bytes;
        commit->n_parts++;
        last = append;
    }
    if (!last)
        return;
    commit->first = log->queued;
    log->queued = last->next;
    if (!log->queued)
        log->queued_end = &log->queued;
    last->next = NULL;
    commit->parts = mem_alloc(commit->n_parts * sizeof(struct iovec));
    size_t i = 0;
    for (struct append *append = commit->first; append; append = append->next)
        commit->parts[i++] = (struct iovec){ append->bytes, append->batch.bytes };
}

void log_flush(struct log *log)
{
    if (log->commit || (!log->queued && !log->roll))
        return;
    struct commit *commit = mem_alloc(sizeof(*commit));
    commit->job = (struct job){ .run = commit_run, .done = commit_done };
    commit->log = log;
    commit->segment =
        segment_for(log, log->queued ? log->queued->batch.bytes : 0, &commit->creates);
    log->roll = false;
    commit->segment->has_index = true;
    commit->segment->used_us = clock_mono_us();
    commit->position = commit->segment->bytes;
    commit_take(log, commit);
    log->commit = commit;
    int failed = commit->creates ? 0 : segment_open(commit->segment, &log->config.home);
    if (failed) {
        log->commit = NULL;
        commit->failed = failed;
        commit_failed(log, commit);
        commit_free(commit);
        return;
    }
    loop_submit(log->env->loop, &commit->job);
}

void log_flush_dirty(struct log_env *env)
{
    while (env->dirty) {
        struct log *log = env->dirty;
        env->dirty = log->next_dirty;
        log->is_dirty = false;
        log_flush(log);
    }
}

void log_close_idle(struct log *log, int64_t before_us)
{
    for (size_t i = 0; i < log->segments.n; i++) {
        struct segment *segment = log->segments.list[i];
        /* More than one reference: being written to, or sent from. */
        if (segment->fd >= 0 && segment->refs == 1 && segment->used_us < before_us) {
            close(segment->fd);
            segment->fd = -1;
        }
    }
}
