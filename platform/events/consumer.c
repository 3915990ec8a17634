#include <sys/resource.h>
#include <unistd.h>

#include "platform/events/events_internal.h"
#include "platform/telemetry/log.h"

/* One thread for each consumer: reads what there is, takes it through the reactions in one transaction, and keeps what is
 * to be tried again in hand while it goes on reading the other partitions. */
#define LOOK_AGAIN_MS 1000
#define RETRY_LEAST_US (100 * US_PER_MS)
#define RETRY_MOST_US (30 * US_PER_S)
#define BEHIND_LIVE_US (5 * US_PER_MS) /* until a rebuild looks again whether it may go on */
#define AFTER_FIRST_US                                                                             \
    (10 * US_PER_MS)    /* until what waits for what is read first is looked at again */
#define HELD_AHEAD 5000 /* records of a partition that are held at most while it waits for others */
#define BUILDER_NICE 10 /* who is asked meanwhile goes first */
#define LEAVE_LIMIT_US (3 * US_PER_S) /* of the 15 s that a service has for its end */
#define LEAVE_LOOK_MS 20
#define LOG_ATTEMPTS 10 /* what goes on being tried is told again about every five minutes */
#define COMMIT_US                                                                                  \
    US_PER_S /* the group's offsets are for displays of lag: once a second is enough */

const struct reaction *consumer_reaction(const struct consumer *consumer, struct str type,
                                         const struct reaction *after)
{
    const struct reaction *first = consumer->settings.reactions,
                          *end = first + consumer->settings.n_reactions;
    for (const struct reaction *r = after ? after + 1 : first; r < end; r++)
        if (str_is(type, r->event->type))
            return r;
    return NULL;
}

struct ctx consumer_ctx(const struct consumer *consumer, struct arena *arena)
{
    const struct consumer_settings *settings = &consumer->settings;
    return (struct ctx){ .arena = arena,
                         .app = settings->app,
                         .model = settings->store_data,
                         .runtime = settings->runtime };
}

void consumer_fatal(struct consumer *consumer, struct str sentence)
{
    if (consumer->rebuild)
        rebuild_fail(consumer->rebuild, sentence);
    else
        events_fatal(consumer->events, sentence);
    atomic_store(&consumer->stop, true);
}

/* ---- handling ---- */

static struct slice slice_of(struct ctx *ctx, struct partition *partition, size_t n)
{
    struct record *records = ARENA_ARRAY(ctx->arena, struct record, n);
    for (size_t i = 0; i < n; i++)
        records[i] = record_of_message(ctx->arena, partition->held[i]);
    return (struct slice){
        .log = str_of(partition->log),
        .topic = str_of(partition->topic),
        .partition = partition->number,
        .was = partition->next,
        .records = records,
        .n = n,
        .owner = partition,
    };
}

static void pause_or_resume(struct consumer *consumer, const struct partition *partition,
                            bool pause)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, partition->topic, partition->number);
    if (pause)
        rd_kafka_pause_partitions(consumer->rk, list);
    else
        rd_kafka_resume_partitions(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
}

/* `stop_reading`: so that no more of it comes meanwhile; it takes the client a while to read on. */
static void pause_until(struct consumer *consumer, struct partition *partition, int64_t us,
                        bool stop_reading)
{
    partition->retry_us = us;
    partition->paused = true;
    if (stop_reading && !partition->unread)
        pause_or_resume(consumer, partition, true);
    partition->unread |= stop_reading;
}

/* Is there something that goes first, and is not behind us? A compacted log has gaps, at its end too. */
static bool first_is_open(struct consumer *consumer)
{
    bool open = false;
    for (size_t i = 0; i < consumer->n_partitions; i++) {
        struct partition *one = &consumer->partitions[i];
        if (one->next >= one->first_until ||
            (one->n_held ? one->held[0]->offset : one->end_seen) >= one->first_until)
            one->first_until = 0;
        open |= one->first_until > 0;
    }
    return open;
}

/* What may be taken now of what it holds: others wait for what goes first, a rebuild for the live consumer. */
static size_t takeable(struct consumer *consumer, struct partition *partition, size_t most,
                       bool first_is_open)
{
    if (!partition->n_held || partition->paused)
        return 0;
    if (first_is_open && !partition->first_until) {
        pause_until(consumer, partition, clock_mono_us() + AFTER_FIRST_US,
                    partition->n_held >= HELD_AHEAD);
        return 0;
    }
    if (!consumer->rebuild)
        return MIN(most, partition->n_held);
    size_t n = rebuild_allows(consumer->rebuild, partition, most);
    if (n == 0)
        pause_until(consumer, partition, clock_mono_us() + BEHIND_LIVE_US,
                    partition->n_held >= HELD_AHEAD);
    return n;
}

