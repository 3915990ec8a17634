/* Statements on ctx->sql: the cache, savepoints, rows, durations. The same for both engines. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/sql/internal.h"

struct metric *sql_metric(const struct sql_db *db, const char *operation)
{
    char labels[256];
    snprintf(labels, sizeof labels,
             "db_system_name=\"%s\",db_namespace=\"%s\",db_operation_name=\"%s\"",
             db->driver->system, db->service, operation);
    return metric_get(METRIC_HISTOGRAM, "db_client_operation_duration_seconds",
                      "Duration of database operations.", labels);
}

void sql_transaction_begun(struct sql *sql, bool writing)
{
    sql->depth = 0;
    sql->writing = writing;
    sql->spoiled = sql->lost = sql->again = sql->changed = false;
}

/* ---- the cache ---- */

static struct sql_statement *statement_new(struct sql *sql, const char *text)
{
    char word[16] = "";
    size_t n = 0;
    for (const char *c = text; *c && n + 1 < sizeof word; c++) {
        if (isalpha((unsigned char)*c))
            word[n++] = (char)toupper((unsigned char)*c);
        else if (n > 0)
            break;
    }
    struct sql_statement *statement = mem_alloc(sizeof *statement);
    statement->text = text;
    statement->copy = mem_strdup(text);
    statement->spent = sql_metric(sql->db, word);
    return statement;
}

static void statement_free(struct sql *sql, struct sql_statement *statement)
{
    if (!statement)
        return;
    sql->driver->unprepare(sql, statement);
    free(statement->values);
    free(statement->copy);
    free(statement);
}

static bool statement_is(const struct sql_statement *statement, const char *text)
{
    return statement && statement->text == text && strcmp(statement->copy, text) == 0;
}

/* The slot of the set for a new statement: a free one, or the one that was used longest ago. NULL: all busy. */
static struct sql_statement **slot_to_fill(struct sql_statement **set)
{
    struct sql_statement **oldest = NULL;
    for (int way = 0; way < SQL_CACHE_WAYS; way++) {
        if (!set[way])
            return &set[way];
        if (!set[way]->busy && (!oldest || set[way]->used < (*oldest)->used))
            oldest = &set[way];
    }
    return oldest;
}

static struct sql_statement *statement_prepare(struct ctx *ctx, struct sql *sql, const char *text,
                                               struct sql_statement **slot)
{
    struct sql_statement *statement = statement_new(sql, text);
    if (!sql->driver->prepare(ctx, sql, statement)) {
        statement_free(sql, statement);
        return NULL;
    }
    if (slot) {
        statement_free(sql, *slot);
        *slot = statement;
    } else {
        statement->passing = true;
        statement->next = sql->passing;
        sql->passing = statement;
    }
    return statement;
}

/* The statement of this text, ready to run. One whose rows are being read is not disturbed: the text then gets a second
 * statement that passes. */
static struct sql_statement *statement_take(struct ctx *ctx, const char *text)
{
    struct sql *sql = ctx->sql;
    if (!sql) {
        ctx_fail(ctx, ERR_INTERNAL, "a statement outside a transaction");
        return NULL;
    }
    if (sql->lost) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "the database has undone the transaction");
        return NULL;
    }
    if (sql->spoiled) {
        ctx_fail(ctx, ERR_INTERNAL, "a statement after one that failed; undo to a savepoint first");
        return NULL;
    }
    /* Fibonacci hashing of the address: literals lie close together. */
    struct sql_statement **set =
        sql->cache[((uintptr_t)text * 0x9e3779b97f4a7c15ULL) >> 32 & (SQL_CACHE_SETS - 1)];
    struct sql_statement **slot = NULL, *statement = NULL;
    bool busy = false;
    for (int way = 0; way < SQL_CACHE_WAYS && !statement; way++) {
        if (!statement_is(set[way], text))
            continue;
        busy = set[way]->busy;
        statement = busy ? NULL : set[way];
    }
    if (!statement) {
        slot = busy ? NULL : slot_to_fill(set);
        statement = statement_prepare(ctx, sql, text, slot);
    }
    if (statement)
        statement->used = ++sql->ticks;
    else
        sql->spoiled = true;
    return statement;
}

static void statement_give(struct sql *sql, struct sql_statement *statement)
{
    if (!statement->passing)
        return;
    for (struct sql_statement **link = &sql->passing; *link; link = &(*link)->next) {
        if (*link == statement) {
            *link = statement->next;
            break;
        }
    }
    statement_free(sql, statement);
}

void sql_cache_clear(struct sql *sql)
{
    sql_rows_reset(sql);
    for (int set = 0; set < SQL_CACHE_SETS; set++) {
        for (int way = 0; way < SQL_CACHE_WAYS; way++) {
            statement_free(sql, sql->cache[set][way]);
            sql->cache[set][way] = NULL;
        }
    }
}

/* ---- statements ---- */

bool sql_exec_n(struct ctx *ctx, int64_t *changed, const char *text,
                const struct sql_value *filler_and_values, size_t n)
{
    struct sql_statement *statement = statement_take(ctx, text);
    if (!statement)
        return false;
    struct sql *sql = ctx->sql;
    int64_t began = clock_mono_ns(), count = 0;
    bool ok = sql->driver->exec(ctx, sql, statement, filler_and_values + 1, n - 1, &count);
    metric_observe_us(statement->spent, (clock_mono_ns() - began) / 1000);
    statement_give(sql, statement);
    if (!ok)
        sql->spoiled = true;
    else if (changed)
        *changed = count;
    return ok;
}

