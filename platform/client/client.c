/* Calls in parallel: one loop that starts, watches the clock, and ends each by its deadline. */
#include "platform/client/attempt.h"
#include "platform/client/lane.h"
#include "platform/client/peer.h"

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
    peer_observe(call->peer, ctx, call->method, call->status, clock_mono_us() - flight->started_us);
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

/* Taken out of the multi handle before it is finished, a transfer's connection is closed: nobody meets its late answer. */
static void attempt_end(struct calling *calling, struct flight *flight)
{
    if (!flight->attempt.easy)
        return;
    curl_multi_remove_handle(lane_multi(calling->lane), flight->attempt.easy);
    lane_give(calling->lane, flight->attempt.easy);
    attempt_done(&flight->attempt);
    flight->attempt.easy = NULL;
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
        attempt_end(calling, flight);
    }
    flight_fail(calling, flight, ERR_TIMEOUT, "no answer in time");
}

/* ---- trying again ---- */

static bool is_idempotent(const struct call *call)
{
    return call->idempotent || strcmp(call->method, "GET") == 0 ||
           strcmp(call->method, "HEAD") == 0;
}

static bool worth_retrying(const struct flight *flight, int status, enum error_code code)
{
    if (flight->retried || flight->attempt.told_to_wait || flight->attempt.too_large ||
        !is_idempotent(flight->call))
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

static void flight_answered(struct calling *calling, struct flight *flight, CURLcode code)
{
    struct call *call = flight->call;
    struct attempt *attempt = &flight->attempt;
    struct error error;
    int status = attempt_result(attempt, code, &error);
    peer_record(call->peer, how_it_went(flight, error.code));
    attempt_end(calling, flight);
    if (worth_retrying(flight, status, error.code) && flight_retry(flight))
        return;
    call->status = status;
    call->error = error;
    if (status) {
        call->answer = attempt->len ? (struct str){ attempt->text, attempt->len } : STR("");
        call->answer_type = attempt->type;
        call->etag = attempt->etag;
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
    CURL *easy = lane_take(calling->lane);
    struct span *parent = ctx->span;
    ctx->span = flight->span;
    flight->attempt = (struct attempt){ .easy = easy };
    bool ready = easy && attempt_prepare(&flight->attempt, ctx, call, easy, flight->deadline_us) &&
                 curl_multi_add_handle(lane_multi(calling->lane), easy) == CURLM_OK;
    ctx->span = parent;
    flight->state = FLIGHT_RUNNING;
    if (ready)
        return;
    peer_record(call->peer, ATTEMPT_NEITHER);
    attempt_end(calling, flight);
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
    call->answer = call->answer_type = call->etag = (struct str){ NULL, 0 };
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

/* True when something ended, or is to be tried again: there may be more to do at once. */
static bool flights_collect(struct calling *calling)
{
    int left;
    bool any = false;
    CURLMsg *message;
    while ((message = curl_multi_info_read(lane_multi(calling->lane), &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        any = true;
        void *attempt = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &attempt);
        flight_answered(calling, CONTAINER_OF(attempt, struct flight, attempt), code);
    }
    return any;
}

static void flights_run(struct calling *calling)
{
    int running;
    while (calling->open) {
        int64_t next_us = flights_tend(calling);
        curl_multi_perform(lane_multi(calling->lane), &running);
        if (flights_collect(calling) || !calling->open)
            continue;
        int64_t wait_us = next_us - clock_mono_us();
        if (wait_us > 0)
            curl_multi_poll(lane_multi(calling->lane), NULL, 0,
                            (int)MIN((wait_us + 999) / 1000, 1000), NULL);
    }
}

bool client_call(struct ctx *ctx, struct call *calls, size_t n)
{
    struct calling calling = { .ctx = ctx, .lane = lane_get(), .n = n, .open = n };
    calling.flights = ARENA_ARRAY(ctx->arena, struct flight, n);
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
