/* PostgreSQL: the URL, connecting and connecting again, the migration lock. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/sql/postgresql.h"

#define POOL 8
#define POOL_MOST 100
#define FIRST_PAUSE_US (100 * US_PER_MS)
#define LONGEST_PAUSE_US (5 * US_PER_S)

/* A process that is stopped or cut off in the middle of a transaction must not hold its locks for ever: the server ends
 * the session, and the process finds the connection gone. Waiting for somebody's lock ends too. Who has set these (for
 * the role, the database or in the URL's `options`) knows better. */
#define UNLESS_SET(name, value)                                                                    \
    "SELECT set_config('" name "', '" value "', false) WHERE current_setting('" name "') = '0'; "
#define SESSION                                                                                    \
    UNLESS_SET("idle_in_transaction_session_timeout", "10s")                                       \
    UNLESS_SET("lock_timeout", "10s") "SET bytea_output = 'hex'; SET search_path TO "

/* ---- the URL ---- */

/* Takes parameter `name` out of the query part of `url` and gives its value, or NULL. */
static char *parameter_take(struct arena *arena, char *url, const char *name)
{
    size_t length = strlen(name);
    for (char *at = strchr(url, '?'); at && at[1]; at = strchr(at + 1, '&')) {
        if (strncmp(at + 1, name, length) != 0 || at[1 + length] != '=')
            continue;
        char *value = at + 2 + length, *end = value + strcspn(value, "&");
        char *copy = arena_cstr(arena, (struct str){ value, (size_t)(end - value) });
        if (*end == '&')
            memmove(at + 1, end + 1, strlen(end + 1) + 1);
        else
            *at = '\0';
        return copy;
    }
    return NULL;
}

static bool schema_is_fine(const char *name)
{
    size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");
    return length > 0 && length <= 63 && name[length] == '\0' && strncmp(name, "pg_", 3) != 0;
}

/* The rest of the URL is libpq's to understand. Its sentence may quote the URL: it is kept only when no password is in
 * there. */
static bool url_check(struct ctx *ctx, const char *url)
{
    char *message = NULL;
    PQconninfoOption *options = pq.conninfoParse(url, &message);
    bool ok = options != NULL;
    const char *authority = strstr(url, "//") + 2, *at = strchr(authority, '@');
    bool secret = strstr(url, "password") ||
                  (at && memchr(authority, ':', (size_t)(at - authority)));
    if (!ok)
        ctx_fail(ctx, ERR_INVALID, "the database's URL cannot be read: " STR_FMT,
                 STR_ARG(str_trim(str_of(secret || !message ? "see its parameters" : message))));
    pq.conninfoFree(options);
    pq.freemem(message);
    return ok;
}

bool pg_open(struct ctx *ctx, struct sql_db *db, struct str url)
{
    struct pg_engine *engine = mem_alloc(sizeof *engine);
    db->engine = engine;
    pthread_mutex_init(&engine->mutex, NULL);
    char *rest = arena_cstr(ctx->arena, url);
    char *pool = parameter_take(ctx->arena, rest, "pool");
    char *schema = parameter_take(ctx->arena, rest, "schema");
    int64_t n = POOL;
    if (pool && (!str_to_int(str_of(pool), &n) || n < 1 || n > POOL_MOST))
        return ctx_fail(ctx, ERR_INVALID, "pool=%s: wanted a number of connections from 1 to %d",
                        pool, POOL_MOST);
    if (!schema)
        schema = db->service;
    if (!schema_is_fine(schema))
        return ctx_fail(ctx, ERR_INVALID, "schema=%s: wanted small letters, digits, '_' and '-'",
                        schema);
    if (!pq_load(ctx) || !url_check(ctx, rest))
        return false;
    engine->pool = (int)n;
    engine->url = mem_strdup(rest);
    engine->schema_name = mem_strdup(schema);
    engine->schema = mem_strdup(arena_printf(ctx->arena, "\"%s\"", schema).ptr);
    db->n_writers = db->max_readers = (int)n;
    return true;
}

void pg_close(struct sql_db *db)
{
    struct pg_engine *engine = db->engine;
    if (!engine)
        return;
    pthread_mutex_destroy(&engine->mutex);
    free(engine->url);
    free(engine->schema);
    free(engine->schema_name);
    free(engine);
}

