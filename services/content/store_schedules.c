/* What is to happen when. */
#include "services/content/store.h"

bool store_schedule_put(struct ctx *ctx, const struct schedule_row *schedule)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO schedules (entry_id, schedule_id, action, version, local_time,"
                    " time_zone, clock, due_us, state, reason, done_us)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', NULL, 0)"
                    " ON CONFLICT (entry_id, schedule_id) DO UPDATE SET action = excluded.action,"
                    " version = excluded.version, local_time = excluded.local_time,"
                    " time_zone = excluded.time_zone, clock = excluded.clock,"
                    " due_us = excluded.due_us, state = 'waiting', reason = NULL, done_us = 0",
                    sql_str(schedule->entry_id), sql_str(schedule->schedule_id),
                    sql_str(schedule->action), sql_int(schedule->version),
                    sql_str(schedule->local_time), sql_str(schedule->time_zone),
                    sql_str(schedule->clock), sql_int(schedule->due_us));
}

bool store_schedule_delete(struct ctx *ctx, struct str entry_id, struct str schedule_id, bool *was)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed, "DELETE FROM schedules WHERE entry_id = $1 AND schedule_id = $2",
                  sql_str(entry_id), sql_str(schedule_id)))
        return false;
    *was = changed > 0;
    return true;
}

#define SCHEDULE_COLUMNS                                                                           \
    "SELECT entry_id, schedule_id, action, version, local_time, time_zone, clock, due_us, state,"  \
    " reason, done_us FROM schedules"

static bool schedules_read(struct ctx *ctx, struct sql_rows *rows, struct schedule_row *out,
                           size_t *n)
{
    for (*n = 0; sql_next(ctx, rows); ++*n)
        out[*n] = (struct schedule_row){ .entry_id = row_str(ctx, rows, 0),
                                         .schedule_id = row_str(ctx, rows, 1),
                                         .action = row_str(ctx, rows, 2),
                                         .version = row_int(rows, 3),
                                         .local_time = row_str(ctx, rows, 4),
                                         .time_zone = row_str(ctx, rows, 5),
                                         .clock = row_str(ctx, rows, 6),
                                         .due_us = row_int(rows, 7),
                                         .state = row_str(ctx, rows, 8),
                                         .reason = row_str(ctx, rows, 9),
                                         .done_us = row_int(rows, 10) };
    return !ctx_failed(ctx);
}

bool store_schedules(struct ctx *ctx, struct str entry_id, struct str state,
                     const struct schedule_row *beyond, size_t limit, struct schedule_row *out,
                     size_t *n)
{
    struct sql_rows rows;
    return sql_query(
               ctx, &rows,
               SCHEDULE_COLUMNS " WHERE ($1 = '' OR entry_id = $1) AND ($2 = '' OR state = $2)"
                                " AND (due_us, entry_id, schedule_id) > ($3, $4, $5)"
                                " ORDER BY due_us, entry_id, schedule_id LIMIT $6",
               sql_str(entry_id), sql_str(state), sql_int(beyond->due_us),
               sql_str(beyond->entry_id), sql_str(beyond->schedule_id), sql_int((int64_t)limit)) &&
           schedules_read(ctx, &rows, out, n);
}

bool store_schedules_due(struct ctx *ctx, int64_t now_us, size_t limit, struct schedule_row *out,
                         size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     SCHEDULE_COLUMNS " WHERE state = 'waiting' AND due_us <= $1"
                                      " ORDER BY due_us, entry_id, schedule_id LIMIT $2",
                     sql_int(now_us), sql_int((int64_t)limit)) &&
           schedules_read(ctx, &rows, out, n);
}

bool store_schedule_end(struct ctx *ctx, const struct schedule_row *schedule, int64_t now_us,
                        struct str reason, bool *changed)
{
    int64_t n;
    if (!sql_exec(ctx, &n,
                  "UPDATE schedules SET state = $1, reason = $2, done_us = $3"
                  " WHERE entry_id = $4 AND schedule_id = $5 AND state = 'waiting' AND due_us = $6",
                  sql_text(reason.ptr ? "failed" : "done"), sql_str(reason), sql_int(now_us),
                  sql_str(schedule->entry_id), sql_str(schedule->schedule_id),
                  sql_int(schedule->due_us)))
        return false;
    *changed = n == 1;
    return true;
}
