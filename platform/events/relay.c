#include "platform/events/flights.h"
#include "platform/events/events_internal.h"
#include "platform/faults/faults.h"
#include "platform/telemetry/log.h"

/* From the outbox to the log. Rows are read from the beginning, those under way are skipped; librdkafka keeps their
 * order within a partition, also over its own repetitions. Whatever fails for good grounds the producer: what it had not
 * delivered is read again and sent in order by a new one, with the same ids. */
#define READ_ROWS 500
#define UNDER_WAY_MOST 4000
#define FORGET_ROWS 1000                /* forgets when so many have landed, */
#define FORGET_US (20 * US_PER_MS)      /* or the first so long ago, or nothing is under way */
#define LOOK_SQLITE_US US_PER_S         /* without a commit of this process there is nothing new */
#define LOOK_POSTGRESQL_US (100 * US_PER_MS) /* other instances commit without telling */
#define MEASURE_US US_PER_S
#define BACK_OFF_LEAST_US (100 * US_PER_MS)
#define BACK_OFF_MOST_US (10 * US_PER_S)
#define SEEN_FORGET_US (60 * US_PER_S)
#define STOP_US (5 * US_PER_S)

struct relay {
    struct events *events;
    struct relay *next;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool woken;
    atomic_bool stop;
    uint64_t puts; /* of this process, when it was last woken */
    rd_kafka_t *producer;
    rd_kafka_queue_t *queue; /* to wake its poll; under `lock` */
    rd_kafka_topic_t **topics; /* of the producer, that were sent to */
    size_t n_topics;
    struct flights flights;
    struct lease lease;
    int64_t last_read; /* SQLite: number of the last row that was read */
    bool failed;       /* the producer is to be made anew */
    bool full;         /* its queue: wait until something lands */
    bool more;         /* the last read did not see all */
    bool new_rows;     /* something was committed since */
    int64_t look_us, measure_us, forget_us, back_off_us, again_us;
    int64_t refused_log_us;
    struct metric *size, *age;
};

/* ---- waking and waiting ---- */

/* The database keeps its hook for longer than a relay lives, so the hook looks here for who is alive. */
static pthread_mutex_t relays_lock = PTHREAD_MUTEX_INITIALIZER;
static struct relay *relays;

static void wake(struct relay *relay)
{
    relay->woken = true;
    pthread_cond_signal(&relay->changed);
    if (relay->queue)
        rd_kafka_queue_yield(relay->queue);
}

void relay_nudge(struct relay *relay)
{
    if (!relay)
        return;
    pthread_mutex_lock(&relay->lock);
    wake(relay);
    pthread_mutex_unlock(&relay->lock);
}

static void relay_wake(struct relay *relay, uint64_t puts)
{
    pthread_mutex_lock(&relay->lock);
    if (puts != relay->puts) {
        relay->puts = puts;
        wake(relay);
    }
    pthread_mutex_unlock(&relay->lock);
}

void relays_wake(void *nothing)
{
    uint64_t puts = outbox_puts();
    pthread_mutex_lock(&relays_lock);
    for (struct relay *relay = relays; relay; relay = relay->next)
        relay_wake(relay, puts);
    pthread_mutex_unlock(&relays_lock);
}

static void relays_add(struct relay *relay)
{
    pthread_mutex_lock(&relays_lock);
    relay->next = relays;
    relays = relay;
    pthread_mutex_unlock(&relays_lock);
}

static void relays_remove(struct relay *relay)
{
    pthread_mutex_lock(&relays_lock);
    for (struct relay **at = &relays; *at; at = &(*at)->next)
        if (*at == relay) {
            *at = relay->next;
            break;
        }
    pthread_mutex_unlock(&relays_lock);
}

static void sleep_until(struct relay *relay, int64_t until)
{
    struct timespec at = { until / US_PER_S, until % US_PER_S * 1000 };
    pthread_mutex_lock(&relay->lock);
    while (!relay->woken && !atomic_load(&relay->stop) &&
           pthread_cond_timedwait(&relay->changed, &relay->lock, &at) == 0)
        ;
    pthread_mutex_unlock(&relay->lock);
}

static void take_wake(struct relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->new_rows |= relay->woken;
    relay->woken = false;
    pthread_mutex_unlock(&relay->lock);
}

/* ---- the producer ---- */

