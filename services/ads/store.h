/* The ads' database. Functions need ctx->sql; false leaves the error in ctx, or none where it says "no such". Amounts are in
 * thousandths of a minor unit. */
#pragma once

#include "platform/sql/sql.h"

#define NO_END INT64_MAX

struct placement_row {
    struct str placement_id, slot, name;
    int64_t updated_us;
};
bool store_placement(struct ctx *ctx, struct str placement_id,
                     struct placement_row *out); /* false, no error: no such */
bool store_placement_put(struct ctx *ctx, const struct placement_row *row); /* CONFLICT: the slot */

struct ad_row {
    struct str ad_id, placement_id, name, definition, state; /* state: draft, approved, rejected */
    int64_t version, updated_us;
};
bool store_ad(struct ctx *ctx, struct str ad_id, struct ad_row *out); /* as store_placement */
bool store_ad_put(struct ctx *ctx, const struct ad_row *row);
bool store_ads(struct ctx *ctx, struct str after, size_t limit, struct ad_row *out, size_t *n);

struct activation_row {
    struct str launch_id, campaign_id, command_id, state, reason;
    struct str ads, segments; /* JSON lists */
    char currency[4];         /* of the budget; empty without one */
    int64_t budget_milli, spent_milli, starts_us, ends_us, updated_us;
};
bool store_activation(struct ctx *ctx, struct str launch_id, struct activation_row *out);
bool store_activation_put(struct ctx *ctx, const struct activation_row *row);

/* From one of these states to another; nothing when it is in neither. */
bool store_activation_move(struct ctx *ctx, struct str launch_id, const char *from,
                           const char *also_from, const char *to);

/* All that are active and not over. */
bool store_activations_each(struct ctx *ctx, int64_t now_us,
                            bool (*each)(struct ctx *ctx, const struct activation_row *row,
                                         void *argument),
                            void *argument);

bool store_revision(struct ctx *ctx, int64_t *out);
