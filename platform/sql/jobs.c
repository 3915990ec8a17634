/* Writing: the queue, SQLite's one writer whose jobs share a commit, PostgreSQL's pool. */
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/id.h"
#include "platform/faults/faults.h"
#include "platform/sql/internal.h"

#define QUEUE_MOST 4096            /* beyond: refused; some seconds of writing */
#define BATCH_MOST 256             /* jobs to one commit */
#define BATCH_US (5 * US_PER_MS)   /* or so much work: those that were first do not wait longer */
#define IDLE_US (2 * US_PER_S)     /* then the chores that wait for quiet */
#define ATTEMPTS 10                /* of a transaction that loses against others */

struct worker {
    struct sql_db *db;
    struct sql *sql;
    struct arena *arena; /* for what no job's ctx is for */
    struct metric *commits;
};

/* The database whose jobs this thread runs: waiting for another of its jobs would wait for itself. */
static __thread const struct sql_db *writer_of;

/* ---- the queue ---- */

bool sql_submit(struct sql_db *db, struct sql_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&db->queue_mutex);
    bool closing = db->closing, full = db->n_queued >= QUEUE_MOST;
    if (!closing && !full) {
        *db->last = job;
        db->last = &job->next;
        metric_set(db->queued, ++db->n_queued);
        pthread_cond_signal(&db->queue_wake);
    }
    pthread_mutex_unlock(&db->queue_mutex);
    if (closing)
        return ctx_fail(job->ctx, ERR_UNAVAILABLE, "the database is closing");
    return !full || ctx_fail(job->ctx, ERR_UNAVAILABLE, "too many writes are waiting");
}

/* With the mutex held. */
static struct sql_job *queue_pop(struct sql_db *db)
{
    struct sql_job *job = db->first;
    if (!job)
        return NULL;
    db->first = job->next;
    if (!db->first)
        db->last = &db->first;
    metric_set(db->queued, --db->n_queued);
    return job;
}

static struct sql_job *queue_try(struct sql_db *db)
{
    pthread_mutex_lock(&db->queue_mutex);
    struct sql_job *job = queue_pop(db);
    pthread_mutex_unlock(&db->queue_mutex);
    return job;
}

/* The next job, waiting for it; the connection does its chores once when nothing comes. NULL: closing, and all done. */
static struct sql_job *queue_take(struct worker *worker)
{
    struct sql_db *db = worker->db;
    bool idle = !db->driver->idle;
    pthread_mutex_lock(&db->queue_mutex);
    while (!db->first && !db->closing) {
        if (idle) {
            pthread_cond_wait(&db->queue_wake, &db->queue_mutex);
            continue;
        }
        int64_t until_us = clock_mono_us() + IDLE_US;
        struct timespec until = { until_us / US_PER_S, until_us % US_PER_S * 1000 };
        if (pthread_cond_timedwait(&db->queue_wake, &db->queue_mutex, &until) == 0)
            continue;
        pthread_mutex_unlock(&db->queue_mutex);
        db->driver->idle(worker->sql);
        idle = !atomic_load(&db->scrub) && !atomic_load(&db->rewrite);
        pthread_mutex_lock(&db->queue_mutex);
    }
    struct sql_job *job = queue_pop(db);
    pthread_mutex_unlock(&db->queue_mutex);
    return job;
}

/* ---- what both kinds do ---- */

static bool begin(struct ctx *ctx, struct sql *sql)
{
    if (sql_fault(sql->db, "sql.begin"))
        return ctx_fail(ctx, ERR_UNAVAILABLE, "writing fails by a fail point");
    if (!sql->driver->begin(ctx, sql, true))
        return false;
    sql_transaction_begun(sql, true);
    return true;
}

static bool commit(struct ctx *ctx, struct sql *sql, struct metric *spent)
{
    int64_t began = clock_mono_us();
    if (sql_fault(sql->db, "sql.commit")) {
        sql->driver->rollback(sql);
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the commit fails by a fail point");
    }
    bool ok = sql->driver->commit(ctx, sql);
    metric_observe_us(spent, clock_mono_us() - began);
    fault_at("sql.committed", sql->driver->system);
    return ok;
}