/* On the relay's thread, in rd_kafka_poll. */
static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct relay *relay = opaque;
    int64_t seq = (int64_t)(intptr_t)message->_private;
    relay->full = false;
    if (!message->err) {
        flights_land(&relay->flights, seq, clock_mono_us());
        meter_sent(str_of(rd_kafka_topic_name(message->rkt)), 1);
        relay->back_off_us = 0;
        broker_is_back(&relay->events->broker);
        return;
    }
    relay->failed = true;
    int64_t now = clock_mono_us();
    if (now < relay->refused_log_us)
        return;
    relay->refused_log_us = now + 60 * US_PER_S;
    log_line(LOG_WARN, NULL, "event_not_taken", LOG_C("topic", rd_kafka_topic_name(message->rkt)),
             LOG_C("cause", rd_kafka_err2str(message->err)));
}

static void on_error(rd_kafka_t *rk, int code, const char *why, void *opaque)
{
    struct relay *relay = opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        broker_is_away(&relay->events->broker, why);
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        relay->failed = true;
}

/* A topic that is new to the client is looked up at once when it is made like this; by its name alone, with the next
 * look at all of them, up to a second later. NULL: no such name. */
static rd_kafka_topic_t *topic_of(struct relay *relay, const char *name)
{
    for (size_t i = 0; i < relay->n_topics; i++)
        if (strcmp(rd_kafka_topic_name(relay->topics[i]), name) == 0)
            return relay->topics[i];
    rd_kafka_topic_t *topic = rd_kafka_topic_new(relay->producer, name, NULL);
    if (!topic)
        return NULL;
    relay->topics = mem_realloc(relay->topics, (relay->n_topics + 1) * sizeof(*relay->topics));
    return relay->topics[relay->n_topics++] = topic;
}

static void forget_topics(struct relay *relay)
{
    while (relay->n_topics)
        rd_kafka_topic_destroy(relay->topics[--relay->n_topics]);
    free(relay->topics);
    relay->topics = NULL;
}

static bool open_producer(struct ctx *ctx, struct relay *relay)
{
    if (relay->producer)
        return true;
    rd_kafka_conf_t *conf = kafka_conf(relay->events, relay);
    kafka_set(conf, "enable.idempotence", "true");
    kafka_set(conf, "enable.gapless.guarantee", "true"); /* nothing overtakes what failed */
    kafka_set(conf, "acks", "all");
    kafka_set(conf, "partitioner", "murmur2_random");
    kafka_set(conf, "linger.ms", "1");
    kafka_set(conf, "message.timeout.ms", "0"); /* waits without limit */
    kafka_set(conf, "queue.buffering.max.messages", "10000");
    kafka_set(conf, "queue.buffering.max.kbytes", "65536");
    rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_t *producer = kafka_new(ctx, RD_KAFKA_PRODUCER, conf);
    if (!producer)
        return false;
    pthread_mutex_lock(&relay->lock);
    relay->producer = producer;
    relay->queue = rd_kafka_queue_get_main(producer);
    pthread_mutex_unlock(&relay->lock);
    return true;
}

