/* Calls in parallel: one loop that starts, watches the clock, and ends each by its deadline. */
#include "platform/client/attempt.h"
#include "platform/client/lane.h"
#include "platform/client/peer.h"

#include <time.h>

#include "base/clock.h"
#include "base/id.h"
#include "platform/faults/faults.h"
#include "platform/telemetry/trace.h"

#define DEADLINE_DEFAULT_US (10 * US_PER_S)
#define TOO_SHORT_US (5 * US_PER_MS) /* a call that was given less says nothing about its peer */
#define RETRY_WAIT_US (25 * US_PER_MS)

enum flight_state {
    FLIGHT_WAITING, /* until `begins_us` */
    FLIGHT_RUNNING,
    FLIGHT_DONE,
};

struct flight {
    struct call *call;
    struct attempt attempt;
    enum flight_state state;
    int64_t started_us, begins_us, deadline_us;
    bool retried;
    struct span *span;
};

struct calling {
    struct ctx *ctx;
    struct lane *lane;
    struct flight *flights;
    struct pollfd *polls; /* of those flights that are `polled` */
    struct flight **polled;
    size_t n, open;
};

/* ---- ending ---- */

static void flight_land(struct calling *calling, struct flight *flight)
{
    struct ctx *ctx = calling->ctx;
    struct call *call = flight->call;
    if (call->status)
        span_int(flight->span, "http.response.status_code", call->status);
    if (call->error.code != ERR_NONE)
        span_error(flight->span, error_name(call->error.code));
    ctx->span = flight->span;
    span_end(ctx, flight->span);
    call->took_us = clock_mono_us() - flight->started_us;
    call->retried = flight->retried;
    peer_observe(call->peer, ctx, call->method, call->status, call->took_us);
    flight->state = FLIGHT_DONE;
    calling->open--;
}

static void flight_fail(struct calling *calling, struct flight *flight, enum error_code code,
                        const char *why)
{
    struct call *call = flight->call;
    call->error = (struct error){
        .code = code,
        .detail = arena_printf(calling->ctx->arena, "%s: %s", peer_name(call->peer), why),
    };
    flight_land(calling, flight);
}

static enum attempt_end how_it_went(const struct flight *flight, enum error_code code)
{
    int64_t took_us = clock_mono_us() - flight->attempt.started_us,
            budget_us = peer_budget_us(flight->call->peer);
    if (code == ERR_TIMEOUT && took_us < (budget_us ? budget_us / 2 : TOO_SHORT_US))
        return ATTEMPT_NEITHER;
    return code != ERR_NONE || (budget_us && took_us > budget_us) ? ATTEMPT_BAD : ATTEMPT_GOOD;
}

static void flight_expire(struct calling *calling, struct flight *flight)
{
    if (flight->state == FLIGHT_RUNNING) {
        peer_record(flight->call->peer, how_it_went(flight, ERR_TIMEOUT));
        attempt_done(&flight->attempt, calling->lane);
    }
    flight_fail(calling, flight, ERR_TIMEOUT, "no answer in time");
}

/* ---- trying again ---- */

static bool worth_retrying(const struct flight *flight)
{
    const struct attempt *attempt = &flight->attempt;
    int status = attempt->status;
    enum error_code code = attempt->error.code;
    if (flight->retried || attempt->told_to_wait || attempt->too_large ||
        !call_is_idempotent(flight->call))
        return false;
    return status ? status == 502 || status == 503 || status == 504
                  : code == ERR_UNAVAILABLE || code == ERR_BAD_GATEWAY;
}

/* Any moment of the next 25 ms, or of a quarter of what is left. */
static bool flight_retry(struct flight *flight)
{
    uint32_t random;
    int64_t now_us = clock_mono_us(),
            wait_us = MIN(RETRY_WAIT_US, (flight->deadline_us - now_us) / 4);
    if (wait_us <= 0 || !peer_may_retry(flight->call->peer))
        return false;
    id_random(&random, sizeof(random));
    flight->begins_us = now_us + random % wait_us;
    flight->retried = true;
    flight->state = FLIGHT_WAITING;
    return true;
}

