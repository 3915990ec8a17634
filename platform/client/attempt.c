#include "platform/client/attempt.h"

#include "base/clock.h"
#include "platform/client/peer.h"
#include "platform/telemetry/trace.h"

/* ---- the request ---- */

static bool headers_of_call(const struct call *call,
                            bool (*put)(void *to, const char *name, struct str value), void *to)
{
    for (size_t i = 0; i < call->n_headers; i++)
        if (!put(to, call->headers[i].name.ptr, call->headers[i].value))
            return false;
    return true;
}

bool attempt_headers(const struct attempt *attempt, int64_t deadline_us,
                     bool (*put)(void *to, const char *name, struct str value), void *to)
{
    struct arena *arena = attempt->ctx->arena;
    const struct call *call = attempt->call;
    struct trace_context trace;
    char traceparent[TRACEPARENT_BYTES];
    int64_t left_ms = MAX((deadline_us - clock_mono_us()) / US_PER_MS, 1);
    if (!put(to, "Fanfare-Deadline-Ms", arena_printf(arena, "%lld", (long long)left_ms)))
        return false;
    if (span_context(attempt->ctx, &trace)) {
        trace_format(&trace, traceparent);
        if (!put(to, "traceparent", str_of(traceparent)))
            return false;
    }
    if (call->token.ptr &&
        !put(to, "Authorization", arena_printf(arena, "Bearer " STR_FMT, STR_ARG(call->token))))
        return false;
    const char *type = call->content_type ? call->content_type : "application/json";
    if (call->body.ptr && !put(to, "Content-Type", str_of(type)))
        return false;
    return headers_of_call(call, put, to);
}

bool attempt_start(struct attempt *attempt, struct ctx *ctx, const struct call *call,
                   struct lane *lane, int64_t deadline_us)
{
    struct address address;
    *attempt = (struct attempt){ .ctx = ctx, .call = call, .started_us = clock_mono_us() };
    attempt->direct = peer_address(call->peer, &address);
    return attempt->direct ? attempt_direct_start(attempt, lane, &address, deadline_us)
                           : attempt_curl_start(attempt, lane, deadline_us);
}

/* ---- what came of it ---- */

static enum error_code code_of_status(int status)
{
    return status < 500    ? ERR_NONE
           : status == 503 ? ERR_UNAVAILABLE
           : status == 504 ? ERR_TIMEOUT
                           : ERR_BAD_GATEWAY; /* its 500 is not ours */
}

void attempt_no_answer(struct attempt *attempt, enum error_code code, const char *why)
{
    const char *name = peer_name(attempt->call->peer);
    attempt->status = 0;
    attempt->error = (struct error){ .code = code };
    attempt->error.detail = attempt->too_large
                                ? arena_printf(attempt->ctx->arena,
                                               "%s: the answer is larger than %d bytes", name,
                                               CLIENT_ANSWER_MAX)
                                : arena_printf(attempt->ctx->arena, "%s: %s", name, why);
}

void attempt_answered(struct attempt *attempt, int status)
{
    attempt->status = status;
    attempt->error = (struct error){ .code = code_of_status(status) };
    if (attempt->error.code != ERR_NONE)
        attempt->error.detail = arena_printf(attempt->ctx->arena, "%s answered %d",
                                             peer_name(attempt->call->peer), status);
}

void attempt_done(struct attempt *attempt, struct lane *lane)
{
    if (attempt->direct)
        wire_end(&attempt->wire);
    else
        attempt_curl_done(attempt, lane);
}
