/* A/B tests of mail: the variant that the rest of the recipients gets. Functions need ctx->sql. */
#pragma once

#include "services/campaign/store.h"

/* When the figures decide; NEVER_DUE where nothing is tested or it is decided. */
int64_t winner_due_us(const struct launch_row *launch, const struct campaign_plan *plan);

/* The highest rate of mails opened (or clicked) by persons among those sent; of equal ones the first in the plan. While
 * nothing of any variant is sent: the first in the plan where it is late, else false without an error. Tells it, and
 * notes it in the launch, which is not stored. */
bool winner_by_figures(struct ctx *ctx, struct launch_row *launch, const struct campaign_plan *plan,
                       bool late);

/* By a person; told at once, or when the launch goes out. INVALID at "/variant"; CONFLICT: nothing is tested, or it is
 * decided. */
bool winner_by_person(struct ctx *ctx, struct launch_row *launch, const struct campaign_plan *plan,
                      struct str variant);

/* The launch goes out: tells what a person has chosen before. */
bool winner_tell_early(struct ctx *ctx, const struct launch_row *launch,
                       const struct campaign_plan *plan);
