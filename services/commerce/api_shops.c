#include "base/clock.h"
#include "services/commerce/store_shops.h"
#include "commerce_contract.h"

#define BEFORE_US US_PER_DAY /* a shop signs with the secret before for an hour or so */

static struct reply reply_shop(struct ctx *ctx, const struct shop_row *row)
{
    struct shop shop = { .shop = row->shop, .updated_at = row->updated_us };
    return reply_ok(ctx, shop_encode(ctx, &shop));
}

static bool shop_get(struct ctx *ctx, struct str shop, struct shop_row *out)
{
    return store_shop(ctx, shop, out) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "there is no shop of this name");
}

struct reply commerce_put_shop(struct ctx *ctx, const struct put_shop_in *in)
{
    struct shop_row before = { 0 }, row = { .shop = in->shop,
                                            .secret = in->body->secret,
                                            .updated_us = clock_now_us() };
    bool known = store_shop(ctx, in->shop, &before);
    if (known && str_eq(before.secret, row.secret))
        return reply_shop(ctx, &before);
    if (known) {
        row.secret_before = before.secret;
        row.before_until_us = row.updated_us + BEFORE_US;
    }
    if (ctx_failed(ctx) || !store_shop_put(ctx, &row))
        return reply_error(ctx);
    return reply_shop(ctx, &row);
}

struct reply commerce_get_shop(struct ctx *ctx, const struct get_shop_in *in)
{
    struct shop_row row;
    return shop_get(ctx, in->shop, &row) ? reply_shop(ctx, &row) : reply_error(ctx);
}

struct reply commerce_delete_shop(struct ctx *ctx, const struct delete_shop_in *in)
{
    struct shop_row row;
    if (!shop_get(ctx, in->shop, &row) || !store_shop_delete(ctx, in->shop))
        return reply_error(ctx);
    return reply_empty(ctx);
}
