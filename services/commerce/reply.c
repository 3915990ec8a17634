#include "services/commerce/reply.h"

#include "services/commerce/changes.h"

bool product_get(struct ctx *ctx, struct str product_id, struct product_row *out)
{
    return store_product(ctx, product_id, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no product with this id");
}

bool order_get(struct ctx *ctx, struct str order_id, struct order_row *out)
{
    return store_order(ctx, order_id, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no order with this id");
}

static enum payment_state payment_of(const struct order_row *row)
{
    if (!row->paid)
        return PAYMENT_STATE_UNPAID;
    if (row->refunded == 0 && row->state != ORDER_STATE_CANCELLED)
        return PAYMENT_STATE_PAID;
    return row->refunded == row->total ? PAYMENT_STATE_REFUNDED : PAYMENT_STATE_PARTLY_REFUNDED;
}

struct order order_answer(struct ctx *ctx, const struct order_row *row)
{
    struct order_line *lines = ARENA_ARRAY(ctx->arena, struct order_line, row->n_lines);
    for (size_t i = 0; i < row->n_lines; i++) {
        const struct line_row *line = &row->lines[i];
        lines[i] = (struct order_line){ .product_id = line->product_id,
                                        .sku = line->sku,
                                        .quantity = line->quantity,
                                        .amount = order_money(row, line->amount),
                                        .has_refunded_quantity = line->refunded_quantity > 0,
                                        .refunded_quantity = line->refunded_quantity };
    }
    return (struct order){ .order_id = row->order_id,
                           .customer_id = row->customer_id,
                           .state = row->state,
                           .has_payment = true,
                           .payment = payment_of(row),
                           .channel = row->channel,
                           .placed_at = row->placed_us,
                           .total = order_money(row, row->total),
                           .refunded = order_money(row, row->refunded),
                           .lines = lines,
                           .n_lines = row->n_lines };
}

struct reply reply_order(struct ctx *ctx, const struct order_row *row)
{
    struct order order = order_answer(ctx, row);
    return reply_ok(ctx, order_encode(ctx, &order));
}
