#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/service/runtime.h"

#define TELL_AGAIN_US (60 * US_PER_S) /* a worker that keeps failing is logged that often */
#define WORKER_ARENA_BYTES 8192

struct worker {
    struct runtime *runtime;
    char *name;
    int64_t every_us;
    bool (*run)(struct ctx *ctx);
    pthread_t thread;
    bool is_running, is_stopping;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    int64_t
        told_us; /* monotonic, of the last failure that was logged; 0: none since it went well */
    struct metric *took, *failed;
};

bool thread_start(pthread_t *thread, const char *name, size_t stack_bytes, void *(*run)(void *),
                  void *argument)
{
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, stack_bytes);
    bool started = pthread_create(thread, &small, run, argument) == 0;
    pthread_attr_destroy(&small);
    if (started)
        pthread_setname_np(*thread, name);
    return started;
}

static void note_result(struct worker *worker, const struct ctx *ctx)
{
    int64_t now_us = clock_mono_us();
    if (!ctx_failed(ctx)) {
        worker->told_us = 0;
        return;
    }
    metric_add(worker->failed, 1);
    if (worker->told_us && now_us - worker->told_us < TELL_AGAIN_US)
        return;
    worker->told_us = now_us;
    log_line(LOG_WARN, ctx, "worker_failed", LOG_C("worker", worker->name),
             LOG_C("code", error_name(ctx->error.code)), LOG_S("reason", ctx->error.detail));
}

/* One round; true: there is more to do. */
static bool run_once(struct worker *worker, struct arena *arena)
{
    struct ctx ctx = { .arena = arena, .app = worker->runtime->app, .runtime = worker->runtime };
    int64_t start_us = clock_mono_us();
    struct span *span =
        span_start(&ctx, SPAN_INTERNAL, arena_printf(arena, "worker %s", worker->name));
    bool more = worker->run(&ctx);
    if (ctx_failed(&ctx))
        span_error(span, error_name(ctx.error.code));
    span_end(&ctx, span);
    metric_observe_us(worker->took, clock_mono_us() - start_us);
    note_result(worker, &ctx);
    more = more && !ctx_failed(&ctx);
    arena_clear(arena);
    return more;
}

/* False when it is to end. */
static bool wait_for_turn(struct worker *worker, int64_t wait_us)
{
    int64_t until_us = clock_mono_us() + wait_us;
    struct timespec at = { until_us / US_PER_S, until_us % US_PER_S * 1000 };
    pthread_mutex_lock(&worker->lock);
    while (!worker->is_stopping && wait_us > 0 &&
           pthread_cond_timedwait(&worker->wake, &worker->lock, &at) != ETIMEDOUT)
        continue;
    bool go_on = !worker->is_stopping;
    pthread_mutex_unlock(&worker->lock);
    return go_on;
}

static void *run(void *argument)
{
    struct worker *worker = argument;
    CLEANUP(arena_freep) struct arena *arena = arena_new(WORKER_ARENA_BYTES);
    bool more = true; /* the first round at once */
    while (wait_for_turn(worker, more ? 0 : worker->every_us))
        more = run_once(worker, arena);
    return NULL;
}

static struct worker *worker_new(struct ctx *ctx, const char *name)
{
    struct worker *worker = mem_alloc(sizeof(*worker));
    struct str label = metric_label(ctx->arena, "worker", str_of(name));
    worker->runtime = runtime_of(ctx);
    worker->name = mem_strdup(name);
    worker->took = metric_get(METRIC_HISTOGRAM, "worker_run_duration_seconds",
                              "Rounds of a worker.", label.ptr);
    worker->failed = metric_get(METRIC_COUNTER, "worker_failures_total",
                                "Rounds of a worker that failed.", label.ptr);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&worker->lock, NULL);
    return worker;
}

bool service_worker(struct ctx *ctx, const char *name, int64_t every_us,
                    bool (*run_round)(struct ctx *ctx))
{
    struct runtime *runtime = runtime_of(ctx);
    if (runtime->n_workers == MOST_WORKERS)
        return ctx_fail(ctx, ERR_INTERNAL, "worker %s: there are too many", name);
    struct worker *worker = worker_new(ctx, name);
    worker->every_us = every_us;
    worker->run = run_round;
    runtime->workers[runtime->n_workers++] = worker;
    return true;
}

bool workers_start(struct ctx *ctx, struct runtime *runtime)
{
    for (size_t i = 0; i < runtime->n_workers; i++) {
        struct worker *worker = runtime->workers[i];
        char name[16]; /* the kernel's limit */
        snprintf(name, sizeof(name), "%s", worker->name);
        worker->is_running = thread_start(&worker->thread, name, WORKER_STACK_BYTES, run, worker);
        if (!worker->is_running)
            return ctx_fail(ctx, ERR_UNAVAILABLE,
                            "worker %s cannot be started: no thread to be had", worker->name);
    }
    return true;
}

void workers_stop(struct runtime *runtime)
{
    for (size_t i = 0; i < runtime->n_workers; i++) {
        struct worker *worker = runtime->workers[i];
        pthread_mutex_lock(&worker->lock);
        worker->is_stopping = true;
        pthread_cond_broadcast(&worker->wake);
        pthread_mutex_unlock(&worker->lock);
    }
    for (size_t i = 0; i < runtime->n_workers; i++) {
        struct worker *worker = runtime->workers[i];
        if (worker->is_running)
            pthread_join(worker->thread, NULL);
        worker->is_running = false;
    }
}

void workers_free(struct runtime *runtime)
{
    for (size_t i = 0; i < runtime->n_workers; i++) {
        struct worker *worker = runtime->workers[i];
        pthread_cond_destroy(&worker->wake);
        pthread_mutex_destroy(&worker->lock);
        free(worker->name);
        free(worker);
    }
    runtime->n_workers = 0;
}

static struct worker *worker_find(struct runtime *runtime, const char *name)
{
    for (size_t i = 0; i < runtime->n_workers; i++)
        if (strcmp(runtime->workers[i]->name, name) == 0)
            return runtime->workers[i];
    fprintf(stderr, "worker \"%s\" is run and not declared\n", name);
    abort();
}

void worker_wait(struct runtime *runtime, const char *name, int64_t every_us)
{
    worker_find(runtime, name)->every_us = every_us;
}

bool worker_run_once(struct runtime *runtime, const char *name)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(WORKER_ARENA_BYTES);
    return run_once(worker_find(runtime, name), arena);
}
