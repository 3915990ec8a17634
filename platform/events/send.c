#include "platform/events/events_internal.h"

/* Sending straight to the log: the callers wait for the acknowledgement of the sync. One producer for all of them, made
 * when it is first needed. A message that was not sent in time is given up by the producer, never sent later than the
 * longest deadline: who was told "no" is not surprised by it for ever. */
#define SEND_QUEUE_RETRY_US (2 * US_PER_MS)
#define PROBE_US                                                                                   \
    US_PER_S /* while the broker is away one call a second tries, for as long; others are refused at once */
#define TOPICS_RETRY_US (10 * US_PER_MS)

struct sender {
    struct events *events;
    pthread_mutex_t lock; /* the producer's making and end */
    rd_kafka_t *producer;
    rd_kafka_queue_t *queue; /* to wake its poll */
    pthread_t thread;        /* polls it for reports */
    atomic_bool stop;
    int users;           /* calls that hold the producer */
    _Atomic int64_t probe_us; /* monotonic: while the broker is away, when the next call may try */
};

/* One call and its reports. It lives until the last report has come, which may be after the caller has left. */
struct waiting {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t open; /* messages without a report */
    size_t failed;
    rd_kafka_resp_err_t error;
    bool left; /* the caller */
};

static void waiting_free(struct waiting *waiting)
{
    pthread_cond_destroy(&waiting->changed);
    pthread_mutex_destroy(&waiting->lock);
    free(waiting);
}

static struct waiting *waiting_new(void)
{
    struct waiting *waiting = mem_alloc(sizeof *waiting);
    pthread_mutex_init(&waiting->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&waiting->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return waiting;
}

/* On the polling thread. */
static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct sender *sender = opaque;
    struct waiting *waiting = message->_private;
    if (!message->err)
        broker_is_back(&sender->events->broker);
    pthread_mutex_lock(&waiting->lock);
    if (message->err) {
        waiting->failed++;
        waiting->error = message->err;
    }
    bool last = --waiting->open == 0, left = waiting->left;
    if (last && !left)
        pthread_cond_signal(&waiting->changed);
    pthread_mutex_unlock(&waiting->lock);
    if (last && left)
        waiting_free(waiting);
}

static void on_error(rd_kafka_t *rk, int code, const char *why, void *opaque)
{
    struct sender *sender = opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        broker_is_away(&sender->events->broker, why);
}

static void *poll_main(void *argument)
{
    struct sender *sender = argument;
    while (!atomic_load(&sender->stop))
        rd_kafka_poll(sender->producer, 1000);
    return NULL;
}

static bool open_producer(struct ctx *ctx, struct sender *sender)
{
    rd_kafka_conf_t *conf = kafka_conf(sender->events, sender);
    kafka_set(conf, "enable.idempotence", "true");
    kafka_set(conf, "acks", "all");
    kafka_set(conf, "partitioner", "murmur2_random");
    kafka_set(conf, "linger.ms", "1");
    kafka_set(conf, "delivery.timeout.ms", "5000"); /* SEND_LIMIT_US */
    kafka_set(conf, "queue.buffering.max.messages", "200000");
    kafka_set(conf, "queue.buffering.max.kbytes", "131072");
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    sender->producer = kafka_new(ctx, RD_KAFKA_PRODUCER, conf);
    if (!sender->producer)
        return false;
    sender->queue = rd_kafka_queue_get_main(sender->producer);
    atomic_store(&sender->stop, false);
    pthread_create(&sender->thread, NULL, poll_main, sender);
    return true;
}

/* What is still queued belongs to nobody: its callers have left. Their reports free what waited for them. */
static void close_producer(struct sender *sender)
{
    if (!sender->producer)
        return;
    rd_kafka_purge(sender->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(sender->producer, 1000);
    atomic_store(&sender->stop, true);
    rd_kafka_queue_yield(sender->queue);
    pthread_join(sender->thread, NULL);
    rd_kafka_queue_destroy(sender->queue);
    rd_kafka_destroy(sender->producer);
    sender->producer = NULL;
}

static rd_kafka_t *take_producer(struct ctx *ctx, struct sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    char why[256];
    bool broken = sender->producer && rd_kafka_fatal_error(sender->producer, why, sizeof why);
    if (broken && sender->users == 0) { /* its ids are no good any more: the next one begins anew */
        close_producer(sender);
        broken = false;
    }
    if (!sender->producer)
        open_producer(ctx, sender);
    if (broken)
        ctx_fail(ctx, ERR_UNAVAILABLE, "the event log's client starts anew: %s", why);
    rd_kafka_t *producer = broken ? NULL : sender->producer;
    if (producer)
        sender->users++;
    pthread_mutex_unlock(&sender->lock);
    return producer;
}

static void give_producer_back(struct sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    sender->users--;
    pthread_mutex_unlock(&sender->lock);
}

static void pause_for(int64_t us)
{
    struct timespec pause = { us / US_PER_S, us % US_PER_S * 1000 };
    nanosleep(&pause, NULL);
}

static rd_kafka_resp_err_t produce_one(rd_kafka_t *producer, struct str source,
                                       const struct event_record *record, struct waiting *waiting)
{
    rd_kafka_headers_t *headers = event_headers(record, source);
    rd_kafka_resp_err_t error =
        rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(record->topic.ptr),
                          RD_KAFKA_V_KEY(record->key.ptr, record->key.len),
                          RD_KAFKA_V_VALUE((void *)record->data.ptr, record->data.len),
                          RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers),
                          RD_KAFKA_V_OPAQUE(waiting), RD_KAFKA_V_END);
    if (error)
        rd_kafka_headers_destroy(headers);
    return error;
}

