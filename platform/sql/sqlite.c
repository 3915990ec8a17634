/* SQLite: WAL with synchronous=FULL; one connection that writes and checkpoints, others that only read. */
#include <stdio.h>
#include <stdlib.h>

#include "platform/sql/sqlite.h"

#define LOG_KEPT_BYTES 8388608 /* what a burst leaves of the log file */
#define WRITER_CACHE_KB                                                                            \
    1024 /* small: the system caches the file anyway, and nine services share a laptop */
#define READER_CACHE_KB 512

/* ---- connections ---- */

/* Where the file lies on a file system that cannot do it, SQLite keeps its old journal and says so only here. */
static bool wal_set(struct ctx *ctx, struct sqlite_sql *self)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(self->handle, "PRAGMA journal_mode=WAL", -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    bool ok = result == SQLITE_ROW || sqlite_fail(ctx, self, result, NULL);
    if (ok && strcmp((const char *)sqlite3_column_text(statement, 0), "wal") != 0)
        ok = ctx_fail(ctx, ERR_UNAVAILABLE,
                      "its file system cannot share memory (no write-ahead log)");
    sqlite3_finalize(statement);
    return ok;
}

/* secure_delete: what is deleted is overwritten, so that nobody's name stays in free space of the file. Debian's SQLite does
 * so by itself, others do not. */
static bool pragmas_set(struct ctx *ctx, struct sqlite_sql *self)
{
    char text[512];
    snprintf(text, sizeof text,
             "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
             "PRAGMA temp_store=MEMORY; PRAGMA journal_size_limit=%d; PRAGMA wal_autocheckpoint=0;"
             "PRAGMA cache_size=-%d; PRAGMA query_only=%d;",
             LOG_KEPT_BYTES, self->writer ? WRITER_CACHE_KB : READER_CACHE_KB, !self->writer);
    int result = sqlite3_exec(self->handle, text, NULL, NULL, NULL);
    return result == SQLITE_OK || sqlite_fail(ctx, self, result, NULL);
}

