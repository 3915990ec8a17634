/* SQLite: WAL with synchronous=FULL; one connection that writes and checkpoints, others that only read. */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/sql/internal.h"
#include "platform/telemetry/log.h"

#define BUSY_TIMEOUT_MS                                                                            \
    5000 /* another process (a copy for backup, the operator's shell) holds the lock */
#define REWRITE_AGAIN_US (20 * US_PER_S)
#define REWRITE_WAIT_US (30 * US_PER_S)
#define SCRUB_WAIT_MS 50 /* writers wait meanwhile */
#define CHECKPOINT_PAGES 1000   /* SQLite's own default: 4 MB of log */
#define LOG_KEPT_BYTES 8388608  /* what a burst leaves of the log file */
#define WRITER_CACHE_KB                                                                            \
    1024 /* small: the system caches the file anyway, and nine services share a laptop */
#define READER_CACHE_KB 512

/* What all connections of a database share. */
struct sqlite_engine {
    char *path;
    int owner; /* the locked file beside it, or -1 */
};

struct sqlite_sql {
    struct sql sql;
    sqlite3 *handle;
    sqlite3_stmt *begin, *commit, *rollback;
    bool writer;
    int log_pages; /* in the write-ahead log after the last commit */
    int64_t rewrite_us, rewrite_late_us; /* monotonic: not before, and not later */
    int64_t changes_before;
};

static struct sqlite_sql *of(struct sql *sql)
{
    return CONTAINER_OF(sql, struct sqlite_sql, sql);
}

/* ---- errors ---- */

static enum error_code code_of_constraint(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_NOTNULL:
    case SQLITE_CONSTRAINT_DATATYPE:
        return ERR_INTERNAL;
    default:
        return ERR_CONFLICT;
    }
}

static const char *sentence_of_constraint(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return "something with this key is there already";
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return "what it refers to is not there, or something refers to it";
    default:
        return "a value is outside its bounds";
    }
}

/* What was written may or may not be on the disk, and the system has forgotten which pages it failed to write: going on
 * could acknowledge what is not there. A start reads what is really there. */
static void end_if_sync_failed(const struct sqlite_sql *self, int result)
{
    if (result != SQLITE_IOERR_FSYNC && result != SQLITE_IOERR_DIR_FSYNC)
        return;
    log_line(LOG_ERROR, NULL, "sql_sync_failed", LOG_C("db_namespace", self->sql.db->service),
             LOG_I("errno", sqlite3_system_errno(self->handle)));
    _exit(1);
}

/* Notes the error that `result` is. Some errors undo the whole transaction by themselves (FULL, IOERR, NOMEM): then
 * nothing more may run in it, or it would run outside any. */
static bool fail(struct ctx *ctx, struct sqlite_sql *self, int result, const char *text)
{
    end_if_sync_failed(self, result);
    if (self->begin && sqlite3_get_autocommit(self->handle))
        self->sql.lost = true;
    const char *message = sqlite3_errmsg(self->handle);
    switch (result & 0xff) {
    case SQLITE_CONSTRAINT:
        if (code_of_constraint(result) == ERR_CONFLICT)
            return ctx_fail(ctx, ERR_CONFLICT, "%s", sentence_of_constraint(result));
        break;
    case SQLITE_FULL:
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the disk is full");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_NOMEM:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
    case SQLITE_ABORT:
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the database cannot be used now: %s (%d)", message,
                        result);
    case SQLITE_TOOBIG:
        return ctx_fail(ctx, ERR_TOO_LARGE, "a value is too large for the database");
    default:
        break;
    }
    return ctx_fail(ctx, ERR_INTERNAL, "SQLite: %s (%d)%s%s", message, result, text ? ", in: " : "",
                    text ? text : "");
}

/* ---- the file ---- */

