#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/json/json.h"
#include "platform/telemetry/log.h"
#include "platform/telemetry/metrics.h"
#include "platform/telemetry/trace.h"

static struct ctx ctx;

/* ---- W3C trace context ---- */

static void test_traceparent(void)
{
#define ID "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"
    static const struct {
        const char *text;
        bool good;
    } table[] = {
        { "00-" ID "-" PARENT "-01", true },
        { "00-" ID "-" PARENT "-00", true },
        { "00-" ID "-" PARENT "-ff", true },
        { "01-" ID "-" PARENT "-01", true },
        { "01-" ID "-" PARENT "-01-more", true },
        { "01-" ID "-" PARENT "-01.more", false },
        { "00-" ID "-" PARENT "-01-more", false },
        { "ff-" ID "-" PARENT "-01", false },
        { "0g-" ID "-" PARENT "-01", false },
        { "00-4BF92F3577B34DA6A3CE929D0E0E4736-" PARENT "-01", false },
        { "00-00000000000000000000000000000000-" PARENT "-01", false },
        { "00-" ID "-0000000000000000-01", false },
        { "00-" ID "-" PARENT, false },
        { "00_" ID "-" PARENT "-01", false },
        { "00-" ID "-" PARENT "-0x", false },
        { "", false },
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct trace_context context = { .flags = 7 };
        if (!CHECK(trace_parse(str_of(table[i].text), &context) == table[i].good))
            fprintf(stderr, "  \"%s\"\n", table[i].text);
        CHECK(table[i].good || context.flags == 7);
    }
    struct trace_context context;
    CHECK(!trace_parse((struct str){ NULL, 0 }, &context));
    CHECK(trace_parse(STR("00-" ID "-" PARENT "-01"), &context));
    char text[TRACEPARENT_BYTES];
    trace_format(&context, text);
    CHECK_STR(str_of(text), "00-" ID "-" PARENT "-01");
}

static void test_spans(void)
{
    struct trace_context remote, seen;
    trace_parse(STR("00-" ID "-" PARENT "-01"), &remote);
    CHECK(!span_context(&ctx, &seen));
    CHECK_STR(trace_id_text(&ctx), "");
    struct span *root = span_start_remote(&ctx, SPAN_SERVER, STR("GET /v1/x"), &remote);
    CHECK(ctx.span == root);
    CHECK_STR(trace_id_text(&ctx), ID);
    struct span *child = span_start(&ctx, SPAN_CLIENT, STR("SELECT"));
    CHECK(span_context(&ctx, &seen));
    CHECK(memcmp(seen.trace_id, remote.trace_id, 16) == 0 && seen.flags == 1);
    CHECK(memcmp(seen.span_id, remote.span_id, 8) != 0);
    span_end(&ctx, child);
    CHECK(ctx.span == root);
    span_end(&ctx, root);
    CHECK(ctx.span == NULL);
    span_end(&ctx, NULL);
    span_error(NULL, "x");
    arena_clear(ctx.arena);
}

static int sampled_of(int traces, int per_mille)
{
    trace_setup(&(struct trace_settings){ .service = "telemetry", .sample_per_mille = per_mille });
    int sampled = 0;
    for (int i = 0; i < traces; i++) {
        struct trace_context context;
        struct span *span = span_start(&ctx, SPAN_INTERNAL, STR("x"));
        sampled += span_context(&ctx, &context) && context.flags;
        span_end(&ctx, span);
        arena_clear(ctx.arena);
    }
    return sampled;
}

/* What an event causes is kept with what caused it, or neither is. */
static void test_linked_sampling(void)
{
    struct trace_context cause, seen, none = { 0 };
    CHECK(trace_parse(STR("00-" ID "-" PARENT "-01"), &cause));
    for (int per_mille = 0; per_mille <= 1000; per_mille += 1000)
        for (uint8_t flags = 0; flags <= 1; flags++) {
            trace_setup(
                &(struct trace_settings){ .service = "telemetry", .sample_per_mille = per_mille });
            cause.flags = flags;
            struct span *span = span_start_linked(&ctx, SPAN_CONSUMER, STR("process"), &cause);
            CHECK(span_context(&ctx, &seen) && seen.flags == flags);
            CHECK(memcmp(seen.trace_id, cause.trace_id, 16) != 0);
            span_end(&ctx, span);
            span = span_start_linked(&ctx, SPAN_CONSUMER, STR("process"), &none);
            CHECK(span_context(&ctx, &seen) && seen.flags == (per_mille > 0));
            span_end(&ctx, span);
        }
}

