#include "services/personalization/store.h"

#define COLUMNS                                                                                    \
    "experience_id, slot, name, variants, priority, version, updated_us, active, status, schedule"

static struct experience_row experience_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct experience_row){ .experience_id = row_str(ctx, rows, 0),
                                    .slot = row_str(ctx, rows, 1),
                                    .name = row_str(ctx, rows, 2),
                                    .variants = row_str(ctx, rows, 3),
                                    .priority = row_int(rows, 4),
                                    .version = row_int(rows, 5),
                                    .updated_us = row_int(rows, 6),
                                    .active = row_bool(rows, 7),
                                    .status = row_str(ctx, rows, 8),
                                    .schedule = row_str(ctx, rows, 9) };
}

bool store_experience(struct ctx *ctx, struct str experience_id, struct experience_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " COLUMNS " FROM experiences WHERE experience_id = $1",
                 sql_str(experience_id)))
        return false;
    *out = experience_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_revision_move(struct ctx *ctx)
{
    return sql_exec(ctx, NULL, "UPDATE revision SET value = value + 1");
}

bool store_experience_put(struct ctx *ctx, const struct experience_row *experience)
{
    return sql_exec(
               ctx, NULL,
               "INSERT INTO experiences (" COLUMNS
               ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
               " ON CONFLICT (experience_id) DO UPDATE SET slot = excluded.slot, name = excluded.name,"
               " variants = excluded.variants, priority = excluded.priority, version = excluded.version,"
               " updated_us = excluded.updated_us, active = excluded.active, status = excluded.status,"
               " schedule = excluded.schedule",
               sql_str(experience->experience_id), sql_str(experience->slot),
               sql_str(experience->name), sql_str(experience->variants),
               sql_int(experience->priority), sql_int(experience->version),
               sql_int(experience->updated_us), sql_bool(experience->active),
               sql_str(experience->status), sql_str(experience->schedule)) &&
           store_revision_move(ctx);
}

bool store_experience_delete(struct ctx *ctx, struct str experience_id)
{
    return sql_exec(ctx, NULL, "DELETE FROM experiences WHERE experience_id = $1",
                    sql_str(experience_id)) &&
           store_revision_move(ctx);
}

bool store_experiences(struct ctx *ctx, struct str slot, struct str after, size_t limit,
                       struct experience_row *out, size_t *n)
{
    struct sql_rows rows;
    struct str from = after.ptr ? after : STR("");
    bool ok = slot.ptr ? sql_query(ctx, &rows,
                                   "SELECT " COLUMNS
                                   " FROM experiences WHERE slot = $1 AND experience_id > $2"
                                   " ORDER BY experience_id LIMIT $3",
                                   sql_str(slot), sql_str(from), sql_int((int64_t)limit))
                       : sql_query(ctx, &rows,
                                   "SELECT " COLUMNS " FROM experiences WHERE experience_id > $1"
                                   " ORDER BY experience_id LIMIT $2",
                                   sql_str(from), sql_int((int64_t)limit));
    for (*n = 0; ok && sql_next(ctx, &rows); ++*n)
        out[*n] = experience_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_revision(struct ctx *ctx, int64_t *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT value FROM revision"))
        return ctx_fail(ctx, ERR_INTERNAL, "reading the revision of the definitions");
    *out = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}
