/* Time zones of the IANA database, as the system has it (the package tzdata): $TZDIR, or /usr/share/zoneinfo. */
#pragma once

#include "base/ctx.h"

struct zone;

/* "Europe/Berlin". Owned by the caller; immutable and thread-safe. NULL with ERR_INVALID where there is no such zone. */
struct zone *zone_open(struct ctx *ctx, struct str name);
void zone_free(struct zone *zone);
void zone_freep(struct zone **zone);

struct zone_time {
    int offset_s; /* east of UTC */
    char name[8]; /* "CEST" */
};

/* What holds in the zone at a moment (RFC 8536: transitions, then the rule for the time after them). NULL: UTC. */
struct zone_time zone_at(const struct zone *zone, int64_t us);

/* The moment that clocks of the zone show as `local_us` (as if it were UTC): where they show it twice the first, where
 * they skip it as the clocks before would have counted on. */
int64_t zone_moment(const struct zone *zone, int64_t local_us);
