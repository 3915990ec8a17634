/* SQL on SQLite and PostgreSQL behind one narrow interface. Text uses $1, $2, ... on both; types are TEXT, BIGINT,
 * DOUBLE PRECISION, BOOLEAN (0/1 on SQLite) and BLOB (a domain over bytea on PostgreSQL). Statements are prepared once
 * per connection and text (texts must be string literals: they are cached by address and content).
 *
 * SQLite: one writer thread and connection; jobs that wait share one commit, each in its own savepoint; readers apart.
 * PostgreSQL: a pool; each job its own transaction at READ COMMITTED, retried on 40001 and 40P01.
 *
 * On both, a statement that failed spoils its transaction back to the innermost sql_savepoint: what follows is refused
 * until that is undone, and a job that returns true all the same is not committed. So ask with ON CONFLICT, or take a
 * savepoint first, where a failure is expected. The platform's own tables: platform/sql/tables.h. */
#pragma once

#include "base/ctx.h"

struct sql_db; /* a database; thread-safe */
struct sql;    /* a connection of it, as ctx->sql */

struct sql_migration {
    int number;       /* 1, 2, ... without gaps */
    const char *name; /* "001_ledger"; one that takes away ends in ".contract" (docs/changes.md) */
    const char *sqlite, *postgresql; /* the text for each engine; postgresql NULL: the same */
};

/* url: "sqlite:<path>" (":memory:" is not supported) or "postgresql://...", there with two parameters of our own:
 * `pool` (connections that write, 8; as many again that read, made when needed) and `schema` (the service's name), the
 * schema that all tables are in, made when missing: services may share one PostgreSQL database. Creates the platform's own tables (outbox,
 * positions, seen ids, idempotency, ...) and then the service's migrations, under a lock. NULL with one sentence: bad
 * URL, unreadable folder, a newer schema that has taken something away from this program's; one that was only added to
 * is fine. */
struct sql_db *sql_open(struct ctx *ctx, struct str url, const char *service,
                        const struct sql_migration *migrations, size_t n_migrations);
void sql_close(struct sql_db *db); /* finishes queued jobs first; NULL-safe */
bool sql_is_postgresql(const struct sql_db *db);

/* `wake(argument)` is called after each commit of this process that changed something, before its jobs are answered, on
 * the thread that committed: it must be quick. Up to 4 of them; one that is there already is not added again. What other
 * processes commit (PostgreSQL) is not seen. */
void sql_on_commit(struct sql_db *db, void (*wake)(void *argument), void *argument);

/* Deletes everything: the file (and its -wal, -shm), or the schema. For tests; nobody may have it open. */
bool sql_erase(struct ctx *ctx, struct str url, const char *service);

/* ---- statements, on ctx->sql ---- */

struct sql_value {
    enum { SQL_NULL, SQL_TEXT, SQL_INT, SQL_DOUBLE, SQL_BOOL, SQL_BLOB } kind;
    struct str str;
    int64_t integer;
    double number;
};

static inline struct sql_value sql_str(struct str s)
{
    return s.ptr ? (struct sql_value){ SQL_TEXT, .str = s } : (struct sql_value){ SQL_NULL };
}
static inline struct sql_value sql_text(const char *s)
{
    return sql_str(str_of(s));
}
static inline struct sql_value sql_int(int64_t n)
{
    return (struct sql_value){ SQL_INT, .integer = n };
}
static inline struct sql_value sql_double(double d)
{
    return (struct sql_value){ SQL_DOUBLE, .number = d };
}
static inline struct sql_value sql_bool(bool b)
{
    return (struct sql_value){ SQL_BOOL, .integer = b };
}
static inline struct sql_value sql_blob(struct str s)
{
    return (struct sql_value){ SQL_BLOB, .str = s };
}
static inline struct sql_value sql_null(void)
{
    return (struct sql_value){ SQL_NULL };
}

/* $n stands for the n-th value; all of them are used. Text is UTF-8 without NUL; booleans are written 0 and 1.
 *
 * sql_exec(ctx, &changed, "INSERT INTO t VALUES ($1, $2)", sql_str(id), sql_int(n)); `changed` may be NULL. False with:
 * CONFLICT (unique, foreign key, check), UNAVAILABLE (busy, down, disk full), INTERNAL (a mistake in the text). */
