#include "services/registry/store.h"

#include <stdlib.h>

#define VERSION_COLUMNS "subject, version, schema_id, deleted, registered_us"
/* STORE_LIVE, STORE_ALL and STORE_DELETED as a condition; $1 is the wish. */
#define WISHED "($1 = 1 OR ($1 = 0 AND NOT deleted) OR ($1 = 2 AND deleted))"

bool store_lock(struct ctx *ctx)
{
    return sql_exec(ctx, NULL, "UPDATE counters SET value = value WHERE name = 'schema_id'");
}

/* ---- schemas ---- */

bool store_schema(struct ctx *ctx, int64_t schema_id, struct schema_row *out)
{
    struct sql_rows rows;
    if (!sql_one(
            ctx, &rows,
            "SELECT fingerprint, body, refs, metadata, rule_set FROM schemas WHERE schema_id = $1",
            sql_int(schema_id)))
        return false;
    *out = (struct schema_row){ .schema_id = schema_id,
                                .fingerprint = row_str(ctx, &rows, 0),
                                .body = row_str(ctx, &rows, 1),
                                .refs = row_str(ctx, &rows, 2),
                                .metadata = row_str(ctx, &rows, 3),
                                .rule_set = row_str(ctx, &rows, 4) };
    sql_rows_close(&rows);
    return true;
}

/* The one number that the statement gives. */
static bool one_number(struct sql_rows *rows, int64_t *out)
{
    *out = row_int(rows, 0);
    sql_rows_close(rows);
    return true;
}

bool store_schema_named(struct ctx *ctx, struct str fingerprint, int64_t *schema_id)
{
    struct sql_rows rows;
    return sql_one(ctx, &rows, "SELECT schema_id FROM schemas WHERE fingerprint = $1",
                   sql_str(fingerprint)) &&
           one_number(&rows, schema_id);
}

bool store_schema_last(struct ctx *ctx, int64_t *schema_id)
{
    struct sql_rows rows;
    return sql_one(ctx, &rows, "SELECT value FROM counters WHERE name = 'schema_id'") &&
           one_number(&rows, schema_id);
}

bool store_schema_add(struct ctx *ctx, struct schema_row *schema,
                      const struct reference_row *references, size_t n)
{
    if (!sql_exec(ctx, NULL, "UPDATE counters SET value = value + 1 WHERE name = 'schema_id'") ||
        !store_schema_last(ctx, &schema->schema_id) ||
        !sql_exec(ctx, NULL,
                  "INSERT INTO schemas (schema_id, fingerprint, body, refs, metadata, rule_set)"
                  " VALUES ($1, $2, $3, $4, $5, $6)",
                  sql_int(schema->schema_id), sql_str(schema->fingerprint), sql_str(schema->body),
                  sql_str(schema->refs), sql_str(schema->metadata), sql_str(schema->rule_set)))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!sql_exec(
                ctx, NULL,
                "INSERT INTO schema_references (schema_id, name, subject, version) VALUES ($1, $2, $3, $4)",
                sql_int(schema->schema_id), sql_str(references[i].name),
                sql_str(references[i].subject), sql_int(references[i].version)))
            return false;
    return true;
}

/* ---- versions ---- */

static struct version_row version_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct version_row){ .subject = row_str(ctx, rows, 0),
                                 .version = row_int(rows, 1),
                                 .schema_id = row_int(rows, 2),
                                 .deleted = row_bool(rows, 3),
                                 .registered_us = row_int(rows, 4) };
}

static bool one_version(struct ctx *ctx, struct sql_rows *rows, struct version_row *out)
{
    *out = version_of(ctx, rows);
    sql_rows_close(rows);
    return true;
}

bool store_version(struct ctx *ctx, struct str subject, int64_t version, enum store_wish wish,
                   struct version_row *out)
{
    struct sql_rows rows;
    bool found = version == STORE_LATEST
                     ? sql_one(ctx, &rows,
                               "SELECT " VERSION_COLUMNS " FROM versions WHERE " WISHED
                               " AND subject = $2 ORDER BY version DESC LIMIT 1",
                               sql_int(wish), sql_str(subject))
                     : sql_one(ctx, &rows,
                               "SELECT " VERSION_COLUMNS " FROM versions WHERE " WISHED
                               " AND subject = $2 AND version = $3",
                               sql_int(wish), sql_str(subject), sql_int(version));
    return found && one_version(ctx, &rows, out);
}

bool store_version_of(struct ctx *ctx, struct str subject, int64_t schema_id, enum store_wish wish,
                      struct version_row *out)
{
    struct sql_rows rows;
    return sql_one(ctx, &rows,
                   "SELECT " VERSION_COLUMNS " FROM versions WHERE " WISHED
                   " AND subject = $2 AND schema_id = $3 ORDER BY deleted, version DESC LIMIT 1",
                   sql_int(wish), sql_str(subject), sql_int(schema_id)) &&
           one_version(ctx, &rows, out);
}

