/* Ads that are to be shown for a launch: the one way for callers and for sagas. Needs ctx->sql. */
#pragma once

#include "services/ads/store.h"

#define ACTIVATION_ADS 50 /* of one launch, as the command's schema says */

struct wish {
    struct str launch_id, campaign_id, command_id;
    const struct str *ads, *segments, *networks; /* networks: besides the house, outside ones */
    size_t n_ads, n_segments, n_networks;
    const struct money *budget; /* NULL: without */
    int64_t starts_us, ends_us; /* 0: from now on; NO_END */
    int64_t expires_us;
};

/* What was decided for the launch stays decided: the same command again gives the same, and after an undo it is refused.
 * out->state says whether it is `refused`, and out->reason why. False: it could not be decided now. */
bool activation_do(struct ctx *ctx, const struct wish *wish, struct activation_row *out);

/* The campaign is paused, goes on, or is over: from one of these states to another; nothing when it is in neither. */
bool activation_move(struct ctx *ctx, struct str launch_id, const char *from, const char *also_from,
                     const char *to);

/* They are shown no more, and a later `do` of the launch is refused. */
bool activation_undo(struct ctx *ctx, struct str launch_id, struct str campaign_id);
