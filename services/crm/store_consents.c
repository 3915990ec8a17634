#include "services/crm/store_consents.h"

#include "base/id.h"

static bool same_is_noted(struct ctx *ctx, const struct consent_row *word, bool *noted)
{
    struct sql_rows rows;
    *noted =
        sql_one(ctx, &rows,
                "SELECT 1 FROM consent_log WHERE profile_id = $1 AND at_us = $2 AND purpose = $3"
                " AND channel = $4 AND state = $5 AND source = $6 LIMIT 1",
                sql_str(word->profile_id), sql_int(word->at_us), sql_str(word->purpose),
                sql_str(word->channel), sql_str(word->state), sql_str(word->source));
    if (*noted)
        sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

static bool log_add(struct ctx *ctx, const struct consent_row *word)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO consent_log (consent_id, profile_id, purpose, channel, state, source,"
        " wording, at_us, actor, proof, noted_us)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        sql_str(id_new(ctx->arena, "cns")), sql_str(word->profile_id), sql_str(word->purpose),
        sql_str(word->channel), sql_str(word->state), sql_str(word->source), sql_str(word->wording),
        sql_int(word->at_us), sql_str(word->actor), sql_str(word->proof), sql_int(word->noted_us));
}

bool store_consent(struct ctx *ctx, const struct consent_row *word, bool *changed)
{
    struct sql_rows rows;
    struct str before = { NULL, 0 };
    int64_t held = 0;
    bool noted;
    *changed = false;
    if (!same_is_noted(ctx, word, &noted) || noted)
        return !ctx_failed(ctx);
    if (sql_one(
            ctx, &rows,
            "SELECT state FROM consents WHERE profile_id = $1 AND purpose = $2 AND channel = $3",
            sql_str(word->profile_id), sql_str(word->purpose), sql_str(word->channel))) {
        before = row_str(ctx, &rows, 0);
        sql_rows_close(&rows);
    }
    if (ctx_failed(ctx) || !log_add(ctx, word) ||
        !sql_exec(
            ctx, &held,
            "INSERT INTO consents (profile_id, purpose, channel, state, source, at_us)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (profile_id, purpose, channel) DO UPDATE"
            " SET state = excluded.state, source = excluded.source, at_us = excluded.at_us"
            " WHERE consents.at_us <= excluded.at_us",
            sql_str(word->profile_id), sql_str(word->purpose), sql_str(word->channel),
            sql_str(word->state), sql_str(word->source), sql_int(word->at_us)))
        return false;
    *changed = held == 1 && !(before.ptr && str_eq(before, word->state));
    return true;
}

bool store_consents(struct ctx *ctx, struct str profile_id, struct consent_row out[STORE_CONSENTS],
                    size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(
            ctx, &rows,
            "SELECT purpose, channel, state, source, at_us FROM consents WHERE profile_id = $1"
            " ORDER BY purpose, channel LIMIT $2",
            sql_str(profile_id), sql_int(STORE_CONSENTS)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct consent_row){ .profile_id = profile_id,
                                        .purpose = row_str(ctx, &rows, 0),
                                        .channel = row_str(ctx, &rows, 1),
                                        .state = row_str(ctx, &rows, 2),
                                        .source = row_str(ctx, &rows, 3),
                                        .at_us = row_int(&rows, 4) };
    return !ctx_failed(ctx);
}

bool store_consent_history(struct ctx *ctx, struct str profile_id, struct sql_moment before,
                           size_t limit, struct consent_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(
            ctx, &rows,
            "SELECT consent_id, purpose, channel, state, source, wording, actor, proof, at_us,"
            " noted_us FROM consent_log WHERE profile_id = $1"
            " AND (at_us < $2 OR (at_us = $2 AND consent_id < $3))"
            " ORDER BY at_us DESC, consent_id DESC LIMIT $4",
            sql_str(profile_id), sql_int(before.us), sql_str(before.id), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct consent_row){ .consent_id = row_str(ctx, &rows, 0),
                                        .profile_id = profile_id,
                                        .purpose = row_str(ctx, &rows, 1),
                                        .channel = row_str(ctx, &rows, 2),
                                        .state = row_str(ctx, &rows, 3),
                                        .source = row_str(ctx, &rows, 4),
                                        .wording = row_str(ctx, &rows, 5),
                                        .actor = row_str(ctx, &rows, 6),
                                        .proof = row_str(ctx, &rows, 7),
                                        .at_us = row_int(&rows, 8),
                                        .noted_us = row_int(&rows, 9) };
    return !ctx_failed(ctx);
}

/* ---- confirmations ---- */

#define CONFIRMATION_COLUMNS                                                                       \
    "confirmation_id, profile_id, purpose, channel, source, wording, address, actor, requested_us,"\
    " expires_us, mails, mail_us, confirmed_us"

