#include "services/search/store.h"

#define COLUMNS "id, definition, version, updated_us"

static struct sql_value kind_value(enum definition_kind kind)
{
    static const char *const texts[] = {
#define X(name, text) text,
        DEFINITION_TABLE(X)
#undef X
    };
    return sql_text(texts[kind]);
}

static struct definition_row row_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct definition_row){ .id = row_str(ctx, rows, 0),
                                    .definition = row_str(ctx, rows, 1),
                                    .version = row_int(rows, 2),
                                    .updated_us = row_int(rows, 3) };
}

static bool revision_move(struct ctx *ctx)
{
    return sql_exec(ctx, NULL, "UPDATE revision SET value = value + 1");
}

bool store_definition(struct ctx *ctx, enum definition_kind kind, struct str id,
                      struct definition_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT " COLUMNS " FROM definitions WHERE kind = $1 AND id = $2",
                 kind_value(kind), sql_str(id)))
        return false;
    *out = row_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_definition_put(struct ctx *ctx, enum definition_kind kind,
                          const struct definition_row *row)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO definitions (kind, " COLUMNS ") VALUES ($1, $2, $3, $4, $5)"
                    " ON CONFLICT (kind, id) DO UPDATE SET definition = excluded.definition,"
                    " version = excluded.version, updated_us = excluded.updated_us",
                    kind_value(kind), sql_str(row->id), sql_str(row->definition),
                    sql_int(row->version), sql_int(row->updated_us)) &&
           revision_move(ctx);
}

bool store_definition_delete(struct ctx *ctx, enum definition_kind kind, struct str id,
                             bool *existed)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed, "DELETE FROM definitions WHERE kind = $1 AND id = $2",
                  kind_value(kind), sql_str(id)) ||
        !revision_move(ctx))
        return false;
    *existed = changed == 1;
    return true;
}

bool store_definitions(struct ctx *ctx, enum definition_kind kind, struct str after, size_t limit,
                       struct definition_row *out, size_t *n)
{
    struct sql_rows rows;
    bool ok = sql_query(ctx, &rows,
                        "SELECT " COLUMNS " FROM definitions WHERE kind = $1 AND id > $2"
                        " ORDER BY id LIMIT $3",
                        kind_value(kind), sql_str(after.ptr ? after : STR("")),
                        sql_int((int64_t)limit));
    for (*n = 0; ok && sql_next(ctx, &rows); ++*n)
        out[*n] = row_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_definitions_each(struct ctx *ctx, enum definition_kind kind,
                            bool (*each)(struct ctx *ctx, const struct definition_row *row,
                                         void *argument),
                            void *argument)
{
    struct sql_rows rows;
    bool ok = sql_query(ctx, &rows,
                        "SELECT " COLUMNS " FROM definitions WHERE kind = $1 ORDER BY id",
                        kind_value(kind));
    while (ok && sql_next(ctx, &rows)) {
        struct definition_row row = row_of(ctx, &rows);
        if (!each(ctx, &row, argument)) {
            sql_rows_close(&rows);
            return false;
        }
    }
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
