#include "services/commerce/shopify.h"

#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "services/commerce/orders.h"

bool shopify_signed(struct ctx *ctx, struct str secret, struct str body, struct str signature)
{
    uint8_t wanted[32];
    struct str got = crypto_unbase64(ctx->arena, signature);
    crypto_hmac_sha256(secret, body, wanted);
    return got.ptr && got.len == sizeof(wanted) && crypto_equal(wanted, got.ptr, sizeof(wanted));
}

struct str shopify_order_id(struct ctx *ctx, int64_t id)
{
    return arena_printf(ctx->arena, "ord_shopify-%lld", (long long)id);
}

/* ---- amounts ---- */

/* Digits that the currency does not have may only be zeros: nothing is rounded. */
static bool is_exact(struct str text, int exponent)
{
    const char *point = memchr(text.ptr, '.', text.len);
    for (size_t i = point ? (size_t)(point - text.ptr) + 1 + (size_t)exponent : text.len;
         i < text.len; i++)
        if (text.ptr[i] != '0')
            return false;
    return true;
}

static bool amount_read(struct ctx *ctx, struct str text, const char *currency, struct str pointer,
                        int64_t *out)
{
    int exponent = money_exponent(currency);
    if (!money_parse(text, exponent, out))
        return ctx_fail_at(ctx, ERR_INVALID, pointer, "this is no amount");
    if (!is_exact(text, exponent))
        return ctx_fail_at(ctx, ERR_INVALID, pointer, "%s has %d digits after the point", currency,
                           exponent);
    return *out >= 0 || ctx_fail_at(ctx, ERR_INVALID, pointer, "an amount is never negative");
}

static bool currency_read(struct ctx *ctx, struct str text, struct str pointer, char out[4])
{
    const char *currency = arena_cstr(ctx->arena, text);
    if (text.len != 3 || money_exponent(currency) < 0)
        return ctx_fail_at(ctx, ERR_INVALID, pointer, "%s is not a currency that is known here",
                           currency);
    memcpy(out, currency, 4);
    return true;
}

/* ---- orders ---- */

#define SKU_LENGTH 80 /* as contracts and events have it */

static struct line_row line_map(struct ctx *ctx, const struct shopify_line_item *item)
{
    bool has_sku = item->sku.ptr && item->sku.len && item->sku.len <= SKU_LENGTH;
    return (struct line_row){
        .product_id =
            item->has_product_id
                ? arena_printf(ctx->arena, "prd_shopify-%lld", (long long)item->product_id)
                : arena_printf(ctx->arena, "prd_shopify-item-%lld", (long long)item->id),
        .sku = has_sku ? item->sku : (struct str){ NULL, 0 },
        .quantity = item->quantity,
    };
}

/* Does the refund pay something back? What an edit took out of an order that was not paid is a refund of nothing. */
static bool pays_back(const struct shopify_refund *refund)
{
    for (size_t i = 0; i < refund->n_transactions; i++)
        if (str_is(refund->transactions[i].kind, "refund") &&
            str_is(refund->transactions[i].status, "success"))
            return true;
    return false;
}

/* How many of the item the order has, those included that were paid back. */
static int64_t quantity_of(const struct shopify_order *from, const struct shopify_line_item *item)
{
    if (from->has_cancelled_at || !item->has_current_quantity)
        return item->quantity;
    int64_t quantity = item->current_quantity;
    for (size_t i = 0; i < from->n_refunds; i++)
        for (size_t j = 0; pays_back(&from->refunds[i]) && j < from->refunds[i].n_refund_line_items;
             j++)
            if (from->refunds[i].refund_line_items[j].line_item_id == item->id)
                quantity += from->refunds[i].refund_line_items[j].quantity;
    return MIN(quantity, MAX(item->quantity, item->current_quantity));
}

/* Discounts are those of the whole quantity. */
static bool item_amount(struct ctx *ctx, const struct shopify_line_item *item, size_t i,
                        int64_t quantity, const char *currency, struct money *out)
{
    struct str pointer = arena_printf(ctx->arena, "/line_items/%zu/price", i);
    struct money price = { 0 };
    memcpy(price.currency, currency, 4);
    if (!amount_read(ctx, item->price, currency, pointer, &price.amount))
        return false;
    if (!money_times(price, MAX(item->quantity, quantity), out))
        return ctx_fail_at(ctx, ERR_INVALID, pointer, "the amount is too large");
    for (size_t j = 0; j < item->n_discount_allocations; j++) {
        int64_t off;
        pointer = arena_printf(ctx->arena, "/line_items/%zu/discount_allocations/%zu/amount", i, j);
        if (!amount_read(ctx, item->discount_allocations[j].amount, currency, pointer, &off))
            return false;
        if (off > out->amount)
            return ctx_fail_at(ctx, ERR_INVALID, pointer, "it is more than the item costs");
        out->amount -= off;
    }
    return quantity >= item->quantity || money_share(*out, quantity, item->quantity, out) ||
           ctx_fail_at(ctx, ERR_INVALID, pointer, "the amount is too large");
}

