/* The promise of the log, against the real broker and a real client: it is killed (SIGKILL) at
 * random moments while an idempotent producer sends, and afterwards every acknowledged record is
 * there, unchanged, in order and once. So are committed offsets.
 *
 * broker_kill_test BROKER [--rounds N] [--seed N] */
#include <pthread.h>
#include <stdatomic.h>

#include "services/broker/tests/process.h"

#define TOPIC "kill"
#define GROUP "kill-group"
#define PARTITIONS 3
#define ROUNDS_A_SESSION 4
#define RECORDS_A_SESSION 200000 /* a bound for the machine's sake, not reached in short rounds */
#define VALUE_BYTES 100

static unsigned seed = 1;

static int64_t random_below(int64_t n)
{
    return (int64_t)rand_r(&seed) % n;
}

static void sleep_ms(int64_t ms)
{
    usleep((useconds_t)(ms * 1000));
}

/* ---- the producer: values are "session partition sequence", padded by a pattern that they
 * determine ---- */

struct session {
    int number;
    rd_kafka_t *client;
    pthread_t thread;
    atomic_bool stop;
    int64_t sent[PARTITIONS];  /* next sequence */
    int64_t acked[PARTITIONS]; /* acknowledged: all before it */
    int64_t failed;
    bool in_order; /* of the acknowledgements */
};

static size_t value_make(char out[VALUE_BYTES + 1], int session, int partition, int64_t sequence)
{
    size_t n = (size_t)snprintf(out, VALUE_BYTES + 1, "%d %d %lld ", session, partition,
                                (long long)sequence);
    for (; n < VALUE_BYTES; n++)
        out[n] = (char)('a' + (sequence * 7 + (int64_t)n) % 26);
    return n;
}

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct session *session = opaque;
    if (message->err) {
        session->failed++;
        return;
    }
    int64_t sequence = (int64_t)(intptr_t)message->_private;
    session->in_order &= sequence == session->acked[message->partition];
    session->acked[message->partition] = sequence + 1;
}

static void *produce(void *argument)
{
    struct session *session = argument;
    while (!atomic_load(&session->stop)) {
        for (int burst = 0; burst < 200; burst++) {
            int partition = burst % PARTITIONS;
            if (session->sent[partition] >= RECORDS_A_SESSION)
                continue;
            char value[VALUE_BYTES + 1];
            size_t n = value_make(value, session->number, partition, session->sent[partition]);
            rd_kafka_resp_err_t error = rd_kafka_producev(
                session->client, RD_KAFKA_V_TOPIC(TOPIC), RD_KAFKA_V_PARTITION(partition),
                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(value, n),
                RD_KAFKA_V_OPAQUE((void *)(intptr_t)session->sent[partition]), RD_KAFKA_V_END);
            if (error)
                break; /* the queue is full while the broker is away */
            session->sent[partition]++;
        }
        rd_kafka_poll(session->client, 2);
    }
    return NULL;
}

static void session_start(struct session *session, int number)
{
    *session = (struct session){ .number = number, .in_order = true };
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", "1");
    set(conf, "retry.backoff.ms", "20");
    set(conf, "queue.buffering.max.messages", "20000");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, session);
    session->client = client_new(RD_KAFKA_PRODUCER, conf);
    REQUIRE(pthread_create(&session->thread, NULL, produce, session) == 0);
}

/* Every second session ends with nothing left to send, the others in the middle of it. */
static void session_end(struct session *session)
{
    atomic_store(&session->stop, true);
    pthread_join(session->thread, NULL);
    if (session->number % 2 == 0) {
        CHECK(rd_kafka_flush(session->client, 30000) == RD_KAFKA_RESP_ERR_NO_ERROR);
        for (int i = 0; i < PARTITIONS; i++)
            CHECK_INT(session->acked[i], session->sent[i]);
        CHECK_INT(session->failed, 0);
    }
    char error[256];
    CHECK(rd_kafka_fatal_error(session->client, error, sizeof(error)) ==
          RD_KAFKA_RESP_ERR_NO_ERROR);
    CHECK(session->in_order);
    rd_kafka_purge(session->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(session->client);
}

/* ---- committed offsets ---- */

static rd_kafka_t *consumer_new(void)
{
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "group.id", GROUP);
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.partition.eof", "true");
    set(conf, "auto.offset.reset", "error");
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(client);
    return client;
}

