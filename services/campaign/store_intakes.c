#include "services/campaign/store_intakes.h"

bool store_intake(struct ctx *ctx, struct str journey_id, struct intake_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT journey_id, plan, due_us, begun, person_id, version FROM journey_intakes"
                 " WHERE journey_id = $1",
                 sql_str(journey_id)))
        return false;
    *out = (struct intake_row){ .journey_id = row_str(ctx, &rows, 0),
                                .plan = row_str(ctx, &rows, 1),
                                .due_us = row_int(&rows, 2),
                                .begun = row_bool(&rows, 3),
                                .person_id = row_str(ctx, &rows, 4),
                                .version = row_int(&rows, 5) };
    sql_rows_close(&rows);
    return true;
}

bool store_intake_put(struct ctx *ctx, const struct intake_row *intake)
{
    int64_t changed;
    if (!sql_exec(
            ctx, &changed,
            "INSERT INTO journey_intakes (journey_id, plan, due_us, begun, person_id, version)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (journey_id) DO UPDATE SET"
            " plan = excluded.plan, due_us = excluded.due_us, begun = excluded.begun,"
            " person_id = excluded.person_id, version = excluded.version"
            " WHERE journey_intakes.version = excluded.version - 1",
            sql_str(intake->journey_id), sql_str(intake->plan), sql_int(intake->due_us),
            sql_bool(intake->begun), sql_str(intake->person_id), sql_int(intake->version + 1)))
        return false;
    return changed == 1 || ctx_fail(ctx, ERR_UNAVAILABLE, "the intake was moved meanwhile");
}

bool store_members(struct ctx *ctx, struct str segment_id, struct str after, size_t limit,
                   struct str *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT person_id FROM journey_members WHERE segment_id = $1 AND person_id > $2"
                   " ORDER BY person_id LIMIT $3",
                   sql_str(segment_id), sql_str(after), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = row_str(ctx, &rows, 0);
    return !ctx_failed(ctx);
}

/* An update locks the row: of an engine with several writers, who leaves and enters again meanwhile waits for us. */
bool store_member_hold(struct ctx *ctx, struct str person_id, struct str segment_id, bool *in)
{
    int64_t held;
    if (!sql_exec(ctx, &held,
                  "UPDATE journey_members SET segment_id = segment_id"
                  " WHERE person_id = $1 AND segment_id = $2",
                  sql_str(person_id), sql_str(segment_id)))
        return false;
    *in = held == 1;
    return true;
}
