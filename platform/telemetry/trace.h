/* Traces: W3C context in and out, spans, OTLP/HTTP JSON export (protocols.md). Handlers never call this: the router,
 * the client, the SQL layer and the consumers do. */
#pragma once

#include "base/ctx.h"

struct trace_context {
    uint8_t trace_id[16]; /* all zero: none */
    uint8_t span_id[8];
    uint8_t flags; /* 1: sampled */
};

/* OTLP's numbers. */
enum span_kind { SPAN_INTERNAL = 1, SPAN_SERVER, SPAN_CLIENT, SPAN_PRODUCER, SPAN_CONSUMER };

#define TRACEPARENT_BYTES 56

/* W3C Trace Context level 1: false for a malformed one, version ff, or zero ids; later versions by their first fields. */
bool trace_parse(struct str traceparent, struct trace_context *out);
void trace_format(const struct trace_context *context, char out[TRACEPARENT_BYTES]);

/* Spans live in the arena of their trace's root, whatever arena the ctx of a part of the work has: end all of a request's
 * spans before its arena is cleared. NULL spans are ignored everywhere. */

/* Starts a span below ctx->span (or a new trace) and makes it ctx->span. `name` is copied into the arena. */
struct span *span_start(struct ctx *ctx, enum span_kind kind, struct str name);

/* Starts a server or consumer span that continues `parent` (from inside the edge), or a new trace when NULL. */
struct span *span_start_remote(struct ctx *ctx, enum span_kind kind, struct str name,
                               const struct trace_context *parent);

/* Starts a new trace with a link to `cause`, and kept by sampling exactly if that is: a link that is followed leads to
 * something. All zero: a new trace. */
struct span *span_start_linked(struct ctx *ctx, enum span_kind kind, struct str name,
                               const struct trace_context *cause);

void span_link(struct span *span, const struct trace_context *other);
/* `key` must outlive the span; the value is copied. */
void span_str(struct span *span, const char *key, struct str value);
void span_int(struct span *span, const char *key, int64_t value);
void span_error(struct span *span, const char *error_type); /* sets status ERROR and error.type */

/* Ends it, puts ctx->span back to its parent, and hands it to the exporter if it is to be kept (1% of traces by
 * trace id, all with an error, all slow ones). Never blocks: a full export queue drops and counts. */
void span_end(struct ctx *ctx, struct span *span);

/* Context to send along: of ctx->span. False (out untouched) without one. */
bool span_context(const struct ctx *ctx, struct trace_context *out);

/* The trace id of ctx->span as 32 hex digits, or an empty text. */
struct str trace_id_text(struct ctx *ctx);

/* Export settings; url empty: no export. sample_per_mille 10 is the default; slow_us: traces slower are kept. */
struct trace_settings {
    const char *service, *instance, *url;
    int sample_per_mille;
    int64_t slow_us;
};
/* Starts the exporter's thread when url is set. */
void trace_setup(const struct trace_settings *settings);
void trace_stop(void);                                   /* flushes within 2 s */
