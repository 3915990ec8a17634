/* The real broker behind TLS: real clients, wrong ones, slow ones, and certificates that change.
 *
 * broker_tls_test BROKER */
#include "base/macros.h"
#include "platform/events/reader.h"
#include "services/broker/tests/certs.h"
#include "services/broker/tests/process.h"

#define TOPIC "secret"
#define RECORDS 3000
#define VALUE_BYTES 1000 /* so that answers are files, too */

static struct authority ours, theirs;

static const char *at(const char *name)
{
    static char paths[8][64];
    static size_t next;
    char *path = paths[next++ % COUNT(paths)];
    snprintf(path, 64, "%s/%s", folder, name);
    return path;
}

/* ---- clients ---- */

static rd_kafka_conf_t *conf_secret(const char *ca)
{
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "security.protocol", "ssl");
    set(conf, "ssl.ca.location", at(ca));
    return conf;
}

static bool gets_in(rd_kafka_conf_t *conf)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf);
    bool in = rd_kafka_metadata(client, 1, NULL, &metadata, 2000) == 0;
    if (in)
        rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(client);
    return in;
}

static void produce(rd_kafka_t *client)
{
    char value[VALUE_BYTES] = { 0 };
    for (int i = 0; i < RECORDS; i++) {
        snprintf(value, sizeof(value), "%d", i);
        CHECK(!rd_kafka_producev(client, RD_KAFKA_V_TOPIC(TOPIC), RD_KAFKA_V_PARTITION(0),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                 RD_KAFKA_V_VALUE(value, sizeof(value)), RD_KAFKA_V_END));
    }
    CHECK(!rd_kafka_flush(client, 20000));
}

/* All of them, in their order. */
static void consume(rd_kafka_t *client)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, TOPIC, 0)->offset = 0;
    CHECK(!rd_kafka_assign(client, list));
    rd_kafka_topic_partition_list_destroy(list);
    int next = 0;
    for (int64_t end_us = clock_mono_us() + 20 * US_PER_S;
         next < RECORDS && clock_mono_us() < end_us;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
        if (message && !message->err)
            CHECK(message->len == VALUE_BYTES && atoi(message->payload) == next++);
        if (message)
            rd_kafka_message_destroy(message);
    }
    CHECK_INT(next, RECORDS);
    rd_kafka_consumer_close(client);
}

static void restart(const char *ca, const char *idle)
{
    if (broker)
        broker_end(SIGTERM);
    setenv("FANFARE_BROKER_TLS_CERT", at("cert.pem"), 1);
    setenv("FANFARE_BROKER_TLS_KEY", at("key.pem"), 1);
    setenv("FANFARE_BROKER_TLS_CA", ca, 1);
    setenv("FANFARE_BROKER_IDLE", idle, 1);
    broker_start();
}

/* ---- tests ---- */

static void test_clients(void)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf_secret("ours.pem"));
    produce(client);
    rd_kafka_destroy(client);
    rd_kafka_conf_t *conf = conf_secret("ours.pem");
    set(conf, "group.id", "secret");
    client = client_new(RD_KAFKA_CONSUMER, conf);
    consume(client);
    rd_kafka_destroy(client);
}

/* The services' own way to the log. */
static void test_url(void)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct log_topic *topics;
    size_t n = 0;
    struct str url = arena_printf(arena, "kafkas://%s?ca=%s", servers, at("ours.pem"));
    struct log_reader *reader = log_reader_open(&ctx, url.ptr);
    REQUIRE(reader && log_reader_topics(&ctx, reader, &topics, &n));
    CHECK(n == 1 && str_is(topics[0].name, TOPIC));
    log_reader_free(reader);
}

