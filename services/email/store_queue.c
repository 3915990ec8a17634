#include "services/email/store_queue.h"

#define CLAIM(one_of)                                                                              \
    "UPDATE messages SET claimed_us = $2 WHERE state = 'queued' AND message_id " one_of            \
    "(SELECT message_id FROM messages WHERE queue = $1 AND state = 'queued' AND due_us <= $2"      \
    " AND (claimed_us IS NULL OR claimed_us < $3) ORDER BY due_us LIMIT $4"
#define RETURNING " RETURNING " MESSAGE_COLUMNS

bool store_queue_claim(struct ctx *ctx, struct str queue, int64_t now_us, int64_t free_us,
                       size_t limit, struct message_row *out, size_t *n)
{
    struct sql_rows rows;
    struct sql_value which = sql_str(queue), now = sql_int(now_us), freed = sql_int(free_us),
                     most = sql_int((int64_t)limit);
    /* PostgreSQL's planner may ask what stands behind IN more than once, and each time others are locked. */
    bool ok = sql_is_postgresql(sql_db_of(ctx))
                  ? sql_query(ctx, &rows,
                              CLAIM("= ANY(ARRAY") " FOR UPDATE SKIP LOCKED))" RETURNING, which,
                              now, freed, most)
                  : sql_query(ctx, &rows, CLAIM("IN") ")" RETURNING, which, now, freed, most);
    return ok && store_messages_read(ctx, &rows, out, n);
}

bool store_queue_has(struct ctx *ctx, struct str queue, int64_t now_us, int64_t free_us, bool *has)
{
    struct sql_rows rows;
    *has = sql_one(ctx, &rows,
                   "SELECT 1 FROM messages WHERE queue = $1 AND state = 'queued' AND due_us <= $2"
                   " AND (claimed_us IS NULL OR claimed_us < $3) LIMIT 1",
                   sql_str(queue), sql_int(now_us), sql_int(free_us));
    if (*has)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

bool store_queue_release(struct ctx *ctx, struct str message_id)
{
    return sql_exec(
        ctx, NULL,
        "UPDATE messages SET claimed_us = NULL WHERE message_id = $1 AND state = 'queued'",
        sql_str(message_id));
}

bool store_queue_depth(struct ctx *ctx, struct str queue, struct queue_depth *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT count(*), min(due_us) FROM messages"
                 " WHERE queue = $1 AND state = 'queued'",
                 sql_str(queue)))
        return false;
    *out = (struct queue_depth){ row_int(&rows, 0), row_int(&rows, 1) };
    sql_rows_close(&rows);
    return true;
}

bool store_launch_goes_on(struct ctx *ctx, struct str launch_id, bool *goes_on)
{
    struct sql_rows rows;
    *goes_on = sql_one(ctx, &rows,
                       "SELECT 1 FROM deliveries"
                       " WHERE launch_id = $1 AND state = 'released' AND paused = 0",
                       sql_str(launch_id));
    if (*goes_on)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

bool store_person_lock(struct ctx *ctx, struct str person_id)
{
    return !sql_is_postgresql(sql_db_of(ctx)) ||
           sql_exec(ctx, NULL, "UPDATE contacts SET version = version WHERE person_id = $1",
                    sql_str(person_id));
}
