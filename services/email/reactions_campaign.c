/* What campaigns ask for and tell. */
#include "base/clock.h"
#include "services/email/deliveries.h"
#include "services/email/email.h"
#include "services/email/letters.h"
#include "services/email/messages.h"
#include "services/email/reactions.h"
#include "services/email/store_deliveries.h"

enum outcome on_delivery_asked(struct ctx *ctx, const struct delivery_asked *asked)
{
    bool ok = asked->action == DELIVERY_ASKED_ACTION_UNDO ? delivery_undo(ctx, asked)
                                                          : delivery_do(ctx, asked);
    return ok ? DONE : outcome_of(ctx);
}

/* A command that nothing answers: what cannot be done is a message that failed, and told as such. */
enum outcome on_message_asked(struct ctx *ctx, const struct message_asked *asked)
{
    bool added, moved;
    struct message_row message;
    struct str none = { NULL, 0 };
    if (!message_ask(ctx, asked, none, &message, &added))
        return outcome_of(ctx);
    if (!added || letter_check(ctx, email_of(ctx)->letters, asked->template, none))
        return DONE;
    if (outcome_of(ctx) != REJECT)
        return outcome_of(ctx);
    struct str why = ctx->error.detail;
    ctx_clear(ctx);
    return message_fail(ctx, &message, "template", why, &moved) ? DONE : outcome_of(ctx);
}

/* The delivery of a launch, if there is one; `change` says whether it is to be stored. */
static enum outcome with_delivery(struct ctx *ctx, struct str launch_id,
                                  bool (*change)(struct delivery_row *row, const void *event),
                                  const void *event)
{
    struct delivery_row row;
    if (!store_delivery(ctx, launch_id, &row))
        return ctx_failed(ctx) ? outcome_of(ctx) : DONE;
    return !change(&row, event) || store_delivery_put(ctx, &row) ? DONE : outcome_of(ctx);
}

static bool release(struct delivery_row *row, const void *event)
{
    if (!str_is(row->state, "held"))
        return false;
    row->state = STR("released");
    row->released_us = clock_now_us();
    return true;
}

enum outcome on_campaign_launched(struct ctx *ctx, const struct campaign_launched *launched)
{
    return with_delivery(ctx, launched->launch_id, release, launched);
}

static bool pause_it(struct delivery_row *row, const void *event)
{
    row->paused = true;
    return true;
}

enum outcome on_campaign_paused(struct ctx *ctx, const struct campaign_paused *paused)
{
    return with_delivery(ctx, paused->launch_id, pause_it, paused);
}

static bool resume(struct delivery_row *row, const void *event)
{
    row->paused = false;
    return true;
}

enum outcome on_campaign_resumed(struct ctx *ctx, const struct campaign_resumed *resumed)
{
    return with_delivery(ctx, resumed->launch_id, resume, resumed);
}

static bool cancel(struct delivery_row *row, const void *event)
{
    bool goes_on = str_is(row->state, "held") || str_is(row->state, "released");
    if (goes_on)
        row->state = STR("cancelled");
    return goes_on;
}

enum outcome on_campaign_cancelled(struct ctx *ctx, const struct campaign_cancelled *cancelled)
{
    return with_delivery(ctx, cancelled->launch_id, cancel, cancelled);
}

static bool win(struct delivery_row *row, const void *event)
{
    const struct winner_chosen *chosen = event;
    bool first = !row->winner.ptr;
    if (first)
        row->winner = chosen->variant;
    return first;
}

enum outcome on_winner_chosen(struct ctx *ctx, const struct winner_chosen *chosen)
{
    return with_delivery(ctx, chosen->launch_id, win, chosen);
}
