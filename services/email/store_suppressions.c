#include "services/email/store.h"

#define SUPPRESSION_COLUMNS                                                                        \
    "suppression_id, target, reason, scope, person_id, message_id, campaign_id, added_us"

static struct suppression_row suppression_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct suppression_row){ .suppression_id = row_str(ctx, rows, 0),
                                     .target = row_str(ctx, rows, 1),
                                     .reason = row_str(ctx, rows, 2),
                                     .scope = row_str(ctx, rows, 3),
                                     .person_id = row_str(ctx, rows, 4),
                                     .message_id = row_str(ctx, rows, 5),
                                     .campaign_id = row_str(ctx, rows, 6),
                                     .added_us = row_int(rows, 7) };
}

bool store_suppression_of(struct ctx *ctx, struct str target, struct str reason,
                          struct suppression_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT " SUPPRESSION_COLUMNS
                 " FROM suppressions WHERE target = $1 AND reason = $2",
                 sql_str(target), sql_str(reason)))
        return false;
    *out = suppression_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_suppression_add(struct ctx *ctx, struct suppression_row *row, bool *added)
{
    int64_t changed = 0;
    if (!sql_exec(
            ctx, &changed,
            "INSERT INTO suppressions (" SUPPRESSION_COLUMNS ")"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (target, reason) DO NOTHING",
            sql_str(row->suppression_id), sql_str(row->target), sql_str(row->reason),
            sql_str(row->scope), sql_str(row->person_id), sql_str(row->message_id),
            sql_str(row->campaign_id), sql_int(row->added_us)))
        return false;
    *added = changed == 1;
    return *added || store_suppression_of(ctx, row->target, row->reason, row);
}

bool store_suppression(struct ctx *ctx, struct str suppression_id, struct suppression_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT " SUPPRESSION_COLUMNS " FROM suppressions WHERE suppression_id = $1",
                 sql_str(suppression_id)))
        return false;
    *out = suppression_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_suppression_delete(struct ctx *ctx, struct str suppression_id)
{
    return sql_exec(ctx, NULL, "DELETE FROM suppressions WHERE suppression_id = $1",
                    sql_str(suppression_id));
}

#define PAGE                                                                                       \
    " (added_us < $1 OR (added_us = $1 AND suppression_id < $2))"                                  \
    " ORDER BY added_us DESC, suppression_id DESC LIMIT $3"

bool store_suppressions(struct ctx *ctx, struct str person_id, struct str target,
                        struct sql_moment before, size_t limit, struct suppression_row *out,
                        size_t *n)
{
    struct sql_rows rows;
    struct sql_value us = sql_int(before.us), id = sql_str(before.id),
                     most = sql_int((int64_t)limit);
    bool ok = person_id.ptr ? sql_query(ctx, &rows,
                                        "SELECT " SUPPRESSION_COLUMNS
                                        " FROM suppressions WHERE person_id = $4 AND" PAGE,
                                        us, id, most, sql_str(person_id))
              : target.ptr
                  ? sql_query(ctx, &rows,
                              "SELECT " SUPPRESSION_COLUMNS
                              " FROM suppressions WHERE target = $4 AND" PAGE,
                              us, id, most, sql_str(target))
                  : sql_query(ctx, &rows,
                              "SELECT " SUPPRESSION_COLUMNS " FROM suppressions WHERE" PAGE, us, id,
                              most);
    for (*n = 0; ok && sql_next(ctx, &rows); ++*n)
        out[*n] = suppression_of(ctx, &rows);
    return !ctx_failed(ctx);
}