static void test_sampling(void)
{
    CHECK_INT(sampled_of(1000, 1000), 1000);
    CHECK_INT(sampled_of(1000, 0), 0);
    int some = sampled_of(20000, 100);
    CHECK(some > 1700 && some < 2300);
}

/* ---- metrics ---- */

static int64_t forty_two(void *argument)
{
    return *(int64_t *)argument;
}

static bool shows(struct str text, const char *line)
{
    return strstr(text.ptr, line) != NULL;
}

static void test_metrics(void)
{
    static int64_t value = 42;
    struct str label = metric_label(ctx.arena, "path", STR("a\"b\\c\nd"));
    CHECK_STR(label, "path=\"a\\\"b\\\\c\\nd\"");
    struct metric *counter = metric_get(METRIC_COUNTER, "test_things_total", "Things.", label.ptr);
    CHECK(counter == metric_get(METRIC_COUNTER, "test_things_total", "Things.", label.ptr));
    CHECK(counter != metric_get(METRIC_COUNTER, "test_things_total", "Things.", ""));
    metric_add(counter, 3);
    struct metric *gauge = metric_get(METRIC_GAUGE, "test_depth", "Depth.", NULL);
    metric_set(gauge, 5);
    metric_add(gauge, -7);
    CHECK_INT(metric_value(gauge), -2);
    metric_callback("test_asked", "Line one\nback\\slash.", "", forty_two, &value);
    metric_callback_seconds("test_cpu_seconds_total", "CPU.", "", forty_two, &value);
    struct metric *histogram = metric_get(METRIC_HISTOGRAM, "test_seconds", "Time.", "op=\"x\"");
    static const int64_t micros[] = { 1, 10, 11, 1000, 10000000, 10000001 };
    for (size_t i = 0; i < COUNT(micros); i++)
        metric_observe_us(histogram, micros[i]);
    CHECK_INT(metric_value(histogram), 6);
    struct str text = metrics_render(ctx.arena);
    static const char *const lines[] = {
        "# HELP test_things_total Things.\n# TYPE test_things_total counter\n",
        "\ntest_things_total{path=\"a\\\"b\\\\c\\nd\"} 3\n",
        "\ntest_things_total 0\n",
        "\ntest_depth -2\n",
        "# HELP test_asked Line one\\nback\\\\slash.\n# TYPE test_asked gauge\ntest_asked 42\n",
        "\ntest_cpu_seconds_total 0.000042\n",
        "\ntest_seconds_bucket{op=\"x\",le=\"0.00001\"} 2\n",
        "\ntest_seconds_bucket{op=\"x\",le=\"0.000025\"} 3\n",
        "\ntest_seconds_bucket{op=\"x\",le=\"10\"} 5\n",
        "\ntest_seconds_bucket{op=\"x\",le=\"+Inf\"} 6\n",
        "\ntest_seconds_sum{op=\"x\"} 20.001023\n",
        "\ntest_seconds_count{op=\"x\"} 6\n",
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        if (!CHECK(shows(text, lines[i])))
            fprintf(stderr, "  %s", lines[i]);
}

static void test_metrics_overflow(void)
{
    for (int i = 0; i < 3000; i++) {
        struct str label = arena_printf(ctx.arena, "n=\"%d\"", i);
        metric_add(metric_get(METRIC_COUNTER, "test_many_total", "Many.", label.ptr), 1);
    }
    CHECK(shows(metrics_render(ctx.arena), "test_many_total{overflow=\"true\"} 1000\n"));
    arena_clear(ctx.arena);
}

static const struct json *metric_named(const struct json *root, const char *name)
{
    const struct json *list = json_pointer(root, STR("/resourceMetrics/0/scopeMetrics/0/metrics"));
    for (struct json_iter it = json_iter(list); json_next(&it);)
        if (str_is(json_str(json_get(it.value, "name")), name))
            return it.value;
    return NULL;
}

static void test_metrics_otlp(void)
{
    struct metric *http = metric_get(METRIC_HISTOGRAM, "http_server_request_duration_seconds", "T.",
                                     "http_route=\"/v1/{x}\",http_request_method=\"GET\"");
    metric_observe_us(http, 2000);
    struct json_out out;
    json_out_init(&out, ctx.arena);
    metrics_render_otlp(&out);
    const struct json *root = json_parse(&ctx, json_out_str(&out));
    REQUIRE(root != NULL);
    const struct json *metric = metric_named(root, "http.server.request.duration");
    CHECK_STR(json_str(json_get(metric, "unit")), "s");
    const struct json *point = json_pointer(metric, STR("/histogram/dataPoints/0"));
    CHECK_STR(json_str(json_get(point, "count")), "1");
    CHECK_STR(json_str(json_pointer(point, STR("/attributes/0/key"))), "http.route");
    CHECK_STR(json_str(json_pointer(point, STR("/attributes/0/value/stringValue"))), "/v1/{x}");
    CHECK_INT(json_size(json_get(point, "bucketCounts")),
              json_size(json_get(point, "explicitBounds")) + 1);
    CHECK_STR(
        json_str(json_pointer(metric_named(root, "test_depth"), STR("/gauge/dataPoints/0/asInt"))),
        "-2");
    metric = metric_named(root, "test_things_total");
    CHECK(json_bool(json_pointer(metric, STR("/sum/isMonotonic"))));
    CHECK_STR(
        json_str(json_pointer(metric, STR("/sum/dataPoints/0/attributes/0/value/stringValue"))),
        "a\"b\\c\nd");
    arena_clear(ctx.arena);
}

/* ---- logs ---- */

static const struct json *logged(void (*write_line)(void))
{
    int pipe_ends[2], old = dup(STDERR_FILENO);
    REQUIRE(pipe(pipe_ends) == 0);
    dup2(pipe_ends[1], STDERR_FILENO);
    write_line();
    dup2(old, STDERR_FILENO);
    close(old);
    close(pipe_ends[1]);
    static char text[8192];
    ssize_t n = read(pipe_ends[0], text, sizeof(text));
    close(pipe_ends[0]);
    return n > 0 && text[n - 1] == '\n' ? json_parse(&ctx, (struct str){ text, (size_t)n }) : NULL;
}

static void log_full(void)
{
    struct span *span = span_start(&ctx, SPAN_SERVER, STR("x"));
    log_line(LOG_WARN, &ctx, "order_stored", LOG_C("order_id", "ord_1"), LOG_I("lines", 3),
             LOG_C("customer_email", "a@example.com"), LOG_C("first_name", "Ann"),
             LOG_C("Authorization", "Bearer x"), LOG_I("email_id", 7), LOG_D("ratio", 0.5),
             LOG_B("again", true), LOG_S("bytes", ((struct str){ "a\xff\n", 3 })),
             LOG_S("none", ((struct str){ NULL, 0 })), LOG_I("token", 5));
    span_end(&ctx, span);
}

static void log_debug(void)
{
    log_line(LOG_DEBUG, NULL, "detail");
}

static void test_log(void)
{
    log_setup("telemetry", LOG_INFO);
    const struct json *line = logged(log_full);
    REQUIRE(line != NULL);
    static const struct {
        const char *key, *value;
    } texts[] = {
        { "level", "warn" },
        { "service", "telemetry" },
        { "event", "order_stored" },
        { "order_id", "ord_1" },
        { "customer_email", "[hidden]" },
        { "first_name", "[hidden]" },
        { "Authorization", "[hidden]" },
        { "bytes", "a?\n" },
        { "token", "[hidden]" },
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        CHECK_STR(json_str(json_get(line, texts[i].key)), texts[i].value);
    CHECK_INT(json_str(json_get(line, "trace_id")).len, 32);
    CHECK_INT(json_int(json_get(line, "lines")), 3);
    CHECK_INT(json_int(json_get(line, "email_id")), 7);
    CHECK(json_bool(json_get(line, "again")));
    CHECK(logged(log_debug) == NULL);
    log_setup("telemetry", LOG_DEBUG);
    CHECK(logged(log_debug) != NULL);
    enum log_level level = LOG_INFO;
    CHECK(log_level_parse(STR("error"), &level) && level == LOG_ERROR);
    CHECK(!log_level_parse(STR("loud"), &level) && level == LOG_ERROR);
    arena_clear(ctx.arena);
}

/* ---- export, to a collector of a few lines ---- */

static struct {
    int listener, port;
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_int refuse; /* answers 503 so often */
    char *traces;      /* the newest body of /v1/traces */
    atomic_int n_traces, n_metrics;
} collector = { .lock = PTHREAD_MUTEX_INITIALIZER };

static char *read_request(int connection)
{
    size_t used = 0, size = 1 << 20;
    char *text = mem_alloc(size);
    while (used < size - 1) {
        ssize_t n = read(connection, text + used, size - 1 - used);
        if (n <= 0)
            break;
        used += (size_t)n;
        char *body = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
        if (body && length && used >= (size_t)(body + 4 - text) + strtoul(length + 16, NULL, 10))
            return text;
        if (body && strstr(text, "Expect: 100")) {
            const char *go_on = "HTTP/1.1 100 Continue\r\n\r\n";
            if (write(connection, go_on, strlen(go_on)) < 0)
                break;
        }
    }
    free(text);
    return NULL;
}

static void keep(char *request)
{
    if (strncmp(request, "POST /v1/traces ", 16) == 0) {
        pthread_mutex_lock(&collector.lock);
        free(collector.traces);
        collector.traces = mem_strdup(strstr(request, "\r\n\r\n") + 4);
        pthread_mutex_unlock(&collector.lock);
        atomic_fetch_add(&collector.n_traces, 1);
    } else if (strncmp(request, "POST /v1/metrics ", 17) == 0) {
        atomic_fetch_add(&collector.n_metrics, 1);
    }
}

static void *collect(void *argument)
{
    int connection;
    while ((connection = accept4(collector.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        char *request = read_request(connection);
        bool refused = request && atomic_load(&collector.refuse) > 0;
        if (refused)
            atomic_fetch_sub(&collector.refuse, 1);
        else if (request)
            keep(request);
        const char *answer =
            refused ? "HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    : "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        if (request && write(connection, answer, strlen(answer)) < 0)
            perror("write");
        free(request);
        close(connection);
    }
    return NULL;
}

static void collector_start(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t bytes = sizeof(address);
    collector.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(collector.listener, (struct sockaddr *)&address, bytes) == 0);
    REQUIRE(listen(collector.listener, 8) == 0);
    getsockname(collector.listener, (struct sockaddr *)&address, &bytes);
    collector.port = ntohs(address.sin_port);
    pthread_create(&collector.thread, NULL, collect, NULL);
}

static void collector_stop(void)
{
    shutdown(collector.listener, SHUT_RDWR);
    pthread_join(collector.thread, NULL);
    close(collector.listener);
    free(collector.traces);
}

/* In an arena of its own, which holds something else once it is over. */
static void make_query(const char *error, int64_t micros)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(4096);
    struct ctx own = ctx;
    own.arena = arena;
    struct span *child = span_start(&own, SPAN_CLIENT, STR("SELECT"));
    span_str(child, "db.system.name", STR("sqlite"));
    if (error)
        span_error(child, error);
    if (micros)
        usleep((useconds_t)micros);
    span_end(&own, child);
    arena_clear(arena);
    memset(ARENA_ARRAY(arena, char, 2048), 0x7f, 2048);
}

/* A request with one query inside; `remote` linked. */
static void make_trace(const char *name, const char *error, int64_t micros)
{
    struct trace_context remote;
    trace_parse(STR("00-" ID "-" PARENT "-01"), &remote);
    struct span *root = span_start(&ctx, SPAN_SERVER, str_of(name));
    span_link(root, &remote);
    span_int(root, "http.response.status_code", 200);
    make_query(error, micros);
    span_end(&ctx, root);
    arena_clear(ctx.arena);
}

static void export_to(int per_mille, const char *url, int refuse)
{
    atomic_store(&collector.refuse, refuse);
    atomic_store(&collector.n_traces, 0);
    trace_setup(&(struct trace_settings){ .service = "telemetry",
                                          .instance = "i-1",
                                          .url = url,
                                          .sample_per_mille = per_mille,
                                          .slow_us = 50000 });
    make_trace("quick", NULL, 0);
}

#define SPAN_AT(n, member) "/resourceSpans/0/scopeSpans/0/spans/" #n "/" member

static void check_exported(const struct json *root)
{
    CHECK_STR(json_str(json_pointer(
                  root, STR("/resourceSpans/0/resource/attributes/0/value/stringValue"))),
              "telemetry");
    CHECK_STR(json_str(json_pointer(root, STR(SPAN_AT(0, "name")))), "quick");
    CHECK(json_pointer(root, STR(SPAN_AT(0, "parentSpanId"))) == NULL);
    CHECK_STR(json_str(json_pointer(root, STR(SPAN_AT(0, "links/0/traceId")))), ID);
    CHECK_STR(json_str(json_pointer(root, STR(SPAN_AT(0, "attributes/0/value/intValue")))), "200");
    CHECK_INT(json_int(json_pointer(root, STR(SPAN_AT(0, "kind")))), SPAN_SERVER);
    CHECK_STR(json_str(json_pointer(root, STR(SPAN_AT(1, "name")))), "SELECT");
    CHECK(str_eq(json_str(json_pointer(root, STR(SPAN_AT(1, "parentSpanId")))),
                 json_str(json_pointer(root, STR(SPAN_AT(0, "spanId"))))));
    CHECK(str_eq(json_str(json_pointer(root, STR(SPAN_AT(1, "traceId")))),
                 json_str(json_pointer(root, STR(SPAN_AT(0, "traceId"))))));
}

/* An event that a kept trace published; and one of a trace that is not kept. */
static void make_consumer(const char *name, const char *traceparent)
{
    struct trace_context producer;
    trace_parse(str_of(traceparent), &producer);
    struct span *span = span_start_remote(&ctx, SPAN_CONSUMER, str_of(name), NULL);
    span_link(span, &producer);
    span_end(&ctx, span);
    arena_clear(ctx.arena);
}

static void test_export(void)
{
    collector_start();
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/", collector.port);

    export_to(1000, url, 0); /* sampled: kept */
    trace_stop();
    REQUIRE(atomic_load(&collector.n_traces) == 1);
    const struct json *root = json_parse(&ctx, str_of(collector.traces));
    REQUIRE(root != NULL);
    check_exported(root);
    CHECK(atomic_load(&collector.n_metrics) >= 1);

    export_to(0, url, 0); /* not sampled: only the one with an error and the slow one */
    make_trace("broken", "timeout", 0);
    make_trace("slow", NULL, 60000);
    make_consumer("follows", "00-" ID "-" PARENT "-01");
    make_consumer("alone", "00-" ID "-" PARENT "-00");
    trace_stop();
    root = json_parse(&ctx, str_of(collector.traces));
    const struct json *spans = json_pointer(root, STR("/resourceSpans/0/scopeSpans/0/spans"));
    CHECK_INT(json_size(spans), 5);
    CHECK_STR(json_str(json_get(json_at(spans, 4), "name")), "follows");
    CHECK_STR(json_str(json_get(json_at(spans, 0), "name")), "broken");
    CHECK_INT(json_int(json_pointer(spans, STR("/1/status/code"))), 2);
    CHECK_STR(json_str(json_get(json_at(spans, 2), "name")), "slow");

    export_to(1000, url, 1); /* refused once with 503: sent again */
    for (int i = 0; i < 60 && !atomic_load(&collector.n_traces); i++)
        usleep(100000);
    trace_stop();
    CHECK(atomic_load(&collector.n_traces) >= 1);
    collector_stop();
}

static void test_no_collector(void)
{
    trace_setup(&(struct trace_settings){
        .service = "telemetry", .url = "http://127.0.0.1:1", .sample_per_mille = 1000 });
    for (int i = 0; i < 20000; i++)
        make_trace("lost", NULL, 0);
    int64_t start_us = clock_mono_us();
    trace_stop();
    CHECK(clock_mono_us() - start_us < 2 * US_PER_S);
    CHECK(metric_value(metric_get(METRIC_COUNTER, "telemetry_spans_dropped_total", "", "")) > 0);
}

int main(void)
{
    ctx.arena = arena_new(0);
    test_traceparent();
    test_spans();
    test_sampling();
    test_linked_sampling();
    test_metrics();
    test_metrics_overflow();
    test_metrics_otlp();
    test_log();
    test_export();
    test_no_collector();
    arena_free(ctx.arena);
    return check_end();
}
