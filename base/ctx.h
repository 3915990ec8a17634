/* The context of one request, event or job: goes first everywhere. It holds the arena, the deadline, who asks, the
 * trace span, the open transaction and the error so far. One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/macros.h"
#include "base/str.h"

struct span;      /* platform/telemetry */
struct sql;       /* platform/sql: the connection, inside its transaction where there is one */
struct principal; /* platform/token: who asks */
struct event;     /* platform/events: the event that is being handled */
struct operation; /* platform/contract: the operation that is being handled */
struct request;   /* platform/http: the HTTP request that is being handled */

struct error {
    enum error_code code;
    struct str
        detail; /* one sentence; of codes from 500 on, only the log shows it, unless it is open */
    struct str pointer; /* JSON Pointer of the member that is wrong, or ptr NULL */
    bool open;
};

struct ctx {
    struct arena *arena;
    struct error error;
    int64_t deadline_us; /* on clock_mono_us(); 0: none */
    const struct principal *who;
    struct span *span;
    struct sql *sql;
    const struct event *event;
    const struct operation *operation;
    const struct request *request;
    void *app;     /* what the service's open() made */
    void *model;   /* in a reaction: the read model that it builds */
    void *runtime; /* the service runtime's own */
};

/* Notes the error and gives false, so that `return ctx_fail(...)` reads well. The first error stays: a later call
 * keeps the code and adds its sentence in front ("storing the order: disk is full"). */
bool ctx_fail(struct ctx *ctx, enum error_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* The same, naming the member at fault by its JSON Pointer (copied). */
bool ctx_fail_at(struct ctx *ctx, enum error_code code, struct str pointer, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* The same for a sentence that callers may read whatever the code: it names no file, host or statement. */
bool ctx_fail_openly(struct ctx *ctx, enum error_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Forgets the error, before an alternative is tried. */
void ctx_clear(struct ctx *ctx);

static inline bool ctx_failed(const struct ctx *ctx)
{
    return ctx->error.code != ERR_NONE;
}

/* Microseconds left of the deadline (never negative); INT64_MAX without one. */
int64_t ctx_left_us(const struct ctx *ctx);

/* The outcome that the error so far stands for: a reaction's usual last line. */
enum outcome outcome_of(const struct ctx *ctx);
