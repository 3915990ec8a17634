/* Compaction over the wire: real clients, every compression, the operator's POST /compact, and what
 * is left in the broker's files.
 *
 * broker_compact_test BROKER */
#include "base/macros.h"
#include "services/broker/tests/process.h"

#define WAIT_MS 10000
#define KEYS 100
#define ROUNDS 8

static const struct topic_setting by_key[] = { { "cleanup.policy", "compact" }, { NULL, NULL } };

/* ---- clients ---- */

static rd_kafka_t *producer_of(const char *codec)
{
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "enable.idempotence", "true");
    set(conf, "compression.codec", codec);
    set(conf, "linger.ms", "0.5");
    return client_new(RD_KAFKA_PRODUCER, conf);
}

static void send_one(rd_kafka_t *client, const char *topic, const char *key, const char *value)
{
    rd_kafka_resp_err_t error;
    do {
        error = rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                  RD_KAFKA_V_KEY(key, strlen(key)),
                                  RD_KAFKA_V_VALUE((void *)value, value ? strlen(value) : 0),
                                  RD_KAFKA_V_HEADER("ce_subject", key, -1),
                                  RD_KAFKA_V_TIMESTAMP(1700000000000), RD_KAFKA_V_END);
        rd_kafka_poll(client, error ? 10 : 0);
    } while (error == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    CHECK(!error);
}

/* Each key in each round, the last of some of them a tombstone. */
static void send_rounds(rd_kafka_t *client, const char *topic)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int k = 0; k < KEYS; k++) {
            char key[32], value[200];
            snprintf(key, sizeof(key), "key-%d", k);
            snprintf(value, sizeof(value), "%d %-100d", k, round);
            send_one(client, topic, key, round == ROUNDS - 1 && k % 5 == 0 ? NULL : value);
        }
        CHECK(!rd_kafka_flush(client, WAIT_MS)); /* several batches */
    }
}

struct read_back {
    int records, values[KEYS]; /* values: the round of the last; -1: a tombstone, -2: none */
    bool whole; /* with key, headers and time */
};

static void read_one(struct read_back *back, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    const void *subject;
    size_t n;
    char key[32] = { 0 };
    int k, round = -1;
    memcpy(key, message->key, MIN(message->key_len, sizeof(key) - 1));
    back->whole &= sscanf(key, "key-%d", &k) == 1 && k >= 0 && k < KEYS;
    back->whole &= rd_kafka_message_timestamp(message, NULL) == 1700000000000;
    back->whole &= !rd_kafka_message_headers(message, &headers) &&
                   !rd_kafka_header_get_last(headers, "ce_subject", &subject, &n) &&
                   n == message->key_len && memcmp(subject, key, n) == 0;
    if (!back->whole)
        return;
    if (message->payload)
        sscanf(message->payload, "%d %d", &k, &round);
    back->values[k] = round;
    back->records++;
}

/* All of the topic's one partition, to its end. */
static struct read_back read_back(const char *topic)
{
    struct read_back back = { .whole = true };
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "group.id", "reads-back");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.partition.eof", "true");
    set(conf, "check.crcs", "true");
    set(conf, "fetch.wait.max.ms", "10");
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(client);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    CHECK(!rd_kafka_assign(client, list));
    rd_kafka_topic_partition_list_destroy(list);
    for (int k = 0; k < KEYS; k++)
        back.values[k] = -2;
    for (bool at_end = false; !at_end;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, WAIT_MS);
        if (!CHECK(message))
            break;
        at_end = message->err;
        CHECK(!at_end || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF);
        if (!at_end)
            read_one(&back, message);
        rd_kafka_message_destroy(message);
    }
    CHECK(back.whole);
    rd_kafka_destroy_flags(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE); /* it is in no group */
    return back;
}

/* ---- the operator ---- */

/* The status that the admin listener answers with; 0: none. */
static int ask(const char *request, char answer[2048])
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)atoi(admin_port)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 30 };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), status = 0;
    char text[256];
    size_t n = (size_t)snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: broker\r\n\r\n", request);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    answer[0] = '\0';
    for (int i = 0; i < 200 && connect(fd, (struct sockaddr *)&address, sizeof(address)); i++)
        usleep(20000);
    if (send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n) {
        size_t have = 0;
        ssize_t got;
        while (have < 2047 && (got = recv(fd, answer + have, 2047 - have, 0)) > 0)
            have += (size_t)got;
        answer[have] = '\0';
    }
    close(fd);
    sscanf(answer, "HTTP/1.1 %d", &status);
    return status;
}

static int compact(const char *topic)
{
    char request[128], answer[2048];
    snprintf(request, sizeof(request), "POST /compact?topic=%s", topic);
    int status = ask(request, answer);
    CHECK(status != 200 || strstr(answer, topic));
    return status;
}

/* ---- tests ---- */

static void check_compacted(const struct read_back *back)
{
    CHECK_INT(back->records, KEYS);
    for (int k = 0; k < KEYS; k++)
        CHECK_INT(back->values[k], k % 5 ? ROUNDS - 1 : -1);
}

