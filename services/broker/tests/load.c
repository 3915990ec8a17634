/* A load for measuring: sends records through librdkafka as fast as it takes them, or at a rate,
 * waits for the acknowledgements, and reads them back.
 *
 * broker_load SERVERS [--records N] [--bytes N] [--partitions N] [--rate BYTES_A_SECOND]
 * [--linger MS] [--broker PID]
 *
 * With a rate it prints how long acknowledgements took; with the broker's pid also its CPU time
 * and memory. */
#include <librdkafka/rdkafka.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/tests/check.h"

static struct {
    const char *servers;
    int64_t records, bytes, partitions, rate, linger_ms, broker;
} load = { .records = 3000000, .bytes = 100, .partitions = 6, .linger_ms = 5 };

static uint32_t *latencies_us; /* of each record, in the order of acknowledgement */
static int64_t n_acked, n_failed;

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    if (message->err) {
        n_failed++;
        return;
    }
    int64_t us = rd_kafka_message_latency(message);
    latencies_us[n_acked++] = (uint32_t)(us > UINT32_MAX ? UINT32_MAX : us);
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char error[256];
    if (rd_kafka_conf_set(conf, name, value, error, sizeof(error)) != RD_KAFKA_CONF_OK) {
        fprintf(stderr, "%s\n", error);
        exit(2);
    }
}

static rd_kafka_t *client_new(rd_kafka_type_t kind, rd_kafka_conf_t *conf)
{
    char error[256];
    set(conf, "bootstrap.servers", load.servers);
    rd_kafka_t *client = rd_kafka_new(kind, conf, error, sizeof(error));
    REQUIRE(client);
    return client;
}

/* Microseconds of CPU that the broker has used. */
static int64_t broker_cpu_us(void)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)load.broker);
    FILE *file = load.broker ? fopen(path, "r") : NULL;
    long user = 0, kernel = 0;
    if (file && fgets(text, sizeof(text), file) && strrchr(text, ')'))
        sscanf(strrchr(text, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user,
               &kernel);
    if (file)
        fclose(file);
    return (user + kernel) * (US_PER_S / sysconf(_SC_CLK_TCK));
}

static int64_t broker_memory_kb(void)
{
    char path[64], line[256];
    long kb = 0;
    snprintf(path, sizeof(path), "/proc/%lld/status", (long long)load.broker);
    FILE *file = load.broker ? fopen(path, "r") : NULL;
    while (file && fgets(line, sizeof(line), file))
        sscanf(line, "VmRSS: %ld", &kb);
    if (file)
        fclose(file);
    return kb;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void report(const char *what, int64_t n, int64_t us, int64_t cpu_us)
{
    double seconds = (double)us / US_PER_S;
    printf("%s: %lld records in %.2f s: %.0f records/s, %.1f MB/s", what, (long long)n, seconds,
           (double)n / seconds, (double)(n * load.bytes) / seconds / 1e6);
    if (load.broker)
        printf("; broker %.2f CPU s, %.3f us a record, %lld KB", (double)cpu_us / US_PER_S,
               (double)cpu_us / (double)n, (long long)broker_memory_kb());
    printf("\n");
}

static void pace(int64_t began_us, int64_t sent)
{
    int64_t due_us = began_us + sent * load.bytes * US_PER_S / load.rate;
    int64_t ahead = due_us - clock_mono_us();
    if (ahead > 500)
        usleep((useconds_t)ahead);
}

static void produce(const char *topic)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char linger[32];
    snprintf(linger, sizeof(linger), "%lld", (long long)load.linger_ms);
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", linger);
    set(conf, "batch.num.messages", "10000");
    set(conf, "queue.buffering.max.messages", "500000");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf);
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    char *value = calloc(1, (size_t)load.bytes);
    memset(value, 'x', (size_t)load.bytes);
    int64_t began_us = clock_mono_us(), cpu_us = broker_cpu_us();
    for (int64_t i = 0; i < load.records; i++) {
        while (rd_kafka_produce(handle, (int32_t)(i % load.partitions), RD_KAFKA_MSG_F_COPY, value,
                                (size_t)load.bytes, NULL, 0, NULL))
            rd_kafka_poll(client, 1);
        if (i % 64 == 0) {
            rd_kafka_poll(client, 0);
            if (load.rate)
                pace(began_us, i);
        }
    }
    CHECK(rd_kafka_flush(client, 60000) == RD_KAFKA_RESP_ERR_NO_ERROR);
    report("produced", n_acked, clock_mono_us() - began_us, broker_cpu_us() - cpu_us);
    CHECK_INT(n_acked, load.records);
    CHECK_INT(n_failed, 0);
    qsort(latencies_us, (size_t)n_acked, sizeof(*latencies_us), by_size);
    if (load.rate && n_acked)
        printf("acknowledged after: p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms, worst %.2f ms\n",
               latencies_us[n_acked / 2] / 1e3, latencies_us[n_acked * 99 / 100] / 1e3,
               latencies_us[n_acked * 999 / 1000] / 1e3, latencies_us[n_acked - 1] / 1e3);
    free(value);
    rd_kafka_topic_destroy(handle);
    rd_kafka_destroy(client);
}

static void consume(const char *topic)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "group.id", "load");
    set(conf, "enable.auto.commit", "false");
    set(conf, "queued.min.messages", "1000000");
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (int32_t i = 0; i < load.partitions; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_poll_set_consumer(client);
    REQUIRE(!rd_kafka_assign(client, list));
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    rd_kafka_message_t *messages[1000];
    int64_t n = 0, began_us = clock_mono_us(), cpu_us = broker_cpu_us();
    while (n < load.records && clock_mono_us() - began_us < 120 * US_PER_S) {
        ssize_t got = rd_kafka_consume_batch_queue(queue, 1000, messages, 1000);
        for (ssize_t i = 0; i < got; i++) {
            n += !messages[i]->err;
            rd_kafka_message_destroy(messages[i]);
        }
    }
    report("consumed", n, clock_mono_us() - began_us, broker_cpu_us() - cpu_us);
    CHECK_INT(n, load.records);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

static void make_topic(const char *name)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new());
    char error[256];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(name, (int)load.partitions, 1, error, sizeof(error));
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
    REQUIRE(event && !rd_kafka_event_error(event));
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_destroy(client);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int64_t *value;
    } options[] = {
        { "--records", &load.records },  { "--bytes", &load.bytes },
        { "--rate", &load.rate },        { "--partitions", &load.partitions },
        { "--linger", &load.linger_ms }, { "--broker", &load.broker },
    };
    REQUIRE(argc >= 2);
    load.servers = argv[1];
    for (int i = 2; i + 1 < argc; i += 2)
        for (size_t j = 0; j < COUNT(options); j++)
            if (strcmp(argv[i], options[j].name) == 0)
                *options[j].value = atoll(argv[i + 1]);
    latencies_us = calloc((size_t)load.records, sizeof(*latencies_us));
    char topic[64];
    snprintf(topic, sizeof(topic), "load-%lld", (long long)clock_now_us());
    make_topic(topic);
    produce(topic);
    consume(topic);
    free(latencies_us);
    return check_end();
}
