/* Commerce's database: the only file that knows its tables. Functions need ctx->sql; false leaves the error in ctx, or
 * none where it says "no such". */
#pragma once

#include "platform/sql/sql.h"
#include "commerce_contract.h"

struct product_row {
    struct str product_id;
    struct product_put product; /* settled (product.h) */
    int64_t version, updated_us;
};

struct stock_row {
    struct str sku; /* empty: the product itself */
    int64_t available;
    bool backorder;
};

struct line_row {
    struct str product_id, sku; /* sku: ptr NULL when there is none */
    int64_t quantity, amount;   /* minor units of the order's currency */
    int64_t taken;              /* of what is counted, and not given back */
    int64_t refunded_quantity;
};

struct order_row {
    struct str order_id, customer_id, channel, asked;
    enum order_state state;
    bool paid; /* also where it was cancelled or refunded since */
    int64_t placed_us, total, refunded;
    int64_t changes; /* of its lines and total, so far */
    struct order_told {
        int64_t updated_us, triggered_us; /* 0: not said */
    } told; /* as of when its shop last told all of it */
    char currency[4];
    struct line_row *lines;
    size_t n_lines;
};

struct refund_part {
    size_t line;
    int64_t quantity, amount;
};

struct refund_row {
    struct str refund_id, reason; /* reason: ptr NULL when there is none */
    int64_t amount, refunded_us;
    struct refund_part *parts; /* line by line; none: of the order as a whole */
    size_t n_parts;
    bool restock; /* the parts come back */
};

struct revenue_row {
    char currency[4];
    int64_t orders, revenue, refunded;
};

/* ---- products (store_products.c) ---- */

void store_currency(struct ctx *ctx, const struct sql_rows *rows, int column, char out[4]);

bool store_product(struct ctx *ctx, struct str product_id,
                   struct product_row *out); /* false, no error: no such */

/* The product, its tags and its SKUs. CONFLICT: another product has one of these. */
bool store_product_put(struct ctx *ctx, const struct product_row *row);

/* What a list of products asks for; ptr NULL, UNKNOWN: any. */
struct product_filter {
    struct str category, tag;
    enum product_status status;
};

/* Up to `limit` products with an id beyond `after` (ptr NULL: from the first). */
bool store_products(struct ctx *ctx, const struct product_filter *filter, struct str after,
                    size_t limit, struct product_row *out, size_t *n);

/* What is counted of the product, by SKU. */
bool store_stock(struct ctx *ctx, struct str product_id, struct stock_row **out, size_t *n);
bool store_stock_one(struct ctx *ctx, struct str product_id, struct str sku,
                     struct stock_row *out); /* false, no error: it is not counted */

/* Counts up with whatever quotes are made of (platform/sql/freshness.h). */
bool store_offer_revision(struct ctx *ctx, int64_t *revision);

/* Sets it, or what of it `has_...` says; counts it from now on. CONFLICT: the change would leave less than none. */
bool store_stock_change(struct ctx *ctx, struct str product_id, struct str sku,
                        const struct stock_change *change);

/* ---- orders (store_orders.c) ---- */

bool store_order(struct ctx *ctx, struct str order_id,
                 struct order_row *out); /* false, no error: no such */

/* Adds a new order with its lines, and its total to the revenue. */
bool store_order_add(struct ctx *ctx, const struct order_row *order);

/* These change an order as it was read; CONFLICT when it has changed since. */
bool store_order_move(struct ctx *ctx, const struct order_row *order, enum order_state to);
bool store_order_pay_back(struct ctx *ctx, const struct order_row *order, int64_t amount,
                          enum order_state to);

/* Puts other lines and another total in place of those of `order`; and as of when that is. */
bool store_order_change(struct ctx *ctx, const struct order_row *order,
                        const struct order_row *changed);
bool store_order_told(struct ctx *ctx, const struct order_row *order,
                      const struct order_told *told);

/* Notes a refund, with its parts on their lines. CONFLICT: this one is noted already. */
bool store_refund_add(struct ctx *ctx, const struct order_row *order,
                      const struct refund_row *refund);
bool store_refund_known(struct ctx *ctx, struct str refund_id); /* false, no error: it is not */

/* So many of what is counted are the order's now, `line->taken`; none where it is not counted. CONFLICT at /lines/`i`:
 * fewer are there, and it may not be owed. */
bool store_stock_take(struct ctx *ctx, struct line_row *line, size_t i);
/* So many of those of a line come back. */
bool store_stock_give_back(struct ctx *ctx, const struct order_row *order, size_t line,
                           int64_t quantity);

/* Up to `limit` orders of the customer older than `before`, newest first, with their lines. */
bool store_orders(struct ctx *ctx, struct str customer_id, struct sql_moment before, size_t limit,
                  struct order_row *out, size_t *n);

#define STORE_CURRENCIES 200 /* more than ISO 4217 has */
bool store_revenue(struct ctx *ctx, struct revenue_row out[STORE_CURRENCIES], size_t *n);
