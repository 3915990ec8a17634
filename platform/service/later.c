/* Events published from outside a transaction: queued, and stored many to one commit. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "platform/service/runtime.h"

#define MOST_EVENTS 10000
#define MOST_BYTES (16u << 20)
#define BATCH_EVENTS 500
#define GATHER_US                                                                                  \
    (20 * US_PER_MS) /* a commit costs a sync: what comes within this time shares one */
#define WAIT_US (100 * US_PER_MS)  /* after a commit that failed, doubling */
#define LONGEST_WAIT_US (5 * US_PER_S)

/* One event; its record's text is in its own arena. */
struct queued {
    struct queued *next;
    struct arena *arena;
    struct event_record record;
    size_t bytes;
};

struct later {
    struct runtime *runtime;
    pthread_t thread;
    bool is_running, is_stopping;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct queued *first, *last;
    size_t n, n_bytes, n_in_hand;
    struct metric *depth, *lost;
};

static struct str copy(struct arena *arena, struct str text)
{
    return text.ptr ? arena_str(arena, text) : text;
}

static struct queued *queued_new(const struct event_record *from)
{
    size_t bytes = from->id.len + from->type.len + from->topic.len + from->subject.len +
                   from->key.len + from->traceparent.len + from->data.len;
    struct arena *arena = arena_new(sizeof(struct queued) + bytes + 256);
    struct queued *queued = ARENA_NEW(arena, struct queued);
    queued->arena = arena;
    queued->bytes = bytes;
    queued->record = (struct event_record){ .id = copy(arena, from->id),
                                            .type = copy(arena, from->type),
                                            .topic = copy(arena, from->topic),
                                            .subject = copy(arena, from->subject),
                                            .key = copy(arena, from->key),
                                            .traceparent = copy(arena, from->traceparent),
                                            .time_us = from->time_us,
                                            .data = copy(arena, from->data) };
    return queued;
}

static bool push(struct later *later, struct queued *queued)
{
    pthread_mutex_lock(&later->lock);
    bool fits = !later->is_stopping && later->n < MOST_EVENTS &&
                later->n_bytes + queued->bytes <= MOST_BYTES;
    if (fits) {
        *(later->first ? &later->last->next : &later->first) = queued;
        later->last = queued;
        later->n++;
        later->n_bytes += queued->bytes;
        metric_set(later->depth, (int64_t)later->n);
        if (later->n == 1 || later->n == BATCH_EVENTS)
            pthread_cond_broadcast(&later->changed);
    }
    pthread_mutex_unlock(&later->lock);
    return fits;
}

bool service_publish_later(struct ctx *ctx, const struct event_type *type, const void *data)
{
    struct later *later = runtime_of(ctx)->later;
    struct event_record record;
    if (!later)
        return ctx_fail(ctx, ERR_INTERNAL, "the service has no outbox");
    if (!event_make(ctx, type, data, 0, &record))
        return false;
    struct queued *queued = queued_new(&record);
    if (push(later, queued))
        return true;
    arena_free(queued->arena);
    return ctx_fail(ctx, ERR_UNAVAILABLE, "too many events wait to be stored");
}

/* ---- storing ---- */

static void free_all(struct queued *queued)
{
    while (queued) {
        struct queued *next = queued->next;
        arena_free(queued->arena);
        queued = next;
    }
}

static bool put_all(struct ctx *ctx, void *argument)
{
    for (const struct queued *queued = argument; queued; queued = queued->next)
        if (!event_put(ctx, &queued->record))
            return false;
    return true;
}

static void lose(struct later *later, const struct ctx *ctx, const struct queued *queued)
{
    metric_add(later->lost, 1);
    log_line(LOG_ERROR, ctx, "event_not_stored", LOG_S("type", queued->record.type),
             LOG_S("id", queued->record.id), LOG_S("reason", ctx->error.detail));
}

/* Each by itself, so that one that cannot be stored does not keep the others. Gives those that may be tried again. */
static struct queued *put_each(struct ctx *ctx, struct later *later, struct queued *queued)
{
    struct queued *again = NULL, **end = &again;
    while (queued) {
        struct queued *one = queued;
        queued = queued->next;
        one->next = NULL;
        ctx_clear(ctx);
        if (!sql_write(ctx, later->runtime->db, put_all, one) && outcome_of(ctx) == RETRY) {
            *end = one;
            end = &one->next;
            continue;
        }
        if (ctx_failed(ctx))
            lose(later, ctx, one);
        free_all(one);
    }
    return again;
}

