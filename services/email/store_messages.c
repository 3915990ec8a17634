#include "services/email/store_messages.h"

static struct message_row message_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct message_row){ .message_id = row_str(ctx, rows, 0),
                                 .queue = row_str(ctx, rows, 1),
                                 .state = row_str(ctx, rows, 2),
                                 .due_us = row_int(rows, 3),
                                 .campaign_id = row_str(ctx, rows, 4),
                                 .person_id = row_str(ctx, rows, 5),
                                 .step = row_str(ctx, rows, 6),
                                 .variant = row_str(ctx, rows, 7),
                                 .address = row_str(ctx, rows, 8),
                                 .asked = row_str(ctx, rows, 9),
                                 .marketing = row_int(rows, 10),
                                 .attempts = row_int(rows, 11),
                                 .resends = row_int(rows, 12),
                                 .status = row_str(ctx, rows, 13),
                                 .created_us = row_int(rows, 14),
                                 .doubted_us = row_int(rows, 15),
                                 .ended_us = row_int(rows, 16) };
}

static struct sql_value moment(int64_t us)
{
    return us ? sql_int(us) : sql_null();
}

bool store_message_add(struct ctx *ctx, const struct message_row *message, bool *added)
{
    int64_t changed = 0;
    if (!sql_exec(
            ctx, &changed,
            "INSERT INTO messages (" MESSAGE_COLUMNS ")"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
            " ON CONFLICT (message_id) DO NOTHING",
            sql_str(message->message_id), sql_str(message->queue), sql_str(message->state),
            sql_int(message->due_us), sql_str(message->campaign_id), sql_str(message->person_id),
            sql_str(message->step), sql_str(message->variant), sql_str(message->address),
            sql_str(message->asked), sql_int(message->marketing), sql_int(message->attempts),
            sql_int(message->resends), sql_str(message->status), sql_int(message->created_us),
            moment(message->doubted_us), moment(message->ended_us)))
        return false;
    *added = changed == 1;
    return true;
}

bool store_message(struct ctx *ctx, struct str message_id, struct message_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " MESSAGE_COLUMNS " FROM messages WHERE message_id = $1",
                 sql_str(message_id)))
        return false;
    *out = message_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_message_move(struct ctx *ctx, const struct message_row *message, const char *was,
                        bool *moved)
{
    int64_t changed = 0;
    if (!sql_exec(ctx, &changed,
                  "UPDATE messages SET state = $2, due_us = $3, variant = $4, attempts = $5,"
                  " resends = $6, status = $7, doubted_us = $8, ended_us = $9,"
                  " claimed_us = NULL WHERE message_id = $1 AND state = $10",
                  sql_str(message->message_id), sql_str(message->state), sql_int(message->due_us),
                  sql_str(message->variant), sql_int(message->attempts), sql_int(message->resends),
                  sql_str(message->status), moment(message->doubted_us), moment(message->ended_us),
                  sql_text(was)))
        return false;
    *moved = changed == 1;
    return true;
}

bool store_messages_read(struct ctx *ctx, struct sql_rows *rows, struct message_row *out, size_t *n)
{
    for (*n = 0; sql_next(ctx, rows); ++*n)
        out[*n] = message_of(ctx, rows);
    return !ctx_failed(ctx);
}

bool store_messages_due(struct ctx *ctx, struct str queue, int64_t now_us, size_t limit,
                        struct message_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     "SELECT " MESSAGE_COLUMNS
                     " FROM messages WHERE queue = $1 AND state = 'queued'"
                     " AND due_us <= $2 ORDER BY due_us LIMIT $3",
                     sql_str(queue), sql_int(now_us), sql_int((int64_t)limit)) &&
           store_messages_read(ctx, &rows, out, n);
}

bool store_messages_in(struct ctx *ctx, struct str queue, const char *state, size_t limit,
                       struct message_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     "SELECT " MESSAGE_COLUMNS " FROM messages WHERE queue = $1 AND state = $2"
                     " ORDER BY due_us LIMIT $3",
                     sql_str(queue), sql_text(state), sql_int((int64_t)limit)) &&
           store_messages_read(ctx, &rows, out, n);
}

bool store_messages_doubted(struct ctx *ctx, int64_t before_us, size_t limit,
                            struct message_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     "SELECT " MESSAGE_COLUMNS " FROM messages WHERE state = 'doubt'"
                     " AND doubted_us < $1 ORDER BY doubted_us LIMIT $2",
                     sql_int(before_us), sql_int((int64_t)limit)) &&
           store_messages_read(ctx, &rows, out, n);
}

