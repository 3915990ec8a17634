#include "services/email/store_providers.h"

bool store_provider_put(struct ctx *ctx, const struct provider_row *row)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO providers (provider, key, topic, most_age_s, updated_us)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (provider) DO UPDATE SET key = excluded.key,"
        " topic = excluded.topic, most_age_s = excluded.most_age_s,"
        " updated_us = excluded.updated_us",
        sql_str(row->provider), sql_str(row->key), sql_str(row->topic), sql_int(row->most_age_s),
        sql_int(row->updated_us));
}

bool store_provider(struct ctx *ctx, struct str provider, struct provider_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT key, topic, most_age_s, updated_us FROM providers WHERE provider = $1",
                 sql_str(provider)))
        return false;
    *out = (struct provider_row){ .provider = provider,
                                  .key = row_str(ctx, &rows, 0),
                                  .topic = row_str(ctx, &rows, 1),
                                  .most_age_s = row_int(&rows, 2),
                                  .updated_us = row_int(&rows, 3) };
    sql_rows_close(&rows);
    return true;
}

bool store_provider_delete(struct ctx *ctx, struct str provider, bool *was)
{
    int64_t changed = 0;
    if (!sql_exec(ctx, &changed, "DELETE FROM providers WHERE provider = $1", sql_str(provider)))
        return false;
    *was = changed == 1;
    return true;
}
