/* The plan of a campaign: what goes together, beyond what its contract says. */
#pragma once

#include "base/ctx.h"
#include "campaign_types.h"

/* INVALID at the member's pointer. */
bool plan_check(struct ctx *ctx, const struct campaign_plan *plan);

/* CONFLICT: there is nothing that it would do. */
bool plan_does_something(struct ctx *ctx, const struct campaign_plan *plan);

/* As it is stored. INTERNAL when it cannot be read. */
bool plan_read(struct ctx *ctx, struct str text, struct campaign_plan *out);
