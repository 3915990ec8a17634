/* What commerce keeps of shops elsewhere. As store.h. */
#pragma once

#include "services/commerce/store.h"

struct shop_row {
    struct str shop, secret, secret_before; /* the last: ptr NULL when there is none */
    int64_t before_until_us, updated_us;
};

bool store_shop(struct ctx *ctx, struct str shop,
                struct shop_row *out); /* false, no error: no such */
bool store_shop_put(struct ctx *ctx, const struct shop_row *shop);
bool store_shop_delete(struct ctx *ctx, struct str shop);

/* Notes a delivery; *again when it was noted before. Those older than a week are forgotten. */
bool store_delivery(struct ctx *ctx, struct str shop, struct str webhook_id, bool *again);

/* A refund that a shop tells of. */
struct shop_refund {
    struct str refund_id, order_id;
    struct money amount;
    int64_t at_us;
};

/* Until its order comes; the same again is one. */
bool store_shop_refund_wait(struct ctx *ctx, struct str shop, const struct shop_refund *refund);
/* Those that wait for an order; they wait no more. */
bool store_shop_refunds_take(struct ctx *ctx, struct str shop, struct str order_id,
                             struct shop_refund **out, size_t *n);

/* Whose variant has this SKU. False, no error: nobody's. */
bool store_sku(struct ctx *ctx, struct str sku, struct str *product_id);
