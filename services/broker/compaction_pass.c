/* On the workers: reading keys, and writing segments with what stays. Nothing that belongs to the
 * loop is touched: sealed segments do not change, and files are opened here. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "services/broker/compaction_private.h"

#define COMPACTION_STEP_BYTES (1u << 20) /* some milliseconds: a stop does not wait for longer */
#define SYNC_EVERY_BYTES (4u << 20) /* small enough that producers' syncs do not wait behind it */

/* ---- reading ---- */

static void close_reading(struct compaction *compaction)
{
    scan_clear(&compaction->scan);
    if (compaction->fd >= 0)
        close(compaction->fd);
    compaction->fd = -1;
}

static int open_reading(struct compaction *compaction)
{
    const struct segment *segment = compaction->segments.list[compaction->reading];
    char path[FILE_PATH_BYTES];
    segment_path(path, &compaction->log->config.home, segment);
    compaction->fd = open(path, O_RDONLY | O_CLOEXEC);
    compaction->scan = (struct scan){ .fd = compaction->fd,
                                      .position = SEGMENT_HEADER_BYTES,
                                      .end = segment->bytes };
    return compaction->fd < 0 ? errno : 0;
}

/* The next batch of the segments up to `end`; false at their end, and when it failed. */
static bool next_batch(struct compaction *compaction, size_t end, struct batch *batch,
                       const uint8_t **bytes)
{
    while (!compaction->failed && compaction->reading < end) {
        if (compaction->fd < 0 && (compaction->failed = open_reading(compaction)))
            break;
        switch (scan_next(&compaction->scan, batch, bytes)) {
        case SCAN_BATCH:
            compaction->counts.read_bytes += batch->bytes;
            return true;
        case SCAN_END:
            close_reading(compaction);
            compaction->reading++;
            break;
        case SCAN_BAD:
            compaction->failed = EBADMSG;
            break;
        case SCAN_FAILED:
            compaction->failed = compaction->scan.failed;
            break;
        }
    }
    return false;
}

/* The records of a batch, if every one of them is sound: else it stays as it is, and its keys
 * take nobody's place. */
static bool readable(struct compaction *compaction, const uint8_t *bytes, const struct batch *batch,
                     struct reader *records)
{
    if (!batch_records(bytes, batch, &compaction->expanded, records))
        return false;
    struct reader in = *records;
    struct record record;
    int32_t before = -1;
    int64_t time_ms;
    for (int32_t left = batch->count; left > 0; left--) {
        if (!record_read(&in, &record) || record.delta <= before ||
            record.delta > batch->last_delta ||
            __builtin_add_overflow(batch->base_time_ms, record.time_delta, &time_ms))
            return false;
        before = record.delta;
    }
    return reader_left(&in) == 0;
}

/* ---- keys ---- */

/* Notes the keys of a batch; false when the next one has no room: `to` is where it stands. */
static bool note_keys(struct compaction *compaction, const uint8_t *bytes,
                      const struct batch *batch)
{
    struct reader in;
    struct record record;
    if (!readable(compaction, bytes, batch, &in))
        return true;
    while (record_read(&in, &record)) {
        int64_t offset = batch->base_offset + record.delta;
        if (!record.key.ptr || offset < compaction->from)
            continue;
        if (!key_offsets_put(&compaction->keys, record.key, offset)) {
            compaction->to = offset;
            return false;
        }
    }
    return true;
}

static void keys_step(struct compaction *compaction)
{
    uint64_t end_bytes = compaction->counts.read_bytes + COMPACTION_STEP_BYTES;
    struct batch batch;
    const uint8_t *bytes;
    bool room = true;
    while (room && compaction->counts.read_bytes < end_bytes) {
        if (!next_batch(compaction, compaction->segments.n, &batch, &bytes)) {
            compaction->phase = COMPACTION_LOOK;
            break;
        }
        room = batch_last_offset(&batch) < compaction->from || note_keys(compaction, bytes, &batch);
    }
    if (!room) {
        close_reading(compaction);
        compaction->phase = COMPACTION_LOOK;
    }
}

/* ---- what stays ---- */

static bool stays(struct compaction *compaction, int64_t offset, const struct record *record)
{
    if (offset < compaction->start)
        return false;
    if (!record->key.ptr)
        return true; /* nothing can take its place */
    if (key_offsets_get(&compaction->keys, record->key) > offset)
        return false;
    return record->value.ptr || offset >= compaction->bury;
}

struct choice {
    int32_t kept;
    int64_t max_time_ms;
    bool readable;
};

