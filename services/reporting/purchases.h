/* Orders, each counted for one touch. Inside a reaction. */
#pragma once

#include "services/reporting/model.h"

/* `customer` NULL: nobody who is known (any more). Told again, it changes nothing. */
bool purchase_placed(struct ctx *ctx, struct lmdb *db, struct str order_id,
                     const struct hash *customer, struct money total, int64_t at_us);
bool purchase_refunded(struct ctx *ctx, struct lmdb *db, struct str order_id,
                       int64_t refunded_in_all);
/* By its change of that number it costs so much: the newest holds, whatever comes first. */
bool purchase_changed(struct ctx *ctx, struct lmdb *db, struct str order_id, int64_t change,
                      int64_t total);
bool purchase_cancelled(struct ctx *ctx, struct lmdb *db, struct str order_id);

/* Finds anew the touch that each order of the customer from one moment to before another is counted for. */
bool purchases_settle(struct ctx *ctx, struct lmdb *db, struct hash customer, int64_t from_us,
                      int64_t to_us);

/* The customer's orders are nobody's from now on. */
bool purchases_forget(struct ctx *ctx, struct lmdb *db, struct hash customer);

/* Who the visitor is; false: nobody that we know of. */
bool purchases_owner(struct lmdb *db, struct hash visitor, struct hash *owner);
