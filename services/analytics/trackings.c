/* What launches ask of analytics: a campaign is measured, or no longer. */
#include "base/clock.h"
#include "services/analytics/reactions.h"
#include "services/analytics/store.h"
#include "analytics_contract.h"

#define WITHIN_DAYS 7 /* as the command's schema says of a goal without it */

static struct tracking_row row_of(const struct tracking_asked *asked)
{
    struct tracking_row row = { .launch_id = asked->launch_id,
                                .campaign_id = asked->campaign_id,
                                .name = asked->name,
                                .within_days = WITHIN_DAYS,
                                .starts_us = asked->has_starts_at ? asked->starts_at : 0,
                                .ends_us = asked->has_ends_at ? asked->ends_at : INT64_MAX,
                                .asked_us = clock_now_us() };
    if (asked->goal) {
        row.goal = asked->goal->event;
        if (asked->goal->has_within_days)
            row.within_days = asked->goal->within_days;
    }
    return row;
}

/* `refused` is the reason, or ptr NULL. What was decided for a launch stays. */
static bool decide(struct ctx *ctx, const struct tracking_asked *asked, struct str *refused)
{
    struct tracking_row row;
    bool known = store_tracking(ctx, asked->launch_id, &row);
    if (ctx_failed(ctx))
        return false;
    if (!known)
        row = row_of(asked);
    if (asked->action == TRACKING_ASKED_ACTION_UNDO) {
        row.undone = true;
        return store_tracking_put(ctx, &row);
    }
    if (asked->action != TRACKING_ASKED_ACTION_DO)
        return ctx_fail(ctx, ERR_INVALID, "there is no such action");
    if (known) {
        if (row.undone)
            *refused = STR("the launch is undone");
        return true;
    }
    if (asked->expires_at <= clock_now_us()) {
        *refused = STR("the command has expired");
        return true;
    }
    return store_tracking_put(ctx, &row);
}

enum outcome on_tracking_asked(struct ctx *ctx, const struct tracking_asked *asked)
{
    struct str refused = { NULL, 0 };
    if (!decide(ctx, asked, &refused))
        return outcome_of(ctx);
    struct tracking_answered answered = {
        .command_id = asked->command_id,
        .campaign_id = asked->campaign_id,
        .launch_id = asked->launch_id,
        .action = asked->action == TRACKING_ASKED_ACTION_UNDO ? TRACKING_ANSWERED_ACTION_UNDO
                                                              : TRACKING_ANSWERED_ACTION_DO,
        .outcome = refused.ptr ? TRACKING_ANSWERED_OUTCOME_REFUSED : TRACKING_ANSWERED_OUTCOME_DONE,
        .reason = refused,
        .answered_at = clock_now_us(),
    };
    return publish_tracking_answered(ctx, &answered) ? DONE : outcome_of(ctx);
}
