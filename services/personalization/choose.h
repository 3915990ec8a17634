/* Deciding: which variant a person gets in a slot. */
#pragma once

#include "services/personalization/asker.h"
#include "services/personalization/definitions.h"

struct chosen {
    const struct compiled_experience *experience; /* NULL: the default */
    const struct compiled_variant *variant;
};

/* Called for each rule asked, in order; error is NULL when it could be evaluated. */
typedef void (*decide_step)(void *argument, const struct compiled_experience *experience,
                            const struct compiled_variant *variant, bool holds,
                            const struct error *error);

/* The first variant whose rule holds, by priority. A rule that cannot be evaluated does not hold. */
struct chosen decide_slot(struct ctx *ctx, const struct snapshot *snapshot, struct asker *asker,
                          struct str slot, decide_step step, void *argument);
