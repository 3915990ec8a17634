#include "base/clock.h"
#include "base/id.h"
#include "services/commerce/changes.h"
#include "services/commerce/orders.h"
#include "services/commerce/product.h"
#include "services/commerce/reply.h"

/* Finds the order that already has this id. True: answer with *known (the same was asked for), or fail (CONFLICT). */
static bool asked_before(struct ctx *ctx, const struct order_row *order, struct order_row *known)
{
    if (!store_order(ctx, order->order_id, known))
        return ctx_failed(ctx);
    if (!str_eq(known->asked, order->asked))
        ctx_fail(ctx, ERR_CONFLICT, "another order has the id " STR_FMT, STR_ARG(order->order_id));
    return true;
}

static struct reply order_place(struct ctx *ctx, const struct order_row *order)
{
    return change_place(ctx, order) ? reply_order(ctx, order) : reply_error(ctx);
}

/* ---- placed here ---- */

static struct str in_line(struct ctx *ctx, size_t i, const char *member)
{
    return arena_printf(ctx->arena, "/lines/%zu/%s", i, member);
}

static bool variant_check(struct ctx *ctx, const struct product_put *product, struct str sku,
                          size_t i)
{
    if (!sku.ptr && product->n_variants)
        return ctx_fail_at(ctx, ERR_INVALID, in_line(ctx, i, "sku"),
                           "the product has variants: say which");
    return !sku.ptr || product_variant_find(product, sku) ||
           ctx_fail_at(ctx, ERR_INVALID, in_line(ctx, i, "sku"),
                       "no variant of this product has this SKU");
}

static bool price_line(struct ctx *ctx, const struct order_request *asked, size_t i, int64_t at_us,
                       struct money *amount)
{
    const struct order_line_request *line = &asked->lines[i];
    struct str pointer = in_line(ctx, i, "product_id");
    struct price_asked price = { line->sku, asked->customer_group, asked->currency.ptr, at_us };
    struct product_row row;
    bool found = store_product(ctx, line->product_id, &row);
    if (ctx_failed(ctx))
        return false;
    if (!found || !row.product.active)
        return ctx_fail_at(ctx, ERR_INVALID, pointer, "this product is not sold");
    if (!variant_check(ctx, &row.product, line->sku, i))
        return false;
    if (!price_find(&row.product, &price, amount))
        return ctx_fail_at(ctx, ERR_INVALID, pointer, "it has no price in " STR_FMT,
                           STR_ARG(asked->currency));
    return money_times(*amount, line->quantity, amount) ||
           ctx_fail_at(ctx, ERR_INVALID, pointer, "the amount is too large");
}

/* The prices of now, and what is counted taken. */
static bool lines_place(struct ctx *ctx, const struct order_request *asked, struct order_row *order)
{
    struct money *amounts = ARENA_ARRAY(ctx->arena, struct money, order->n_lines);
    if (asked->currency.ptr && money_exponent(asked->currency.ptr) < 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/currency"),
                           STR_FMT " is not a currency that is known here",
                           STR_ARG(asked->currency));
    for (size_t i = 0; i < order->n_lines; i++)
        if (!price_line(ctx, asked, i, order->placed_us, &amounts[i]))
            return false;
    if (!order_sum(ctx, amounts, order))
        return false;
    for (size_t i = 0; i < order->n_lines; i++)
        if (!store_stock_take(ctx, &order->lines[i], i))
            return false;
    return true;
}

static struct str said_besides(struct ctx *ctx, const struct order_request *asked)
{
    if (!asked->currency.ptr && !asked->customer_group.ptr && !asked->paid)
        return STR("");
    return arena_printf(ctx->arena, "%s " STR_FMT " " STR_FMT, asked->paid ? "paid" : "",
                        STR_ARG(asked->currency), STR_ARG(asked->customer_group));
}

struct reply commerce_place_order(struct ctx *ctx, const struct place_order_in *in)
{
    const struct order_request *asked = in->body;
    struct order_row known,
        order = { .order_id = asked->order_id.ptr ? asked->order_id : id_new(ctx->arena, "ord"),
                  .customer_id = asked->customer_id,
                  .state = asked->paid ? ORDER_STATE_PAID : ORDER_STATE_PLACED,
                  .paid = asked->paid,
                  .channel = asked->channel,
                  .placed_us = clock_now_us(),
                  .lines = ARENA_ARRAY(ctx->arena, struct line_row, asked->n_lines),
                  .n_lines = asked->n_lines };
    for (size_t i = 0; i < asked->n_lines; i++)
        order.lines[i] = (struct line_row){ .product_id = asked->lines[i].product_id,
                                            .sku = asked->lines[i].sku,
                                            .quantity = asked->lines[i].quantity };
    order.asked = order_asked(ctx->arena, &order, false, 0, said_besides(ctx, asked));
    if (asked_before(ctx, &order, &known))
        return ctx_failed(ctx) ? reply_error(ctx) : reply_order(ctx, &known);
    if (!lines_place(ctx, asked, &order))
        return reply_error(ctx);
    return order_place(ctx, &order);
}

/* ---- placed elsewhere ---- */

static struct order_row recorded(struct ctx *ctx, const struct record_order_in *in,
                                 struct money *amounts)
{
    const struct order_record *record = in->body;
    struct order_row order = { .order_id = in->order_id,
                               .customer_id = record->customer_id,
                               .state = record->has_state ? order_state_parse(str_of(
                                                                recorded_state_name(record->state)))
                                                          : ORDER_STATE_PAID,
                               .channel = record->channel,
                               .placed_us = record->placed_at,
                               .lines = ARENA_ARRAY(ctx->arena, struct line_row, record->n_lines),
                               .n_lines = record->n_lines };
    order.paid = order.state != ORDER_STATE_PLACED;
    for (size_t i = 0; i < record->n_lines; i++) {
        order.lines[i] = (struct line_row){ .product_id = record->lines[i].product_id,
                                            .sku = record->lines[i].sku,
                                            .quantity = record->lines[i].quantity };
        amounts[i] = record->lines[i].amount;
    }
    return order;
}

struct reply commerce_record_order(struct ctx *ctx, const struct record_order_in *in)
{
    struct money *amounts = ARENA_ARRAY(ctx->arena, struct money, in->body->n_lines);
    struct order_row known, order = recorded(ctx, in, amounts);
    if (order.placed_us > clock_now_us())
        ctx_fail_at(ctx, ERR_INVALID, STR("/placed_at"), "an order was never placed in the future");
    else
        order_sum(ctx, amounts, &order);
    if (ctx_failed(ctx))
        return reply_error(ctx);
    struct str state = in->body->has_state ? str_of(order_state_name(order.state)) : STR("");
    order.asked = order_asked(ctx->arena, &order, true, order.placed_us, state);
    if (asked_before(ctx, &order, &known))
        return ctx_failed(ctx) ? reply_error(ctx) : reply_order(ctx, &known);
    return order_place(ctx, &order);
}

/* ---- reading ---- */

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
        items[i] = order_answer(ctx, &rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].placed_us, rows[limit - 1].order_id);
    return reply_ok(ctx, order_list_encode(ctx, &list));
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