static size_t slices_of(struct ctx *ctx, struct consumer *consumer, struct slice *slices)
{
    size_t n = 0, left = consumer->settings.batch_records;
    bool first = first_is_open(consumer);
    for (size_t i = 0; i < consumer->n_partitions && left; i++) {
        struct partition *partition = &consumer->partitions[i];
        size_t records = takeable(consumer, partition, left, first);
        if (records)
            slices[n++] = slice_of(ctx, partition, records);
        left -= records;
    }
    return n;
}

/* Doubling, up to a limit, and never exactly together with others. */
static int64_t retry_pause(int attempts)
{
    int64_t pause = MIN(RETRY_LEAST_US << MIN(attempts, 10), RETRY_MOST_US);
    uint32_t random;
    id_random(&random, sizeof random);
    return pause / 2 + (int64_t)(random % (uint32_t)(pause / 2));
}

static void try_later(struct ctx *ctx, struct consumer *consumer, struct partition *partition,
                      const struct error *why)
{
    if (partition->attempts % LOG_ATTEMPTS == 0)
        log_line(LOG_WARN, ctx, "event_to_retry", LOG_C("consumer", consumer->settings.name),
                 LOG_C("topic", partition->topic), LOG_I("partition", partition->number),
                 LOG_I("offset", partition->held[0]->offset), LOG_C("code", error_name(why->code)),
                 LOG_S("cause", why->detail));
    if (consumer->rebuild)
        rebuild_waits(consumer->rebuild,
                      arena_printf(ctx->arena, "%s/%d@%lld is to be tried again: " STR_FMT,
                                   partition->topic, partition->number,
                                   (long long)partition->held[0]->offset, STR_ARG(why->detail)));
    pause_until(consumer, partition, clock_mono_us() + retry_pause(partition->attempts++), true);
}

static void log_rejected(struct ctx *ctx, struct consumer *consumer, const struct slice *slice)
{
    for (size_t i = 0; i < slice->through; i++)
        if (slice->fates[i] == FATE_REJECTED)
            log_line(LOG_ERROR, ctx, "event_rejected", LOG_C("consumer", consumer->settings.name),
                     LOG_S("topic", slice->topic), LOG_I("partition", slice->partition),
                     LOG_I("offset", slice->records[i].offset),
                     LOG_C("code", error_name(slice->error.code)));
}

static void put_behind(struct ctx *ctx, struct consumer *consumer, struct slice *slice)
{
    struct partition *partition = slice->owner;
    for (size_t i = 0; i < slice->through; i++)
        meter_consumed(consumer->meter, slice->topic, slice->fates[i]);
    log_rejected(ctx, consumer, slice);
    if (slice->through == 0)
        return;
    if (consumer->rebuild)
        rebuild_took(ctx, consumer->rebuild, slice);
    partition->attempts = 0;
    pthread_mutex_lock(&consumer->lock);
    partition->next = slice->next;
    partition_release(partition, slice->through);
    pthread_mutex_unlock(&consumer->lock);
}

static void show_lag(struct consumer *consumer)
{
    for (size_t i = 0; i < consumer->n_partitions; i++) {
        struct partition *partition = &consumer->partitions[i];
        int64_t low, high;
        if (partition->next >= 0 &&
            rd_kafka_get_watermark_offsets(consumer->rk, partition->topic, partition->number, &low,
                                           &high) == RD_KAFKA_RESP_ERR_NO_ERROR)
            metric_set(partition->lag, MAX(high - partition->next, 0));
    }
}

static void commit_offsets(struct consumer *consumer)
{
    int64_t now = clock_mono_us();
    if (now < consumer->committed_us)
        return;
    consumer->committed_us = now + COMMIT_US;
    show_lag(consumer);
    if (consumer->settings.sharing != CONSUMER_SHARED || consumer->commit_under_way)
        return;
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new((int)consumer->n_partitions);
    for (size_t i = 0; i < consumer->n_partitions; i++) {
        struct partition *partition = &consumer->partitions[i];
        if (partition->next >= 0 && partition->next != partition->committed) {
            rd_kafka_topic_partition_list_add(list, partition->topic, partition->number)->offset =
                partition->next;
            partition->committed = partition->next;
        }
    }
    consumer->commit_under_way = list->cnt && rd_kafka_commit(consumer->rk, list, 1) ==
                                                  RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
}

