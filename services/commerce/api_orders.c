#include "base/clock.h"
#include "base/id.h"
#include "services/commerce/orders.h"
#include "services/commerce/product.h"
#include "commerce_contract.h"

static struct money in_currency(const struct order_row *row, int64_t amount)
{
    struct money money = { .amount = amount };
    memcpy(money.currency, row->currency, sizeof(money.currency));
    return money;
}

static struct order order_of(struct ctx *ctx, const struct order_row *row)
{
    struct order_line *lines = ARENA_ARRAY(ctx->arena, struct order_line, row->n_lines);
    for (size_t i = 0; i < row->n_lines; i++)
        lines[i] = (struct order_line){ .product_id = row->lines[i].product_id,
                                        .quantity = row->lines[i].quantity,
                                        .amount = in_currency(row, row->lines[i].amount) };
    return (struct order){ .order_id = row->order_id,
                           .customer_id = row->customer_id,
                           .state = order_state_parse(row->state),
                           .channel = row->channel,
                           .placed_at = row->placed_us,
                           .total = in_currency(row, row->total),
                           .refunded = in_currency(row, row->refunded),
                           .lines = lines,
                           .n_lines = row->n_lines };
}

static struct reply reply_order(struct ctx *ctx, const struct order_row *row)
{
    struct order order = order_of(ctx, row);
    return reply_ok(ctx, order_encode(ctx, &order));
}

static bool order_tell(struct ctx *ctx, const struct order_row *row)
{
    struct order_placed_line *lines =
        ARENA_ARRAY(ctx->arena, struct order_placed_line, row->n_lines);
    for (size_t i = 0; i < row->n_lines; i++)
        lines[i] = (struct order_placed_line){ .product_id = row->lines[i].product_id,
                                               .quantity = row->lines[i].quantity,
                                               .amount = in_currency(row, row->lines[i].amount) };
    struct order_placed placed = { .order_id = row->order_id,
                                   .customer_id = row->customer_id,
                                   .placed_at = row->placed_us,
                                   .channel = row->channel,
                                   .total = in_currency(row, row->total),
                                   .lines = lines,
                                   .n_lines = row->n_lines };
    return publish_order_placed_at(ctx, &placed, row->placed_us);
}

/* Finds the order that already has this id. True: answer with *known (the same was asked for), or fail (CONFLICT). */
static bool asked_before(struct ctx *ctx, const struct order_row *order, struct order_row *known)
{
    if (!store_order(ctx, order->order_id, known))
        return ctx_failed(ctx);
    if (!str_eq(known->asked, order->asked))
        ctx_fail(ctx, ERR_CONFLICT, "another order has the id " STR_FMT, STR_ARG(order->order_id));
    return true;
}

static struct reply order_store(struct ctx *ctx, const struct order_row *order)
{
    if (!store_order_add(ctx, order) || !order_tell(ctx, order))
        return reply_error(ctx);
    return reply_order(ctx, order);
}

/* Prices of now for each line. */
static bool price_lines(struct ctx *ctx, const struct order_row *order, struct money *amounts)
{
    for (size_t i = 0; i < order->n_lines; i++) {
        struct product_row product;
        struct str pointer = arena_printf(ctx->arena, "/lines/%zu/product_id", i);
        bool found = store_product(ctx, order->lines[i].product_id, &product);
        if (ctx_failed(ctx))
            return false;
        struct price_asked asked = { .at_us = order->placed_us };
        if (!found || !product.product.active || !price_find(&product.product, &asked, &amounts[i]))
            return ctx_fail_at(ctx, ERR_INVALID, pointer, "this product is not sold");
        if (!money_times(amounts[i], order->lines[i].quantity, &amounts[i]))
            return ctx_fail_at(ctx, ERR_INVALID, pointer, "the amount is too large");
    }
    return true;
}

struct reply commerce_place_order(struct ctx *ctx, const struct place_order_in *in)
{
    const struct order_request *asked = in->body;
    struct order_row known,
        order = { .order_id = asked->order_id.ptr ? asked->order_id : id_new(ctx->arena, "ord"),
                  .customer_id = asked->customer_id,
                  .state = STR("placed"),
                  .channel = asked->channel,
                  .placed_us = clock_now_us(),
                  .lines = ARENA_ARRAY(ctx->arena, struct line_row, asked->n_lines),
                  .n_lines = asked->n_lines };
    for (size_t i = 0; i < asked->n_lines; i++)
        order.lines[i] =
            (struct line_row){ asked->lines[i].product_id, asked->lines[i].quantity, 0 };
    order.asked = order_asked(ctx->arena, &order, false, 0);
    if (asked_before(ctx, &order, &known))
        return ctx_failed(ctx) ? reply_error(ctx) : reply_order(ctx, &known);
    struct money *amounts = ARENA_ARRAY(ctx->arena, struct money, order.n_lines);
    if (!price_lines(ctx, &order, amounts) || !order_sum(ctx, amounts, &order))
        return reply_error(ctx);
    return order_store(ctx, &order);
}

