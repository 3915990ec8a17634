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

/* ---- states ---- */

#define TO(state) (1u << ORDER_STATE_##state)
static const unsigned may_become[] = {
    [ORDER_STATE_PLACED] = TO(PAID) | TO(CANCELLED),
    [ORDER_STATE_PAID] = TO(FULFILLED) | TO(CANCELLED) | TO(REFUNDED),
    [ORDER_STATE_FULFILLED] = TO(COMPLETED) | TO(REFUNDED),
    [ORDER_STATE_COMPLETED] = TO(REFUNDED),
    [ORDER_STATE_CANCELLED] = 0,
    [ORDER_STATE_REFUNDED] = 0,
};

static struct str states_of(struct arena *arena, unsigned states)
{
    struct str names = STR("nothing else");
    for (unsigned state = 1, n = 0; state < COUNT(may_become); state++)
        if (states & (1u << state))
            names = n++ ? arena_printf(arena, STR_FMT " or %s", STR_ARG(names),
                                       order_state_name((int)state))
                        : str_of(order_state_name((int)state));
    return names;
}

bool order_check_move(struct ctx *ctx, enum order_state from, enum order_state to)
{
    return (may_become[from] & (1u << to)) ||
           ctx_fail(ctx, ERR_CONFLICT, "the order is %s: it may become " STR_FMT ", not %s",
                    order_state_name(from), STR_ARG(states_of(ctx->arena, may_become[from])),
                    order_state_name(to));
}

bool order_check_cancel(struct ctx *ctx, const struct order_row *order)
{
    if (!order_check_move(ctx, order->state, ORDER_STATE_CANCELLED))
        return false;
    if (order->refunded > 0)
        return ctx_fail(ctx, ERR_CONFLICT,
                        "a part of the order was paid back: refund the rest instead");
    return true;
}

/* ---- refunds ---- */

enum order_state order_state_after(const struct order_row *order, int64_t amount)
{
    return order->refunded + amount == order->total ? ORDER_STATE_REFUNDED : order->state;
}

static int64_t share(const struct line_row *line, int64_t quantity)
{
    struct money part = { 0 };
    money_share((struct money){ .amount = line->amount }, quantity, line->quantity, &part);
    return part.amount;
}

static bool part_of(struct ctx *ctx, const struct order_row *order, struct line_row *lines,
                    const struct refund_line *asked, size_t i, struct refund_part *out)
{
    struct str pointer = arena_printf(ctx->arena, "/lines/%zu", i);
    if ((size_t)asked->line >= order->n_lines)
        return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "%s/line", pointer.ptr),
                           "the order has %zu lines, counted from 0", order->n_lines);
    struct line_row *line = &lines[asked->line];
    int64_t before = line->refunded_quantity;
    if (asked->quantity > line->quantity - before)
        return ctx_fail_at(ctx, ERR_CONFLICT, arena_printf(ctx->arena, "%s/quantity", pointer.ptr),
                           "%lld are left of this line", (long long)(line->quantity - before));
    line->refunded_quantity += asked->quantity;
    *out = (struct refund_part){ .line = (size_t)asked->line,
                                 .quantity = asked->quantity,
                                 .amount = share(line, before + asked->quantity) -
                                           share(line, before) };
    return true;
}

static bool refund_by_lines(struct ctx *ctx, const struct order_row *order,
                            const struct refund_request *asked, struct refund_row *out)
{
    struct line_row *lines =
        arena_copy(ctx->arena, order->lines, order->n_lines * sizeof(*order->lines));
    out->parts = ARENA_ARRAY(ctx->arena, struct refund_part, asked->n_lines);
    for (size_t i = 0; i < asked->n_lines; i++) {
        if (!part_of(ctx, order, lines, &asked->lines[i], i, &out->parts[i]))
            return false;
        out->amount += out->parts[i].amount;
    }
    out->n_parts = asked->n_lines;
    out->restock = asked->restock;
    return out->amount > 0 ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/lines"), "nothing was paid for these");
}

static bool refund_by_amount(struct ctx *ctx, const struct order_row *order,
                             const struct refund_request *asked, struct refund_row *out)
{
    out->amount = asked->amount->amount;
    if (out->amount <= 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/amount/amount"),
                           "a refund is more than nothing");
    if (strcmp(asked->amount->currency, order->currency) != 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/amount/currency"), "the order is in %s",
                           order->currency);
    return !asked->restock || ctx_fail_at(ctx, ERR_INVALID, STR("/restock"),
                                          "only what is refunded by lines comes back");
}

bool order_refund(struct ctx *ctx, const struct order_row *order,
                  const struct refund_request *asked, struct refund_row *out)
{
    int64_t left = order->total - order->refunded;
    if (!asked->amount == !asked->lines)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/amount"), "say an amount, or which lines");
    if (!(asked->amount ? refund_by_amount : refund_by_lines)(ctx, order, asked, out) ||
        !order_check_move(ctx, order->state, ORDER_STATE_REFUNDED))
        return false;
    return out->amount <= left ||
           ctx_fail(ctx, ERR_CONFLICT, "%lld are left of this order", (long long)left);
}

struct str order_asked(struct arena *arena, const struct order_row *order, bool with_amounts,
                       int64_t placed_us, struct str more)
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
        if (order->lines[i].sku.ptr)
            json_put_str(&text, order->lines[i].sku);
        if (with_amounts)
            json_put_int(&text, order->lines[i].amount);
    }
    if (with_amounts)
        json_put_str(&text, str_of(order->currency));
    if (more.len)
        json_put_str(&text, more);
    json_array_end(&text);
    uint8_t hash[32];
    struct str plain = json_out_str(&text);
    crypto_sha256(plain.ptr, plain.len, hash);
    return crypto_hex(arena, hash, sizeof(hash));
}
