#include "services/personalization/store_segments.h"

#include "services/personalization/store.h"

bool store_list_change(struct ctx *ctx, int64_t *change)
{
    struct sql_rows rows;
    if (!sql_exec(ctx, NULL, "UPDATE segment_state SET change = change + 1") ||
        !sql_one(ctx, &rows, "SELECT change FROM segment_state"))
        return ctx_failed(ctx) ? false : ctx_fail(ctx, ERR_INTERNAL, "numbering a change of lists");
    *change = row_int(&rows, 0);
    sql_rows_close(&rows);
    return store_revision_move(ctx);
}

bool store_list_put(struct ctx *ctx, struct str segment_id, struct str person_id, bool member,
                    int64_t change)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO list_members (segment_id, person_id, member, change)"
                    " VALUES ($1, $2, $3, $4) ON CONFLICT (segment_id, person_id)"
                    " DO UPDATE SET member = excluded.member, change = excluded.change",
                    sql_str(segment_id), sql_str(person_id), sql_bool(member), sql_int(change));
}

bool store_list_clear(struct ctx *ctx, struct str segment_id, int64_t change)
{
    return sql_exec(ctx, NULL,
                    "UPDATE list_members SET member = $3, change = $2"
                    " WHERE segment_id = $1 AND member <> $3",
                    sql_str(segment_id), sql_int(change), sql_bool(false));
}

bool store_list_rows(struct ctx *ctx, const struct list_row *after, size_t limit,
                     struct list_row *out, size_t *n)
{
    struct sql_rows rows;
    bool ok = sql_query(
        ctx, &rows,
        "SELECT segment_id, person_id, member, change FROM list_members"
        " WHERE (change, segment_id, person_id) > ($1, $2, $3)"
        " ORDER BY change, segment_id, person_id LIMIT $4",
        sql_int(after->change), sql_str(after->segment_id.ptr ? after->segment_id : STR("")),
        sql_str(after->person_id.ptr ? after->person_id : STR("")), sql_int((int64_t)limit));
    for (*n = 0; ok && sql_next(ctx, &rows); ++*n)
        out[*n] = (struct list_row){ .segment_id = row_str(ctx, &rows, 0),
                                     .person_id = row_str(ctx, &rows, 1),
                                     .member = row_bool(&rows, 2),
                                     .change = row_int(&rows, 3) };
    return !ctx_failed(ctx);
}

bool store_tell_lock(struct ctx *ctx)
{
    return sql_exec(ctx, NULL, "UPDATE segment_state SET rounds = rounds + 1");
}

bool store_told_marks(struct ctx *ctx, bool (*each)(void *argument, struct str mark, int64_t next),
                      void *argument)
{
    struct sql_rows rows;
    bool ok = sql_query(ctx, &rows, "SELECT mark, next FROM told_up_to");
    while (ok && sql_next(ctx, &rows))
        if (!each(argument, row_str(ctx, &rows, 0), row_int(&rows, 1))) {
            sql_rows_close(&rows);
            return !ctx_failed(ctx);
        }
    return !ctx_failed(ctx);
}

bool store_told_mark_put(struct ctx *ctx, struct str mark, int64_t next)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO told_up_to (mark, next) VALUES ($1, $2)"
                    " ON CONFLICT (mark) DO UPDATE SET next = excluded.next",
                    sql_str(mark), sql_int(next));
}

bool store_told_put(struct ctx *ctx, struct str segment_id, struct str person_id, bool member,
                    bool *changed)
{
    int64_t n;
    bool ok = member ? sql_exec(ctx, &n,
                                "INSERT INTO memberships_told (segment_id, person_id)"
                                " VALUES ($1, $2) ON CONFLICT DO NOTHING",
                                sql_str(segment_id), sql_str(person_id))
                     : sql_exec(ctx, &n,
                                "DELETE FROM memberships_told WHERE segment_id = $1"
                                " AND person_id = $2",
                                sql_str(segment_id), sql_str(person_id));
    *changed = ok && n > 0;
    return ok;
}
