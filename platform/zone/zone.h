/* Time zones of IANA's database, as this machine has them (RFC 8536): what a clock on a wall there shows, and when. */
#pragma once

#include "base/ctx.h"

struct zone;

/* "Europe/Berlin". In ctx's arena. NULL with INVALID: there is no such zone; UNAVAILABLE: this machine has none at all. */
const struct zone *zone_find(struct ctx *ctx, struct str name);

struct zone_clock {
    int64_t offset_s; /* ahead of UTC */
    char name[8];     /* "CEST" */
};

/* What clocks there show at a moment (seconds since 1970, UTC). Of no zone (NULL): UTC. */
struct zone_clock zone_at(const struct zone *zone, int64_t utc_s);

enum zone_fit {
    ZONE_ONCE,
    ZONE_SKIPPED, /* clocks are put forward over it */
    ZONE_TWICE,   /* clocks are put back over it */
};

/* The moment at which clocks there show `local_s` (seconds since 1970, as if they were UTC). What is skipped is read with
 * the offset from before the gap (02:30 becomes 03:30), and of what comes twice the first is taken (RFC 5545 section
 * 3.3.5). `fit` may be NULL. */
int64_t zone_utc_s(const struct zone *zone, int64_t local_s, enum zone_fit *fit);
