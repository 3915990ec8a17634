/* What a consumer takes from the log, into the hands of its partitions. */
#include "platform/events/events_internal.h"
#include "platform/telemetry/log.h"

#define POLL_MS 1000

static void hold(struct partition *partition, rd_kafka_message_t *message)
{
    if (partition->n_held == partition->cap_held) {
        partition->cap_held = partition->cap_held ? 2 * partition->cap_held : 64;
        partition->held =
            mem_realloc(partition->held, partition->cap_held * sizeof *partition->held);
    }
    partition->held[partition->n_held++] = message;
}

/* The next offset that is not in hand yet: a partition that was paused may be read again from before. */
static int64_t expected(const struct partition *partition)
{
    return partition->n_held ? partition->held[partition->n_held - 1]->offset + 1 : partition->next;
}

static void outside_the_log(struct consumer *consumer, const char *topic, int number)
{
    struct partition *partition = assignment_find(consumer, topic, number);
    int64_t low = -1, high = -1;
    if (!partition)
        return;
    rd_kafka_query_watermark_offsets(consumer->rk, topic, number, &low, &high, 5000);
    struct arena *arena = arena_new(0);
    int64_t position = expected(partition);
    consumer_fatal(
        consumer,
        arena_printf(
            arena,
            "the position of %s in %s/%d is %lld, but the log holds %lld to %lld: events were lost or "
            "it is another log",
            consumer->settings.name, topic, number, (long long)position, (long long)low,
            (long long)high));
    arena_free(arena);
}

static void note_trouble(struct consumer *consumer, const rd_kafka_message_t *message)
{
    switch (message->err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: /* it will be there; looked for again quietly */
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        return;
    default:
        if (!consumer->trouble_logged)
            log_line(LOG_WARN, NULL, "consumer_troubled",
                     LOG_C("consumer", consumer->settings.name),
                     LOG_C("cause", rd_kafka_message_errstr(message)));
        consumer->trouble_logged = true;
    }
}

static void take_error(struct consumer *consumer, const rd_kafka_message_t *message)
{
    const char *topic = message->rkt ? rd_kafka_topic_name(message->rkt) : "";
    struct partition *partition =
        message->rkt ? assignment_find(consumer, topic, message->partition) : NULL;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        broker_is_back(&consumer->events->broker);
        if (!partition)
            return;
        pthread_mutex_lock(&consumer->lock);
        partition->end_seen = message->offset;
        pthread_mutex_unlock(&consumer->lock);
    } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        outside_the_log(consumer, topic, message->partition);
    } else {
        note_trouble(consumer, message);
    }
}

/* Takes over the message. */
static void take(struct consumer *consumer, rd_kafka_message_t *message)
{
    if (message->err) {
        take_error(consumer, message);
        rd_kafka_message_destroy(message);
        return;
    }
    broker_is_back(&consumer->events->broker);
    consumer->trouble_logged = false;
    struct partition *partition =
        assignment_find(consumer, rd_kafka_topic_name(message->rkt), message->partition);
    if (!partition || message->offset < expected(partition)) {
        rd_kafka_message_destroy(message);
        return;
    }
    pthread_mutex_lock(&consumer->lock);
    hold(partition, message);
    pthread_mutex_unlock(&consumer->lock);
}

static bool has_work(const struct consumer *consumer)
{
    for (size_t i = 0; i < consumer->n_partitions; i++)
        if (consumer->partitions[i].n_held && !consumer->partitions[i].paused)
            return true;
    return false;
}

static int poll_ms(const struct consumer *consumer)
{
    int64_t now = clock_mono_us(), until = now + POLL_MS * US_PER_MS;
    if (has_work(consumer))
        return 0;
    for (size_t i = 0; i < consumer->n_partitions; i++)
        if (consumer->partitions[i].paused)
            until = MIN(until, consumer->partitions[i].retry_us);
    if (consumer->wanted && !consumer->assigned)
        until = MIN(until, consumer->resolve_us);
    if (!consumer->grouped && !consumer->complete)
        until = MIN(until, consumer->look_us);
    return until <= now ? 0 : (int)((until - now + 999) / 1000);
}

void consumer_read(struct consumer *consumer)
{
    int64_t start = 0;
    int timeout = poll_ms(consumer);
    for (size_t n = 0; n < consumer->settings.batch_records; n++) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(consumer->rk, timeout);
        if (!message)
            return;
        take(consumer, message);
        int64_t now = clock_mono_us();
        start = start ? start : now;
        if (now - start > BATCH_COLLECT_US)
            return;
        timeout = 0;
    }
}
