#include "base/clock.h"
#include "base/id.h"
#include "services/commerce/changes.h"
#include "services/commerce/orders.h"
#include "services/commerce/reply.h"

struct reply commerce_move_order(struct ctx *ctx, const struct move_order_in *in)
{
    struct order_row order;
    enum order_state to = order_state_parse(str_of(order_step_name(in->body->to)));
    if (!order_get(ctx, in->order_id, &order))
        return reply_error(ctx);
    if (order.state != to &&
        (!order_check_move(ctx, order.state, to) || !change_move(ctx, &order, to)))
        return reply_error(ctx);
    return reply_order(ctx, &order);
}

struct reply commerce_refund_order(struct ctx *ctx, const struct refund_order_in *in)
{
    struct order_row order;
    struct refund_row refund = { .refund_id = id_new(ctx->arena, "rfd"),
                                 .reason = in->body->reason,
                                 .refunded_us = clock_now_us() };
    if (!order_get(ctx, in->order_id, &order) || !order_refund(ctx, &order, in->body, &refund) ||
        !change_refund(ctx, &order, &refund))
        return reply_error(ctx);
    return reply_order(ctx, &order);
}

struct reply commerce_cancel_order(struct ctx *ctx, const struct cancel_order_in *in)
{
    struct order_row order;
    if (!order_get(ctx, in->order_id, &order))
        return reply_error(ctx);
    if (order.state != ORDER_STATE_CANCELLED &&
        (!order_check_cancel(ctx, &order) || !change_cancel(ctx, &order, in->body->reason)))
        return reply_error(ctx);
    return reply_order(ctx, &order);
}
