/* A client of the log with a ledger of its own: what it was told is acknowledged, and where. It lives through the crashes
 * of the broker; crash tests drive it by lines, and it answers each with one: `ok ...` or `bad ...`.
 *
 *   topic NAME PARTITIONS   makes a topic and works on it from now on, with an empty ledger
 *   begin | pause           an idempotent producer begins to send, one after another; or is gone with what it had to send
 *   flush                   waits until all that was sent is acknowledged
 *   check                   reads the topic and compares with the ledger; also what a group had committed
 *
 * log_client SERVERS */
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PARTITIONS_MOST 8
#define SESSIONS_MOST 4096
#define VALUE_MOST 1500
#define BURST 3 /* records a millisecond, or so */
#define PATIENCE_US (30 * US_PER_S)
#define GROUP "ledger"

/* What one producer sent to one partition, numbered from 0. */
struct sent {
    int64_t n, acked; /* sent; acknowledged, all before it */
    int64_t *offsets; /* where, as the acknowledgement told; -1: it did not */
};

struct session {
    int number;
    struct sent sent[PARTITIONS_MOST];
};

static const char *servers;
static char topic[256];
static int partitions;
static struct session *sessions;
static int n_sessions;
static rd_kafka_t *producer;
static pthread_t thread;
static atomic_bool stop;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* the ledger */
static char trouble[512];
static int64_t committed;

static void bad(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void bad(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    if (!trouble[0])
        vsnprintf(trouble, sizeof(trouble), format, args);
    va_end(args);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char error[256];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof(error)) != RD_KAFKA_CONF_OK)
        bad("%s", error);
}

static rd_kafka_conf_t *conf_new(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", servers);
    set(conf, "reconnect.backoff.ms", "5");
    set(conf, "reconnect.backoff.max.ms", "20");
    set(conf, "topic.metadata.refresh.fast.interval.ms", "10");
    set(conf, "topic.metadata.propagation.max.ms", "2000");
    set(conf, "log_level", "0");
    return conf;
}

static rd_kafka_t *client_new(rd_kafka_type_t kind, rd_kafka_conf_t *conf)
{
    char error[256];
    rd_kafka_t *client = rd_kafka_new(kind, conf, error, sizeof(error));
    if (!client) {
        fprintf(stderr, "%s\n", error);
        exit(1);
    }
    return client;
}

/* "session partition number ", then a pattern that these determine. */
static size_t value_make(char out[VALUE_MOST + 1], int session, int partition, int64_t number)
{
    size_t n =
        (size_t)snprintf(out, VALUE_MOST + 1, "%d %d %" PRId64 " ", session, partition, number);
    size_t wanted = 40 +
                    (size_t)(number * 7919 + partition * 31 + session * 101) % (VALUE_MOST - 40);
    for (; n < wanted; n++)
        out[n] = (char)('a' + (number * 7 + (int64_t)n) % 26);
    return n;
}

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct session *session = opaque;
    if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    pthread_mutex_lock(&lock);
    struct sent *sent = &session->sent[message->partition];
    int64_t number = (int64_t)(intptr_t)message->_private;
    if (message->err)
        bad("record %d %d %" PRId64 " failed: %s", session->number, message->partition, number,
            rd_kafka_err2str(message->err));
    else if (number != sent->acked)
        bad("record %" PRId64 " acknowledged before %" PRId64, number, sent->acked);
    else
        sent->offsets[sent->acked++] = message->offset;
    pthread_mutex_unlock(&lock);
}

static void send_one(struct session *session, int partition)
{
    struct sent *sent = &session->sent[partition];
    char value[VALUE_MOST + 1], key[16];
    size_t n = value_make(value, session->number, partition, sent->n);
    snprintf(key, sizeof(key), "key-%d", partition);
    pthread_mutex_lock(&lock);
    if ((sent->n & (sent->n - 1)) == 0)
        sent->offsets =
            realloc(sent->offsets, (size_t)(sent->n ? sent->n * 2 : 1) * sizeof(int64_t));
    pthread_mutex_unlock(&lock);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, strlen(key)),
        RD_KAFKA_V_VALUE(value, n), RD_KAFKA_V_OPAQUE((void *)(intptr_t)sent->n), RD_KAFKA_V_END);
    if (!error)
        sent->n++; /* else the queue is full while the broker is away */
}

