/* What a product is, and which of its prices holds: pure rules, no I/O. */
#pragma once

#include "services/commerce/store.h"

/* INVALID with the pointer: an unknown currency, a negative price, a cost in another currency than the price, a SKU twice
 * or of no variant, a price that is never valid, a status that contradicts `active`. Then it has both. */
bool product_settle(struct ctx *ctx, struct product_put *product);

/* Ptr NULL where it is the product itself, or nobody's group. */
struct price_asked {
    struct str sku, customer_group;
    const char *currency; /* NULL: the product's own */
    int64_t at_us;
};

/* The price that holds. Those that fit are of that currency, of all variants or of this one, of everybody or of this group,
 * and valid at that time. Of them a price of the variant itself goes before one of all variants; then one of the group
 * before one of everybody; then the one that became valid last (those without a beginning first of all); then the one
 * further down the list. `price` of the product and of the variant stand at the top of it. False: there is none. */
bool price_find(const struct product_put *product, const struct price_asked *asked,
                struct money *out);

/* Is there one of the variant (sku ptr NULL: of the product, of any of its variants), or may it be owed? What is not
 * counted is always there. */
bool stock_has_some(const struct product_put *product, const struct stock_row *rows, size_t n,
                    struct str sku);

/* The variant of this SKU; NULL: it has none. */
const struct product_variant *product_variant_find(const struct product_put *product,
                                                   struct str sku);

/* What is earned of the price, in hundredths of a percent; false where the cost is not known, or nothing is paid. */
bool product_margin(const struct product_put *product, int64_t *out);
