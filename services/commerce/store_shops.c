#include "services/commerce/store_shops.h"

#include "base/clock.h"

#define KEPT_US (7 * US_PER_DAY) /* far more than a shop goes on trying */

bool store_shop(struct ctx *ctx, struct str shop, struct shop_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT shop, secret, secret_before, before_until_us, updated_us FROM shops"
                 " WHERE shop = $1",
                 sql_str(shop)))
        return false;
    *out = (struct shop_row){ row_str(ctx, &rows, 0), row_str(ctx, &rows, 1),
                              row_str(ctx, &rows, 2), row_int(&rows, 3), row_int(&rows, 4) };
    sql_rows_close(&rows);
    return true;
}

bool store_shop_put(struct ctx *ctx, const struct shop_row *shop)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO shops (shop, secret, secret_before, before_until_us, updated_us)"
                    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (shop) DO UPDATE SET"
                    " secret = excluded.secret, secret_before = excluded.secret_before,"
                    " before_until_us = excluded.before_until_us, updated_us = excluded.updated_us",
                    sql_str(shop->shop), sql_str(shop->secret), sql_str(shop->secret_before),
                    sql_int(shop->before_until_us), sql_int(shop->updated_us));
}

bool store_shop_delete(struct ctx *ctx, struct str shop)
{
    return sql_exec(ctx, NULL, "DELETE FROM shops WHERE shop = $1", sql_str(shop));
}

bool store_delivery(struct ctx *ctx, struct str shop, struct str webhook_id, bool *again)
{
    int64_t added, now_us = clock_now_us();
    if (!sql_exec(ctx, NULL, "DELETE FROM shop_deliveries WHERE seen_us < $1",
                  sql_int(now_us - KEPT_US)) ||
        !sql_exec(ctx, &added,
                  "INSERT INTO shop_deliveries (shop, webhook_id, seen_us) VALUES ($1, $2, $3)"
                  " ON CONFLICT (shop, webhook_id) DO NOTHING",
                  sql_str(shop), sql_str(webhook_id), sql_int(now_us)))
        return false;
    *again = !added;
    return true;
}

/* ---- refunds that wait ---- */

bool store_shop_refund_wait(struct ctx *ctx, struct str shop, const struct shop_refund *refund)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO shop_refunds (refund_id, shop, order_id, amount, currency, refunded_us)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (refund_id) DO NOTHING",
        sql_str(refund->refund_id), sql_str(shop), sql_str(refund->order_id),
        sql_int(refund->amount.amount), sql_text(refund->amount.currency), sql_int(refund->at_us));
}

static struct shop_refund refund_of(struct ctx *ctx, const struct sql_rows *rows)
{
    struct shop_refund refund = { .refund_id = row_str(ctx, rows, 0),
                                  .order_id = row_str(ctx, rows, 1),
                                  .amount.amount = row_int(rows, 2),
                                  .at_us = row_int(rows, 4) };
    store_currency(ctx, rows, 3, refund.amount.currency);
    return refund;
}

bool store_shop_refunds_take(struct ctx *ctx, struct str shop, struct str order_id,
                             struct shop_refund **out, size_t *n)
{
    struct sql_rows rows;
    *n = 0;
    if (!sql_one(ctx, &rows, "SELECT count(*) FROM shop_refunds WHERE order_id = $1 AND shop = $2",
                 sql_str(order_id), sql_str(shop)))
        return false;
    size_t room = (size_t)row_int(&rows, 0);
    sql_rows_close(&rows);
    *out = ARENA_ARRAY(ctx->arena, struct shop_refund, room);
    if (!room)
        return true;
    if (!sql_query(ctx, &rows,
                   "SELECT refund_id, order_id, amount, currency, refunded_us FROM shop_refunds"
                   " WHERE order_id = $1 AND shop = $2 ORDER BY refunded_us, refund_id LIMIT $3",
                   sql_str(order_id), sql_str(shop), sql_int((int64_t)room)))
        return false;
    while (sql_next(ctx, &rows))
        (*out)[(*n)++] = refund_of(ctx, &rows);
    return !ctx_failed(ctx) &&
           sql_exec(ctx, NULL, "DELETE FROM shop_refunds WHERE order_id = $1 AND shop = $2",
                    sql_str(order_id), sql_str(shop));
}

bool store_sku(struct ctx *ctx, struct str sku, struct str *product_id)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT product_id FROM product_skus WHERE sku = $1", sql_str(sku)))
        return false;
    *product_id = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}