/* Its attempt is over. */
static void flight_answered(struct calling *calling, struct flight *flight)
{
    struct call *call = flight->call;
    struct attempt *attempt = &flight->attempt;
    peer_record(call->peer, how_it_went(flight, attempt->error.code));
    attempt_done(attempt, calling->lane);
    if (worth_retrying(flight) && flight_retry(flight))
        return;
    call->status = attempt->status;
    call->error = attempt->error;
    if (attempt->status) {
        call->answer = attempt->body;
        call->answer_type = attempt->type;
        call->etag = attempt->etag;
        call->location = attempt->location;
        call->next_cursor = attempt->next_cursor;
    }
    flight_land(calling, flight);
}

/* ---- starting ---- */

static void flight_start(struct calling *calling, struct flight *flight)
{
    struct ctx *ctx = calling->ctx;
    struct call *call = flight->call;
    if (!peer_allows(call->peer)) {
        flight_fail(calling, flight, ERR_UNAVAILABLE, "not asked, its breaker is open");
        return;
    }
    struct span *parent = ctx->span;
    ctx->span = flight->span;
    bool ready = attempt_start(&flight->attempt, ctx, call, calling->lane, flight->deadline_us);
    ctx->span = parent;
    flight->state = FLIGHT_RUNNING;
    if (ready)
        return;
    peer_record(call->peer, ATTEMPT_NEITHER);
    attempt_done(&flight->attempt, calling->lane);
    flight_fail(calling, flight, ERR_UNAVAILABLE, "the call could not be made");
}

static void flight_open(struct calling *calling, struct flight *flight, struct call *call)
{
    struct ctx *ctx = calling->ctx;
    struct span *parent = ctx->span;
    int64_t now_us = clock_mono_us();
    int64_t deadline_us = call->deadline_us ? call->deadline_us : ctx->deadline_us;
    *flight = (struct flight){
        .call = call,
        .started_us = now_us,
        .begins_us = now_us,
        .deadline_us = deadline_us ? deadline_us : now_us + DEADLINE_DEFAULT_US,
    };
    call->status = 0;
    call->answer = call->answer_type = call->etag = call->location = call->next_cursor =
        (struct str){ NULL, 0 };
    call->error = (struct error){ 0 };
    flight->span = span_start(ctx, SPAN_CLIENT, str_of(call->method));
    span_str(flight->span, "http.request.method", str_of(call->method));
    span_str(flight->span, "server.address", str_of(peer_host(call->peer)));
    span_str(flight->span, "peer.service", str_of(peer_name(call->peer)));
    ctx->span = parent;
    peer_count_call(call->peer);
    enum fault_kind fault = fault_at("client.call", peer_name(call->peer));
    if (fault == FAULT_DROP)
        flight->begins_us = INT64_MAX; /* as if it had been sent into the void */
    else if (fault == FAULT_ERROR)
        flight_fail(calling, flight, ERR_UNAVAILABLE, "a fault was asked for");
}

/* ---- the loop ---- */

/* Starts what is due, ends what is overdue; gives when to look again. */
static int64_t flights_tend(struct calling *calling)
{
    int64_t now_us = clock_mono_us(), next_us = INT64_MAX;
    for (size_t i = 0; i < calling->n; i++) {
        struct flight *flight = &calling->flights[i];
        if (flight->state != FLIGHT_DONE && now_us >= flight->deadline_us)
            flight_expire(calling, flight);
        else if (flight->state == FLIGHT_WAITING && now_us >= flight->begins_us)
            flight_start(calling, flight);
        if (flight->state != FLIGHT_DONE)
            next_us = MIN(next_us, flight->deadline_us);
        if (flight->state == FLIGHT_WAITING)
            next_us = MIN(next_us, flight->begins_us);
    }
    return next_us;
}

static bool runs(const struct flight *flight, bool direct)
{
    return flight->state == FLIGHT_RUNNING && flight->attempt.direct == direct;
}

static bool any_by_curl(const struct calling *calling)
{
    for (size_t i = 0; i < calling->n; i++)
        if (runs(&calling->flights[i], false))
            return true;
    return false;
}

