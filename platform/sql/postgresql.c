/* PostgreSQL through libpq: values and results as text, statements prepared once per connection. */
#include <stdio.h>
#include <stdlib.h>

#include "platform/sql/postgresql.h"

#define OID_BYTEA 17 /* of the server's catalogue, fixed; a domain shows its base type */

/* ---- errors ---- */

/* SQLSTATE (PostgreSQL, appendix A) by its beginning; the longest that fits comes first. */
static const struct sqlstate {
    const char *begins;
    enum error_code code;
    bool again; /* the same transaction may go through when it is run again */
    const char *sentence; /* NULL: the server's own */
} sqlstates[] = {
    { "08P01", ERR_INTERNAL, false, NULL }, /* the number of values */
    { "08", ERR_UNAVAILABLE, false, NULL },
    { "22001", ERR_INVALID, false, "a text is too long" },
    { "22003", ERR_INVALID, false, "a number is out of range" },
    { "22021", ERR_INVALID, false, "a text is not UTF-8" },
    { "23503", ERR_CONFLICT, false, "what it refers to is not there, or something refers to it" },
    { "23505", ERR_CONFLICT, false, "something with this key is there already" },
    { "23514", ERR_CONFLICT, false, "a value is outside its bounds" },
    { "23P01", ERR_CONFLICT, false, "it excludes something that is there already" },
    { "25006", ERR_UNAVAILABLE, false, "the database takes no writes now" },
    { "25P03", ERR_UNAVAILABLE, false, "the transaction took too long" },
    { "40", ERR_UNAVAILABLE, true, "it lost against another transaction" },
    { "53", ERR_UNAVAILABLE, false, NULL },
    { "54", ERR_TOO_LARGE, false, "a value is too large for the database" },
    { "55P03", ERR_UNAVAILABLE, false, "another transaction holds it for too long" },
    { "57", ERR_UNAVAILABLE, false, NULL },
    { "58", ERR_UNAVAILABLE, false, NULL },
};

static const struct sqlstate *sqlstate_find(const char *state)
{
    for (size_t i = 0; state && i < COUNT(sqlstates); i++) {
        if (strncmp(state, sqlstates[i].begins, strlen(sqlstates[i].begins)) == 0)
            return &sqlstates[i];
    }
    return NULL;
}

/* Prepared for columns that a newer program's migration has changed since. */
static bool is_stale(const char *state, PGresult *result)
{
    const char *function = result ? pq.resultErrorField(result, PG_DIAG_SOURCE_FUNCTION) : NULL;
    return state && strcmp(state, "0A000") == 0 && function &&
           strcmp(function, "RevalidateCachedQuery") == 0;
}

bool pg_fail(struct ctx *ctx, struct pg_sql *self, PGresult *result, const char *text)
{
    const char *state = result ? pq.resultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result ? pq.resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    struct str message = str_trim(str_of(primary ? primary : pq.errorMessage(self->conn)));
    const struct sqlstate *known = sqlstate_find(state);
    bool gone = pq.status(self->conn) != CONNECTION_OK;
    if (gone)
        self->sql.lost = true;
    bool stale = is_stale(state, result);
    self->stale = self->stale || stale;
    self->sql.again = self->sql.again || stale || (known && known->again);
    if (stale)
        ctx_fail(ctx, ERR_UNAVAILABLE, "the schema has just changed");
    else if (known && known->sentence && !gone)
        ctx_fail(ctx, known->code, "%s", known->sentence);
    else if ((known && known->code == ERR_UNAVAILABLE) || gone || !state)
        ctx_fail(ctx, ERR_UNAVAILABLE, "the database cannot be used now: " STR_FMT,
                 STR_ARG(message));
    else
        ctx_fail(ctx, ERR_INTERNAL, "PostgreSQL: " STR_FMT " (%s)%s%s", STR_ARG(message), state,
                 text ? ", in: " : "", text ? text : "");
    pq.clear(result);
    return false;
}

bool pg_command(struct ctx *ctx, struct pg_sql *self, const char *text)
{
    PGresult *result = pq.exec(self->conn, text);
    ExecStatusType status = pq.resultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
        return pg_fail(ctx, self, result, NULL);
    pq.clear(result);
    return true;
}

/* ---- connections and transactions ---- */

static struct sql *connection_new(struct ctx *ctx, struct sql_db *db, bool writer)
{
    struct pg_sql *self = mem_alloc(sizeof *self);
    self->sql = (struct sql){ .driver = &postgresql_driver, .db = db };
    self->writer = writer;
    return &self->sql;
}

static void connection_free(struct sql *sql)
{
    pg_disconnect(pg_of(sql));
    free(pg_of(sql));
}

