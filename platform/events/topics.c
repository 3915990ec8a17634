#include "platform/events/events_internal.h"
#include "platform/telemetry/log.h"

#define TOPICS_RETRY_LEAST_US (200 * US_PER_MS)
#define TOPICS_RETRY_MOST_US (10 * US_PER_S)
#define TOPICS_CALL_MS 1000 /* short: it must notice that it is to stop */
#define TOPICS_AWAY_CALL_MS 500 /* a broker that is not there must not keep the end waiting */
#define DEAD_LETTER_DAYS 90
#define COMPACTION_LAG_MS                                                                          \
    "604800000" /* 7 days: tombstones and what they undo are seen by those who were away */

/* Topics of the contract's events, of others' that it tells, and of those that are reacted to (the publisher's contract says how they are kept,
 * so who comes first may create them), and the service's dead letters. */
struct topics {
    struct events *events;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool stop;
    struct arena *arena;
    struct event_type *wanted; /* only topic, keeping, days, partitions count */
    size_t n, cap;
    bool *there;
    bool answered; /* the broker made them, or will not */
    bool looked, trouble_logged;
};

static void want(struct topics *topics, const struct event_type *type)
{
    for (size_t i = 0; i < topics->n; i++)
        if (strcmp(topics->wanted[i].topic, type->topic) == 0)
            return;
    topics->wanted[topics->n++] = *type;
}

static size_t count_types(const struct events *events)
{
    size_t n = 1 + events->n_tells;
    if (events->contract)
        n += events->contract->n_publishes + events->contract->n_commands;
    for (size_t i = 0; i < events->n_consumers; i++)
        n += events->consumers[i]->settings.n_reactions;
    return n;
}

static void want_all(struct topics *topics)
{
    const struct events *events = topics->events;
    const struct contract *contract = events->contract;
    size_t n = count_types(events);
    topics->wanted = ARENA_ARRAY(topics->arena, struct event_type, n);
    topics->there = ARENA_ARRAY(topics->arena, bool, n);
    for (size_t i = 0; contract && i < contract->n_publishes; i++)
        want(topics, contract->publishes[i]);
    for (size_t i = 0; contract && i < contract->n_commands; i++)
        want(topics, contract->commands[i]);
    for (size_t i = 0; i < events->n_tells; i++)
        want(topics, events->tells[i]);
    for (size_t i = 0; i < events->n_consumers; i++)
        for (size_t k = 0; k < events->consumers[i]->settings.n_reactions; k++)
            want(topics, events->consumers[i]->settings.reactions[k].event);
    if (events->n_consumers)
        want(topics,
             &(struct event_type){
                 .topic = arena_printf(topics->arena, DEAD_LETTERS_TOPIC, events->service).ptr,
                 .keeping = KEEP_DAYS,
                 .days = DEAD_LETTER_DAYS,
                 .partitions = 1,
             });
}

/* Which of them are there already? False when the broker does not answer. */
static bool look(struct topics *topics, rd_kafka_t *rk, size_t *missing)
{
    const struct rd_kafka_metadata *metadata;
    bool slow = topics->looked && !atomic_load(&topics->events->broker.away);
    topics->looked = true;
    if (rd_kafka_metadata(rk, 1, NULL, &metadata, slow ? TOPICS_CALL_MS : TOPICS_AWAY_CALL_MS) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *missing = 0;
    for (size_t i = 0; i < topics->n; i++) {
        topics->there[i] = false;
        for (int k = 0; k < metadata->topic_cnt && !topics->there[i]; k++)
            topics->there[i] = metadata->topics[k].err == RD_KAFKA_RESP_ERR_NO_ERROR &&
                               strcmp(metadata->topics[k].topic, topics->wanted[i].topic) == 0;
        *missing += !topics->there[i];
    }
    rd_kafka_metadata_destroy(metadata);
    return true;
}

static rd_kafka_NewTopic_t *new_topic(const struct event_type *type, int replicas)
{
    char why[256], retention[32] = "-1";
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(type->topic, MAX(type->partitions, 1), replicas, why, sizeof why);
    if (!topic)
        return NULL;
    if (type->keeping == KEEP_COMPACTED) {
        rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "compact");
        rd_kafka_NewTopic_set_config(topic, "min.compaction.lag.ms", COMPACTION_LAG_MS);
        return topic;
    }
    if (type->keeping == KEEP_DAYS)
        snprintf(retention, sizeof retention, "%lld",
                 type->days * (long long)(US_PER_DAY / US_PER_MS));
    rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "delete");
    rd_kafka_NewTopic_set_config(topic, "retention.ms", retention);
    return topic;
}

