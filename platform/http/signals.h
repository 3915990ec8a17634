/* Golden signals of an operation: requests, errors, duration, what is under way, and a server span. */
#pragma once

#include "platform/http/routes.h"
#include "platform/telemetry/metrics.h"
#include "platform/telemetry/trace.h"

#define SIGNAL_STATUSES 16 /* more different ones than that of one operation are counted as one */

struct signals {
    struct str span_name, method, route; /* route: ptr NULL when no path matched */
    struct metric *under_way;
    /* Made when a status is first answered; a slot is written once. */
    struct {
        _Atomic int status;
        struct metric *_Atomic duration;
    } statuses[SIGNAL_STATUSES];
};

/* `arena` keeps the names. `method` and `route` may be NULL. */
void signals_init(struct signals *signals, struct arena *arena, const char *method,
                  const char *route);

struct flight {
    struct span *span;
    int64_t started_us; /* monotonic */
};

/* Starts the span (ctx->span): below `traceparent`, or a trace of its own that links to it at the edge. */
void signals_begin(struct signals *signals, struct flight *flight, struct ctx *ctx,
                   struct str traceparent, bool edge);

/* Ends it; gives the microseconds that it took. */
int64_t signals_end(struct signals *signals, struct flight *flight, struct ctx *ctx, int status);
