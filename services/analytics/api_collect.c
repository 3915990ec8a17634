#include "base/clock.h"
#include "services/analytics/collect.h"
#include "platform/service/service.h"
#include "analytics_contract.h"

/* Segment's clients know two ways to go on: 400 drops the events, 503 keeps them for later. */
static struct reply refuse(struct ctx *ctx)
{
    int status = error_status(ctx->error.code);
    if (status >= 500 && status != 503)
        log_line(LOG_ERROR, ctx, "collect_failed", LOG_S("why", ctx->error.detail));
    ctx->error.code = status < 500 ? ERR_MALFORMED : ERR_UNAVAILABLE;
    return reply_error(ctx);
}

static struct reply send(struct ctx *ctx, bool collected, const struct told_events *events)
{
    if (!collected || !event_send(ctx, service_events(ctx), events->events, events->n))
        return refuse(ctx);
    return reply_ok(ctx, collected_encode(ctx, &(struct collected){ .success = true }));
}

static struct reply one(struct ctx *ctx, const char *kind, const struct json *told)
{
    struct told_events events;
    bool ok = collect_one(ctx, kind, told, ctx->who->subject, clock_now_us(), &events);
    return send(ctx, ok, &events);
}

struct reply analytics_identify(struct ctx *ctx, const struct identify_in *in)
{
    return one(ctx, "identify", in->body);
}

struct reply analytics_track(struct ctx *ctx, const struct track_in *in)
{
    return one(ctx, "track", in->body);
}

struct reply analytics_page(struct ctx *ctx, const struct page_in *in)
{
    return one(ctx, "page", in->body);
}

struct reply analytics_screen(struct ctx *ctx, const struct screen_in *in)
{
    return one(ctx, "screen", in->body);
}

struct reply analytics_group(struct ctx *ctx, const struct group_in *in)
{
    return one(ctx, "group", in->body);
}

struct reply analytics_alias(struct ctx *ctx, const struct alias_in *in)
{
    return one(ctx, "alias", in->body);
}

struct reply analytics_batch(struct ctx *ctx, const struct batch_in *in)
{
    struct told_events events;
    bool ok = collect_batch(ctx, in->body, ctx->who->subject, clock_now_us(), &events);
    return send(ctx, ok, &events);
}