static struct confirmation_row confirmation_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct confirmation_row){ .confirmation_id = row_str(ctx, rows, 0),
                                      .profile_id = row_str(ctx, rows, 1),
                                      .purpose = row_str(ctx, rows, 2),
                                      .channel = row_str(ctx, rows, 3),
                                      .source = row_str(ctx, rows, 4),
                                      .wording = row_str(ctx, rows, 5),
                                      .address = row_str(ctx, rows, 6),
                                      .actor = row_str(ctx, rows, 7),
                                      .requested_us = row_int(rows, 8),
                                      .expires_us = row_int(rows, 9),
                                      .mails = row_int(rows, 10),
                                      .mail_us = row_int(rows, 11),
                                      .confirmed_us = row_int(rows, 12) };
}

static bool first_read(struct ctx *ctx, struct sql_rows *rows, bool found,
                       struct confirmation_row *out)
{
    if (!found)
        return false;
    *out = confirmation_of(ctx, rows);
    sql_rows_close(rows);
    return true;
}

static bool all_read(struct ctx *ctx, struct sql_rows *rows, struct confirmation_row *out,
                     size_t *n)
{
    for (*n = 0; sql_next(ctx, rows); ++*n)
        out[*n] = confirmation_of(ctx, rows);
    return !ctx_failed(ctx);
}

bool store_confirmation_add(struct ctx *ctx, const struct confirmation_row *row, int64_t due_us)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO confirmations (confirmation_id, profile_id, purpose, channel, source,"
        " wording, address, actor, requested_us, expires_us, mails, mail_us, due_us)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        sql_str(row->confirmation_id), sql_str(row->profile_id), sql_str(row->purpose),
        sql_str(row->channel), sql_str(row->source), sql_str(row->wording), sql_str(row->address),
        sql_str(row->actor), sql_int(row->requested_us), sql_int(row->expires_us),
        sql_int(row->mails), sql_int(row->mail_us), sql_int(due_us));
}

bool store_confirmation(struct ctx *ctx, struct str confirmation_id, struct confirmation_row *out)
{
    struct sql_rows rows;
    bool found = sql_one(
        ctx, &rows, "SELECT " CONFIRMATION_COLUMNS " FROM confirmations WHERE confirmation_id = $1",
        sql_str(confirmation_id));
    return first_read(ctx, &rows, found, out);
}

bool store_confirmation_open(struct ctx *ctx, const struct confirmation_row *wanted, int64_t now_us,
                             struct confirmation_row *out)
{
    struct sql_rows rows;
    bool found = sql_one(ctx, &rows,
                         "SELECT " CONFIRMATION_COLUMNS " FROM confirmations WHERE profile_id = $1"
                         " AND purpose = $2 AND channel = $3 AND address = $4"
                         " AND confirmed_us IS NULL AND expires_us > $5"
                         " ORDER BY requested_us DESC LIMIT 1",
                         sql_str(wanted->profile_id), sql_str(wanted->purpose),
                         sql_str(wanted->channel), sql_str(wanted->address), sql_int(now_us));
    return first_read(ctx, &rows, found, out);
}

bool store_confirmations(struct ctx *ctx, struct str profile_id, struct sql_moment before,
                         size_t limit, struct confirmation_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     "SELECT " CONFIRMATION_COLUMNS " FROM confirmations WHERE profile_id = $1"
                     " AND (requested_us < $2 OR (requested_us = $2 AND confirmation_id < $3))"
                     " ORDER BY requested_us DESC, confirmation_id DESC LIMIT $4",
                     sql_str(profile_id), sql_int(before.us), sql_str(before.id),
                     sql_int((int64_t)limit)) &&
           all_read(ctx, &rows, out, n);
}

bool store_confirmation_again(struct ctx *ctx, struct str confirmation_id, int64_t now_us,
                              int64_t due_us)
{
    return sql_exec(ctx, NULL,
                    "UPDATE confirmations SET mails = mails + 1, mail_us = $2, due_us = $3"
                    " WHERE confirmation_id = $1",
                    sql_str(confirmation_id), sql_int(now_us), sql_int(due_us));
}

bool store_confirmation_confirm(struct ctx *ctx, struct str confirmation_id, int64_t now_us,
                                bool *first)
{
    int64_t changed;
    bool ok = sql_exec(ctx, &changed,
                       "UPDATE confirmations SET confirmed_us = $2, due_us = NULL"
                       " WHERE confirmation_id = $1 AND confirmed_us IS NULL",
                       sql_str(confirmation_id), sql_int(now_us));
    *first = ok && changed == 1;
    return ok;
}

bool store_confirmations_due(struct ctx *ctx, int64_t now_us, size_t limit,
                             struct confirmation_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     "SELECT " CONFIRMATION_COLUMNS " FROM confirmations"
                     " WHERE due_us IS NOT NULL AND due_us <= $1 ORDER BY due_us LIMIT $2",
                     sql_int(now_us), sql_int((int64_t)limit)) &&
           all_read(ctx, &rows, out, n);
}

bool store_confirmation_asked(struct ctx *ctx, struct str confirmation_id)
{
    return sql_exec(ctx, NULL, "UPDATE confirmations SET due_us = NULL WHERE confirmation_id = $1",
                    sql_str(confirmation_id));
}

bool store_confirmations_prune(struct ctx *ctx, int64_t before_us)
{
    return sql_exec(ctx, NULL,
                    "DELETE FROM confirmations WHERE confirmed_us IS NULL AND expires_us < $1",
                    sql_int(before_us));
}
