/* The Segment HTTP API: from what a client tells to events. Pure, no I/O. Limits and the clock's correction as Segment's
 * spec has them. */
#pragma once

#include "platform/events/events.h"
#include "analytics_events.h"

#define COLLECT_MOST_EVENTS 2500        /* in a batch */
#define COLLECT_MOST_EVENT_BYTES 32768  /* one event */
#define COLLECT_MOST_BATCH_BYTES 512000 /* 500 KB */

/* Events of one call, ready to be sent: each told call gives one event, an identify with traits two. */
struct told_events {
    struct event_out *events;
    size_t n;
};

/* One call of a kind ("track"), told by `source` at received_us. INVALID with a sentence that names the member. */
bool collect_one(struct ctx *ctx, const char *kind, const struct json *told, struct str source,
                 int64_t received_us, struct told_events *out);

/* A batch: all or nothing. */
bool collect_batch(struct ctx *ctx, const struct json *told, struct str source, int64_t received_us,
                   struct told_events *out);
