/* One attempt at a call: the request as it is sent, the answer as it comes. Over a plain connection of our own where the
 * peer's address is known, by curl otherwise (https, names). */
#pragma once

#include "platform/client/client.h"
#include "platform/client/lane.h"
#include "platform/client/wire.h"

struct attempt {
    struct ctx *ctx;
    const struct call *call;
    int64_t started_us;
    bool direct; /* by `wire` */
    struct wire wire;
    const struct curl_functions *curl; /* NULL: not by curl */
    CURL *easy;
    struct curl_slist *headers;
    char *text; /* what has come by curl so far */
    size_t len, cap;

    /* What came of it, once it has ended. */
    int status; /* 0: no answer, `error` says why */
    struct error error;
    struct str body, type, etag, location, next_cursor;
    bool too_large, told_to_wait;
};

/* Begins it. False when the call cannot be made. The span that is ctx->span is named to the peer. */
bool attempt_start(struct attempt *attempt, struct ctx *ctx, const struct call *call,
                   struct lane *lane, int64_t deadline_us);

/* A direct one is over: notes what came of it. */
void attempt_wire_ended(struct attempt *attempt);
/* The same of one by curl. */
void attempt_curl_ended(struct attempt *attempt, CURLcode code);

/* Gives up what it holds; one that is not over is cut, and its connection closed: nobody meets its late answer. */
void attempt_done(struct attempt *attempt, struct lane *lane);

/* ---- for both ways ---- */

/* Each header of the request but Host and Content-Length: put(to, name, value) until it gives false. */
bool attempt_headers(const struct attempt *attempt, int64_t deadline_us,
                     bool (*put)(void *to, const char *name, struct str value), void *to);

void attempt_no_answer(struct attempt *attempt, enum error_code code, const char *why);
void attempt_answered(struct attempt *attempt, int status);

bool attempt_direct_start(struct attempt *attempt, struct lane *lane, const struct address *address,
                          int64_t deadline_us);
bool attempt_curl_start(struct attempt *attempt, struct lane *lane, int64_t deadline_us);
void attempt_curl_done(struct attempt *attempt, struct lane *lane);
