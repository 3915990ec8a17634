/* The real broker with real clients, with peers that send garbage, and on a disk that gets full.
 *
 * broker_clients_test BROKER */
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/macros.h"
#include "services/broker/tests/process.h"

/* ---- producing and consuming ---- */

struct sending {
    int acked, failed;
};

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct sending *sending = opaque;
    sending->failed += message->err != 0;
    sending->acked += message->err == 0;
}

static rd_kafka_t *producer_new(struct sending *sending, const char *codec)
{
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "enable.idempotence", "true");
    set(conf, "compression.codec", codec);
    set(conf, "message.timeout.ms", "20000");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, sending);
    return client_new(RD_KAFKA_PRODUCER, conf);
}

static void send_numbers(rd_kafka_t *client, const char *topic, int from, int to)
{
    for (int i = from; i < to; i++) {
        char key[16], value[200];
        size_t n = (size_t)snprintf(key, sizeof(key), "%d", i);
        snprintf(value, sizeof(value), "%-150d", i);
        rd_kafka_resp_err_t error;
        do {
            error = rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(key, n),
                                      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                      RD_KAFKA_V_VALUE(value, 150),
                                      RD_KAFKA_V_HEADER("ce_id", key, n), RD_KAFKA_V_END);
            rd_kafka_poll(client, error ? 10 : 0);
        } while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL);
        CHECK(!error);
    }
}

static void produce(const char *topic, const char *codec, int from, int to)
{
    struct sending sending = { 0 };
    rd_kafka_t *client = producer_new(&sending, codec);
    send_numbers(client, topic, from, to);
    CHECK(!rd_kafka_flush(client, 20000));
    CHECK_INT(sending.acked, to - from);
    CHECK_INT(sending.failed, 0);
    rd_kafka_destroy(client);
}

static rd_kafka_t *consumer_new(const char *group, const char *strategy)
{
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "group.id", group);
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.auto.offset.store", "false");
    set(conf, "session.timeout.ms", "6000");
    set(conf, "heartbeat.interval.ms", "200");
    set(conf, "topic.metadata.refresh.interval.ms", "500");
    set(conf, "partition.assignment.strategy", strategy);
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(client);
    return client;
}

static void subscribe(rd_kafka_t *client, const char *topic)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    CHECK(!rd_kafka_subscribe(client, list));
    rd_kafka_topic_partition_list_destroy(list);
}

/* Polls once; counts how often each number came. */
static bool consume_one(rd_kafka_t *client, uint8_t *seen, int n)
{
    rd_kafka_message_t *message =
        rd_kafka_consumer_poll(client, 1); /* the others have something, too */
    if (!message)
        return false;
    bool ok = !message->err;
    if (ok) {
        int number = atoi(message->payload);
        if (CHECK(message->len == 150 && number >= 0 && number < n))
            seen[number]++;
        rd_kafka_offset_store(message->rkt, message->partition, message->offset);
    }
    rd_kafka_message_destroy(message);
    return ok;
}

/* Until all numbers of [from, to) were seen by one of the clients. */
static void wait_all(rd_kafka_t **clients, size_t n_clients, uint8_t *seen, int from, int to)
{
    int64_t end_us = clock_mono_us() + 30 * US_PER_S;
    for (int missing = from; missing < to && clock_mono_us() < end_us;) {
        for (size_t i = 0; i < n_clients; i++)
            consume_one(clients[i], seen, to);
        while (missing < to && seen[missing])
            missing++;
    }
}

/* And each just once. */
static void consume_all(rd_kafka_t **clients, size_t n_clients, uint8_t *seen, int from, int to)
{
    wait_all(clients, n_clients, seen, from, to);
    for (int i = from; i < to; i++)
        if (!CHECK(seen[i] == 1)) {
            fprintf(stderr, "  number %d came %d times\n", i, seen[i]);
            break;
        }
}

static void test_codecs(void)
{
    static const char *const codecs[] = { "none", "gzip", "snappy", "lz4", "zstd" };
    enum { A_CODEC = 2000, ALL = 5 * A_CODEC };
    uint8_t *seen = calloc(1, ALL);
    for (int i = 0; i < 5; i++)
        produce("codecs", codecs[i], i * A_CODEC, (i + 1) * A_CODEC); /* made by the first */
    rd_kafka_t *client = consumer_new("codecs-group", "range");
    subscribe(client, "codecs");
    consume_all(&client, 1, seen, 0, ALL);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    free(seen);
}

