/* Is what is kept in memory still what the database says? A table holds one number, which triggers count up whenever what
 * is kept would change, whichever program changes it; what was read at one number is good until there is another. Who
 * keeps something guards this with a lock of its own, but for what is marked. */
#pragma once

#include <stdatomic.h>

#include "base/ctx.h"

#define FRESHNESS_LATE_US (200 * US_PER_MS) /* how late what other processes change may be seen */

struct freshness {
    bool shared; /* other processes write to the database too (PostgreSQL) */
    int64_t revision, met; /* the number, and the mark of the last meeting */
    _Atomic int64_t doubts;
    _Atomic int64_t asked_us; /* when the database was last asked for what others did */
};

void freshness_init(struct freshness *fresh, bool shared);

/* This process has committed something (sql_on_commit): the next look waits for freshness_meet. Needs no lock. */
void freshness_doubt(void *fresh);

/* Before the first statement of a read: a mark. Needs no lock. Then the number, read in the same snapshot as what will be
 * kept: true when it is another one, so that all that is kept must go. */
int64_t freshness_mark(struct freshness *fresh);
bool freshness_meet(struct freshness *fresh, int64_t mark, int64_t revision);

/* Somebody must ask the database for what others did, and it is this caller. Needs no lock. */
bool freshness_turn(struct freshness *fresh);

/* Nothing was committed here since the last meeting. */
bool freshness_stands(const struct freshness *fresh);
