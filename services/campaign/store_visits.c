#include "services/campaign/store_visits.h"

#include "campaign_contract.h"

#define VISIT_COLUMNS                                                                              \
    "SELECT visit_id, journey_id, person_id, visit_key, data, node, waits, revision, steps,"       \
    " due_us, entered_us, ended_us, reason, version FROM journey_visits"

static void visit_row_read(struct ctx *ctx, const struct sql_rows *rows, struct visit_row *out)
{
    *out = (struct visit_row){ .visit_id = row_str(ctx, rows, 0),
                               .journey_id = row_str(ctx, rows, 1),
                               .person_id = row_str(ctx, rows, 2),
                               .key = row_str(ctx, rows, 3),
                               .data = row_str(ctx, rows, 4),
                               .node = row_str(ctx, rows, 5),
                               .waits = row_bool(rows, 6),
                               .revision = row_int(rows, 7),
                               .steps = row_int(rows, 8),
                               .due_us = row_int(rows, 9),
                               .entered_us = row_int(rows, 10),
                               .ended_us = row_int(rows, 11),
                               .reason = row_is_null(rows, 12)
                                             ? JOURNEY_REASON_UNKNOWN
                                             : journey_reason_parse(row_str(ctx, rows, 12)),
                               .version = row_int(rows, 13) };
}

static struct sql_value reason_value(enum journey_reason reason)
{
    return reason == JOURNEY_REASON_UNKNOWN ? sql_null() : sql_text(journey_reason_name(reason));
}

static bool visits_read(struct ctx *ctx, struct sql_rows *rows, struct visit_row *out, size_t *n)
{
    for (*n = 0; sql_next(ctx, rows); ++*n)
        visit_row_read(ctx, rows, &out[*n]);
    return !ctx_failed(ctx);
}

/* ---- one ---- */

bool store_visit_add(struct ctx *ctx, const struct visit_row *visit)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO journey_visits (visit_id, journey_id, person_id, visit_key, data,"
                    " node, waits, revision, steps, due_us, entered_us, ended_us, reason, version)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 1)",
                    sql_str(visit->visit_id), sql_str(visit->journey_id), sql_str(visit->person_id),
                    sql_str(visit->key), sql_str(visit->data), sql_str(visit->node),
                    sql_bool(visit->waits), sql_int(visit->revision), sql_int(visit->steps),
                    sql_int(visit->due_us), sql_int(visit->entered_us), sql_int(visit->ended_us),
                    reason_value(visit->reason));
}

bool store_visit_move(struct ctx *ctx, const struct visit_row *visit)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "UPDATE journey_visits SET data = $2, node = $3, waits = $4, steps = $5,"
                  " due_us = $6, ended_us = $7, reason = $8, version = version + 1"
                  " WHERE visit_id = $1 AND version = $9",
                  sql_str(visit->visit_id), sql_str(visit->data), sql_str(visit->node),
                  sql_bool(visit->waits), sql_int(visit->steps), sql_int(visit->due_us),
                  sql_int(visit->ended_us), reason_value(visit->reason), sql_int(visit->version)))
        return false;
    return changed == 1 || ctx_fail(ctx, ERR_UNAVAILABLE, "the visit was moved meanwhile");
}

bool store_visit(struct ctx *ctx, struct str visit_id, struct visit_row *out)
{
    struct sql_rows rows;
    size_t n;
    return sql_query(ctx, &rows, VISIT_COLUMNS " WHERE visit_id = $1 AND ended_us = 0",
                     sql_str(visit_id)) &&
           visits_read(ctx, &rows, out, &n) && n == 1;
}

bool store_visit_later(struct ctx *ctx, struct str visit_id, int64_t due_us)
{
    return sql_exec(ctx, NULL, "UPDATE journey_visits SET due_us = $2 WHERE visit_id = $1",
                    sql_str(visit_id), sql_int(due_us));
}

bool store_visit_last(struct ctx *ctx, struct str journey_id, struct str person_id, struct str key,
                      struct visit_row *out)
{
    struct sql_rows rows;
    size_t n;
    return sql_query(ctx, &rows,
                     VISIT_COLUMNS " WHERE person_id = $1 AND journey_id = $2"
                                   " AND ($4 = 0 OR visit_key = $3)"
                                   " ORDER BY entered_us DESC LIMIT 1",
                     sql_str(person_id), sql_str(journey_id), sql_str(key.ptr ? key : STR("")),
                     sql_int(key.ptr != NULL)) &&
           visits_read(ctx, &rows, out, &n) && n == 1;
}

/* ---- many ---- */

bool store_visits_of_person(struct ctx *ctx, struct str person_id, struct str after, size_t limit,
                            struct visit_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     VISIT_COLUMNS " WHERE person_id = $1 AND ended_us = 0 AND visit_id > $2"
                                   " ORDER BY visit_id LIMIT $3",
                     sql_str(person_id), sql_str(after), sql_int((int64_t)limit)) &&
           visits_read(ctx, &rows, out, n);
}