/* What was answered with success is there after the kill. */
static void check_committed(rd_kafka_t *client, int64_t *committed)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *place = rd_kafka_topic_partition_list_add(list, TOPIC, 0);
    if (rd_kafka_committed(client, list, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR && *committed >= 0)
        CHECK(place->offset == *committed || place->offset == *committed + 1);
    place->offset = *committed + 1;
    if (rd_kafka_commit(client, list, 0) == RD_KAFKA_RESP_ERR_NO_ERROR)
        ++*committed;
    rd_kafka_topic_partition_list_destroy(list);
}

/* ---- reading everything back ---- */

struct reading {
    int64_t next[PARTITIONS]; /* of the session that is read */
    int session[PARTITIONS];
    int64_t records;
    bool bad;
};

/* Sessions follow one another; in each the sequence has no gap, no repeat and no other order. */
static void read_one(struct reading *reading, const struct session *sessions,
                     const rd_kafka_message_t *message)
{
    int session, partition;
    long long sequence;
    char text[VALUE_BYTES + 1] = { 0 }, wanted[VALUE_BYTES + 1];
    memcpy(text, message->payload, message->len < VALUE_BYTES ? message->len : VALUE_BYTES);
    reading->records++;
    if (sscanf(text, "%d %d %lld", &session, &partition, &sequence) != 3 ||
        partition != message->partition) {
        reading->bad = true;
        return;
    }
    while (reading->session[partition] < session) {
        const struct session *before = &sessions[reading->session[partition]++];
        reading->bad |= reading->next[partition] < before->acked[partition];
        reading->next[partition] = 0;
    }
    value_make(wanted, session, partition, sequence);
    reading->bad |= message->len != VALUE_BYTES || memcmp(text, wanted, VALUE_BYTES) != 0 ||
                    session != reading->session[partition] ||
                    sequence != reading->next[partition]++;
}

static void read_all(const struct session *sessions, int n_sessions)
{
    struct reading reading = { 0 };
    rd_kafka_t *client = consumer_new();
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++)
        rd_kafka_topic_partition_list_add(list, TOPIC, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    REQUIRE(rd_kafka_assign(client, list) == RD_KAFKA_RESP_ERR_NO_ERROR);
    int64_t end_us = clock_mono_us() + 120 * US_PER_S;
    for (int at_end = 0; at_end < PARTITIONS && !reading.bad && clock_mono_us() < end_us;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 1000);
        if (!message)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            at_end++;
        else if (!message->err)
            read_one(&reading, sessions, message);
        rd_kafka_message_destroy(message);
    }
    CHECK(!reading.bad);
    int64_t acked = 0;
    for (int i = 0; i < PARTITIONS; i++) {
        CHECK_INT(reading.session[i], n_sessions - 1);
        CHECK(reading.next[i] >= sessions[n_sessions - 1].acked[i]);
        for (int j = 0; j < n_sessions; j++)
            acked += sessions[j].acked[i];
    }
    printf("%lld records acknowledged, %lld read\n", (long long)acked, (long long)reading.records);
    CHECK(acked > 0 && reading.records >= acked);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

/* ---- the rounds ---- */

static void run_rounds(int rounds)
{
    int n_sessions = (rounds + ROUNDS_A_SESSION - 1) / ROUNDS_A_SESSION;
    struct session *sessions = calloc((size_t)n_sessions, sizeof(*sessions));
    rd_kafka_t *committer = consumer_new();
    int64_t committed = -1;
    broker_start();
    REQUIRE(make_topic(TOPIC, PARTITIONS) == RD_KAFKA_RESP_ERR_NO_ERROR);
    for (int round = 0; round < rounds; round++) {
        struct session *session = &sessions[round / ROUNDS_A_SESSION];
        if (round % ROUNDS_A_SESSION == 0)
            session_start(session, round / ROUNDS_A_SESSION);
        check_committed(committer, &committed);
        sleep_ms(random_below(500));
        broker_end(SIGKILL);
        sleep_ms(random_below(50));
        broker_start();
        if (round % ROUNDS_A_SESSION == ROUNDS_A_SESSION - 1 || round == rounds - 1) {
            sleep_ms(random_below(300));
            session_end(session);
        }
    }
    check_committed(committer, &committed);
    CHECK(committed > 0);
    rd_kafka_destroy(committer);
    read_all(sessions, n_sessions);
    broker_end(SIGTERM);
    broker_start();
    read_all(sessions, n_sessions); /* the same after a clean stop */
    broker_end(SIGTERM);
    free(sessions);
}

int main(int argc, char **argv)
{
    REQUIRE(argc >= 2);
    int rounds = 10;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rounds") == 0)
            rounds = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = (unsigned)atoi(argv[i + 1]);
    }
    REQUIRE(rounds > 0);
    setup(argv[1]);
    run_rounds(rounds);
    return check_end();
}
