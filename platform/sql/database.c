/* Opening, closing, readers, hooks. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/faults/faults.h"
#include "platform/sql/internal.h"

#define READER_WAIT_US (5 * US_PER_S) /* without a deadline */

const struct sql_driver *sql_driver_of(struct ctx *ctx, struct str url)
{
    if (str_starts(url, STR("sqlite:")))
        return &sqlite_driver;
    if (str_starts(url, STR("postgresql://")) || str_starts(url, STR("postgres://")))
        return &postgresql_driver;
    /* Not the URL itself: it may hold a password. */
    ctx_fail(ctx, ERR_INVALID,
             "a database is \"sqlite:<path>\" or \"postgresql://<user>@<host>/<database>\"");
    return NULL;
}

static struct sql_db *db_new(struct ctx *ctx, struct str url, const char *service)
{
    const struct sql_driver *driver = sql_driver_of(ctx, url);
    if (!driver)
        return NULL;
    struct sql_db *db = mem_alloc(sizeof *db);
    db->driver = driver;
    db->service = mem_strdup(service);
    db->span_name = mem_strdup(arena_printf(ctx->arena, "TRANSACTION %s", service).ptr);
    db->last = &db->first;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&db->queue_mutex, NULL);
    pthread_cond_init(&db->queue_wake, &monotonic);
    pthread_mutex_init(&db->reader_mutex, NULL);
    pthread_cond_init(&db->reader_wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!driver->open(ctx, db, url)) {
        sql_close(db);
        return NULL;
    }
    return db;
}

static void connection_free(struct sql *sql)
{
    if (!sql)
        return;
    sql_cache_clear(sql);
    sql->driver->disconnect(sql);
}

/* Which database a sentence is about, without what may be a password. */
static struct str place_of(struct ctx *ctx, struct str url)
{
    struct str rest = url, place;
    if (str_starts(url, STR("sqlite:")))
        return url;
    str_split(&rest, '?', &place);
    for (size_t i = place.len; i > 0; i--)
        if (place.ptr[i - 1] == '@')
            return arena_printf(ctx->arena, "postgresql://" STR_FMT,
                                STR_ARG(((struct str){ place.ptr + i, place.len - i })));
    return place;
}

struct sql_db *sql_open(struct ctx *ctx, struct str url, const char *service,
                        const struct sql_migration *migrations, size_t n_migrations)
{
    struct sql_db *db = db_new(ctx, url, service);
    if (!db)
        return NULL;
    db->writers = mem_alloc(sizeof *db->writers * (size_t)db->n_writers);
    for (int i = 0; i < db->n_writers; i++) {
        db->writers[i] = db->driver->connect(ctx, db, true);
        if (!db->writers[i])
            goto fail;
    }
    if (!sql_migrate(ctx, db->writers[0], service, migrations, n_migrations)) {
        ctx_fail(ctx, ctx->error.code, STR_FMT, STR_ARG(place_of(ctx, url)));
        goto fail;
    }
    if (!sql_jobs_start(ctx, db))
        goto fail;
    return db;
fail:
    sql_close(db);
    return NULL;
}

void sql_close(struct sql_db *db)
{
    if (!db)
        return;
    sql_jobs_stop(db);
    pthread_mutex_lock(&db->reader_mutex);
    while (db->n_free < db->n_readers)
        pthread_cond_wait(&db->reader_wake, &db->reader_mutex);
    pthread_mutex_unlock(&db->reader_mutex);
    while (db->free_readers) {
        struct sql *reader = db->free_readers;
        db->free_readers = reader->next;
        connection_free(reader);
    }
    for (int i = 0; db->writers && i < db->n_writers; i++)
        connection_free(db->writers[i]);
    free(db->writers);
    db->driver->close(db);
    pthread_mutex_destroy(&db->queue_mutex);
    pthread_cond_destroy(&db->queue_wake);
    pthread_mutex_destroy(&db->reader_mutex);
    pthread_cond_destroy(&db->reader_wake);
    free(db->service);
    free(db->span_name);
    free(db);
}

bool sql_erase(struct ctx *ctx, struct str url, const char *service)
{
    struct sql_db *db = db_new(ctx, url, service);
    bool ok = db && db->driver->erase(ctx, db);
    sql_close(db);
    return ok;
}

bool sql_is_postgresql(const struct sql_db *db)
{
    return db->driver == &postgresql_driver;
}

struct sql_db *sql_db_of(const struct ctx *ctx)
{
    return ctx->sql ? ctx->sql->db : NULL;
}

void sql_on_commit(struct sql_db *db, void (*wake)(void *argument), void *argument)
{
    pthread_mutex_lock(&db->queue_mutex);
    int n = atomic_load(&db->n_hooks);
    bool there = false;
    for (int i = 0; i < n; i++)
        there = there || (db->hooks[i].wake == wake && db->hooks[i].argument == argument);
    if (!there && n < (int)COUNT(db->hooks)) {
        db->hooks[n] = (struct sql_hook){ wake, argument };
        atomic_store_explicit(&db->n_hooks, n + 1, memory_order_release);
    }
    pthread_mutex_unlock(&db->queue_mutex);
}

