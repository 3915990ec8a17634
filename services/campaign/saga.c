#include "services/campaign/saga.h"

#include "base/clock.h"
#include "base/id.h"
#include "platform/faults/faults.h"
#include "platform/service/service.h"
#include "platform/token/token.h"
#include "services/campaign/app.h"
#include "services/campaign/launch_webhook.h"
#include "services/campaign/plan.h"
#include "services/campaign/schedule.h"
#include "services/campaign/winner.h"
#include "campaign_contract.h"

#define OPEN_MOST                                                                                  \
    16 /* launches of one campaign that are not at their end: few run long and recur */

static const struct saga_limits *limits_of(const struct ctx *ctx)
{
    return &campaign_of(ctx)->limits;
}

/* ---- storing ---- */

/*      launch     campaign: which of several open ones it shows, the highest rank first */
#define STATE_TABLE(X)                                                                             \
    X(COMPLETED,   COMPLETED, 0)                                                                   \
    X(FAILED,      FAILED,    0)                                                                   \
    X(CANCELLED,   CANCELLED, 0)                                                                   \
    X(WAITING,     SCHEDULED, 1)                                                                   \
    X(LAUNCHED,    RUNNING,   2)                                                                   \
    X(ASKING,      LAUNCHING, 3)                                                                   \
    X(UNDOING,     UNDOING,   4)

static const struct {
    enum campaign_state campaign;
    int rank;
} shows[] = {
#define X(launch, campaign, rank) [LAUNCH_STATE_##launch] = { CAMPAIGN_STATE_##campaign, rank },
    STATE_TABLE(X)
#undef X
};

