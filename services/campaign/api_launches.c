#include "base/clock.h"
#include "platform/service/service.h"
#include "services/campaign/reply.h"
#include "services/campaign/saga.h"
#include "services/campaign/schedule.h"

/* ---- answering ---- */

static struct launch_step *steps_answer(struct ctx *ctx, const struct launch_row *row)
{
    struct launch_step *steps = ARENA_ARRAY(ctx->arena, struct launch_step, N_STEPS);
    for (int i = 1; i <= N_STEPS; i++) {
        const struct step_row *step = &row->steps[i];
        steps[i - 1] = (struct launch_step){ .step = (enum step_name)i,
                                             .state = step->state,
                                             .attempts = step->attempt,
                                             .has_asked_at = step->asked_us > 0,
                                             .asked_at = step->asked_us,
                                             .has_answered_at = step->answered_us > 0,
                                             .answered_at = step->answered_us,
                                             .reason = step->reason };
    }
    return steps;
}

static struct launch launch_answer(struct ctx *ctx, const struct launch_row *row)
{
    return (struct launch){ .launch_id = row->launch_id,
                            .campaign_id = row->campaign_id,
                            .state = row->state,
                            .paused = row->paused,
                            .starts_at = row->starts_us,
                            .created_at = row->created_us,
                            .has_launched_at = row->launched_us > 0,
                            .launched_at = row->launched_us,
                            .has_ended_at = row->ended_us > 0,
                            .ended_at = row->ended_us,
                            .has_failed_step = row->failed_step != STEP_NAME_UNKNOWN,
                            .failed_step = row->failed_step,
                            .reason = row->reason,
                            .winner = row->winner,
                            .steps = steps_answer(ctx, row),
                            .n_steps = N_STEPS };
}

static struct reply reply_launch(struct ctx *ctx, const struct launch_row *row)
{
    struct launch launch = launch_answer(ctx, row);
    return reply_ok(ctx, launch_encode(ctx, &launch));
}

static bool newest_find(struct ctx *ctx, struct str campaign_id, struct launch_row *out)
{
    struct campaign_row campaign;
    return campaign_find(ctx, campaign_id, &campaign) &&
           (store_launch_newest(ctx, campaign_id, out) ||
            ctx_fail(ctx, ERR_NOT_FOUND, "it has never been launched"));
}

struct reply campaign_get_launch(struct ctx *ctx, const struct get_launch_in *in)
{
    struct launch_row row;
    return newest_find(ctx, in->campaign_id, &row) ? reply_launch(ctx, &row) : reply_error(ctx);
}

struct reply campaign_list_launches(struct ctx *ctx, const struct list_launches_in *in)
{
    struct campaign_row campaign;
    struct sql_moment before;
    size_t n, limit = (size_t)in->limit;
    struct launch_row *rows = ARENA_ARRAY(ctx->arena, struct launch_row, limit + 1);
    if (!campaign_find(ctx, in->campaign_id, &campaign) ||
        !sql_moment_parse(ctx, in->cursor, &before) ||
        !store_launches(ctx, in->campaign_id, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct launch_list list = { .n_items = MIN(n, limit) };
    struct launch *items = ARENA_ARRAY(ctx->arena, struct launch, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = launch_answer(ctx, &rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].created_us, rows[limit - 1].launch_id);
    return reply_ok(ctx, launch_list_encode(ctx, &list));
}

/* ---- launching ---- */

static bool launch_may_begin(struct ctx *ctx, const struct campaign_row *campaign,
                             struct campaign_plan *plan, struct schedule_start *start)
{
    if (!campaign_rests(ctx, campaign) || !plan_read(ctx, campaign->plan, plan))
        return false;
    if (!campaign->approved_by.ptr && setting_bool(ctx, "approval"))
        return ctx_fail(ctx, ERR_CONFLICT, "nobody has approved this version of it");
    if (!plan_does_something(ctx, plan))
        return false;
    if (!schedule_next(ctx, plan->schedule, clock_now_us(), start))
        return ctx_fail(ctx, ERR_CONFLICT, "its schedule is over");
    return !plan->has_ends_at || plan->ends_at > MAX(start->us, clock_now_us()) ||
           ctx_fail(ctx, ERR_CONFLICT, "it would end before it begins");
}

struct reply campaign_launch_campaign(struct ctx *ctx, const struct launch_campaign_in *in)
{
    struct campaign_row campaign;
    struct campaign_plan plan;
    struct schedule_start start;
    struct launch_row launch;
    if (!campaign_find_at(ctx, in->campaign_id, in->if_match, &campaign) ||
        !launch_may_begin(ctx, &campaign, &plan, &start))
        return reply_error(ctx);
    campaign.version++; /* of two who launch it at once, one is told so */
    if (!store_campaign_put(ctx, &campaign) ||
        !launch_begin(ctx, &campaign, start.us ? start.us : clock_now_us(), start.local_at,
                      &launch))
        return reply_error(ctx);
    return reply_launch(ctx, &launch);
}

/* ---- what is done to all that are under way ---- */

#define OPEN_MOST 16

static struct reply open_change(struct ctx *ctx, struct str campaign_id,
                                bool (*change)(struct ctx *ctx, struct launch_row *launch))
{
    struct campaign_row campaign;
    struct launch_row *open = ARENA_ARRAY(ctx->arena, struct launch_row, OPEN_MOST);
    size_t n;
    if (!campaign_find(ctx, campaign_id, &campaign) ||
        !store_launches_open(ctx, campaign_id, OPEN_MOST, open, &n))
        return reply_error(ctx);
    if (n == 0) {
        ctx_fail(ctx, ERR_CONFLICT, "it is " STR_FMT ": no launch of it is under way",
                 STR_ARG(campaign.state));
        return reply_error(ctx);
    }
    for (size_t i = 0; i < n; i++)
        if (!change(ctx, &open[i]))
            return reply_error(ctx);
    return reply_launch(ctx, &open[n - 1]);
}

struct reply campaign_pause_campaign(struct ctx *ctx, const struct pause_campaign_in *in)
{
    return open_change(ctx, in->campaign_id, launch_pause);
}

struct reply campaign_resume_campaign(struct ctx *ctx, const struct resume_campaign_in *in)
{
    return open_change(ctx, in->campaign_id, launch_resume);
}

struct reply campaign_cancel_campaign(struct ctx *ctx, const struct cancel_campaign_in *in)
{
    return open_change(ctx, in->campaign_id, launch_cancel);
}

struct reply campaign_choose_winner(struct ctx *ctx, const struct choose_winner_in *in)
{
    struct launch_row row;
    if (!newest_find(ctx, in->campaign_id, &row) || !launch_choose(ctx, &row, in->body->variant))
        return reply_error(ctx);
    return reply_launch(ctx, &row);
}
