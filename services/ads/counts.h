/* What was seen and followed, once each, and what that has cost. Needs ctx->sql. */
#pragma once

#include "services/ads/link.h"
#include "services/ads/store.h"

/* False: it could not be stored. The same again changes and tells nothing. */
bool count_seen(struct ctx *ctx, const struct link *link);
bool count_clicked(struct ctx *ctx, const struct link *link);

/* Where the ad leads, whatever has become of it. NOT_FOUND. */
bool ad_target(struct ctx *ctx, struct str ad_id, struct str *out);

/* ---- store_counts.c ---- */

/* Notes it; *first: nobody has before. */
bool store_seen(struct ctx *ctx, const struct link *link, bool *first);
bool store_clicked(struct ctx *ctx, const struct link *link, bool *first);

/* Takes it from what is left of the budget; *charged is less where that is less. */
bool store_charge(struct ctx *ctx, struct str launch_id, int64_t milli, int64_t *charged);

struct spend_row {
    struct str launch_id, campaign_id, ad_id, currency;
    int64_t impressions, clicks, milli; /* of thousandths of a minor unit */
    int64_t told_impressions, told_clicks, told_amount, told_us;
};
bool store_spend_add(struct ctx *ctx, const struct spend_row *more);
bool store_spend_sum(struct ctx *ctx, struct str launch_id, struct spend_row *out);

/* Up to `limit` of which something was not told; and that all of a row was, until `now_us`. */
bool store_spend_untold(struct ctx *ctx, size_t limit, struct spend_row *out, size_t *n);
bool store_spend_told(struct ctx *ctx, const struct spend_row *row, int64_t amount, int64_t now_us);

bool store_impressions_prune(struct ctx *ctx, int64_t before_us);
bool store_person_forget(struct ctx *ctx, struct str person_id);