static size_t n_assigned(rd_kafka_t *client)
{
    rd_kafka_topic_partition_list_t *list;
    REQUIRE(!rd_kafka_assignment(client, &list));
    size_t n = (size_t)list->cnt;
    rd_kafka_topic_partition_list_destroy(list);
    return n;
}

/* Polls until the members have these numbers of partitions. */
static void wait_assigned(rd_kafka_t **clients, const size_t *wanted, size_t n, uint8_t *seen,
                          int numbers)
{
    int64_t end_us = clock_mono_us() + 20 * US_PER_S;
    bool all = false;
    while (!all && clock_mono_us() < end_us) {
        all = true;
        for (size_t i = 0; i < n; i++) {
            consume_one(clients[i], seen, numbers);
            all &= n_assigned(clients[i]) == wanted[i];
        }
    }
    CHECK(all);
}

/* One joins, another shares, one leaves; what is committed is not read again, also after a
 * restart of the broker. */
static void test_group(const char *strategy)
{
    char topic[64], group[64];
    snprintf(topic, sizeof(topic), "group-%s", strategy);
    snprintf(group, sizeof(group), "%s-group", strategy);
    uint8_t seen[3000] = { 0 };
    rd_kafka_t *clients[2] = { consumer_new(group, strategy), consumer_new(group, strategy) };
    CHECK(!make_topic(topic, 6));
    produce(topic, "none", 0, 1000);
    subscribe(clients[0], topic);
    consume_all(clients, 1, seen, 0, 1000);
    CHECK_INT(n_assigned(clients[0]), 6);
    CHECK(!rd_kafka_commit(clients[0], NULL, 0));
    subscribe(clients[1], topic);
    wait_assigned(clients, (size_t[]){ 3, 3 }, 2, seen, 3000);
    produce(topic, "none", 1000, 2000);
    consume_all(clients, 2, seen, 1000, 2000);
    for (int i = 0; i < 2; i++)
        CHECK(!rd_kafka_commit(clients[i], NULL, 0));
    broker_end(SIGKILL);
    broker_start();
    produce(topic, "none", 2000, 3000);
    wait_all(clients, 2, seen, 2000,
             3000); /* what was not committed may come again: they are new members */
    for (int i = 0; i < 2; i++)
        rd_kafka_commit(clients[i], NULL, 0);
    rd_kafka_consumer_close(clients[1]);
    wait_assigned(clients, (size_t[]){ 6 }, 1, seen, 3000);
    /* librdkafka 2.0 goes back to where it began in partitions that it keeps in a cooperative
     * rebalance. */
    bool exact = strcmp(strategy, "range") == 0;
    for (int i = 0; i < 3000; i++)
        if (!CHECK(exact && i < 2000 ? seen[i] == 1 : seen[i] >= 1))
            break;
    rd_kafka_consumer_close(clients[0]);
    for (int i = 0; i < 2; i++)
        rd_kafka_destroy(clients[i]);
}

/* ---- topics ---- */

static void generation_of(const char *topic, char out[64])
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf_new());
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_DescribeConfigs(client, &resource, 1, NULL, queue);
    rd_kafka_ConfigResource_destroy(resource);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
    REQUIRE(event && !rd_kafka_event_error(event));
    size_t n;
    const rd_kafka_ConfigResource_t **found =
        rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
    REQUIRE(n == 1);
    out[0] = '\0';
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(found[0], &n);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), "fanfare.topic.generation") == 0)
            snprintf(out, 64, "%s", rd_kafka_ConfigEntry_value(entries[i]));
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
}

static rd_kafka_resp_err_t delete_topic(const char *name)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf_new());
    rd_kafka_DeleteTopic_t *topic = rd_kafka_DeleteTopic_new(name);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteTopics(client, &topic, 1, NULL, queue);
    rd_kafka_resp_err_t outcome = topic_outcome(queue);
    rd_kafka_DeleteTopic_destroy(topic);
    rd_kafka_destroy(client);
    return outcome;
}