/* The records that stay go to compaction->chosen. */
static struct choice choose(struct compaction *compaction, const uint8_t *bytes,
                            const struct batch *batch)
{
    struct choice choice = { .max_time_ms = -1 };
    struct reader in;
    struct record record;
    compaction->chosen.len = 0;
    choice.readable = readable(compaction, bytes, batch, &in);
    while (choice.readable && record_read(&in, &record)) {
        int64_t offset = batch->base_offset + record.delta;
        if (!stays(compaction, offset, &record))
            continue;
        choice.kept++;
        choice.max_time_ms = MAX(choice.max_time_ms, batch->base_time_ms + record.time_delta);
        compaction->group_tombstones += !record.value.ptr && offset >= compaction->from &&
                                        offset < compaction->to;
        put_raw(&compaction->chosen, record.whole.ptr, record.whole.len);
    }
    return choice;
}

/* ---- writing ---- */

static int write_out(struct compaction *compaction)
{
    struct segment *fresh = compaction->fresh;
    const struct disk *disk = compaction->log->env->disk;
    struct iovec part = { compaction->out.bytes, compaction->out.len };
    int failed = disk->write(fresh->fd, &part, 1, fresh->bytes - compaction->out.len);
    compaction->counts.written_bytes += compaction->out.len;
    compaction->out.len = 0;
    if (!failed && fresh->bytes - compaction->synced_bytes >= SYNC_EVERY_BYTES) {
        failed = disk->sync(fresh->fd);
        compaction->synced_bytes = fresh->bytes;
    }
    return failed;
}

/* What is in compaction->out from `from` on is a batch of the fresh segment. */
static void take_written(struct compaction *compaction, size_t from)
{
    struct batch batch;
    batch_read(compaction->out.bytes + from, compaction->out.len - from, &batch);
    segment_add(compaction->fresh, &batch);
    if (compaction->out.len >= COMPACTION_STEP_BYTES)
        compaction->failed = write_out(compaction);
}

static void write_batch(struct compaction *compaction, const uint8_t *bytes,
                        const struct batch *batch)
{
    struct choice choice = choose(compaction, bytes, batch);
    size_t from = compaction->out.len;
    int32_t lost = choice.readable ? batch->count - choice.kept : 0;
    compaction->counts.unreadable += !choice.readable;
    memcpy(compaction->last_header, bytes, BATCH_HEADER_BYTES);
    compaction->last = *batch;
    if (choice.readable && !choice.kept) {
        compaction->counts.records += (uint64_t)lost;
        return;
    }
    struct str records = { (const char *)compaction->chosen.bytes, compaction->chosen.len };
    if (lost && batch_rewrite(bytes, batch, records, choice.kept, choice.max_time_ms,
                              &compaction->shrunk, &compaction->out))
        compaction->counts.records += (uint64_t)lost;
    else
        put_raw(&compaction->out, bytes, batch->bytes);
    take_written(compaction, from);
}

static int begin_fresh(struct compaction *compaction)
{
    struct segment **old = compaction->segments.list + compaction->at;
    struct segment *fresh = segment_new(old[0]->base, compaction->log->revision + 1);
    for (size_t i = 0; i < compaction->group; i++) {
        fresh->born_ms = MIN(fresh->born_ms, old[i]->born_ms);
        fresh->written_ms = i ? MAX(fresh->written_ms, old[i]->written_ms) : old[i]->written_ms;
    }
    fresh->has_index = true;
    compaction->fresh = fresh;
    compaction->synced_bytes = SEGMENT_HEADER_BYTES;
    return segment_create(fresh, &compaction->log->config.home);
}

/* Its last batch ends where the segments did that it stands for, so that who reads through it
 * gets on: without a record, if need be. */
static int end_batches(struct compaction *compaction, int64_t end)
{
    if (batch_last_offset(&compaction->last) + 1 != end)
        return EBADMSG;
    if (compaction->fresh->end < end) {
        size_t from = compaction->out.len;
        batch_rewrite(compaction->last_header, &compaction->last, (struct str){ NULL, 0 }, 0, -1,
                      &compaction->shrunk, &compaction->out);
        take_written(compaction, from);
    }
    return compaction->failed ? compaction->failed : write_out(compaction);
}

static int write_index(const struct compaction *compaction)
{
    const struct segment_home *home = &compaction->log->config.home;
    char name[SEGMENT_NAME_BYTES];
    struct writer index = { 0 };
    segment_name(name, home->partition, compaction->fresh->base, compaction->fresh->revision,
                 "index");
    index_save(compaction->fresh, &index);
    int failed = file_replace(home->folder, name, index.bytes, index.len);
    writer_clear(&index);
    return failed;
}

