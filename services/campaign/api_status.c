#include "platform/sql/answer_cache.h"
#include "services/campaign/app.h"
#include "services/campaign/figures.h"
#include "services/campaign/reply.h"

static struct launch_figures figures_answer(const struct figures *figures)
{
    return (struct launch_figures){
#define X(name) .name = figures->name,
        FIGURE_TABLE(X)
#undef X
    };
}

/* Of what is to be mailed, how much has come to some end. */
static int64_t percent_of(const struct figures *all)
{
    int64_t ended = all->sent + all->failed + all->doubted;
    return all->recipients > 0 ? MIN(ended * 100 / all->recipients, 100) : 0;
}

static bool status_read(struct ctx *ctx, const struct campaign_row *campaign,
                        struct campaign_status *out)
{
    struct launch_row launch;
    struct figures all, *variants = ARENA_ARRAY(ctx->arena, struct figures, FIGURES_MOST);
    struct variant_figures *items = ARENA_ARRAY(ctx->arena, struct variant_figures, FIGURES_MOST);
    *out = (struct campaign_status){ .campaign_id = campaign->campaign_id,
                                     .state = campaign_state_of(campaign) };
    if (!store_launch_newest(ctx, campaign->campaign_id, &launch))
        return !ctx_failed(ctx);
    if (!figures_read(ctx, launch.launch_id, &all, variants, &out->n_variants))
        return false;
    for (size_t i = 0; i < out->n_variants; i++)
        items[i] = (struct variant_figures){ .variant = variants[i].variant,
                                             .figures = figures_answer(&variants[i]) };
    out->variants = items;
    out->launch_id = launch.launch_id;
    out->has_launched_at = launch.launched_us > 0;
    out->launched_at = launch.launched_us;
    for (int i = 1; i <= N_STEPS; i++)
        out->steps_done += launch.steps[i].state == STEP_STATE_DONE;
    out->progress_percent = percent_of(&all);
    out->figures = figures_answer(&all);
    return true;
}

/* ---- from memory where it was asked for before, and nothing has changed since ---- */

bool campaign_get_status_at_once(struct ctx *ctx, const struct get_status_in *in,
                                 struct reply *reply)
{
    struct kept_answer answer;
    if (!answer_cache_get(ctx, campaign_of(ctx)->statuses, in->campaign_id, &answer))
        return false;
    *reply = reply_ok(ctx, answer.body);
    return true;
}

struct reply campaign_get_status(struct ctx *ctx, const struct get_status_in *in)
{
    struct answer_cache *cache = campaign_of(ctx)->statuses;
    struct campaign_row campaign;
    struct campaign_status status;
    int64_t revision, mark = answer_cache_mark(cache);
    if (!store_status_revision(ctx, &revision))
        return reply_error(ctx);
    answer_cache_meet(cache, mark, revision);
    if (!campaign_find(ctx, in->campaign_id, &campaign) || !status_read(ctx, &campaign, &status))
        return reply_error(ctx);
    struct str body = campaign_status_encode(ctx, &status);
    if (body.ptr)
        answer_cache_put(cache, revision, in->campaign_id, &(struct kept_answer){ .body = body });
    return reply_ok(ctx, body);
}
