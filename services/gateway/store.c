#include "services/gateway/store.h"

bool store_route(struct ctx *ctx, struct str route, struct route_row *out)
{
    struct sql_rows rows;
    *out = (struct route_row){ .route = route, .live = ROUTE_COLOUR_BLUE };
    if (!sql_one(ctx, &rows,
                 "SELECT version, live, blue, green, canary_id, share, step, most, sample, hold_s,"
                 " by_itself, updated_us FROM routes WHERE route = $1",
                 sql_str(route)))
        return !ctx_failed(ctx);
    *out = (struct route_row){ .route = route,
                               .version = row_int(&rows, 0),
                               .live = route_colour_parse(row_str(ctx, &rows, 1)),
                               .blue = row_str(ctx, &rows, 2),
                               .green = row_str(ctx, &rows, 3),
                               .canary_id = row_str(ctx, &rows, 4),
                               .share = row_int(&rows, 5),
                               .step = row_int(&rows, 6),
                               .most = row_int(&rows, 7),
                               .sample = row_int(&rows, 8),
                               .hold_s = row_int(&rows, 9),
                               .by_itself = row_bool(&rows, 10),
                               .updated_us = row_int(&rows, 11) };
    sql_rows_close(&rows);
    return true;
}

bool store_route_put(struct ctx *ctx, const struct route_row *row)
{
    int64_t changed;
    if (!sql_exec(
            ctx, &changed,
            "INSERT INTO routes (route, version, live, blue, green, canary_id, share, step, most, sample,"
            " hold_s, by_itself, updated_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
            " ON CONFLICT (route) DO UPDATE SET version = excluded.version, live = excluded.live,"
            " blue = excluded.blue, green = excluded.green, canary_id = excluded.canary_id,"
            " share = excluded.share, step = excluded.step, most = excluded.most, sample = excluded.sample,"
            " hold_s = excluded.hold_s, by_itself = excluded.by_itself, updated_us = excluded.updated_us"
            " WHERE routes.version = excluded.version - 1",
            sql_str(row->route), sql_int(row->version), sql_text(route_colour_name(row->live)),
            sql_str(row->blue), sql_str(row->green), sql_str(row->canary_id), sql_int(row->share),
            sql_int(row->step), sql_int(row->most), sql_int(row->sample), sql_int(row->hold_s),
            sql_bool(row->by_itself), sql_int(row->updated_us)))
        return false;
    return changed == 1 || ctx_fail(ctx, ERR_CONFLICT, "the route was changed at the same moment");
}

bool store_change_add(struct ctx *ctx, const struct route_change_row *change)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO route_changes (change_id, route, what, who, live, address, share, version, judgement,"
        " at_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        sql_str(change->change_id), sql_str(change->route), sql_str(change->what),
        sql_str(change->who), sql_str(change->live), sql_str(change->address),
        sql_int(change->share), sql_int(change->version), sql_str(change->judgement),
        sql_int(change->at_us));
}

bool store_changes(struct ctx *ctx, struct str route, struct sql_moment before, size_t limit,
                   struct route_change_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(
            ctx, &rows,
            "SELECT change_id, what, who, live, address, share, version, judgement, at_us FROM route_changes"
            " WHERE route = $1 AND (at_us < $2 OR (at_us = $2 AND change_id < $3))"
            " ORDER BY at_us DESC, change_id DESC LIMIT $4",
            sql_str(route), sql_int(before.us), sql_str(before.id), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct route_change_row){ .change_id = row_str(ctx, &rows, 0),
                                             .route = route,
                                             .what = row_str(ctx, &rows, 1),
                                             .who = row_str(ctx, &rows, 2),
                                             .live = row_str(ctx, &rows, 3),
                                             .address = row_str(ctx, &rows, 4),
                                             .share = row_int(&rows, 5),
                                             .version = row_int(&rows, 6),
                                             .judgement = row_str(ctx, &rows, 7),
                                             .at_us = row_int(&rows, 8) };
    return !ctx_failed(ctx);
}
