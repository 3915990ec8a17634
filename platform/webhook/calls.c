#include "platform/webhook/calls.h"

#define CALL_COLUMNS                                                                               \
    "SELECT call_id, url, body, person_id, source_id, attempts, due_us, created_us, ended_us,"     \
    " status, reason FROM webhook_calls"

bool store_call_add(struct ctx *ctx, const struct call_row *call)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO webhook_calls (call_id, url, body, person_id, source_id, attempts,"
                    " due_us, created_us, ended_us, status) VALUES ($1, $2, $3, $4, $5, 0, $6, $7,"
                    " 0, 0) ON CONFLICT (call_id) DO NOTHING",
                    sql_str(call->call_id), sql_str(call->url), sql_str(call->body),
                    sql_str(call->person_id), sql_str(call->source_id), sql_int(call->due_us),
                    sql_int(call->created_us));
}

static bool calls_read(struct ctx *ctx, struct sql_rows *rows, struct call_row *out, size_t *n)
{
    for (*n = 0; sql_next(ctx, rows); ++*n)
        out[*n] = (struct call_row){ .call_id = row_str(ctx, rows, 0),
                                     .url = row_str(ctx, rows, 1),
                                     .body = row_str(ctx, rows, 2),
                                     .person_id = row_str(ctx, rows, 3),
                                     .source_id = row_str(ctx, rows, 4),
                                     .attempts = row_int(rows, 5),
                                     .due_us = row_int(rows, 6),
                                     .created_us = row_int(rows, 7),
                                     .ended_us = row_int(rows, 8),
                                     .status = row_int(rows, 9),
                                     .reason = row_str(ctx, rows, 10) };
    return !ctx_failed(ctx);
}

bool store_calls_due(struct ctx *ctx, int64_t now_us, size_t limit, struct call_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows, CALL_COLUMNS " WHERE due_us <= $1 ORDER BY due_us LIMIT $2",
                     sql_int(now_us), sql_int((int64_t)limit)) &&
           calls_read(ctx, &rows, out, n);
}

bool store_call_take(struct ctx *ctx, struct call_row *call, int64_t lease_us)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "UPDATE webhook_calls SET attempts = attempts + 1, due_us = $3"
                  " WHERE call_id = $1 AND attempts = $2",
                  sql_str(call->call_id), sql_int(call->attempts), sql_int(lease_us)))
        return false;
    call->attempts++;
    return changed == 1;
}

bool store_call_put(struct ctx *ctx, const struct call_row *call, bool *was)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "UPDATE webhook_calls SET due_us = $2, ended_us = $3, status = $4, reason = $5,"
                  " body = $6 WHERE call_id = $1",
                  sql_str(call->call_id), sql_int(call->due_us), sql_int(call->ended_us),
                  sql_int(call->status), sql_str(call->reason),
                  sql_str(call->ended_us ? STR("") : call->body)))
        return false;
    *was = changed == 1;
    return true;
}

bool store_calls_drop(struct ctx *ctx, struct str source_id)
{
    return sql_exec(ctx, NULL, "DELETE FROM webhook_calls WHERE source_id = $1 AND ended_us = 0",
                    sql_str(source_id));
}

bool store_calls_forget(struct ctx *ctx, int64_t ended_before_us)
{
    return sql_exec(ctx, NULL,
                    "DELETE FROM webhook_calls WHERE call_id IN (SELECT call_id FROM webhook_calls"
                    " WHERE ended_us > 0 AND created_us < $1 LIMIT 500)",
                    sql_int(ended_before_us));
}

bool store_calls_why(struct ctx *ctx, struct str source_id, struct str *out)
{
    struct sql_rows rows;
    *out = (struct str){ NULL, 0 };
    if (!sql_one(ctx, &rows,
                 "SELECT reason FROM webhook_calls WHERE source_id = $1 AND ended_us = 0"
                 " AND reason IS NOT NULL ORDER BY created_us DESC LIMIT 1",
                 sql_str(source_id)))
        return !ctx_failed(ctx);
    *out = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_calls(struct ctx *ctx, struct str state, struct sql_moment before, size_t limit,
                 struct call_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     CALL_COLUMNS " WHERE ($1 = '' OR ($1 = 'open' AND ended_us = 0)"
                                  " OR ($1 = 'taken' AND ended_us > 0 AND reason IS NULL)"
                                  " OR ($1 = 'given_up' AND ended_us > 0 AND reason IS NOT NULL))"
                                  " AND (created_us, call_id) < ($2, $3)"
                                  " ORDER BY created_us DESC, call_id DESC LIMIT $4",
                     sql_str(state.ptr ? state : STR("")), sql_int(before.us), sql_str(before.id),
                     sql_int((int64_t)limit)) &&
           calls_read(ctx, &rows, out, n);
}