bool store_visits_of_key(struct ctx *ctx, struct str journey_id, struct str key, struct str after,
                         size_t limit, struct visit_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     VISIT_COLUMNS " WHERE journey_id = $1 AND visit_key = $2 AND visit_id > $3"
                                   " AND ended_us = 0 AND visit_key <> ''"
                                   " ORDER BY visit_id LIMIT $4",
                     sql_str(journey_id), sql_str(key), sql_str(after), sql_int((int64_t)limit)) &&
           visits_read(ctx, &rows, out, n);
}

bool store_visits_due(struct ctx *ctx, struct str journey_id, int64_t now_us, size_t limit,
                      struct visit_row *out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     VISIT_COLUMNS " WHERE journey_id = $1 AND due_us <= $2 AND ended_us = 0"
                                   " ORDER BY due_us LIMIT $3",
                     sql_str(journey_id), sql_int(now_us), sql_int((int64_t)limit)) &&
           visits_read(ctx, &rows, out, n);
}

bool store_visits(struct ctx *ctx, const struct visits_wanted *wanted, struct visit_row *out,
                  size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     VISIT_COLUMNS " WHERE journey_id = $1 AND ($2 = '' OR person_id = $2)"
                                   " AND ($3 = '' OR (node = $3 AND ended_us = 0))"
                                   " AND (entered_us, visit_id) < ($4, $5)"
                                   " ORDER BY entered_us DESC, visit_id DESC LIMIT $6",
                     sql_str(wanted->journey_id),
                     sql_str(wanted->person_id.ptr ? wanted->person_id : STR("")),
                     sql_str(wanted->node.ptr ? wanted->node : STR("")), sql_int(wanted->before.us),
                     sql_str(wanted->before.id), sql_int((int64_t)wanted->limit)) &&
           visits_read(ctx, &rows, out, n);
}

#define COUNTS_MOST 2000 /* 200 nodes a revision, few of which are kept */

bool store_visits_count(struct ctx *ctx, struct str journey_id, struct node_count **out, size_t *n)
{
    struct sql_rows rows;
    *out = ARENA_ARRAY(ctx->arena, struct node_count, COUNTS_MOST);
    *n = 0;
    if (!sql_query(ctx, &rows,
                   "SELECT node, COUNT(*) FROM journey_visits WHERE journey_id = $1"
                   " AND ended_us = 0 GROUP BY node ORDER BY node",
                   sql_str(journey_id)))
        return false;
    while (*n < COUNTS_MOST && sql_next(ctx, &rows))
        (*out)[(*n)++] = (struct node_count){ row_str(ctx, &rows, 0), row_int(&rows, 1) };
    sql_rows_close(&rows);
    return !ctx_failed(ctx);
}

bool store_visits_remove(struct ctx *ctx, struct str journey_id, size_t limit, int64_t *n)
{
    struct sql_value id = sql_str(journey_id), most = sql_int((int64_t)limit);
    return sql_exec(ctx, NULL,
                    "DELETE FROM journey_path WHERE visit_id IN (SELECT visit_id FROM"
                    " journey_visits WHERE journey_id = $1 ORDER BY entered_us, visit_id LIMIT $2)",
                    id, most) &&
           sql_exec(ctx, n,
                    "DELETE FROM journey_visits WHERE visit_id IN (SELECT visit_id FROM"
                    " journey_visits WHERE journey_id = $1 ORDER BY entered_us, visit_id LIMIT $2)",
                    id, most);
}

bool store_visits_erase(struct ctx *ctx, struct str person_id)
{
    struct sql_value id = sql_str(person_id);
    return sql_exec(ctx, NULL,
                    "DELETE FROM journey_path WHERE visit_id IN"
                    " (SELECT visit_id FROM journey_visits WHERE person_id = $1)",
                    id) &&
           sql_exec(ctx, NULL, "DELETE FROM journey_visits WHERE person_id = $1", id);
}

/* ---- paths ---- */

bool store_path_add(struct ctx *ctx, struct str visit_id, const struct path_row *step)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO journey_path (visit_id, step, did, node, reason, at_us)"
                    " VALUES ($1, $2, $3, $4, $5, $6)",
                    sql_str(visit_id), sql_int(step->step), sql_text(journey_did_name(step->did)),
                    sql_str(step->node), reason_value(step->reason), sql_int(step->at_us));
}

bool store_path(struct ctx *ctx, struct str visit_id, size_t most, struct path_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT step, at_us, did, node, reason FROM journey_path WHERE visit_id = $1"
                   " ORDER BY step LIMIT $2",
                   sql_str(visit_id), sql_int((int64_t)most)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct path_row){ .step = row_int(&rows, 0),
                                     .at_us = row_int(&rows, 1),
                                     .did = journey_did_parse(row_str(ctx, &rows, 2)),
                                     .node = row_str(ctx, &rows, 3),
                                     .reason = row_is_null(&rows, 4)
                                                   ? JOURNEY_REASON_UNKNOWN
                                                   : journey_reason_parse(row_str(ctx, &rows, 4)) };
    return !ctx_failed(ctx);
}
