/* What launches asked to be shown. */
#include "services/content/store.h"

bool store_publication(struct ctx *ctx, struct str launch_id, struct publication_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT command_id, state, reason, published FROM publications"
                 " WHERE launch_id = $1",
                 sql_str(launch_id)))
        return false;
    *out = (struct publication_row){ .launch_id = launch_id,
                                     .command_id = row_str(ctx, &rows, 0),
                                     .state = row_str(ctx, &rows, 1),
                                     .reason = row_str(ctx, &rows, 2),
                                     .published = row_int(&rows, 3) };
    sql_rows_close(&rows);
    return true;
}

bool store_publication_put(struct ctx *ctx, const struct publication_row *row)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO publications (launch_id, command_id, state, reason, published)"
                    " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (launch_id) DO UPDATE SET"
                    " command_id = excluded.command_id, state = excluded.state,"
                    " reason = excluded.reason, published = excluded.published",
                    sql_str(row->launch_id), sql_str(row->command_id), sql_str(row->state),
                    sql_str(row->reason), sql_int(row->published));
}

bool store_publication_entry_put(struct ctx *ctx, struct str launch_id,
                                 const struct publication_entry_row *row)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO publication_entries (launch_id, place, entry_id, version,"
                    " version_before) VALUES ($1, $2, $3, $4, $5)",
                    sql_str(launch_id), sql_int(row->place), sql_str(row->entry_id),
                    sql_int(row->version), sql_int(row->version_before));
}

bool store_publication_entries(struct ctx *ctx, struct str launch_id, size_t limit,
                               struct publication_entry_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT place, entry_id, version, version_before FROM publication_entries"
                   " WHERE launch_id = $1 ORDER BY place DESC LIMIT $2",
                   sql_str(launch_id), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct publication_entry_row){ .place = row_int(&rows, 0),
                                                  .entry_id = row_str(ctx, &rows, 1),
                                                  .version = row_int(&rows, 2),
                                                  .version_before = row_int(&rows, 3) };
    return !ctx_failed(ctx);
}
