#include "services/campaign/store.h"

#define LAUNCH_COLUMNS                                                                             \
    "SELECT launch_id, campaign_id, state, paused, mail_open, plan, starts_us, local_at, due_us,"  \
    " created_us, launched_us, ended_us, failed_step, reason, winner, version FROM launches"

static void launch_row_read(struct ctx *ctx, const struct sql_rows *rows, struct launch_row *out)
{
    *out = (struct launch_row){ .launch_id = row_str(ctx, rows, 0),
                                .campaign_id = row_str(ctx, rows, 1),
                                .state = launch_state_parse(row_str(ctx, rows, 2)),
                                .paused = row_bool(rows, 3),
                                .mail_open = row_bool(rows, 4),
                                .plan = row_str(ctx, rows, 5),
                                .starts_us = row_int(rows, 6),
                                .local_at = row_str(ctx, rows, 7),
                                .due_us = row_int(rows, 8),
                                .created_us = row_int(rows, 9),
                                .launched_us = row_int(rows, 10),
                                .ended_us = row_int(rows, 11),
                                .failed_step = step_name_parse(row_str(ctx, rows, 12)),
                                .reason = row_str(ctx, rows, 13),
                                .winner = row_str(ctx, rows, 14),
                                .version = row_int(rows, 15) };
}

static bool steps_read(struct ctx *ctx, struct launch_row *launch)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT step, state, attempt, asked_us, answered_us, expires_us, reason"
                   " FROM launch_steps WHERE launch_id = $1",
                   sql_str(launch->launch_id)))
        return false;
    while (sql_next(ctx, &rows))
        launch->steps[step_name_parse(row_str(ctx, &rows, 0))] =
            (struct step_row){ .state = step_state_parse(row_str(ctx, &rows, 1)),
                               .attempt = row_int(&rows, 2),
                               .asked_us = row_int(&rows, 3),
                               .answered_us = row_int(&rows, 4),
                               .expires_us = row_int(&rows, 5),
                               .reason = row_str(ctx, &rows, 6) };
    return !ctx_failed(ctx);
}

static bool launches_read(struct ctx *ctx, struct sql_rows *rows, struct launch_row *out, size_t *n)
{
    for (*n = 0; sql_next(ctx, rows); ++*n)
        launch_row_read(ctx, rows, &out[*n]);
    for (size_t i = 0; i < *n && !ctx_failed(ctx); i++)
        steps_read(ctx, &out[i]);
    return !ctx_failed(ctx);
}

bool store_launch(struct ctx *ctx, struct str launch_id, struct launch_row *out)
{
    struct sql_rows rows;
    size_t n;
    return sql_query(ctx, &rows, LAUNCH_COLUMNS " WHERE launch_id = $1", sql_str(launch_id)) &&
           launches_read(ctx, &rows, out, &n) && n == 1;
}

bool store_launches(struct ctx *ctx, struct str campaign_id, struct sql_moment before, size_t limit,
                    struct launch_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     LAUNCH_COLUMNS " WHERE campaign_id = $1 AND (created_us, launch_id) < ($2, $3)"
                                    " ORDER BY created_us DESC, launch_id DESC LIMIT $4",
                     sql_str(campaign_id), sql_int(before.us), sql_str(before.id),
                     sql_int((int64_t)limit)) &&
           launches_read(ctx, &rows, out, n);
}

bool store_launch_newest(struct ctx *ctx, struct str campaign_id, struct launch_row *out)
{
    size_t n;
    return store_launches(ctx, campaign_id, (struct sql_moment){ INT64_MAX, STR("") }, 1, out,
                          &n) &&
           n == 1;
}

bool store_launches_open(struct ctx *ctx, struct str campaign_id, size_t limit,
                         struct launch_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     LAUNCH_COLUMNS " WHERE campaign_id = $1 AND ended_us = 0"
                                    " ORDER BY created_us, launch_id LIMIT $2",
                     sql_str(campaign_id), sql_int((int64_t)limit)) &&
           launches_read(ctx, &rows, out, n);
}

bool store_launches_due(struct ctx *ctx, int64_t now_us, size_t limit, struct launch_row *out,
                        size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows, LAUNCH_COLUMNS " WHERE due_us <= $1 ORDER BY due_us LIMIT $2",
                     sql_int(now_us), sql_int((int64_t)limit)) &&
           launches_read(ctx, &rows, out, n);
}

static bool step_put(struct ctx *ctx, struct str launch_id, enum step_name name,
                     const struct step_row *step)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO launch_steps (launch_id, step, state, attempt, asked_us,"
                    " answered_us, expires_us, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                    " ON CONFLICT (launch_id, step) DO UPDATE SET state = excluded.state,"
                    " attempt = excluded.attempt, asked_us = excluded.asked_us,"
                    " answered_us = excluded.answered_us, expires_us = excluded.expires_us,"
                    " reason = excluded.reason",
                    sql_str(launch_id), sql_text(step_name_name(name)),
                    sql_text(step_state_name(step->state)), sql_int(step->attempt),
                    sql_int(step->asked_us), sql_int(step->answered_us), sql_int(step->expires_us),
                    sql_str(step->reason));
}

static bool launch_put(struct ctx *ctx, const struct launch_row *launch, int64_t *changed)
{
    return sql_exec(
        ctx, changed,
        "INSERT INTO launches (launch_id, campaign_id, state, paused, mail_open, plan, starts_us,"
        " local_at, due_us, created_us, launched_us, ended_us, failed_step, reason, winner,"
        " version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
        " ON CONFLICT (launch_id) DO UPDATE SET state = excluded.state, paused = excluded.paused,"
        " mail_open = excluded.mail_open, due_us = excluded.due_us,"
        " launched_us = excluded.launched_us, ended_us = excluded.ended_us,"
        " failed_step = excluded.failed_step, reason = excluded.reason, winner = excluded.winner,"
        " version = excluded.version WHERE launches.version = excluded.version - 1",
        sql_str(launch->launch_id), sql_str(launch->campaign_id),
        sql_text(launch_state_name(launch->state)), sql_bool(launch->paused),
        sql_bool(launch->mail_open), sql_str(launch->plan), sql_int(launch->starts_us),
        sql_str(launch->local_at), sql_int(launch->due_us), sql_int(launch->created_us),
        sql_int(launch->launched_us), sql_int(launch->ended_us),
        launch->failed_step ? sql_text(step_name_name(launch->failed_step)) : sql_null(),
        sql_str(launch->reason), sql_str(launch->winner), sql_int(launch->version));
}

bool store_launch_put(struct ctx *ctx, struct launch_row *launch)
{
    int64_t changed;
    launch->version++;
    if (!launch_put(ctx, launch, &changed))
        return false;
    if (changed != 1)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "somebody else has just moved this launch");
    for (int i = 1; i <= N_STEPS; i++)
        if (!step_put(ctx, launch->launch_id, (enum step_name)i, &launch->steps[i]))
            return false;
    return true;
}

bool store_campaign_state_put(struct ctx *ctx, struct str campaign_id, enum campaign_state state)
{
    return sql_exec(ctx, NULL, "UPDATE campaigns SET state = $1 WHERE campaign_id = $2",
                    sql_text(campaign_state_name(state)), sql_str(campaign_id));
}
