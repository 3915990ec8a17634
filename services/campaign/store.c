#include "services/campaign/store.h"

#define CAMPAIGN_COLUMNS                                                                           \
    "SELECT campaign_id, name, state, plan, version, saved_by, saved_us, approved_by, approved_us" \
    " FROM campaigns"

static void campaign_row_read(struct ctx *ctx, const struct sql_rows *rows,
                              struct campaign_row *out)
{
    *out = (struct campaign_row){ .campaign_id = row_str(ctx, rows, 0),
                                  .name = row_str(ctx, rows, 1),
                                  .state = row_str(ctx, rows, 2),
                                  .plan = row_str(ctx, rows, 3),
                                  .version = row_int(rows, 4),
                                  .saved_by = row_str(ctx, rows, 5),
                                  .saved_us = row_int(rows, 6),
                                  .approved_by = row_str(ctx, rows, 7),
                                  .approved_us = row_int(rows, 8) };
}

bool store_campaign(struct ctx *ctx, struct str campaign_id, struct campaign_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, CAMPAIGN_COLUMNS " WHERE campaign_id = $1", sql_str(campaign_id)))
        return false;
    campaign_row_read(ctx, &rows, out);
    sql_rows_close(&rows);
    return true;
}

bool store_campaign_put(struct ctx *ctx, const struct campaign_row *campaign)
{
    int64_t changed;
    if (!sql_exec(
            ctx, &changed,
            "INSERT INTO campaigns (campaign_id, name, state, plan, version, saved_by, saved_us,"
            " approved_by, approved_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
            " ON CONFLICT (campaign_id) DO UPDATE SET name = excluded.name,"
            " state = excluded.state, plan = excluded.plan, version = excluded.version,"
            " saved_by = excluded.saved_by, saved_us = excluded.saved_us,"
            " approved_by = excluded.approved_by, approved_us = excluded.approved_us"
            " WHERE campaigns.version = excluded.version - 1",
            sql_str(campaign->campaign_id), sql_str(campaign->name), sql_str(campaign->state),
            sql_str(campaign->plan), sql_int(campaign->version), sql_str(campaign->saved_by),
            sql_int(campaign->saved_us), sql_str(campaign->approved_by),
            sql_int(campaign->approved_us)))
        return false;
    return changed == 1 ||
           ctx_fail(ctx, ERR_CONFLICT, "somebody else is changing this campaign: read it again");
}

bool store_campaign_delete(struct ctx *ctx, const struct campaign_row *campaign)
{
    return sql_exec(ctx, NULL, "DELETE FROM campaigns WHERE campaign_id = $1 AND version = $2",
                    sql_str(campaign->campaign_id), sql_int(campaign->version));
}

bool store_campaigns(struct ctx *ctx, struct str state, struct str after, size_t limit,
                     struct campaign_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   CAMPAIGN_COLUMNS " WHERE ($1 = '' OR state = $1) AND campaign_id > $2"
                                    " ORDER BY campaign_id LIMIT $3",
                   sql_str(state.ptr ? state : STR("")), sql_str(after.ptr ? after : STR("")),
                   sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        campaign_row_read(ctx, &rows, &out[*n]);
    return !ctx_failed(ctx);
}