static void test_topics(void)
{
    char first[64], again[64];
    CHECK_INT(make_topic("coming-and-going", 2), 0);
    CHECK_INT(make_topic("coming-and-going", 2), RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS);
    CHECK_INT(make_topic("no/such/name", 2), RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION);
    generation_of("coming-and-going", first);
    CHECK_INT(strlen(first), 36);
    produce("coming-and-going", "none", 0, 100);
    broker_end(SIGTERM);
    broker_start();
    generation_of("coming-and-going", again);
    CHECK(strcmp(first, again) == 0);
    CHECK_INT(delete_topic("coming-and-going"), 0);
    CHECK_INT(delete_topic("coming-and-going"), RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    CHECK_INT(make_topic("coming-and-going", 2), 0);
    generation_of("coming-and-going", again);
    CHECK(strlen(again) == 36 && strcmp(first, again) != 0);
    int64_t low, high;
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf_new());
    CHECK(!rd_kafka_query_watermark_offsets(client, "coming-and-going", 0, &low, &high, 5000));
    CHECK(low == 0 && high == 0);
    rd_kafka_destroy(client);
}

static rd_kafka_resp_err_t grow_topic(const char *name, size_t partitions)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf_new());
    char error[256];
    rd_kafka_NewPartitions_t *more =
        rd_kafka_NewPartitions_new(name, partitions, error, sizeof(error));
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_CreatePartitions(client, &more, 1, NULL, queue);
    rd_kafka_resp_err_t outcome = topic_outcome(queue);
    rd_kafka_NewPartitions_destroy(more);
    rd_kafka_destroy(client);
    return outcome;
}

static int n_partitions(const char *name)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf_new());
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    const struct rd_kafka_metadata *metadata;
    REQUIRE(!rd_kafka_metadata(client, 0, topic, &metadata, 10000));
    int n = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client);
    return n;
}

/* Refused, unless the operator says otherwise. */
static void test_more_partitions(void)
{
    CHECK(!make_topic("growing", 2));
    CHECK_INT(grow_topic("growing", 4), RD_KAFKA_RESP_ERR_INVALID_PARTITIONS);
    broker_end(SIGTERM);
    setenv("FANFARE_BROKER_PARTITIONS_MAY_GROW", "true", 1);
    broker_start();
    produce("growing", "none", 0, 100);
    CHECK(!grow_topic("growing", 4));
    CHECK_INT(grow_topic("growing", 4), RD_KAFKA_RESP_ERR_INVALID_PARTITIONS);
    CHECK_INT(n_partitions("growing"), 4);
    produce("growing", "none", 100, 300);
    broker_end(SIGKILL);
    unsetenv("FANFARE_BROKER_PARTITIONS_MAY_GROW");
    broker_start();
    CHECK_INT(n_partitions("growing"), 4);
    uint8_t seen[300] = { 0 };
    rd_kafka_t *client = consumer_new("growing-group", "range");
    subscribe(client, "growing");
    consume_all(&client, 1, seen, 0, 300);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

static void test_no_auto_create(void)
{
    broker_end(SIGTERM);
    auto_create = "false";
    broker_start();
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf_new());
    int64_t low, high;
    CHECK_INT(rd_kafka_query_watermark_offsets(client, "never-made", 0, &low, &high, 2000),
              RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
    rd_kafka_destroy(client);
    broker_end(SIGTERM);
    auto_create = "true";
    broker_start();
}

/* ---- garbage ---- */

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16), p[2] = (uint8_t)(v >> 8),
    p[3] = (uint8_t)v;
}

/* Requests with a right header and a body of noise, for every API and version; now and then a
 * wrong length. */
static void send_noise(unsigned *seed)
{
    int fd = connect_raw();
    REQUIRE(fd >= 0);
    for (int i = 0; i < 20; i++) {
        uint8_t request[300] = { 0 };
        size_t n = 14 + (size_t)rand_r(seed) % 200;
        put32(request, (uint32_t)n - 4);
        request[5] = (uint8_t)(rand_r(seed) % 50);
        request[7] = (uint8_t)(rand_r(seed) % 12);
        for (size_t at = 14; at < n; at++)
            request[at] = (uint8_t)(rand_r(seed) % 3 ? rand_r(seed) % 3 : rand_r(seed));
        if (rand_r(seed) % 50 == 0)
            put32(request, (uint32_t)rand_r(seed));
        if (send(fd, request, n, MSG_NOSIGNAL) != (ssize_t)n)
            break;
    }
    uint8_t answer[4096];
    recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
    close(fd);
}

