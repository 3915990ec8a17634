#include "services/commerce/store.h"

#define ORDER_COLUMNS                                                                              \
    "order_id, customer_id, state, channel, asked, placed_us, total, refunded, currency, stage,"   \
    " changes, told_us, triggered_us"

/* What an older version wrote has no stage, and counts as paid. */
static struct order_row order_of(struct ctx *ctx, const struct sql_rows *rows)
{
    struct order_row order = { .order_id = row_str(ctx, rows, 0),
                               .customer_id = row_str(ctx, rows, 1),
                               .state = order_state_parse(row_str(ctx, rows, 2)),
                               .channel = row_str(ctx, rows, 3),
                               .asked = row_str(ctx, rows, 4),
                               .placed_us = row_int(rows, 5),
                               .total = row_int(rows, 6),
                               .refunded = row_int(rows, 7),
                               .changes = row_int(rows, 10),
                               .told = { row_int(rows, 11), row_int(rows, 12) } };
    store_currency(ctx, rows, 8, order.currency);
    enum order_state stage = row_is_null(rows, 9) ? ORDER_STATE_PAID
                                                  : order_state_parse(row_str(ctx, rows, 9));
    order.paid = stage != ORDER_STATE_PLACED;
    if (order.state == ORDER_STATE_PLACED)
        order.state = stage;
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
            "SELECT product_id, quantity, amount, sku, taken, refunded_quantity FROM order_lines"
            " WHERE order_id = $1 ORDER BY line",
            sql_str(order->order_id)))
        return false;
    while (sql_next(ctx, &rows))
        if (order->n_lines < room)
            order->lines[order->n_lines++] =
                (struct line_row){ .product_id = row_str(ctx, &rows, 0),
                                   .quantity = row_int(&rows, 1),
                                   .amount = row_int(&rows, 2),
                                   .sku = row_str(ctx, &rows, 3),
                                   .taken = row_int(&rows, 4),
                                   .refunded_quantity = row_int(&rows, 5) };
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

/* An older version knows neither what comes after placed, nor what it would make of it. */
static const char *stored_state(enum order_state state)
{
    bool ended = state == ORDER_STATE_CANCELLED || state == ORDER_STATE_REFUNDED;
    return order_state_name(ended ? state : ORDER_STATE_PLACED);
}

static bool line_add(struct ctx *ctx, const struct order_row *order, size_t i)
{
    const struct line_row *line = &order->lines[i];
    return sql_exec(
        ctx, NULL,
        "INSERT INTO order_lines (order_id, line, product_id, quantity, amount, sku, taken, refunded_quantity)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        sql_str(order->order_id), sql_int((int64_t)i), sql_str(line->product_id),
        sql_int(line->quantity), sql_int(line->amount), sql_str(line->sku), sql_int(line->taken),
        sql_int(line->refunded_quantity));
}

static bool lines_add(struct ctx *ctx, const struct order_row *order)
{
    for (size_t i = 0; i < order->n_lines; i++)
        if (!line_add(ctx, order, i))
            return false;
    return true;
}

bool store_order_add(struct ctx *ctx, const struct order_row *order)
{
    if (!sql_exec(ctx, NULL,
                  "INSERT INTO orders (" ORDER_COLUMNS
                  ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
                  sql_str(order->order_id), sql_str(order->customer_id),
                  sql_text(stored_state(order->state)), sql_str(order->channel),
                  sql_str(order->asked), sql_int(order->placed_us), sql_int(order->total),
                  sql_int(order->refunded), sql_text(order->currency),
                  sql_text(order_state_name(order->state)), sql_int(order->changes),
                  sql_int(order->told.updated_us), sql_int(order->told.triggered_us)) ||
        !lines_add(ctx, order))
        return false;
    return revenue_add(ctx, order->currency, 1, order->total, 0);
}

/* ---- what becomes of them ---- */

static bool changed_one(struct ctx *ctx, int64_t changed)
{
    return changed == 1 ||
           ctx_fail(ctx, ERR_CONFLICT, "the order was changed by somebody else at the same time");
}

/* The order as it was read, before its end. */
#define AS_READ                                                                                    \
    " WHERE order_id = $1 AND refunded = $2 AND state = 'placed' AND coalesce(stage, 'paid') = $3" \
    " AND changes = $4"
#define AS_READ_VALUES(order)                                                                      \
    sql_str((order)->order_id), sql_int((order)->refunded),                                        \
        sql_text(order_state_name((order)->state)), sql_int((order)->changes)

bool store_order_move(struct ctx *ctx, const struct order_row *order, enum order_state to)
{
    int64_t changed;
    return sql_exec(ctx, &changed, "UPDATE orders SET stage = $5" AS_READ, AS_READ_VALUES(order),
                    sql_text(order_state_name(to))) &&
           changed_one(ctx, changed);
}

