/* Experiments as decisions use them: a part of a snapshot of definitions. */
#pragma once

#include "platform/rules/rules.h"
#include "services/personalization/schedule.h"

#define PLACES 10000 /* people are shuffled into: weights, holdouts and exclusions count them */
#define HOLDOUT_VARIANT STR("holdout")

struct compiled_experiment {
    struct str experiment_id, salt;
    struct experiment_put put;
    struct rule *audience; /* NULL: everybody */
    const struct compiled_schedule *schedule; /* NULL: always */
    bool broken; /* it cannot be read, or its audience does not compile: nobody takes part */
};

/* Sorted by id. */
struct compiled_experiments {
    struct compiled_experiment *items;
    size_t n;
};

/* Everything into ctx->arena, which is that of the rules. */
bool experiments_compile(struct ctx *ctx, struct rule_set *rules, struct compiled_experiments *out);
const struct compiled_experiment *experiments_find(const struct compiled_experiments *experiments,
                                                   struct str experiment_id);

/* May it be stored: weights that sum to PLACES, names used once, an audience that compiles, a range that is one. INVALID
 * with the pointer. */
bool experiment_check(struct ctx *ctx, const struct experiment_put *put);