static void test_strangers(void)
{
    CHECK(!gets_in(conf_secret("theirs.pem")));
    CHECK(!gets_in(conf_new())); /* in plain text */
    static const uint8_t plain[] = { 0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 42, 255, 255 };
    uint8_t byte;
    int fd = connect_raw();
    CHECK(send(fd, plain, sizeof(plain), MSG_NOSIGNAL) == sizeof(plain));
    while (recv(fd, &byte, 1, 0) > 0)
        ; /* an alert */
    CHECK(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
    CHECK(wait_for("\"tls.failed\""));
    CHECK(gets_in(conf_secret("ours.pem")));
}

/* A byte of a handshake now and then keeps nobody's connection open. */
static void test_slow(void)
{
    restart("", "1s");
    int fd = connect_raw(), sent = 0;
    static const uint8_t hello[] = { 22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3 };
    int64_t began_us = clock_mono_us();
    while (sent < 40 && send(fd, sent < 11 ? &hello[sent] : hello, 1, MSG_NOSIGNAL) == 1) {
        CHECK(sent % 10 || gets_in(conf_secret("ours.pem")));
        sent++;
        usleep(500000);
    }
    CHECK(sent < 40);
    printf("  a slow handshake was ended after %.1f s\n",
           (double)(clock_mono_us() - began_us) / 1e6);
    close(fd);
}

static void test_client_certificates(void)
{
    restart(at("ours.pem"), "10m");
    CHECK(!gets_in(conf_secret("ours.pem")));
    rd_kafka_conf_t *conf = conf_secret("ours.pem");
    make_identity(&theirs, at("stranger.pem"), at("stranger.key"));
    set(conf, "ssl.certificate.location", at("stranger.pem"));
    set(conf, "ssl.key.location", at("stranger.key"));
    CHECK(!gets_in(conf));
    conf = conf_secret("ours.pem");
    make_identity(&ours, at("client.pem"), at("client.key"));
    set(conf, "ssl.certificate.location", at("client.pem"));
    set(conf, "ssl.key.location", at("client.key"));
    CHECK(gets_in(conf));
}

/* Those who are there go on, those who come see the new certificate; one that cannot be used is not. */
static void test_reload(void)
{
    restart("", "10m");
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf_secret("ours.pem"));
    produce(client);
    make_identity(&theirs, at("cert.pem"), at("key.pem"));
    kill(broker, SIGHUP);
    bool changed = false;
    for (int i = 0; i < 50 && !changed; i++)
        changed = gets_in(conf_secret("theirs.pem"));
    CHECK(changed && !gets_in(conf_secret("ours.pem")));
    produce(client);
    rd_kafka_destroy(client);
    write_key(at("key.pem"), ours.key, NULL);
    kill(broker, SIGHUP);
    CHECK(wait_for("\"tls.kept\""));
    CHECK(gets_in(conf_secret("theirs.pem")));
    make_identity(&ours, at("cert.pem"), at("key.pem"));
}

/* One sentence, and no start. */
static void refuses(const char *name, const char *value, const char *sentence)
{
    char key[64], before[4096];
    snprintf(key, sizeof(key), "FANFARE_BROKER_%s", name);
    snprintf(before, sizeof(before), "%s", getenv(key) ? getenv(key) : "");
    unlink(at("log"));
    setenv(key, value, 1);
    broker_start();
    int status;
    REQUIRE(waitpid(broker, &status, 0) == broker);
    broker = 0;
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    if (!CHECK(log_says(sentence)))
        fprintf(stderr, "  %s=%s\n", key, value);
    setenv(key, before, 1);
}

static void test_refused_starts(void)
{
    broker_end(SIGTERM);
    char sentence[128];
    snprintf(sentence, sizeof(sentence), "broker: tls_cert: %s: No such file or directory",
             at("none"));
    refuses("TLS_CERT", at("none"), sentence);
    refuses("TLS_CERT", at("key.pem"), "no start line");
    refuses("TLS_KEY", at("cert.pem"), "broker: tls_key: ");
    write_key(at("other.key"), theirs.key, NULL);
    refuses("TLS_KEY", at("other.key"), "key values mismatch");
    write_key(at("locked.key"), theirs.key, "password");
    refuses("TLS_KEY", at("locked.key"), "broker: tls_key: ");
    refuses("TLS_CA", at("key.pem"), "broker: tls_ca: ");
    refuses("TLS_KEY", "", "TLS wants both tls_cert and tls_key");
    setenv("FANFARE_BROKER_TLS_CERT", "", 1);
    setenv("FANFARE_BROKER_TLS_KEY", "", 1);
    refuses("BIND", "0.0.0.0", "0.0.0.0 is beyond loopback, and without TLS");
    setenv("FANFARE_BROKER_PLAINTEXT", "true", 1);
    refuses("BIND", "192.0.2.1",
            "listening on 192.0.2.1"); /* allowed, but it is nobody's address */
}

static const struct {
    const char *name;
    void (*run)(void);
} tests[] = {
    { "clients", test_clients },
    { "by URL", test_url },
    { "strangers", test_strangers },
    { "slow handshake", test_slow },
    { "client certificates", test_client_certificates },
    { "reload", test_reload },
    { "refused starts", test_refused_starts },
};

int main(int argc, char **argv)
{
    REQUIRE(argc == 2);
    setup(argv[1]);
    ours = make_authority("ours", at("ours.pem"));
    theirs = make_authority("theirs", at("theirs.pem"));
    make_identity(&ours, at("cert.pem"), at("key.pem"));
    restart("", "10m");
    for (size_t i = 0; i < COUNT(tests); i++) {
        int64_t began_us = clock_mono_us();
        tests[i].run();
        printf("%-20s %5lld ms\n", tests[i].name,
               (long long)((clock_mono_us() - began_us) / US_PER_MS));
    }
    authority_clear(&ours);
    authority_clear(&theirs);
    return check_end();
}
