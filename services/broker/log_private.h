/* What log.c, log_read.c, log_open.c and checkpoint.c share. */
#pragma once

#include "services/broker/log.h"
#include "services/broker/producers.h"

#define CHECKPOINT_EVERY_BYTES                                                                     \
    (16u << 20) /* bounds what a start after a kill has to read per partition */

/* A list that holds references. */
struct segments {
    struct segment **list;
    size_t n, size;
};

/* A pass of compaction: of what was before that offset, only the last of each key is left. */
struct pass {
    int64_t before, ms;
    int64_t tombstones; /* that this pass was the first to take in, and left */
};

struct log {
    struct log_env *env;
    struct log_config config;
    struct log *next_dirty;
    bool is_dirty, roll; /* roll: the next commit begins a new segment */
    struct segments segments; /* ascending; the last one is written to */
    int64_t start, synced, end; /* end: with what is under way */
    struct producers producers;
    struct append *queued, **queued_end;
    struct commit *commit;         /* under way, or NULL */
    struct checkpoint *checkpoint; /* likewise */
    struct compaction *compaction; /* likewise: no segment but the last ones may come or go */
    uint64_t unchecked_bytes;      /* synced since the last checkpoint */
    bool unsaved, save_again; /* the last checkpoint failed; the one under way comes too early */
    struct log_waiter *waiters; /* for the next checkpoint */
    struct segments doomed; /* the next checkpoint does not name them any more: their files go */
    struct segment *sealed; /* its index is to be written; or NULL */
    struct pass *passes;    /* ascending; those whose tombstones are not due yet */
    size_t n_passes;
    uint32_t revision;        /* the highest in use */
    int64_t compact_after_ms; /* a run has failed: not by itself before then */
    int64_t buried; /* before it there are no tombstones any more */
    bool full;                     /* the disk was, at the last attempt */
    bool broken;
    enum kafka_error refused; /* set by log_refuse() */
};

static inline struct segment *log_active(const struct log *log)
{
    return log->segments.n ? log->segments.list[log->segments.n - 1] : NULL;
}

void segments_add(struct segments *segments,
                  struct segment *segment); /* takes over the reference */
void segments_clear(struct segments *segments);

void log_add_pass(struct log *log, struct pass pass);

/* Whole segments before the start go, but for the last one. */
void log_trim(struct log *log);

/* checkpoint.c: the file as bytes, and back (false: damaged). */
void checkpoint_write(struct log *log, struct writer *out);
bool checkpoint_read(struct log *log, const uint8_t *bytes, size_t n);
bool checkpoint_is_later(const uint8_t *bytes,
                         size_t n); /* whole, of a form that only later programs know */