/* Other processes of the service start at the same time. Their turn may take a while: a migration can be long. */
static bool lock_for_migration(struct ctx *ctx, struct sql *sql)
{
    struct pg_engine *engine = sql->db->engine;
    if (!pg_command(ctx, pg_of(sql), "SET LOCAL lock_timeout = '10min'") ||
        !sql_exec(ctx, NULL, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
                  sql_text(engine->schema_name)))
        return false;
    /* Asked for first: making it needs a right on the database that the service may not have. */
    struct sql_rows rows;
    bool there = sql_one(ctx, &rows, "SELECT 1 FROM pg_namespace WHERE nspname = $1",
                         sql_text(engine->schema_name));
    sql_rows_close(&rows);
    if (there || ctx_failed(ctx))
        return there;
    return pg_command(ctx, pg_of(sql),
                      arena_printf(ctx->arena, "CREATE SCHEMA %s", engine->schema).ptr);
}

static bool script(struct ctx *ctx, struct sql *sql, const char *text)
{
    return pg_command(ctx, pg_of(sql), text);
}

/* A connection that was lost while nobody used it (the server was started again) is made anew without a word: nothing
 * has been done on it yet. */
static bool begin(struct ctx *ctx, struct sql *sql, bool writing)
{
    struct pg_sql *self = pg_of(sql);
    const char *text = writing ? "BEGIN" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    self->changes = 0;
    for (int tries = 0; tries < 2; tries++) {
        if (!pg_connect(ctx, self))
            return false;
        PGresult *result = pq.exec(self->conn, text);
        if (pq.resultStatus(result) == PGRES_COMMAND_OK) {
            pq.clear(result);
            return true;
        }
        if (pq.status(self->conn) == CONNECTION_OK || tries > 0)
            return pg_fail(ctx, self, result, text);
        pq.clear(result);
    }
    return false;
}

static void results_clear(struct pg_sql *self)
{
    for (struct pg_result *result = self->results; result; result = result->next)
        pq.clear(result->rows);
    self->results = NULL;
}

static bool check(struct ctx *ctx, struct sql *sql)
{
    return true; /* its own commit tells */
}

static void rollback(struct sql *sql)
{
    struct pg_sql *self = pg_of(sql);
    results_clear(self);
    if (!self->conn || pq.transactionStatus(self->conn) == PQTRANS_IDLE)
        return;
    PGresult *result = pq.exec(self->conn, "ROLLBACK");
    bool ok = pq.resultStatus(result) == PGRES_COMMAND_OK;
    pq.clear(result);
    if (!ok)
        pg_disconnect(self);
}

static bool commit(struct ctx *ctx, struct sql *sql)
{
    struct pg_sql *self = pg_of(sql);
    results_clear(self);
    PGresult *result = pq.exec(self->conn, "COMMIT");
    if (pq.resultStatus(result) != PGRES_COMMAND_OK) {
        pg_fail(ctx, self, result, "COMMIT");
        rollback(sql);
        return false;
    }
    /* A transaction in which something failed is undone by COMMIT, which says so only here. */
    bool kept = strcmp(pq.cmdStatus(result), "COMMIT") == 0;
    pq.clear(result);
    sql->changed = kept && self->changes > 0;
    return kept || ctx_fail(ctx, ERR_UNAVAILABLE, "the database has undone the transaction");
}

static void after_commit(struct sql *sql)
{
}

/* ---- statements ---- */

static const char *name_of(const struct sql_statement *statement, char out[16])
{
    snprintf(out, 16, "s%u", statement->number);
    return out;
}

static bool prepare(struct ctx *ctx, struct sql *sql, struct sql_statement *statement)
{
    struct pg_sql *self = pg_of(sql);
    char name[16];
    statement->number = ++self->next_number;
    PGresult *result = pq.prepare(self->conn, name_of(statement, name), statement->copy, 0, NULL);
    if (pq.resultStatus(result) != PGRES_COMMAND_OK)
        return pg_fail(ctx, self, result, statement->copy);
    pq.clear(result);
    statement->handle = self->conn; /* the session that knows it */
    return true;
}

static void unprepare(struct sql *sql, struct sql_statement *statement)
{
    struct pg_sql *self = pg_of(sql);
    if (!self->conn || statement->handle != self->conn || pq.status(self->conn) != CONNECTION_OK ||
        pq.transactionStatus(self->conn) == PQTRANS_INERROR)
        return;
    char text[32];
    snprintf(text, sizeof text, "DEALLOCATE s%u", statement->number);
    pq.clear(pq.exec(self->conn, text));
}

/* One value as libpq takes it: text ends in NUL, blobs go as bytes. */
static bool value_set(struct ctx *ctx, const struct sql_value *value, const char **out, int *length,
                      int *format)
{
    *length = *format = 0;
    switch (value->kind) {
    case SQL_TEXT:
        if (memchr(value->str.ptr, 0, value->str.len))
            return ctx_fail(ctx, ERR_INVALID, "text holds a NUL character");
        *out = arena_cstr(ctx->arena, value->str);
        return true;
    case SQL_BLOB:
        *out = value->str.ptr;
        *length = (int)value->str.len;
        *format = 1;
        return true;
    case SQL_INT:
        *out = arena_printf(ctx->arena, "%lld", (long long)value->integer).ptr;
        return true;
    case SQL_BOOL:
        *out = value->integer ? "1" : "0"; /* BOOLEAN reads these, and BIGINT too */
        return true;
    case SQL_DOUBLE:
        *out = arena_printf(ctx->arena, "%.17g", value->number).ptr;
        return true;
    default:
        *out = NULL;
        return true;
    }
}

