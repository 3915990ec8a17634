#include "services/commerce/product.h"

static bool price_check(struct ctx *ctx, struct money price, const char *pointer)
{
    struct str at = str_of(pointer);
    if (money_exponent(price.currency) < 0)
        return ctx_fail_at(ctx, ERR_INVALID,
                           arena_printf(ctx->arena, STR_FMT "/currency", STR_ARG(at)),
                           "%s is not a currency that is known here", price.currency);
    if (price.amount < 0)
        return ctx_fail_at(ctx, ERR_INVALID,
                           arena_printf(ctx->arena, STR_FMT "/amount", STR_ARG(at)),
                           "a price is never negative");
    return true;
}

static bool cost_check(struct ctx *ctx, const struct product_put *product)
{
    if (!product->cost)
        return true;
    if (strcmp(product->cost->currency, product->price.currency) != 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/cost/currency"), "the price is in %s",
                           product->price.currency);
    return price_check(ctx, *product->cost, "/cost");
}

static bool variants_check(struct ctx *ctx, const struct product_put *product)
{
    for (size_t i = 0; i < product->n_variants; i++) {
        const struct product_variant *variant = &product->variants[i];
        const char *pointer = arena_printf(ctx->arena, "/variants/%zu", i).ptr;
        if (product_variant_find(product, variant->sku) != variant)
            return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "%s/sku", pointer),
                               "two variants have the SKU " STR_FMT, STR_ARG(variant->sku));
        if (variant->price &&
            !price_check(ctx, *variant->price, arena_printf(ctx->arena, "%s/price", pointer).ptr))
            return false;
    }
    return true;
}

static bool prices_check(struct ctx *ctx, const struct product_put *product)
{
    for (size_t i = 0; i < product->n_prices; i++) {
        const struct product_price *price = &product->prices[i];
        const char *pointer = arena_printf(ctx->arena, "/prices/%zu", i).ptr;
        if (!price_check(ctx, price->price, arena_printf(ctx->arena, "%s/price", pointer).ptr))
            return false;
        if (price->sku.ptr && !product_variant_find(product, price->sku))
            return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "%s/sku", pointer),
                               "no variant has the SKU " STR_FMT, STR_ARG(price->sku));
        if (price->has_valid_from && price->has_valid_until &&
            price->valid_until <= price->valid_from)
            return ctx_fail_at(ctx, ERR_INVALID,
                               arena_printf(ctx->arena, "%s/valid_until", pointer),
                               "it ends before it begins");
    }
    return true;
}

static bool status_settle(struct ctx *ctx, struct product_put *product)
{
    bool active = product->has_status ? product->status == PRODUCT_STATUS_ACTIVE
                                      : !product->has_active || product->active;
    if (product->has_active && product->active != active)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/active"), "the status says otherwise");
    if (!product->has_status)
        product->status = active ? PRODUCT_STATUS_ACTIVE : PRODUCT_STATUS_DRAFT;
    product->active = active;
    product->has_status = product->has_active = true;
    return true;
}

bool product_settle(struct ctx *ctx, struct product_put *product)
{
    return status_settle(ctx, product) && price_check(ctx, product->price, "/price") &&
           cost_check(ctx, product) && variants_check(ctx, product) && prices_check(ctx, product);
}

const struct product_variant *product_variant_find(const struct product_put *product,
                                                   struct str sku)
{
    for (size_t i = 0; i < product->n_variants; i++)
        if (str_eq(product->variants[i].sku, sku))
            return &product->variants[i];
    return NULL;
}

/* ---- which price holds ---- */

struct found {
    bool any, own, group;
    int64_t from_us;
    struct money price;
};

static bool price_fits(const struct product_price *price, const struct price_asked *asked,
                       const char *currency)
{
    return strcmp(price->price.currency, currency) == 0 &&
           (!price->sku.ptr || (asked->sku.ptr && str_eq(price->sku, asked->sku))) &&
           (!price->customer_group.ptr ||
            (asked->customer_group.ptr && str_eq(price->customer_group, asked->customer_group))) &&
           (!price->has_valid_from || price->valid_from <= asked->at_us) &&
           (!price->has_valid_until || asked->at_us < price->valid_until);
}

static bool goes_before(const struct found *a, const struct found *b)
{
    if (!b->any)
        return true;
    if (a->own != b->own)
        return a->own;
    if (a->group != b->group)
        return a->group;
    return a->from_us >= b->from_us;
}

static void price_try(struct found *best, const struct product_price *price,
                      const struct price_asked *asked, const char *currency)
{
    struct found one = { .any = true,
                         .own = price->sku.ptr != NULL,
                         .group = price->customer_group.ptr != NULL,
                         .from_us = price->has_valid_from ? price->valid_from : INT64_MIN,
                         .price = price->price };
    if (price_fits(price, asked, currency) && goes_before(&one, best))
        *best = one;
}

bool price_find(const struct product_put *product, const struct price_asked *asked,
                struct money *out)
{
    const char *currency = asked->currency ? asked->currency : product->price.currency;
    const struct product_variant *variant =
        asked->sku.ptr ? product_variant_find(product, asked->sku) : NULL;
    struct found best = { 0 };
    price_try(&best, &(struct product_price){ .price = product->price }, asked, currency);
    if (variant && variant->price)
        price_try(&best, &(struct product_price){ .price = *variant->price, .sku = variant->sku },
                  asked, currency);
    for (size_t i = 0; i < product->n_prices; i++)
        price_try(&best, &product->prices[i], asked, currency);
    if (best.any)
        *out = best.price;
    return best.any;
}

bool product_margin(const struct product_put *product, int64_t *out)
{
    struct money left, share;
    if (!product->cost || product->price.amount <= 0)
        return false;
    left = product->price;
    left.amount -= product->cost->amount;
    if (!money_share(left, 10000, product->price.amount, &share))
        return false;
    *out = share.amount;
    return true;
}

/* ---- whether there are any ---- */

static bool has_some(const struct stock_row *rows, size_t n, struct str sku)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(rows[i].sku, sku))
            return rows[i].available > 0 || rows[i].backorder;
    return true;
}

bool stock_has_some(const struct product_put *product, const struct stock_row *rows, size_t n,
                    struct str sku)
{
    if (sku.ptr || !product->n_variants)
        return has_some(rows, n, sku.ptr ? sku : STR(""));
    for (size_t i = 0; i < product->n_variants; i++)
        if (has_some(rows, n, product->variants[i].sku))
            return true;
    return false;
}
