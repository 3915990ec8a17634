/* Who refers to whom. */
#include "services/content/store.h"

bool store_references_lock(struct ctx *ctx)
{
    return sql_exec(ctx, NULL, "UPDATE reference_lock SET held = 1 - held");
}

bool store_references_put(struct ctx *ctx, struct str entry_id, bool shown,
                          const struct references *references)
{
    if (!sql_exec(ctx, NULL, "DELETE FROM entry_references WHERE entry_id = $1 AND shown = $2",
                  sql_str(entry_id), sql_int(shown)))
        return false;
    for (size_t i = 0; i < references->n; i++)
        if (!sql_exec(ctx, NULL,
                      "INSERT INTO entry_references (entry_id, shown, target) VALUES ($1, $2, $3)",
                      sql_str(entry_id), sql_int(shown), sql_str(references->targets[i])))
            return false;
    return true;
}

static bool text_found(struct ctx *ctx, bool found, struct sql_rows *rows, struct str *out)
{
    if (!found)
        return false;
    *out = row_str(ctx, rows, 0);
    sql_rows_close(rows);
    return true;
}

bool store_reference_missing(struct ctx *ctx, struct str entry_id, struct str *target)
{
    struct sql_rows rows;
    bool found = sql_one(ctx, &rows,
                         "SELECT r.target FROM entry_references r"
                         " WHERE r.entry_id = $1 AND r.shown = 1"
                         " AND NOT EXISTS (SELECT 1 FROM shown s WHERE s.entry_id = r.target)"
                         " AND NOT EXISTS (SELECT 1 FROM media m"
                         " WHERE m.media_id = r.target AND m.deleted_us = 0)"
                         " ORDER BY r.target LIMIT 1",
                         sql_str(entry_id));
    return text_found(ctx, found, &rows, target);
}

/* UNION keeps each once, so this ends whatever the references are. */
bool store_reference_circle(struct ctx *ctx, struct str entry_id, bool drafts, struct str *by)
{
    struct sql_rows rows;
    bool found = sql_one(ctx, &rows,
                         "WITH RECURSIVE reached (entry_id) AS (SELECT CAST($1 AS TEXT)"
                         " UNION SELECT r.target FROM entry_references r"
                         " JOIN reached ON r.entry_id = reached.entry_id WHERE r.shown >= $2)"
                         " SELECT r.entry_id FROM entry_references r"
                         " JOIN reached ON r.entry_id = reached.entry_id"
                         " WHERE r.shown >= $2 AND r.target = $1 ORDER BY r.entry_id LIMIT 1",
                         sql_str(entry_id), sql_int(!drafts));
    return text_found(ctx, found, &rows, by);
}

bool store_referrers(struct ctx *ctx, struct str target, size_t most, struct str *out, size_t *n,
                     int64_t *in_all)
{
    struct sql_rows rows;
    if (!sql_query(
            ctx, &rows,
            "SELECT entry_id, count(*) OVER () FROM entry_references"
            " WHERE target = $1 AND entry_id <> $1 GROUP BY entry_id ORDER BY entry_id LIMIT $2",
            sql_str(target), sql_int((int64_t)most)))
        return false;
    *in_all = 0;
    for (*n = 0; sql_next(ctx, &rows); ++*n) {
        out[*n] = row_str(ctx, &rows, 0);
        *in_all = row_int(&rows, 1);
    }
    return !ctx_failed(ctx);
}