static bool collect_curl(struct calling *calling)
{
    int running, left;
    bool any = false;
    CURLMsg *message;
    const struct curl_functions *curl = curl_load(NULL);
    curl->multi_perform(lane_multi(calling->lane), &running);
    while ((message = curl->multi_info_read(lane_multi(calling->lane), &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        any = true;
        void *argument = NULL;
        CURLcode code = message->data.result;
        curl->easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &argument);
        struct flight *flight = CONTAINER_OF(argument, struct flight, attempt);
        attempt_curl_ended(&flight->attempt, code);
        flight_answered(calling, flight);
    }
    return any;
}

static bool collect_direct(struct calling *calling)
{
    bool any = false;
    for (size_t i = 0; i < calling->n; i++) {
        struct flight *flight = &calling->flights[i];
        if (!runs(flight, true) || wire_runs(&flight->attempt.wire))
            continue;
        any = true;
        attempt_wire_ended(&flight->attempt);
        flight_answered(calling, flight);
    }
    return any;
}

/* Those of our own connections that run, into `polls` and `polled`. */
static size_t polls_fill(struct calling *calling)
{
    size_t n = 0;
    for (size_t i = 0; i < calling->n; i++) {
        struct flight *flight = &calling->flights[i];
        if (!runs(flight, true))
            continue;
        const struct wire *wire = &flight->attempt.wire;
        calling->polled[n] = flight;
        calling->polls[n++] = (struct pollfd){ .fd = wire->fd, .events = wire_events(wire) };
    }
    return n;
}

/* The same wait with curl's connections among them. */
static void curl_wait(struct calling *calling, size_t n, int64_t wait_us)
{
    struct curl_waitfd *waits = ARENA_ARRAY(calling->ctx->arena, struct curl_waitfd, n);
    for (size_t i = 0; i < n; i++) {
        bool in = calling->polls[i].events & POLLIN, out = calling->polls[i].events & POLLOUT;
        waits[i].fd = calling->polls[i].fd;
        waits[i].events = (short)((in ? CURL_WAIT_POLLIN : 0) | (out ? CURL_WAIT_POLLOUT : 0));
    }
    curl_load(NULL)->multi_poll(lane_multi(calling->lane), waits, (unsigned)n,
                                (int)MIN((wait_us + 999) / 1000, 1000), NULL);
    for (size_t i = 0; i < n; i++)
        calling->polls[i].revents = POLLIN; /* a step too many does no harm */
}

/* Waits until `until_us`, or until something can go on; lets it go on where the connection is ours. */
static void flights_wait(struct calling *calling, int64_t until_us, bool by_curl)
{
    size_t n = polls_fill(calling);
    int64_t wait_us = until_us - clock_mono_us();
    struct timespec wait = { wait_us / US_PER_S, wait_us % US_PER_S * 1000 };
    if (wait_us <= 0)
        return;
    if (by_curl)
        curl_wait(calling, n, wait_us);
    else
        ppoll(calling->polls, n, &wait, NULL);
    for (size_t i = 0; i < n; i++)
        if (calling->polls[i].revents)
            wire_step(&calling->polled[i]->attempt.wire);
}

static void flights_run(struct calling *calling)
{
    while (calling->open) {
        int64_t next_us = flights_tend(calling);
        bool by_curl = any_by_curl(calling);
        bool any = collect_direct(calling);
        if ((by_curl && collect_curl(calling)) || any || !calling->open)
            continue; /* there may be more to do at once */
        flights_wait(calling, next_us, by_curl);
    }
}

bool client_call(struct ctx *ctx, struct call *calls, size_t n)
{
    struct calling calling = { .ctx = ctx, .lane = lane_get(), .n = n, .open = n };
    calling.flights = ARENA_ARRAY(ctx->arena, struct flight, n);
    calling.polls = ARENA_ARRAY(ctx->arena, struct pollfd, n);
    calling.polled = ARENA_ARRAY(ctx->arena, struct flight *, n);
    struct span *parent = ctx->span;
    for (size_t i = 0; i < n; i++) {
        flight_open(&calling, &calling.flights[i], &calls[i]);
        if (!calling.lane && calling.flights[i].state != FLIGHT_DONE)
            flight_fail(&calling, &calling.flights[i], ERR_UNAVAILABLE,
                        "there is no memory for the call");
    }
    if (calling.lane)
        flights_run(&calling);
    ctx->span = parent;
    bool all = true;
    for (size_t i = 0; i < n; i++)
        all &= calls[i].error.code == ERR_NONE;
    return all;
}

struct str client_escape(struct arena *arena, struct str text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = arena_alloc_raw(arena, text.len * 3 + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            strchr("-._~", c ? c : ' ')) {
            out[n++] = (char)c;
        } else {
            out[n++] = '%';
            out[n++] = digits[c >> 4];
            out[n++] = digits[c & 15];
        }
    }
    out[n] = '\0';
    return (struct str){ out, n };
}
