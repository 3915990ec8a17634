#include "services/campaign/winner.h"

#include "base/clock.h"
#include "services/campaign/figures.h"
#include "campaign_contract.h"

static const struct variant_test *test_of(const struct campaign_plan *plan)
{
    return plan->email ? plan->email->test : NULL;
}

int64_t winner_due_us(const struct launch_row *launch, const struct campaign_plan *plan)
{
    const struct variant_test *test = test_of(plan);
    return test && !launch->winner.ptr ? launch->launched_us + test->decide_after_s * US_PER_S
                                       : NEVER_DUE;
}

static bool winner_tell(struct ctx *ctx, const struct launch_row *launch,
                        const struct campaign_plan *plan, enum winner_chosen_by by)
{
    return publish_winner_chosen(
        ctx, &(struct winner_chosen){ .campaign_id = launch->campaign_id,
                                      .launch_id = launch->launch_id,
                                      .variant = launch->winner,
                                      .metric = plan->email->test->metric == VARIANT_METRIC_OPENS
                                                    ? WINNER_CHOSEN_METRIC_OPENS
                                                    : WINNER_CHOSEN_METRIC_CLICKS,
                                      .by = by,
                                      .chosen_at = clock_now_us() });
}

static int64_t hits_of(const struct figures *figures, enum variant_metric metric)
{
    return metric == VARIANT_METRIC_OPENS ? figures->opened : figures->clicked;
}

static const struct figures *figures_of(const struct figures *figures, size_t n, struct str variant)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(figures[i].variant, variant) && figures[i].sent > 0)
            return &figures[i];
    return NULL;
}

bool winner_by_figures(struct ctx *ctx, struct launch_row *launch, const struct campaign_plan *plan,
                       bool late)
{
    const struct campaign_email *email = plan->email;
    struct figures all, *figures = ARENA_ARRAY(ctx->arena, struct figures, FIGURES_MOST);
    const struct figures *best = NULL;
    size_t n;
    if (!figures_read(ctx, launch->launch_id, &all, figures, &n))
        return false;
    for (size_t i = 0; i < email->n_variants; i++) {
        const struct figures *one = figures_of(figures, n, email->variants[i].name);
        if (one && (!best || hits_of(one, email->test->metric) * best->sent >
                                 hits_of(best, email->test->metric) * one->sent))
            best = one;
    }
    if (!best && !late)
        return false;
    launch->winner = best ? best->variant : email->variants[0].name;
    return winner_tell(ctx, launch, plan, WINNER_CHOSEN_BY_FIGURES);
}

bool winner_by_person(struct ctx *ctx, struct launch_row *launch, const struct campaign_plan *plan,
                      struct str variant)
{
    if (launch->winner.ptr)
        return ctx_fail(ctx, ERR_CONFLICT, "it is decided: " STR_FMT, STR_ARG(launch->winner));
    if (!test_of(plan) || launch->ended_us || launch->state == LAUNCH_STATE_UNDOING)
        return ctx_fail(ctx, ERR_CONFLICT, "no test of variants is under way");
    for (size_t i = 0; i < plan->email->n_variants; i++)
        if (str_eq(plan->email->variants[i].name, variant)) {
            launch->winner = variant;
            return launch->state != LAUNCH_STATE_LAUNCHED ||
                   winner_tell(ctx, launch, plan, WINNER_CHOSEN_BY_PERSON);
        }
    return ctx_fail_at(ctx, ERR_INVALID, STR("/variant"), "the email has no variant of this name");
}

bool winner_tell_early(struct ctx *ctx, const struct launch_row *launch,
                       const struct campaign_plan *plan)
{
    return !launch->winner.ptr || winner_tell(ctx, launch, plan, WINNER_CHOSEN_BY_PERSON);
}
