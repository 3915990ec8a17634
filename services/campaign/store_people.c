#include "services/campaign/store_journeys.h"

bool store_person_put(struct ctx *ctx, struct str person_id, struct str traits, int64_t version,
                      bool *taken)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "INSERT INTO journey_people (person_id, traits, version) VALUES ($1, $2, $3)"
                  " ON CONFLICT (person_id) DO UPDATE SET traits = excluded.traits,"
                  " version = excluded.version WHERE journey_people.version < excluded.version",
                  sql_str(person_id), sql_str(traits), sql_int(version)))
        return false;
    *taken = changed == 1;
    return true;
}

bool store_person(struct ctx *ctx, struct str person_id, struct str *traits)
{
    struct sql_rows rows;
    *traits = (struct str){ NULL, 0 };
    if (!sql_one(ctx, &rows, "SELECT traits FROM journey_people WHERE person_id = $1",
                 sql_str(person_id)))
        return !ctx_failed(ctx);
    *traits = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_people(struct ctx *ctx, struct str after, size_t limit, struct person_row *out,
                  size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT person_id, traits FROM journey_people WHERE person_id > $1"
                   " ORDER BY person_id LIMIT $2",
                   sql_str(after), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct person_row){ row_str(ctx, &rows, 0), row_str(ctx, &rows, 1) };
    return !ctx_failed(ctx);
}

bool store_member_set(struct ctx *ctx, struct str person_id, struct str segment_id, bool in)
{
    if (in)
        return sql_exec(ctx, NULL,
                        "INSERT INTO journey_members (person_id, segment_id) VALUES ($1, $2)"
                        " ON CONFLICT (person_id, segment_id) DO NOTHING",
                        sql_str(person_id), sql_str(segment_id));
    return sql_exec(ctx, NULL,
                    "DELETE FROM journey_members WHERE person_id = $1 AND segment_id = $2",
                    sql_str(person_id), sql_str(segment_id));
}

static bool exists(struct ctx *ctx, struct sql_rows *rows, bool found, bool *out)
{
    *out = found;
    if (found)
        sql_rows_close(rows);
    return !ctx_failed(ctx);
}

bool store_member_is(struct ctx *ctx, struct str person_id, struct str segment_id, bool *in)
{
    struct sql_rows rows;
    bool found = sql_one(ctx, &rows,
                         "SELECT 1 FROM journey_members WHERE person_id = $1 AND segment_id = $2",
                         sql_str(person_id), sql_str(segment_id));
    return exists(ctx, &rows, found, in);
}

bool store_person_erased(struct ctx *ctx, struct str person_id, bool *erased)
{
    struct sql_rows rows;
    bool found = sql_one(ctx, &rows, "SELECT 1 FROM journey_erased WHERE person_id = $1",
                         sql_str(person_id));
    return exists(ctx, &rows, found, erased);
}

bool store_person_erase(struct ctx *ctx, struct str person_id, int64_t erased_us)
{
    struct sql_value id = sql_str(person_id);
    sql_scrub(ctx);
    return sql_replies_forget(ctx, person_id) &&
           sql_exec(ctx, NULL,
                    "INSERT INTO journey_erased (person_id, erased_us) VALUES ($1, $2)"
                    " ON CONFLICT (person_id) DO NOTHING",
                    id, sql_int(erased_us)) &&
           sql_exec(ctx, NULL, "DELETE FROM journey_people WHERE person_id = $1", id) &&
           sql_exec(ctx, NULL, "DELETE FROM journey_members WHERE person_id = $1", id) &&
           sql_exec(ctx, NULL, "DELETE FROM journey_dates WHERE person_id = $1", id) &&
           sql_exec(ctx, NULL, "DELETE FROM webhook_calls WHERE person_id = $1", id);
}