static void close_producer(struct relay *relay)
{
    if (!relay->producer)
        return;
    rd_kafka_purge(relay->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    pthread_mutex_lock(&relay->lock);
    rd_kafka_queue_destroy(relay->queue);
    relay->queue = NULL;
    pthread_mutex_unlock(&relay->lock);
    forget_topics(relay);
    rd_kafka_destroy(relay->producer);
    relay->producer = NULL;
    flights_ground(&relay->flights);
    relay->failed = relay->full = false;
    relay->new_rows = true;
    relay->last_read = 0;
}

static void back_off(struct relay *relay)
{
    relay->back_off_us = relay->back_off_us ? MIN(2 * relay->back_off_us, BACK_OFF_MOST_US)
                                            : BACK_OFF_LEAST_US;
    relay->again_us = clock_mono_us() + relay->back_off_us;
}

/* ---- sending ---- */

static rd_kafka_resp_err_t produce(struct relay *relay, const struct outbox_row *row)
{
    const struct event_record *event = &row->event;
    rd_kafka_topic_t *topic = topic_of(relay, event->topic.ptr);
    if (!topic)
        return rd_kafka_last_error();
    rd_kafka_headers_t *headers = event_headers(event, str_of(relay->events->source));
    rd_kafka_resp_err_t error = rd_kafka_producev(
        relay->producer, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_KEY(event->key.ptr, event->key.len),
        RD_KAFKA_V_VALUE((void *)event->data.ptr, event->data.len),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(headers),
        RD_KAFKA_V_OPAQUE((void *)(intptr_t)row->seq), RD_KAFKA_V_END);
    if (error)
        rd_kafka_headers_destroy(headers);
    return error;
}

static bool read_rows(struct ctx *ctx, void *argument)
{
    return outbox_read(ctx, argument);
}

static void note_size(struct relay *relay, const struct outbox_size *size)
{
    struct events *events = relay->events;
    atomic_store(&events->outbox_events, size->events);
    atomic_store(&events->outbox_bytes, size->bytes);
    atomic_store(&events->outbox_oldest_us, size->oldest_us);
    metric_set(relay->size, size->events);
    metric_set(relay->age, size->oldest_us ? (clock_now_us() - size->oldest_us) / US_PER_S : 0);
}

static struct outbox_page next_page(struct ctx *ctx, const struct relay *relay)
{
    size_t n = relay->flights.n;
    int64_t *skip = ARENA_ARRAY(ctx->arena, int64_t, n + 1);
    flights_list(&relay->flights, skip);
    return (struct outbox_page){
        .limit = READ_ROWS, .after = relay->last_read, .skip = skip, .n_skip = n
    };
}

static bool send_rows(struct ctx *ctx, struct relay *relay)
{
    struct outbox_page page = next_page(ctx, relay);
    relay->new_rows = false;
    if (!sql_read(ctx, relay->events->db, read_rows, &page) ||
        (page.n && !open_producer(ctx, relay)))
        return false;
    relay->more = page.more;
    for (size_t i = 0; i < page.n; i++) {
        int64_t seq = page.rows[i].seq;
        if (!flights_has(&relay->flights,
                         seq)) { /* it may have landed before a new producer began to read again */
            rd_kafka_resp_err_t error = produce(relay, &page.rows[i]);
            if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
                relay->more = relay->full = true;
                return true;
            }
            if (error) {
                relay->failed = true;
                return ctx_fail(ctx, ERR_UNAVAILABLE, "handing an event to the producer: %s",
                                rd_kafka_err2str(error));
            }
            flights_start(&relay->flights, seq);
        }
        relay->last_read = seq;
    }
    return true;
}

/* ---- forgetting ---- */

static bool forget_rows(struct ctx *ctx, void *argument)
{
    struct flights *flights = argument;
    return outbox_forget(ctx, flights->landed, flights->n_landed);
}

static bool forget(struct ctx *ctx, struct relay *relay)
{
    struct flights *flights = &relay->flights;
    if (flights->n_landed == 0)
        return true;
    bool due = flights->n_landed >= FORGET_ROWS || flights_under_way(flights) == 0 ||
               clock_mono_us() - flights->landed_us >= FORGET_US;
    if (!due)
        return true;
    if (fault_at("events.relay.published", NULL) == FAULT_ERROR)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "fault at events.relay.published");
    if (!sql_write(ctx, relay->events->db, forget_rows, flights))
        return false;
    flights_clear_landed(flights);
    if (flights->n == 0 && !relay->more)
        note_size(relay, &(struct outbox_size){ 0 });
    return true;
}

static bool forget_seen(struct ctx *ctx, void *argument)
{
    return seen_forget(ctx, clock_now_us() - SEEN_KEEP_US, argument);
}

static bool measure(struct ctx *ctx, void *argument)
{
    return outbox_measure(ctx, argument);
}

static void keep_house(struct ctx *ctx, struct relay *relay, bool ours)
{
    int64_t now = clock_mono_us(), forgotten = 0;
    bool unread = !ours || relay->more || relay->flights.n ||
                  !atomic_load(&relay->events->topics_ready);
    if (unread && now >= relay->measure_us) {
        struct outbox_size size;
        ctx_clear(ctx);
        relay->measure_us = now + MEASURE_US;
        if (sql_read(ctx, relay->events->db, measure, &size))
            note_size(relay, &size);
    }
    if (ours && now >= relay->forget_us) {
        relay->forget_us = now + SEEN_FORGET_US;
        ctx_clear(ctx);
        if (sql_write(ctx, relay->events->db, forget_seen, &forgotten) && forgotten > 0)
            relay->forget_us = now + US_PER_S;
    }
}

/* ---- its thread ---- */

static bool has_room(const struct relay *relay)
{
    return atomic_load(&relay->events->topics_ready) && !relay->full &&
           flights_under_way(&relay->flights) < UNDER_WAY_MOST;
}

static bool work(struct ctx *ctx, struct relay *relay)
{
    take_wake(relay);
    int64_t now = clock_mono_us();
    bool look = relay->new_rows || relay->more || now >= relay->look_us;
    if (look && has_room(relay)) {
        relay->look_us =
            now + (sql_is_postgresql(relay->events->db) ? LOOK_POSTGRESQL_US : LOOK_SQLITE_US);
        if (!send_rows(ctx, relay))
            return false;
    }
    if (relay->producer)
        rd_kafka_poll(relay->producer, 0);
    return forget(ctx, relay);
}

