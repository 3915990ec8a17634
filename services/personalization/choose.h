/* Deciding: which variant a person gets in a slot. */
#pragma once

#include "services/personalization/asker.h"
#include "services/personalization/definitions.h"

struct chosen {
    const struct compiled_experience *experience; /* NULL: the default */
    struct str variant;
    enum decision_reason reason;
};

/* One rule or experiment that was asked. */
struct step {
    const struct compiled_experience *experience;
    struct str variant; /* of an experiment: what came out, or ptr NULL */
    struct str rule;    /* its JSON; ptr NULL: for everybody */
    enum step_outcome outcome;
    int32_t place;      /* experiments.h; -1: none */
    const struct error *error; /* NULL: it could be evaluated */
};

/* The first variant whose rule holds, or the first experiment that the person takes part in, by priority. A rule that
 * cannot be evaluated does not hold. `note`, where it is not NULL, is told every step. */
struct chosen decide_slot(struct ctx *ctx, const struct snapshot *snapshot, struct asker *asker,
                          struct str slot, void (*note)(void *argument, const struct step *step),
                          void *argument);
