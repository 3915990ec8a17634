/* The ledger's database: the only file that knows its tables. Functions need ctx->sql; false leaves the error in ctx. */
#pragma once

#include "platform/sql/sql.h"
#include "services/loyalty/ledger.h"

struct balance_row {
    struct str customer_id;
    int64_t points, lifetime_points;
    enum ledger_tier tier;
};

struct entry_row {
    struct str entry_id, customer_id, reason, order_id,
        note; /* order_id, note: ptr NULL when there is none */
    int64_t points, at_us;
};

struct order_row {
    struct str order_id, customer_id;
    int64_t total, refunded, earned;
};

struct totals_row {
    int64_t customers, orders, points, lifetime_points;
};

/* NOT_FOUND when the customer never had an entry. */
bool store_balance(struct ctx *ctx, struct str customer_id, struct balance_row *out);

/* Adds the entry, and its points to the balance (to the lifetime points too where `lifetime`) in one statement, so that
 * two instances cannot lose each other's. *after is the balance then. */
bool store_append(struct ctx *ctx, const struct entry_row *entry, bool lifetime,
                  struct balance_row *after);

/* Up to `limit` entries older than `before`, newest first. */
bool store_entries(struct ctx *ctx, struct str customer_id, struct sql_moment before, size_t limit,
                   struct entry_row *out, size_t *n);

/* False without an error: no such order. */
bool store_order(struct ctx *ctx, struct str order_id, struct order_row *out);
bool store_order_put(struct ctx *ctx, const struct order_row *order);

bool store_totals(struct ctx *ctx, struct totals_row *out);

/* Everything about the customer is deleted. */
bool store_erased(struct ctx *ctx, struct str customer_id, bool *erased);
bool store_erase(struct ctx *ctx, struct str customer_id, int64_t at_us);