#define sql_exec(ctx, changed, text, ...)                                                          \
    sql_exec_n((ctx), (changed), (text), (const struct sql_value[]){ { 0 }, ##__VA_ARGS__ },       \
               sizeof((const struct sql_value[]){ { 0 }, ##__VA_ARGS__ }) /                        \
                   sizeof(struct sql_value))
bool sql_exec_n(struct ctx *ctx, int64_t *changed, const char *text,
                const struct sql_value *filler_and_values, size_t n);

/* struct sql_rows rows;
 * if (!sql_query(ctx, &rows, "SELECT a, b FROM t WHERE id = $1", sql_str(id))) return false;
 * while (sql_next(ctx, &rows)) use(row_str(ctx, &rows, 0), row_int(&rows, 1));
 * if (ctx_failed(ctx)) return false;
 * sql_next gives false at the end (or on failure) and then closes; leave early only with sql_rows_close. */
struct sql_rows {
    struct sql *sql;
    void *statement, *result;
    int row, n_rows;
};
#define sql_query(ctx, rows, text, ...)                                                            \
    sql_query_n((ctx), (rows), (text), (const struct sql_value[]){ { 0 }, ##__VA_ARGS__ },         \
                sizeof((const struct sql_value[]){ { 0 }, ##__VA_ARGS__ }) /                       \
                    sizeof(struct sql_value))
bool sql_query_n(struct ctx *ctx, struct sql_rows *rows, const char *text,
                 const struct sql_value *filler_and_values, size_t n);
bool sql_next(struct ctx *ctx, struct sql_rows *rows);
void sql_rows_close(struct sql_rows *rows);

/* True when there is a first row (rows then stands on it: read it, then sql_rows_close). False without an error set:
 * there is none. */
#define sql_one(ctx, rows, text, ...)                                                              \
    (sql_query((ctx), (rows), text, ##__VA_ARGS__) && sql_next((ctx), (rows)))

bool row_is_null(const struct sql_rows *rows, int column);
struct str row_str(struct ctx *ctx, const struct sql_rows *rows,
                   int column); /* copied into the arena; NULL: ptr NULL */
int64_t row_int(const struct sql_rows *rows, int column);
double row_double(const struct sql_rows *rows, int column);
bool row_bool(const struct sql_rows *rows, int column);
struct str row_blob(struct ctx *ctx, const struct sql_rows *rows, int column);

/* Inside a job that deletes what nobody may find any more: once it is committed, what the write-ahead log still holds of it
 * goes too, as soon as no reader stands in the way; after a kill, at the next start. A file that programs wrote which left copies in
 * the gaps of its pages is written anew, once, in the next quiet (within half a minute). On PostgreSQL that is the server's matter. */
void sql_scrub(struct ctx *ctx);

/* Deletes the replies that are kept for an Idempotency-Key and hold this text; inside a job. */
bool sql_replies_forget(struct ctx *ctx, struct str text);

/* Savepoints by name-less nesting, inside a job. */
bool sql_savepoint(struct ctx *ctx);
bool sql_savepoint_keep(struct ctx *ctx);
bool sql_savepoint_undo(struct ctx *ctx);

/* ---- running ---- */

/* One piece of writing. `run` runs on the writer with ctx->sql set, inside a transaction and savepoint; false undoes it
 * (an error in ctx says why). After the shared commit is on disk, or failed, `done` is called from the writer's thread:
 * committed false with ctx->error set when anything failed; it may free the job. On PostgreSQL a transaction that lost
 * against another is run again, with the error cleared: what `run` notes outside the database it must be able to note
 * anew. A job whose deadline has passed before its turn is not run (TIMEOUT). */
struct sql_job {
    struct ctx *ctx;
    bool (*run)(struct ctx *ctx, void *argument);
    void (*done)(struct ctx *ctx, void *argument, bool committed);
    void *argument;
    struct sql_job *next; /* the queue's */
};

/* Queues it; false (UNAVAILABLE) when the queue is full or the database is closing: refused before acceptance. */
bool sql_submit(struct sql_db *db, struct sql_job *job);

/* The same, waiting for it; inside a job of the same database, at once and in a savepoint. */
bool sql_write(struct ctx *ctx, struct sql_db *db, bool (*run)(struct ctx *ctx, void *argument),
               void *argument);

/* Runs `run` with a reader as ctx->sql on this thread (one consistent snapshot); inside a job or another read, on that
 * one's connection. */
bool sql_read(struct ctx *ctx, struct sql_db *db, bool (*run)(struct ctx *ctx, void *argument),
              void *argument);
/* The same in two steps, for the router. */
bool sql_read_begin(struct ctx *ctx, struct sql_db *db);
void sql_read_end(struct ctx *ctx);

/* The database that ctx->sql belongs to. */
struct sql_db *sql_db_of(const struct ctx *ctx);

/* Keeps an opaque cursor for lists: encodes and decodes "the last key seen" (text parts joined, base64url).
 * cursor_parse: false with INVALID when it is not one of ours or the number of parts differs. */
struct str sql_cursor(struct arena *arena, const struct str *parts, size_t n);
bool sql_cursor_parse(struct ctx *ctx, struct str cursor, struct str *parts, size_t n);

/* Where a page of a list goes on that is sorted by (moment, id), newest first: before this moment, or at it before this
 * id. An absent cursor (ptr NULL) is the newest. */
struct sql_moment {
    int64_t us;
    struct str id;
};
struct str sql_moment_cursor(struct arena *arena, int64_t us, struct str id);
bool sql_moment_parse(struct ctx *ctx, struct str cursor, struct sql_moment *out);