static void test_garbage(void)
{
    unsigned seed = 5;
    for (int i = 0; i < 300; i++)
        send_noise(&seed);
    CHECK_INT(waitpid(broker, NULL, WNOHANG), 0);
    uint8_t byte, huge[4];
    put32(huge, 0x7fffffff);
    int fd = connect_raw();
    CHECK(send(fd, huge, 4, MSG_NOSIGNAL) == 4 && recv(fd, &byte, 1, 0) == 0); /* closed */
    close(fd);
    fd = connect_raw();
    CHECK(send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL) == 18 && recv(fd, &byte, 1, 0) == 0);
    close(fd);
    produce("after-garbage", "none", 0, 100);
}

/* An unknown version of ApiVersions is answered in version 0 with error 35. */
static void test_version_too_high(void)
{
    static const uint8_t request[] = { 0, 0, 0, 10, 0, 18, 0, 99, 0, 0, 0, 42, 255, 255 };
    uint8_t answer[512];
    int fd = connect_raw();
    CHECK(send(fd, request, sizeof(request), MSG_NOSIGNAL) == sizeof(request));
    ssize_t n = recv(fd, answer, sizeof(answer), 0);
    CHECK(n > 14 && answer[7] == 42 && answer[8] == 0 && answer[9] == 35);
    close(fd);
}

/* ---- a full disk ---- */

/* A small file system in a namespace of our own: it goes with this process, whatever happens. */
static bool mount_small(void)
{
    char data[64];
    snprintf(data, sizeof(data), "%s/data", folder);
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("broker", data, "tmpfs", 0, "size=8m") == 0;
}

static void test_full_disk(void)
{
    broker_end(SIGTERM);
    if (!mount_small()) {
        printf(
            "no small file system can be mounted here: the full disk is left to the unit test\n");
        broker_start();
        return;
    }
    char filler[64];
    snprintf(filler, sizeof(filler), "%s/data/filler", folder);
    int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char *zeros = calloc(1, 4 << 20);
    REQUIRE(fd >= 0 && write(fd, zeros, 4 << 20) == 4 << 20);
    close(fd);
    free(zeros);
    broker_start();
    enum { NUMBERS = 25000 }; /* 4.5 MB: more than is left, less than there is */
    struct sending sending = { 0 };
    rd_kafka_t *client = producer_new(&sending, "none");
    CHECK(!make_topic("full", 2));
    send_numbers(client, "full", 0, NUMBERS);
    for (int i = 0; i < 100 && !log_says("log.full"); i++)
        rd_kafka_poll(client, 50);
    CHECK(log_says("log.full"));
    rd_kafka_poll(client, 0);
    CHECK(sending.acked < NUMBERS);
    CHECK(unlink(filler) == 0);
    CHECK(!rd_kafka_flush(client, 20000));
    CHECK(wait_for("log.room"));
    CHECK_INT(sending.acked, NUMBERS);
    rd_kafka_destroy(client);
    uint8_t *seen = calloc(1, NUMBERS);
    rd_kafka_t *consumer = consumer_new("full-group", "range");
    subscribe(consumer, "full");
    consume_all(&consumer, 1, seen, 0, NUMBERS);
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    free(seen);
    broker_end(SIGTERM);
    char data[64];
    snprintf(data, sizeof(data), "%s/data", folder);
    CHECK(umount2(data, MNT_DETACH) == 0); /* or the folder could not be removed */
}

static void test_eager(void)
{
    test_group("range");
}

static void test_cooperative(void)
{
    test_group("cooperative-sticky");
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "codecs", test_codecs },
    { "eager group", test_eager },
    { "cooperative group", test_cooperative },
    { "topics", test_topics },
    { "more partitions", test_more_partitions },
    { "no auto-creation", test_no_auto_create },
    { "garbage", test_garbage },
    { "version too high", test_version_too_high },
    { "full disk", test_full_disk },
};

int main(int argc, char **argv)
{
    REQUIRE(argc == 2);
    setup(argv[1]);
    broker_start();
    for (size_t i = 0; i < COUNT(tests); i++) {
        int64_t began_us = clock_mono_us();
        tests[i].run();
        printf("%-20s %5lld ms\n", tests[i].name,
               (long long)((clock_mono_us() - began_us) / US_PER_MS));
    }
    return check_end(); /* the last one leaves no broker behind */
}
