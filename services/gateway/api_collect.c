/* What sites tell (the Segment calls): the write key was checked by the router; analytics answers once the log has it. */
#include "base/clock.h"
#include "services/gateway/gateway.h"
#include "services/gateway/neighbours.h"
#include "gateway_contract.h"

static struct reply pass_on(struct ctx *ctx)
{
    const struct gateway *gateway = ctx->app;
    struct reply reply;
    int64_t deadline_us = clock_mono_us() + gateway->collect_us;
    if (ctx->deadline_us)
        deadline_us = MIN(deadline_us, ctx->deadline_us);
    return analytics_tell(ctx, deadline_us, &reply) ? reply : reply_error(ctx);
}

struct reply gateway_collect_identify(struct ctx *ctx, const struct collect_identify_in *in)
{
    return pass_on(ctx);
}

struct reply gateway_collect_track(struct ctx *ctx, const struct collect_track_in *in)
{
    return pass_on(ctx);
}

struct reply gateway_collect_page(struct ctx *ctx, const struct collect_page_in *in)
{
    return pass_on(ctx);
}

struct reply gateway_collect_screen(struct ctx *ctx, const struct collect_screen_in *in)
{
    return pass_on(ctx);
}

struct reply gateway_collect_group(struct ctx *ctx, const struct collect_group_in *in)
{
    return pass_on(ctx);
}

struct reply gateway_collect_alias(struct ctx *ctx, const struct collect_alias_in *in)
{
    return pass_on(ctx);
}

struct reply gateway_collect_batch(struct ctx *ctx, const struct collect_batch_in *in)
{
    return pass_on(ctx);
}
