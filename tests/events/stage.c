#include "tests/events/stage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/tests/check.h"

void stage_sleep_ms(int ms)
{
    struct timespec pause = { ms / 1000, ms % 1000 * 1000000L };
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR)
        ;
}

static struct sockaddr_in address_of(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static int free_port(void)
{
    struct sockaddr_in address = address_of(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    REQUIRE(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

static bool listens(int port)
{
    struct sockaddr_in address = address_of(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool open = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return open;
}

void stage_open(struct stage *stage, const char *broker)
{
    *stage = (struct stage){ .broker = broker, .port = free_port() };
    snprintf(stage->folder, sizeof stage->folder, "/tmp/fanfare-stage-XXXXXX");
    REQUIRE(mkdtemp(stage->folder));
    snprintf(stage->servers, sizeof stage->servers, "127.0.0.1:%d", stage->port);
}

void stage_forget_log(struct stage *stage)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s/log", stage->folder);
    REQUIRE(system(command) == 0);
}

void stage_close(struct stage *stage)
{
    if (stage->pid)
        stage_broker_end(stage, SIGTERM);
    stage_forget_log(stage);
    rmdir(stage->folder);
}

void stage_broker_start(struct stage *stage)
{
    char data[80], port[16];
    snprintf(data, sizeof data, "%s/log", stage->folder);
    snprintf(port, sizeof port, "%d", stage->port);
    stage->pid = fork();
    REQUIRE(stage->pid >= 0);
    if (stage->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, 2);
        execl(stage->broker, stage->broker, "--data", data, "--port", port, NULL);
        _exit(127);
    }
    for (int i = 0; i < 500 && !listens(stage->port); i++)
        stage_sleep_ms(10);
    REQUIRE(listens(stage->port));
}

int stage_end(pid_t pid, int signal)
{
    int status = 0;
    if (signal)
        kill(pid, signal);
    REQUIRE(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void stage_broker_end(struct stage *stage, int signal)
{
    stage_end(stage->pid, signal);
    stage->pid = 0;
}

pid_t stage_run(const char *role, const char *url, const char *servers, const char *more)
{
    pid_t pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/proc/self/exe", "instance", role, url, servers, more, NULL);
        _exit(127);
    }
    return pid;
}

static rd_kafka_t *client(const struct stage *stage)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", stage->servers, why, sizeof why);
    rd_kafka_conf_set(conf, "partitioner", "murmur2_random", why, sizeof why);
    rd_kafka_conf_set(conf, "log_level", "0", why, sizeof why);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    REQUIRE(rk);
    return rk;
}

bool stage_produce(const struct stage *stage, const char *topic, const char *key, const char *value,
                   const char *const *headers)
{
    rd_kafka_t *rk = client(stage);
    rd_kafka_headers_t *list = rd_kafka_headers_new(8);
    for (size_t i = 0; headers && headers[i]; i++) {
        const char *equals = strchr(headers[i], '=');
        rd_kafka_header_add(list, headers[i], equals - headers[i], equals + 1, -1);
    }
    rd_kafka_resp_err_t error = rd_kafka_producev(
        rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY((void *)key, key ? strlen(key) : 0),
        RD_KAFKA_V_VALUE((void *)value, value ? strlen(value) : 0),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_END);
    bool there = !error && rd_kafka_flush(rk, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_destroy(rk);
    return there;
}

bool stage_delete_before(const struct stage *stage, const char *topic, int partition,
                         int64_t offset)
{
    rd_kafka_t *rk = client(stage);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *wish = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(rk, &wish, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 10000);
    REQUIRE(event && !rd_kafka_event_error(event));
    const rd_kafka_topic_partition_list_t *told =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
    bool done = told->cnt == 1 && !told->elems[0].err;
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(wish);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(rk);
    return done;
}

long stage_count(const struct stage *stage, const char *topic)
{
    rd_kafka_t *rk = client(stage);
    const struct rd_kafka_metadata *metadata;
    long count = 0;
    int64_t low, high;
    REQUIRE(rd_kafka_metadata(rk, 1, NULL, &metadata, 10000) == RD_KAFKA_RESP_ERR_NO_ERROR);
    for (int i = 0; i < metadata->topic_cnt; i++)
        for (int k = 0;
             strcmp(metadata->topics[i].topic, topic) == 0 && k < metadata->topics[i].partition_cnt;
             k++)
            if (rd_kafka_query_watermark_offsets(rk, topic, k, &low, &high, 10000) ==
                RD_KAFKA_RESP_ERR_NO_ERROR)
                count += high - low;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_destroy(rk);
    return count;
}
