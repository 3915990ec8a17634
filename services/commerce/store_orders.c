#include "services/commerce/store.h"

#define ORDER_COLUMNS                                                                              \
    "order_id, customer_id, state, channel, asked, placed_us, total, refunded, currency"

static struct order_row order_of(struct ctx *ctx, const struct sql_rows *rows)
{
    struct order_row order = { .order_id = row_str(ctx, rows, 0),
                               .customer_id = row_str(ctx, rows, 1),
                               .state = row_str(ctx, rows, 2),
                               .channel = row_str(ctx, rows, 3),
                               .asked = row_str(ctx, rows, 4),
                               .placed_us = row_int(rows, 5),
                               .total = row_int(rows, 6),
                               .refunded = row_int(rows, 7) };
    store_currency(ctx, rows, 8, order.currency);
    return order;
}

static bool lines_of(struct ctx *ctx, struct order_row *order)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT count(*) FROM order_lines WHERE order_id = $1",
                 sql_str(order->order_id)))
        return false;
    size_t room = (size_t)row_int(&rows, 0);
    sql_rows_close(&rows);
    order->lines = ARENA_ARRAY(ctx->arena, struct line_row, room);
    if (!sql_query(
            ctx, &rows,
            "SELECT product_id, quantity, amount FROM order_lines WHERE order_id = $1 ORDER BY line",
            sql_str(order->order_id)))
        return false;
    while (sql_next(ctx, &rows))
        if (order->n_lines < room)
            order->lines[order->n_lines++] =
                (struct line_row){ .product_id = row_str(ctx, &rows, 0),
                                   .quantity = row_int(&rows, 1),
                                   .amount = row_int(&rows, 2) };
    return !ctx_failed(ctx);
}

bool store_order(struct ctx *ctx, struct str order_id, struct order_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " ORDER_COLUMNS " FROM orders WHERE order_id = $1",
                 sql_str(order_id)))
        return false;
    *out = order_of(ctx, &rows);
    sql_rows_close(&rows);
    return lines_of(ctx, out);
}

static bool revenue_add(struct ctx *ctx, const char *currency, int64_t orders, int64_t revenue,
                        int64_t refunded)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO revenue (currency, orders, revenue, refunded) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (currency) DO UPDATE SET orders = revenue.orders + excluded.orders,"
        " revenue = revenue.revenue + excluded.revenue, refunded = revenue.refunded + excluded.refunded",
        sql_text(currency), sql_int(orders), sql_int(revenue), sql_int(refunded));
}

bool store_order_add(struct ctx *ctx, const struct order_row *order)
{
    if (!sql_exec(ctx, NULL,
                  "INSERT INTO orders (" ORDER_COLUMNS
                  ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                  sql_str(order->order_id), sql_str(order->customer_id), sql_str(order->state),
                  sql_str(order->channel), sql_str(order->asked), sql_int(order->placed_us),
                  sql_int(order->total), sql_int(order->refunded), sql_text(order->currency)))
        return false;
    for (size_t i = 0; i < order->n_lines; i++)
        if (!sql_exec(ctx, NULL,
                      "INSERT INTO order_lines (order_id, line, product_id, quantity, amount)"
                      " VALUES ($1, $2, $3, $4, $5)",
                      sql_str(order->order_id), sql_int((int64_t)i),
                      sql_str(order->lines[i].product_id), sql_int(order->lines[i].quantity),
                      sql_int(order->lines[i].amount)))
            return false;
    return revenue_add(ctx, order->currency, 1, order->total, 0);
}

bool store_order_pay_back(struct ctx *ctx, const struct order_row *order, int64_t amount,
                          const char *state)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "UPDATE orders SET refunded = refunded + $1, state = $2"
                  " WHERE order_id = $3 AND refunded = $4 AND state = $5",
                  sql_int(amount), sql_text(state), sql_str(order->order_id),
                  sql_int(order->refunded), sql_str(order->state)))
        return false;
    if (changed != 1)
        return ctx_fail(ctx, ERR_CONFLICT,
                        "the order was changed by somebody else at the same time");
    return revenue_add(ctx, order->currency, 0, 0, amount);
}

bool store_orders(struct ctx *ctx, struct str customer_id, struct sql_moment before, size_t limit,
                  struct order_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT " ORDER_COLUMNS " FROM orders WHERE customer_id = $1"
                   " AND (placed_us < $2 OR (placed_us = $2 AND order_id < $3))"
                   " ORDER BY placed_us DESC, order_id DESC LIMIT $4",
                   sql_str(customer_id), sql_int(before.us), sql_str(before.id),
                   sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = order_of(ctx, &rows);
    for (size_t i = 0; !ctx_failed(ctx) && i < *n; i++)
        lines_of(ctx, &out[i]);
    return !ctx_failed(ctx);
}

bool store_revenue(struct ctx *ctx, struct revenue_row out[STORE_CURRENCIES], size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(
            ctx, &rows,
            "SELECT currency, orders, revenue, refunded FROM revenue ORDER BY currency LIMIT $1",
            sql_int(STORE_CURRENCIES)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n) {
        out[*n] = (struct revenue_row){ .orders = row_int(&rows, 1),
                                        .revenue = row_int(&rows, 2),
                                        .refunded = row_int(&rows, 3) };
        store_currency(ctx, &rows, 0, out[*n].currency);
    }
    return !ctx_failed(ctx);
}