/* Runs the job's own part. True: it may be committed. */
static bool job_run(struct sql_job *job, struct sql *sql)
{
    struct ctx *ctx = job->ctx;
    if (ctx_left_us(ctx) == 0)
        return ctx_fail(ctx, ERR_TIMEOUT, "its time was over before its turn");
    ctx->sql = sql;
    bool ok = job->run(ctx, job->argument);
    sql_rows_reset(sql);
    if (ok && sql->lost)
        ok = ctx_fail(ctx, ERR_UNAVAILABLE, "the database has undone the transaction");
    if (ok && sql->spoiled)
        ok = ctx_fail(ctx, ERR_INTERNAL, "a statement that failed was passed over");
    ok = ok && sql->driver->check(ctx, sql);
    ctx->sql = NULL;
    if (!ok && !ctx_failed(ctx))
        ctx_fail(ctx, ERR_INTERNAL, "undone without a reason");
    return ok;
}

static void wake_all(struct sql *sql)
{
    if (!sql->changed)
        return;
    int n = atomic_load_explicit(&sql->db->n_hooks, memory_order_acquire);
    for (int i = 0; i < n; i++)
        sql->db->hooks[i].wake(sql->db->hooks[i].argument);
}

/* ---- SQLite: many jobs to one commit ---- */

struct batch_item {
    struct sql_job *job;
    struct span *span;
    bool ok;
};

/* One job in a savepoint of its own. The bookkeeping has its own ctx: the job's holds the job's error. When keeping or
 * undoing fails, nobody knows what the transaction holds, and all of it is given up. */
static bool batch_run_one(struct ctx *own, struct sql *sql, struct sql_job *job)
{
    sql->depth = 0;
    own->sql = sql;
    bool ok = sql_savepoint_exec(own, SQL_SAVEPOINT, 0);
    if (ok) {
        ok = job_run(job, sql);
        sql->spoiled = false;
        ok = (ok || sql->lost || sql_savepoint_exec(own, SQL_ROLLBACK_TO, 0)) && ok;
        ok = (sql->lost || sql_savepoint_exec(own, SQL_RELEASE, 0)) && ok;
    }
    if (ctx_failed(own)) {
        sql->lost = true;
        if (!ctx_failed(job->ctx))
            ctx_fail(job->ctx, ERR_UNAVAILABLE, STR_FMT, STR_ARG(own->error.detail));
    }
    return ok && !sql->lost;
}

/* Runs `job` and those that wait by then; gives their number. */
static int batch_fill(struct worker *worker, struct ctx *own, struct batch_item *items,
                      struct sql_job *job)
{
    bool open = begin(own, worker->sql);
    int64_t until = clock_mono_us() + BATCH_US;
    int n = 0;
    while (job) {
        struct batch_item *item = &items[n++];
        *item = (struct batch_item){ job, sql_span_start(job->ctx, worker->db, "WRITE"), false };
        if (open)
            item->ok = batch_run_one(own, worker->sql, job);
        else
            ctx_fail(job->ctx, own->error.code, STR_FMT, STR_ARG(own->error.detail));
        bool more = n < BATCH_MOST && !(open && worker->sql->lost) && clock_mono_us() < until;
        job = more ? queue_try(worker->db) : NULL;
    }
    return n;
}

static void batch_run(struct worker *worker, struct batch_item *items, struct sql_job *first)
{
    struct sql *sql = worker->sql;
    struct ctx own = { .arena = worker->arena };
    arena_clear(own.arena);
    sql_transaction_begun(sql, true);
    int n = batch_fill(worker, &own, items, first);
    bool committed = !ctx_failed(&own) && commit(&own, sql, worker->commits);
    if (committed)
        wake_all(sql);
    else
        sql->driver->rollback(sql);
    for (int i = 0; i < n; i++) {
        struct sql_job *job = items[i].job;
        if (items[i].ok && !committed) {
            ctx_clear(job->ctx);
            ctx_fail(job->ctx, ERR_UNAVAILABLE, "it could not be committed: " STR_FMT,
                     STR_ARG(own.error.detail));
        }
        sql_span_end(job->ctx, items[i].span);
        job->done(job->ctx, job->argument, items[i].ok && committed);
    }
    if (committed)
        sql->driver->after_commit(sql);
}

/* ---- PostgreSQL: each job its own transaction ---- */

/* Full jitter: those that met once are not to meet again. */
static void wait_to_try_again(int attempt)
{
    uint32_t random;
    id_random(&random, sizeof random);
    usleep(1 + random % (1000u << MIN(attempt, 6)));
}

static bool attempt(struct worker *worker, struct sql_job *job)
{
    struct sql *sql = worker->sql;
    if (!begin(job->ctx, sql))
        return false;
    if (job_run(job, sql))
        return commit(job->ctx, sql, worker->commits);
    sql->driver->rollback(sql);
    return false;
}