static void *produce(void *opaque)
{
    struct session *session = opaque;
    for (unsigned i = 0; !atomic_load(&stop); i++) {
        send_one(session, (int)(i % (unsigned)partitions));
        if (i % BURST == 0)
            rd_kafka_poll(producer, 1);
    }
    return NULL;
}

static void begin(void)
{
    struct session *session = &sessions[n_sessions];
    session->number = n_sessions++;
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", "1");
    set(conf, "retry.backoff.ms", "10");
    set(conf, "queue.buffering.max.messages", "300");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, session);
    producer = client_new(RD_KAFKA_PRODUCER, conf);
    atomic_store(&stop, false);
    if (pthread_create(&thread, NULL, produce, session))
        exit(1);
}

static void look_fatal(void)
{
    char error[256];
    if (producer && rd_kafka_fatal_error(producer, error, sizeof(error)))
        bad("the producer: %s", error);
}

static void pause_producer(bool flush)
{
    if (!producer)
        return;
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    if (flush && rd_kafka_flush(producer, PATIENCE_US / US_PER_MS))
        bad("not all was acknowledged in time");
    look_fatal();
    rd_kafka_purge(producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(producer);
    producer = NULL;
}

static void forget(void)
{
    for (int i = 0; i < n_sessions; i++)
        for (int p = 0; p < PARTITIONS_MOST; p++)
            free(sessions[i].sent[p].offsets);
    memset(sessions, 0, SESSIONS_MOST * sizeof(*sessions));
    n_sessions = 0;
    committed = -1;
}

/* The outcome of one try to make it. */
static rd_kafka_resp_err_t try_topic(rd_kafka_t *client)
{
    char error[256];
    rd_kafka_NewTopic_t *new = rd_kafka_NewTopic_new(topic, partitions, 1, error, sizeof(error));
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, &new, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 5000);
    rd_kafka_resp_err_t outcome = event ? rd_kafka_event_error(event)
                                        : RD_KAFKA_RESP_ERR__TIMED_OUT;
    size_t n = 0;
    if (!outcome)
        outcome = rd_kafka_topic_result_error(
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n)[0]);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(new);
    return outcome;
}

static void make_topic(void)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf_new());
    rd_kafka_resp_err_t outcome = try_topic(client);
    if (outcome && outcome != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        bad("topic: %s", rd_kafka_err2str(outcome));
    rd_kafka_destroy(client);
    forget();
}

/* ---- reading it back ---- */

struct reading {
    int session[PARTITIONS_MOST];
    int64_t next[PARTITIONS_MOST]; /* of that session */
    int64_t wanted
        [PARTITIONS_MOST]; /* records of the last session that were acknowledged when reading began */
    int64_t records;
};

static void end_session(struct reading *reading, int partition)
{
    int session = reading->session[partition];
    int64_t acked = session == n_sessions - 1 ? reading->wanted[partition]
                                              : sessions[session].sent[partition].acked;
    if (reading->next[partition] < acked)
        bad("partition %d: of producer %d there are %" PRId64
            " records, acknowledged were %" PRId64,
            partition, session, reading->next[partition], acked);
}

/* Producers follow one another; of each the records have no gap, no repeat and no other order. */
static void read_one(struct reading *reading, const rd_kafka_message_t *message)
{
    int session, partition, p = message->partition;
    int64_t number;
    char text[64] = { 0 }, wanted[VALUE_MOST + 1];
    memcpy(text, message->payload,
           message->len < sizeof(text) - 1 ? message->len : sizeof(text) - 1);
    reading->records++;
    if (sscanf(text, "%d %d %" SCNd64, &session, &partition, &number) != 3 || partition != p ||
        session < 0 || session >= n_sessions) {
        bad("partition %d, offset %" PRId64 ": nobody sent this", p, message->offset);
        return;
    }
    for (; reading->session[p] < session; reading->session[p]++, reading->next[p] = 0)
        end_session(reading, p);
    size_t n = value_make(wanted, session, partition, number);
    if (message->len != n || memcmp(message->payload, wanted, n))
        bad("partition %d, offset %" PRId64 ": the record was changed", p, message->offset);
    if (session != reading->session[p] || number != reading->next[p])
        bad("partition %d, offset %" PRId64 ": record %d %" PRId64 ", expected %d %" PRId64, p,
            message->offset, session, number, reading->session[p], reading->next[p]);
    reading->next[p] = number + 1;
    pthread_mutex_lock(&lock);
    const struct sent *sent = &sessions[session].sent[p];
    if (number < sent->acked && sent->offsets[number] >= 0 &&
        sent->offsets[number] != message->offset)
        bad("partition %d: record %d %" PRId64 " was acknowledged at %" PRId64
            " and is at %" PRId64,
            p, session, number, sent->offsets[number], message->offset);
    pthread_mutex_unlock(&lock);
}

