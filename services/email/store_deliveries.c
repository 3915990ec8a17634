#include "services/email/store_deliveries.h"

#define DELIVERY_COLUMNS                                                                           \
    "launch_id, campaign_id, state, paused, asked, expanded, segment, person_id, recipients,"      \
    " withheld, held_out, winner, asked_us, released_us, finished_us"

static struct delivery_row delivery_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct delivery_row){ .launch_id = row_str(ctx, rows, 0),
                                  .campaign_id = row_str(ctx, rows, 1),
                                  .state = row_str(ctx, rows, 2),
                                  .paused = row_int(rows, 3),
                                  .asked = row_str(ctx, rows, 4),
                                  .expanded = row_int(rows, 5),
                                  .segment = row_int(rows, 6),
                                  .person_id = row_str(ctx, rows, 7),
                                  .recipients = row_int(rows, 8),
                                  .withheld = row_int(rows, 9),
                                  .held_out = row_int(rows, 10),
                                  .winner = row_str(ctx, rows, 11),
                                  .asked_us = row_int(rows, 12),
                                  .released_us = row_int(rows, 13),
                                  .finished_us = row_int(rows, 14) };
}

bool store_delivery(struct ctx *ctx, struct str launch_id, struct delivery_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " DELIVERY_COLUMNS " FROM deliveries WHERE launch_id = $1",
                 sql_str(launch_id)))
        return false;
    *out = delivery_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_delivery_put(struct ctx *ctx, const struct delivery_row *row)
{
    return sql_exec(
        ctx, NULL,
        "INSERT INTO deliveries (" DELIVERY_COLUMNS ")"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        " ON CONFLICT (launch_id) DO UPDATE SET state = excluded.state, paused = excluded.paused,"
        " asked = excluded.asked, expanded = excluded.expanded, segment = excluded.segment,"
        " person_id = excluded.person_id, recipients = excluded.recipients,"
        " withheld = excluded.withheld, held_out = excluded.held_out, winner = excluded.winner,"
        " released_us = excluded.released_us, finished_us = excluded.finished_us",
        sql_str(row->launch_id), sql_str(row->campaign_id), sql_str(row->state),
        sql_int(row->paused), sql_str(row->asked), sql_int(row->expanded), sql_int(row->segment),
        sql_str(row->person_id.ptr ? row->person_id : STR("")), sql_int(row->recipients),
        sql_int(row->withheld), sql_int(row->held_out), sql_str(row->winner),
        sql_int(row->asked_us), row->released_us ? sql_int(row->released_us) : sql_null(),
        row->finished_us ? sql_int(row->finished_us) : sql_null());
}

bool store_deliveries_open(struct ctx *ctx, size_t limit, struct delivery_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT " DELIVERY_COLUMNS " FROM deliveries"
                   " WHERE state IN ('released', 'cancelled', 'undone') AND finished_us IS NULL"
                   " ORDER BY launch_id LIMIT $1",
                   sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = delivery_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_deliveries_sending(struct ctx *ctx, size_t limit, struct str *launches, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT launch_id FROM deliveries WHERE state = 'released' AND paused = 0"
                   " ORDER BY launch_id LIMIT $1",
                   sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        launches[*n] = row_str(ctx, &rows, 0);
    return !ctx_failed(ctx);
}

bool store_audience(struct ctx *ctx, struct str segment_id, struct str after, size_t limit,
                    struct str *persons, size_t *n)
{
    struct sql_rows rows;
    bool ok = segment_id.ptr
                  ? sql_query(ctx, &rows,
                              "SELECT person_id FROM memberships WHERE segment_id = $1"
                              " AND person_id > $2 ORDER BY person_id LIMIT $3",
                              sql_str(segment_id), sql_str(after), sql_int((int64_t)limit))
                  : sql_query(ctx, &rows,
                              "SELECT person_id FROM contacts WHERE person_id > $1"
                              " ORDER BY person_id LIMIT $2",
                              sql_str(after), sql_int((int64_t)limit));
    for (*n = 0; ok && sql_next(ctx, &rows); ++*n)
        persons[*n] = row_str(ctx, &rows, 0);
    return !ctx_failed(ctx);
}

bool store_is_member(struct ctx *ctx, const struct str *segments, size_t n, struct str person_id,
                     bool *is)
{
    *is = false;
    for (size_t i = 0; i < n && !*is && !ctx_failed(ctx); i++) {
        struct sql_rows rows;
        *is = sql_one(ctx, &rows,
                      "SELECT 1 FROM memberships WHERE segment_id = $1 AND person_id = $2",
                      sql_str(segments[i]), sql_str(person_id));
        if (*is)
            sql_rows_close(&rows);
    }
    return !ctx_failed(ctx);
}