bool store_version_add(struct ctx *ctx, const struct version_row *version)
{
    return sql_exec(
        ctx, NULL, "INSERT INTO versions (" VERSION_COLUMNS ") VALUES ($1, $2, $3, $4, $5)",
        sql_str(version->subject), sql_int(version->version), sql_int(version->schema_id),
        sql_bool(version->deleted), sql_int(version->registered_us));
}

/* Room for one more in an array of the arena that doubles. */
static void *array_grow(struct ctx *ctx, void *array, size_t n, size_t bytes)
{
    if (n && (n & (n - 1)))
        return array;
    void *grown = arena_alloc(ctx->arena, MAX(n * 2, 1) * bytes);
    if (n)
        memcpy(grown, array, n * bytes);
    return grown;
}

/* In byte order, whatever the database's collation. */
static int version_order(const void *a, const void *b)
{
    const struct version_row *x = a, *y = b;
    int order = str_cmp(x->subject, y->subject);
    return order ? order : (x->version > y->version) - (x->version < y->version);
}

static bool all_versions(struct ctx *ctx, struct sql_rows *rows, struct version_row **out,
                         size_t *n)
{
    *out = NULL;
    for (*n = 0; sql_next(ctx, rows); ++*n) {
        *out = array_grow(ctx, *out, *n, sizeof(**out));
        (*out)[*n] = version_of(ctx, rows);
    }
    if (*n)
        qsort(*out, *n, sizeof(**out), version_order);
    return !ctx_failed(ctx);
}

bool store_versions(struct ctx *ctx, struct str subject, enum store_wish wish,
                    struct version_row **out, size_t *n)
{
    struct sql_rows rows;
    bool ok = subject.ptr
                  ? sql_query(ctx, &rows,
                              "SELECT " VERSION_COLUMNS " FROM versions WHERE " WISHED
                              " AND subject = $2",
                              sql_int(wish), sql_str(subject))
                  : sql_query(ctx, &rows, "SELECT " VERSION_COLUMNS " FROM versions WHERE " WISHED,
                              sql_int(wish));
    return ok && all_versions(ctx, &rows, out, n);
}

bool store_versions_of(struct ctx *ctx, int64_t schema_id, enum store_wish wish,
                       struct version_row **out, size_t *n)
{
    struct sql_rows rows;
    return sql_query(ctx, &rows,
                     "SELECT " VERSION_COLUMNS " FROM versions WHERE " WISHED " AND schema_id = $2",
                     sql_int(wish), sql_int(schema_id)) &&
           all_versions(ctx, &rows, out, n);
}

bool store_version_delete(struct ctx *ctx, struct str subject, int64_t version)
{
    return sql_exec(ctx, NULL,
                    "UPDATE versions SET deleted = $1 WHERE subject = $2 AND version = $3",
                    sql_bool(true), sql_str(subject), sql_int(version));
}

bool store_version_remove(struct ctx *ctx, const struct version_row *version)
{
    return sql_exec(ctx, NULL, "DELETE FROM versions WHERE subject = $1 AND version = $2",
                    sql_str(version->subject), sql_int(version->version)) &&
           sql_exec(
               ctx, NULL,
               "DELETE FROM schemas WHERE schema_id = $1"
               " AND NOT EXISTS (SELECT 1 FROM versions WHERE versions.schema_id = schemas.schema_id)",
               sql_int(version->schema_id));
}

bool store_referencing(struct ctx *ctx, struct str subject, int64_t version, int64_t **out,
                       size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(
            ctx, &rows,
            "SELECT DISTINCT schema_id FROM schema_references AS r WHERE subject = $1 AND version = $2"
            " AND EXISTS (SELECT 1 FROM versions AS v WHERE v.schema_id = r.schema_id AND NOT v.deleted)"
            " ORDER BY schema_id",
            sql_str(subject), sql_int(version)))
        return false;
    *out = NULL;
    for (*n = 0; sql_next(ctx, &rows); ++*n) {
        *out = array_grow(ctx, *out, *n, sizeof(**out));
        (*out)[*n] = row_int(&rows, 0);
    }
    return !ctx_failed(ctx);
}

/* ---- levels ---- */

bool store_level(struct ctx *ctx, struct str subject, struct str *level)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT level FROM levels WHERE subject = $1", sql_str(subject)))
        return false;
    *level = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool store_level_put(struct ctx *ctx, struct str subject, struct str level)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO levels (subject, level) VALUES ($1, $2)"
                    " ON CONFLICT (subject) DO UPDATE SET level = excluded.level",
                    sql_str(subject), sql_str(level));
}

bool store_level_delete(struct ctx *ctx, struct str subject)
{
    return sql_exec(ctx, NULL, "DELETE FROM levels WHERE subject = $1", sql_str(subject));
}
