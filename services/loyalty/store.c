#include "services/loyalty/store.h"

bool store_balance(struct ctx *ctx, struct str customer_id, struct balance_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT points, lifetime_points FROM balances WHERE customer_id = $1",
                 sql_str(customer_id)))
        return ctx_failed(ctx) ? false
                               : ctx_fail(ctx, ERR_NOT_FOUND, "there is no customer with this id");
    *out = (struct balance_row){ .customer_id = customer_id,
                                 .points = row_int(&rows, 0),
                                 .lifetime_points = row_int(&rows, 1) };
    out->tier = ledger_tier_of(out->lifetime_points);
    sql_rows_close(&rows);
    return true;
}

bool store_append(struct ctx *ctx, const struct entry_row *entry, bool lifetime,
                  struct balance_row *after)
{
    struct sql_rows rows;
    if (!sql_exec(
            ctx, NULL,
            "INSERT INTO entries (entry_id, customer_id, points, reason, order_id, note, at_us)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            sql_str(entry->entry_id), sql_str(entry->customer_id), sql_int(entry->points),
            sql_str(entry->reason), sql_str(entry->order_id), sql_str(entry->note),
            sql_int(entry->at_us)) ||
        !sql_one(
            ctx, &rows,
            "INSERT INTO balances (customer_id, points, lifetime_points) VALUES ($1, $2, $3)"
            " ON CONFLICT (customer_id) DO UPDATE SET points = balances.points + excluded.points,"
            " lifetime_points = balances.lifetime_points + excluded.lifetime_points"
            " RETURNING points, lifetime_points",
            sql_str(entry->customer_id), sql_int(entry->points),
            sql_int(lifetime ? entry->points : 0)))
        return false;
    *after = (struct balance_row){ .customer_id = entry->customer_id,
                                   .points = row_int(&rows, 0),
                                   .lifetime_points = row_int(&rows, 1) };
    after->tier = ledger_tier_of(after->lifetime_points);
    sql_rows_close(&rows);
    return true;
}

bool store_entries(struct ctx *ctx, struct str customer_id, struct sql_moment before, size_t limit,
                   struct entry_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(
            ctx, &rows,
            "SELECT entry_id, points, reason, order_id, note, at_us FROM entries WHERE customer_id = $1"
            " AND (at_us < $2 OR (at_us = $2 AND entry_id < $3)) ORDER BY at_us DESC, entry_id DESC LIMIT $4",
            sql_str(customer_id), sql_int(before.us), sql_str(before.id), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct entry_row){ .customer_id = customer_id,
                                      .entry_id = row_str(ctx, &rows, 0),
                                      .points = row_int(&rows, 1),
                                      .reason = row_str(ctx, &rows, 2),
                                      .order_id = row_str(ctx, &rows, 3),
                                      .note = row_str(ctx, &rows, 4),
                                      .at_us = row_int(&rows, 5) };
    return !ctx_failed(ctx);
}

bool store_order(struct ctx *ctx, struct str order_id, struct order_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT customer_id, total, refunded, earned FROM orders WHERE order_id = $1",
                 sql_str(order_id)))
        return false;
    *out = (struct order_row){ .order_id = order_id,
                               .customer_id = row_str(ctx, &rows, 0),
                               .total = row_int(&rows, 1),
                               .refunded = row_int(&rows, 2),
                               .earned = row_int(&rows, 3) };
    sql_rows_close(&rows);
    return true;
}

bool store_order_put(struct ctx *ctx, const struct order_row *order)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO orders (order_id, customer_id, total, refunded, earned) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (order_id) DO UPDATE SET refunded = excluded.refunded, earned = excluded.earned",
        sql_str(order->order_id), sql_str(order->customer_id), sql_int(order->total),
        sql_int(order->refunded), sql_int(order->earned));
}

bool store_totals(struct ctx *ctx, struct totals_row *out)
{
    struct sql_rows rows;
    if (!sql_one(
            ctx, &rows,
            "SELECT count(*), CAST(coalesce(sum(points), 0) AS BIGINT),"
            " CAST(coalesce(sum(lifetime_points), 0) AS BIGINT), (SELECT count(*) FROM orders) FROM balances"))
        return false;
    *out = (struct totals_row){ .customers = row_int(&rows, 0),
                                .points = row_int(&rows, 1),
                                .lifetime_points = row_int(&rows, 2),
                                .orders = row_int(&rows, 3) };
    sql_rows_close(&rows);
    return true;
}

bool store_erased(struct ctx *ctx, struct str customer_id, bool *erased)
{
    struct sql_rows rows;
    *erased =
        sql_one(ctx, &rows, "SELECT 1 FROM erased WHERE customer_id = $1", sql_str(customer_id));
    if (*erased)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

bool store_erase(struct ctx *ctx, struct str customer_id, int64_t at_us)
{
    sql_scrub(ctx);
    return sql_replies_forget(ctx, customer_id) &&
           sql_exec(ctx, NULL,
                    "INSERT INTO erased (customer_id, erased_us) VALUES ($1, $2)"
                    " ON CONFLICT (customer_id) DO NOTHING",
                    sql_str(customer_id), sql_int(at_us)) &&
           sql_exec(ctx, NULL, "DELETE FROM entries WHERE customer_id = $1",
                    sql_str(customer_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM orders WHERE customer_id = $1", sql_str(customer_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM balances WHERE customer_id = $1", sql_str(customer_id));
}
