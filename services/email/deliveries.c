#include "services/email/deliveries.h"

#include "base/clock.h"
#include "services/email/audience.h"
#include "services/email/email.h"
#include "services/email/letters.h"
#include "services/email/messages.h"
#include "services/email/plan.h"
#include "services/email/senders.h"
#include "services/email/store_deliveries.h"
#include "email_contract.h"

#define BATCH 500        /* messages that change their state in one transaction */
#define OPEN_MOST 200    /* deliveries that are looked after at a time */

/* ---- the saga's commands ---- */

static bool answer(struct ctx *ctx, const struct delivery_asked *asked, struct str reason)
{
    bool undo = asked->action == DELIVERY_ASKED_ACTION_UNDO;
    struct delivery_answered answered = {
        .command_id = asked->command_id,
        .campaign_id = asked->campaign_id,
        .launch_id = asked->launch_id,
        .action = undo ? DELIVERY_ANSWERED_ACTION_UNDO : DELIVERY_ANSWERED_ACTION_DO,
        .outcome = reason.ptr ? DELIVERY_ANSWERED_OUTCOME_REFUSED : DELIVERY_ANSWERED_OUTCOME_DONE,
        .reason = reason,
        .answered_at = clock_now_us(),
    };
    answered.reason.len = MIN(answered.reason.len, 500);
    return publish_delivery_answered(ctx, &answered);
}

static bool templates_check(struct ctx *ctx, const struct delivery_asked *asked)
{
    struct letters *letters = email_of(ctx)->letters;
    struct str none = { NULL, 0 };
    if (!asked->template.ptr)
        return ctx_fail(ctx, ERR_INVALID, "no template is named");
    if (!letter_check(ctx, letters, asked->template, none))
        return false;
    for (size_t i = 0; i < asked->n_variants; i++) {
        const struct delivery_asked_variant *variant = &asked->variants[i];
        if (!letter_check(ctx, letters, variant->template.ptr ? variant->template : asked->template,
                          variant->subject))
            return ctx_fail(ctx, ctx->error.code, "variant \"" STR_FMT "\"",
                            STR_ARG(variant->name));
    }
    return true;
}

/* Is it something that can be done? REJECT errors are reasons to refuse it. */
static bool check(struct ctx *ctx, const struct delivery_asked *asked)
{
    int64_t us;
    const struct delivery_asked_audience *audience = asked->audience;
    const struct zone *zone = NULL;
    if (clock_now_us() > asked->expires_at)
        return ctx_fail(ctx, ERR_INVALID, "it came too late, and had expired");
    if (!audience || (!audience->everyone && audience->n_segments == 0))
        return ctx_fail(ctx, ERR_INVALID, "it says for nobody whom it is for");
    if (asked->test && asked->n_variants == 0)
        return ctx_fail(ctx, ERR_INVALID, "a test needs variants");
    if (asked->schedule && asked->schedule->zone.ptr &&
        !(zone = zone_find(ctx, asked->schedule->zone)))
        return false;
    if (asked->quiet && !plan_quiet_until(ctx, asked->quiet->from, asked->quiet->to, NULL, 0, &us))
        return false;
    return plan_due(ctx, asked->schedule, NULL, zone, &us) && templates_check(ctx, asked) &&
           sender_check(ctx, asked->sender_id);
}

static bool hold(struct ctx *ctx, const struct delivery_asked *asked)
{
    struct delivery_row row = { .launch_id = asked->launch_id,
                                .campaign_id = asked->campaign_id,
                                .state = STR("held"),
                                .asked = delivery_asked_encode(ctx, asked),
                                .asked_us = clock_now_us() };
    return row.asked.ptr && store_delivery_put(ctx, &row);
}

bool delivery_do(struct ctx *ctx, const struct delivery_asked *asked)
{
    struct delivery_row row;
    struct str none = { NULL, 0 };
    if (store_delivery(ctx, asked->launch_id, &row))
        return answer(ctx, asked,
                      str_is(row.state, "undone") ? STR("this launch was undone") : none);
    if (ctx_failed(ctx))
        return false;
    if (check(ctx, asked))
        return hold(ctx, asked) && answer(ctx, asked, none);
    if (outcome_of(ctx) != REJECT)
        return false;
    struct str reason = ctx->error.detail;
    ctx_clear(ctx);
    return answer(ctx, asked, reason);
}

bool delivery_undo(struct ctx *ctx, const struct delivery_asked *asked)
{
    struct delivery_row row = { .launch_id = asked->launch_id,
                                .campaign_id = asked->campaign_id,
                                .asked_us = clock_now_us() };
    if (!store_delivery(ctx, asked->launch_id, &row) && ctx_failed(ctx))
        return false;
    row.state = STR("undone");
    return store_delivery_put(ctx, &row) && answer(ctx, asked, (struct str){ NULL, 0 });
}