/* ---- connecting ---- */

static void notice_ignore(void *argument, const char *message)
{
}

/* Is it worth trying? While it is away everybody is told so at once, and one in a while finds out whether it is back. */
static bool may_try(struct ctx *ctx, struct pg_engine *engine)
{
    char reason[sizeof engine->reason];
    pthread_mutex_lock(&engine->mutex);
    int64_t now = clock_mono_us();
    bool yes = now >= engine->next_try_us;
    if (yes && engine->pause_us > 0)
        engine->next_try_us = now + engine->pause_us;
    memcpy(reason, engine->reason, sizeof reason);
    pthread_mutex_unlock(&engine->mutex);
    return yes || ctx_fail(ctx, ERR_UNAVAILABLE, "the database is away: %s", reason);
}

static void note_success(struct pg_engine *engine)
{
    pthread_mutex_lock(&engine->mutex);
    engine->next_try_us = engine->pause_us = 0;
    pthread_mutex_unlock(&engine->mutex);
}

static bool note_failure(struct ctx *ctx, struct pg_engine *engine, const char *reason)
{
    struct str line = arena_str(ctx->arena, str_trim(str_of(reason)));
    for (char *c = (char *)line.ptr; *c; c++) {
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    }
    pthread_mutex_lock(&engine->mutex);
    int64_t pause = engine->pause_us > 0 ? 2 * engine->pause_us : FIRST_PAUSE_US;
    engine->pause_us = MIN(pause, LONGEST_PAUSE_US);
    engine->next_try_us = clock_mono_us() + engine->pause_us;
    snprintf(engine->reason, sizeof engine->reason, "%s", line.ptr);
    pthread_mutex_unlock(&engine->mutex);
    return ctx_fail(ctx, ERR_UNAVAILABLE, "the database is away: %s", line.ptr);
}

bool pg_connect(struct ctx *ctx, struct pg_sql *self)
{
    struct sql_db *db = self->sql.db;
    struct pg_engine *engine = db->engine;
    if (self->conn && pq.status(self->conn) == CONNECTION_OK && !self->stale)
        return true;
    pg_disconnect(self);
    if (!may_try(ctx, engine))
        return false;
    const char *name = arena_printf(ctx->arena, "fanfare-%s", db->service).ptr;
    /* The URL comes last and may say otherwise. A server that vanished without a word is given up after 10 s. */
    const char *const keys[] = { "connect_timeout", "tcp_user_timeout",
                                 "keepalives_idle", "keepalives_interval",
                                 "client_encoding", "fallback_application_name",
                                 "dbname", NULL };
    const char *const values[] = { "5", "10000", "10", "5", "UTF8", name, engine->url, NULL };
    self->conn = pq.connectdbParams(keys, values, 1);
    if (self->conn && pq.status(self->conn) == CONNECTION_OK) {
        pq.setNoticeProcessor(self->conn, notice_ignore, NULL);
        const char *session = arena_printf(ctx->arena, SESSION "%s", engine->schema).ptr;
        PGresult *result = pq.exec(self->conn, session);
        bool ok = pq.resultStatus(result) == PGRES_COMMAND_OK;
        pq.clear(result);
        if (ok) {
            note_success(engine);
            return true;
        }
    }
    note_failure(ctx, engine, pq.errorMessage(self->conn));
    pg_disconnect(self);
    return false;
}

/* The server forgets the prepared statements with the session. */
void pg_disconnect(struct pg_sql *self)
{
    PGconn *conn = self->conn;
    self->conn = NULL;
    self->stale = false;
    sql_cache_clear(&self->sql);
    pq.finish(conn);
}

bool pg_erase(struct ctx *ctx, struct sql_db *db)
{
    struct pg_sql self = { .sql = { .driver = db->driver, .db = db } };
    struct pg_engine *engine = db->engine;
    bool ok = pg_connect(ctx, &self) &&
              pg_command(
                  ctx, &self,
                  arena_printf(ctx->arena, "DROP SCHEMA IF EXISTS %s CASCADE", engine->schema).ptr);
    pg_disconnect(&self);
    return ok;
}