/* What came of a batch that was committed. */
static void conclude(struct ctx *ctx, struct consumer *consumer, struct slice *slices, size_t n)
{
    bool again = false;
    for (size_t i = 0; i < n; i++) {
        struct slice *slice = &slices[i];
        put_behind(ctx, consumer, slice);
        if (slice->lost) {
            log_line(LOG_INFO, ctx, "position_moved_by_another",
                     LOG_C("consumer", consumer->settings.name), LOG_S("topic", slice->topic),
                     LOG_I("partition", slice->partition));
            again |= !assignment_catch_up(ctx, consumer, slice->owner);
        } else if (slice->through < slice->n && slice->fates[slice->through] == FATE_RETRY) {
            try_later(ctx, consumer, slice->owner, &slice->error);
        }
    }
    if (again)
        assignment_again(consumer);
}

static void handle(struct consumer *consumer, struct arena *arena)
{
    struct ctx ctx = consumer_ctx(consumer, arena);
    struct slice *slices = ARENA_ARRAY(arena, struct slice, consumer->n_partitions + 1);
    size_t n = slices_of(&ctx, consumer, slices);
    if (n == 0)
        return;
    if (batch_run(&ctx, consumer, slices, n)) {
        conclude(&ctx, consumer, slices, n);
        return;
    }
    struct error why = ctx.error;
    for (size_t i = 0; i < n; i++)
        try_later(&ctx, consumer, slices[i].owner, &why);
}

static void resume_due(struct consumer *consumer)
{
    int64_t now = clock_mono_us();
    for (size_t i = 0; i < consumer->n_partitions; i++) {
        struct partition *partition = &consumer->partitions[i];
        if (!partition->paused || partition->retry_us > now)
            continue;
        partition->paused = false;
        if (partition->unread)
            pause_or_resume(consumer, partition, false);
        partition->unread = false;
    }
}

/* ---- its life ---- */

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct consumer *consumer = opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        assignment_want(consumer, list);
    } else { /* revoked, or an error that nobody knows */
        assignment_drop(consumer);
        rd_kafka_assign(rk, NULL);
    }
}

/* One at a time: the end of the client waits for those that wait for a coordinator. */
static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                      rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct consumer *consumer = opaque;
    consumer->commit_under_way = false;
}

static void on_error(rd_kafka_t *rk, int code, const char *why, void *opaque)
{
    struct consumer *consumer = opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        broker_is_away(&consumer->events->broker, why);
}

static rd_kafka_conf_t *consumer_conf(struct consumer *consumer)
{
    rd_kafka_conf_t *conf = kafka_conf(consumer->events, consumer);
    kafka_set(conf, "group.id", consumer->settings.name);
    kafka_set(conf, "enable.auto.commit", "false");
    kafka_set(conf, "enable.auto.offset.store", "false");
    kafka_set(conf, "auto.offset.reset",
              "error"); /* an offset outside the log stops; it never skips */
    kafka_set(conf, "enable.partition.eof", "true");
    kafka_set(conf, "check.crcs", "true");
    kafka_set(conf, "session.timeout.ms", "6000");
    kafka_set(conf, "heartbeat.interval.ms", "1500");
    /* Beyond that the client reads on only after up to a second: a rebuild must be quicker than what comes. */
    kafka_set(conf, "queued.min.messages", consumer->rebuild ? "100000" : "2000");
    kafka_set(conf, "queued.max.messages.kbytes", "8192");
    kafka_set(conf, "fetch.error.backoff.ms", "100");
    kafka_set(conf, "topic.metadata.refresh.interval.ms",
              consumer->settings.rare ? "60000" : "5000"); /* topics that others create */
    if (consumer->settings.rare)
        kafka_set(conf, "fetch.wait.max.ms",
                  "10000"); /* 500: twenty services ask 40 times a second */
    if (consumer->grouped)
        rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
    rd_kafka_conf_set_error_cb(conf, on_error);
    return conf;
}

