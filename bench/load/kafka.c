/* librdkafka, the same for every server of the Kafka protocol: idempotent producers, all
 * acknowledged. */
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <unistd.h>

#include "base/tests/check.h"
#include "bench/load/load.h"

#define FLUSH_MS 120000
#define POLL_EVERY 64 /* records */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char error[256];
    REQUIRE(rd_kafka_conf_set(conf, name, value, error, sizeof(error)) == RD_KAFKA_CONF_OK);
}

static rd_kafka_t *client_new(const struct load *load, rd_kafka_type_t kind, rd_kafka_conf_t *conf)
{
    char error[256], servers[64];
    snprintf(servers, sizeof(servers), "127.0.0.1:%" PRId64, load->port);
    set(conf, "bootstrap.servers", servers);
    rd_kafka_t *client = rd_kafka_new(kind, conf, error, sizeof(error));
    REQUIRE(client);
    return client;
}

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    int64_t *n_acked = opaque;
    if (!message->err)
        ++*n_acked;
}

static rd_kafka_t *producer_new(const struct load *load, int64_t *n_acked)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "enable.idempotence", "true");
    set(conf, "linger.ms", load->rate ? "0" : "5");
    set(conf, "batch.num.messages", "10000");
    set(conf, "queue.buffering.max.messages", "500000");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, n_acked);
    return client_new(load, RD_KAFKA_PRODUCER, conf);
}

static void produce(const struct load *load, int64_t number)
{
    int64_t n_acked = 0, n = 0;
    rd_kafka_t *client = producer_new(load, &n_acked);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, load->topic, NULL);
    char *value = calloc(1, (size_t)load->bytes);
    for (; load_goes_on(load, n); n++) {
        int64_t due_us = load_due_us(load, n);
        if (due_us > 0)
            usleep((useconds_t)due_us);
        load_stamp(load, n, value);
        while (rd_kafka_produce(topic, (int32_t)(n % load->partitions), RD_KAFKA_MSG_F_COPY, value,
                                (size_t)load->bytes, NULL, 0, NULL))
            rd_kafka_poll(client, 1);
        if (n % POLL_EVERY == 0)
            rd_kafka_poll(client, 0);
    }
    CHECK(!rd_kafka_flush(client, FLUSH_MS));
    REQUIRE(n_acked == n);
    load_acked(n);
    free(value);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client);
}

static rd_kafka_t *consumer_new(const struct load *load)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "group.id", "load");
    set(conf, "enable.auto.commit", "false");
    set(conf, "fetch.wait.max.ms", "100");
    rd_kafka_t *client = client_new(load, RD_KAFKA_CONSUMER, conf);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    for (int32_t i = 0; i < load->partitions; i++)
        rd_kafka_topic_partition_list_add(list, load->topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_poll_set_consumer(client);
    REQUIRE(!rd_kafka_assign(client, list));
    rd_kafka_topic_partition_list_destroy(list);
    return client;
}

static void *consume(void *argument)
{
    const struct load *load = argument;
    rd_kafka_t *client = consumer_new(load);
    while (!load_came_whole()) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, 100);
        if (message && !message->err)
            load_came(load, message->payload, message->len);
        if (message)
            rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return NULL;
}

int main(int argc, char **argv)
{
    struct load load = load_options(argc, argv);
    pthread_t consumer;
    if (load.rate)
        REQUIRE(pthread_create(&consumer, NULL, consume, &load) == 0);
    load_run(&load, produce);
    if (load.rate)
        pthread_join(consumer, NULL);
    return load_report(&load);
}
