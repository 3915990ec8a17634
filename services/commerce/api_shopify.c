#include "base/clock.h"
#include "services/commerce/changes.h"
#include "services/commerce/orders.h"
#include "services/commerce/shopify.h"
#include "commerce_contract.h"

/* Each delivery says how things stand, and takes an order only onwards; what the order consists of is what the latest said of
 * it. So they may come in any order, and again. */

/* ---- refunds and cancellation ---- */

static bool refund_apply(struct ctx *ctx, struct order_row *order, const struct shop_refund *from)
{
    struct refund_row refund = { .refund_id = from->refund_id,
                                 .amount = from->amount.amount,
                                 .refunded_us = from->at_us };
    if (!refund.amount || store_refund_known(ctx, refund.refund_id) || ctx_failed(ctx))
        return !ctx_failed(ctx);
    if (strcmp(from->amount.currency, order->currency) != 0)
        return ctx_fail(ctx, ERR_INVALID, "the refund is in %s, the order in %s",
                        from->amount.currency, order->currency);
    if (order->state == ORDER_STATE_CANCELLED) /* all was given back with that */
        return store_refund_add(ctx, order, &refund);
    if (order->state == ORDER_STATE_PLACED && !change_move(ctx, order, ORDER_STATE_PAID))
        return false; /* what is paid back was paid */
    int64_t left = order->total - order->refunded;
    if (refund.amount > left)
        return ctx_fail(ctx, ERR_CONFLICT, "%lld are left of this order", (long long)left);
    return change_refund(ctx, order, &refund);
}

/* Where a part was paid back, or it is on its way, the rest is refunded. */
static bool cancel_apply(struct ctx *ctx, struct order_row *order, struct str reason)
{
    bool open = order->state == ORDER_STATE_PLACED || order->state == ORDER_STATE_PAID;
    if (order->state == ORDER_STATE_CANCELLED || order->state == ORDER_STATE_REFUNDED)
        return true;
    if (open && order->refunded == 0)
        return change_cancel(ctx, order, reason);
    struct refund_row rest = { .refund_id = arena_printf(ctx->arena, "rfd_cancelled-" STR_FMT,
                                                         STR_ARG(order->order_id)),
                               .reason = STR("cancelled"),
                               .amount = order->total - order->refunded,
                               .refunded_us = clock_now_us() };
    return rest.amount == 0 || change_refund(ctx, order, &rest);
}

/* ---- orders ---- */

/* What we know by its SKU is ours. */
static bool skus_find(struct ctx *ctx, struct order_row *order)
{
    for (size_t i = 0; i < order->n_lines; i++)
        if (order->lines[i].sku.ptr)
            store_sku(ctx, order->lines[i].sku, &order->lines[i].product_id);
    return !ctx_failed(ctx);
}

/* The order as it is here, made if it is new. One of another shop is none of this one's business. */
static bool order_open(struct ctx *ctx, struct str shop, const struct shopify_order *from,
                       const struct order_told *told, struct order_row *order)
{
    struct str owner = arena_printf(ctx->arena, "shopify " STR_FMT, STR_ARG(shop));
    if (store_order(ctx, shopify_order_id(ctx, from->id), order))
        return str_eq(order->asked, owner) ||
               ctx_fail(ctx, ERR_CONFLICT, "this order is not of this shop");
    if (ctx_failed(ctx) || !shopify_order_map(ctx, from, order) || !skus_find(ctx, order))
        return false;
    order->asked = owner;
    order->told = *told;
    return change_place(ctx, order);
}

/* ---- edits ---- */

static bool is_later(const struct order_told *told, const struct order_told *than)
{
    return told->updated_us != than->updated_us ? told->updated_us > than->updated_us
                                                : told->triggered_us > than->triggered_us;
}

