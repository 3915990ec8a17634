/* What visitors do with ads: ads signed the tokens, checks them and counts. */
#include "base/clock.h"
#include "services/gateway/gateway.h"
#include "services/gateway/neighbours.h"
#include "gateway_contract.h"

#define WITHIN_US (2 * US_PER_S)

static int64_t deadline_of(const struct ctx *ctx)
{
    int64_t deadline_us = clock_mono_us() + WITHIN_US;
    return ctx->deadline_us ? MIN(deadline_us, ctx->deadline_us) : deadline_us;
}

struct reply gateway_see_ad(struct ctx *ctx, const struct see_ad_in *in)
{
    struct reply reply;
    return ads_seen(ctx, in->token, deadline_of(ctx), &reply) ? reply : reply_error(ctx);
}

struct reply gateway_click_ad(struct ctx *ctx, const struct click_ad_in *in)
{
    struct reply reply;
    return ads_clicked(ctx, in->token, deadline_of(ctx), &reply) ? reply : reply_error(ctx);
}