static void rows_end(struct sql_rows *rows)
{
    struct sql *sql = rows->sql;
    struct sql_statement *statement = rows->statement;
    sql->driver->finish(rows);
    metric_observe_us(statement->spent, statement->ns / 1000);
    statement->busy = false;
    sql->n_busy--;
    statement_give(sql, statement);
    *rows = (struct sql_rows){ 0 };
}

bool sql_query_n(struct ctx *ctx, struct sql_rows *rows, const char *text,
                 const struct sql_value *filler_and_values, size_t n)
{
    *rows = (struct sql_rows){ 0 };
    struct sql_statement *statement = statement_take(ctx, text);
    if (!statement)
        return false;
    struct sql *sql = ctx->sql;
    *rows = (struct sql_rows){ .sql = sql, .statement = statement, .row = -1 };
    int64_t began = clock_mono_ns();
    statement->busy = true;
    sql->n_busy++;
    bool ok = sql->driver->query(ctx, rows, filler_and_values + 1, n - 1);
    statement->ns = clock_mono_ns() - began;
    if (!ok) {
        rows_end(rows);
        sql->spoiled = true;
    }
    return ok;
}

bool sql_next(struct ctx *ctx, struct sql_rows *rows)
{
    if (!rows->sql)
        return false;
    struct sql *sql = rows->sql;
    struct sql_statement *statement = rows->statement;
    int64_t began = clock_mono_ns();
    int step = sql->driver->step(ctx, rows);
    statement->ns += clock_mono_ns() - began;
    if (step == 1)
        return true;
    rows_end(rows);
    if (step < 0)
        sql->spoiled = true;
    return false;
}

void sql_rows_close(struct sql_rows *rows)
{
    if (rows->sql)
        rows_end(rows);
}

void sql_rows_reset(struct sql *sql)
{
    for (int i = 0; sql->n_busy > 0 && i < SQL_CACHE_SETS * SQL_CACHE_WAYS; i++) {
        struct sql_statement *statement = sql->cache[i / SQL_CACHE_WAYS][i % SQL_CACHE_WAYS];
        if (statement && statement->busy)
            rows_end(&(struct sql_rows){ .sql = sql, .statement = statement });
    }
    while (sql->passing)
        rows_end(&(struct sql_rows){ .sql = sql, .statement = sql->passing });
}

bool row_is_null(const struct sql_rows *rows, int column)
{
    return rows->sql->driver->is_null(rows, column);
}

struct str row_str(struct ctx *ctx, const struct sql_rows *rows, int column)
{
    return rows->sql->driver->get_bytes(ctx->arena, rows, column);
}

struct str row_blob(struct ctx *ctx, const struct sql_rows *rows, int column)
{
    return rows->sql->driver->get_bytes(ctx->arena, rows, column);
}

int64_t row_int(const struct sql_rows *rows, int column)
{
    return rows->sql->driver->get_int(rows, column);
}

double row_double(const struct sql_rows *rows, int column)
{
    return rows->sql->driver->get_double(rows, column);
}

bool row_bool(const struct sql_rows *rows, int column)
{
    return rows->sql->driver->get_int(rows, column) != 0;
}

/* ---- savepoints ---- */

#define SAVEPOINT_TEXTS(word)                                                                      \
    {                                                                                              \
        word "s0", word "s1", word "s2", word "s3", word "s4", word "s5", word "s6", word "s7",    \
            word "s8"                                                                              \
    }

bool sql_savepoint_exec(struct ctx *ctx, enum sql_savepoint_word word, int level)
{
    static const char *const texts[][SQL_SAVEPOINTS + 1] = {
        [SQL_SAVEPOINT]   = SAVEPOINT_TEXTS("SAVEPOINT "),
        [SQL_RELEASE]     = SAVEPOINT_TEXTS("RELEASE SAVEPOINT "),
        [SQL_ROLLBACK_TO] = SAVEPOINT_TEXTS("ROLLBACK TO SAVEPOINT "),
    };
    return sql_exec(ctx, NULL, texts[word][level]);
}

bool sql_savepoint(struct ctx *ctx)
{
    if (!ctx->sql || ctx->sql->depth == SQL_SAVEPOINTS)
        return ctx_fail(ctx, ERR_INTERNAL, "savepoints nest %d deep at most", SQL_SAVEPOINTS);
    if (!sql_savepoint_exec(ctx, SQL_SAVEPOINT, ctx->sql->depth + 1))
        return false;
    ctx->sql->depth++;
    return true;
}

bool sql_savepoint_keep(struct ctx *ctx)
{
    if (!ctx->sql || ctx->sql->depth == 0)
        return ctx_fail(ctx, ERR_INTERNAL, "no savepoint to keep");
    if (!sql_savepoint_exec(ctx, SQL_RELEASE, ctx->sql->depth))
        return false;
    ctx->sql->depth--;
    return true;
}

/* The error that made the caller undo stays in ctx as it is: only a failure of the undoing adds to it. */
bool sql_savepoint_undo(struct ctx *ctx)
{
    if (!ctx->sql || ctx->sql->depth == 0)
        return ctx_fail(ctx, ERR_INTERNAL, "no savepoint to undo");
    ctx->sql->spoiled = false;
    if (!sql_savepoint_exec(ctx, SQL_ROLLBACK_TO, ctx->sql->depth) ||
        !sql_savepoint_exec(ctx, SQL_RELEASE, ctx->sql->depth))
        return false;
    ctx->sql->depth--;
    return true;
}
