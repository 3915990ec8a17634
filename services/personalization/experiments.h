/* Who gets which variant of an experiment: the same person the same one, as long as the salt and the weights stay. */
#pragma once

#include "services/personalization/asker.h"
#include "services/personalization/experiments_compiled.h"

struct assignment {
    enum step_outcome outcome; /* ASSIGNED or HELD_OUT, or why the person takes no part */
    struct str variant;        /* ptr NULL: takes no part */
    int32_t place;             /* of PLACES, that the outcome hung on; -1: none was looked at */
};

/* Never leaves an error in ctx but for STEP_OUTCOME_FAILED: the audience cannot be evaluated. */
struct assignment experiment_assign(struct ctx *ctx, const struct compiled_experiment *experiment,
                                    struct asker *asker);