static bool campaign_show(struct ctx *ctx, const struct launch_row *last)
{
    struct launch_row *open = ARENA_ARRAY(ctx->arena, struct launch_row, OPEN_MOST);
    const struct launch_row *shown = last;
    size_t n;
    if (!store_launches_open(ctx, last->campaign_id, OPEN_MOST, open, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (shows[open[i].state].rank > shows[shown->state].rank)
            shown = &open[i];
    return store_campaign_state_put(ctx, last->campaign_id,
                                    shown->paused ? CAMPAIGN_STATE_PAUSED
                                                  : shows[shown->state].campaign);
}

static bool launch_save(struct ctx *ctx, struct launch_row *launch)
{
    return store_launch_put(ctx, launch) && campaign_show(ctx, launch);
}

static bool step_tell(struct ctx *ctx, const struct launch_row *launch, enum step_name name)
{
    const struct step_row *step = &launch->steps[name];
    struct launch_stepped stepped = {
        .campaign_id = launch->campaign_id,
        .launch_id = launch->launch_id,
        .step = launch_stepped_step_parse(str_of(step_name_name(name))),
        .state = launch_stepped_state_parse(str_of(step_state_name(step->state))),
        .attempt = step->attempt,
        .reason = step->reason,
        .stepped_at = clock_now_us()
    };
    fault_at("campaign.step", step_state_name(step->state));
    return publish_launch_stepped(ctx, &stepped);
}

/* ---- the end ---- */

static void launch_end(struct launch_row *launch, enum launch_state state)
{
    launch->state = state;
    launch->paused = false;
    launch->ended_us = clock_now_us();
    launch->due_us = NEVER_DUE;
}

#define NOTHING_SENT_US (60 * US_PER_S) /* figures that are none yet are looked at again then */

/* A test of variants is decided at its time, or as soon after it as anything is sent; where that does not come, the rest
 * does not wait for ever. */
static bool launch_decide(struct ctx *ctx, struct launch_row *launch,
                          const struct campaign_plan *plan, int64_t *due_us)
{
    int64_t now_us = clock_now_us(), decide_us = winner_due_us(launch, plan);
    *due_us = decide_us;
    if (decide_us > now_us)
        return true;
    bool late = now_us - decide_us >= limits_of(ctx)->winner_us;
    *due_us = winner_by_figures(ctx, launch, plan, late)
                  ? NEVER_DUE
                  : MIN(now_us + NOTHING_SENT_US, decide_us + limits_of(ctx)->winner_us);
    return !ctx_failed(ctx);
}

/* When all of it is over; else it is looked at again when that may be. */
static bool launch_complete(struct ctx *ctx, struct launch_row *launch)
{
    struct campaign_plan plan;
    int64_t decide_us, now = clock_now_us();
    if (!plan_read(ctx, launch->plan, &plan) || !launch_decide(ctx, launch, &plan, &decide_us))
        return false;
    int64_t end_us = plan.has_ends_at && plan.ends_at > now ? plan.ends_at : NEVER_DUE;
    launch->due_us = launch->mail_open ? MIN(decide_us, end_us) : end_us;
    if (launch->mail_open || end_us != NEVER_DUE)
        return true;
    launch_end(launch, LAUNCH_STATE_COMPLETED);
    return publish_campaign_completed(
               ctx, &(struct campaign_completed){ .campaign_id = launch->campaign_id,
                                                  .launch_id = launch->launch_id,
                                                  .completed_at = launch->ended_us }) &&
           launch_webhook_ended(ctx, launch);
}

/* ---- backwards ---- */

static bool may_be_done(enum step_state state)
{
    return state == STEP_STATE_DONE || state == STEP_STATE_ASKED || state == STEP_STATE_TIMED_OUT;
}

static bool step_undo(struct ctx *ctx, struct launch_row *launch, enum step_name name)
{
    struct step_row *step = &launch->steps[name];
    int64_t now = clock_now_us();
    step->attempt = step->state == STEP_STATE_UNDOING ? step->attempt + 1 : 1;
    step->state = STEP_STATE_UNDOING;
    step->asked_us = now;
    launch->due_us = now + limits_of(ctx)->again_us;
    return step_tell(ctx, launch, name) && step_ask(ctx, launch, name, true, launch->due_us);
}

/* One at a time, the last first; nothing left: it has failed. */
static bool launch_undo(struct ctx *ctx, struct launch_row *launch)
{
    launch->state = LAUNCH_STATE_UNDOING;
    for (int name = N_STEPS; name >= 1; name--)
        if (may_be_done(launch->steps[name].state))
            return step_undo(ctx, launch, (enum step_name)name);
    launch_end(launch, LAUNCH_STATE_FAILED);
    return publish_campaign_failed(
        ctx, &(struct campaign_failed){
                 .campaign_id = launch->campaign_id,
                 .launch_id = launch->launch_id,
                 .step = campaign_failed_step_parse(str_of(step_name_name(launch->failed_step))),
                 .reason = launch->reason,
                 .failed_at = launch->ended_us });
}

static bool step_fail(struct ctx *ctx, struct launch_row *launch, enum step_name name,
                      enum step_state state, struct str reason)
{
    struct step_row *step = &launch->steps[name];
    step->state = state;
    step->reason = launch->reason = reason;
    launch->failed_step = name;
    return step_tell(ctx, launch, name) && launch_undo(ctx, launch);
}

/* ---- forwards ---- */

static bool step_send(struct ctx *ctx, struct launch_row *launch, enum step_name name)
{
    struct step_row *step = &launch->steps[name];
    step->attempt++;
    step->asked_us = clock_now_us();
    launch->due_us = MIN(step->asked_us + limits_of(ctx)->again_us, step->expires_us);
    return step_tell(ctx, launch, name) && step_ask(ctx, launch, name, false, step->expires_us);
}

static bool launched_tell(struct ctx *ctx, const struct launch_row *launch)
{
    struct campaign_plan plan;
    enum campaign_launched_channel channels[4];
    if (!plan_read(ctx, launch->plan, &plan))
        return false;
    struct campaign_launched launched = { .campaign_id = launch->campaign_id,
                                          .launch_id = launch->launch_id,
                                          .name = plan.name,
                                          .channels = channels,
                                          .experiences = plan.experiences,
                                          .n_experiences = plan.n_experiences,
                                          .launched_at = launch->launched_us };
    if (plan.email)
        channels[launched.n_channels++] = CAMPAIGN_LAUNCHED_CHANNEL_EMAIL;
    if (plan.n_experiences)
        channels[launched.n_channels++] = CAMPAIGN_LAUNCHED_CHANNEL_EXPERIENCE;
    if (plan.ads)
        channels[launched.n_channels++] = CAMPAIGN_LAUNCHED_CHANNEL_ADS;
    if (plan.webhook)
        channels[launched.n_channels++] = CAMPAIGN_LAUNCHED_CHANNEL_WEBHOOK;
    fault_at("campaign.pivot", NULL);
    return publish_campaign_launched(ctx, &launched) &&
           launch_webhook_launched(ctx, launch, &plan) && winner_tell_early(ctx, launch, &plan);
}

/* The next step that is not done; all are: the point of no return. */
static bool launch_go_on(struct ctx *ctx, struct launch_row *launch)
{
    for (int i = 1; i <= N_STEPS; i++) {
        struct step_row *step = &launch->steps[i];
        if (step->state == STEP_STATE_DONE || step->state == STEP_STATE_LEFT_OUT)
            continue;
        step->state = STEP_STATE_ASKED;
        step->expires_us = clock_now_us() + limits_of(ctx)->give_up_us;
        return step_send(ctx, launch, (enum step_name)i);
    }
    launch->state = LAUNCH_STATE_LAUNCHED;
    launch->launched_us = clock_now_us();
    launch->mail_open = launch->steps[STEP_NAME_EMAIL].state == STEP_STATE_DONE;
    return launched_tell(ctx, launch) && launch_complete(ctx, launch);
}

/* ---- beginning ---- */

static bool launch_scheduled_tell(struct ctx *ctx, const struct launch_row *launch, struct str name)
{
    return publish_campaign_scheduled(
        ctx, &(struct campaign_scheduled){ .campaign_id = launch->campaign_id,
                                           .launch_id = launch->launch_id,
                                           .name = name,
                                           .starts_at = launch->starts_us,
                                           .scheduled_at = launch->created_us });
}

static bool launch_new(struct ctx *ctx, struct str campaign_id, struct str plan_text,
                       int64_t starts_us, struct str local_at, struct launch_row *out)
{
    struct campaign_plan plan;
    if (!plan_read(ctx, plan_text, &plan))
        return false;
    *out = (struct launch_row){ .launch_id = id_new(ctx->arena, "lch"),
                                .campaign_id = campaign_id,
                                .state = LAUNCH_STATE_WAITING,
                                .plan = plan_text,
                                .starts_us = starts_us,
                                .local_at = local_at,
                                .due_us = starts_us,
                                .created_us = clock_now_us() };
    for (int i = 1; i <= N_STEPS; i++)
        out->steps[i].state = step_is_needed((enum step_name)i, &plan) ? STEP_STATE_WAITING
                                                                       : STEP_STATE_LEFT_OUT;
    return launch_scheduled_tell(ctx, out, plan.name);
}

/* Of a recurring campaign: when this one begins, the next one is waiting. What was missed meanwhile is left out. */
static bool launch_plan_next(struct ctx *ctx, const struct launch_row *launch)
{
    struct campaign_plan plan;
    struct schedule_start start;
    struct launch_row next;
    if (!plan_read(ctx, launch->plan, &plan))
        return false;
    if (!schedule_recurs(plan.schedule) ||
        !schedule_next(ctx, plan.schedule, MAX(launch->starts_us, clock_now_us()), &start))
        return !ctx_failed(ctx);
    return launch_new(ctx, launch->campaign_id, launch->plan, start.us, start.local_at, &next) &&
           store_launch_put(ctx, &next);
}

static bool launch_start(struct ctx *ctx, struct launch_row *launch)
{
    launch->state = LAUNCH_STATE_ASKING;
    return launch_plan_next(ctx, launch) && launch_go_on(ctx, launch);
}

bool launch_begin(struct ctx *ctx, const struct campaign_row *campaign, int64_t starts_us,
                  struct str local_at, struct launch_row *out)
{
    return launch_new(ctx, campaign->campaign_id, campaign->plan, starts_us, local_at, out) &&
           (starts_us > clock_now_us() || launch_start(ctx, out)) && launch_save(ctx, out);
}

/* ---- time ---- */

static enum step_name step_in(const struct launch_row *launch, enum step_state state)
{
    for (int i = 1; i <= N_STEPS; i++)
        if (launch->steps[i].state == state)
            return (enum step_name)i;
    return STEP_NAME_UNKNOWN;
}

static bool asked_due(struct ctx *ctx, struct launch_row *launch)
{
    enum step_name name = step_in(launch, STEP_STATE_ASKED);
    const struct step_row *step = &launch->steps[name];
    if (clock_now_us() < step->expires_us)
        return step_send(ctx, launch, name);
    return step_fail(ctx, launch, name, STEP_STATE_TIMED_OUT,
                     arena_printf(ctx->arena, "%s has not answered, asked %lld times",
                                  step_name_name(name), (long long)step->attempt));
}

static bool launch_move(struct ctx *ctx, struct launch_row *launch)
{
    switch (launch->state) {
    case LAUNCH_STATE_WAITING:
        return launch_start(ctx, launch);
    case LAUNCH_STATE_ASKING:
        return asked_due(ctx, launch);
    case LAUNCH_STATE_UNDOING:
        return step_undo(ctx, launch, step_in(launch, STEP_STATE_UNDOING));
    default:
        return launch_complete(ctx, launch);
    }
}

bool launch_due(struct ctx *ctx, struct launch_row *launch)
{
    return launch_move(ctx, launch) && launch_save(ctx, launch);
}

/* ---- answers ---- */

static bool answer_take(struct ctx *ctx, struct launch_row *launch, enum step_name name,
                        const struct step_answer *answer)
{
    struct step_row *step = &launch->steps[name];
    step->answered_us = clock_now_us();
    if (answer->undo) {
        step->state = STEP_STATE_UNDONE;
        return step_tell(ctx, launch, name) && launch_undo(ctx, launch);
    }
    if (answer->refused)
        return step_fail(ctx, launch, name, STEP_STATE_REFUSED,
                         answer->reason.ptr ? answer->reason : STR("no reason was given"));
    step->state = STEP_STATE_DONE;
    return step_tell(ctx, launch, name) && launch_go_on(ctx, launch);
}

bool launch_answered(struct ctx *ctx, enum step_name step, const struct step_answer *answer)
{
    struct launch_row launch;
    if (!store_launch(ctx, answer->launch_id, &launch))
        return !ctx_failed(ctx);
    enum step_state awaits = answer->undo ? STEP_STATE_UNDOING : STEP_STATE_ASKED;
    if (launch.steps[step].state != awaits ||
        !str_eq(answer->command_id, step_command_id(ctx, &launch, step, answer->undo)))
        return true;
    return answer_take(ctx, &launch, step, answer) && launch_save(ctx, &launch);
}

bool launch_choose(struct ctx *ctx, struct launch_row *launch, struct str variant)
{
    struct campaign_plan plan;
    return plan_read(ctx, launch->plan, &plan) && winner_by_person(ctx, launch, &plan, variant) &&
           (launch->state != LAUNCH_STATE_LAUNCHED || launch_complete(ctx, launch)) &&
           launch_save(ctx, launch);
}

bool launch_mailed(struct ctx *ctx, struct str launch_id)
{
    struct launch_row launch;
    if (!store_launch(ctx, launch_id, &launch))
        return !ctx_failed(ctx);
    if (launch.state != LAUNCH_STATE_LAUNCHED || !launch.mail_open)
        return true;
    launch.mail_open = false;
    return launch_complete(ctx, &launch) && launch_save(ctx, &launch);
}

/* ---- people ---- */

bool launch_pause(struct ctx *ctx, struct launch_row *launch)
{
    if (launch->paused)
        return true;
    if (launch->state != LAUNCH_STATE_WAITING && launch->state != LAUNCH_STATE_LAUNCHED)
        return ctx_fail(ctx, ERR_CONFLICT, "it is %s: that can be cancelled, not paused",
                        launch_state_name(launch->state));
    launch->paused = true;
    if (launch->state == LAUNCH_STATE_WAITING)
        launch->due_us = NEVER_DUE;
    return publish_campaign_paused(ctx,
                                   &(struct campaign_paused){ .campaign_id = launch->campaign_id,
                                                              .launch_id = launch->launch_id,
                                                              .paused_at = clock_now_us() }) &&
           launch_save(ctx, launch);
}

bool launch_resume(struct ctx *ctx, struct launch_row *launch)
{
    if (!launch->paused)
        return true;
    launch->paused = false;
    if (launch->state == LAUNCH_STATE_WAITING)
        launch->due_us = launch->starts_us;
    return publish_campaign_resumed(ctx,
                                    &(struct campaign_resumed){ .campaign_id = launch->campaign_id,
                                                                .launch_id = launch->launch_id,
                                                                .resumed_at = clock_now_us() }) &&
           launch_save(ctx, launch);
}

static bool cancel_asking(struct ctx *ctx, struct launch_row *launch)
{
    launch->failed_step = step_in(launch, STEP_STATE_ASKED);
    launch->reason =
        arena_printf(ctx->arena, STR_FMT " has cancelled it", STR_ARG(ctx->who->subject));
    return launch_undo(ctx, launch) && launch_save(ctx, launch);
}

bool launch_cancel(struct ctx *ctx, struct launch_row *launch)
{
    if (launch->state == LAUNCH_STATE_ASKING)
        return cancel_asking(ctx, launch);
    if (launch->state == LAUNCH_STATE_UNDOING)
        return true;
    launch_end(launch, LAUNCH_STATE_CANCELLED);
    return publish_campaign_cancelled(
               ctx, &(struct campaign_cancelled){ .campaign_id = launch->campaign_id,
                                                  .launch_id = launch->launch_id,
                                                  .cancelled_at = launch->ended_us }) &&
           launch_webhook_ended(ctx, launch) && launch_save(ctx, launch);
}

/* ---- the worker ---- */

#define ROUND_MOST 50

struct due {
    struct launch_row rows[ROUND_MOST];
    size_t n;
};

static bool due_read(struct ctx *ctx, void *argument)
{
    struct due *due = argument;
    return store_launches_due(ctx, clock_now_us(), ROUND_MOST, due->rows, &due->n);
}

/* It may have been moved since it was seen to be due. */
static bool due_do(struct ctx *ctx, void *argument)
{
    struct launch_row launch;
    const struct launch_row *seen = argument;
    if (!store_launch(ctx, seen->launch_id, &launch))
        return !ctx_failed(ctx);
    return launch.version != seen->version || launch_due(ctx, &launch);
}

bool launches_run(struct ctx *ctx)
{
    struct due *due = ARENA_NEW(ctx->arena, struct due);
    if (!events_accepting(ctx, service_events(ctx)) ||
        !sql_read(ctx, service_db(ctx), due_read, due))
        return false;
    for (size_t i = 0; i < due->n; i++)
        if (!sql_write(ctx, service_db(ctx), due_do, &due->rows[i]))
            return false;
    return due->n == ROUND_MOST;
}
