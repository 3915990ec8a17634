/* Starts and stops a real broker on free loopback ports, with its data in a folder of its own;
 * for system tests. */
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/macros.h"
#include "base/tests/check.h"

static const char *program; /* the broker */
static char folder[] = "/tmp/fanfare-broker-XXXXXX";
static char port[8], admin_port[8], servers[32];
static pid_t broker;
static const char *auto_create = "true";

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
    return remove(path);
}

static void clean_up(void)
{
    if (broker > 0)
        kill(broker, SIGKILL);
    if (!checks_failed)
        nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    else
        fprintf(stderr, "the data is kept in %s\n", folder);
}

static bool port_is_free(int number)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)number),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    bool is_free = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return is_free;
}

/* One that nobody listens on, as the one after it, and that no connection is given. */
static int free_port(void)
{
    unsigned seed = (unsigned)getpid();
    int number = 0;
    do {
        number = 16000 + rand_r(&seed) % 16000;
    } while (!port_is_free(number) || !port_is_free(number + 1));
    return number;
}

static void setup(const char *path)
{
    program = path;
    REQUIRE(mkdtemp(folder));
    atexit(clean_up);
    int number = free_port();
    snprintf(port, sizeof(port), "%d", number);
    snprintf(admin_port, sizeof(admin_port), "%d", number + 1);
    snprintf(servers, sizeof(servers), "127.0.0.1:%s", port);
}

static void broker_start(void)
{
    char log[64], data[64];
    snprintf(log, sizeof(log), "%s/log", folder);
    snprintf(data, sizeof(data), "%s/data", folder);
    broker = fork();
    REQUIRE(broker >= 0);
    if (broker == 0) {
        if (!freopen(log, "a", stderr))
            _exit(126);
        execl(program, program, "--data", data, "--port", port, "--admin_port", admin_port,
              "--segment", "4MB", "--auto_create_topics", auto_create, NULL);
        _exit(127);
    }
}

static void broker_end(int signal_number)
{
    kill(broker, signal_number);
    int status;
    REQUIRE(waitpid(broker, &status, 0) == broker);
    broker = 0;
    if (signal_number == SIGTERM)
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    else
        CHECK(WIFSIGNALED(status)); /* an end of its own: a crash, or a start that was refused */
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char error[256];
    if (!CHECK(rd_kafka_conf_set(conf, name, value, error, sizeof(error)) == RD_KAFKA_CONF_OK))
        fprintf(stderr, "%s\n", error);
}

static rd_kafka_conf_t *conf_new(void)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", servers);
    set(conf, "reconnect.backoff.ms", "10");
    set(conf, "reconnect.backoff.max.ms", "100");
    set(conf, "log_level", "0");
    return conf;
}

static rd_kafka_t *client_new(rd_kafka_type_t kind, rd_kafka_conf_t *conf)
{
    char error[256];
    rd_kafka_t *client = rd_kafka_new(kind, conf, error, sizeof(error));
    REQUIRE(client);
    return client;
}

/* The outcome for the one topic of an admin event. */
static rd_kafka_resp_err_t topic_outcome(rd_kafka_queue_t *queue)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
    REQUIRE(event);
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    size_t n = 0;
    const rd_kafka_topic_result_t **topics = NULL;
    if (!error && rd_kafka_event_CreateTopics_result(event))
        topics = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    else if (!error && rd_kafka_event_DeleteTopics_result(event))
        topics = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &n);
    else if (!error && rd_kafka_event_CreatePartitions_result(event))
        topics = rd_kafka_CreatePartitions_result_topics(
            rd_kafka_event_CreatePartitions_result(event), &n);
    if (!error && CHECK_INT(n, 1))
        error = rd_kafka_topic_result_error(topics[0]);
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    return error;
}

struct topic_setting {
    const char *name, *value; /* name NULL: the end */
};

static rd_kafka_resp_err_t make_topic_with(const char *name, int partitions,
                                           const struct topic_setting *settings)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf_new());
    char error[256];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, partitions, 1, error, sizeof(error));
    for (; settings && settings->name; settings++)
        rd_kafka_NewTopic_set_config(topic, settings->name, settings->value);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
    rd_kafka_resp_err_t outcome = topic_outcome(queue);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_destroy(client);
    return outcome;
}

static inline rd_kafka_resp_err_t make_topic(const char *name, int partitions)
{
    return make_topic_with(name, partitions, NULL);
}

/* A connection without a client, which waits ten seconds for an answer at most. */
static UNUSED int connect_raw(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)atoi(port)),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct timeval patience = { .tv_sec = 10 };
    for (int i = 0; i < 200; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
            return fd;
        close(fd);
        usleep(20000); /* it has only just been started */
    }
    return -1;
}

static UNUSED bool log_says(const char *what)
{
    char path[64], line[4096];
    snprintf(path, sizeof(path), "%s/log", folder);
    FILE *file = fopen(path, "r");
    bool found = false;
    while (file && !found && fgets(line, sizeof(line), file))
        found = strstr(line, what) != NULL;
    if (file)
        fclose(file);
    return found;
}

static UNUSED bool wait_for(const char *what)
{
    for (int i = 0; i < 100; i++) {
        if (log_says(what))
            return true;
        usleep(50000);
    }
    return false;
}
