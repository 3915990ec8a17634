#include "services/ads/reactions.h"

#include "base/clock.h"
#include "services/ads/activations.h"
#include "services/ads/counts.h"
#include "services/ads/networks.h"
#include "services/ads/people.h"
#include "ads_contract.h"

/* ---- launches ---- */

static bool decide(struct ctx *ctx, const struct activation_asked *asked,
                   struct activation_row *row)
{
    struct str ads[ACTIVATION_ADS];
    if (asked->action == ACTIVATION_ASKED_ACTION_UNDO)
        return activation_undo(ctx, asked->launch_id, asked->campaign_id);
    if (asked->action != ACTIVATION_ASKED_ACTION_DO || asked->n_ads > ACTIVATION_ADS ||
        asked->n_networks > ACTIVATION_NETWORKS)
        return ctx_fail(ctx, ERR_INVALID,
                        "there is no such action, or it names too many ads or networks");
    for (size_t i = 0; i < asked->n_ads; i++)
        ads[i] = asked->ads[i].ad_id;
    struct wish wish = { .launch_id = asked->launch_id,
                         .campaign_id = asked->campaign_id,
                         .command_id = asked->command_id,
                         .ads = ads,
                         .n_ads = asked->n_ads,
                         .segments = asked->segments,
                         .n_segments = asked->n_segments,
                         .networks = asked->networks,
                         .n_networks = asked->n_networks,
                         .budget = asked->budget,
                         .starts_us = asked->has_starts_at ? asked->starts_at : 0,
                         .ends_us = asked->has_ends_at ? asked->ends_at : NO_END,
                         .expires_us = asked->expires_at };
    return activation_do(ctx, &wish, row);
}

enum outcome on_activation_asked(struct ctx *ctx, const struct activation_asked *asked)
{
    struct activation_row row = { 0 };
    if (!decide(ctx, asked, &row))
        return outcome_of(ctx);
    bool refused = str_is(row.state, "refused");
    struct activation_answered answered = {
        .command_id = asked->command_id,
        .campaign_id = asked->campaign_id,
        .launch_id = asked->launch_id,
        .action = asked->action == ACTIVATION_ASKED_ACTION_UNDO ? ACTIVATION_ANSWERED_ACTION_UNDO
                                                                : ACTIVATION_ANSWERED_ACTION_DO,
        .outcome = refused ? ACTIVATION_ANSWERED_OUTCOME_REFUSED : ACTIVATION_ANSWERED_OUTCOME_DONE,
        .answered_at = clock_now_us(),
    };
    if (refused)
        answered.reason = row.reason;
    return publish_activation_answered(ctx, &answered) ? DONE : outcome_of(ctx);
}

enum outcome on_campaign_paused(struct ctx *ctx, const struct campaign_paused *paused)
{
    return activation_move(ctx, paused->launch_id, "active", "active", "paused") ? DONE
                                                                                 : outcome_of(ctx);
}

enum outcome on_campaign_resumed(struct ctx *ctx, const struct campaign_resumed *resumed)
{
    return activation_move(ctx, resumed->launch_id, "paused", "paused", "active") ? DONE
                                                                                  : outcome_of(ctx);
}

static enum outcome end(struct ctx *ctx, struct str launch_id)
{
    return activation_move(ctx, launch_id, "active", "paused", "ended") ? DONE : outcome_of(ctx);
}

enum outcome on_campaign_completed(struct ctx *ctx, const struct campaign_completed *completed)
{
    return end(ctx, completed->launch_id);
}

enum outcome on_campaign_cancelled(struct ctx *ctx, const struct campaign_cancelled *cancelled)
{
    return end(ctx, cancelled->launch_id);
}

enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased)
{
    struct erasure_done done = { .request_id = erased->request_id,
                                 .profile_id = erased->profile_id,
                                 .service = STR("ads"),
                                 .erased_at = clock_now_us() };
    return store_person_forget(ctx, erased->profile_id) && publish_erasure_done(ctx, &done)
               ? DONE
               : outcome_of(ctx);
}

/* ---- people ---- */

enum outcome on_membership_changed(struct ctx *ctx, const struct membership_changed *changed)
{
    bool member = changed->state == MEMBERSHIP_CHANGED_STATE_ENTERED;
    return people_member_set(ctx, ctx->model, changed->person_id, changed->segment_id, member)
               ? DONE
               : outcome_of(ctx);
}

enum outcome on_impression_recorded(struct ctx *ctx, const struct impression_recorded *recorded)
{
    return people_saw(ctx, ctx->model, recorded->person_id, recorded->ad_id, recorded->seen_at)
               ? DONE
               : outcome_of(ctx);
}

enum outcome on_person_erased(struct ctx *ctx, const struct profile_erased *erased)
{
    return people_forget(ctx, ctx->model, erased->profile_id) ? DONE : outcome_of(ctx);
}
