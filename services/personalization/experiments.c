#include "services/personalization/experiments.h"

#include "base/hash.h"

/* Where the person stands in a shuffle of its own: MurmurHash3 of name, salt and person (as flagd's `fractional`). */
static int32_t place_of(struct ctx *ctx, struct str shuffle, struct str salt, struct str person_id)
{
    struct str key = arena_printf(ctx->arena, STR_FMT STR_FMT STR_FMT, STR_ARG(shuffle),
                                  STR_ARG(salt), STR_ARG(person_id));
    return (int32_t)(((uint64_t)hash_murmur3_32(key.ptr, key.len, 0) * PLACES) >> 32);
}

static struct assignment outside(enum step_outcome why, int32_t place)
{
    return (struct assignment){ .outcome = why, .place = place };
}

static struct str variant_at(const struct experiment_put *put, int32_t place)
{
    int64_t end = 0;
    for (size_t i = 0; i < put->n_variants; i++) {
        end += put->variants[i].weight;
        if (place < end)
            return put->variants[i].variant;
    }
    return (struct str){ NULL, 0 };
}

static bool is_of_audience(struct ctx *ctx, const struct compiled_experiment *experiment,
                           struct asker *asker)
{
    struct rule_input input = { .lookup = asker_lookup, .argument = asker, .memo = asker->memo };
    struct value value;
    return !experiment->audience ||
           (rule_evaluate(ctx, experiment->audience, &input, &value) && rule_truthy(&value));
}

struct assignment experiment_assign(struct ctx *ctx, const struct compiled_experiment *experiment,
                                    struct asker *asker)
{
    const struct experiment_put *put = &experiment->put;
    int32_t place;
    if (!asker->person_id.ptr)
        return outside(STEP_OUTCOME_NOBODY, -1);
    if (put->exclusion) {
        place = place_of(ctx, STR("group:"), put->exclusion->group, asker->person_id);
        if (place < put->exclusion->from || place >= put->exclusion->to)
            return outside(STEP_OUTCOME_EXCLUDED, place);
    }
    if (!is_of_audience(ctx, experiment, asker))
        return outside(ctx_failed(ctx) ? STEP_OUTCOME_FAILED : STEP_OUTCOME_NOT_IN_AUDIENCE, -1);
    if (put->holdout) {
        place = place_of(ctx, STR("holdout:"), experiment->salt, asker->person_id);
        if (place < put->holdout)
            return (struct assignment){ STEP_OUTCOME_HELD_OUT, HOLDOUT_VARIANT, place };
    }
    place = place_of(ctx, STR(""), experiment->salt, asker->person_id);
    return (struct assignment){ STEP_OUTCOME_ASSIGNED, variant_at(put, place), place };
}
