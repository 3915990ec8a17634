/* Impressions, clicks and spend. */
#include "services/ads/counts.h"

bool store_seen(struct ctx *ctx, const struct link *link, bool *first)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "INSERT INTO impressions (impression_id, person_id, noted_us, seen, clicked)"
                  " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (impression_id)"
                  " DO UPDATE SET seen = excluded.seen WHERE NOT impressions.seen",
                  sql_str(link->impression_id), sql_str(link->person_id), sql_int(link->at_us),
                  sql_bool(true), sql_bool(false)))
        return false;
    *first = changed == 1;
    return true;
}

bool store_clicked(struct ctx *ctx, const struct link *link, bool *first)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "INSERT INTO impressions (impression_id, person_id, noted_us, seen, clicked)"
                  " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (impression_id)"
                  " DO UPDATE SET clicked = excluded.clicked"
                  " WHERE NOT impressions.clicked",
                  sql_str(link->impression_id), sql_str(link->person_id), sql_int(link->at_us),
                  sql_bool(false), sql_bool(true)))
        return false;
    *first = changed == 1;
    return true;
}

bool store_charge(struct ctx *ctx, struct str launch_id, int64_t milli, int64_t *charged)
{
    struct sql_rows rows;
    *charged = 0;
    /* Written, so that nobody else charges it until this is committed. */
    if (!sql_one(ctx, &rows,
                 "UPDATE activations SET spent_milli = spent_milli WHERE launch_id = $1"
                 " RETURNING budget_milli, spent_milli",
                 sql_str(launch_id)))
        return !ctx_failed(ctx);
    int64_t budget = row_int(&rows, 0), spent = row_int(&rows, 1);
    sql_rows_close(&rows);
    *charged = budget ? MIN(milli, MAX(budget - spent, 0)) : milli;
    return sql_exec(ctx, NULL,
                    "UPDATE activations SET spent_milli = spent_milli + $1 WHERE launch_id = $2",
                    sql_int(*charged), sql_str(launch_id));
}

bool store_spend_add(struct ctx *ctx, const struct spend_row *more)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO spend (launch_id, ad_id, impressions, clicks, milli, currency,"
                    " told_impressions, told_clicks, told_amount, told_us)"
                    " VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, $7) ON CONFLICT (launch_id, ad_id)"
                    " DO UPDATE SET impressions = spend.impressions + excluded.impressions,"
                    " clicks = spend.clicks + excluded.clicks,"
                    " milli = spend.milli + excluded.milli",
                    sql_str(more->launch_id), sql_str(more->ad_id), sql_int(more->impressions),
                    sql_int(more->clicks), sql_int(more->milli), sql_str(more->currency),
                    sql_int(more->told_us));
}

bool store_spend_sum(struct ctx *ctx, struct str launch_id, struct spend_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT CAST(coalesce(sum(impressions), 0) AS BIGINT),"
                 " CAST(coalesce(sum(clicks), 0) AS BIGINT) FROM spend WHERE launch_id = $1",
                 sql_str(launch_id)))
        return false;
    *out = (struct spend_row){ .launch_id = launch_id,
                               .impressions = row_int(&rows, 0),
                               .clicks = row_int(&rows, 1) };
    sql_rows_close(&rows);
    return true;
}

bool store_spend_untold(struct ctx *ctx, size_t limit, struct spend_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT s.launch_id, a.campaign_id, s.ad_id, s.currency, s.impressions,"
                   " s.clicks, s.milli, s.told_impressions, s.told_clicks, s.told_amount,"
                   " s.told_us FROM spend s JOIN activations a ON a.launch_id = s.launch_id"
                   " WHERE s.impressions > s.told_impressions OR s.clicks > s.told_clicks"
                   " ORDER BY s.launch_id, s.ad_id LIMIT $1",
                   sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct spend_row){ .launch_id = row_str(ctx, &rows, 0),
                                      .campaign_id = row_str(ctx, &rows, 1),
                                      .ad_id = row_str(ctx, &rows, 2),
                                      .currency = row_str(ctx, &rows, 3),
                                      .impressions = row_int(&rows, 4),
                                      .clicks = row_int(&rows, 5),
                                      .milli = row_int(&rows, 6),
                                      .told_impressions = row_int(&rows, 7),
                                      .told_clicks = row_int(&rows, 8),
                                      .told_amount = row_int(&rows, 9),
                                      .told_us = row_int(&rows, 10) };
    return !ctx_failed(ctx);
}

bool store_spend_told(struct ctx *ctx, const struct spend_row *row, int64_t amount, int64_t now_us)
{
    return sql_exec(ctx, NULL,
                    "UPDATE spend SET told_impressions = $1, told_clicks = $2, told_amount = $3,"
                    " told_us = $4 WHERE launch_id = $5 AND ad_id = $6",
                    sql_int(row->impressions), sql_int(row->clicks), sql_int(amount),
                    sql_int(now_us), sql_str(row->launch_id), sql_str(row->ad_id));
}

bool store_impressions_prune(struct ctx *ctx, int64_t before_us)
{
    return sql_exec(ctx, NULL, "DELETE FROM impressions WHERE noted_us < $1", sql_int(before_us));
}

bool store_person_forget(struct ctx *ctx, struct str person_id)
{
    sql_scrub(ctx);
    return sql_replies_forget(ctx, person_id) &&
           sql_exec(ctx, NULL, "DELETE FROM impressions WHERE person_id = $1", sql_str(person_id));
}