static void read_to_end(rd_kafka_t *client, struct reading *reading)
{
    int64_t until_us = clock_mono_us() + PATIENCE_US;
    bool at_end[PARTITIONS_MOST] = { false };
    for (int left = partitions; left && !trouble[0];) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
        if (clock_mono_us() > until_us)
            bad("the topic cannot be read to its end");
        if (!message)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            left -= !at_end[message->partition];
            at_end[message->partition] = true;
        } else if (!message->err) {
            if (!at_end[message->partition])
                read_one(reading, message);
        } else if (message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
                   message->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
            bad("reading: %s", rd_kafka_message_errstr(message));
        }
        rd_kafka_message_destroy(message);
    }
}

/* A commit that was answered is there; the next one may be, when its answer was lost. */
static void check_committed(rd_kafka_t *client)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *place = rd_kafka_topic_partition_list_add(list, topic, 0);
    if (rd_kafka_committed(client, list, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR && committed >= 0 &&
        place->offset != committed && place->offset != committed + 1)
        bad("committed was %" PRId64 ", there is %" PRId64, committed, place->offset);
    place->offset = committed + 1;
    if (rd_kafka_commit(client, list, 0) == RD_KAFKA_RESP_ERR_NO_ERROR)
        ++committed;
    rd_kafka_topic_partition_list_destroy(list);
}

static rd_kafka_t *consumer_new(void)
{
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "group.id", GROUP);
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.partition.eof", "true");
    set(conf, "auto.offset.reset", "error");
    set(conf, "fetch.wait.max.ms", "5");
    set(conf, "fetch.error.backoff.ms", "5");
    set(conf, "check.crcs", "true");
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(client);
    return client;
}

static int64_t acked_so_far(struct reading *reading)
{
    int64_t acked = 0;
    pthread_mutex_lock(&lock);
    for (int p = 0; p < partitions; p++) {
        if (n_sessions)
            reading->wanted[p] = sessions[n_sessions - 1].sent[p].acked;
        for (int i = 0; i < n_sessions; i++)
            acked += sessions[i].sent[p].acked;
    }
    pthread_mutex_unlock(&lock);
    return acked;
}

static void check(void)
{
    struct reading reading = { 0 };
    int64_t acked = acked_so_far(&reading);
    rd_kafka_t *client = consumer_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(partitions);
    for (int p = 0; p < partitions; p++)
        rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
    rd_kafka_assign(client, list);
    read_to_end(client, &reading);
    for (int p = 0; p < partitions && n_sessions; p++) {
        for (; reading.session[p] < n_sessions - 1; reading.session[p]++, reading.next[p] = 0)
            end_session(&reading, p);
        end_session(&reading, p);
    }
    check_committed(client);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    look_fatal();
    printf("%s %" PRId64 " acknowledged, %" PRId64 " read%s%s\n", trouble[0] ? "bad" : "ok", acked,
           reading.records, trouble[0] ? ": " : "", trouble);
}

static void plain_answer(void)
{
    printf("%s %s\n", trouble[0] ? "bad" : "ok", trouble);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    servers = argv[1];
    sessions = calloc(SESSIONS_MOST, sizeof(*sessions));
    char line[300];
    while (fgets(line, sizeof(line), stdin)) {
        if (sscanf(line, "topic %255s %d", topic, &partitions) == 2 &&
            partitions <= PARTITIONS_MOST)
            make_topic(), plain_answer();
        else if (strcmp(line, "begin\n") == 0 && n_sessions < SESSIONS_MOST)
            begin(), plain_answer();
        else if (strcmp(line, "pause\n") == 0)
            pause_producer(false), plain_answer();
        else if (strcmp(line, "flush\n") == 0)
            pause_producer(true), plain_answer();
        else if (strcmp(line, "check\n") == 0)
            check();
        else
            printf("bad line\n");
        fflush(stdout);
    }
    pause_producer(false);
    forget();
    free(sessions);
    return 0;
}
