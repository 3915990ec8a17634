#include "services/email/store_feedback.h"

bool store_feedback_add(struct ctx *ctx, const struct feedback_row *row, bool told, bool *first)
{
    int64_t changed = 0;
    if (!sql_exec(ctx, &changed,
                  "INSERT INTO feedback (message_id, what, detail, machine, at_us, told)"
                  " VALUES ($1, $2, $3, $4, $5, $6)"
                  " ON CONFLICT (message_id, what, detail, machine) DO NOTHING",
                  sql_str(row->message_id), sql_str(row->what), sql_str(row->detail),
                  sql_int(row->machine), sql_int(row->at_us), sql_int(told)))
        return false;
    *first = changed == 1;
    return true;
}

bool store_feedback_untold(struct ctx *ctx, int64_t before_us, size_t limit,
                           struct feedback_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT message_id, what, detail, machine, at_us FROM feedback"
                   " WHERE told = 0 AND at_us < $1 ORDER BY at_us LIMIT $2",
                   sql_int(before_us), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct feedback_row){ .message_id = row_str(ctx, &rows, 0),
                                         .what = row_str(ctx, &rows, 1),
                                         .detail = row_str(ctx, &rows, 2),
                                         .machine = row_int(&rows, 3),
                                         .at_us = row_int(&rows, 4) };
    return !ctx_failed(ctx);
}

bool store_feedback_clicks(struct ctx *ctx, struct str message_id, int64_t from_us, int64_t to_us,
                           int64_t *n)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT count(*) FROM feedback WHERE message_id = $1 AND what = 'clicked'"
                 " AND machine = 0 AND at_us BETWEEN $2 AND $3",
                 sql_str(message_id), sql_int(from_us), sql_int(to_us)))
        return false;
    *n = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_feedback_tell(struct ctx *ctx, const struct feedback_row *row, bool *moved)
{
    int64_t changed = 0;
    if (!sql_exec(ctx, &changed,
                  "UPDATE feedback SET told = 1 WHERE message_id = $1 AND what = $2 AND detail = $3"
                  " AND machine = $4 AND told = 0",
                  sql_str(row->message_id), sql_str(row->what), sql_str(row->detail),
                  sql_int(row->machine)))
        return false;
    *moved = changed == 1;
    return true;
}

bool store_feedback_delete(struct ctx *ctx, const struct feedback_row *row)
{
    return sql_exec(ctx, NULL,
                    "DELETE FROM feedback WHERE message_id = $1 AND what = $2 AND detail = $3"
                    " AND machine = $4",
                    sql_str(row->message_id), sql_str(row->what), sql_str(row->detail),
                    sql_int(row->machine));
}

bool store_feedback_erase(struct ctx *ctx, struct str person_id)
{
    return sql_exec(ctx, NULL,
                    "DELETE FROM feedback WHERE message_id IN"
                    " (SELECT message_id FROM messages WHERE person_id = $1)",
                    sql_str(person_id));
}

bool store_soft_bounce(struct ctx *ctx, struct str target, int64_t at_us, int64_t since_us,
                       int64_t *n)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "INSERT INTO soft_bounces (target, n, last_us) VALUES ($1, 1, $2)"
                 " ON CONFLICT (target) DO UPDATE SET last_us = excluded.last_us,"
                 " n = CASE WHEN soft_bounces.last_us < $3 THEN 1 ELSE soft_bounces.n + 1 END"
                 " RETURNING n",
                 sql_str(target), sql_int(at_us), sql_int(since_us)))
        return false;
    *n = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_soft_bounces_end(struct ctx *ctx, struct str target)
{
    return sql_exec(ctx, NULL, "DELETE FROM soft_bounces WHERE target = $1", sql_str(target));
}
