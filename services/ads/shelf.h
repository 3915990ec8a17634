/* What may be shown now, in memory, as SQL has it: immutable, swapped as a whole, so that decisions take no lock; and what is
 * spent and promised of each budget, as atomic numbers that outlive it. */
#pragma once

#include "services/ads/pace.h"
#include "services/ads/store.h"
#include "ads_types.h"

struct meter; /* of one launch's budget */

struct offer {
    struct str ad_id, placement_id, slot, launch_id, campaign_id;
    const struct json *content;
    uint64_t ad;         /* people_hash */
    int64_t cost_milli;  /* of an impression */
    int64_t cap, cap_us; /* cap 0: without */
    struct pace pace;
    const uint64_t *segments; /* people_hash; none: everybody */
    size_t n_segments;
    struct meter *meter;
};

struct offers {
    const struct offer *items; /* by slot */
    size_t n;
};

struct shelf;

struct shelf *shelf_new(void);
void shelf_free(struct shelf *shelf); /* NULL-safe; after all readers are gone */

/* What is offered now; good for a minute, longer than any request may take. */
const struct offers *shelf_now(const struct shelf *shelf);

/* Those of a slot. */
struct offers offers_in(const struct offers *offers, struct str slot);

/* Something was committed: shelf_is_fresh is false until shelf_refresh has looked. For sql_on_commit. */
void shelf_doubt(void *shelf);
bool shelf_is_fresh(const struct shelf *shelf);

/* Reads SQL (ctx->sql) where the revision has moved. From any thread. */
bool shelf_refresh(struct ctx *ctx, struct shelf *shelf);

/* What is spent, as SQL has it: other instances spend too. */
bool shelf_spent_read(struct ctx *ctx, struct shelf *shelf);

/* Promises the cost of an impression, which holds for SEEN_WITHIN_US; false: the pace does not allow it. */
bool offer_promise(const struct offer *offer, int64_t now_us);
int64_t offer_share(const struct offer *offer, int64_t now_us); /* as pace_share */

/* An impression of a launch that was promised at `at_us` is charged, and no promise any more. */
void shelf_counted(struct shelf *shelf, struct str launch_id, int64_t at_us, int64_t promised_milli,
                   int64_t charged_milli);