/* NULL when all is settled. */
static struct queued *store(struct later *later, struct queued *batch)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena, .app = later->runtime->app, .runtime = later->runtime };
    if (sql_write(&ctx, later->runtime->db, put_all, batch)) {
        free_all(batch);
        return NULL;
    }
    if (outcome_of(&ctx) == RETRY && ctx.error.code != ERR_INTERNAL)
        return batch;
    return put_each(&ctx, later, batch);
}

/* ---- the thread ---- */

static void wait_locked(struct later *later, int64_t wait_us)
{
    int64_t until_us = clock_mono_us() + wait_us;
    struct timespec at = { until_us / US_PER_S, until_us % US_PER_S * 1000 };
    pthread_cond_timedwait(&later->changed, &later->lock, &at);
}

/* Up to BATCH_EVENTS; NULL when it is to end. */
static struct queued *take(struct later *later)
{
    pthread_mutex_lock(&later->lock);
    while (!later->first && !later->is_stopping)
        pthread_cond_wait(&later->changed, &later->lock);
    if (later->n < BATCH_EVENTS && !later->is_stopping)
        wait_locked(later, GATHER_US);
    struct queued *first = later->first, *last = NULL;
    later->n_in_hand = 0;
    for (struct queued *queued = first; queued && later->n_in_hand < BATCH_EVENTS;
         queued = queued->next) {
        later->n_in_hand++;
        later->n_bytes -= queued->bytes;
        last = queued;
    }
    if (last) {
        later->first = last->next;
        last->next = NULL;
    }
    later->n -= later->n_in_hand;
    metric_set(later->depth, (int64_t)later->n);
    pthread_mutex_unlock(&later->lock);
    return first;
}

static void settle(struct later *later)
{
    pthread_mutex_lock(&later->lock);
    later->n_in_hand = 0;
    pthread_cond_broadcast(&later->changed);
    pthread_mutex_unlock(&later->lock);
}

/* False when it is to end. */
static bool pause_after_failure(struct later *later, int64_t wait_us)
{
    pthread_mutex_lock(&later->lock);
    if (!later->is_stopping)
        wait_locked(later, wait_us);
    bool go_on = !later->is_stopping;
    pthread_mutex_unlock(&later->lock);
    return go_on;
}

static void *run(void *argument)
{
    struct later *later = argument;
    struct queued *batch;
    while ((batch = take(later))) {
        int64_t wait_us = WAIT_US;
        while ((batch = store(later, batch)) && pause_after_failure(later, wait_us))
            wait_us = MIN(wait_us * 2, LONGEST_WAIT_US);
        free_all(batch);
        settle(later);
    }
    return NULL;
}

struct later *later_new(struct runtime *runtime)
{
    struct later *later = mem_alloc(sizeof(*later));
    later->runtime = runtime;
    later->depth =
        metric_get(METRIC_GAUGE, "publish_later_queue", "Events that wait to be stored.", "");
    later->lost = metric_get(METRIC_COUNTER, "publish_later_lost_total",
                             "Events that could not be stored.", "");
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&later->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&later->lock, NULL);
    later->is_running = thread_start(&later->thread, "later", OWN_STACK_BYTES, run, later);
    return later;
}

bool later_flush(struct later *later, int64_t limit_us)
{
    int64_t until_us = clock_mono_us() + limit_us, left_us;
    pthread_mutex_lock(&later->lock);
    while (later->is_running && (later->first || later->n_in_hand) &&
           (left_us = until_us - clock_mono_us()) > 0)
        wait_locked(later, left_us);
    bool empty = !later->first && !later->n_in_hand;
    pthread_mutex_unlock(&later->lock);
    return empty;
}

void later_free(struct later *later)
{
    if (!later)
        return;
    pthread_mutex_lock(&later->lock);
    later->is_stopping = true;
    pthread_cond_broadcast(&later->changed);
    pthread_mutex_unlock(&later->lock);
    if (later->is_running)
        pthread_join(later->thread, NULL);
    free_all(later->first);
    pthread_cond_destroy(&later->changed);
    pthread_mutex_destroy(&later->lock);
    free(later);
}