/* ---- what is left to do ---- */

static bool batch_of(struct ctx *ctx, const struct delivery_row *delivery, const char *state,
                     struct message_row **messages, size_t *n)
{
    *messages = ARENA_ARRAY(ctx->arena, struct message_row, BATCH);
    return store_messages_in(ctx, delivery->launch_id, state, BATCH, *messages, n);
}

/* Those who wait get the winner. */
static bool winner_give(struct ctx *ctx, const struct delivery_row *delivery, bool *more)
{
    bool moved;
    size_t n;
    struct message_row *messages;
    if (!batch_of(ctx, delivery, "waiting", &messages, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        messages[i].variant = delivery->winner;
        messages[i].state = STR("queued");
        messages[i].due_us = MAX(messages[i].due_us, clock_now_us());
        if (!store_message_move(ctx, &messages[i], "waiting", &moved))
            return false;
    }
    *more |= n > 0;
    return true;
}

static bool withhold_all(struct ctx *ctx, const struct delivery_row *delivery, const char *state,
                         bool *more)
{
    bool moved;
    size_t n;
    struct message_row *messages;
    if (!batch_of(ctx, delivery, state, &messages, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!message_withhold(ctx, &messages[i], "cancelled", &moved))
            return false;
    *more |= n > 0;
    return true;
}

/* Nothing is left that will still change by itself. */
static bool is_through(struct ctx *ctx, const struct delivery_row *delivery)
{
    static const char *const left[] = { "queued", "waiting", "doubt" };
    struct message_row *one = ARENA_NEW(ctx->arena, struct message_row);
    size_t n = 0;
    for (size_t i = 0; i < COUNT(left) && n == 0; i++)
        if (!store_messages_in(ctx, delivery->launch_id, left[i], 1, one, &n))
            return false;
    return n == 0;
}

static bool finish(struct ctx *ctx, struct delivery_row *delivery,
                   const struct message_counts *counts)
{
    struct delivery_finished finished = { .campaign_id = delivery->campaign_id,
                                          .launch_id = delivery->launch_id,
                                          .sent = counts->sent,
                                          .withheld = counts->withheld,
                                          .doubted = counts->unknown,
                                          .failed = counts->failed,
                                          .finished_at = clock_now_us() };
    if (str_is(delivery->state, "released"))
        delivery->state = STR("finished");
    delivery->finished_us = finished.finished_at;
    return store_delivery_put(ctx, delivery) &&
           (!delivery->released_us || publish_delivery_finished(ctx, &finished));
}

struct step {
    struct str launch_id;
    bool more;
};

/* Inside a transaction, of the state as it is now. */
static bool step_do(struct ctx *ctx, void *argument)
{
    struct step *step = argument;
    struct delivery_row delivery;
    struct message_counts counts;
    step->more = false;
    if (!store_delivery(ctx, step->launch_id, &delivery))
        return !ctx_failed(ctx);
    bool goes_on = str_is(delivery.state, "released");
    if (delivery.finished_us || (goes_on && delivery.paused))
        return true;
    if (!goes_on && (!withhold_all(ctx, &delivery, "queued", &step->more) ||
                     !withhold_all(ctx, &delivery, "waiting", &step->more)))
        return false;
    if (goes_on && !delivery.expanded) {
        step->more = true;
        return audience_expand(ctx, &delivery);
    }
    if (goes_on && delivery.winner.ptr && !winner_give(ctx, &delivery, &step->more))
        return false;
    if (step->more || !is_through(ctx, &delivery) ||
        !store_message_counts(ctx, delivery.launch_id, &counts))
        return !ctx_failed(ctx);
    return finish(ctx, &delivery, &counts);
}

struct open {
    struct delivery_row *rows;
    size_t n;
};

static bool open_read(struct ctx *ctx, void *argument)
{
    struct open *open = argument;
    return store_deliveries_open(ctx, OPEN_MOST, open->rows, &open->n);
}

bool deliveries_run(struct ctx *ctx)
{
    struct open open = { ARENA_ARRAY(ctx->arena, struct delivery_row, OPEN_MOST), 0 };
    bool more = false;
    if (!events_accepting(ctx, service_events(ctx)) ||
        !sql_read(ctx, service_db(ctx), open_read, &open))
        return false;
    for (size_t i = 0; i < open.n; i++) {
        struct step step = { .launch_id = open.rows[i].launch_id };
        if (!sql_write(ctx, service_db(ctx), step_do, &step))
            return false;
        more |= step.more;
    }
    return more;
}
