#include "services/campaign/plan.h"

#include "platform/json/json.h"
#include "services/campaign/schedule.h"

struct str url_host(struct str url)
{
    size_t begin = str_starts(url, STR("https://"))  ? 8
                   : str_starts(url, STR("http://")) ? 7
                                                     : url.len;
    size_t end = begin;
    while (end < url.len && !strchr("/?#", url.ptr[end]))
        end++;
    struct str host = { url.ptr + begin, end - begin };
    return str_find_char(host, '@') < 0 ? host : STR(""); /* a name and password are no host */
}

bool host_listed(struct str host, struct str list)
{
    struct str one;
    while (host.len && str_split(&list, ',', &one))
        if (str_eq_nocase(str_trim(one), host))
            return true;
    return false;
}

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

bool plan_check(struct ctx *ctx, const struct campaign_plan *plan, struct str webhook_hosts)
{
    if (plan->webhook && !host_listed(url_host(plan->webhook->url), webhook_hosts))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/webhook/url"),
                           "its host is none of those that webhooks may go to (webhook_hosts)");
    return schedule_check(ctx, plan->schedule) && audience_check(ctx, plan) &&
           email_check(ctx, plan->email) && money_check(ctx, plan) && times_check(ctx, plan);
}

bool plan_does_something(struct ctx *ctx, const struct campaign_plan *plan)
{
    return plan->email || plan->ads || plan->webhook || plan->n_entries || plan->n_experiences ||
           ctx_fail(
               ctx, ERR_CONFLICT,
               "it has no email, ads, webhook, experiences or entries: there is nothing to launch");
}

bool plan_read(struct ctx *ctx, struct str text, struct campaign_plan *out)
{
    const struct json *json = json_parse(ctx, text);
    return (json && campaign_plan_read(ctx, json, out)) ||
           ctx_fail(ctx, ERR_INTERNAL, "reading the plan of a campaign");
}