bool store_order_pay_back(struct ctx *ctx, const struct order_row *order, int64_t amount,
                          enum order_state to)
{
    int64_t changed;
    return sql_exec(ctx, &changed, "UPDATE orders SET refunded = refunded + $5, state = $6" AS_READ,
                    AS_READ_VALUES(order), sql_int(amount), sql_text(stored_state(to))) &&
           changed_one(ctx, changed) && revenue_add(ctx, order->currency, 0, 0, amount);
}

bool store_order_change(struct ctx *ctx, const struct order_row *order,
                        const struct order_row *changed)
{
    int64_t changed_rows;
    return sql_exec(ctx, &changed_rows,
                    "UPDATE orders SET total = $5, changes = changes + 1" AS_READ,
                    AS_READ_VALUES(order), sql_int(changed->total)) &&
           changed_one(ctx, changed_rows) &&
           sql_exec(ctx, NULL, "DELETE FROM order_lines WHERE order_id = $1",
                    sql_str(order->order_id)) &&
           lines_add(ctx, changed) &&
           revenue_add(ctx, order->currency, 0, changed->total - order->total, 0);
}

bool store_order_told(struct ctx *ctx, const struct order_row *order, const struct order_told *told)
{
    return sql_exec(
        ctx, NULL, "UPDATE orders SET told_us = $2, triggered_us = $3 WHERE order_id = $1",
        sql_str(order->order_id), sql_int(told->updated_us), sql_int(told->triggered_us));
}

static bool part_add(struct ctx *ctx, const struct order_row *order,
                     const struct refund_row *refund, const struct refund_part *part)
{
    int64_t taken = order->lines[part->line].taken;
    return sql_exec(ctx, NULL,
                    "UPDATE order_lines SET refunded_quantity = refunded_quantity + $3"
                    " WHERE order_id = $1 AND line = $2",
                    sql_str(order->order_id), sql_int((int64_t)part->line),
                    sql_int(part->quantity)) &&
           (!refund->restock ||
            store_stock_give_back(ctx, order, part->line, MIN(part->quantity, taken)));
}

bool store_refund_add(struct ctx *ctx, const struct order_row *order,
                      const struct refund_row *refund)
{
    int64_t added;
    if (!sql_exec(ctx, &added,
                  "INSERT INTO refunds (refund_id, order_id, amount, refunded_us)"
                  " VALUES ($1, $2, $3, $4) ON CONFLICT (refund_id) DO NOTHING",
                  sql_str(refund->refund_id), sql_str(order->order_id), sql_int(refund->amount),
                  sql_int(refund->refunded_us)))
        return false;
    if (!added)
        return ctx_fail(ctx, ERR_CONFLICT, "this refund is known already");
    for (size_t i = 0; i < refund->n_parts; i++)
        if (!part_add(ctx, order, refund, &refund->parts[i]))
            return false;
    return true;
}

bool store_refund_known(struct ctx *ctx, struct str refund_id)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT 1 FROM refunds WHERE refund_id = $1", sql_str(refund_id)))
        return false;
    sql_rows_close(&rows);
    return true;
}

/* ---- stock ---- */

static struct sql_value stocked_as(const struct line_row *line)
{
    return sql_str(line->sku.ptr ? line->sku : STR(""));
}

bool store_stock_take(struct ctx *ctx, struct line_row *line, size_t i)
{
    int64_t changed;
    struct stock_row stock;
    if (!sql_exec(ctx, &changed,
                  "UPDATE stock SET available = available - $3 WHERE product_id = $1 AND sku = $2"
                  " AND (backorder OR available >= $3)",
                  sql_str(line->product_id), stocked_as(line), sql_int(line->quantity)))
        return false;
    line->taken = changed ? line->quantity : 0;
    if (changed ||
        !store_stock_one(ctx, line->product_id, line->sku.ptr ? line->sku : STR(""), &stock))
        return !ctx_failed(ctx);
    return ctx_fail_at(ctx, ERR_CONFLICT, arena_printf(ctx->arena, "/lines/%zu/quantity", i),
                       "%lld are there", (long long)stock.available);
}

bool store_stock_give_back(struct ctx *ctx, const struct order_row *order, size_t line,
                           int64_t quantity)
{
    const struct line_row *row = &order->lines[line];
    return quantity <= 0 ||
           (sql_exec(
                ctx, NULL,
                "UPDATE stock SET available = available + $3 WHERE product_id = $1 AND sku = $2",
                sql_str(row->product_id), stocked_as(row), sql_int(quantity)) &&
            sql_exec(ctx, NULL,
                     "UPDATE order_lines SET taken = taken - $3 WHERE order_id = $1 AND line = $2",
                     sql_str(order->order_id), sql_int((int64_t)line), sql_int(quantity)));
}

/* ---- lists and sums ---- */

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
