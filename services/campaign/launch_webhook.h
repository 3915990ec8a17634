/* The channel `webhook` of a campaign: whoever is called is told what went out, and when it is over. What did not go out is
 * not told. Functions need ctx->sql. */
#pragma once

#include "services/campaign/store.h"

/* At the pivot, and at the end of a launch; nothing where the plan has no webhook, or the launch never went out. */
bool launch_webhook_launched(struct ctx *ctx, const struct launch_row *launch,
                             const struct campaign_plan *plan);
bool launch_webhook_ended(struct ctx *ctx, const struct launch_row *launch);
