#include "services/ads/store_networks.h"

#include "base/clock.h"

/* ---- networks ---- */

#define NETWORK_COLUMNS "network_id, name, url, secret, currency, updated_us"

static void currency_set(char out[4], struct str currency)
{
    memcpy(out, currency.ptr, MIN(currency.len, 3));
}

static struct network_row network_of(struct ctx *ctx, const struct sql_rows *rows)
{
    struct network_row row = { .network_id = row_str(ctx, rows, 0),
                               .name = row_str(ctx, rows, 1),
                               .url = row_str(ctx, rows, 2),
                               .secret = row_str(ctx, rows, 3),
                               .updated_us = row_int(rows, 5) };
    currency_set(row.currency, row_str(ctx, rows, 4));
    return row;
}

bool store_network(struct ctx *ctx, struct str network_id, struct network_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " NETWORK_COLUMNS " FROM networks WHERE network_id = $1",
                 sql_str(network_id)))
        return false;
    *out = network_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_network_put(struct ctx *ctx, const struct network_row *row)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO networks (" NETWORK_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6)"
                    " ON CONFLICT (network_id) DO UPDATE SET name = excluded.name,"
                    " url = excluded.url, secret = excluded.secret,"
                    " currency = excluded.currency, updated_us = excluded.updated_us",
                    sql_str(row->network_id), sql_str(row->name), sql_str(row->url),
                    sql_str(row->secret), sql_text(row->currency), sql_int(row->updated_us));
}

bool store_network_moved(struct ctx *ctx, struct str network_id, struct str url)
{
    return sql_exec(ctx, NULL,
                    "UPDATE webhook_calls SET url = $1, due_us = $2 WHERE ended_us = 0"
                    " AND source_id IN (SELECT launch_id || '/' || network_id FROM network_parts"
                    " WHERE network_id = $3)",
                    sql_str(url), sql_int(clock_now_us()), sql_str(network_id));
}

bool store_network_delete(struct ctx *ctx, struct str network_id)
{
    return sql_exec(ctx, NULL, "DELETE FROM networks WHERE network_id = $1", sql_str(network_id));
}

