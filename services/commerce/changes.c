#include "services/commerce/changes.h"

#include "base/clock.h"
#include "services/commerce/orders.h"
#include "commerce_contract.h"

struct money order_money(const struct order_row *order, int64_t amount)
{
    struct money money = { .amount = amount };
    memcpy(money.currency, order->currency, sizeof(money.currency));
    return money;
}

/* ---- placed ---- */

static bool tell_placed(struct ctx *ctx, const struct order_row *row)
{
    struct order_placed_line *lines =
        ARENA_ARRAY(ctx->arena, struct order_placed_line, row->n_lines);
    for (size_t i = 0; i < row->n_lines; i++)
        lines[i] = (struct order_placed_line){ .product_id = row->lines[i].product_id,
                                               .sku = row->lines[i].sku,
                                               .quantity = row->lines[i].quantity,
                                               .amount = order_money(row, row->lines[i].amount) };
    struct order_placed placed = { .order_id = row->order_id,
                                   .customer_id = row->customer_id,
                                   .placed_at = row->placed_us,
                                   .channel = row->channel,
                                   .has_state = true,
                                   .state = order_placed_state_parse(
                                       str_of(order_state_name(row->state))),
                                   .total = order_money(row, row->total),
                                   .lines = lines,
                                   .n_lines = row->n_lines };
    return publish_order_placed_at(ctx, &placed, row->placed_us);
}

bool change_place(struct ctx *ctx, const struct order_row *order)
{
    return store_order_add(ctx, order) && tell_placed(ctx, order);
}

/* ---- changed ---- */

static bool tell_changed(struct ctx *ctx, const struct order_row *row, int64_t total_before,
                         int64_t at_us)
{
    struct order_changed_line *lines =
        ARENA_ARRAY(ctx->arena, struct order_changed_line, row->n_lines);
    for (size_t i = 0; i < row->n_lines; i++)
        lines[i] = (struct order_changed_line){ .product_id = row->lines[i].product_id,
                                                .sku = row->lines[i].sku,
                                                .quantity = row->lines[i].quantity,
                                                .amount = order_money(row, row->lines[i].amount) };
    return publish_order_changed(
        ctx, &(struct order_changed){ .order_id = row->order_id,
                                      .customer_id = row->customer_id,
                                      .change = row->changes,
                                      .placed_at = row->placed_us,
                                      .changed_at = at_us,
                                      .total = order_money(row, row->total),
                                      .total_before = order_money(row, total_before),
                                      .lines = lines,
                                      .n_lines = row->n_lines });
}

bool change_lines(struct ctx *ctx, struct order_row *order, const struct order_row *to,
                  int64_t at_us)
{
    int64_t before = order->total;
    if (!store_order_change(ctx, order, to))
        return false;
    order->total = to->total;
    order->lines = to->lines;
    order->n_lines = to->n_lines;
    order->changes++;
    return tell_changed(ctx, order, before, at_us);
}

/* ---- paid, fulfilled, completed ---- */

static bool tell_moved(struct ctx *ctx, const struct order_row *order)
{
    struct money total = order_money(order, order->total);
    int64_t now_us = clock_now_us();
    switch (order->state) {
    case ORDER_STATE_PAID:
        return publish_order_paid(
            ctx, &(struct order_paid){ order->order_id, order->customer_id, total, now_us });
    case ORDER_STATE_FULFILLED:
        return publish_order_fulfilled(
            ctx, &(struct order_fulfilled){ order->order_id, order->customer_id, total, now_us });
    case ORDER_STATE_COMPLETED:
        return publish_order_completed(
            ctx, &(struct order_completed){ order->order_id, order->customer_id, total, now_us });
    default:
        return ctx_fail(ctx, ERR_INTERNAL, "no event tells of %s", order_state_name(order->state));
    }
}

bool change_move(struct ctx *ctx, struct order_row *order, enum order_state to)
{
    if (!store_order_move(ctx, order, to))
        return false;
    order->state = to;
    order->paid = true;
    return tell_moved(ctx, order);
}

/* ---- paid back ---- */

static bool tell_refunded(struct ctx *ctx, const struct order_row *order,
                          const struct refund_row *refund)
{
    struct order_refunded_line *lines =
        ARENA_ARRAY(ctx->arena, struct order_refunded_line, refund->n_parts);
    for (size_t i = 0; i < refund->n_parts; i++) {
        const struct refund_part *part = &refund->parts[i];
        const struct line_row *line = &order->lines[part->line];
        lines[i] = (struct order_refunded_line){ .product_id = line->product_id,
                                                 .sku = line->sku,
                                                 .quantity = part->quantity,
                                                 .amount = order_money(order, part->amount) };
    }
    return publish_order_refunded(
        ctx, &(struct order_refunded){ .order_id = order->order_id,
                                       .refund_id = refund->refund_id,
                                       .customer_id = order->customer_id,
                                       .refund = order_money(order, refund->amount),
                                       .refunded_total = order_money(order, order->refunded),
                                       .refunded_at = refund->refunded_us,
                                       .reason = refund->reason,
                                       .lines = refund->n_parts ? lines : NULL,
                                       .n_lines = refund->n_parts });
}

bool change_refund(struct ctx *ctx, struct order_row *order, const struct refund_row *refund)
{
    enum order_state to = order_state_after(order, refund->amount);
    if (!store_order_pay_back(ctx, order, refund->amount, to) ||
        !store_refund_add(ctx, order, refund))
        return false;
    order->refunded += refund->amount;
    order->state = to;
    for (size_t i = 0; i < refund->n_parts; i++)
        order->lines[refund->parts[i].line].refunded_quantity += refund->parts[i].quantity;
    return tell_refunded(ctx, order, refund);
}

bool change_cancel(struct ctx *ctx, struct order_row *order, struct str reason)
{
    if (!store_order_pay_back(ctx, order, order->total, ORDER_STATE_CANCELLED))
        return false;
    for (size_t i = 0; i < order->n_lines; i++)
        if (!store_stock_give_back(ctx, order, i, order->lines[i].taken))
            return false;
    order->refunded = order->total;
    order->state = ORDER_STATE_CANCELLED;
    return publish_order_cancelled(
        ctx, &(struct order_cancelled){ .order_id = order->order_id,
                                        .customer_id = order->customer_id,
                                        .total = order_money(order, order->total),
                                        .cancelled_at = clock_now_us(),
                                        .reason = reason });
}