static void initialize(void)
{
    /* The statistics cost a global lock at each allocation. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_initialize();
}

static bool open_url(struct ctx *ctx, struct sql_db *db, struct str url)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, initialize);
    struct str path = { url.ptr + strlen("sqlite:"), url.len - strlen("sqlite:") };
    if (str_starts(path, STR("///")))
        path = (struct str){ path.ptr + 2, path.len - 2 };
    if (path.len == 0 || path.ptr[0] == ':' || str_starts(path, STR("//")) ||
        str_find_char(path, '?') >= 0)
        return ctx_fail(ctx, ERR_INVALID,
                        "\"" STR_FMT
                        "\" names no file; wanted \"sqlite:<path>\" without parameters",
                        STR_ARG(url));
    struct sqlite_engine *engine = mem_alloc(sizeof *engine);
    *engine = (struct sqlite_engine){ mem_strdup(arena_cstr(ctx->arena, path)), -1 };
    db->engine = engine;
    db->n_writers = 1;
    db->max_readers = 16;
    return true;
}

static void close_engine(struct sql_db *db)
{
    struct sqlite_engine *engine = db->engine;
    if (!engine)
        return;
    if (engine->owner >= 0)
        close(engine->owner);
    free(engine->path);
    free(engine);
}

static const char *path_of(const struct sql_db *db)
{
    return ((struct sqlite_engine *)db->engine)->path;
}

/* One process at a time: SQLite itself would allow more, but each has a writer that checkpoints (see connect_file), and
 * a service that is started twice by mistake is to say so. The kernel lets go of it when the process ends. */
static bool owner_lock(struct ctx *ctx, struct sqlite_engine *engine)
{
    const char *path = arena_printf(ctx->arena, "%s-owner", engine->path).ptr;
    engine->owner = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (engine->owner < 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path, strerror(errno));
    if (flock(engine->owner, LOCK_EX | LOCK_NB) != 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the database %s is in use by another process",
                        engine->path);
    return true;
}

/* SQLite says "unable to open database file" of all of these. */
static bool folder_check(struct ctx *ctx, const char *path)
{
    char *folder = arena_cstr(ctx->arena, str_of(path));
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    else
        folder = arena_cstr(ctx->arena, STR("."));
    struct stat status;
    if (stat(folder, &status) != 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the folder %s of the database cannot be used: %s",
                        folder, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s, where the database is to be, is not a folder",
                        folder);
    if (access(folder, R_OK | W_OK | X_OK) != 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the folder %s of the database cannot be written: %s",
                        folder, strerror(errno));
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s is not a file", path);
    if (access(path, F_OK) == 0 && access(path, R_OK | W_OK) != 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path, strerror(errno));
    return true;
}

static bool erase(struct ctx *ctx, struct sql_db *db)
{
    static const char *const ends[] = { "", "-wal", "-shm", "-journal", "-owner" };
    for (size_t i = 0; i < COUNT(ends); i++) {
        const char *path = arena_printf(ctx->arena, "%s%s", path_of(db), ends[i]).ptr;
        if (unlink(path) != 0 && errno != ENOENT)
            return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be deleted: %s", path,
                            strerror(errno));
    }
    return true;
}

/* ---- connections ---- */

static int note_log_pages(void *argument, sqlite3 *handle, const char *name, int pages)
{
    struct sqlite_sql *self = argument;
    self->log_pages = pages;
    return SQLITE_OK;
}