bool store_messages_sent_to(struct ctx *ctx, struct str person_id, int64_t since_us, int64_t *n)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT count(*) FROM messages WHERE person_id = $1 AND marketing = 1"
                 " AND state IN ('doubt', 'unknown', 'sent') AND doubted_us >= $2",
                 sql_str(person_id), sql_int(since_us)))
        return false;
    *n = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_message_counts(struct ctx *ctx, struct str queue, struct message_counts *out)
{
    struct sql_rows rows;
    const struct {
        const char *state;
        int64_t *n;
    } counts[] = { { "waiting", &out->waiting }, { "queued", &out->queued },
                   { "doubt", &out->doubt },     { "unknown", &out->unknown },
                   { "sent", &out->sent },       { "failed", &out->failed },
                   { "withheld", &out->withheld } };
    *out = (struct message_counts){ 0 };
    if (!sql_query(ctx, &rows,
                   "SELECT state, count(*) FROM messages WHERE queue = $1 GROUP BY state",
                   sql_str(queue)))
        return false;
    while (sql_next(ctx, &rows)) {
        struct str state = row_str(ctx, &rows, 0);
        for (size_t i = 0; i < COUNT(counts); i++)
            if (str_is(state, counts[i].state))
                *counts[i].n = row_int(&rows, 1);
    }
    return !ctx_failed(ctx);
}

#define PAGE "message_id > $1 ORDER BY message_id LIMIT $2"

bool store_messages(struct ctx *ctx, const struct message_filter *filter, size_t limit,
                    struct message_row *out, size_t *n)
{
    struct sql_rows rows;
    struct sql_value after = sql_str(filter->after.ptr ? filter->after : STR("")),
                     most = sql_int((int64_t)limit), state = sql_str(filter->state),
                     launch = sql_str(filter->launch_id), variant = sql_str(filter->variant);
#define SELECT "SELECT " MESSAGE_COLUMNS " FROM messages WHERE "
#define FILTERS                                                                                    \
    "(CAST($3 AS TEXT) IS NULL OR state = $3) AND (CAST($4 AS TEXT) IS NULL OR queue = $4)"        \
    " AND (CAST($5 AS TEXT) IS NULL OR variant = $5) AND "
    bool ok = filter->campaign_id.ptr
                  ? sql_query(ctx, &rows, SELECT "campaign_id = $6 AND " FILTERS PAGE, after, most,
                              state, launch, variant, sql_str(filter->campaign_id))
              : filter->person_id.ptr
                  ? sql_query(ctx, &rows, SELECT "person_id = $6 AND " FILTERS PAGE, after, most,
                              state, launch, variant, sql_str(filter->person_id))
              : str_is(filter->state, "unknown") /* by its own index */
                  ? sql_query(ctx, &rows, SELECT "state = 'unknown' AND " FILTERS PAGE, after, most,
                              state, launch, variant)
                  : sql_query(ctx, &rows, SELECT FILTERS PAGE, after, most, state, launch, variant);
    return ok && store_messages_read(ctx, &rows, out, n);
}

bool store_trials_since(struct ctx *ctx, int64_t since_us, int64_t *n)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT count(*) FROM messages WHERE message_id >= 'tst_' AND message_id < 'tst`'"
                 " AND created_us > $1",
                 sql_int(since_us)))
        return false;
    *n = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_happening_add(struct ctx *ctx, const struct happening_row *happening)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO happenings (message_id, at_us, what, detail)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT (message_id, at_us, what, detail) DO NOTHING",
        sql_str(happening->message_id), sql_int(happening->at_us), sql_str(happening->what),
        sql_str(happening->detail.ptr ? happening->detail : STR("")));
}

bool store_happened(struct ctx *ctx, struct str message_id, const char *what, bool *happened)
{
    struct sql_rows rows;
    *happened = sql_one(ctx, &rows,
                        "SELECT 1 FROM happenings WHERE message_id = $1 AND what = $2 LIMIT 1",
                        sql_str(message_id), sql_text(what));
    if (*happened)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

bool store_happenings(struct ctx *ctx, struct str message_id,
                      struct happening_row out[STORE_HAPPENINGS], size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT at_us, what, detail FROM happenings WHERE message_id = $1"
                   " ORDER BY at_us LIMIT $2",
                   sql_str(message_id), sql_int(STORE_HAPPENINGS)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct happening_row){ .message_id = message_id,
                                          .at_us = row_int(&rows, 0),
                                          .what = row_str(ctx, &rows, 1),
                                          .detail = row_str(ctx, &rows, 2) };
    return !ctx_failed(ctx);
}

bool store_messages_erase(struct ctx *ctx, struct str person_id)
{
    return sql_exec(ctx, NULL,
                    "DELETE FROM happenings WHERE message_id IN"
                    " (SELECT message_id FROM messages WHERE person_id = $1)",
                    sql_str(person_id)) &&
           sql_exec(ctx, NULL,
                    "UPDATE messages SET address = NULL, asked = NULL, status = NULL"
                    " WHERE person_id = $1",
                    sql_str(person_id));
}
