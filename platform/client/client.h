/* Outgoing HTTP: deadlines, connection reuse, circuit breaker, retry budget, calls in parallel. Plain HTTP to an address
 * that is known goes over connections of its own, which cost a third; libcurl speaks https and resolves names. Each calling
 * thread has its own of both; a call blocks its thread, so only pool threads call. */
#pragma once

#include "base/ctx.h"

/* One neighbour: base URL, breaker, retry budget, metrics. Thread-safe; lives as long as the process. */
struct peer;

struct peer_settings {
    const char *name;  /* "personalization" */
    const char *url;   /* "http://127.0.0.1:8104" */
    int64_t
        budget_us; /* a call longer than this counts against the breaker; 0: only its deadline */
    int64_t
        open_most_us; /* the breaker's longest; 0: 60 s. Short where each page may try it and costs nobody else */
};
struct peer *peer_new(const struct peer_settings *settings);
void peer_free(struct peer *peer); /* when no call to it is under way; NULL-safe */

/* Breaker (semantics.md: Budgets): window 10 s, at least 20 calls, opens at 50% failed or over budget, or at 20 in a row
 * over a quarter of a second: where thousands of good calls a second were in the window, a peer that hangs would hold
 * every thread for seconds before it is half of them. Open 5 s doubling to 60 s (open_most_us) with jitter; then 3
 * probes. */
enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
enum breaker_state peer_breaker(const struct peer *peer);

struct header {
    struct str name, value;
};

#define CLIENT_ANSWER_MAX (8 * 1024 * 1024) /* a larger answer is BAD_GATEWAY */

struct call {
    struct peer *peer;
    const char *method;       /* "GET" */
    struct str path;          /* "/v1/decisions?x=y", escaped */
    struct str body;          /* ptr NULL: none */
    const char *content_type; /* of the body; NULL: application/json */
    struct str token;         /* bearer; ptr NULL: none */
    const struct header *headers;
    size_t n_headers;
    int64_t deadline_us; /* monotonic; 0: the ctx's, and 10 s where that has none */
    bool idempotent;     /* may be retried once within the budget (GET and HEAD always may) */

    /* The answer, in the ctx's arena. */
    int status; /* 0: none came (error says why) */
    struct str answer;
    struct str answer_type, etag, location; /* header values; ptr NULL when absent */
    struct str next_cursor; /* the same of Fanfare-Next-Cursor: of a list whose pages are no JSON */
    struct error
        error; /* NONE for any status < 500; UNAVAILABLE (breaker open, refused), TIMEOUT, BAD_GATEWAY */
    int64_t took_us;
    bool retried; /* the first attempt failed */
};

/* Makes the calls in parallel and waits until all are answered or their deadlines have passed. A span each; traceparent
 * and the remaining milliseconds (`Fanfare-Deadline-Ms`) are sent along. True when every call's error is NONE. The
 * ctx's own error is left alone: what to do without an answer is the caller's decision. */
bool client_call(struct ctx *ctx, struct call *calls, size_t n);

/* Percent-encodes a path segment or query value. */
struct str client_escape(struct arena *arena, struct str text);
