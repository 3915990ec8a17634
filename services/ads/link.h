/* The signed links of an impression: who was shown what, when. Nobody else can make one. */
#pragma once

#include "base/clock.h"
#include "base/ctx.h"
#include "platform/crypto/crypto.h"

#define SEEN_WITHIN_US (600 * US_PER_S)     /* an ad is seen when its page is, or not at all */
#define CLICKED_WITHIN_US (7 * US_PER_DAY) /* a page may stay open for days */

struct link {
    struct str impression_id, ad_id, placement_id, person_id, launch_id, campaign_id;
    int64_t at_us; /* when it was decided */
};

/* The paths where it is told that the ad was seen or followed, and the token, which both end with. */
struct link_paths {
    struct str impression, click, token;
};

struct link_paths link_sign(struct arena *arena, const struct crypto_hmac_key *key,
                            const struct link *link);

/* NOT_FOUND: not one of ours, or older than `within_us`. */
bool link_read(struct ctx *ctx, const struct crypto_hmac_key *key, struct str token,
               int64_t within_us, struct link *out);
