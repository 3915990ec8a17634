/* The instruments as Prometheus text and as OTLP/HTTP JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/telemetry/otlp.h"
#include "platform/telemetry/registry.h"

static const char *const bound_texts[METRIC_BUCKETS] = {
#define X(seconds) #seconds,
    METRIC_SECONDS(X)
#undef X
};

static const char *const kind_texts[] = {
    [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"
};

static double seconds_of(int64_t micros)
{
    return (double)micros / 1e6;
}

/* ---- Prometheus ---- */

static void text_histogram(FILE *out, const struct metric *metric)
{
    const char *name = metric->family->name, *labels = metric->labels;
    const char *comma = *labels ? "," : "";
    int64_t count = 0;
    for (size_t i = 0; i <= METRIC_BUCKETS; i++) {
        count += atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
        fprintf(out, "%s_bucket{%s%sle=\"%s\"} %" PRId64 "\n", name, labels, comma,
                i < METRIC_BUCKETS ? bound_texts[i] : "+Inf", count);
    }
    const char *open = *labels ? "{" : "", *close = *labels ? "}" : "";
    int64_t sum_us = atomic_load_explicit(&metric->value, memory_order_relaxed);
    fprintf(out, "%s_sum%s%s%s %.6f\n", name, open, labels, close, seconds_of(sum_us));
    fprintf(out, "%s_count%s%s%s %" PRId64 "\n", name, open, labels, close, count);
}

static void text_value(FILE *out, const struct metric *metric)
{
    const char *labels = metric->labels;
    fprintf(out, "%s%s%s%s ", metric->family->name, *labels ? "{" : "", labels, *labels ? "}" : "");
    if (metric->family->micros)
        fprintf(out, "%.6f\n", seconds_of(metric_value(metric)));
    else
        fprintf(out, "%" PRId64 "\n", metric_value(metric));
}

static void text_help(FILE *out, const struct metric_family *family)
{
    fprintf(out, "# HELP %s ", family->name);
    for (const char *c = family->help; *c; c++) {
        if (*c == '\\' || *c == '\n')
            fputc('\\', out);
        fputc(*c == '\n' ? 'n' : *c, out);
    }
    fprintf(out, "\n# TYPE %s %s\n", family->name, kind_texts[family->kind]);
}

static void buffer_freep(char **buffer)
{
    free(*buffer);
}

struct str metrics_render(struct arena *arena)
{
    CLEANUP(buffer_freep) char *buffer = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&buffer, &bytes);
    pthread_mutex_lock(&metric_lock);
    for (const struct metric_family *family = metric_families; family; family = family->next) {
        text_help(out, family);
        for (const struct metric *metric = family->metrics; metric;
             metric = metric->next_in_family) {
            if (family->kind == METRIC_HISTOGRAM)
                text_histogram(out, metric);
            else
                text_value(out, metric);
        }
    }
    pthread_mutex_unlock(&metric_lock);
    fclose(out);
    return arena_str(arena, (struct str){ buffer, bytes });
}

/* ---- OTLP ---- */

/* Names of OpenTelemetry's semantic conventions; what is not here goes out under its own name. */
static const struct {
    const char *prometheus, *otlp;
} otlp_names[] = {
    { "http_server_request_duration_seconds", "http.server.request.duration" },
    { "http_server_active_requests", "http.server.active_requests" },
    { "http_client_request_duration_seconds", "http.client.request.duration" },
    { "db_client_operation_duration_seconds", "db.client.operation.duration" },
    { "db_client_connection_count", "db.client.connection.count" },
    { "messaging_process_duration_seconds", "messaging.process.duration" },
    { "messaging_client_sent_messages_total", "messaging.client.sent.messages" },
    { "messaging_client_consumed_messages_total", "messaging.client.consumed.messages" },
    { "process_cpu_seconds_total", "process.cpu.time" },
    { "process_resident_memory_bytes", "process.memory.usage" },
    { "process_open_fds", "process.unix.file_descriptor.count" },
    { "http_request_method", "http.request.method" },
    { "http_route", "http.route" },
    { "http_response_status_code", "http.response.status_code" },
    { "error_type", "error.type" },
    { "db_system_name", "db.system.name" },
    { "db_namespace", "db.namespace" },
    { "db_operation_name", "db.operation.name" },
    { "server_address", "server.address" },
    { "peer_service", "peer.service" },
    { "messaging_destination_name", "messaging.destination.name" },
    { "messaging_consumer_group_name", "messaging.consumer.group.name" },
    { "messaging_operation_name", "messaging.operation.name" },
};

static struct str otlp_name(struct str name)
{
    for (size_t i = 0; i < COUNT(otlp_names); i++)
        if (str_is(name, otlp_names[i].prometheus))
            return str_of(otlp_names[i].otlp);
    return name;
}

