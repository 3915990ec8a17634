/* What Shopify's webhooks say, in our words: pure. Its fields are those of the Order and Refund resources of its REST Admin
 * API (2024-10), https://shopify.dev/docs/api/admin-rest. */
#pragma once

#include "services/commerce/store_shops.h"

/* Is the base64 text the HMAC-SHA256 of the body with this secret? In constant time. */
bool shopify_signed(struct ctx *ctx, struct str secret, struct str body, struct str signature);

/* The order as it stands there: what was taken out of it by an edit is not in it, what was paid back is. One that was cancelled:
 * as it was placed. What is paid for each item after its discounts, and one line for what goes beyond the items
 * (shipping, taxes, tips), so that the total is Shopify's. INVALID with the pointer: an unknown currency, an amount that
 * is none or has more digits than the currency, items that cost more than the order. */
bool shopify_order_map(struct ctx *ctx, const struct shopify_order *from, struct order_row *out);

/* How far it has come, cancelled and refunded aside. */
enum order_state shopify_state(const struct shopify_order *order);

/* What was really paid back (amount 0: nothing yet). `pointer`: of the refund. */
bool shopify_refund_map(struct ctx *ctx, const struct shopify_refund *from, const char *pointer,
                        struct shop_refund *out);

struct str shopify_order_id(struct ctx *ctx, int64_t id);