/* The first refusal that stays one; NULL when there is none. */
static const char *refusal(rd_kafka_event_t *event, bool *replicas)
{
    size_t n = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    const char *why = NULL;
    for (size_t i = 0; i < n; i++) {
        rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[i]);
        if (error == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR)
            *replicas = true;
        else if (error != RD_KAFKA_RESP_ERR_NO_ERROR &&
                 error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            why = rd_kafka_err2str(error);
    }
    return why;
}

static void create(struct topics *topics, rd_kafka_t *rk, int replicas)
{
    rd_kafka_NewTopic_t **list = mem_alloc(topics->n * sizeof *list);
    size_t n = 0;
    for (size_t i = 0; i < topics->n; i++)
        if (!topics->there[i] && (list[n] = new_topic(&topics->wanted[i], replicas)))
            n++;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, list, n, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10 * TOPICS_CALL_MS);
    bool default_refused = false;
    if (event) {
        const char *why = rd_kafka_event_error(event) ? rd_kafka_event_error_string(event)
                                                      : refusal(event, &default_refused);
        if (why && !topics->trouble_logged)
            log_line(LOG_WARN, NULL, "topics_not_created", LOG_C("cause", why));
        topics->trouble_logged |= why != NULL;
        topics->answered |= !rd_kafka_event_error(event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy_array(list, n);
    free(list);
    if (default_refused && replicas < 0)
        create(topics, rk, 1); /* a broker that has no default number of replicas */
}

static bool wait_to_stop(struct topics *topics, int64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += us / US_PER_S;
    until.tv_nsec += us % US_PER_S * 1000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&topics->lock);
    while (!topics->stop && pthread_cond_timedwait(&topics->changed, &topics->lock, &until) == 0)
        ;
    bool stop = topics->stop;
    pthread_mutex_unlock(&topics->lock);
    return stop;
}

static void on_error(rd_kafka_t *rk, int code, const char *why, void *opaque)
{
    struct topics *topics = opaque;
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        broker_is_away(&topics->events->broker, why);
}

static void let_all_go(struct events *events)
{
    if (atomic_exchange(&events->topics_ready, true))
        return;
    relay_nudge(events->relay);
    for (size_t i = 0; i < events->n_consumers; i++)
        consumer_topics_are_there(events->consumers[i]);
}

static void *topics_main(void *argument)
{
    struct topics *topics = argument;
    struct ctx ctx = { .arena = topics->arena };
    rd_kafka_conf_t *conf = kafka_conf(topics->events, topics);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_t *rk = kafka_new(&ctx, RD_KAFKA_PRODUCER, conf);
    int64_t wait_us = TOPICS_RETRY_LEAST_US;
    size_t missing = 1;
    while (rk && missing) {
        rd_kafka_poll(rk, 0);
        if (look(topics, rk, &missing)) {
            broker_is_back(&topics->events->broker);
            if (missing)
                create(topics, rk, -1);
        }
        if (!missing || topics->answered)
            let_all_go(topics->events);
        if (missing && wait_to_stop(topics, wait_us))
            break;
        wait_us = MIN(2 * wait_us, TOPICS_RETRY_MOST_US);
    }
    if (rk)
        rd_kafka_destroy(rk);
    return NULL;
}

struct topics *topics_start(struct events *events)
{
    struct topics *topics = mem_alloc(sizeof *topics);
    topics->events = events;
    topics->arena = arena_new(0);
    pthread_mutex_init(&topics->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&topics->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    want_all(topics);
    pthread_create(&topics->thread, NULL, topics_main, topics);
    return topics;
}

void topics_stop(struct topics *topics)
{
    if (!topics)
        return;
    pthread_mutex_lock(&topics->lock);
    topics->stop = true;
    pthread_cond_signal(&topics->changed);
    pthread_mutex_unlock(&topics->lock);
    pthread_join(topics->thread, NULL);
    pthread_cond_destroy(&topics->changed);
    pthread_mutex_destroy(&topics->lock);
    arena_free(topics->arena);
    free(topics);
}
