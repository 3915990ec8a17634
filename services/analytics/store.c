#include "services/analytics/store.h"

bool store_tracking(struct ctx *ctx, struct str launch_id, struct tracking_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT campaign_id, state, name, goal, within_days, starts_us, ends_us, asked_us"
                 " FROM trackings WHERE launch_id = $1",
                 sql_str(launch_id)))
        return false;
    *out = (struct tracking_row){ .launch_id = launch_id,
                                  .campaign_id = row_str(ctx, &rows, 0),
                                  .undone = str_is(row_str(ctx, &rows, 1), "undone"),
                                  .name = row_str(ctx, &rows, 2),
                                  .goal = row_str(ctx, &rows, 3),
                                  .within_days = row_int(&rows, 4),
                                  .starts_us = row_int(&rows, 5),
                                  .ends_us = row_int(&rows, 6),
                                  .asked_us = row_int(&rows, 7) };
    sql_rows_close(&rows);
    return true;
}

bool store_tracking_put(struct ctx *ctx, const struct tracking_row *row)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO trackings (launch_id, campaign_id, state, name, goal, within_days,"
                    " starts_us, ends_us, asked_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
                    " ON CONFLICT (launch_id) DO UPDATE SET state = excluded.state",
                    sql_str(row->launch_id), sql_str(row->campaign_id),
                    sql_text(row->undone ? "undone" : "tracked"), sql_str(row->name),
                    sql_str(row->goal), sql_int(row->within_days), sql_int(row->starts_us),
                    sql_int(row->ends_us), sql_int(row->asked_us));
}

bool store_measure(struct ctx *ctx, struct str campaign_id, struct measure_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT s.n, s.starts, s.ends, t.name, t.goal, t.within_days FROM trackings t,"
                 " (SELECT count(*) n, min(starts_us) starts, max(ends_us) ends FROM trackings"
                 " WHERE campaign_id = $1 AND state = 'tracked') s"
                 " WHERE t.campaign_id = $1 AND t.state = 'tracked'"
                 " ORDER BY t.asked_us DESC, t.launch_id DESC LIMIT 1",
                 sql_str(campaign_id)))
        return false;
    *out = (struct measure_row){ .launches = row_int(&rows, 0),
                                 .starts_us = row_int(&rows, 1),
                                 .ends_us = row_int(&rows, 2),
                                 .name = row_str(ctx, &rows, 3),
                                 .goal = row_str(ctx, &rows, 4),
                                 .within_days = row_int(&rows, 5) };
    sql_rows_close(&rows);
    return true;
}
