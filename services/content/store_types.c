/* Content types and locales. */
#include "services/content/store.h"

#define TYPE_COLUMNS                                                                               \
    "SELECT t.type, t.version, t.description, t.schema_json, t.updated_us,"                        \
    " (SELECT count(*) FROM entries e WHERE e.kind = t.type) FROM types t"

static struct type_row type_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct type_row){ .type = row_str(ctx, rows, 0),
                              .version = row_int(rows, 1),
                              .description = row_str(ctx, rows, 2),
                              .schema = row_str(ctx, rows, 3),
                              .updated_us = row_int(rows, 4),
                              .n_entries = row_int(rows, 5) };
}

bool store_type(struct ctx *ctx, struct str type, struct type_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, TYPE_COLUMNS " WHERE t.type = $1", sql_str(type)))
        return false;
    *out = type_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_types(struct ctx *ctx, struct str after, size_t limit, struct type_row *out, size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows, TYPE_COLUMNS " WHERE t.type > $1 ORDER BY t.type LIMIT $2",
                   sql_str(after), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = type_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_type_put(struct ctx *ctx, const struct type_row *type)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed,
                  "INSERT INTO types (type, version, description, schema_json, updated_us)"
                  " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (type) DO UPDATE SET"
                  " version = excluded.version, description = excluded.description,"
                  " schema_json = excluded.schema_json, updated_us = excluded.updated_us"
                  " WHERE types.version = excluded.version - 1",
                  sql_str(type->type), sql_int(type->version), sql_str(type->description),
                  sql_str(type->schema), sql_int(type->updated_us)))
        return false;
    return changed == 1 ||
           ctx_fail(ctx, ERR_CONFLICT, "the type was changed by somebody else at the same time");
}

bool store_type_delete(struct ctx *ctx, struct str type)
{
    return sql_exec(ctx, NULL, "DELETE FROM types WHERE type = $1", sql_str(type));
}

bool store_typed(struct ctx *ctx, struct str type, typed_row_visit visit, void *argument)
{
    struct sql_rows rows;
    struct arena *own CLEANUP(arena_freep) = arena_new(0);
    struct ctx scratch = *ctx;
    scratch.arena = own;
    if (!sql_query(ctx, &rows,
                   "SELECT v.entry_id, v.version, v.document FROM entries e JOIN versions v"
                   " ON v.entry_id = e.entry_id AND v.version IN (e.version, e.published_version)"
                   " WHERE e.kind = $1 ORDER BY v.entry_id, v.version",
                   sql_str(type)))
        return false;
    while (sql_next(ctx, &rows)) {
        struct typed_row row = { .entry_id = row_str(&scratch, &rows, 0),
                                 .version = row_int(&rows, 1),
                                 .document = row_str(&scratch, &rows, 2) };
        if (!visit(ctx, &row, argument)) {
            sql_rows_close(&rows);
            return false;
        }
        arena_clear(own);
    }
    return !ctx_failed(ctx);
}

/* ---- locales ---- */

static struct locale_row locale_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct locale_row){ .locale = row_str(ctx, rows, 0),
                                .fallbacks = row_str(ctx, rows, 1),
                                .updated_us = row_int(rows, 2) };
}

bool store_locale(struct ctx *ctx, struct str locale, struct locale_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT locale, fallbacks, updated_us FROM locales WHERE locale = $1",
                 sql_str(locale)))
        return false;
    *out = locale_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_locales(struct ctx *ctx, struct str after, size_t limit, struct locale_row *out,
                   size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT locale, fallbacks, updated_us FROM locales WHERE locale > $1"
                   " ORDER BY locale LIMIT $2",
                   sql_str(after), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = locale_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool store_locale_put(struct ctx *ctx, const struct locale_row *locale)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO locales (locale, fallbacks, updated_us) VALUES ($1, $2, $3)"
                    " ON CONFLICT (locale) DO UPDATE SET fallbacks = excluded.fallbacks,"
                    " updated_us = excluded.updated_us",
                    sql_str(locale->locale), sql_str(locale->fallbacks),
                    sql_int(locale->updated_us));
}

bool store_locale_delete(struct ctx *ctx, struct str locale, bool *was)
{
    int64_t changed;
    if (!sql_exec(ctx, &changed, "DELETE FROM locales WHERE locale = $1", sql_str(locale)))
        return false;
    *was = changed > 0;
    return true;
}
