/* What one partition knows of idempotent producers: the last sequence of each and its last
 * batches, so that a repeat is recognised and a gap refused. Two layers: what is synced, and the
 * tail of what was accepted but is not synced yet; when a write fails the tail falls back to
 * what is synced. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "services/broker/batch.h"
#include "services/broker/map.h"
#include "services/broker/wire.h"

#define PRODUCER_REMEMBERS 5 /* the batches that an idempotent producer may have in flight */
#define PRODUCER_KEEP_MS (7 * 86400000LL)

struct producer {
    int64_t id;
    int64_t seen_ms; /* wall clock of its last synced batch */
    int32_t last;    /* last synced sequence, and its epoch */
    int16_t epoch;
    int16_t tail_epoch; /* the same, with what is under way */
    int32_t tail;
    uint8_t n_sent;
    struct sent {
        int32_t first, last;
        int64_t offset;
    } sent[PRODUCER_REMEMBERS]; /* synced batches of `epoch`, the oldest first */
};

struct producers {
    struct map by_id;
};

enum producer_verdict {
    PRODUCER_NEXT,     /* append it */
    PRODUCER_REPEATED, /* it is stored and synced, at *offset */
    PRODUCER_EARLIER,  /* a repeat: under way, or too old to be remembered */
    PRODUCER_GAP,
    PRODUCER_FENCED,
};

/* What an idempotent batch is to what came before. */
enum producer_verdict producers_judge(const struct producers *producers, const struct batch *batch,
                                      int64_t *offset);

/* The batch is accepted, and will be synced or dropped. */
void producers_claim(struct producers *producers, const struct batch *batch);

/* The batch is synced at its base_offset. Batches read back at a start are claimed and synced in
 * one. */
void producers_synced(struct producers *producers, const struct batch *batch, int64_t now_ms);

/* All that was claimed and is not synced is dropped. */
void producers_rewind(struct producers *producers);

/* For the checkpoint: what is synced, without those last seen more than PRODUCER_KEEP_MS ago
 * (forgotten by this). */
void producers_write(struct producers *producers, int64_t now_ms, struct writer *out);
bool producers_read(struct producers *producers, struct reader *in);

void producers_clear(struct producers *producers);
