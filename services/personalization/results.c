#include "services/personalization/results.h"

#include "services/personalization/statistics.h"

#define TALLIES_MOST 64        /* variants that there are or were, and who is held out */
#define MISMATCH_P 0.001 /* the customary bound: of a thousand sound experiments one is suspected */

/* Of those who saw one variant first. */
struct tally {
    struct str variant;
    int64_t weight; /* -1: the experiment does not have it any more */
    int64_t exposed, *converted; /* converted: by goal */
};

struct counting {
    struct ctx *ctx;
    const struct experiment_put *put;
    struct tally tallies[TALLIES_MOST];
    size_t n_tallies;
    int64_t mixed, first_us;
};

/* ---- counting ---- */

static struct tally *tally_of(struct counting *counting, struct str variant, int64_t weight)
{
    for (size_t i = 0; i < counting->n_tallies; i++)
        if (str_eq(counting->tallies[i].variant, variant))
            return &counting->tallies[i];
    if (counting->n_tallies == TALLIES_MOST)
        return NULL;
    struct arena *arena = counting->ctx->arena;
    struct tally *tally = &counting->tallies[counting->n_tallies++];
    *tally = (struct tally){ .variant = arena_str(arena, variant),
                             .weight = weight,
                             .converted = ARENA_ARRAY(arena, int64_t, counting->put->n_goals) };
    return tally;
}

/* When the person last did it; 0: never. That this was after the exposure does not depend on what was heard first. */
static int64_t goal_last_us(const struct person *person, struct str goal)
{
    if (str_is(goal, "orders"))
        return person->orders.last_us;
    struct str name = { goal.ptr + sizeof("events.") - 1, goal.len - sizeof("events.") + 1 };
    const struct history *history = person_event_find(person, name);
    return history ? history->last_us : 0;
}

static bool count_person(const struct person *person, const struct exposure *exposure,
                         void *argument)
{
    struct counting *counting = argument;
    struct tally *tally = tally_of(counting, exposure->variant, -1);
    if (!tally)
        return true;
    tally->exposed++;
    counting->mixed += exposure->mixed;
    if (!counting->first_us || exposure->first_us < counting->first_us)
        counting->first_us = exposure->first_us;
    for (size_t i = 0; i < counting->put->n_goals; i++)
        tally->converted[i] += goal_last_us(person, counting->put->goals[i]) >= exposure->first_us;
    return true;
}

static bool count_all(struct counting *counting, struct people *people, struct str experiment_id)
{
    struct ctx *ctx = counting->ctx;
    struct lmdb_read read;
    if (!people_read_begin(ctx, people, &read))
        return false;
    bool ok = exposures_each(ctx, &read, experiment_id, count_person, counting);
    lmdb_read_end(&read);
    return ok;
}

/* ---- reading the figures ---- */

static bool is_arm(const struct tally *tally)
{
    return tally->weight >= 0 && !str_eq(tally->variant, HOLDOUT_VARIANT);
}

/* The arms of the experiment are compared with each other; whoever else was counted stands alone. */
static void goal_read(const struct counting *counting, size_t goal, struct goal_result *out)
{
    struct arm arms[TALLIES_MOST];
    struct reading readings[TALLIES_MOST], alone;
    size_t n = 0;
    for (size_t i = 0; i < counting->n_tallies; i++)
        if (is_arm(&counting->tallies[i]))
            arms[n++] =
                (struct arm){ counting->tallies[i].exposed, counting->tallies[i].converted[goal] };
    arms_read(arms, n, readings);
    n = 0;
    for (size_t i = 0; i < counting->n_tallies; i++) {
        const struct tally *tally = &counting->tallies[i];
        bool arm = is_arm(tally);
        if (!arm)
            arms_read(&(struct arm){ tally->exposed, tally->converted[goal] }, 1, &alone);
        const struct reading *reading = arm ? &readings[n++] : &alone;
        out[i * counting->put->n_goals + goal] =
            (struct goal_result){ .goal = counting->put->goals[goal],
                                  .converted = tally->converted[goal],
                                  .rate = reading->rate,
                                  .low = reading->low,
                                  .high = reading->high,
                                  .has_probability_best = arm,
                                  .probability_best = reading->probability_best,
                                  .has_expected_loss = arm,
                                  .expected_loss = reading->expected_loss };
    }
}

static const struct sample_ratio *ratio_read(struct ctx *ctx, const struct counting *counting)
{
    int64_t counts[TALLIES_MOST], total = 0;
    double shares[TALLIES_MOST];
    size_t n = 0;
    for (size_t i = 0; i < counting->n_tallies; i++)
        if (is_arm(&counting->tallies[i])) {
            counts[n] = counting->tallies[i].exposed;
            shares[n] = (double)counting->tallies[i].weight / PLACES;
            total += counts[n++];
        }
    if (total == 0)
        return NULL;
    struct sample_ratio *ratio = ARENA_NEW(ctx->arena, struct sample_ratio);
    ratio->chi_square = chi_square(counts, shares, n, &ratio->degrees);
    ratio->p_value = chi_square_p(ratio->chi_square, ratio->degrees);
    ratio->mismatch = ratio->p_value < MISMATCH_P;
    return ratio;
}

bool results_read(struct ctx *ctx, struct people *people,
                  const struct compiled_experiment *experiment, struct experiment_results *out)
{
    struct counting *counting = ARENA_NEW(ctx->arena, struct counting);
    counting->ctx = ctx;
    counting->put = &experiment->put;
    for (size_t i = 0; i < experiment->put.n_variants; i++)
        tally_of(counting, experiment->put.variants[i].variant, experiment->put.variants[i].weight);
    if (experiment->put.holdout)
        tally_of(counting, HOLDOUT_VARIANT, -1);
    if (!count_all(counting, people, experiment->experiment_id))
        return false;
    size_t n_goals = experiment->put.n_goals;
    struct variant_result *variants =
        ARENA_ARRAY(ctx->arena, struct variant_result, counting->n_tallies);
    struct goal_result *goals =
        ARENA_ARRAY(ctx->arena, struct goal_result, counting->n_tallies * n_goals);
    *out = (struct experiment_results){ .experiment_id = experiment->experiment_id,
                                        .status = experiment->put.status,
                                        .mixed = counting->mixed,
                                        .has_first_exposure_at = counting->first_us != 0,
                                        .first_exposure_at = counting->first_us,
                                        .variants = variants,
                                        .n_variants = counting->n_tallies,
                                        .sample_ratio = ratio_read(ctx, counting) };
    for (size_t i = 0; i < counting->n_tallies; i++) {
        const struct tally *tally = &counting->tallies[i];
        variants[i] = (struct variant_result){ .variant = tally->variant,
                                               .has_weight = tally->weight >= 0,
                                               .weight = tally->weight,
                                               .exposed = tally->exposed,
                                               .goals = &goals[i * n_goals],
                                               .n_goals = n_goals };
        out->exposed += tally->exposed;
    }
    for (size_t goal = 0; goal < n_goals; goal++)
        goal_read(counting, goal, goals);
    return true;
}
