/* Export to an OTLP/HTTP JSON collector (protocols.md); for trace.c and metrics_text.c. */
#pragma once

#include "platform/json/json.h"
#include "platform/telemetry/trace.h"

/* Starts the exporter's thread; nothing happens without a url. */
void otlp_start(const struct trace_settings *settings);
void otlp_stop(void); /* flushes within 2 s */
bool otlp_is_on(void);

/* Queues spans: JSON objects with commas between them (copied). Never blocks; full: dropped and counted. */
void otlp_push(struct str spans, size_t n);

/* ---- writing ---- */

int64_t otlp_started_us(void);                                              /* of this process */
void otlp_put_resource(struct json_out *out);                               /* "resource": ... */
void otlp_put_scope(struct json_out *out);                                  /* "scope": ... */
void otlp_put_str(struct json_out *out, struct str key, struct str value);  /* an attribute */
void otlp_put_int(struct json_out *out, struct str key, int64_t value);     /* an attribute */
void otlp_put_int64(struct json_out *out, int64_t value);                   /* as a string */
