#include "services/crm/store_erasures.h"

#define ERASURE_COLUMNS                                                                            \
    "request_id, profile_id, certificate, erased_us, answered_us, completed_us"

bool store_erased(struct ctx *ctx, struct str profile_id, struct str *request_id)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT request_id FROM erased WHERE profile_id = $1",
                 sql_str(profile_id)))
        return false;
    *request_id = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_erase(struct ctx *ctx, struct str profile_id, struct str request_id, int64_t at_us)
{
    sql_scrub(ctx);
    return sql_exec(ctx, NULL, "DELETE FROM profiles WHERE profile_id = $1", sql_str(profile_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM identities WHERE profile_id = $1",
                    sql_str(profile_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM consent_log WHERE profile_id = $1",
                    sql_str(profile_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM consents WHERE profile_id = $1", sql_str(profile_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM confirmations WHERE profile_id = $1",
                    sql_str(profile_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM timeline WHERE profile_id = $1", sql_str(profile_id)) &&
           sql_exec(ctx, NULL, "DELETE FROM spent WHERE profile_id = $1", sql_str(profile_id)) &&
           sql_replies_forget(ctx, profile_id) &&
           sql_exec(ctx, NULL,
                    "INSERT INTO erased (profile_id, request_id, erased_us) VALUES ($1, $2, $3)",
                    sql_str(profile_id), sql_str(request_id), sql_int(at_us));
}

bool store_other_ids(struct ctx *ctx, struct str profile_id, struct str out[STORE_OTHER_IDS],
                     size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT value FROM identities WHERE profile_id = $1 AND kind <> 'email'"
                   " ORDER BY kind, value LIMIT $2",
                   sql_str(profile_id), sql_int(STORE_OTHER_IDS)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = row_str(ctx, &rows, 0);
    return !ctx_failed(ctx);
}

static struct erasure_row erasure_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct erasure_row){ .request_id = row_str(ctx, rows, 0),
                                 .profile_id = row_str(ctx, rows, 1),
                                 .certificate = row_str(ctx, rows, 2),
                                 .asked_us = row_int(rows, 3),
                                 .answered_us = row_int(rows, 4),
                                 .completed_us = row_int(rows, 5) };
}

static bool erasures_read(struct ctx *ctx, struct sql_rows *rows, struct erasure_row *out,
                          size_t *n)
{
    for (*n = 0; sql_next(ctx, rows); ++*n)
        out[*n] = erasure_of(ctx, rows);
    return !ctx_failed(ctx);
}

bool store_erasure(struct ctx *ctx, struct str request_id, struct erasure_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " ERASURE_COLUMNS " FROM erased WHERE request_id = $1",
                 sql_str(request_id)))
        return false;
    *out = erasure_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_erasures(struct ctx *ctx, struct sql_moment before, size_t limit,
                    struct erasure_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     "SELECT " ERASURE_COLUMNS " FROM erased"
                     " WHERE erased_us < $1 OR (erased_us = $1 AND request_id < $2)"
                     " ORDER BY erased_us DESC, request_id DESC LIMIT $3",
                     sql_int(before.us), sql_str(before.id), sql_int((int64_t)limit)) &&
           erasures_read(ctx, &rows, out, n);
}

bool store_answer_await(struct ctx *ctx, struct str request_id, struct str service)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO erasure_answers (request_id, service) VALUES ($1, $2)"
                    " ON CONFLICT (request_id, service) DO NOTHING",
                    sql_str(request_id), sql_str(service));
}

bool store_answer(struct ctx *ctx, struct str request_id, const struct erasure_answer_row *answer)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO erasure_answers (request_id, service, erased_us)"
        " SELECT request_id, $2, $3 FROM erased WHERE request_id = $1"
        " ON CONFLICT (request_id, service) DO UPDATE SET erased_us = excluded.erased_us"
        " WHERE erasure_answers.erased_us IS NULL",
        sql_str(request_id), sql_str(answer->service), sql_int(answer->erased_us));
}

bool store_answers(struct ctx *ctx, struct str request_id,
                   struct erasure_answer_row out[STORE_ANSWERS], size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(
            ctx, &rows,
            "SELECT service, erased_us FROM erasure_answers WHERE request_id = $1 ORDER BY service LIMIT $2",
            sql_str(request_id), sql_int(STORE_ANSWERS)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct erasure_answer_row){ .service = row_str(ctx, &rows, 0),
                                               .erased_us = row_int(&rows, 1) };
    return !ctx_failed(ctx);
}

/* Requests from before answers were kept have none, and stay open. */
bool store_erasures_answered(struct ctx *ctx, struct str own, size_t limit, struct erasure_row *out,
                             size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     "SELECT " ERASURE_COLUMNS " FROM erased"
                     " WHERE completed_us IS NULL AND answered_us IS NULL"
                     " AND EXISTS (SELECT 1 FROM erasure_answers a"
                     "  WHERE a.request_id = erased.request_id AND a.service <> $1)"
                     " AND NOT EXISTS (SELECT 1 FROM erasure_answers a WHERE a.request_id ="
                     "  erased.request_id AND a.service <> $1 AND a.erased_us IS NULL)"
                     " ORDER BY request_id LIMIT $2",
                     sql_str(own), sql_int((int64_t)limit)) &&
           erasures_read(ctx, &rows, out, n);
}

bool store_erasure_worded(struct ctx *ctx, struct str request_id, int64_t at_us)
{
    return sql_exec(ctx, NULL, "UPDATE erased SET answered_us = $2 WHERE request_id = $1",
                    sql_str(request_id), sql_int(at_us));
}

bool store_erasures_worded(struct ctx *ctx, int64_t before_us, size_t limit,
                           struct erasure_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     "SELECT " ERASURE_COLUMNS " FROM erased"
                     " WHERE completed_us IS NULL AND answered_us <= $1"
                     " AND NOT EXISTS (SELECT 1 FROM erasure_answers a"
                     "  WHERE a.request_id = erased.request_id AND a.erased_us IS NULL)"
                     " ORDER BY request_id LIMIT $2",
                     sql_int(before_us), sql_int((int64_t)limit)) &&
           erasures_read(ctx, &rows, out, n);
}

bool store_compacted(struct ctx *ctx, struct str request_id, const struct compaction_row *row)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO erasure_compactions (request_id, topic, compacted_us)"
                    " VALUES ($1, $2, $3) ON CONFLICT (request_id, topic) DO NOTHING",
                    sql_str(request_id), sql_str(row->topic), sql_int(row->compacted_us));
}

bool store_compactions(struct ctx *ctx, struct str request_id,
                       struct compaction_row out[STORE_TOPICS], size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT topic, compacted_us FROM erasure_compactions WHERE request_id = $1"
                   " ORDER BY topic LIMIT $2",
                   sql_str(request_id), sql_int(STORE_TOPICS)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct compaction_row){ .topic = row_str(ctx, &rows, 0),
                                           .compacted_us = row_int(&rows, 1) };
    return !ctx_failed(ctx);
}

bool store_erasure_complete(struct ctx *ctx, struct str request_id, struct str certificate,
                            int64_t at_us)
{
    return sql_exec(ctx, NULL,
                    "UPDATE erased SET certificate = $2, completed_us = $3"
                    " WHERE request_id = $1 AND completed_us IS NULL",
                    sql_str(request_id), sql_str(certificate), sql_int(at_us));
}
