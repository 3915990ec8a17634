#include "platform/events/events_internal.h"
#include "platform/events/projection.h"
#include "platform/telemetry/log.h"

#define SETTLED_LOOK_US (20 * US_PER_MS)

struct events *events_open(struct ctx *ctx, const struct events_settings *settings)
{
    struct events *events = mem_alloc(sizeof *events);
    if (!kafka_address(ctx, settings->url, &events->broker)) {
        free(events);
        return NULL;
    }
    events->url = mem_strdup(settings->url);
    events->service = mem_strdup(settings->service);
    events->source = mem_alloc(strlen(settings->service) + sizeof "/fanfare/");
    sprintf(events->source, "/fanfare/%s", settings->service);
    events->db = settings->db;
    events->contract = settings->contract;
    events->tells = settings->tells;
    events->n_tells = settings->n_tells;
    events->outbox_max_bytes = settings->outbox_max_bytes;
    events->outbox_max_age_us = settings->outbox_max_age_s * US_PER_S;
    pthread_mutex_init(&events->lock, NULL);
    events->sender = sender_new(events);
    events->rebuild = rebuild_new(events);
    if (events->db)
        sql_on_commit(events->db, relays_wake, NULL);
    return events;
}

struct consumer *consumer_new(struct events *events, const struct consumer_settings *settings)
{
    struct consumer *consumer = mem_alloc(sizeof *consumer);
    consumer->events = events;
    consumer->settings = *settings;
    if (settings->projection)
        consumer->settings.store_data = projection_model(settings->projection);
    consumer->settings.name = mem_strdup(settings->name);
    if (!consumer->settings.batch_records)
        consumer->settings.batch_records = BATCH_RECORDS;
    consumer->name = consumer->list = str_of(consumer->settings.name);
    /* Only one process can have a SQLite database: it needs no group to know that all partitions are its own, and so
     * it reads on at once after a crash. */
    bool shared_store = settings->store ? settings->store->shared : sql_is_postgresql(events->db);
    consumer->grouped = settings->sharing == CONSUMER_SHARED && shared_store;
    consumer->meter = meter_new(consumer);
    pthread_mutex_init(&consumer->lock, NULL);
    pthread_mutex_init(&consumer->errand_lock, NULL);
    pthread_cond_init(&consumer->errand_changed, NULL);
    return consumer;
}

void consumer_free(struct consumer *consumer)
{
    if (!consumer)
        return;
    meter_free(consumer->meter);
    pthread_mutex_destroy(&consumer->lock);
    pthread_mutex_destroy(&consumer->errand_lock);
    pthread_cond_destroy(&consumer->errand_changed);
    free((char *)consumer->settings.name);
    free(consumer);
}

bool events_consume(struct ctx *ctx, struct events *events,
                    const struct consumer_settings *settings)
{
    if (events->n_consumers == COUNT(events->consumers))
        return ctx_fail(ctx, ERR_INTERNAL, "more than %zu consumers", COUNT(events->consumers));
    if (!settings->store && !events->db)
        return ctx_fail(ctx, ERR_INTERNAL, "the consumer %s has no store", settings->name);
    events->consumers[events->n_consumers++] = consumer_new(events, settings);
    return true;
}

bool events_start(struct events *events, void (*fatal)(void *argument, const char *sentence),
                  void *argument)
{
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    events->fatal = fatal;
    events->fatal_argument = argument;
    if (events->db)
        events->relay = relay_start(events);
    bool started = true;
    for (size_t i = 0; i < events->n_consumers && started; i++)
        started = consumer_start(&ctx, events->consumers[i]);
    events->topics = topics_start(events); /* they are told when it is done */
    if (!started)
        events_fatal(events, ctx.error.detail);
    arena_free(arena);
    return started;
}

void events_stop(struct events *events)
{
    rebuild_stop(events->rebuild); /* while the consumer that it may wait for still runs */
    for (size_t i = 0; i < events->n_consumers; i++)
        consumer_stop_ask(events->consumers[i]);
    topics_stop(events->topics);
    events->topics = NULL;
    for (size_t i = 0; i < events->n_consumers; i++)
        consumer_stop(events->consumers[i]);
    relay_stop(events->relay);
    events->relay = NULL;
}

void events_free(struct events *events)
{
    if (!events)
        return;
    events_stop(events);
    for (size_t i = 0; i < events->n_consumers; i++)
        consumer_free(events->consumers[i]);
    sender_free(events->sender);
    rebuild_free(events->rebuild);
    pthread_mutex_destroy(&events->lock);
    kafka_address_clear(&events->broker);
    free(events->url);
    free(events->service);
    free(events->source);
    free(events);
}

void events_fatal(struct events *events, struct str sentence)
{
    pthread_mutex_lock(&events->lock);
    bool first = !events->failed;
    events->failed = true;
    pthread_mutex_unlock(&events->lock);
    if (!first)
        return;
    struct arena *arena = arena_new(0);
    if (events->fatal)
        events->fatal(events->fatal_argument, arena_cstr(arena, sentence));
    else
        log_line(LOG_ERROR, NULL, "events_stopped", LOG_S("cause", sentence));
    arena_free(arena);
}

/* ---- waiting until nothing is under way ---- */

static bool measure(struct ctx *ctx, void *argument)
{
    return outbox_measure(ctx, argument);
}

static bool outbox_is_empty(struct events *events)
{
    if (!events->db)
        return true;
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct outbox_size size = { .events = 1 };
    bool read = sql_read(&ctx, events->db, measure, &size);
    arena_free(arena);
    return read && size.events == 0;
}

static bool all_settled(struct events *events, rd_kafka_t *asker)
{
    if (!outbox_is_empty(events))
        return false;
    for (size_t i = 0; i < events->n_consumers; i++)
        if (!consumer_settled(events->consumers[i], asker))
            return false;
    return outbox_is_empty(events); /* nothing followed from what was consumed meanwhile */
}

static int64_t consumer_behind(struct consumer *consumer, struct str topic)
{
    int64_t behind = -1;
    pthread_mutex_lock(&consumer->lock);
    for (size_t i = 0; i < consumer->n_partitions; i++)
        if (str_is(topic, consumer->partitions[i].topic))
            behind = MAX(behind, 0) + metric_value(consumer->partitions[i].lag);
    pthread_mutex_unlock(&consumer->lock);
    return behind;
}

int64_t events_behind(struct events *events, struct str topic)
{
    int64_t behind = -1;
    for (size_t i = 0; i < events->n_consumers; i++)
        behind = MAX(behind, consumer_behind(events->consumers[i], topic));
    return behind;
}

bool events_settled(struct events *events, int64_t timeout_us)
{
    int64_t until = clock_mono_us() + timeout_us;
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    rd_kafka_t *asker = kafka_new(&ctx, RD_KAFKA_PRODUCER, kafka_conf(events, events));
    bool settled = false;
    while (asker && !(settled = all_settled(events, asker)) && clock_mono_us() < until) {
        struct timespec pause = { 0, SETTLED_LOOK_US * 1000 };
        nanosleep(&pause, NULL);
    }
    if (asker)
        rd_kafka_destroy(asker);
    arena_free(arena);
    return settled;
}
