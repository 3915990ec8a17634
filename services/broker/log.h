/* The log of one partition: appended in groups, visible once synced, read by offset or time.
 * Everything here belongs to the loop's thread; writing and syncing happen on its workers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "services/broker/batch.h"
#include "services/broker/frame.h"
#include "services/broker/loop.h"
#include "services/broker/notice.h"
#include "services/broker/segment.h"
#include "services/broker/stats.h"

struct log;

/* How bytes reach the disk, so that a test can make it fail. Each gives an errno or 0. */
struct disk {
    int (*write)(int fd, struct iovec *parts, size_t n, int64_t at);
    int (*sync)(int fd);
};

extern const struct disk disk_real;

/* What all logs of a broker share. */
struct log_env {
    struct loop *loop;
    const struct disk *disk;
    struct notices notices;
    struct broker_stats *stats;
    struct log *dirty;                 /* logs with appends that no commit has taken yet */
};

/* One batch on its way to the disk. Embedded in what waits for it. */
struct append {
    struct append *next;
    struct append *repeats; /* the same batch again, answered together */
    struct frame *frame;    /* holds `bytes`; a reference is kept until done */
    uint8_t *bytes;
    struct batch batch;     /* checked; base_offset is set by the log */
    enum kafka_error error; /* when it was answered at once, or is done */
    void (*done)(struct append *append);
};

/* What is kept for how long; -1 is for ever. */
struct log_policy {
    bool deletes, compacts;
    int64_t segment_ms; /* an age at which the last segment is ended, so that it can go */
    int64_t retention_ms, retention_bytes;
    int64_t lag_least_ms, lag_most_ms; /* age of what is compacted: at least, and at the latest */
    int64_t tombstone_ms;              /* how long tombstones stay that compaction has taken in */
};

struct log_config {
    struct segment_home home;
    uint32_t segment_bytes;
    struct log_policy policy;
    void (*advanced)(void *owner); /* more is synced, and who appended it has been answered */
    void *owner;
};

/* The segment files of a folder, by partition and then base offset; read once for all its
 * partitions. */
struct log_files {
    struct log_file {
        int32_t partition;
        int64_t base;
        uint32_t revision;
    } * files;
    size_t n;
};

struct log_files log_files_find(struct arena *arena, const char *folder);

/* Opens a partition's log: reads the checkpoint and what came after it, cuts the rest of an
 * unfinished write, and refuses what is damaged with the file and offset named. */
struct log *log_open(struct ctx *ctx, struct log_env *env, const struct log_config *config,
                     const struct log_files *files);

/* Frees it; nothing may be under way. NULL-safe. */
void log_free(struct log *log);

/* Takes the batch in, or answers at once. True: `done` will be called after the sync (or its
 * failure). False: see append->error; on KAFKA_NONE it is a repeat of what is stored at
 * batch.base_offset. */
bool log_append(struct log *log, struct append *append);

/* Starts a group commit of what is appended, unless one is under way (then the next follows it). */
void log_flush(struct log *log);

/* log_flush() for all logs that have something. */
void log_flush_dirty(struct log_env *env);

/* Answers all that waits, and that no commit has taken, with `error`; nothing more is taken in. */
void log_refuse(struct log *log, enum kafka_error error);

/* A commit or a checkpoint is under way. */
bool log_is_busy(const struct log *log);

/* Somebody who waits until what is so now will be so after a kill. */
struct log_waiter {
    struct log_waiter *next;
    void (*done)(struct log_waiter *waiter, bool kept);
};

/* Writes a checkpoint on a worker; the waiter may be NULL. */
void log_save(struct log *log, struct log_waiter *waiter);

/* The same, unless nothing is new since the last. */
void log_checkpoint(struct log *log);

/* The log begins at `offset` from now on (at what is synced, if that is less): whole segments
 * before it go, once a checkpoint says so. */
void log_start_at(struct log *log, int64_t offset, struct log_waiter *waiter);

/* The last segment ends here, unless it is empty: the next record goes to a new one. */
void log_roll(struct log *log);

/* Ends the last segment when its time has come, and lets go what is past its age or size. True
 * when it did something. */
bool log_retain(struct log *log, int64_t now_ms);

int64_t log_start(const struct log *log);  /* the first offset kept */
int64_t log_synced(const struct log *log); /* the high watermark: consumers see what is before it */
bool log_is_broken(const struct log *log); /* refused until a restart */

/* A part of a segment, which it holds a reference to. */
struct slice {
    struct segment *segment;
    uint32_t position, bytes;
};

/* Batches from the one that holds `offset`, at most `most` bytes; where `at_least_one` the first
 * even if it is larger. Nothing to read gives 0 bytes and no segment. */
enum kafka_error log_read(struct log *log, int64_t offset, uint32_t most, bool at_least_one,
                          struct slice *out);

/* The first record at or after `time_ms`; *offset -1 when there is none. */
enum kafka_error log_find_time(struct log *log, int64_t time_ms, int64_t *offset,
                               int64_t *found_ms);

/* Closes files that were not used since `before_us`. */
void log_close_idle(struct log *log, int64_t before_us);
