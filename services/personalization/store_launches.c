#include "services/personalization/store_launches.h"

bool store_launch_experience_put(struct ctx *ctx, struct str launch_id,
                                 const struct launch_experience *row)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO launch_experiences (launch_id, experience_id, ours)"
                    " VALUES ($1, $2, $3) ON CONFLICT (launch_id, experience_id) DO NOTHING",
                    sql_str(launch_id), sql_str(row->experience_id), sql_bool(row->ours));
}

bool store_launches_of(struct ctx *ctx, struct str experience_id, bool *any, bool *ours)
{
    struct sql_rows rows;
    *any = *ours = false;
    if (!sql_query(ctx, &rows, "SELECT ours FROM launch_experiences WHERE experience_id = $1",
                   sql_str(experience_id)))
        return false;
    while (sql_next(ctx, &rows)) {
        *any = true;
        *ours |= row_bool(&rows, 0);
    }
    return !ctx_failed(ctx);
}

bool store_launch_experiences(struct ctx *ctx, struct str launch_id, size_t limit,
                              struct launch_experience *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT experience_id, ours FROM launch_experiences WHERE launch_id = $1"
                   " ORDER BY experience_id LIMIT $2",
                   sql_str(launch_id), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct launch_experience){ row_str(ctx, &rows, 0), row_bool(&rows, 1) };
    return !ctx_failed(ctx);
}

bool store_launch_delete(struct ctx *ctx, struct str launch_id)
{
    return sql_exec(ctx, NULL, "DELETE FROM launch_experiences WHERE launch_id = $1",
                    sql_str(launch_id));
}
