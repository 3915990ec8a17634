#include "services/campaign/plan.h"

#include "platform/json/json.h"
#include "services/campaign/schedule.h"

static bool audience_check(struct ctx *ctx, const struct campaign_plan *plan)
{
    const struct campaign_audience *audience = plan->audience;
    bool of_segments = audience && audience->n_segments > 0;
    if (audience && audience->everyone && of_segments)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/audience/everyone"),
                           "an audience is everyone or some segments, not both");
    return !plan->email || of_segments || (audience && audience->everyone) ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/audience"),
                       "an email needs an audience: everyone, or segments");
}

static bool email_check(struct ctx *ctx, const struct campaign_email *email)
{
    if (!email)
        return true;
    for (size_t i = 0; i < email->n_variants; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq(email->variants[k].name, email->variants[i].name))
                return ctx_fail_at(ctx, ERR_INVALID,
                                   arena_printf(ctx->arena, "/email/variants/%zu/name", i),
                                   "two variants have this name");
    return !email->test || email->n_variants >= 2 ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/email/test"), "a test needs two variants or more");
}

static bool money_check(struct ctx *ctx, const struct campaign_plan *plan)
{
    const struct money *all = plan->budget, *ads = plan->ads ? plan->ads->budget : NULL;
    if (all && all->amount <= 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/budget/amount"), "a budget is more than 0");
    if (ads && ads->amount <= 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/ads/budget/amount"), "a budget is more than 0");
    if (all && ads && strcmp(all->currency, ads->currency) != 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/ads/budget/currency"),
                           "the campaign's budget is in %s", all->currency);
    return !all || !ads || ads->amount <= all->amount ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/ads/budget/amount"),
                       "it is more than the campaign's budget");
}

static bool times_check(struct ctx *ctx, const struct campaign_plan *plan)
{
    if (plan->has_ends_at && plan->schedule && plan->schedule->has_at &&
        plan->ends_at <= plan->schedule->at)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/ends_at"), "it ends before it begins");
    return !plan->quiet || !str_eq(plan->quiet->from, plan->quiet->to) ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/quiet/to"), "quiet hours end where they begin");
}

bool plan_check(struct ctx *ctx, const struct campaign_plan *plan)
{
    return schedule_check(ctx, plan->schedule) && audience_check(ctx, plan) &&
           email_check(ctx, plan->email) && money_check(ctx, plan) && times_check(ctx, plan);
}

bool plan_does_something(struct ctx *ctx, const struct campaign_plan *plan)
{
    return plan->email || plan->ads || plan->n_entries || plan->n_experiences || plan->webhook ||
           ctx_fail(ctx, ERR_CONFLICT,
                    "it has no email, ads, experiences, entries or webhook: "
                    "there is nothing to launch");
}

bool plan_read(struct ctx *ctx, struct str text, struct campaign_plan *out)
{
    const struct json *json = json_parse(ctx, text);
    return (json && campaign_plan_read(ctx, json, out)) ||
           ctx_fail(ctx, ERR_INTERNAL, "reading the plan of a campaign");
}
