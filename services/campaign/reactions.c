#include "services/campaign/reactions.h"

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
