#include "platform/telemetry/otlp.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/curl/curl.h"
#include "platform/telemetry/log.h"
#include "platform/telemetry/metrics.h"

#define BATCH_SPANS 512
#define QUEUE_SPANS 8192 /* some 4 MB at most */
#define QUEUE_BYTES (8u << 20)
#define SPANS_EVERY_US (1 * US_PER_S)
#define METRICS_EVERY_US (30 * US_PER_S)
#define LONGEST_WAIT_US (30 * US_PER_S) /* between tries when the collector is away */
#define POST_TIMEOUT_MS 5000L
#define FLUSH_TIMEOUT_MS 1000L
#define STACK_BYTES (256 * 1024)

/* The finished spans of one trace, encoded. */
struct item {
    struct item *next;
    size_t n, len;
    char text[];
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct item *first, *last;
    size_t n_spans, n_bytes;
    atomic_bool on, stopping;
    bool is_away;
    int64_t retry_wait_us;
    const struct curl_functions *curl;
    CURL *easy;
    char *service, *instance, *url;
    struct metric *exported, *dropped;
} otlp = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int64_t started_us;

__attribute__((constructor)) static void note_start(void)
{
    started_us = clock_now_us();
}

int64_t otlp_started_us(void)
{
    return started_us;
}

bool otlp_is_on(void)
{
    return atomic_load_explicit(&otlp.on, memory_order_relaxed);
}

/* ---- writing ---- */

void otlp_put_int64(struct json_out *out, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)value);
    json_put_str(out, (struct str){ text, (size_t)n });
}

static void attribute(struct json_out *out, struct str key, const char *type)
{
    json_object(out);
    json_key(out, "key");
    json_put_str(out, key);
    json_key(out, "value");
    json_object(out);
    json_key(out, type);
}

static void attribute_end(struct json_out *out)
{
    json_object_end(out);
    json_object_end(out);
}

void otlp_put_str(struct json_out *out, struct str key, struct str value)
{
    attribute(out, key, "stringValue");
    json_put_str(out, value);
    attribute_end(out);
}

void otlp_put_int(struct json_out *out, struct str key, int64_t value)
{
    attribute(out, key, "intValue");
    otlp_put_int64(out, value);
    attribute_end(out);
}

void otlp_put_resource(struct json_out *out)
{
    json_key(out, "resource");
    json_object(out);
    json_key(out, "attributes");
    json_array(out);
    otlp_put_str(out, STR("service.name"), str_of(otlp.service ? otlp.service : "fanfare"));
    otlp_put_str(out, STR("service.instance.id"), str_of(otlp.instance ? otlp.instance : "0"));
    otlp_put_str(out, STR("service.namespace"), STR("fanfare"));
    json_array_end(out);
    json_object_end(out);
}

void otlp_put_scope(struct json_out *out)
{
    json_key(out, "scope");
    json_object(out);
    json_key(out, "name");
    json_put_str(out, STR("fanfare"));
    json_object_end(out);
}

static struct str spans_body(struct arena *arena, const struct item *items)
{
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    json_key(&out, "resourceSpans");
    json_array(&out);
    json_object(&out);
    otlp_put_resource(&out);
    json_key(&out, "scopeSpans");
    json_array(&out);
    json_object(&out);
    otlp_put_scope(&out);
    json_key(&out, "spans");
    json_array(&out);
    for (const struct item *item = items; item; item = item->next)
        json_put_raw(&out, (struct str){ item->text, item->len });
    json_array_end(&out);
    json_object_end(&out);
    json_array_end(&out);
    json_object_end(&out);
    json_array_end(&out);
    json_object_end(&out);
    return json_out_str(&out);
}

/* ---- the queue ---- */

void otlp_push(struct str spans, size_t n)
{
    struct item *item = n && otlp_is_on() ? malloc(sizeof(*item) + spans.len) : NULL;
    if (!item)
        return;
    *item = (struct item){ .n = n, .len = spans.len };
    memcpy(item->text, spans.ptr, spans.len);
    pthread_mutex_lock(&otlp.lock);
    bool fits = otlp.n_spans + n <= QUEUE_SPANS && otlp.n_bytes + spans.len <= QUEUE_BYTES;
    if (fits) {
        *(otlp.first ? &otlp.last->next : &otlp.first) = item;
        otlp.last = item;
        otlp.n_spans += n;
        otlp.n_bytes += spans.len;
        if (otlp.n_spans >= BATCH_SPANS)
            pthread_cond_signal(&otlp.wake);
    }
    pthread_mutex_unlock(&otlp.lock);
    if (!fits) {
        free(item);
        metric_add(otlp.dropped, (int64_t)n);
    }
}