/* A full queue is back-pressure: the caller waits, as long as its deadline allows. */
static bool produce_all(struct ctx *ctx, rd_kafka_t *producer, struct str source,
                        const struct event_record *records, size_t n, int64_t until,
                        struct waiting *waiting)
{
    for (size_t i = 0; i < n; i++) {
        pthread_mutex_lock(&waiting->lock);
        waiting->open++;
        pthread_mutex_unlock(&waiting->lock);
        rd_kafka_resp_err_t error;
        while ((error = produce_one(producer, source, &records[i], waiting)) ==
                   RD_KAFKA_RESP_ERR__QUEUE_FULL &&
               clock_mono_us() < until)
            pause_for(SEND_QUEUE_RETRY_US);
        if (!error)
            continue;
        pthread_mutex_lock(&waiting->lock);
        waiting->open--;
        pthread_mutex_unlock(&waiting->lock);
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the event log takes nothing now: %s",
                        rd_kafka_err2str(error));
    }
    return true;
}

/* Waits for the reports; false when not all of them came, or said yes. */
static bool wait_for_all(struct ctx *ctx, struct waiting *waiting, int64_t until)
{
    struct timespec at = { until / US_PER_S, until % US_PER_S * 1000 };
    pthread_mutex_lock(&waiting->lock);
    while (waiting->open && pthread_cond_timedwait(&waiting->changed, &waiting->lock, &at) == 0)
        ;
    size_t open = waiting->open, lost = waiting->failed;
    rd_kafka_resp_err_t error = waiting->error;
    waiting->left = true;
    pthread_mutex_unlock(&waiting->lock);
    if (open == 0)
        waiting_free(waiting);
    if (open)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the event log did not acknowledge in time");
    if (lost)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the event log did not take it: %s",
                        rd_kafka_err2str(error));
    return true;
}

static void count_sent(const struct event_record *records, size_t n)
{
    for (size_t i = 0, same; i < n; i += same) {
        for (same = 1; i + same < n && str_eq(records[i + same].topic, records[i].topic);)
            same++;
        meter_sent(records[i].topic, (int64_t)same);
    }
}

/* A topic that a producer is the first to name could be made without its settings. */
static bool wait_for_topics(struct ctx *ctx, const struct events *events, int64_t until)
{
    while (events->topics && !atomic_load(&events->topics_ready)) {
        if (clock_mono_us() >= until || atomic_load(&events->broker.away))
            return ctx_fail(ctx, ERR_UNAVAILABLE, "the event log is away");
        pause_for(TOPICS_RETRY_US);
    }
    return true;
}

static bool send_all(struct ctx *ctx, struct sender *sender, const struct event_record *records,
                     size_t n)
{
    int64_t until = clock_mono_us() + MIN(ctx_left_us(ctx), SEND_LIMIT_US);
    if (!wait_for_topics(ctx, sender->events, until))
        return false;
    rd_kafka_t *producer = take_producer(ctx, sender);
    if (!producer)
        return false;
    struct waiting *waiting = waiting_new();
    bool queued =
        produce_all(ctx, producer, str_of(sender->events->source), records, n, until, waiting);
    bool sent = wait_for_all(ctx, waiting, queued ? until : 0) && queued;
    give_producer_back(sender);
    if (sent)
        count_sent(records, n);
    return sent;
}

bool sender_send(struct ctx *ctx, struct sender *sender, const struct event_record *records,
                 size_t n)
{
    if (n == 0)
        return true;
    if (!atomic_load_explicit(&sender->events->broker.away, memory_order_relaxed))
        return send_all(ctx, sender, records, n);
    int64_t due = atomic_load(&sender->probe_us), now = clock_mono_us();
    if (now < due || !atomic_compare_exchange_strong(&sender->probe_us, &due, now + PROBE_US))
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the event log is away");
    struct ctx probe = *ctx;
    probe.deadline_us = MIN(ctx->deadline_us ? ctx->deadline_us : INT64_MAX, now + PROBE_US);
    bool sent = send_all(&probe, sender, records, n);
    ctx->error = probe.error;
    return sent;
}

struct sender *sender_new(struct events *events)
{
    struct sender *sender = mem_alloc(sizeof *sender);
    sender->events = events;
    pthread_mutex_init(&sender->lock, NULL);
    return sender;
}

void sender_free(struct sender *sender)
{
    if (!sender)
        return;
    close_producer(sender);
    pthread_mutex_destroy(&sender->lock);
    free(sender);
}
