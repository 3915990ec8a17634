/* What people did, as far as orders are counted by it: their visits, what they came by, who they are, what they bought.
 * An order is counted for the last touch of its customer, or of a visitor that is the customer, within 7 days before it;
 * direct where there is none. Inside a reaction. */
#pragma once

#include "services/reporting/model.h"
#include "services/reporting/touch.h"

#define TOUCH_COUNTS_US (7 * US_PER_DAY)

/* The person looked at a page. */
bool people_visited(struct ctx *ctx, struct lmdb *db, struct str person_id, int64_t at_us);

/* The person came by a link of a channel: a visit, too. */
bool people_touched(struct ctx *ctx, struct lmdb *db, struct str person_id, int64_t at_us,
                    const struct touch *touch);

/* The visitor is this customer. A visitor that several have been is the one that was heard of first. */
bool people_claimed(struct ctx *ctx, struct lmdb *db, struct str visitor_id, struct str customer_id,
                    int64_t at_us);

bool people_ordered(struct ctx *ctx, struct lmdb *db, struct str order_id, struct str customer_id,
                    struct money total, int64_t at_us);

/* Orders stay, as direct ones of nobody; visits and touches are gone, and those of the visitors that the person was.
 * What is heard later of any of them is not counted. */
bool people_erased(struct ctx *ctx, struct lmdb *db, struct str person_id);
