/* The service as a table, and what its open() makes: main() runs it, tests open it. */
#pragma once

#include "base/clock.h"
#include "platform/lmdb/lmdb_store.h"
#include "platform/service/service.h"
#include "services/gateway/door.h"
#include "services/gateway/html.h"
#include "services/gateway/misses.h"
#include "services/gateway/purge.h"
#include "services/gateway/routing.h"

/* How long a neighbour that is back may go unnoticed: trying costs three of all pages. */
#define GATEWAY_OPEN_US (5 * US_PER_S)

/* ctx->app. */
struct gateway {
    struct misses *misses;
    struct routing *routing;
    struct door door;
    struct purge purge;
    struct html html;
    int64_t budget_us;  /* of a page, from its request on */
    int64_t margin_us;  /* of that, for putting the page together when the last answer has come */
    int64_t collect_us; /* how long analytics may take to answer for what a site told */
    int64_t flags_us;   /* and personalization, to evaluate flags */
    int64_t fresh_us, stale_us; /* what a CDN may do with a page that is the same for everybody */
    struct metric *views_lost, *no_decision, *no_quote, *no_ads;
};

extern const struct service gateway_service;