static bool is_woken(struct relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    bool woken = relay->woken;
    pthread_mutex_unlock(&relay->lock);
    return woken;
}

/* Until there is something to do: a report, a commit, or the time for the next look. */
static void wait(struct relay *relay)
{
    int64_t now = clock_mono_us();
    bool room = has_room(relay);
    if (relay->failed || (relay->more && room))
        return;
    int64_t until = room ? MIN(relay->look_us, now + US_PER_S) : now + US_PER_S;
    if (relay->flights.n_landed)
        until = MIN(until, relay->flights.landed_us + FORGET_US);
    if (flights_under_way(&relay->flights) == 0)
        sleep_until(relay, until);
    else if (until > now && !(room && is_woken(relay))) /* a commit after this look ends the poll */
        rd_kafka_poll(relay->producer, (int)((until - now + 999) / 1000));
}

static bool is_ours(struct ctx *ctx, struct relay *relay)
{
    return !sql_is_postgresql(relay->events->db) ||
           lease_keep(ctx, relay->events->db, &relay->lease);
}

static void turn(struct ctx *ctx, struct relay *relay, bool *troubled)
{
    bool ours = is_ours(ctx, relay);
    keep_house(ctx, relay, ours);
    if (!ours) {
        close_producer(relay);
        sleep_until(relay, clock_mono_us() + US_PER_S);
        take_wake(relay);
        return;
    }
    if (clock_mono_us() < relay->again_us) {
        struct timespec pause = { 0, 50 * 1000000 };
        nanosleep(&pause, NULL);
        return;
    }
    ctx_clear(ctx);
    bool worked = work(ctx, relay);
    if (!worked && !*troubled)
        log_line(LOG_WARN, ctx, "relay_troubled", LOG_S("cause", ctx->error.detail));
    *troubled = !worked;
    bool failed = relay->failed;
    if (failed)
        close_producer(relay);
    if (!worked || failed)
        back_off(relay);
    else
        wait(relay);
}

/* What waits may still go out within the limit; what does not is sent after the next start. */
static void finish(struct ctx *ctx, struct relay *relay)
{
    int64_t until = clock_mono_us() + STOP_US;
    relay->new_rows = true;
    bool ours = !sql_is_postgresql(relay->events->db) || lease_holds(&relay->lease);
    while (ours && work(ctx, relay) && !relay->failed &&
           (relay->more || flights_under_way(&relay->flights)) && clock_mono_us() < until &&
           !atomic_load(&relay->events->broker.away))
        rd_kafka_poll(relay->producer, 20);
    close_producer(relay);
    ctx_clear(ctx);
    forget(ctx, relay);
    if (sql_is_postgresql(relay->events->db))
        lease_end(ctx, relay->events->db, &relay->lease);
}

static void *relay_main(void *argument)
{
    struct relay *relay = argument;
    struct arena *arena = arena_new(0);
    bool troubled = false;
    while (!atomic_load(&relay->stop)) {
        struct ctx ctx = { .arena = arena };
        turn(&ctx, relay, &troubled);
        arena_clear(arena);
    }
    struct ctx ctx = { .arena = arena };
    finish(&ctx, relay);
    arena_free(arena);
    return NULL;
}

struct relay *relay_start(struct events *events)
{
    struct relay *relay = mem_alloc(sizeof *relay);
    relay->events = events;
    pthread_mutex_init(&relay->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&relay->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    lease_init(&relay->lease);
    relay->size = metric_get(METRIC_GAUGE, "outbox_events", "Events that wait in the outbox.", "");
    relay->age = metric_get(METRIC_GAUGE, "outbox_oldest_seconds",
                            "Age of the first event in the outbox.", "");
    relays_add(relay);
    pthread_create(&relay->thread, NULL, relay_main, relay);
    return relay;
}

void relay_stop(struct relay *relay)
{
    if (!relay)
        return;
    relays_remove(relay);
    atomic_store(&relay->stop, true);
    pthread_mutex_lock(&relay->lock);
    pthread_cond_signal(&relay->changed);
    if (relay->queue)
        rd_kafka_queue_yield(relay->queue);
    pthread_mutex_unlock(&relay->lock);
    pthread_join(relay->thread, NULL);
    flights_free(&relay->flights);
    pthread_cond_destroy(&relay->changed);
    pthread_mutex_destroy(&relay->lock);
    free(relay);
}
