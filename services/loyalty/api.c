#include "base/clock.h"
#include "services/loyalty/points.h"
#include "loyalty_contract.h"

static struct reply reply_balance(struct ctx *ctx, const struct balance_row *row)
{
    struct balance balance = { .customer_id = row->customer_id,
                               .points = row->points,
                               .lifetime_points = row->lifetime_points,
                               .tier = tier_parse(str_of(ledger_tier_name(row->tier))) };
    if (row->tier + 1 < N_LEDGER_TIERS) {
        balance.has_next_tier = balance.has_points_to_next_tier = true;
        balance.next_tier = tier_parse(str_of(ledger_tier_name(row->tier + 1)));
        balance.points_to_next_tier = ledger_tier_from(row->tier + 1) - row->lifetime_points;
    }
    return reply_ok(ctx, balance_encode(ctx, &balance));
}

struct reply loyalty_get_balance(struct ctx *ctx, const struct get_balance_in *in)
{
    struct balance_row row;
    if (!store_balance(ctx, in->customer_id, &row))
        return reply_error(ctx);
    return reply_balance(ctx, &row);
}

struct reply loyalty_list_entries(struct ctx *ctx, const struct list_entries_in *in)
{
    struct sql_moment before;
    size_t n, limit = (size_t)in->limit;
    struct entry_row *rows = ARENA_ARRAY(ctx->arena, struct entry_row, limit + 1);
    if (!sql_moment_parse(ctx, in->cursor, &before) ||
        !store_entries(ctx, in->customer_id, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct entry_list list = { .n_items = MIN(n, limit) };
    struct entry *items = ARENA_ARRAY(ctx->arena, struct entry, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = (struct entry){ .entry_id = rows[i].entry_id,
                                   .points = rows[i].points,
                                   .reason = entry_reason_parse(rows[i].reason),
                                   .order_id = rows[i].order_id,
                                   .note = rows[i].note,
                                   .at = rows[i].at_us };
    list.items = items;
    if (n > limit)
        list.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].at_us, rows[limit - 1].entry_id);
    return reply_ok(ctx, entry_list_encode(ctx, &list));
}

struct reply loyalty_spend_points(struct ctx *ctx, const struct spend_points_in *in)
{
    struct balance_row row;
    struct movement movement = { .customer_id = in->customer_id,
                                 .points = -in->body->points,
                                 .reason = "spend",
                                 .note = in->body->note,
                                 .at_us = clock_now_us() };
    if (!store_balance(ctx, in->customer_id, &row) || !points_move(ctx, &movement, &row))
        return reply_error(ctx);
    return reply_balance(ctx, &row);
}

struct reply loyalty_adjust_points(struct ctx *ctx, const struct adjust_points_in *in)
{
    struct balance_row row;
    struct movement movement = { .customer_id = in->customer_id,
                                 .points = in->body->points,
                                 .lifetime = true,
                                 .reason = "adjustment",
                                 .note = in->body->note,
                                 .at_us = clock_now_us() };
    if (!points_move(ctx, &movement, &row))
        return reply_error(ctx);
    return reply_balance(ctx, &row);
}

struct reply loyalty_get_totals(struct ctx *ctx, const struct get_totals_in *in)
{
    struct totals_row row;
    if (!store_totals(ctx, &row))
        return reply_error(ctx);
    struct totals totals = { .customers = row.customers,
                             .orders = row.orders,
                             .points = row.points,
                             .lifetime_points = row.lifetime_points };
    return reply_ok(ctx, totals_encode(ctx, &totals));
}