/* The oldest spans, some BATCH_SPANS of them. */
static struct item *take_batch(size_t *n_spans)
{
    *n_spans = 0;
    pthread_mutex_lock(&otlp.lock);
    struct item *first = otlp.first, *last = NULL;
    for (struct item *item = first; item && (!last || *n_spans + item->n <= BATCH_SPANS);
         item = item->next) {
        *n_spans += item->n;
        otlp.n_bytes -= item->len;
        last = item;
    }
    if (last) {
        otlp.first = last->next;
        otlp.n_spans -= *n_spans;
        last->next = NULL;
    }
    pthread_mutex_unlock(&otlp.lock);
    return first;
}

static void free_items(struct item *items)
{
    while (items) {
        struct item *next = items->next;
        free(items);
        items = next;
    }
}

/* ---- sending ---- */

enum sent { SENT, REFUSED, AWAY };

static size_t ignore_answer(char *data, size_t size, size_t n, void *argument)
{
    return size * n;
}

/* The last flush is not kept waiting by what was sent before it. */
static int give_up(void *is_last, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                   curl_off_t up)
{
    return !is_last && atomic_load(&otlp.stopping);
}

static enum sent post(const char *path, struct str body, long timeout_ms)
{
    static char last;
    CLEANUP(arena_freep) struct arena *arena = arena_new(512);
    struct curl_slist *headers = otlp.curl->slist_append(NULL, "Content-Type: application/json");
    otlp.curl->easy_reset(otlp.easy);
    otlp.curl->easy_setopt(otlp.easy, CURLOPT_URL, arena_printf(arena, "%s%s", otlp.url, path).ptr);
    otlp.curl->easy_setopt(otlp.easy, CURLOPT_POSTFIELDS, body.ptr);
    otlp.curl->easy_setopt(otlp.easy, CURLOPT_POSTFIELDSIZE, (long)body.len);
    otlp.curl->easy_setopt(otlp.easy, CURLOPT_HTTPHEADER, headers);
    otlp.curl->easy_setopt(otlp.easy, CURLOPT_TIMEOUT_MS, timeout_ms);
    otlp.curl->easy_setopt(otlp.easy, CURLOPT_NOSIGNAL, 1L);
    otlp.curl->easy_setopt(otlp.easy, CURLOPT_WRITEFUNCTION, ignore_answer);
    otlp.curl->easy_setopt(otlp.easy, CURLOPT_NOPROGRESS, 0L);
    otlp.curl->easy_setopt(otlp.easy, CURLOPT_XFERINFOFUNCTION, give_up);
    otlp.curl->easy_setopt(otlp.easy, CURLOPT_XFERINFODATA,
                           timeout_ms == FLUSH_TIMEOUT_MS ? &last : NULL);
    CURLcode result = otlp.curl->easy_perform(otlp.easy);
    long status = 0;
    otlp.curl->easy_getinfo(otlp.easy, CURLINFO_RESPONSE_CODE, &status);
    otlp.curl->slist_free_all(headers);
    if (result != CURLE_OK || status == 429 || status == 502 || status == 503 || status == 504)
        return AWAY;
    return status >= 200 && status < 300 ? SENT : REFUSED;
}

static void note_collector(bool is_away)
{
    if (is_away != otlp.is_away)
        log_line(is_away ? LOG_WARN : LOG_INFO, NULL, is_away ? "collector_away" : "collector_back",
                 LOG_C("url", otlp.url));
    otlp.is_away = is_away;
    otlp.retry_wait_us = is_away ? MIN(MAX(otlp.retry_wait_us * 2, US_PER_S), LONGEST_WAIT_US) : 0;
}

/* What could not be sent goes back to the front: the queue's limit decides when it is too old. */
static void put_back(struct item *items, size_t n_spans)
{
    pthread_mutex_lock(&otlp.lock);
    struct item *last = items;
    otlp.n_bytes += last->len;
    while (last->next) {
        last = last->next;
        otlp.n_bytes += last->len;
    }
    last->next = otlp.first;
    if (!otlp.first)
        otlp.last = last;
    otlp.first = items;
    otlp.n_spans += n_spans;
    pthread_mutex_unlock(&otlp.lock);
}

