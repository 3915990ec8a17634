/* One transfer by curl: the request as it is sent, the answer as it comes. */
#pragma once

#include <curl/curl.h>

#include "platform/client/client.h"

struct attempt {
    struct ctx *ctx;
    const struct call *call;
    CURL *easy;
    struct curl_slist *headers;
    int64_t started_us;
    char *text; /* the answer so far, in the ctx's arena */
    size_t len, cap;
    bool too_large;
    bool told_to_wait; /* Retry-After */
    struct str type, etag;
};

/* Fills `easy` for the call. False when curl has no memory. The span that is ctx->span is named to the peer. */
bool attempt_prepare(struct attempt *attempt, struct ctx *ctx, const struct call *call, CURL *easy,
                     int64_t deadline_us);

/* What came of it: status, or 0 with the error. */
int attempt_result(struct attempt *attempt, CURLcode code, struct error *error);

void attempt_done(struct attempt *attempt);
