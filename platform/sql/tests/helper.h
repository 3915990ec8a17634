/* What the tests of platform/sql share: a ctx, a temporary folder, threads, running a piece of writing or reading. */
#pragma once

#include <ftw.h>
#include <pthread.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/sql/sql.h"

static char folder[64];

static inline struct ctx *ctx_new(void)
{
    struct ctx *ctx = mem_alloc(sizeof *ctx);
    ctx->arena = arena_new(0);
    return ctx;
}

static inline void ctx_free(struct ctx *ctx)
{
    arena_free(ctx->arena);
    free(ctx);
}

static inline void ctx_freep(struct ctx **ctx)
{
    ctx_free(*ctx);
}
#define CTX CLEANUP(ctx_freep) struct ctx *

static inline int folder_remove_one(const char *path, const struct stat *status, int type,
                                    struct FTW *walk)
{
    return remove(path);
}

static inline void folder_remove(void)
{
    nftw(folder, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void folder_make(void)
{
    snprintf(folder, sizeof folder, "/tmp/fanfare-sql-test-XXXXXX");
    REQUIRE(mkdtemp(folder));
}

/* Fails the test with the error's sentence where `ok` is false. */
static inline bool check_ok(bool ok, const struct ctx *ctx, const char *what, int line)
{
    if (!ok)
        fprintf(stderr, "line %d: %s: %s: " STR_FMT "\n", line, what, error_name(ctx->error.code),
                STR_ARG(ctx->error.detail));
    return check_that(ok, what, __FILE__, line);
}
#define OK(ctx, call) check_ok((call), (ctx), #call, __LINE__)

/* The call fails with this code; the error is forgotten. */
static inline void check_fails(bool ok, struct ctx *ctx, enum error_code code, const char *what,
                               int line)
{
    if (ok || ctx->error.code != code)
        fprintf(stderr, "line %d: %s: gives %d, %s: " STR_FMT "\n", line, what, ok,
                error_name(ctx->error.code), STR_ARG(ctx->error.detail));
    check_that(!ok && ctx->error.code == code, what, __FILE__, line);
    ctx_clear(ctx);
}
#define FAILS(ctx, code, call) check_fails((call), (ctx), (code), #call, __LINE__)

static inline bool says(const struct ctx *ctx, const char *part)
{
    const char *detail = ctx->error.detail.ptr ? ctx->error.detail.ptr : "";
    if (!strstr(detail, part))
        fprintf(stderr, "\"%s\" does not say \"%s\"\n", detail, part);
    return strstr(detail, part) != NULL;
}

/* The integer that a query gives. */
static inline int64_t number(struct ctx *ctx, const char *text)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, text)) {
        CHECK(!ctx_failed(ctx));
        return -1;
    }
    int64_t n = row_int(&rows, 0);
    sql_rows_close(&rows);
    return n;
}

struct number_query {
    const char *text;
    int64_t n;
};

static inline bool number_run(struct ctx *ctx, void *argument)
{
    struct number_query *query = argument;
    query->n = number(ctx, query->text);
    return true;
}

static inline int64_t read_number(struct sql_db *db, const char *text)
{
    CTX ctx = ctx_new();
    struct number_query query = { text, -2 };
    OK(ctx, sql_read(ctx, db, number_run, &query));
    return query.n;
}

/* A statement without values, as a job of its own. */
static inline bool statement_run(struct ctx *ctx, void *text)
{
    return sql_exec(ctx, NULL, text);
}

static inline bool write_text(struct ctx *ctx, struct sql_db *db, const char *text)
{
    return sql_write(ctx, db, statement_run, (void *)text);
}

#define THREADS 8
struct thread {
    struct sql_db *db;
    int number, failed;
    void *more;
};

static inline void threads_run(struct sql_db *db, void *(*run)(void *thread), void *more)
{
    pthread_t ids[THREADS];
    struct thread threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){ db, i, 0, more };
        REQUIRE(pthread_create(&ids[i], NULL, run, &threads[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], NULL);
        CHECK_INT(threads[i].failed, 0);
    }
}

static const struct sql_migration test_migrations[] = {
    { 1, "001_things",
      "CREATE TABLE thing (id TEXT PRIMARY KEY, n BIGINT, d DOUBLE PRECISION, yes BOOLEAN, data BLOB, "
      "  CHECK (n < 1000000 OR n > 2000000));"
      "CREATE TABLE part (id TEXT PRIMARY KEY, thing_id TEXT NOT NULL REFERENCES thing (id));",
      NULL },
    { 2, "002_counter",
      "CREATE TABLE counter (name TEXT PRIMARY KEY, n BIGINT NOT NULL);"
      "INSERT INTO counter VALUES ('all', 0);",
      NULL },
    { 3, "003_more", "ALTER TABLE thing ADD COLUMN note TEXT;", NULL },
};

static inline struct sql_db *db_open(const char *url)
{
    CTX ctx = ctx_new();
    struct sql_db *db = sql_open(ctx, str_of(url), "test", test_migrations, COUNT(test_migrations));
    check_ok(db != NULL, ctx, "sql_open", __LINE__);
    REQUIRE(db);
    return db;
}

static inline void db_erase(const char *url)
{
    CTX ctx = ctx_new();
    OK(ctx, sql_erase(ctx, str_of(url), "test"));
}
