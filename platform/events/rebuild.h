/* A read model (projection.h) made again from the log while the one in force serves and follows; then it takes its place.
 *
 * The same reactions build the next generation from the log's beginning, up to where the live consumer stands and never
 * beyond it: what is published is published by the live one, and the rebuild publishes nothing. When both stand at the
 * same place the live consumer, between two batches, goes over to the new generation. What is set aside stays so. */
#pragma once

#include "platform/events/events.h"

enum rebuild_phase {
    REBUILD_NONE,
    REBUILD_READING,
    REBUILD_SWAPPING,
    REBUILD_CLOSING,
    REBUILD_DONE,
    REBUILD_FAILED,
    REBUILD_CANCELLED
};
extern const char *const rebuild_phases[]; /* their names */

struct rebuild_state {
    enum rebuild_phase phase; /* of the last one; NONE: of this process there was none */
    int generation;           /* that is in force */
    bool partial;
    int64_t read, of;            /* places of the log, and how many the model in force has read */
    int64_t rejected;            /* events that the reactions did not take: they are left out */
    int64_t began_us, ended_us;  /* 0: not yet */
    struct str detail;           /* why it failed, or what it waits for; ptr NULL: nothing */
};

/* Begins. Without `partial` nothing may be missing: a log that does not reach back to its beginning any more, or an event
 * that is rejected now, stops it. NOT_FOUND: the service has no such read model; IN_PROGRESS: one is under way;
 * PRECONDITION_FAILED: the log begins too late; UNAVAILABLE: the log is away. Blocks while it asks the log. */
bool rebuild_start(struct ctx *ctx, struct events *events, bool partial);

bool rebuild_look(struct ctx *ctx, struct events *events,
                  struct rebuild_state *out); /* NOT_FOUND */
bool rebuild_cancel(struct ctx *ctx,
                    struct events *events); /* asks; NOT_FOUND: none is under way */
bool rebuild_is_running(struct events *events);