/* What it costs with its edits, and with what was paid back. */
static bool total_read(struct ctx *ctx, const struct shopify_order *from, const char *currency,
                       int64_t *out)
{
    struct shop_refund refund;
    if (from->has_cancelled_at || !from->current_total_price.ptr)
        return amount_read(ctx, from->total_price, currency, STR("/total_price"), out);
    struct money total = { 0 };
    memcpy(total.currency, currency, 4);
    if (!amount_read(ctx, from->current_total_price, currency, STR("/current_total_price"),
                     &total.amount))
        return false;
    for (size_t i = 0; i < from->n_refunds; i++) {
        struct str pointer = arena_printf(ctx->arena, "/refunds/%zu", i);
        if (!shopify_refund_map(ctx, &from->refunds[i], pointer.ptr, &refund))
            return false;
        if (refund.amount.amount && !money_add(total, refund.amount, &total))
            return ctx_fail_at(ctx, ERR_INVALID, pointer,
                               "it is in another currency, or too large");
    }
    *out = total.amount;
    return true;
}

/* What the order costs beyond its items. */
static bool rest_add(struct ctx *ctx, const struct shopify_order *from, struct order_row *order,
                     struct money *amounts)
{
    int64_t total, items = order->total;
    if (!total_read(ctx, from, order->currency, &total))
        return false;
    if (total < items)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/total_price"), "the items alone cost more");
    if (total == items && order->n_lines)
        return true;
    order->lines[order->n_lines] =
        (struct line_row){ .product_id = STR("prd_shopify-shipping-and-taxes"), .quantity = 1 };
    amounts[order->n_lines] = (struct money){ .amount = total - items };
    memcpy(amounts[order->n_lines++].currency, order->currency, 4);
    return order_sum(ctx, amounts, order);
}

bool shopify_order_map(struct ctx *ctx, const struct shopify_order *from, struct order_row *out)
{
    size_t room = from->n_line_items + 1;
    struct money *amounts = ARENA_ARRAY(ctx->arena, struct money, room);
    struct order_row order = { .order_id = shopify_order_id(ctx, from->id),
                               .channel = STR("shopify"),
                               .state = shopify_state(from),
                               .placed_us = MIN(from->created_at, clock_now_us()),
                               .lines = ARENA_ARRAY(ctx->arena, struct line_row, room) };
    order.customer_id =
        from->customer && from->customer->has_id
            ? arena_printf(ctx->arena, "prf_shopify-%lld", (long long)from->customer->id)
            : arena_printf(ctx->arena, "prf_shopify-guest-%lld", (long long)from->id);
    order.paid = order.state != ORDER_STATE_PLACED;
    char currency[4];
    if (!currency_read(ctx, from->currency, STR("/currency"), currency))
        return false;
    for (size_t i = 0; i < from->n_line_items; i++) {
        int64_t quantity = quantity_of(from, &from->line_items[i]);
        if (quantity == 0)
            continue; /* taken out of the order */
        order.lines[order.n_lines] = line_map(ctx, &from->line_items[i]);
        order.lines[order.n_lines].quantity = quantity;
        if (!item_amount(ctx, &from->line_items[i], i, quantity, currency,
                         &amounts[order.n_lines++]))
            return false;
    }
    memcpy(order.currency, currency, sizeof(order.currency));
    if (order.n_lines && !order_sum(ctx, amounts, &order))
        return false;
    if (!rest_add(ctx, from, &order, amounts))
        return false;
    *out = order;
    return true;
}

enum order_state shopify_state(const struct shopify_order *order)
{
    static const char *const paid[] = { "paid", "partially_refunded", "refunded" };
    for (size_t i = 0; i < COUNT(paid); i++)
        if (str_is(order->financial_status, paid[i]))
            return str_is(order->fulfillment_status, "fulfilled") ? ORDER_STATE_FULFILLED
                                                                  : ORDER_STATE_PAID;
    return ORDER_STATE_PLACED;
}

/* ---- refunds ---- */

bool shopify_refund_map(struct ctx *ctx, const struct shopify_refund *from, const char *pointer,
                        struct shop_refund *out)
{
    struct shop_refund refund = {
        .refund_id = arena_printf(ctx->arena, "rfd_shopify-%lld", (long long)from->id),
        .order_id = shopify_order_id(ctx, from->order_id),
        .at_us = from->has_created_at ? MIN(from->created_at, clock_now_us()) : clock_now_us(),
    };
    for (size_t i = 0; i < from->n_transactions; i++) {
        const struct shopify_transaction *one = &from->transactions[i];
        struct str at = arena_printf(ctx->arena, "%s/transactions/%zu", pointer, i);
        struct money part = { 0 };
        if (!str_is(one->kind, "refund") || !str_is(one->status, "success"))
            continue;
        if (!currency_read(ctx, one->currency, arena_printf(ctx->arena, "%s/currency", at.ptr),
                           part.currency) ||
            !amount_read(ctx, one->amount, part.currency,
                         arena_printf(ctx->arena, "%s/amount", at.ptr), &part.amount))
            return false;
        if (!refund.amount.currency[0])
            memcpy(refund.amount.currency, part.currency, 4);
        if (!money_add(refund.amount, part, &refund.amount))
            return ctx_fail_at(ctx, ERR_INVALID, at, "one refund is in one currency, and bounded");
    }
    *out = refund;
    return true;
}
