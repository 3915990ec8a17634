/* Flags for browsers (OFREP): the key was checked by the router; personalization evaluates, and checks it too. */
#include "base/clock.h"
#include "services/gateway/gateway.h"
#include "services/gateway/neighbours.h"
#include "gateway_contract.h"

/* `key` NULL: all flags. */
static struct reply evaluate(struct ctx *ctx, struct str key)
{
    const struct gateway *gateway = ctx->app;
    struct reply reply;
    int64_t deadline_us = clock_mono_us() + gateway->flags_us;
    if (ctx->deadline_us)
        deadline_us = MIN(deadline_us, ctx->deadline_us);
    return flags_evaluate(ctx, key, deadline_us, &reply) ? reply : reply_error(ctx);
}

struct reply gateway_evaluate_flag(struct ctx *ctx, const struct evaluate_flag_in *in)
{
    return evaluate(ctx, in->key);
}

struct reply gateway_evaluate_flags(struct ctx *ctx, const struct evaluate_flags_in *in)
{
    return evaluate(ctx, (struct str){ NULL, 0 });
}
