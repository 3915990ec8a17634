/* What the parts of the service share while it runs: ctx->app. */
#pragma once

#include "base/ctx.h"
#include "services/campaign/saga.h"
#include "platform/webhook/webhooks.h"

struct answer_cache;
struct shelves;
struct heard;

struct campaign_app {
    struct saga_limits limits;
    struct shelves *shelves;
    struct heard *heard;  /* of journeys' events */
    int64_t settle_us;    /* after the log was away */
    int64_t tidied_us; /* monotonic: when old definitions were looked for last */
    struct webhooks webhooks;
    struct answer_cache *statuses;
};

static inline struct campaign_app *campaign_of(const struct ctx *ctx)
{
    return ctx->app;
}