bool sql_fault(const struct sql_db *db, const char *point)
{
    enum fault_kind kind = fault_at(point, db->driver->system);
    return kind == FAULT_ERROR || kind == FAULT_DROP;
}

/* ---- spans: one for a transaction, below the operation's; its statements are in the metrics ---- */

struct span *sql_span_start(struct ctx *ctx, const struct sql_db *db, const char *operation)
{
    struct span *parent = ctx->span;
    if (!parent)
        return NULL;
    struct span *span = span_start(ctx, SPAN_CLIENT, str_of(db->span_name));
    span_str(span, "db.system.name", str_of(db->driver->system));
    span_str(span, "db.namespace", str_of(db->service));
    span_str(span, "db.operation.name", str_of(operation));
    /* What is done inside belongs to the operation, not to the database: the events that it publishes, too. */
    ctx->span = parent;
    return span;
}

void sql_span_end(struct ctx *ctx, struct span *span)
{
    if (!span)
        return;
    if (ctx_failed(ctx) && error_status(ctx->error.code) >= 500)
        span_error(span, error_name(ctx->error.code));
    ctx->span = span;
    span_end(ctx, span);
}

/* ---- readers: the one given back last goes out first, so that its cache is warm and few are made ---- */

/* The moment that a condition variable on the monotonic clock takes. */
static struct timespec moment(int64_t mono_us)
{
    return (struct timespec){ mono_us / US_PER_S, mono_us % US_PER_S * 1000 };
}

static struct sql *reader_take(struct ctx *ctx, struct sql_db *db)
{
    int64_t left = ctx_left_us(ctx);
    struct timespec until = moment(clock_mono_us() + MIN(left, READER_WAIT_US));
    bool late = false;
    pthread_mutex_lock(&db->reader_mutex);
    while (!db->free_readers && db->n_readers == db->max_readers && !late)
        late = pthread_cond_timedwait(&db->reader_wake, &db->reader_mutex, &until) != 0;
    struct sql *reader = db->free_readers;
    bool make = !reader && db->n_readers < db->max_readers;
    if (reader) {
        db->free_readers = reader->next;
        db->n_free--;
    } else if (make) {
        db->n_readers++;
    }
    pthread_mutex_unlock(&db->reader_mutex);
    if (reader)
        return reader;
    if (!make) {
        ctx_fail(ctx, left < READER_WAIT_US ? ERR_TIMEOUT : ERR_UNAVAILABLE,
                 "all %d readers are busy", db->max_readers);
        return NULL;
    }
    reader = db->driver->connect(ctx, db, false);
    if (!reader) {
        pthread_mutex_lock(&db->reader_mutex);
        db->n_readers--;
        pthread_cond_broadcast(&db->reader_wake);
        pthread_mutex_unlock(&db->reader_mutex);
    }
    return reader;
}

static void reader_give(struct sql_db *db, struct sql *reader)
{
    pthread_mutex_lock(&db->reader_mutex);
    reader->next = db->free_readers;
    db->free_readers = reader;
    db->n_free++;
    pthread_cond_broadcast(&db->reader_wake);
    pthread_mutex_unlock(&db->reader_mutex);
}

bool sql_read_begin(struct ctx *ctx, struct sql_db *db)
{
    if (ctx->sql)
        return ctx_fail(ctx, ERR_INTERNAL, "a read inside a transaction");
    if (sql_fault(db, "sql.read"))
        return ctx_fail(ctx, ERR_UNAVAILABLE, "reading fails by a fail point");
    struct span *span = sql_span_start(ctx, db, "READ");
    struct sql *reader = reader_take(ctx, db);
    if (reader && db->driver->begin(ctx, reader, false)) {
        sql_transaction_begun(reader, false);
        reader->span = span;
        ctx->sql = reader;
        return true;
    }
    if (reader)
        reader_give(db, reader);
    sql_span_end(ctx, span);
    return false;
}

void sql_read_end(struct ctx *ctx)
{
    struct sql *reader = ctx->sql;
    if (!reader)
        return;
    struct span *span = reader->span;
    sql_rows_reset(reader);
    reader->driver->rollback(reader);
    ctx->sql = NULL;
    reader_give(reader->db, reader);
    sql_span_end(ctx, span);
}

bool sql_read(struct ctx *ctx, struct sql_db *db, bool (*run)(struct ctx *ctx, void *argument),
              void *argument)
{
    if (ctx->sql && ctx->sql->db == db)
        return run(ctx, argument);
    struct sql *outer = ctx->sql;
    ctx->sql = NULL;
    bool ok = sql_read_begin(ctx, db);
    if (ok) {
        ok = run(ctx, argument);
        sql_read_end(ctx);
    }
    ctx->sql = outer;
    return ok;
}
