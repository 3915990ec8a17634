#include "services/loyalty/reactions.h"

#include "base/clock.h"
#include "services/loyalty/points.h"

/* Brings what the order has earned to what the rule says of it now, and moves the difference. */
static enum outcome settle(struct ctx *ctx, struct order_row *order, struct money total,
                           const char *reason, int64_t at_us)
{
    int64_t due = ledger_earned(total, order->refunded);
    int64_t difference = due - order->earned;
    order->earned = due;
    if (!store_order_put(ctx, order))
        return outcome_of(ctx);
    struct movement movement = { .customer_id = order->customer_id,
                                 .points = difference,
                                 .lifetime = true,
                                 .reason = reason,
                                 .order_id = order->order_id,
                                 .at_us = at_us };
    return difference == 0 || points_move(ctx, &movement, NULL) ? DONE : outcome_of(ctx);
}

enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *placed)
{
    struct order_row order;
    bool erased;
    if (store_order(ctx, placed->order_id, &order))
        return DONE; /* told again under another event id */
    if (ctx_failed(ctx) || !store_erased(ctx, placed->customer_id, &erased))
        return outcome_of(ctx);
    if (erased)
        return DONE;
    order = (struct order_row){ .order_id = placed->order_id,
                                .customer_id = placed->customer_id,
                                .total = placed->total.amount };
    return settle(ctx, &order, placed->total, "order", placed->placed_at);
}

/* An order that is not known was placed before this service's memory begins, or its customer was erased: nothing to
 * take back. */
static enum outcome give_back(struct ctx *ctx, struct str order_id, int64_t refunded,
                              const char *currency, const char *reason, int64_t at_us)
{
    struct order_row order;
    if (!store_order(ctx, order_id, &order))
        return ctx_failed(ctx) ? outcome_of(ctx) : DONE;
    struct money total = { .amount = order.total };
    memcpy(total.currency, currency, sizeof(total.currency));
    order.refunded = MAX(order.refunded, refunded); /* cumulative, so later news may come first */
    return settle(ctx, &order, total, reason, at_us);
}

enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *refunded)
{
    return give_back(ctx, refunded->order_id, refunded->refunded_total.amount,
                     refunded->refunded_total.currency, "refund", refunded->refunded_at);
}

enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *cancelled)
{
    return give_back(ctx, cancelled->order_id, cancelled->total.amount, cancelled->total.currency,
                     "cancellation", cancelled->cancelled_at);
}

/* What it earns of its total of now; one that is not known: see give_back. */
enum outcome on_order_changed(struct ctx *ctx, const struct order_changed *changed)
{
    struct order_row order;
    if (!store_order(ctx, changed->order_id, &order))
        return ctx_failed(ctx) ? outcome_of(ctx) : DONE;
    order.total = changed->total.amount;
    return settle(ctx, &order, changed->total, "order", changed->changed_at);
}

enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased)
{
    struct erasure_done done = { .request_id = erased->request_id,
                                 .profile_id = erased->profile_id,
                                 .service = STR("loyalty"),
                                 .erased_at = clock_now_us() };
    return store_erase(ctx, erased->profile_id, done.erased_at) && publish_erasure_done(ctx, &done)
               ? DONE
               : outcome_of(ctx);
}