static bool same_lines(const struct order_row *a, const struct order_row *b)
{
    bool same = a->n_lines == b->n_lines && a->total == b->total;
    for (size_t i = 0; same && i < a->n_lines; i++)
        same = str_eq(a->lines[i].product_id, b->lines[i].product_id) &&
               str_eq(a->lines[i].sku, b->lines[i].sku) &&
               a->lines[i].quantity == b->lines[i].quantity &&
               a->lines[i].amount == b->lines[i].amount;
    return same;
}

/* What was paid back by lines here stays on those that are still there. */
static void refunded_keep(const struct order_row *order, struct order_row *to)
{
    for (size_t i = 0; i < to->n_lines; i++)
        for (size_t j = 0; j < order->n_lines; j++)
            if (str_eq(order->lines[j].product_id, to->lines[i].product_id) &&
                str_eq(order->lines[j].sku, to->lines[i].sku))
                to->lines[i].refunded_quantity =
                    MIN(order->lines[j].refunded_quantity, to->lines[i].quantity);
}

/* An order that is over stays as it is; so does one that would cost less than was paid back, until that is told too. */
static bool edit_apply(struct ctx *ctx, const struct shopify_order *from,
                       const struct order_told *told, struct order_row *order)
{
    struct order_row to;
    if (!is_later(told, &order->told) || from->has_cancelled_at ||
        order->state == ORDER_STATE_CANCELLED || order->state == ORDER_STATE_REFUNDED)
        return true;
    if (!shopify_order_map(ctx, from, &to) || !skus_find(ctx, &to))
        return false;
    if (strcmp(to.currency, order->currency) != 0)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/currency"), "the order is in %s",
                           order->currency);
    if (to.total < order->refunded)
        return true;
    refunded_keep(order, &to);
    to.order_id = order->order_id;
    return (same_lines(order, &to) ||
            change_lines(ctx, order, &to, MIN(told->updated_us, clock_now_us()))) &&
           store_order_told(ctx, order, told);
}

static bool steps_apply(struct ctx *ctx, struct order_row *order, enum order_state to)
{
    while (order->state < to && to <= ORDER_STATE_FULFILLED)
        if (!change_move(ctx, order, order->state + 1))
            return false;
    return true;
}