static bool prepare_own(struct ctx *ctx, struct sqlite_sql *self, const char *text,
                        sqlite3_stmt **out)
{
    int result = sqlite3_prepare_v3(self->handle, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return result == SQLITE_OK || sqlite_fail(ctx, self, result, text);
}

static void disconnect(struct sql *sql)
{
    struct sqlite_sql *self = sqlite_of(sql);
    sqlite3_finalize(self->begin);
    sqlite3_finalize(self->commit);
    sqlite3_finalize(self->rollback);
    sqlite3_close(self->handle);
    free(self->gaps);
    free(self);
}

/* Gives whether the file is new. */
static bool writer_prepare(struct sqlite_sql *self)
{
    sqlite3_stmt *statement = NULL;
    int64_t pages = -1;
    if (sqlite3_prepare_v2(self->handle, "PRAGMA page_count", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        pages = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    self->gaps = mem_alloc(sizeof *self->gaps);
    sqlite_gaps_watch(self->handle, self->gaps, pages);
    return pages == 0;
}

static struct sql *connect_file(struct ctx *ctx, struct sql_db *db, bool writer)
{
    const char *path = sqlite_path(db);
    if (writer && !sqlite_file_take(ctx, db))
        return NULL;
    struct sqlite_sql *self = mem_alloc(sizeof *self);
    self->sql = (struct sql){ .driver = &sqlite_driver, .db = db };
    self->writer = writer;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int result =
        sqlite3_open_v2(path, &self->handle, writer ? flags | SQLITE_OPEN_CREATE : flags, NULL);
    if (result != SQLITE_OK) {
        sqlite_fail(ctx, self, result, NULL);
        goto fail;
    }
    sqlite3_busy_timeout(self->handle, SQLITE_BUSY_TIMEOUT_MS);
    /* SQLite before 3.51.3 may lose a log that two connections checkpoint: only the writer does, also at the end. */
    if (!writer)
        sqlite3_db_config(self->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    bool created = writer && writer_prepare(self);
    if (!wal_set(ctx, self) || !pragmas_set(ctx, self))
        goto fail;
    if (writer)
        sqlite_chores_start(self, created);
    if (!prepare_own(ctx, self, "COMMIT", &self->commit) ||
        !prepare_own(ctx, self, "ROLLBACK", &self->rollback) ||
        !prepare_own(ctx, self, writer ? "BEGIN IMMEDIATE" : "BEGIN", &self->begin))
        goto fail;
    return &self->sql;
fail:
    ctx_fail(ctx, ERR_UNAVAILABLE, "the database %s cannot be opened", path);
    disconnect(&self->sql);
    return NULL;
}

static bool lock_for_migration(struct ctx *ctx, struct sql *sql)
{
    return true; /* BEGIN IMMEDIATE has it */
}

static bool script(struct ctx *ctx, struct sql *sql, const char *text)
{
    struct sqlite_sql *self = sqlite_of(sql);
    int result = sqlite3_exec(self->handle, text, NULL, NULL, NULL);
    return result == SQLITE_OK || sqlite_fail(ctx, self, result, NULL);
}

/* ---- transactions ---- */

static int run_own(sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);
    sqlite3_reset(statement);
    return result == SQLITE_DONE ? SQLITE_OK : result;
}

static bool begin(struct ctx *ctx, struct sql *sql, bool writing)
{
    struct sqlite_sql *self = sqlite_of(sql);
    int result = run_own(self->begin);
    self->changes_before = sqlite3_total_changes64(self->handle);
    return result == SQLITE_OK || sqlite_fail(ctx, self, result, "BEGIN");
}

/* A deferred foreign key that is still unmet would make the shared commit fail, for everybody. */
static bool check(struct ctx *ctx, struct sql *sql)
{
    int unmet = 0, highest = 0;
    sqlite3_db_status(sqlite_of(sql)->handle, SQLITE_DBSTATUS_DEFERRED_FKS, &unmet, &highest, 0);
    return !unmet || ctx_fail(ctx, ERR_CONFLICT, "%s",
                              sqlite_constraint_sentence(SQLITE_CONSTRAINT_FOREIGNKEY));
}

static void rollback(struct sql *sql)
{
    struct sqlite_sql *self = sqlite_of(sql);
    if (!sqlite3_get_autocommit(self->handle))
        run_own(self->rollback);
}

static bool commit(struct ctx *ctx, struct sql *sql)
{
    struct sqlite_sql *self = sqlite_of(sql);
    if (sql->lost)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the database has undone the transaction");
    int result = run_own(self->commit);
    sql->changed = sqlite3_total_changes64(self->handle) != self->changes_before;
    if (result == SQLITE_OK)
        return true;
    sqlite_fail(ctx, self, result, "COMMIT");
    rollback(sql);
    return false;
}

/* ---- statements ---- */

/* SQLite takes $1, $2 for names and numbers parameters as they appear: which value each one takes is kept. */
static bool parameters_read(struct ctx *ctx, struct sql_statement *statement)
{
    sqlite3_stmt *handle = statement->handle;
    int count = sqlite3_bind_parameter_count(handle);
    statement->values = mem_alloc(sizeof *statement->values * (size_t)(count + 1));
    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(handle, i);
        int64_t number = 0;
        if (!name || name[0] != '$' || !str_to_int(str_of(name + 1), &number) || number < 1 ||
            number > count)
            return ctx_fail(ctx, ERR_INTERNAL, "parameters are $1 to $n, each of them used, in: %s",
                            statement->copy);
        statement->values[i] = (uint16_t)number;
    }
    statement->number = (unsigned)count;
    return true;
}

static bool prepare(struct ctx *ctx, struct sql *sql, struct sql_statement *statement)
{
    struct sqlite_sql *self = sqlite_of(sql);
    const char *rest = NULL;
    int result = sqlite3_prepare_v3(self->handle, statement->copy, -1, SQLITE_PREPARE_PERSISTENT,
                                    (sqlite3_stmt **)&statement->handle, &rest);
    if (result != SQLITE_OK)
        return sqlite_fail(ctx, self, result, statement->copy);
    if (!statement->handle || str_trim(str_of(rest)).len > 0)
        return ctx_fail(ctx, ERR_INTERNAL, "not one statement: %s", statement->copy);
    return parameters_read(ctx, statement);
}

static void unprepare(struct sql *sql, struct sql_statement *statement)
{
    sqlite3_finalize(statement->handle);
}

static int bind(sqlite3_stmt *handle, int index, const struct sql_value *value,
                sqlite3_destructor_type keep)
{
    switch (value->kind) {
    case SQL_TEXT:
        return sqlite3_bind_text64(handle, index, value->str.ptr, value->str.len, keep,
                                   SQLITE_UTF8);
    case SQL_BLOB:
        if (!value->str.ptr)
            return sqlite3_bind_null(handle, index);
        return sqlite3_bind_blob64(handle, index, value->str.ptr, value->str.len, keep);
    case SQL_INT:
    case SQL_BOOL:
        return sqlite3_bind_int64(handle, index, value->integer);
    case SQL_DOUBLE:
        return sqlite3_bind_double(handle, index, value->number);
    default:
        return sqlite3_bind_null(handle, index);
    }
}

static bool values_check(struct ctx *ctx, const struct sql_statement *statement,
                         const struct sql_value *values, size_t n)
{
    if (n != statement->number)
        return ctx_fail(ctx, ERR_INTERNAL, "%zu values for %u parameters, in: %s", n,
                        statement->number, statement->copy);
    for (size_t i = 0; i < n; i++) {
        struct str text = values[i].str;
        if (values[i].kind == SQL_TEXT && memchr(text.ptr, 0, text.len))
            return ctx_fail(ctx, ERR_INVALID, "text holds a NUL character");
    }
    return true;
}

static bool bind_all(struct ctx *ctx, struct sqlite_sql *self, struct sql_statement *statement,
                     const struct sql_value *values, size_t n, sqlite3_destructor_type keep)
{
    if (!values_check(ctx, statement, values, n))
        return false;
    for (int i = 1; i <= (int)n; i++) {
        int result = bind(statement->handle, i, &values[statement->values[i] - 1], keep);
        if (result != SQLITE_OK)
            return sqlite_fail(ctx, self, result, statement->copy);
    }
    return true;
}

static bool exec(struct ctx *ctx, struct sql *sql, struct sql_statement *statement,
                 const struct sql_value *values, size_t n, int64_t *changed)
{
    struct sqlite_sql *self = sqlite_of(sql);
    if (!bind_all(ctx, self, statement, values, n, SQLITE_STATIC))
        return false;
    int result;
    while ((result = sqlite3_step(statement->handle)) == SQLITE_ROW)
        ;
    bool ok = result == SQLITE_DONE || sqlite_fail(ctx, self, result, statement->copy);
    *changed = ok && !sqlite3_stmt_readonly(statement->handle) ? sqlite3_changes64(self->handle)
                                                               : 0;
    sqlite3_reset(statement->handle);
    return ok;
}

/* The values are copied: the rows may be read when the caller's own are gone. */
static bool query(struct ctx *ctx, struct sql_rows *rows, const struct sql_value *values, size_t n)
{
    return bind_all(ctx, sqlite_of(rows->sql), rows->statement, values, n, SQLITE_TRANSIENT);
}

static sqlite3_stmt *handle_of(const struct sql_rows *rows)
{
    return ((struct sql_statement *)rows->statement)->handle;
}

static int step(struct ctx *ctx, struct sql_rows *rows)
{
    int result = sqlite3_step(handle_of(rows));
    if (result == SQLITE_ROW)
        return 1;
    if (result == SQLITE_DONE)
        return 0;
    sqlite_fail(ctx, sqlite_of(rows->sql), result, ((struct sql_statement *)rows->statement)->copy);
    return -1;
}

static void finish(struct sql_rows *rows)
{
    sqlite3_reset(handle_of(rows));
    sqlite3_clear_bindings(handle_of(rows));
}

static bool is_null(const struct sql_rows *rows, int column)
{
    return sqlite3_column_type(handle_of(rows), column) == SQLITE_NULL;
}

static int64_t get_int(const struct sql_rows *rows, int column)
{
    return sqlite3_column_int64(handle_of(rows), column);
}

static double get_double(const struct sql_rows *rows, int column)
{
    return sqlite3_column_double(handle_of(rows), column);
}

static struct str get_bytes(struct arena *arena, const struct sql_rows *rows, int column)
{
    sqlite3_stmt *handle = handle_of(rows);
    int type = sqlite3_column_type(handle, column);
    if (type == SQLITE_NULL)
        return (struct str){ NULL, 0 };
    /* In this order: the conversion to text changes the number of bytes. */
    const void *bytes = type == SQLITE_BLOB ? sqlite3_column_blob(handle, column)
                                            : (const void *)sqlite3_column_text(handle, column);
    size_t n = (size_t)sqlite3_column_bytes(handle, column);
    return arena_str(arena, (struct str){ bytes ? bytes : "", n });
}

const struct sql_driver sqlite_driver = {
    .system        = "sqlite",
    .shared_commit = true,
    .open          = sqlite_open_url,
    .close         = sqlite_close_engine,
    .erase         = sqlite_file_erase,
    .connect       = connect_file,
    .disconnect    = disconnect,
    .lock          = lock_for_migration,
    .script        = script,
    .begin         = begin,
    .check         = check,
    .commit        = commit,
    .rollback      = rollback,
    .after_commit  = sqlite_after_commit,
    .idle          = sqlite_idle,
    .forget        = sqlite_forget,
    .prepare       = prepare,
    .unprepare     = unprepare,
    .exec          = exec,
    .query         = query,
    .step          = step,
    .finish        = finish,
    .is_null       = is_null,
    .get_int       = get_int,
    .get_double    = get_double,
    .get_bytes     = get_bytes,
};
