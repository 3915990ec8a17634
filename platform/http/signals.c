#include "platform/http/signals.h"

#include <stdatomic.h>

#include "base/clock.h"

#define OTHER_STATUS (-1)

void signals_init(struct signals *signals, struct arena *arena, const char *method,
                  const char *route)
{
    *signals =
        (struct signals){ .method = str_of(method ? method : "_OTHER"), .route = str_of(route) };
    signals->span_name = route ? arena_printf(arena, "%s %s", signals->method.ptr, route)
                               : STR("HTTP");
    struct str labels = metric_label(arena, "http_request_method", signals->method);
    if (route)
        labels = arena_printf(arena, STR_FMT "," STR_FMT, STR_ARG(labels),
                              STR_ARG(metric_label(arena, "http_route", signals->route)));
    signals->under_way = metric_get(METRIC_GAUGE, "http_server_active_requests",
                                    "Requests that are being handled.", labels.ptr);
}

static struct metric *duration_make(const struct signals *signals, struct ctx *ctx, int status)
{
    struct str labels = metric_label(ctx->arena, "http_request_method", signals->method);
    if (signals->route.ptr)
        labels = arena_printf(ctx->arena, STR_FMT "," STR_FMT, STR_ARG(labels),
                              STR_ARG(metric_label(ctx->arena, "http_route", signals->route)));
    labels = arena_printf(ctx->arena, STR_FMT ",http_response_status_code=\"%d\"", STR_ARG(labels),
                          status == OTHER_STATUS ? 0 : status);
    return metric_get(METRIC_HISTOGRAM, "http_server_request_duration_seconds",
                      "How long requests took, in this server.", labels.ptr);
}

/* Two threads may make the same instrument: metric_get gives both the same one. */
static struct metric *duration_of(struct signals *signals, struct ctx *ctx, int status)
{
    for (size_t i = 0; i < COUNT(signals->statuses); i++) {
        bool last = i + 1 == COUNT(signals->statuses);
        int wanted = last ? OTHER_STATUS : status, none = 0;
        int found = atomic_load_explicit(&signals->statuses[i].status, memory_order_acquire);
        if (found == 0 &&
            !atomic_compare_exchange_strong(&signals->statuses[i].status, &none, wanted) &&
            none != wanted)
            continue;
        if (found != 0 && found != wanted)
            continue;
        struct metric *duration =
            atomic_load_explicit(&signals->statuses[i].duration, memory_order_acquire);
        if (!duration) {
            duration = duration_make(signals, ctx, wanted);
            atomic_store_explicit(&signals->statuses[i].duration, duration, memory_order_release);
        }
        return duration;
    }
    return NULL; /* not reached: the last slot takes all */
}

void signals_begin(struct signals *signals, struct flight *flight, struct ctx *ctx,
                   struct str traceparent, bool edge)
{
    struct trace_context parent;
    bool known = traceparent.ptr && trace_parse(traceparent, &parent);
    flight->started_us = clock_mono_us();
    flight->span =
        span_start_remote(ctx, SPAN_SERVER, signals->span_name, known && !edge ? &parent : NULL);
    if (known && edge)
        span_link(flight->span, &parent);
    metric_add(signals->under_way, 1);
}

int64_t signals_end(struct signals *signals, struct flight *flight, struct ctx *ctx, int status)
{
    int64_t took_us = clock_mono_us() - flight->started_us;
    span_str(flight->span, "http.request.method", signals->method);
    if (signals->route.ptr)
        span_str(flight->span, "http.route", signals->route);
    span_int(flight->span, "http.response.status_code", status);
    if (status >= 500)
        span_error(flight->span,
                   error_name(ctx_failed(ctx) ? ctx->error.code : error_of_status(status)));
    span_end(ctx, flight->span);
    metric_observe_us(duration_of(signals, ctx, status), took_us);
    metric_add(signals->under_way, -1);
    return took_us;
}