struct reply commerce_record_order(struct ctx *ctx, const struct record_order_in *in)
{
    const struct order_record *record = in->body;
    struct order_row known,
        order = { .order_id = in->order_id,
                  .customer_id = record->customer_id,
                  .state = STR("placed"),
                  .channel = record->channel,
                  .placed_us = record->placed_at,
                  .lines = ARENA_ARRAY(ctx->arena, struct line_row, record->n_lines),
                  .n_lines = record->n_lines };
    struct money *amounts = ARENA_ARRAY(ctx->arena, struct money, order.n_lines);
    for (size_t i = 0; i < record->n_lines; i++) {
        order.lines[i] =
            (struct line_row){ record->lines[i].product_id, record->lines[i].quantity, 0 };
        amounts[i] = record->lines[i].amount;
    }
    if (record->placed_at > clock_now_us())
        ctx_fail_at(ctx, ERR_INVALID, STR("/placed_at"), "an order was never placed in the future");
    else
        order_sum(ctx, amounts, &order);
    if (ctx_failed(ctx))
        return reply_error(ctx);
    order.asked = order_asked(ctx->arena, &order, true, order.placed_us);
    if (asked_before(ctx, &order, &known))
        return ctx_failed(ctx) ? reply_error(ctx) : reply_order(ctx, &known);
    return order_store(ctx, &order);
}

static bool order_get(struct ctx *ctx, struct str order_id, struct order_row *out)
{
    return store_order(ctx, order_id, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no order with this id");
}

struct reply commerce_get_order(struct ctx *ctx, const struct get_order_in *in)
{
    struct order_row order;
    if (!order_get(ctx, in->order_id, &order))
        return reply_error(ctx);
    return reply_order(ctx, &order);
}

struct reply commerce_list_orders(struct ctx *ctx, const struct list_orders_in *in)
{
    struct sql_moment before;
    size_t n, limit = (size_t)in->limit;
    struct order_row *rows = ARENA_ARRAY(ctx->arena, struct order_row, limit + 1);
    if (!sql_moment_parse(ctx, in->cursor, &before) ||
        !store_orders(ctx, in->customer_id, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct order_list list = { .n_items = MIN(n, limit) };
    struct order *items = ARENA_ARRAY(ctx->arena, struct order, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = order_of(ctx, &rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].placed_us, rows[limit - 1].order_id);
    return reply_ok(ctx, order_list_encode(ctx, &list));
}

struct reply commerce_refund_order(struct ctx *ctx, const struct refund_order_in *in)
{
    struct order_row order;
    const char *state;
    struct money refund = in->body->amount;
    if (!order_get(ctx, in->order_id, &order) || !order_check_refund(ctx, &order, refund, &state) ||
        !store_order_pay_back(ctx, &order, refund.amount, state))
        return reply_error(ctx);
    order.refunded += refund.amount;
    order.state = str_of(state);
    struct order_refunded refunded = { .order_id = order.order_id,
                                       .refund_id = id_new(ctx->arena, "rfd"),
                                       .customer_id = order.customer_id,
                                       .refund = refund,
                                       .refunded_total = in_currency(&order, order.refunded),
                                       .refunded_at = clock_now_us(),
                                       .reason = in->body->reason };
    if (!publish_order_refunded(ctx, &refunded))
        return reply_error(ctx);
    return reply_order(ctx, &order);
}

struct reply commerce_cancel_order(struct ctx *ctx, const struct cancel_order_in *in)
{
    struct order_row order;
    if (!order_get(ctx, in->order_id, &order))
        return reply_error(ctx);
    if (str_is(order.state, "cancelled"))
        return reply_order(ctx, &order);
    if (!order_check_cancel(ctx, &order) ||
        !store_order_pay_back(ctx, &order, order.total, "cancelled"))
        return reply_error(ctx);
    order.refunded = order.total;
    order.state = STR("cancelled");
    struct order_cancelled cancelled = { .order_id = order.order_id,
                                         .customer_id = order.customer_id,
                                         .total = in_currency(&order, order.total),
                                         .cancelled_at = clock_now_us(),
                                         .reason = in->body->reason };
    if (!publish_order_cancelled(ctx, &cancelled))
        return reply_error(ctx);
    return reply_order(ctx, &order);
}

struct reply commerce_get_revenue(struct ctx *ctx, const struct get_revenue_in *in)
{
    size_t n;
    struct revenue_row *rows = ARENA_ARRAY(ctx->arena, struct revenue_row, STORE_CURRENCIES);
    if (!store_revenue(ctx, rows, &n))
        return reply_error(ctx);
    struct revenue *items = ARENA_ARRAY(ctx->arena, struct revenue, n);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct revenue){ .currency = str_of(rows[i].currency),
                                     .orders = rows[i].orders,
                                     .revenue = rows[i].revenue,
                                     .refunded = rows[i].refunded };
    struct revenue_list list = { .items = items, .n_items = n };
    return reply_ok(ctx, revenue_list_encode(ctx, &list));
}
