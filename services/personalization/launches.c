#include "services/personalization/launches.h"

#include "base/clock.h"
#include "services/personalization/store.h"
#include "services/personalization/store_launches.h"

#define LAUNCH_MOST 50 /* experiences of one launch, as the event's schema says */

static bool set_active(struct ctx *ctx, struct experience_row *row, bool active)
{
    row->active = active;
    row->status = active ? STR("active") : STR("paused");
    row->version++;
    row->updated_us = clock_now_us();
    return store_experience_put(ctx, row);
}

/* An experience that there is not cannot be shown, and the launch is done: nobody waits for an answer. */
static bool experience_begin(struct ctx *ctx, struct str launch_id, struct str experience_id)
{
    struct experience_row row;
    bool any;
    struct launch_experience begun = { .experience_id = experience_id };
    if (!store_experience(ctx, experience_id, &row))
        return !ctx_failed(ctx);
    if (!store_launches_of(ctx, experience_id, &any, &begun.ours))
        return false;
    begun.ours |= !row.active;
    return store_launch_experience_put(ctx, launch_id, &begun) &&
           (row.active || set_active(ctx, &row, true));
}

enum outcome on_campaign_launched(struct ctx *ctx, const struct campaign_launched *launched)
{
    for (size_t i = 0; i < launched->n_experiences; i++)
        if (!experience_begin(ctx, launched->launch_id, launched->experiences[i]))
            return outcome_of(ctx);
    return DONE;
}

/* It goes on while another launch shows it, or if it was active before any did. */
static bool experience_end(struct ctx *ctx, const struct launch_experience *ended)
{
    struct experience_row row;
    bool any, ours;
    if (!store_launches_of(ctx, ended->experience_id, &any, &ours))
        return false;
    if (any || !ended->ours)
        return true;
    if (!store_experience(ctx, ended->experience_id, &row))
        return !ctx_failed(ctx);
    return !row.active || set_active(ctx, &row, false);
}

static enum outcome launch_end(struct ctx *ctx, struct str launch_id)
{
    struct launch_experience ended[LAUNCH_MOST];
    size_t n;
    if (!store_launch_experiences(ctx, launch_id, LAUNCH_MOST, ended, &n) ||
        !store_launch_delete(ctx, launch_id))
        return outcome_of(ctx);
    for (size_t i = 0; i < n; i++)
        if (!experience_end(ctx, &ended[i]))
            return outcome_of(ctx);
    return DONE;
}

enum outcome on_campaign_completed(struct ctx *ctx, const struct campaign_completed *completed)
{
    return launch_end(ctx, completed->launch_id);
}

enum outcome on_campaign_cancelled(struct ctx *ctx, const struct campaign_cancelled *cancelled)
{
    return launch_end(ctx, cancelled->launch_id);
}
