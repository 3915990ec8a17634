/* What the broker lets go, over the wire: by age and size, deleted records, committed offsets.
 *
 * broker_retention_test BROKER */
#include "base/macros.h"
#include "services/broker/tests/process.h"

#define WAIT_MS 10000

#define MAKE_TOPIC(name, ...)                                                                      \
    make_topic_with(name, 1, (struct topic_setting[]){ __VA_ARGS__, { NULL, NULL } })

/* ---- clients ---- */

static void send_values(const char *topic, int n, size_t bytes)
{
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "enable.idempotence", "true");
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf);
    char *value = calloc(1, bytes);
    for (int i = 0; i < n; i++) {
        snprintf(value, bytes, "%d", i);
        CHECK(!rd_kafka_producev(client, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                 RD_KAFKA_V_VALUE(value, bytes), RD_KAFKA_V_END));
    }
    CHECK(!rd_kafka_flush(client, WAIT_MS));
    free(value);
    rd_kafka_destroy(client);
}

struct range {
    int64_t low, high;
};

static struct range range_of(const char *topic)
{
    struct range range = { -1, -1 };
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, conf_new());
    CHECK(!rd_kafka_query_watermark_offsets(client, topic, 0, &range.low, &range.high, WAIT_MS));
    rd_kafka_destroy(client);
    return range;
}

/* The first offset that comes to a consumer that wants to start at `offset`; what to do when that
 * is not there any more is its own to say. */
static int64_t first_read(const char *topic, int64_t offset, const char *reset,
                          rd_kafka_resp_err_t *error)
{
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "group.id", "first");
    set(conf, "auto.offset.reset", reset);
    rd_kafka_t *client = client_new(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(client);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = offset;
    CHECK(!rd_kafka_assign(client, list));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(client, WAIT_MS);
    int64_t first = -1;
    if (CHECK(message)) {
        *error = message->err;
        first = message->err ? -1 : message->offset;
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
    return first;
}

/* ---- tests ---- */

static bool starts_at_least(const char *topic, int64_t low)
{
    for (int i = 0; i < WAIT_MS / 50; i++) {
        if (range_of(topic).low >= low)
            return true;
        usleep(50000);
    }
    return false;
}

static void test_age(void)
{
    CHECK(!MAKE_TOPIC("aged", { "retention.ms", "300" }, { "cleanup.policy", "delete" }));
    CHECK(!MAKE_TOPIC("kept", { "segment.ms", "100" }));
    send_values("aged", 100, 100);
    send_values("kept", 100, 100);
    CHECK(starts_at_least("aged", 100)); /* nothing more comes, and it goes all the same */
    struct range range = range_of("aged");
    CHECK(range.low == 100 && range.high == 100);
    range = range_of("kept");
    CHECK(range.low == 0 && range.high == 100);
    broker_end(SIGKILL);
    broker_start();
    CHECK_INT(range_of("aged").low, 100);
    send_values("aged", 10, 100);
    CHECK_INT(range_of("aged").high, 110);
}

static void test_size(void)
{
    CHECK(!MAKE_TOPIC("sized", { "retention.bytes", "200000" }, { "segment.bytes", "65536" }));
    for (int i = 0; i < 10; i++)
        send_values("sized", 100, 1000);
    CHECK(starts_at_least("sized", 700));
    struct range range = range_of("sized");
    CHECK(range.low <= 900 && range.high == 1000);
    rd_kafka_resp_err_t error;
    CHECK(first_read("sized", 10, "earliest", &error) >= range.low);
    CHECK(first_read("sized", 10, "error", &error) == -1 && error);
}

static rd_kafka_resp_err_t delete_records(const char *topic, int64_t offset, int64_t *low)
{
    rd_kafka_t *client = client_new(RD_KAFKA_PRODUCER, conf_new());
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, 0)->offset = offset;
    rd_kafka_DeleteRecords_t *wanted = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_DeleteRecords(client, &wanted, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);
    REQUIRE(event);
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    if (!error) {
        const rd_kafka_topic_partition_list_t *done =
            rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
        error = done->elems[0].err;
        *low = done->elems[0].offset;
    }
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(wanted);
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(client);
    return error;
}

static void test_delete_records(void)
{
    int64_t low = -1;
    CHECK(!MAKE_TOPIC("deleted", { "segment.bytes", "16384" }));
    send_values("deleted", 100, 1000);
    CHECK(!delete_records("deleted", 37, &low));
    CHECK_INT(low, 37);
    broker_end(SIGKILL); /* what was answered is so after a kill */
    broker_start();
    CHECK_INT(range_of("deleted").low, 37);
    CHECK(!delete_records("deleted", 10, &low));
    CHECK_INT(low, 37);
    CHECK_INT(delete_records("deleted", 101, &low), RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE);
    rd_kafka_resp_err_t error;
    CHECK_INT(first_read("deleted", 0, "earliest", &error), 37);
    CHECK(!delete_records("deleted", RD_KAFKA_OFFSET_END, &low));
    CHECK_INT(low, 100);
    struct range range = range_of("deleted");
    CHECK(range.low == 100 && range.high == 100);
    CHECK(!MAKE_TOPIC("by-key", { "cleanup.policy", "compact" }));
    CHECK_INT(delete_records("by-key", 0, &low), RD_KAFKA_RESP_ERR_POLICY_VIOLATION);
}

static rd_kafka_t *member_new(const char *group)
{
    rd_kafka_conf_t *conf = conf_new();
    set(conf, "group.id", group);
    set(conf, "enable.auto.commit", "false");
    set(conf, "session.timeout.ms", "6000");
    return client_new(RD_KAFKA_CONSUMER, conf);
}

static int64_t committed(rd_kafka_t *client)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *place = rd_kafka_topic_partition_list_add(list, "kept", 0);
    CHECK(!rd_kafka_committed(client, list, WAIT_MS));
    int64_t offset = place->offset;
    rd_kafka_topic_partition_list_destroy(list);
    return offset;
}

static void commit(rd_kafka_t *client, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "kept", 0)->offset = offset;
    CHECK(!rd_kafka_commit(client, list, 0));
    rd_kafka_topic_partition_list_destroy(list);
}

/* Groups that are empty and silent are forgotten; one with a member is not, however silent. */
static void test_offsets(void)
{
    rd_kafka_t *gone = member_new("gone"), *member = member_new("member");
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, "kept", RD_KAFKA_PARTITION_UA);
    CHECK(!rd_kafka_subscribe(member, list));
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(member, 3000);
    if (message)
        rd_kafka_message_destroy(message);
    commit(gone, 7);
    CHECK(!rd_kafka_commit(member, NULL, 0) || committed(member) < 0);
    commit(member, 9);
    CHECK(committed(gone) == 7 && committed(member) == 9);
    for (int i = 0; i < WAIT_MS / 50 && committed(gone) == 7; i++)
        usleep(50000);
    CHECK(committed(gone) < 0);
    CHECK_INT(committed(member), 9);
    rd_kafka_consumer_close(member);
    rd_kafka_destroy(gone);
    rd_kafka_destroy(member);
}

int main(int argc, char **argv)
{
    REQUIRE(argc == 2);
    setenv("FANFARE_BROKER_HOUSEKEEPING", "50ms", 1);
    setenv("FANFARE_BROKER_OFFSETS_KEEP", "3s", 1);
    setup(argv[1]);
    broker_start();
    test_age();
    test_size();
    test_delete_records();
    test_offsets();
    broker_end(SIGTERM);
    return check_end();
}
