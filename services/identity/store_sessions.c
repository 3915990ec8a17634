/* Sessions, and attempts to begin one. */
#include "services/identity/store.h"

bool store_session(struct ctx *ctx, struct str session_id, struct session_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT person_id, token_hash, started_us, expires_us FROM sessions"
                 " WHERE session_id = $1",
                 sql_str(session_id)))
        return false;
    *out = (struct session_row){ .session_id = session_id,
                                 .person_id = row_str(ctx, &rows, 0),
                                 .token_hash = row_str(ctx, &rows, 1),
                                 .started_us = row_int(&rows, 2),
                                 .expires_us = row_int(&rows, 3) };
    sql_rows_close(&rows);
    return true;
}

bool store_session_put(struct ctx *ctx, const struct session_row *session)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO sessions (session_id, person_id, token_hash, started_us,"
                    " expires_us) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (session_id) DO UPDATE"
                    " SET token_hash = excluded.token_hash, expires_us = excluded.expires_us",
                    sql_str(session->session_id), sql_str(session->person_id),
                    sql_str(session->token_hash), sql_int(session->started_us),
                    sql_int(session->expires_us));
}

bool store_session_end(struct ctx *ctx, struct str session_id)
{
    return sql_exec(ctx, NULL, "DELETE FROM sessions WHERE session_id = $1", sql_str(session_id));
}

bool store_sessions_end(struct ctx *ctx, struct str person_id)
{
    return sql_exec(ctx, NULL, "DELETE FROM sessions WHERE person_id = $1", sql_str(person_id));
}

bool store_sessions_forget(struct ctx *ctx, int64_t before_us)
{
    return sql_exec(ctx, NULL, "DELETE FROM sessions WHERE expires_us < $1", sql_int(before_us));
}

/* ---- attempts ---- */

bool store_attempts(struct ctx *ctx, struct str subject, struct attempts_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT failed, last_us FROM attempts WHERE subject = $1",
                 sql_str(subject)))
        return false;
    *out = (struct attempts_row){ .failed = row_int(&rows, 0), .last_us = row_int(&rows, 1) };
    sql_rows_close(&rows);
    return true;
}

bool store_attempts_put(struct ctx *ctx, struct str subject, const struct attempts_row *attempts)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO attempts (subject, failed, last_us) VALUES ($1, $2, $3)"
                    " ON CONFLICT (subject) DO UPDATE SET failed = excluded.failed,"
                    " last_us = excluded.last_us",
                    sql_str(subject), sql_int(attempts->failed), sql_int(attempts->last_us));
}

bool store_attempts_clear(struct ctx *ctx, struct str subject)
{
    return sql_exec(ctx, NULL, "DELETE FROM attempts WHERE subject = $1", sql_str(subject));
}

bool store_attempts_forget(struct ctx *ctx, int64_t before_us)
{
    return sql_exec(ctx, NULL, "DELETE FROM attempts WHERE last_us < $1", sql_int(before_us));
}
