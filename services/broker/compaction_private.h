/* What compaction.c (on the loop) and compaction_pass.c (on workers) share. */
#pragma once

#include "services/broker/compaction.h"
#include "services/broker/key_offsets.h"
#include "services/broker/log_private.h"
#include "services/broker/record.h"

enum compaction_phase {
    COMPACTION_KEYS,  /* the last offsets of keys are noted */
    COMPACTION_LOOK,  /* does the segment lose anything? */
    COMPACTION_WRITE, /* its records that stay are written */
    COMPACTION_SWAP,  /* a file is whole: the loop's turn */
    COMPACTION_OVER,  /* of this pass */
};

struct compaction_counts {
    uint64_t read_bytes, written_bytes, records, tombstones, unreadable;
};

struct compaction {
    struct job job;
    struct timer timer;
    struct log_waiter saved;
    struct log *log;
    struct compaction_limits limits;
    struct compaction_end *end;
    bool at_once, cancelled, working; /* working: on a worker, or waiting for a checkpoint */
    int64_t due_us;
    /* Of the pass. */
    enum compaction_phase phase;
    struct segments segments; /* all that it may touch */
    int64_t start, from, to;  /* of the log; keys are noted from here; and up to here */
    int64_t bury;             /* tombstones before it go */
    int64_t tombstones, group_tombstones; /* left, of those between from and to */
    struct key_offsets keys;
    size_t at, group; /* the first of the segments at hand, and how many */
    /* Of the segments at hand. */
    size_t reading; /* which of them */
    int fd;         /* of that; -1: not open */
    struct scan scan;
    struct segment *fresh; /* what is written; or NULL */
    struct writer out;     /* not written yet */
    uint32_t synced_bytes;
    struct batch last;     /* of the log that was read, and its header */
    uint8_t last_header[BATCH_HEADER_BYTES];
    struct compress_buffer expanded, shrunk;
    struct writer chosen; /* records of one batch that stay */
    struct compaction_counts counts; /* since the loop has looked at them */
    int failed;                      /* errno; EBADMSG: what is on the disk is damaged */
};

/* A step of the pass: as far as COMPACTION_STEP_BYTES, or to where the loop has its turn. */
void compaction_run(struct job *job);

/* What is open or half written goes. */
void compaction_drop_fresh(struct compaction *compaction);
