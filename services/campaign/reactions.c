#include "services/campaign/reactions.h"

#include "services/campaign/figures.h"
#include "services/campaign/saga.h"

static enum outcome answered_by(struct ctx *ctx, enum step_name step, struct step_answer answer)
{
    return launch_answered(ctx, step, &answer) ? DONE : outcome_of(ctx);
}

enum outcome on_publication_answered(struct ctx *ctx, const struct publication_answered *answered)
{
    return answered_by(ctx, STEP_NAME_CONTENT,
                       (struct step_answer){
                           .command_id = answered->command_id,
                           .launch_id = answered->launch_id,
                           .reason = answered->reason,
                           .undo = answered->action == PUBLICATION_ANSWERED_ACTION_UNDO,
                           .refused = answered->outcome == PUBLICATION_ANSWERED_OUTCOME_REFUSED });
}

enum outcome on_delivery_answered(struct ctx *ctx, const struct delivery_answered *answered)
{
    return answered_by(
        ctx, STEP_NAME_EMAIL,
        (struct step_answer){ .command_id = answered->command_id,
                              .launch_id = answered->launch_id,
                              .reason = answered->reason,
                              .undo = answered->action == DELIVERY_ANSWERED_ACTION_UNDO,
                              .refused = answered->outcome == DELIVERY_ANSWERED_OUTCOME_REFUSED });
}

enum outcome on_activation_answered(struct ctx *ctx, const struct activation_answered *answered)
{
    return answered_by(ctx, STEP_NAME_ADS,
                       (struct step_answer){
                           .command_id = answered->command_id,
                           .launch_id = answered->launch_id,
                           .reason = answered->reason,
                           .undo = answered->action == ACTIVATION_ANSWERED_ACTION_UNDO,
                           .refused = answered->outcome == ACTIVATION_ANSWERED_OUTCOME_REFUSED });
}

enum outcome on_tracking_answered(struct ctx *ctx, const struct tracking_answered *answered)
{
    return answered_by(
        ctx, STEP_NAME_ANALYTICS,
        (struct step_answer){ .command_id = answered->command_id,
                              .launch_id = answered->launch_id,
                              .reason = answered->reason,
                              .undo = answered->action == TRACKING_ANSWERED_ACTION_UNDO,
                              .refused = answered->outcome == TRACKING_ANSWERED_OUTCOME_REFUSED });
}

enum outcome on_delivery_finished(struct ctx *ctx, const struct delivery_finished *finished)
{
    return launch_mailed(ctx, finished->launch_id) ? DONE : outcome_of(ctx);
}

/* ---- what came of it ---- */

static enum outcome counted(struct ctx *ctx, struct str launch_id, struct str variant,
                            const char *figure, int64_t n)
{
    return figure_add(ctx, launch_id, variant, figure, n) ? DONE : outcome_of(ctx);
}

enum outcome on_message_sent(struct ctx *ctx, const struct message_sent *sent)
{
    return counted(ctx, sent->launch_id, sent->variant, "sent", 1);
}

enum outcome on_message_delivered(struct ctx *ctx, const struct message_delivered *delivered)
{
    return counted(ctx, delivered->launch_id, delivered->variant, "delivered", 1);
}

enum outcome on_message_bounced(struct ctx *ctx, const struct message_bounced *bounced)
{
    return counted(ctx, bounced->launch_id, bounced->variant, "bounced", 1);
}

enum outcome on_message_complained(struct ctx *ctx, const struct message_complained *complained)
{
    return counted(ctx, complained->launch_id, complained->variant, "complained", 1);
}

enum outcome on_message_unsubscribed(struct ctx *ctx,
                                     const struct message_unsubscribed *unsubscribed)
{
    return counted(ctx, unsubscribed->launch_id, unsubscribed->variant, "unsubscribed", 1);
}

enum outcome on_message_withheld(struct ctx *ctx, const struct message_withheld *withheld)
{
    return counted(ctx, withheld->launch_id, withheld->variant, "withheld", 1);
}

enum outcome on_message_doubted(struct ctx *ctx, const struct message_doubted *doubted)
{
    return counted(ctx, doubted->launch_id, doubted->variant, "doubted", 1);
}

enum outcome on_message_failed(struct ctx *ctx, const struct message_failed *failed)
{
    return counted(ctx, failed->launch_id, failed->variant, "failed", 1);
}

/* Machines are told apart, and left out. */
enum outcome on_message_opened(struct ctx *ctx, const struct message_opened *opened)
{
    return opened->machine ? DONE : counted(ctx, opened->launch_id, opened->variant, "opened", 1);
}

enum outcome on_message_clicked(struct ctx *ctx, const struct message_clicked *clicked)
{
    bool first;
    if (clicked->machine)
        return DONE;
    if (!figure_first_click(ctx, clicked->launch_id, clicked->message_id, &first))
        return outcome_of(ctx);
    return first ? counted(ctx, clicked->launch_id, clicked->variant, "clicked", 1) : DONE;
}

enum outcome on_delivery_counted(struct ctx *ctx, const struct delivery_counted *counts)
{
    struct str none = { NULL, 0 };
    return figure_add(ctx, counts->launch_id, none, "recipients", counts->recipients) &&
                   figure_add(ctx, counts->launch_id, none, "withheld", counts->withheld) &&
                   figure_add(ctx, counts->launch_id, none, "held_out", counts->held_out)
               ? DONE
               : outcome_of(ctx);
}

enum outcome on_impression_recorded(struct ctx *ctx, const struct impression_recorded *recorded)
{
    return counted(ctx, recorded->launch_id, (struct str){ NULL, 0 }, "impressions", 1);
}

enum outcome on_click_recorded(struct ctx *ctx, const struct click_recorded *recorded)
{
    return counted(ctx, recorded->launch_id, (struct str){ NULL, 0 }, "ad_clicks", 1);
}