/* False when the collector is away. */
static bool send_spans(long timeout_ms)
{
    size_t n_spans;
    struct item *items;
    while ((items = take_batch(&n_spans))) {
        struct arena *arena = arena_new(64 * 1024);
        enum sent sent = post("/v1/traces", spans_body(arena, items), timeout_ms);
        arena_free(arena);
        note_collector(sent == AWAY);
        if (sent == AWAY) {
            put_back(items, n_spans);
            return false;
        }
        metric_add(sent == SENT ? otlp.exported : otlp.dropped, (int64_t)n_spans);
        free_items(items);
    }
    return true;
}

static void send_metrics(long timeout_ms)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(64 * 1024);
    struct json_out out;
    json_out_init(&out, arena);
    metrics_render_otlp(&out);
    note_collector(post("/v1/metrics", json_out_str(&out), timeout_ms) == AWAY);
}

/* Until `until_us`, a full batch, or the end; true to go on. */
static bool wait_until(int64_t until_us)
{
    struct timespec at = { until_us / US_PER_S, until_us % US_PER_S * 1000 };
    pthread_mutex_lock(&otlp.lock);
    while (!otlp.stopping && (otlp.n_spans < BATCH_SPANS || otlp.retry_wait_us) &&
           pthread_cond_timedwait(&otlp.wake, &otlp.lock, &at) == 0)
        continue;
    bool go_on = !otlp.stopping;
    pthread_mutex_unlock(&otlp.lock);
    return go_on;
}

static void *run(void *argument)
{
    pthread_setname_np(pthread_self(), "otlp");
    int64_t metrics_at_us = clock_mono_us() + METRICS_EVERY_US;
    while (wait_until(clock_mono_us() + MAX(SPANS_EVERY_US, otlp.retry_wait_us))) {
        if (send_spans(POST_TIMEOUT_MS) && clock_mono_us() >= metrics_at_us) {
            send_metrics(POST_TIMEOUT_MS);
            metrics_at_us = clock_mono_us() + METRICS_EVERY_US;
        }
    }
    if (send_spans(FLUSH_TIMEOUT_MS))
        send_metrics(FLUSH_TIMEOUT_MS);
    return NULL;
}

/* ---- start and stop ---- */

static bool start_thread(void)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&otlp.wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK_BYTES);
    bool started = pthread_create(&otlp.thread, &small, run, NULL) == 0;
    pthread_attr_destroy(&small);
    return started;
}

void otlp_start(const struct trace_settings *settings)
{
    free(otlp.service);
    free(otlp.instance);
    otlp.service = mem_strdup(settings->service);
    otlp.instance = mem_strdup(settings->instance ? settings->instance : "0");
    if (otlp_is_on() || !settings->url || !*settings->url)
        return;
    struct str url = str_of(settings->url);
    while (url.len && url.ptr[url.len - 1] == '/')
        url.len--;
    otlp.url = strndup(url.ptr, url.len);
    otlp.stopping = otlp.is_away = false;
    otlp.retry_wait_us = 0;
    otlp.exported = metric_get(METRIC_COUNTER, "telemetry_spans_exported_total",
                               "Spans that the collector took.", "");
    otlp.dropped = metric_get(METRIC_COUNTER, "telemetry_spans_dropped_total",
                              "Spans lost to a full queue or refused by the collector.", "");
    const char *why = "";
    otlp.curl = curl_load(&why);
    otlp.easy = otlp.curl ? otlp.curl->easy_init() : NULL;
    if (!otlp.url || !otlp.easy || !start_thread())
        log_line(LOG_ERROR, NULL, "exporter_not_started", LOG_C("url", settings->url),
                 LOG_C("error", why));
    else
        atomic_store(&otlp.on, true);
}

void otlp_stop(void)
{
    if (!otlp_is_on())
        return;
    atomic_store(&otlp.on, false);
    pthread_mutex_lock(&otlp.lock);
    otlp.stopping = true;
    pthread_cond_signal(&otlp.wake);
    pthread_mutex_unlock(&otlp.lock);
    pthread_join(otlp.thread, NULL);
    pthread_cond_destroy(&otlp.wake);
    free_items(otlp.first);
    otlp.first = otlp.last = NULL;
    otlp.n_spans = otlp.n_bytes = 0;
    otlp.curl->easy_cleanup(otlp.easy);
    free(otlp.url);
    otlp.url = NULL;
}
