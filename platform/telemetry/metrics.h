/* Metrics: counters, gauges and histograms, shown in the Prometheus text format. Instruments are made once and live as
 * long as the process; changing one is a relaxed atomic operation. */
#pragma once

#include "base/ctx.h"
#include "platform/json/json.h"

struct metric;

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* The instrument `name` (Prometheus name with unit, such as "http_server_request_duration_seconds") with these labels:
 * text such as `route="/v1/x",method="GET"`, values already escaped (metric_label). The same name and labels give the
 * same instrument. Histograms of seconds use METRIC_SECONDS. */
struct metric *metric_get(enum metric_kind kind, const char *name, const char *help,
                          const char *labels);

/* key="value" with escapes, for use in `labels`. */
struct str metric_label(struct arena *arena, const char *key, struct str value);

void metric_add(struct metric *metric, int64_t n);             /* counter, gauge */
void metric_set(struct metric *metric, int64_t value);         /* gauge */
void metric_observe_us(struct metric *metric, int64_t micros); /* histogram; shown in seconds */
int64_t metric_value(const struct metric *metric); /* counter, gauge; count of a histogram */

/* A gauge whose value is asked for when shown; `value` must not make instruments. */
void metric_callback(const char *name, const char *help, const char *labels,
                     int64_t (*value)(void *), void *argument);

/* A counter of seconds whose microseconds are asked for when shown. */
void metric_callback_seconds(const char *name, const char *help, const char *labels,
                             int64_t (*micros)(void *), void *argument);

/* All of them in the text format 0.0.4; escapes as the format asks. */
struct str metrics_render(struct arena *arena);

/* The same as OTLP/HTTP JSON (ResourceMetrics), for export. */
void metrics_render_otlp(struct json_out *out);
