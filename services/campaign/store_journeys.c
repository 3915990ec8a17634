#include "services/campaign/store_journeys.h"

#include "base/id.h"

/* ---- definitions ---- */

#define JOURNEY_COLUMNS                                                                            \
    "SELECT j.journey_id, j.state, r.definition, j.version, j.revision, j.saved_by, j.saved_us,"   \
    " j.activated_us, j.dated_to FROM journeys j JOIN journey_revisions r"                         \
    " ON r.journey_id = j.journey_id AND r.revision = j.revision"

static void journey_row_read(struct ctx *ctx, const struct sql_rows *rows, struct journey_row *out)
{
    *out = (struct journey_row){ .journey_id = row_str(ctx, rows, 0),
                                 .state = row_str(ctx, rows, 1),
                                 .definition = row_str(ctx, rows, 2),
                                 .version = row_int(rows, 3),
                                 .revision = row_int(rows, 4),
                                 .saved_by = row_str(ctx, rows, 5),
                                 .saved_us = row_int(rows, 6),
                                 .activated_us = row_int(rows, 7),
                                 .dated_to = row_str(ctx, rows, 8) };
}

bool store_journey(struct ctx *ctx, struct str journey_id, struct journey_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, JOURNEY_COLUMNS " WHERE j.journey_id = $1", sql_str(journey_id)))
        return false;
    journey_row_read(ctx, &rows, out);
    sql_rows_close(&rows);
    return true;
}

static bool changed_note(struct ctx *ctx)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO journey_change (one, change) VALUES (1, $1)"
                    " ON CONFLICT (one) DO UPDATE SET change = excluded.change",
                    sql_str(id_new(ctx->arena, "chg")));
}

bool store_journey_put(struct ctx *ctx, const struct journey_row *journey)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "INSERT INTO journeys (journey_id, state, version, revision, saved_by, saved_us,"
                  " activated_us, dated_to) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                  " ON CONFLICT (journey_id) DO UPDATE SET state = excluded.state,"
                  " version = excluded.version, revision = excluded.revision,"
                  " saved_by = excluded.saved_by, saved_us = excluded.saved_us,"
                  " activated_us = excluded.activated_us, dated_to = excluded.dated_to"
                  " WHERE journeys.version = excluded.version - 1",
                  sql_str(journey->journey_id), sql_str(journey->state), sql_int(journey->version),
                  sql_int(journey->revision), sql_str(journey->saved_by),
                  sql_int(journey->saved_us), sql_int(journey->activated_us),
                  sql_str(journey->dated_to)))
        return false;
    if (changed != 1)
        return ctx_fail(ctx, ERR_CONFLICT, "somebody else is changing this journey: read it again");
    if (journey->revision == journey->version &&
        !sql_exec(ctx, NULL,
                  "INSERT INTO journey_revisions (journey_id, revision, definition)"
                  " VALUES ($1, $2, $3)",
                  sql_str(journey->journey_id), sql_int(journey->revision),
                  sql_str(journey->definition)))
        return false;
    return changed_note(ctx);
}

bool store_journeys(struct ctx *ctx, struct str state, struct str after, size_t limit,
                    struct journey_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   JOURNEY_COLUMNS " WHERE (($1 = '' AND j.state <> 'deleted') OR j.state = $1"
                                   " OR ($1 = 'stopped' AND j.state = 'stopping'))"
                                   " AND j.journey_id > $2 ORDER BY j.journey_id LIMIT $3",
                   sql_str(state.ptr ? state : STR("")), sql_str(after.ptr ? after : STR("")),
                   sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        journey_row_read(ctx, &rows, &out[*n]);
    return !ctx_failed(ctx);
}

bool store_journey_untidy(struct ctx *ctx, struct journey_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 JOURNEY_COLUMNS " WHERE j.state IN ('stopping', 'deleted')"
                                 " OR (j.state IN ('active', 'paused') AND j.dated_to IS NOT NULL)"
                                 " LIMIT 1"))
        return false;
    journey_row_read(ctx, &rows, out);
    sql_rows_close(&rows);
    return true;
}

bool store_journey_remove(struct ctx *ctx, struct str journey_id)
{
    struct sql_value id = sql_str(journey_id);
    return sql_exec(ctx, NULL, "DELETE FROM journey_figures WHERE journey_id = $1", id) &&
           sql_exec(ctx, NULL, "DELETE FROM journey_intakes WHERE journey_id = $1", id) &&
           sql_exec(ctx, NULL, "DELETE FROM journey_revisions WHERE journey_id = $1", id) &&
           sql_exec(ctx, NULL, "DELETE FROM journeys WHERE journey_id = $1", id) &&
           changed_note(ctx);
}

bool store_journey_dated_to(struct ctx *ctx, struct str journey_id, struct str dated_to)
{
    return sql_exec(ctx, NULL, "UPDATE journeys SET dated_to = $2 WHERE journey_id = $1",
                    sql_str(journey_id), sql_str(dated_to));
}