bool store_networks(struct ctx *ctx, struct str after, size_t limit, struct network_row *out,
                    size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT " NETWORK_COLUMNS " FROM networks WHERE network_id > $1"
                   " ORDER BY network_id LIMIT $2",
                   sql_str(after.ptr ? after : STR("")), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = network_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_network_busy(struct ctx *ctx, struct str network_id, bool *busy)
{
    struct sql_rows rows;
    *busy = sql_one(ctx, &rows,
                    "SELECT 1 FROM network_parts WHERE network_id = $1"
                    " AND (wanted <> 'stopped' OR state = 'waiting') LIMIT 1",
                    sql_str(network_id));
    if (*busy)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

/* XXX is ISO 4217's "no currency": nobody has kept it. */
#define PAID_IN                                                                                    \
    "coalesce(currency, (SELECT n.currency FROM networks n"                                        \
    " WHERE n.network_id = network_parts.network_id), 'XXX')"

bool store_network_paid_in(struct ctx *ctx, struct str network_id, struct str *currency)
{
    struct sql_rows rows;
    *currency = (struct str){ NULL, 0 };
    if (!sql_one(ctx, &rows, "SELECT " PAID_IN " FROM network_parts WHERE network_id = $1 LIMIT 1",
                 sql_str(network_id)))
        return !ctx_failed(ctx);
    *currency = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

/* ---- parts ---- */

#define PART_COLUMNS "launch_id, network_id, wanted, version, state, reason"

static struct part_row part_of(struct ctx *ctx, const struct sql_rows *rows)
{
    struct part_row row = { .launch_id = row_str(ctx, rows, 0),
                            .network_id = row_str(ctx, rows, 1),
                            .wanted = row_str(ctx, rows, 2),
                            .version = row_int(rows, 3),
                            .state = row_str(ctx, rows, 4),
                            .reason = row_str(ctx, rows, 5) };
    currency_set(row.currency, row_str(ctx, rows, 6));
    return row;
}

bool store_launch_hold(struct ctx *ctx, struct str launch_id)
{
    return store_spent_add(ctx, launch_id, 0);
}

bool store_part(struct ctx *ctx, struct str launch_id, struct str network_id, struct part_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT " PART_COLUMNS ", " PAID_IN " FROM network_parts WHERE launch_id = $1"
                 " AND network_id = $2",
                 sql_str(launch_id), sql_str(network_id)))
        return false;
    *out = part_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_part_put(struct ctx *ctx, const struct part_row *row)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO network_parts (" PART_COLUMNS
                    ", currency) VALUES ($1, $2, $3, $4, $5, $6,"
                    " (SELECT currency FROM networks WHERE network_id = $2))"
                    " ON CONFLICT (launch_id, network_id) DO UPDATE SET wanted = excluded.wanted,"
                    " version = excluded.version, state = excluded.state,"
                    " reason = excluded.reason",
                    sql_str(row->launch_id), sql_str(row->network_id), sql_str(row->wanted),
                    sql_int(row->version), sql_str(row->state), sql_str(row->reason));
}

bool store_parts(struct ctx *ctx, struct str launch_id, size_t limit, struct part_row *out,
                 size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT " PART_COLUMNS ", " PAID_IN " FROM network_parts WHERE launch_id = $1"
                   " ORDER BY network_id LIMIT $2",
                   sql_str(launch_id), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = part_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_parts_over(struct ctx *ctx, int64_t now_us, size_t limit, struct str *launches,
                      size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT DISTINCT p.launch_id FROM network_parts p JOIN activations a"
                   " ON a.launch_id = p.launch_id WHERE p.wanted IN ('active', 'paused')"
                   " AND (a.ends_us <= $1 OR (a.budget_milli > 0"
                   " AND a.spent_milli >= a.budget_milli)) LIMIT $2",
                   sql_int(now_us), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        launches[*n] = row_str(ctx, &rows, 0);
    return !ctx_failed(ctx);
}

/* ---- what they tell ---- */

#define OF_AD " WHERE launch_id = $1 AND network_id = $2 AND ad_id = $3"

bool store_figures(struct ctx *ctx, struct figures_row *row)
{
    struct sql_rows rows;
    struct sql_value launch = sql_str(row->launch_id), network = sql_str(row->network_id),
                     ad = sql_str(row->ad_id);
    bool found =
        row->day.ptr
            ? sql_one(
                  ctx, &rows,
                  "SELECT amount, impressions, clicks, until_us, version FROM network_days" OF_AD
                  " AND day = $4",
                  launch, network, ad, sql_str(row->day))
            : sql_one(ctx, &rows,
                      "SELECT amount, impressions, clicks, until_us, version"
                      " FROM network_figures" OF_AD,
                      launch, network, ad);
    if (!found)
        return false;
    row->amount = row_int(&rows, 0);
    row->impressions = row_int(&rows, 1);
    row->clicks = row_int(&rows, 2);
    row->until_us = row_int(&rows, 3);
    row->version = row_int(&rows, 4);
    sql_rows_close(&rows);
    return true;
}

#define FIGURES_SET                                                                                \
    " DO UPDATE SET amount = excluded.amount, impressions = excluded.impressions,"                 \
    " clicks = excluded.clicks, until_us = excluded.until_us, version = excluded.version"
#define FIGURES_OF(row)                                                                            \
    sql_str((row)->launch_id), sql_str((row)->network_id), sql_str((row)->ad_id),                  \
        sql_int((row)->amount), sql_int((row)->impressions), sql_int((row)->clicks),               \
        sql_int((row)->until_us), sql_int((row)->version)

bool store_figures_put(struct ctx *ctx, const struct figures_row *row)
{
    if (!row->day.ptr)
        return sql_exec(ctx, NULL,
                        "INSERT INTO network_figures (launch_id, network_id, ad_id, amount,"
                        " impressions, clicks, until_us, version)"
                        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                        " ON CONFLICT (launch_id, network_id, ad_id)" FIGURES_SET,
                        FIGURES_OF(row));
    return sql_exec(ctx, NULL,
                    "INSERT INTO network_days (launch_id, network_id, ad_id, amount,"
                    " impressions, clicks, until_us, version, day)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
                    " ON CONFLICT (launch_id, network_id, ad_id, day)" FIGURES_SET,
                    FIGURES_OF(row), sql_str(row->day));
}

bool store_figures_otherwise(struct ctx *ctx, const struct figures_row *row, bool *otherwise)
{
    struct sql_rows rows;
    struct sql_value launch = sql_str(row->launch_id), network = sql_str(row->network_id),
                     ad = sql_str(row->ad_id);
    *otherwise = row->day.ptr ? sql_one(ctx, &rows, "SELECT 1 FROM network_figures" OF_AD, launch,
                                        network, ad)
                              : sql_one(ctx, &rows, "SELECT 1 FROM network_days" OF_AD " LIMIT 1",
                                        launch, network, ad);
    if (*otherwise)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

bool store_figures_sum(struct ctx *ctx, struct str launch_id, struct str network_id,
                       struct figures_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT),"
                 " CAST(coalesce(sum(impressions), 0) AS BIGINT),"
                 " CAST(coalesce(sum(clicks), 0) AS BIGINT) FROM"
                 " (SELECT launch_id, network_id, amount, impressions, clicks FROM network_figures"
                 " UNION ALL"
                 " SELECT launch_id, network_id, amount, impressions, clicks FROM network_days)"
                 " AS told WHERE launch_id = $1 AND network_id = $2",
                 sql_str(launch_id), sql_str(network_id)))
        return false;
    *out = (struct figures_row){ .launch_id = launch_id,
                                 .network_id = network_id,
                                 .amount = row_int(&rows, 0),
                                 .impressions = row_int(&rows, 1),
                                 .clicks = row_int(&rows, 2) };
    sql_rows_close(&rows);
    return true;
}

bool store_spent_add(struct ctx *ctx, struct str launch_id, int64_t milli)
{
    return sql_exec(ctx, NULL,
                    "UPDATE activations SET spent_milli = spent_milli + $1 WHERE launch_id = $2",
                    sql_int(milli), sql_str(launch_id));
}

bool store_word(struct ctx *ctx, struct str network_id, struct str webhook_id, bool *again)
{
    int64_t added;
    if (!sql_exec(ctx, &added,
                  "INSERT INTO network_words (network_id, webhook_id, seen_us) VALUES ($1, $2, $3)"
                  " ON CONFLICT (network_id, webhook_id) DO NOTHING",
                  sql_str(network_id), sql_str(webhook_id), sql_int(clock_now_us())))
        return false;
    *again = !added;
    return true;
}

bool store_words_prune(struct ctx *ctx, int64_t before_us)
{
    return sql_exec(ctx, NULL, "DELETE FROM network_words WHERE seen_us < $1", sql_int(before_us));
}