static void test_codecs(void)
{
    static const char *const codecs[] = { "none", "gzip", "snappy", "lz4", "zstd" };
    for (size_t i = 0; i < COUNT(codecs); i++) {
        CHECK(!make_topic_with(codecs[i], 1, by_key));
        rd_kafka_t *client = producer_of(codecs[i]);
        send_rounds(client, codecs[i]);
        CHECK_INT(read_back(codecs[i]).records, KEYS * ROUNDS);
        CHECK_INT(compact(codecs[i]), 200);
        struct read_back back = read_back(codecs[i]);
        check_compacted(&back);
        send_one(client, codecs[i], "key-0", "0 77"); /* the producer goes on */
        CHECK(!rd_kafka_flush(client, WAIT_MS));
        back = read_back(codecs[i]);
        CHECK(back.records == KEYS + 1 && back.values[0] == 77);
        rd_kafka_destroy(client);
    }
    broker_end(SIGKILL);
    broker_start();
    for (size_t i = 0; i < COUNT(codecs); i++)
        CHECK_INT(read_back(codecs[i]).records, KEYS + 1);
}

static void test_refusals(void)
{
    char answer[2048];
    CHECK(!make_topic("not-by-key", 1));
    CHECK_INT(compact("not-by-key"), 409);
    CHECK_INT(compact("no-such-topic"), 404);
    CHECK_INT(ask("POST /compact", answer), 400);
    CHECK_INT(ask("GET /compact?topic=zstd", answer), 405);
    CHECK_INT(ask("POST /metrics", answer), 405);
    CHECK_INT(ask("GET /metrics", answer), 200);
    CHECK(ask("GET /health/ready", answer) == 200 && strstr(answer, "ready"));
}

static const char *wanted;
static int n_found;

static int find_in(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
    int fd = kind == FTW_F ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char *bytes = fd >= 0 ? malloc((size_t)about->st_size + 1) : NULL;
    ssize_t n = bytes ? read(fd, bytes, (size_t)about->st_size) : 0;
    n_found += n > 0 && memmem(bytes, (size_t)n, wanted, strlen(wanted)) != NULL;
    free(bytes);
    if (fd >= 0)
        close(fd);
    return 0;
}

static int files_with(const char *text)
{
    char data[64];
    snprintf(data, sizeof(data), "%s/data", folder);
    wanted = text;
    n_found = 0;
    CHECK(nftw(data, find_in, 16, FTW_PHYS) == 0);
    return n_found;
}

/* Erasure: after a tombstone and a run nothing that the key held is in any file. */
static void test_nothing_is_left(void)
{
    CHECK(!make_topic_with("people", 1, by_key));
    rd_kafka_t *client = producer_of("none");
    send_one(client, "people", "prf_1", "Ada Lovelace, London");
    send_one(client, "people", "prf_2", "Charles Babbage, London");
    send_one(client, "people", "prf_1", "Ada Lovelace, Marylebone");
    CHECK(!rd_kafka_flush(client, WAIT_MS));
    CHECK(files_with("Ada Lovelace") > 0);
    send_one(client, "people", "prf_1", NULL);
    CHECK(!rd_kafka_flush(client, WAIT_MS));
    CHECK_INT(compact("people"), 200);
    CHECK_INT(files_with("Ada Lovelace"), 0);
    CHECK_INT(files_with("Charles Babbage"), 1);
    rd_kafka_destroy(client);
}

/* By itself, within the time that the topic sets. */
static void test_by_itself(void)
{
    static const struct topic_setting soon[] = { { "cleanup.policy", "compact" },
                                                 { "max.compaction.lag.ms", "500" },
                                                 { "delete.retention.ms", "500" },
                                                 { NULL, NULL } };
    CHECK(!make_topic_with("soon", 1, soon));
    rd_kafka_t *client = producer_of("none");
    send_one(client, "soon", "prf_soon", "Grace Hopper");
    send_one(client, "soon", "prf_soon", NULL);
    CHECK(!rd_kafka_flush(client, WAIT_MS));
    for (int i = 0; i < WAIT_MS / 50 && files_with("Grace Hopper"); i++)
        usleep(50000);
    CHECK_INT(files_with("Grace Hopper"), 0);
    for (int i = 0; i < WAIT_MS / 50 && files_with("prf_soon"); i++)
        usleep(50000);
    CHECK_INT(files_with("prf_soon"), 0); /* the tombstone, too */
    CHECK_INT(read_back("soon").records, 0);
    rd_kafka_destroy(client);
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "codecs", test_codecs },
    { "refusals", test_refusals },
    { "nothing is left", test_nothing_is_left },
    { "by itself", test_by_itself },
};

int main(int argc, char **argv)
{
    REQUIRE(argc == 2);
    setenv("FANFARE_BROKER_HOUSEKEEPING", "50ms", 1);
    setup(argv[1]);
    broker_start();
    for (size_t i = 0; i < COUNT(tests); i++) {
        int64_t began_us = clock_mono_us();
        tests[i].run();
        printf("%-20s %5lld ms\n", tests[i].name,
               (long long)((clock_mono_us() - began_us) / US_PER_MS));
    }
    broker_end(SIGTERM);
    return check_end();
}
