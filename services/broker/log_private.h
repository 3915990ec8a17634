/* What log.c, log_read.c, log_open.c and checkpoint.c share. */
#pragma once

#include "services/broker/log.h"
#include "services/broker/producers.h"

#define CHECKPOINT_EVERY_BYTES                                                                     \
    (16u << 20) /* bounds what a start after a kill has to read per partition */

struct log {
    struct log_env *env;
    struct log_config config;
    struct log *next_dirty;
    bool is_dirty;
    struct segment **segments; /* ascending; the last one is written to */
    size_t n_segments, segments_size;
    int64_t start, synced, end; /* end: with what is under way */
    struct producers producers;
    struct append *queued, **queued_end;
    struct commit *commit;         /* under way, or NULL */
    struct checkpoint *checkpoint; /* likewise */
    uint64_t unchecked_bytes;      /* synced since the last checkpoint */
    bool full;                     /* the disk was, at the last attempt */
    bool broken;
    enum kafka_error refused; /* set by log_refuse() */
};

static inline struct segment *log_active(const struct log *log)
{
    return log->n_segments ? log->segments[log->n_segments - 1] : NULL;
}

void log_add_segment(struct log *log, struct segment *segment);

/* checkpoint.c: the file as bytes, and back (false: damaged). */
void checkpoint_write(struct log *log, struct writer *out);
bool checkpoint_read(struct log *log, const uint8_t *bytes, size_t n);

/* Queues the writing of a checkpoint on a worker, and of the index of `sealed` where that is
 * given. */
void checkpoint_submit(struct log *log, const struct segment *sealed);

/* The segment's file and its index. */
void checkpoint_remove_files(const struct segment_home *home, int64_t base);