static bool refunds_apply(struct ctx *ctx, struct str shop, const struct shopify_order *from,
                          struct order_row *order)
{
    struct shop_refund *waiting, refund;
    size_t n;
    if (!store_shop_refunds_take(ctx, shop, order->order_id, &waiting, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!refund_apply(ctx, order, &waiting[i]))
            return false;
    for (size_t i = 0; i < from->n_refunds; i++)
        if (!shopify_refund_map(ctx, &from->refunds[i],
                                arena_printf(ctx->arena, "/refunds/%zu", i).ptr, &refund) ||
            !refund_apply(ctx, order, &refund))
            return false;
    return true;
}

static bool order_tell(struct ctx *ctx, const struct take_shopify_in *in, const struct json *body,
                       struct webhook_taken *out)
{
    struct shopify_order from;
    struct order_row order;
    if (!shopify_order_read(ctx, body, &from))
        return false;
    struct order_told told = { from.has_updated_at ? from.updated_at : 0,
                               in->has_x_shopify_triggered_at ? in->x_shopify_triggered_at : 0 };
    if (!order_open(ctx, in->shop, &from, &told, &order) || !edit_apply(ctx, &from, &told, &order))
        return false;
    out->order_id = order.order_id;
    out->outcome = WEBHOOK_OUTCOME_TAKEN;
    return steps_apply(ctx, &order, shopify_state(&from)) &&
           refunds_apply(ctx, in->shop, &from, &order) &&
           (!from.has_cancelled_at || cancel_apply(ctx, &order, from.cancel_reason));
}

static bool refund_tell(struct ctx *ctx, const struct take_shopify_in *in, const struct json *body,
                        struct webhook_taken *out)
{
    struct str shop = in->shop;
    struct shopify_refund from;
    struct shop_refund refund;
    struct order_row order;
    if (!shopify_refund_read(ctx, body, &from) || !shopify_refund_map(ctx, &from, "", &refund))
        return false;
    out->order_id = refund.order_id;
    out->outcome = WEBHOOK_OUTCOME_TAKEN;
    if (store_order(ctx, refund.order_id, &order)) {
        struct str owner = arena_printf(ctx->arena, "shopify " STR_FMT, STR_ARG(shop));
        return str_eq(order.asked, owner)
                   ? refund_apply(ctx, &order, &refund)
                   : ctx_fail(ctx, ERR_CONFLICT, "this order is not of this shop");
    }
    out->outcome = WEBHOOK_OUTCOME_WAITING;
    return !ctx_failed(ctx) &&
           (!refund.amount.amount || store_shop_refund_wait(ctx, shop, &refund));
}

/* It says what was added and removed, not what that costs: lines and total come with the orders/updated of the same edit. */
static bool edit_tell(struct ctx *ctx, const struct take_shopify_in *in, const struct json *body,
                      struct webhook_taken *out)
{
    struct shopify_edited edited;
    if (!shopify_edited_read(ctx, body, &edited))
        return false;
    out->order_id = shopify_order_id(ctx, edited.order_edit.order_id);
    out->outcome = WEBHOOK_OUTCOME_TAKEN;
    return true;
}

/* ---- deliveries ---- */

static const struct {
    const char *topic;
    bool (*tell)(struct ctx *ctx, const struct take_shopify_in *in, const struct json *body,
                 struct webhook_taken *out);
} topics[] = {
    { "orders/create", order_tell },    { "orders/paid", order_tell },
    { "orders/updated", order_tell },   { "orders/fulfilled", order_tell },
    { "orders/cancelled", order_tell }, { "orders/edited", edit_tell },
    { "refunds/create", refund_tell },
};

static bool shop_check(struct ctx *ctx, const struct take_shopify_in *in)
{
    struct shop_row shop;
    if (!store_shop(ctx, in->shop, &shop))
        return ctx_fail(ctx, ERR_NOT_FOUND, "there is no shop of this name");
    bool before = shop.secret_before.ptr && clock_now_us() < shop.before_until_us;
    if (in->x_shopify_hmac_sha256.ptr &&
        (shopify_signed(ctx, shop.secret, in->body_raw, in->x_shopify_hmac_sha256) ||
         (before &&
          shopify_signed(ctx, shop.secret_before, in->body_raw, in->x_shopify_hmac_sha256))))
        return true;
    return ctx_fail(ctx, ERR_UNAUTHENTICATED,
                    "X-Shopify-Hmac-Sha256 is not the signature of this body by this shop");
}

static bool delivery_take(struct ctx *ctx, const struct take_shopify_in *in,
                          struct webhook_taken *out)
{
    size_t i = 0;
    bool again;
    while (i < COUNT(topics) && !str_is(in->x_shopify_topic, topics[i].topic))
        i++;
    if (i == COUNT(topics))
        return ctx_fail_at(ctx, ERR_INVALID, STR("header/X-Shopify-Topic"),
                           "nothing is known here of " STR_FMT, STR_ARG(in->x_shopify_topic));
    const struct json *body = json_parse(ctx, in->body_raw);
    if (!body || !store_delivery(ctx, in->shop, in->x_shopify_webhook_id, &again))
        return false;
    out->outcome = WEBHOOK_OUTCOME_KNOWN;
    return again || topics[i].tell(ctx, in, body, out);
}

struct reply commerce_take_shopify(struct ctx *ctx, const struct take_shopify_in *in)
{
    struct webhook_taken taken = { 0 };
    if (!shop_check(ctx, in) || !delivery_take(ctx, in, &taken))
        return reply_error(ctx);
    return reply_ok(ctx, webhook_taken_encode(ctx, &taken));
}
