/* Migrations: the platform's tables and the service's, forward only, all that are missing in one transaction. A program
 * also starts on a database that later ones have added to (docs/changes.md). */
#include "base/clock.h"
#include "platform/sql/internal.h"
#include "platform/sql/tables.h"

/* Ends the name of a migration that takes away what the programs before it may still use. All others only add. */
#define CONTRACTS STR(".contract")

/* Whether a program with `n` migrations can live with this row of the database, the i-th of its scope. */
static bool row_fits(struct ctx *ctx, const char *scope, const struct sql_migration *migrations,
                     size_t n, size_t i, int64_t number, struct str name)
{
    if (number != (int64_t)i + 1)
        return ctx_fail(ctx, ERR_CONFLICT,
                        "the database names " STR_FMT " as migration %zu of %s, not %zu",
                        STR_ARG(name), (size_t)number, scope, i + 1);
    if (i < n && !str_is(name, migrations[i].name))
        return ctx_fail(ctx, ERR_CONFLICT,
                        "migration %zu of %s is " STR_FMT " in the database and %s in this program",
                        i + 1, scope, STR_ARG(name), migrations[i].name);
    if (i >= n && str_ends(name, CONTRACTS))
        return ctx_fail(ctx, ERR_CONFLICT,
                        "the database's schema (%s " STR_FMT
                        ") is newer than this program's (%zu) and has taken away from it: "
                        "start the program that made it, or a later one",
                        scope, STR_ARG(name), n);
    return true;
}

/* How many are applied. There may be more of them than this program knows, as long as those only add. */
static bool applied(struct ctx *ctx, const char *scope, const struct sql_migration *migrations,
                    size_t n, size_t *out)
{
    struct sql_rows rows;
    size_t i = 0;
    if (!sql_query(ctx, &rows,
                   "SELECT number, name FROM platform_migrations WHERE scope = $1 ORDER BY number",
                   sql_text(scope)))
        return false;
    while (sql_next(ctx, &rows)) {
        if (!row_fits(ctx, scope, migrations, n, i, row_int(&rows, 0), row_str(ctx, &rows, 1))) {
            sql_rows_close(&rows);
            return false;
        }
        i++;
    }
    if (!ctx_failed(ctx))
        *out = i;
    return !ctx_failed(ctx);
}

static bool apply(struct ctx *ctx, const char *scope, const struct sql_migration *migration)
{
    struct sql *sql = ctx->sql;
    const char *text = migration->sqlite;
    if (sql_is_postgresql(sql->db) && migration->postgresql)
        text = migration->postgresql;
    if (!sql->driver->script(ctx, sql, text))
        return ctx_fail(ctx, ctx->error.code, "migration %s of %s", migration->name, scope);
    return sql_exec(ctx, NULL,
                    "INSERT INTO platform_migrations (scope, number, name, applied_us) "
                    "VALUES ($1, $2, $3, $4)",
                    sql_text(scope), sql_int(migration->number), sql_text(migration->name),
                    sql_int(clock_now_us()));
}

static bool migrate_scope(struct ctx *ctx, const char *scope,
                          const struct sql_migration *migrations, size_t n)
{
    size_t done;
    if (!applied(ctx, scope, migrations, n, &done))
        return false;
    for (size_t i = done; i < n; i++) {
        if (migrations[i].number != (int)i + 1)
            return ctx_fail(ctx, ERR_INTERNAL, "migration %s of %s has number %d, not %zu",
                            migrations[i].name, scope, migrations[i].number, i + 1);
        if (!apply(ctx, scope, &migrations[i]))
            return false;
    }
    return true;
}

/* Two services on one file or schema would take each other's outbox for their own. */
static bool check_is_ours(struct ctx *ctx, const char *service)
{
    struct sql_rows rows;
    if (!sql_one(
            ctx, &rows,
            "SELECT scope FROM platform_migrations WHERE scope <> 'platform' AND scope <> $1 LIMIT 1",
            sql_text(service)))
        return !ctx_failed(ctx);
    struct str owner = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return ctx_fail(ctx, ERR_CONFLICT, "the database is that of " STR_FMT ", not of %s",
                    STR_ARG(owner), service);
}

static bool migrate_all(struct ctx *ctx, const char *service,
                        const struct sql_migration *migrations, size_t n)
{
    struct sql *sql = ctx->sql;
    return sql->driver->lock(ctx, sql) &&
           sql->driver->script(ctx, sql,
                               "CREATE TABLE IF NOT EXISTS platform_migrations ("
                               "scope TEXT NOT NULL, number BIGINT NOT NULL, name TEXT NOT NULL, "
                               "applied_us BIGINT NOT NULL, PRIMARY KEY (scope, number))") &&
           check_is_ours(ctx, service) &&
           migrate_scope(ctx, "platform", platform_migrations, n_platform_migrations) &&
           migrate_scope(ctx, service, migrations, n);
}

bool sql_migrate(struct ctx *ctx, struct sql *sql, const char *service,
                 const struct sql_migration *migrations, size_t n)
{
    if (!sql->driver->begin(ctx, sql, true))
        return false;
    sql_transaction_begun(sql, true);
    ctx->sql = sql;
    bool ok = migrate_all(ctx, service, migrations, n);
    ctx->sql = NULL;
    sql_rows_reset(sql);
    if (ok)
        return sql->driver->commit(ctx, sql);
    sql->driver->rollback(sql);
    return false;
}