/* One key="value" of `*rest`, without its escapes. */
static bool next_label(struct arena *arena, struct str *rest, struct str *key, struct str *value)
{
    if (rest->len && rest->ptr[0] == ',')
        *rest = (struct str){ rest->ptr + 1, rest->len - 1 };
    ptrdiff_t equals = str_find_char(*rest, '=');
    if (equals < 0)
        return false;
    *key = (struct str){ rest->ptr, (size_t)equals };
    char *text = arena_alloc_raw(arena, rest->len);
    size_t n = 0, at = (size_t)equals + 2;
    for (; at < rest->len && rest->ptr[at] != '"'; at++) {
        char c = rest->ptr[at];
        if (c == '\\' && at + 1 < rest->len)
            c = rest->ptr[++at] == 'n' ? '\n' : rest->ptr[at];
        text[n++] = c;
    }
    at = MIN(at + 1, rest->len);
    *value = (struct str){ text, n };
    *rest = (struct str){ rest->ptr + at, rest->len - at };
    return true;
}

static void put_attributes(struct json_out *out, const char *labels)
{
    struct str rest = str_of(labels), key, value;
    json_key(out, "attributes");
    json_array(out);
    while (next_label(out->arena, &rest, &key, &value))
        otlp_put_str(out, otlp_name(key), value);
    json_array_end(out);
}

static void put_buckets(struct json_out *out, const struct metric *metric)
{
    int64_t count = 0;
    json_key(out, "bucketCounts");
    json_array(out);
    for (size_t i = 0; i <= METRIC_BUCKETS; i++) {
        int64_t in_bucket = atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
        count += in_bucket;
        otlp_put_int64(out, in_bucket);
    }
    json_array_end(out);
    json_key(out, "explicitBounds");
    json_array(out);
    for (size_t i = 0; i < METRIC_BUCKETS; i++)
        json_put_double(out, seconds_of(metric_bounds_us[i]));
    json_array_end(out);
    json_key(out, "count");
    otlp_put_int64(out, count);
    json_key(out, "sum");
    json_put_double(out, seconds_of(atomic_load_explicit(&metric->value, memory_order_relaxed)));
}

static void put_point(struct json_out *out, const struct metric *metric, int64_t now_us)
{
    json_object(out);
    put_attributes(out, metric->labels);
    json_key(out, "startTimeUnixNano");
    otlp_put_int64(out, otlp_started_us() * 1000);
    json_key(out, "timeUnixNano");
    otlp_put_int64(out, now_us * 1000);
    if (metric->family->kind == METRIC_HISTOGRAM) {
        put_buckets(out, metric);
    } else if (metric->family->micros) {
        json_key(out, "asDouble");
        json_put_double(out, seconds_of(metric_value(metric)));
    } else {
        json_key(out, "asInt");
        otlp_put_int64(out, metric_value(metric));
    }
    json_object_end(out);
}

static void put_family(struct json_out *out, const struct metric_family *family, int64_t now_us)
{
    static const char *const otlp_kinds[] = {
        [METRIC_COUNTER] = "sum", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"
    };
    json_object(out);
    json_key(out, "name");
    json_put_str(out, otlp_name(str_of(family->name)));
    json_key(out, "description");
    json_put_str(out, str_of(family->help));
    if (family->micros || family->kind == METRIC_HISTOGRAM) {
        json_key(out, "unit");
        json_put_str(out, STR("s"));
    }
    json_key(out, otlp_kinds[family->kind]);
    json_object(out);
    if (family->kind != METRIC_GAUGE) {
        json_key(out, "aggregationTemporality");
        json_put_int(out, 2); /* cumulative */
    }
    if (family->kind == METRIC_COUNTER) {
        json_key(out, "isMonotonic");
        json_put_bool(out, true);
    }
    json_key(out, "dataPoints");
    json_array(out);
    for (const struct metric *metric = family->metrics; metric; metric = metric->next_in_family)
        put_point(out, metric, now_us);
    json_array_end(out);
    json_object_end(out);
    json_object_end(out);
}

void metrics_render_otlp(struct json_out *out)
{
    int64_t now_us = clock_now_us();
    json_object(out);
    json_key(out, "resourceMetrics");
    json_array(out);
    json_object(out);
    otlp_put_resource(out);
    json_key(out, "scopeMetrics");
    json_array(out);
    json_object(out);
    otlp_put_scope(out);
    json_key(out, "metrics");
    json_array(out);
    pthread_mutex_lock(&metric_lock);
    for (const struct metric_family *family = metric_families; family; family = family->next)
        put_family(out, family, now_us);
    pthread_mutex_unlock(&metric_lock);
    json_array_end(out);
    json_object_end(out);
    json_array_end(out);
    json_object_end(out);
    json_array_end(out);
    json_object_end(out);
}