static PGresult *run(struct ctx *ctx, struct pg_sql *self, const struct sql_statement *statement,
                     const struct sql_value *values, size_t n)
{
    const char **texts = ARENA_ARRAY(ctx->arena, const char *, n + 1);
    int *lengths = ARENA_ARRAY(ctx->arena, int, n + 1),
        *formats = ARENA_ARRAY(ctx->arena, int, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (!value_set(ctx, &values[i], &texts[i], &lengths[i], &formats[i]))
            return NULL;
    }
    char name[16];
    PGresult *result =
        pq.execPrepared(self->conn, name_of(statement, name), (int)n, texts, lengths, formats, 0);
    ExecStatusType status = pq.resultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
        return result;
    pg_fail(ctx, self, result, statement->copy);
    return NULL;
}

static int64_t count_changes(struct pg_sql *self, PGresult *result)
{
    int64_t n = 0;
    if (strncmp(pq.cmdStatus(result), "SELECT", 6) != 0)
        str_to_int(str_of(pq.cmdTuples(result)), &n);
    self->changes += n;
    return n;
}

static bool exec(struct ctx *ctx, struct sql *sql, struct sql_statement *statement,
                 const struct sql_value *values, size_t n, int64_t *changed)
{
    PGresult *result = run(ctx, pg_of(sql), statement, values, n);
    if (!result)
        return false;
    *changed = count_changes(pg_of(sql), result);
    pq.clear(result);
    return true;
}

static bool query(struct ctx *ctx, struct sql_rows *rows, const struct sql_value *values, size_t n)
{
    struct pg_sql *self = pg_of(rows->sql);
    PGresult *got = run(ctx, self, rows->statement, values, n);
    if (!got)
        return false;
    count_changes(self, got);
    struct pg_result *result = ARENA_NEW(ctx->arena, struct pg_result);
    *result = (struct pg_result){ got, self->results, &self->results };
    if (self->results)
        self->results->link = &result->next;
    self->results = result;
    rows->result = result;
    rows->n_rows = pq.ntuples(got);
    return true;
}

static int step(struct ctx *ctx, struct sql_rows *rows)
{
    return ++rows->row < rows->n_rows;
}

static void finish(struct sql_rows *rows)
{
    struct pg_result *result = rows->result;
    if (!result)
        return; /* never had one, or it is cleared with the connection's others */
    *result->link = result->next;
    if (result->next)
        result->next->link = result->link;
    pq.clear(result->rows);
}

/* ---- rows ---- */

static const char *cell(const struct sql_rows *rows, int column, size_t *length)
{
    const PGresult *result = ((struct pg_result *)rows->result)->rows;
    if (pq.getisnull(result, rows->row, column)) {
        *length = 0;
        return NULL;
    }
    *length = (size_t)pq.getlength(result, rows->row, column);
    return pq.getvalue(result, rows->row, column);
}

static bool is_null(const struct sql_rows *rows, int column)
{
    size_t length;
    return cell(rows, column, &length) == NULL;
}

/* Booleans are "t" and "f"; sums of BIGINT are NUMERIC, still whole. */
static int64_t get_int(const struct sql_rows *rows, int column)
{
    size_t length;
    const char *text = cell(rows, column, &length);
    if (!text)
        return 0;
    return text[0] == 't' ? 1 : strtoll(text, NULL, 10);
}

static double get_double(const struct sql_rows *rows, int column)
{
    size_t length;
    const char *text = cell(rows, column, &length);
    return text ? strtod(text, NULL) : 0;
}

static int nibble(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* "\x" and two digits for each byte. */
static struct str unhex(struct arena *arena, const char *text, size_t length)
{
    size_t n = length < 2 ? 0 : (length - 2) / 2;
    char *out = arena_alloc_raw(arena, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(nibble(text[2 + 2 * i]) << 4 | nibble(text[3 + 2 * i]));
    out[n] = '\0';
    return (struct str){ out, n };
}

static struct str get_bytes(struct arena *arena, const struct sql_rows *rows, int column)
{
    size_t length;
    const char *text = cell(rows, column, &length);
    if (!text)
        return (struct str){ NULL, 0 };
    if (pq.ftype(((struct pg_result *)rows->result)->rows, column) == OID_BYTEA)
        return unhex(arena, text, length);
    return arena_str(arena, (struct str){ text, length });
}

const struct sql_driver postgresql_driver = {
    .system        = "postgresql",
    .shared_commit = false,
    .open          = pg_open,
    .close         = pg_close,
    .erase         = pg_erase,
    .connect       = connection_new,
    .disconnect    = connection_free,
    .lock          = lock_for_migration,
    .script        = script,
    .begin         = begin,
    .check         = check,
    .commit        = commit,
    .rollback      = rollback,
    .after_commit  = after_commit,
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
