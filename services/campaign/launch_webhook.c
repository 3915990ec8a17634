#include "services/campaign/launch_webhook.h"

#include "services/campaign/plan.h"
#include "platform/webhook/webhooks.h"
#include "campaign_contract.h"

/* What both calls say. */
static void head_put(struct json_out *out, const struct launch_row *launch,
                     const struct campaign_plan *plan)
{
    json_object(out);
    json_key(out, "campaign_id");
    json_put_str(out, launch->campaign_id);
    json_key(out, "launch_id");
    json_put_str(out, launch->launch_id);
    json_key(out, "name");
    json_put_str(out, plan->name);
}

static bool call_owe(struct ctx *ctx, const struct launch_row *launch,
                     const struct campaign_plan *plan, const char *what, struct json_out *data)
{
    json_object_end(data);
    return webhook_owe(
        ctx, &(struct webhook_owed){ .call_id = arena_printf(ctx->arena, "msg_" STR_FMT "-%s",
                                                             STR_ARG(launch->launch_id), what),
                                     .url = plan->webhook->url,
                                     .type = arena_printf(ctx->arena, "campaign.%s", what),
                                     .data = json_out_str(data),
                                     .source_id = launch->launch_id });
}

bool launch_webhook_launched(struct ctx *ctx, const struct launch_row *launch,
                             const struct campaign_plan *plan)
{
    struct json_out out;
    if (!plan->webhook)
        return true;
    json_out_init(&out, ctx->arena);
    head_put(&out, launch, plan);
    json_key(&out, "launched_at");
    json_put_time(&out, launch->launched_us);
    if (plan->audience) {
        json_key(&out, "audience");
        json_put_raw(&out, campaign_audience_encode(ctx, plan->audience));
    }
    return call_owe(ctx, launch, plan, "launched", &out);
}

bool launch_webhook_ended(struct ctx *ctx, const struct launch_row *launch)
{
    struct campaign_plan plan;
    struct json_out out;
    if (!launch->launched_us)
        return true;
    if (!plan_read(ctx, launch->plan, &plan))
        return false;
    if (!plan.webhook)
        return true;
    json_out_init(&out, ctx->arena);
    head_put(&out, launch, &plan);
    json_key(&out, "ended_at");
    json_put_time(&out, launch->ended_us);
    json_key(&out, "state");
    json_put_str(&out, str_of(launch_state_name(launch->state)));
    return call_owe(ctx, launch, &plan, "ended", &out);
}