/* First all of it is synced, then the header says that it is whole. */
static int end_fresh(struct compaction *compaction)
{
    const struct disk *disk = compaction->log->env->disk;
    struct segment *fresh = compaction->fresh;
    int failed = end_batches(
        compaction, compaction->segments.list[compaction->at + compaction->group - 1]->end);
    if (!failed)
        failed = disk->sync(fresh->fd);
    if (!failed)
        failed = segment_mark(fresh, fresh->bytes);
    if (!failed)
        failed = segment_complete(fresh);
    if (!failed)
        failed = disk->sync(fresh->fd);
    if (!failed)
        failed = write_index(compaction);
    return failed ? failed : file_sync_folder(compaction->log->config.home.folder);
}

void compaction_drop_fresh(struct compaction *compaction)
{
    close_reading(compaction);
    compaction->out.len = 0;
    if (!compaction->fresh)
        return;
    segment_remove_files(&compaction->log->config.home, compaction->fresh);
    segment_unref(compaction->fresh);
    compaction->fresh = NULL;
}

/* ---- segment by segment ---- */

/* How many from `at` on go into one file: as many as are as large as one may be. */
static size_t group_of(const struct compaction *compaction)
{
    struct segment *const *list = compaction->segments.list + compaction->at;
    size_t left = compaction->segments.n - compaction->at, n = 1;
    uint64_t bytes = list[0]->bytes;
    while (n < left && list[n]->base < compaction->to &&
           bytes + list[n]->bytes <= compaction->log->config.segment_bytes &&
           list[n]->end - list[0]->base <= UINT32_MAX)
        bytes += list[n++]->bytes;
    return n;
}

static void begin_group(struct compaction *compaction)
{
    compaction->reading = compaction->at;
    if (compaction->at == compaction->segments.n ||
        compaction->segments.list[compaction->at]->base >= compaction->to) {
        compaction->phase = COMPACTION_OVER;
        return;
    }
    compaction->group = group_of(compaction);
    compaction->group_tombstones = 0;
    if (compaction->group > 1)
        compaction->phase = COMPACTION_WRITE;
}

/* A single segment is written only if it loses something. */
static void look_step(struct compaction *compaction)
{
    uint64_t end_bytes = compaction->counts.read_bytes + COMPACTION_STEP_BYTES;
    struct batch batch;
    const uint8_t *bytes;
    if (compaction->group == 0)
        begin_group(compaction);
    while (compaction->phase == COMPACTION_LOOK && compaction->counts.read_bytes < end_bytes) {
        if (!next_batch(compaction, compaction->at + 1, &batch, &bytes)) {
            compaction->tombstones += compaction->group_tombstones;
            compaction->at++;
            compaction->group = 0;
            break;
        }
        struct choice choice = choose(compaction, bytes, &batch);
        if (choice.readable && choice.kept < batch.count) {
            close_reading(compaction);
            compaction->reading = compaction->at;
            compaction->group_tombstones = 0;
            compaction->phase = COMPACTION_WRITE;
        }
    }
}

static void write_step(struct compaction *compaction)
{
    uint64_t end_bytes = compaction->counts.read_bytes + COMPACTION_STEP_BYTES;
    struct batch batch;
    const uint8_t *bytes;
    if (!compaction->fresh)
        compaction->failed = begin_fresh(compaction);
    while (!compaction->failed && compaction->counts.read_bytes < end_bytes) {
        if (next_batch(compaction, compaction->at + compaction->group, &batch, &bytes)) {
            write_batch(compaction, bytes, &batch);
        } else if (!compaction->failed) {
            compaction->failed = end_fresh(compaction);
            compaction->tombstones += compaction->group_tombstones;
            compaction->phase = COMPACTION_SWAP;
            break;
        }
    }
}

void compaction_run(struct job *job)
{
    struct compaction *compaction = CONTAINER_OF(job, struct compaction, job);
    switch (compaction->phase) {
    case COMPACTION_KEYS:
        keys_step(compaction);
        break;
    case COMPACTION_LOOK:
        look_step(compaction);
        break;
    case COMPACTION_WRITE:
        write_step(compaction);
        break;
    case COMPACTION_SWAP:
    case COMPACTION_OVER:
        break;
    }
    if (compaction->failed)
        compaction_drop_fresh(compaction);
}
