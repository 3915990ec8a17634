#include "services/campaign/steps.h"

#include "services/campaign/plan.h"
#include "ads_events.h"
#include "analytics_events.h"
#include "content_events.h"
#include "email_events.h"

/* What all commands say. */
#define HEAD(EVENT)                                                                                \
    .command_id = head->command_id, .campaign_id = head->launch->campaign_id,                      \
    .launch_id = head->launch->launch_id, .expires_at = head->expires_us,                          \
    .action = head->undo ? EVENT##_ACTION_UNDO : EVENT##_ACTION_DO

struct head {
    const struct launch_row *launch;
    const struct campaign_plan *plan;
    struct str command_id;
    int64_t expires_us;
    bool undo;
};

static bool content_is_needed(const struct campaign_plan *plan)
{
    return plan->n_entries > 0;
}

static bool content_ask(struct ctx *ctx, const struct head *head)
{
    const struct campaign_plan *plan = head->plan;
    struct publication_asked asked = { HEAD(PUBLICATION_ASKED) };
    struct publication_asked_entry *entries =
        ARENA_ARRAY(ctx->arena, struct publication_asked_entry, plan->n_entries);
    for (size_t i = 0; i < plan->n_entries; i++)
        entries[i].entry_id = plan->entries[i];
    if (!head->undo) {
        asked.entries = entries;
        asked.n_entries = plan->n_entries;
    }
    return publish_publication_asked(ctx, &asked);
}

static bool email_is_needed(const struct campaign_plan *plan)
{
    return plan->email != NULL;
}

/* What of the plan is said in the same words. */
struct mailing {
    struct delivery_asked_audience audience;
    struct delivery_asked_schedule schedule;
    struct delivery_asked_test test;
    struct delivery_asked_cap cap;
    struct delivery_asked_quiet quiet;
};

static void mailing_who_and_when(const struct head *head, struct mailing *out)
{
    const struct campaign_audience *audience = head->plan->audience;
    out->audience =
        (struct delivery_asked_audience){ .has_everyone = true,
                                          .everyone = audience->everyone,
                                          .segments = audience->segments,
                                          .n_segments = audience->n_segments,
                                          .exclude = audience->exclude,
                                          .n_exclude = audience->n_exclude,
                                          .has_holdout_percent = true,
                                          .holdout_percent = audience->holdout_percent };
    if (head->launch->local_at.ptr)
        out->schedule = (struct delivery_asked_schedule){ .local_at = head->launch->local_at,
                                                          .zone = head->plan->schedule->zone,
                                                          .has_each = true,
                                                          .each = true };
    else
        out->schedule =
            (struct delivery_asked_schedule){ .has_at = true, .at = head->launch->starts_us };
}

static const struct delivery_asked_variant *mailing_variants(struct ctx *ctx,
                                                             const struct campaign_email *email)
{
    struct delivery_asked_variant *variants =
        ARENA_ARRAY(ctx->arena, struct delivery_asked_variant, email->n_variants);
    for (size_t i = 0; i < email->n_variants; i++)
        variants[i] = (struct delivery_asked_variant){ .name = email->variants[i].name,
                                                       .weight = email->variants[i].weight,
                                                       .template = email->variants[i].template,
                                                       .subject = email->variants[i].subject };
    return email->n_variants ? variants : NULL;
}

static void mailing_limits(const struct campaign_plan *plan, struct mailing *out,
                           struct delivery_asked *asked)
{
    const struct variant_test *test = plan->email->test;
    if (test) {
        out->test = (struct delivery_asked_test){ .percent = test->percent,
                                                  .metric = test->metric == VARIANT_METRIC_OPENS
                                                                ? DELIVERY_ASKED_TEST_METRIC_OPENS
                                                                : DELIVERY_ASKED_TEST_METRIC_CLICKS,
                                                  .decide_after_s = test->decide_after_s };
        asked->test = &out->test;
    }
    if (plan->cap) {
        out->cap = (struct delivery_asked_cap){ .most = plan->cap->most, .days = plan->cap->days };
        asked->cap = &out->cap;
    }
    if (plan->quiet) {
        out->quiet =
            (struct delivery_asked_quiet){ .from = plan->quiet->from, .to = plan->quiet->to };
        asked->quiet = &out->quiet;
    }
}

