#include "services/commerce/orders.h"

#include "platform/crypto/crypto.h"
#include "platform/json/json.h"

bool order_sum(struct ctx *ctx, const struct money *amounts, struct order_row *order)
{
    struct money total = { 0 };
    for (size_t i = 0; i < order->n_lines; i++) {
        struct str pointer = arena_printf(ctx->arena, "/lines/%zu", i);
        if (money_exponent(amounts[i].currency) < 0)
            return ctx_fail_at(ctx, ERR_INVALID, pointer, "%s is not a currency that is known here",
                               amounts[i].currency);
        if (amounts[i].amount < 0)
            return ctx_fail_at(ctx, ERR_INVALID, pointer, "an amount is never negative");
        if (i == 0)
            memcpy(total.currency, amounts[0].currency, sizeof(total.currency));
        if (strcmp(total.currency, amounts[i].currency) != 0)
            return ctx_fail_at(ctx, ERR_INVALID, pointer,
                               "an order has one currency: %s and %s meet here", total.currency,
                               amounts[i].currency);
        if (!money_add(total, amounts[i], &total))
            return ctx_fail_at(ctx, ERR_INVALID, pointer, "the total is too large");
        order->lines[i].amount = amounts[i].amount;
    }
    order->total = total.amount;
    memcpy(order->currency, total.currency, sizeof(order->currency));
    return true;
}

bool order_check_refund(struct ctx *ctx, const struct order_row *order, struct money refund,
                        const char **state)
{
    if (refund.amount <= 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/amount/amount"),
                           "a refund is more than nothing");
    if (strcmp(refund.currency, order->currency) != 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/amount/currency"), "the order is in %s",
                           order->currency);
    if (str_is(order->state, "cancelled"))
        return ctx_fail(ctx, ERR_CONFLICT, "the order is cancelled");
    int64_t left = order->total - order->refunded;
    if (refund.amount > left)
        return ctx_fail(ctx, ERR_CONFLICT, "%lld are left of this order", (long long)left);
    *state = refund.amount == left ? "refunded" : "placed";
    return true;
}

bool order_check_cancel(struct ctx *ctx, const struct order_row *order)
{
    if (order->refunded > 0)
        return ctx_fail(ctx, ERR_CONFLICT,
                        "a part of the order was paid back: refund the rest instead");
    return true;
}

struct str order_asked(struct arena *arena, const struct order_row *order, bool with_amounts,
                       int64_t placed_us)
{
    struct json_out text;
    json_out_init(&text, arena);
    json_array(&text);
    json_put_str(&text, order->customer_id);
    json_put_str(&text, order->channel);
    json_put_int(&text, placed_us);
    for (size_t i = 0; i < order->n_lines; i++) {
        json_put_str(&text, order->lines[i].product_id);
        json_put_int(&text, order->lines[i].quantity);
        if (with_amounts)
            json_put_int(&text, order->lines[i].amount);
    }
    if (with_amounts)
        json_put_str(&text, str_of(order->currency));
    json_array_end(&text);
    uint8_t hash[32];
    struct str plain = json_out_str(&text);
    crypto_sha256(plain.ptr, plain.len, hash);
    return crypto_hex(arena, hash, sizeof(hash));
}
