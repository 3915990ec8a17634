/* Ads that are to be shown for a launch: the one way for callers and for sagas. Needs ctx->sql. */
#pragma once

#include "services/ads/store.h"

#define ACTIVATION_ADS 50 /* of one launch, as the command's schema says */

struct wish {
    struct str launch_id, campaign_id, command_id;
    const struct str *ads, *segments;
    size_t n_ads, n_segments;
    const struct money *budget; /* NULL: without */
    int64_t starts_us, ends_us; /* 0: from now on; NO_END */
    int64_t expires_us;
};

/* What was decided for the launch stays decided: the same command again gives the same, and after an undo it is refused.
 * out->state says whether it is `refused`, and out->reason why. False: it could not be decided now. */
bool activation_do(struct ctx *ctx, const struct wish *wish, struct activation_row *out);

/* They are shown no more, and a later `do` of the launch is refused. */
bool activation_undo(struct ctx *ctx, struct str launch_id, struct str campaign_id);