bool store_journey_change(struct ctx *ctx, struct str *out)
{
    struct sql_rows rows;
    *out = (struct str){ NULL, 0 };
    if (!sql_one(ctx, &rows, "SELECT change FROM journey_change WHERE one = 1"))
        return !ctx_failed(ctx);
    *out = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

static bool programs_count(struct ctx *ctx, size_t *n)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT COUNT(*) FROM journeys j JOIN journey_revisions r"
                 " ON r.journey_id = j.journey_id WHERE j.state IN ('active', 'paused')"))
        return false;
    *n = (size_t)row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_programs(struct ctx *ctx, struct program_row **out, size_t *n)
{
    struct sql_rows rows;
    size_t most;
    *n = 0;
    if (!programs_count(ctx, &most) ||
        !sql_query(ctx, &rows,
                   "SELECT j.journey_id, j.state, r.definition, j.revision, r.revision,"
                   " j.activated_us FROM journeys j JOIN journey_revisions r"
                   " ON r.journey_id = j.journey_id WHERE j.state IN ('active', 'paused')"
                   " ORDER BY j.journey_id, r.revision"))
        return false;
    *out = ARENA_ARRAY(ctx->arena, struct program_row, most + 1);
    while (*n < most && sql_next(ctx, &rows))
        (*out)[(*n)++] = (struct program_row){ .journey_id = row_str(ctx, &rows, 0),
                                               .state = row_str(ctx, &rows, 1),
                                               .definition = row_str(ctx, &rows, 2),
                                               .newest = row_int(&rows, 3),
                                               .revision = row_int(&rows, 4),
                                               .activated_us = row_int(&rows, 5) };
    sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

bool store_revisions_tidy(struct ctx *ctx, int64_t *removed)
{
    return sql_exec(ctx, removed,
                    "DELETE FROM journey_revisions WHERE EXISTS (SELECT 1 FROM journeys j"
                    " WHERE j.journey_id = journey_revisions.journey_id"
                    " AND j.revision > journey_revisions.revision)"
                    " AND NOT EXISTS (SELECT 1 FROM journey_visits v"
                    " WHERE v.journey_id = journey_revisions.journey_id"
                    " AND v.revision = journey_revisions.revision AND v.ended_us = 0)") &&
           (*removed == 0 || changed_note(ctx));
}

/* ---- figures ---- */

bool store_journey_count(struct ctx *ctx, struct str journey_id, struct str node,
                         const char *figure)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO journey_figures (journey_id, node, figure, count)"
                    " VALUES ($1, $2, $3, 1) ON CONFLICT (journey_id, node, figure)"
                    " DO UPDATE SET count = journey_figures.count + 1",
                    sql_str(journey_id), sql_str(node), sql_text(figure));
}

#define FIGURES_MOST 2000 /* 200 nodes a revision, few of which are kept */

bool store_journey_figures(struct ctx *ctx, struct str journey_id, struct journey_figure **out,
                           size_t *n)
{
    struct sql_rows rows;
    *out = ARENA_ARRAY(ctx->arena, struct journey_figure, FIGURES_MOST);
    *n = 0;
    if (!sql_query(ctx, &rows,
                   "SELECT node, figure, count FROM journey_figures WHERE journey_id = $1"
                   " ORDER BY node, figure",
                   sql_str(journey_id)))
        return false;
    while (*n < FIGURES_MOST && sql_next(ctx, &rows))
        (*out)[(*n)++] = (struct journey_figure){ row_str(ctx, &rows, 0), row_str(ctx, &rows, 1),
                                                  row_int(&rows, 2) };
    sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

/* ---- dates to come ---- */

bool store_date_put(struct ctx *ctx, struct str journey_id, struct str person_id, int64_t due_us)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO journey_dates (journey_id, person_id, due_us) VALUES ($1, $2, $3)"
                    " ON CONFLICT (journey_id, person_id) DO UPDATE SET due_us = excluded.due_us",
                    sql_str(journey_id), sql_str(person_id), sql_int(due_us));
}

bool store_date_remove(struct ctx *ctx, struct str journey_id, struct str person_id)
{
    return sql_exec(ctx, NULL, "DELETE FROM journey_dates WHERE journey_id = $1 AND person_id = $2",
                    sql_str(journey_id), sql_str(person_id));
}

bool store_dates_remove(struct ctx *ctx, struct str journey_id)
{
    return sql_exec(ctx, NULL, "DELETE FROM journey_dates WHERE journey_id = $1",
                    sql_str(journey_id));
}

bool store_dates_due(struct ctx *ctx, struct str journey_id, int64_t now_us, size_t limit,
                     struct date_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT person_id, due_us FROM journey_dates WHERE journey_id = $1"
                   " AND due_us <= $2 ORDER BY due_us LIMIT $3",
                   sql_str(journey_id), sql_int(now_us), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct date_row){ row_str(ctx, &rows, 0), row_int(&rows, 1) };
    return !ctx_failed(ctx);
}