/* Where the file lies on a file system that cannot do it, SQLite keeps its old journal and says so only here. */
static bool wal_set(struct ctx *ctx, struct sqlite_sql *self)
{
    sqlite3_stmt *statement = NULL;
    int result = sqlite3_prepare_v2(self->handle, "PRAGMA journal_mode=WAL", -1, &statement, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(statement);
    bool ok = result == SQLITE_ROW || fail(ctx, self, result, NULL);
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
    return result == SQLITE_OK || fail(ctx, self, result, NULL);
}

static bool prepare_own(struct ctx *ctx, struct sqlite_sql *self, const char *text,
                        sqlite3_stmt **out)
{
    int result = sqlite3_prepare_v3(self->handle, text, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
    return result == SQLITE_OK || fail(ctx, self, result, text);
}

static void disconnect(struct sql *sql)
{
    struct sqlite_sql *self = of(sql);
    sqlite3_finalize(self->begin);
    sqlite3_finalize(self->commit);
    sqlite3_finalize(self->rollback);
    sqlite3_close(self->handle);
    free(self);
}

static int mark_read(void *db, int n, char **values, char **names)
{
    atomic_store(&((struct sql_db *)db)->rewrite, strcmp(values[0], "0") != 0);
    return 0;
}

static struct sql *connect_file(struct ctx *ctx, struct sql_db *db, bool writer)
{
    const char *path = path_of(db);
    if (writer && (!folder_check(ctx, path) || !owner_lock(ctx, db->engine)))
        return NULL;
    struct sqlite_sql *self = mem_alloc(sizeof *self);
    self->sql = (struct sql){ .driver = &sqlite_driver, .db = db };
    self->writer = writer;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    int result =
        sqlite3_open_v2(path, &self->handle, writer ? flags | SQLITE_OPEN_CREATE : flags, NULL);
    if (result != SQLITE_OK) {
        fail(ctx, self, result, NULL);
        goto fail;
    }
    sqlite3_busy_timeout(self->handle, BUSY_TIMEOUT_MS);
    /* SQLite before 3.51.3 may lose a log that two connections checkpoint: only the writer does, also at the end. */
    if (!writer)
        sqlite3_db_config(self->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (!wal_set(ctx, self) || !pragmas_set(ctx, self))
        goto fail;
    /* After the pragmas: wal_autocheckpoint takes the hook's place. */
    if (writer) {
        sqlite3_wal_hook(self->handle, note_log_pages, self);
        sqlite3_exec(self->handle, "PRAGMA user_version", mark_read, db, NULL);
        atomic_store(&db->scrub,
                     true); /* whoever had it before may have been killed before it did */
    }
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
    struct sqlite_sql *self = of(sql);
    int result = sqlite3_exec(self->handle, text, NULL, NULL, NULL);
    return result == SQLITE_OK || fail(ctx, self, result, NULL);
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
    struct sqlite_sql *self = of(sql);
    int result = run_own(self->begin);
    self->changes_before = sqlite3_total_changes64(self->handle);
    return result == SQLITE_OK || fail(ctx, self, result, "BEGIN");
}

/* A deferred foreign key that is still unmet would make the shared commit fail, for everybody. */
static bool check(struct ctx *ctx, struct sql *sql)
{
    int unmet = 0, highest = 0;
    sqlite3_db_status(of(sql)->handle, SQLITE_DBSTATUS_DEFERRED_FKS, &unmet, &highest, 0);
    return !unmet ||
           ctx_fail(ctx, ERR_CONFLICT, "%s", sentence_of_constraint(SQLITE_CONSTRAINT_FOREIGNKEY));
}

static void rollback(struct sql *sql)
{
    struct sqlite_sql *self = of(sql);
    if (!sqlite3_get_autocommit(self->handle))
        run_own(self->rollback);
}

static bool commit(struct ctx *ctx, struct sql *sql)
{
    struct sqlite_sql *self = of(sql);
    if (sql->lost)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the database has undone the transaction");
    int result = run_own(self->commit);
    sql->changed = sqlite3_total_changes64(self->handle) != self->changes_before;
    if (result == SQLITE_OK)
        return true;
    fail(ctx, self, result, "COMMIT");
    rollback(sql);
    return false;
}

/* PASSIVE: waits for no reader. What a long reader holds up is done after a later commit. */
static void checkpoint(struct sqlite_sql *self, int mode)
{
    int left = 0, done = 0;
    int result = sqlite3_wal_checkpoint_v2(self->handle, NULL, mode, &left, &done);
    end_if_sync_failed(self, result);
    if (result == SQLITE_OK && left == done)
        self->log_pages = 0;
}

/* Empties the log file. A reader that is at work with it gets SCRUB_WAIT_MS to end; then it is tried again later. */
static void scrub(struct sqlite_sql *self)
{
    int left = -1, done = 0;
    sqlite3_busy_timeout(self->handle, SCRUB_WAIT_MS);
    int result =
        sqlite3_wal_checkpoint_v2(self->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, &left, &done);
    sqlite3_busy_timeout(self->handle, BUSY_TIMEOUT_MS);
    end_if_sync_failed(self, result);
    if (result != SQLITE_OK)
        return;
    self->log_pages = 0;
    atomic_store(&self->sql.db->scrub, false);
}

/* Pages that were split or joined keep copies of rows in their gaps, which secure_delete does not reach: only writing the file
 * anew does. In quiet, or after REWRITE_WAIT_US all the same; not again and again where it cannot be done. */
static void rewrite(struct sqlite_sql *self)
{
    int64_t now_us = clock_mono_us();
    if (now_us < self->rewrite_us)
        return;
    self->rewrite_us = now_us + REWRITE_AGAIN_US;
    self->rewrite_late_us = 0;
    if (sqlite3_exec(self->handle, SQLITE_REWRITE, NULL, NULL, NULL) == SQLITE_OK)
        atomic_store(&self->sql.db->rewrite, false);
    atomic_store(&self->sql.db->scrub, true); /* what it has written is in the log */
}

static void rewrite_without_quiet(struct sqlite_sql *self)
{
    int64_t now_us = clock_mono_us();
    if (!self->rewrite_late_us)
        self->rewrite_late_us = now_us + REWRITE_WAIT_US;
    if (now_us > self->rewrite_late_us)
        rewrite(self);
}

static void after_commit(struct sql *sql)
{
    struct sqlite_sql *self = of(sql);
    if (atomic_load(&sql->db->rewrite))
        rewrite_without_quiet(self);
    if (atomic_load(&sql->db->scrub))
        scrub(self);
    else if (self->log_pages >= CHECKPOINT_PAGES)
        checkpoint(self, SQLITE_CHECKPOINT_PASSIVE);
}

static void idle(struct sql *sql)
{
    struct sqlite_sql *self = of(sql);
    if (atomic_load(&sql->db->rewrite))
        rewrite(self);
    if (atomic_load(&sql->db->scrub))
        scrub(self);
    else if (self->log_pages > 0)
        checkpoint(self, SQLITE_CHECKPOINT_PASSIVE);
    sqlite3_db_release_memory(self->handle);
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
    struct sqlite_sql *self = of(sql);
    const char *rest = NULL;
    int result = sqlite3_prepare_v3(self->handle, statement->copy, -1, SQLITE_PREPARE_PERSISTENT,
                                    (sqlite3_stmt **)&statement->handle, &rest);
    if (result != SQLITE_OK)
        return fail(ctx, self, result, statement->copy);
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
            return fail(ctx, self, result, statement->copy);
    }
    return true;
}

static bool exec(struct ctx *ctx, struct sql *sql, struct sql_statement *statement,
                 const struct sql_value *values, size_t n, int64_t *changed)
{
    struct sqlite_sql *self = of(sql);
    if (!bind_all(ctx, self, statement, values, n, SQLITE_STATIC))
        return false;
    int result;
    while ((result = sqlite3_step(statement->handle)) == SQLITE_ROW)
        ;
    bool ok = result == SQLITE_DONE || fail(ctx, self, result, statement->copy);
    *changed = ok && !sqlite3_stmt_readonly(statement->handle) ? sqlite3_changes64(self->handle)
                                                               : 0;
    sqlite3_reset(statement->handle);
    return ok;
}

/* The values are copied: the rows may be read when the caller's own are gone. */
static bool query(struct ctx *ctx, struct sql_rows *rows, const struct sql_value *values, size_t n)
{
    return bind_all(ctx, of(rows->sql), rows->statement, values, n, SQLITE_TRANSIENT);
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
    fail(ctx, of(rows->sql), result, ((struct sql_statement *)rows->statement)->copy);
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
    .open          = open_url,
    .close         = close_engine,
    .erase         = erase,
    .connect       = connect_file,
    .disconnect    = disconnect,
    .lock          = lock_for_migration,
    .script        = script,
    .begin         = begin,
    .check         = check,
    .commit        = commit,
    .rollback      = rollback,
    .after_commit  = after_commit,
    .idle          = idle,
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