static void run_alone(struct worker *worker, struct sql_job *job)
{
    struct sql *sql = worker->sql;
    struct ctx *ctx = job->ctx;
    struct span *span = sql_span_start(ctx, worker->db, "WRITE");
    sql_transaction_begun(sql, true);
    bool committed = attempt(worker, job);
    for (int tries = 1; !committed && sql->again && tries < ATTEMPTS; tries++) {
        wait_to_try_again(tries);
        ctx_clear(ctx);
        committed = attempt(worker, job);
    }
    if (committed)
        wake_all(sql);
    sql_span_end(ctx, span);
    job->done(ctx, job->argument, committed);
}

/* ---- threads ---- */

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct batch_item *items = NULL;
    if (worker->db->driver->shared_commit)
        items = mem_alloc(sizeof *items * BATCH_MOST);
    writer_of = worker->db;
    struct sql_job *job;
    while ((job = queue_take(worker))) {
        if (items)
            batch_run(worker, items, job);
        else
            run_alone(worker, job);
    }
    free(items);
    arena_free(worker->arena);
    free(worker);
    return NULL;
}

bool sql_jobs_start(struct ctx *ctx, struct sql_db *db)
{
    char labels[128];
    snprintf(labels, sizeof labels, "db_system_name=\"%s\",db_namespace=\"%s\"", db->driver->system,
             db->service);
    db->queued = metric_get(METRIC_GAUGE, "db_client_connection_pending_requests",
                            "Jobs that wait for a connection that writes.", labels);
    db->threads = mem_alloc(sizeof *db->threads * (size_t)db->n_writers);
    /* Signals are for the main thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < db->n_writers; i++) {
        struct worker *worker = mem_alloc(sizeof *worker);
        *worker = (struct worker){ db, db->writers[i], arena_new(0), sql_metric(db, "COMMIT") };
        if (pthread_create(&db->threads[i], NULL, worker_main, worker) != 0) {
            arena_free(worker->arena);
            free(worker);
            ctx_fail(ctx, ERR_UNAVAILABLE, "no thread for the database's writer");
            break;
        }
        db->n_threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return db->n_threads == db->n_writers;
}

void sql_jobs_stop(struct sql_db *db)
{
    pthread_mutex_lock(&db->queue_mutex);
    db->closing = true;
    pthread_cond_broadcast(&db->queue_wake);
    pthread_mutex_unlock(&db->queue_mutex);
    for (int i = 0; i < db->n_threads; i++)
        pthread_join(db->threads[i], NULL);
    free(db->threads);
    db->threads = NULL;
    db->n_threads = 0;
}

/* ---- waiting for a job ---- */

struct waiter {
    bool (*run)(struct ctx *ctx, void *argument);
    void *argument;
    sem_t done;
    bool committed;
};

static bool waiter_run(struct ctx *ctx, void *argument)
{
    struct waiter *waiter = argument;
    return waiter->run(ctx, waiter->argument);
}

static void waiter_done(struct ctx *ctx, void *argument, bool committed)
{
    struct waiter *waiter = argument;
    waiter->committed = committed;
    sem_post(&waiter->done);
}

static bool run_inside(struct ctx *ctx, bool (*run)(struct ctx *ctx, void *argument),
                       void *argument)
{
    if (!ctx->sql->writing)
        return ctx_fail(ctx, ERR_INTERNAL, "a write inside a read");
    if (!sql_savepoint(ctx))
        return false;
    if (run(ctx, argument))
        return sql_savepoint_keep(ctx);
    sql_savepoint_undo(ctx);
    return false;
}

bool sql_write(struct ctx *ctx, struct sql_db *db, bool (*run)(struct ctx *ctx, void *argument),
               void *argument)
{
    if (ctx->sql && ctx->sql->db == db)
        return run_inside(ctx, run, argument);
    if (writer_of == db)
        return ctx_fail(ctx, ERR_INTERNAL, "the writer's thread cannot wait for itself");
    struct waiter waiter = { .run = run, .argument = argument };
    struct sql_job job = {
        .ctx = ctx, .run = waiter_run, .done = waiter_done, .argument = &waiter
    };
    struct sql *outer = ctx->sql;
    sem_init(&waiter.done, 0, 0);
    if (sql_submit(db, &job)) {
        while (sem_wait(&waiter.done) != 0)
            ; /* a signal */
    }
    sem_destroy(&waiter.done);
    ctx->sql = outer;
    return waiter.committed;
}
