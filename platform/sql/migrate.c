/* Migrations: the platform's tables and the service's, forward only, all that are missing in one transaction. */
#include "base/clock.h"
#include "platform/sql/internal.h"
#include "platform/sql/tables.h"

static bool highest(struct ctx *ctx, const char *scope, int64_t *number, struct str *name)
{
    struct sql_rows rows;
    *number = 0;
    if (sql_one(
            ctx, &rows,
            "SELECT number, name FROM platform_migrations WHERE scope = $1 ORDER BY number DESC LIMIT 1",
            sql_text(scope))) {
        *number = row_int(&rows, 0);
        *name = row_str(ctx, &rows, 1);
        sql_rows_close(&rows);
    }
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
    int64_t number = 0;
    struct str name = { NULL, 0 };
    if (!highest(ctx, scope, &number, &name))
        return false;
    if (number > (int64_t)n)
        return ctx_fail(ctx, ERR_CONFLICT,
                        "the database's schema (%s " STR_FMT
                        ") is newer than this program's (%zu): "
                        "start the program that made it, or a later one",
                        scope, STR_ARG(name), n);
    if (number > 0 && !str_is(name, migrations[number - 1].name))
        return ctx_fail(ctx, ERR_CONFLICT,
                        "migration %d of %s is " STR_FMT " in the database and %s in this program",
                        (int)number, scope, STR_ARG(name), migrations[number - 1].name);
    for (size_t i = (size_t)number; i < n; i++) {
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
