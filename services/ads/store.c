#include "services/ads/store.h"

static bool revision_move(struct ctx *ctx)
{
    return sql_exec(ctx, NULL, "UPDATE revision SET value = value + 1");
}

bool store_revision(struct ctx *ctx, int64_t *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT value FROM revision"))
        return ctx_fail(ctx, ERR_INTERNAL, "reading the revision");
    *out = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

/* ---- placements ---- */

bool store_placement(struct ctx *ctx, struct str placement_id, struct placement_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT slot, name, updated_us FROM placements WHERE placement_id = $1",
                 sql_str(placement_id)))
        return false;
    *out = (struct placement_row){ .placement_id = placement_id,
                                   .slot = row_str(ctx, &rows, 0),
                                   .name = row_str(ctx, &rows, 1),
                                   .updated_us = row_int(&rows, 2) };
    sql_rows_close(&rows);
    return true;
}

bool store_placement_put(struct ctx *ctx, const struct placement_row *row)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO placements (placement_id, slot, name, updated_us)"
                    " VALUES ($1, $2, $3, $4) ON CONFLICT (placement_id) DO UPDATE SET"
                    " slot = excluded.slot, name = excluded.name,"
                    " updated_us = excluded.updated_us",
                    sql_str(row->placement_id), sql_str(row->slot), sql_str(row->name),
                    sql_int(row->updated_us)) &&
           revision_move(ctx);
}

/* ---- ads ---- */

#define AD_COLUMNS "ad_id, placement_id, name, definition, state, version, updated_us"

static struct ad_row ad_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct ad_row){ .ad_id = row_str(ctx, rows, 0),
                            .placement_id = row_str(ctx, rows, 1),
                            .name = row_str(ctx, rows, 2),
                            .definition = row_str(ctx, rows, 3),
                            .state = row_str(ctx, rows, 4),
                            .version = row_int(rows, 5),
                            .updated_us = row_int(rows, 6) };
}

bool store_ad(struct ctx *ctx, struct str ad_id, struct ad_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " AD_COLUMNS " FROM ads WHERE ad_id = $1", sql_str(ad_id)))
        return false;
    *out = ad_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_ad_put(struct ctx *ctx, const struct ad_row *row)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO ads (" AD_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7)"
                    " ON CONFLICT (ad_id) DO UPDATE SET placement_id = excluded.placement_id,"
                    " name = excluded.name, definition = excluded.definition,"
                    " state = excluded.state, version = excluded.version,"
                    " updated_us = excluded.updated_us",
                    sql_str(row->ad_id), sql_str(row->placement_id), sql_str(row->name),
                    sql_str(row->definition), sql_str(row->state), sql_int(row->version),
                    sql_int(row->updated_us)) &&
           revision_move(ctx);
}

bool store_ads(struct ctx *ctx, struct str after, size_t limit, struct ad_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT " AD_COLUMNS " FROM ads WHERE ad_id > $1 ORDER BY ad_id LIMIT $2",
                   sql_str(after.ptr ? after : STR("")), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = ad_of(ctx, &rows);
    return !ctx_failed(ctx);
}

/* ---- activations ---- */

#define ACTIVATION_COLUMNS                                                                         \
    "launch_id, campaign_id, command_id, state, reason, ads, segments, currency, budget_milli,"    \
    " spent_milli, starts_us, ends_us, updated_us"

static struct activation_row activation_of(struct ctx *ctx, const struct sql_rows *rows)
{
    struct str currency = row_str(ctx, rows, 7);
    struct activation_row row = { .launch_id = row_str(ctx, rows, 0),
                                  .campaign_id = row_str(ctx, rows, 1),
                                  .command_id = row_str(ctx, rows, 2),
                                  .state = row_str(ctx, rows, 3),
                                  .reason = row_str(ctx, rows, 4),
                                  .ads = row_str(ctx, rows, 5),
                                  .segments = row_str(ctx, rows, 6),
                                  .budget_milli = row_int(rows, 8),
                                  .spent_milli = row_int(rows, 9),
                                  .starts_us = row_int(rows, 10),
                                  .ends_us = row_int(rows, 11),
                                  .updated_us = row_int(rows, 12) };
    memcpy(row.currency, currency.ptr, MIN(currency.len, sizeof(row.currency) - 1));
    return row;
}

bool store_activation(struct ctx *ctx, struct str launch_id, struct activation_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " ACTIVATION_COLUMNS " FROM activations WHERE launch_id = $1",
                 sql_str(launch_id)))
        return false;
    *out = activation_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_activation_put(struct ctx *ctx, const struct activation_row *row)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO activations (" ACTIVATION_COLUMNS
                    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
                    " ON CONFLICT (launch_id) DO UPDATE SET command_id = excluded.command_id,"
                    " state = excluded.state, reason = excluded.reason, ads = excluded.ads,"
                    " segments = excluded.segments, currency = excluded.currency,"
                    " budget_milli = excluded.budget_milli, starts_us = excluded.starts_us,"
                    " ends_us = excluded.ends_us, updated_us = excluded.updated_us",
                    sql_str(row->launch_id), sql_str(row->campaign_id), sql_str(row->command_id),
                    sql_str(row->state), sql_str(row->reason), sql_str(row->ads),
                    sql_str(row->segments), sql_text(row->currency), sql_int(row->budget_milli),
                    sql_int(row->spent_milli), sql_int(row->starts_us), sql_int(row->ends_us),
                    sql_int(row->updated_us)) &&
           revision_move(ctx);
}

bool store_activation_move(struct ctx *ctx, struct str launch_id, const char *from,
                           const char *also_from, const char *to)
{
    int64_t changed;
    return sql_exec(ctx, &changed,
                    "UPDATE activations SET state = $1 WHERE launch_id = $2 AND state IN ($3, $4)",
                    sql_text(to), sql_str(launch_id), sql_text(from), sql_text(also_from)) &&
           (changed == 0 || revision_move(ctx));
}

bool store_activations_each(struct ctx *ctx, int64_t now_us,
                            bool (*each)(struct ctx *ctx, const struct activation_row *row,
                                         void *argument),
                            void *argument)
{
    struct sql_rows rows;
    bool ok = sql_query(ctx, &rows,
                        "SELECT " ACTIVATION_COLUMNS " FROM activations WHERE state = 'active'"
                        " AND ends_us > $1 ORDER BY launch_id",
                        sql_int(now_us));
    while (ok && sql_next(ctx, &rows)) {
        struct activation_row row = activation_of(ctx, &rows);
        if (!each(ctx, &row, argument)) {
            sql_rows_close(&rows);
            return false;
        }
    }
    return !ctx_failed(ctx);
}
