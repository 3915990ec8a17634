/* What an experiment has brought so far, counted from the projection: who saw what, and what they did after that. */
#pragma once

#include "services/personalization/exposures.h"
#include "services/personalization/experiments_compiled.h"

/* Walks over everybody who has seen the experiment. Texts live in ctx->arena. */
bool results_read(struct ctx *ctx, struct people *people,
                  const struct compiled_experiment *experiment, struct experiment_results *out);