static bool subscribe(struct ctx *ctx, struct consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (size_t i = 0; i < consumer->settings.n_reactions; i++) {
        const char *topic = consumer->settings.reactions[i].event->topic;
        if (!rd_kafka_topic_partition_list_find(list, topic, RD_KAFKA_PARTITION_UA))
            rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_resp_err_t error = rd_kafka_subscribe(consumer->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return !error || ctx_fail(ctx, ERR_UNAVAILABLE, "subscribing %s: %s", consumer->settings.name,
                              rd_kafka_err2str(error));
}

/* What was read already comes this way too, and is read again by whoever has the partition next. */
static void serve_leave(struct consumer *consumer, rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, LEAVE_LOOK_MS);
    if (event && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
        rd_kafka_assign(consumer->rk, NULL);
    if (event)
        rd_kafka_event_destroy(event);
}

/* Takes leave of the group, so that others have the partitions at once. The coordinator may be just going, or starting:
 * then the session's end does it, and nobody waits for longer than LEAVE_LIMIT_US. */
static void leave(struct consumer *consumer)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(consumer->rk, queue);
    int64_t until = clock_mono_us() + LEAVE_LIMIT_US;
    while (!error && !rd_kafka_consumer_closed(consumer->rk) && clock_mono_us() < until)
        serve_leave(consumer, queue);
    if (error)
        rd_kafka_error_destroy(error);
    consumer->stuck = !rd_kafka_consumer_closed(consumer->rk);
    rd_kafka_queue_destroy(queue);
}

/* The client looks for its topics every some seconds: who waits for the first event of a new log need not. Any answer
 * about topics makes it compare what it has subscribed to. */
static void look_again(struct consumer *consumer)
{
    const struct rd_kafka_metadata *metadata;
    if (rd_kafka_metadata(consumer->rk, 1, NULL, &metadata, LOOK_AGAIN_MS) ==
        RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_metadata_destroy(metadata);
    else
        atomic_store(&consumer->look_again, !atomic_load(&consumer->events->broker.away));
}

static void *consumer_main(void *argument)
{
    struct consumer *consumer = argument;
    struct arena *arena = arena_new(64 * 1024);
    if (consumer->rebuild)
        setpriority(PRIO_PROCESS, (id_t)gettid(), BUILDER_NICE);
    errand_open(consumer);
    while (!atomic_load(&consumer->stop)) {
        if (!consumer->grouped)
            assignment_look(consumer);
        else if (atomic_exchange(&consumer->look_again, false))
            look_again(consumer);
        assignment_resolve(consumer);
        resume_due(consumer);
        consumer_read(consumer);
        if (atomic_load(&consumer->stop))
            break;
        errand_serve(consumer);
        handle(consumer, arena);
        if (consumer->assigned)
            commit_offsets(consumer);
        arena_clear(arena);
    }
    errand_close(consumer);
    consumer->committed_us = 0;
    if (consumer->assigned)
        commit_offsets(consumer);
    for (size_t i = 0; consumer->rebuild && i < consumer->n_partitions; i++)
        metric_set(consumer->partitions[i].lag, 0); /* it is over: nobody lags */
    assignment_drop(consumer);
    /* There is nobody to take leave of when the broker is away, and closing would wait for it. */
    if (consumer->grouped && !atomic_load(&consumer->events->broker.away))
        leave(consumer);
    arena_free(arena);
    return NULL;
}

bool consumer_start(struct ctx *ctx, struct consumer *consumer)
{
    consumer->rk = kafka_new(ctx, RD_KAFKA_CONSUMER, consumer_conf(consumer));
    if (!consumer->rk)
        return false;
    rd_kafka_poll_set_consumer(consumer->rk);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);
    if (consumer->grouped && !subscribe(ctx, consumer))
        return false;
    consumer->running = pthread_create(&consumer->thread, NULL, consumer_main, consumer) == 0;
    return consumer->running ||
           ctx_fail(ctx, ERR_INTERNAL, "no thread for the consumer %s", consumer->settings.name);
}

void consumer_topics_are_there(struct consumer *consumer)
{
    atomic_store(&consumer->look_again, true);
    if (consumer->queue)
        rd_kafka_queue_yield(consumer->queue);
}

void consumer_stop_ask(struct consumer *consumer)
{
    atomic_store(&consumer->stop, true);
    if (consumer->queue)
        rd_kafka_queue_yield(consumer->queue);
}

void consumer_stop(struct consumer *consumer)
{
    consumer_stop_ask(consumer);
    if (consumer->running)
        pthread_join(consumer->thread, NULL);
    consumer->running = false;
    if (consumer->queue)
        rd_kafka_queue_destroy(consumer->queue);
    consumer->queue = NULL;
    /* A client that has not left would wait for its coordinator again: it ends with the process. */
    if (consumer->rk && !consumer->stuck)
        rd_kafka_destroy_flags(consumer->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    consumer->rk = NULL;
}