static bool email_ask(struct ctx *ctx, const struct head *head)
{
    const struct campaign_plan *plan = head->plan;
    struct delivery_asked asked = { HEAD(DELIVERY_ASKED) };
    struct mailing mailing;
    if (head->undo)
        return publish_delivery_asked(ctx, &asked);
    mailing_who_and_when(head, &mailing);
    asked.name = plan->name;
    asked.template = plan->email->template;
    asked.sender_id = plan->email->sender_id;
    asked.has_tracking = plan->email->has_tracking;
    asked.tracking = plan->email->tracking;
    asked.has_purpose = true;
    asked.purpose = plan->email->purpose == MAIL_PURPOSE_SERVICE ? DELIVERY_ASKED_PURPOSE_SERVICE
                                                                 : DELIVERY_ASKED_PURPOSE_MARKETING;
    asked.audience = &mailing.audience;
    asked.schedule = &mailing.schedule;
    asked.variants = mailing_variants(ctx, plan->email);
    asked.n_variants = plan->email->n_variants;
    mailing_limits(plan, &mailing, &asked);
    return publish_delivery_asked(ctx, &asked);
}

static bool ads_are_needed(const struct campaign_plan *plan)
{
    return plan->ads != NULL;
}

static bool ads_ask(struct ctx *ctx, const struct head *head)
{
    const struct campaign_plan *plan = head->plan;
    struct activation_asked asked = { HEAD(ACTIVATION_ASKED) };
    if (head->undo)
        return publish_activation_asked(ctx, &asked);
    struct activation_asked_ad *ads =
        ARENA_ARRAY(ctx->arena, struct activation_asked_ad, plan->ads->n_ads);
    for (size_t i = 0; i < plan->ads->n_ads; i++)
        ads[i].ad_id = plan->ads->ads[i];
    asked.ads = ads;
    asked.n_ads = plan->ads->n_ads;
    asked.budget = plan->ads->budget ? plan->ads->budget : plan->budget;
    asked.networks = plan->ads->networks;
    asked.n_networks = plan->ads->n_networks;
    asked.has_starts_at = true;
    asked.starts_at = head->launch->starts_us;
    asked.has_ends_at = plan->has_ends_at;
    asked.ends_at = plan->ends_at;
    if (plan->audience) {
        asked.segments = plan->audience->segments;
        asked.n_segments = plan->audience->n_segments;
    }
    return publish_activation_asked(ctx, &asked);
}

static bool analytics_is_needed(const struct campaign_plan *plan)
{
    return plan->name.len > 0; /* always: every campaign is measured */
}

static bool analytics_ask(struct ctx *ctx, const struct head *head)
{
    const struct campaign_plan *plan = head->plan;
    struct tracking_asked asked = { HEAD(TRACKING_ASKED) };
    struct tracking_asked_goal goal;
    if (head->undo)
        return publish_tracking_asked(ctx, &asked);
    asked.name = plan->name;
    if (plan->goal && plan->goal->event.ptr) {
        goal = (struct tracking_asked_goal){ .event = plan->goal->event,
                                             .has_within_days = true,
                                             .within_days = plan->goal->within_days };
        asked.goal = &goal;
    }
    asked.has_starts_at = true;
    asked.starts_at = head->launch->starts_us;
    asked.has_ends_at = plan->has_ends_at;
    asked.ends_at = plan->ends_at;
    return publish_tracking_asked(ctx, &asked);
}

static const struct {
    bool (*is_needed)(const struct campaign_plan *plan);
    bool (*ask)(struct ctx *ctx, const struct head *head);
} steps[] = {
    [STEP_NAME_CONTENT]   = { content_is_needed,   content_ask },
    [STEP_NAME_EMAIL]     = { email_is_needed,     email_ask },
    [STEP_NAME_ADS]       = { ads_are_needed,      ads_ask },
    [STEP_NAME_ANALYTICS] = { analytics_is_needed, analytics_ask },
};

bool step_is_needed(enum step_name step, const struct campaign_plan *plan)
{
    return steps[step].is_needed(plan);
}

struct str step_command_id(struct ctx *ctx, const struct launch_row *launch, enum step_name step,
                           bool undo)
{
    struct str id = launch->launch_id;
    return arena_printf(ctx->arena, "cmd_" STR_FMT "-%s-%s", STR_ARG(id), step_name_name(step),
                        undo ? "undo" : "do");
}

bool step_ask(struct ctx *ctx, const struct launch_row *launch, enum step_name step, bool undo,
              int64_t expires_us)
{
    struct campaign_plan plan;
    if (!plan_read(ctx, launch->plan, &plan))
        return false;
    struct head head = { .launch = launch,
                         .plan = &plan,
                         .command_id = step_command_id(ctx, launch, step, undo),
                         .expires_us = expires_us,
                         .undo = undo };
    return steps[step].ask(ctx, &head);
}
