/* CreateTopics, DeleteTopics, CreatePartitions. */
#include "services/broker/call.h"

#define TOPIC_LEAST_BYTES 14

/* One topic of a CreateTopics or DeleteTopics request. */
struct changed {
    struct topic_waiter waiter;
    struct changing *changing;
    struct str name;
    int32_t n_partitions;
    int16_t replication;
    bool placed; /* the request says on which nodes */
    struct topic_config config;
    enum kafka_error error;
    struct str why;
};

/* The request: answered when every topic is. */
struct changing {
    struct call *call;
    int32_t n;
    struct changed *topics;
    size_t waiting;
    bool creates;
};

static void answer(struct changing *changing)
{
    struct call *call = changing->call;
    struct writer *out = &call->out;
    if (call->version >= (changing->creates ? 2 : 1))
        put_i32(out, 0);
    put_i32(out, changing->n);
    for (int32_t i = 0; i < changing->n; i++) {
        put_string(out, changing->topics[i].name);
        put_i16(out, (int16_t)changing->topics[i].error);
        if (changing->creates && call->version >= 1)
            put_string(out, changing->topics[i].why);
    }
    call_done(call);
}

static void changed_done(struct topic_waiter *waiter, enum kafka_error error)
{
    struct changed *one = CONTAINER_OF(waiter, struct changed, waiter);
    one->error = error;
    if (!error && !one->changing->creates)
        offsets_forget_topic(one->changing->call->broker->offsets, one->name);
    if (--one->changing->waiting == 0)
        answer(one->changing);
}

static struct changing *changing_new(struct call *call, bool creates, int32_t n)
{
    struct changing *changing = ARENA_NEW(call_arena(call), struct changing);
    changing->call = call;
    changing->creates = creates;
    changing->n = MAX(n, 0);
    changing->topics = CALL_ARRAY(call, struct changed, changing->n);
    changing->waiting = 1; /* until all are started */
    return changing;
}

static enum kafka_error refuse(struct changed *one, enum kafka_error error, struct str why)
{
    one->error = error;
    one->why = why;
    return error;
}

static void decode_config(struct call *call, struct changed *one)
{
    struct reader *in = &call->in;
    struct str name = get_string(in), value = get_string(in);
    if (!in->bad && !one->error &&
        !topic_config_set(&one->config, call_arena(call), name, value, &one->why))
        one->error = KAFKA_INVALID_CONFIG;
}

static void decode_created(struct call *call, struct changed *one)
{
    struct reader *in = &call->in;
    one->name = get_string(in);
    one->n_partitions = get_i32(in);
    one->replication = get_i16(in);
    int32_t placed = get_count(in, 8);
    one->placed = placed > 0;
    for (; placed > 0 && !in->bad; placed--) {
        get_i32(in);
        int32_t nodes = get_count(in, 4);
        skip_bytes(in, nodes > 0 ? (size_t)nodes * 4 : 0);
    }
    topic_config_init(&one->config, topics_segment_bytes(call->broker->topics));
    for (int32_t left = get_count(in, 4); left > 0 && !in->bad; left--)
        decode_config(call, one);
}

static enum kafka_error check_created(const struct call *call, struct changed *one)
{
    if (!topic_name_is_valid(one->name))
        return refuse(one, KAFKA_INVALID_TOPIC,
                      STR("a topic's name is 1 to 249 of a-z A-Z 0-9 . _ -"));
    if (topic_find(call->broker->topics, one->name))
        return refuse(one, KAFKA_TOPIC_ALREADY_EXISTS, STR("the topic exists"));
    if (one->error)
        return one->error;
    if (one->placed)
        return refuse(one, KAFKA_INVALID_REPLICA_ASSIGNMENT,
                      STR("there is one node, nothing can be placed"));
    if (one->n_partitions == -1)
        one->n_partitions = call->broker->config.default_partitions;
    if (one->n_partitions < 1 || one->n_partitions > TOPIC_PARTITIONS_MOST)
        return refuse(one, KAFKA_INVALID_PARTITIONS, STR("a topic has 1 to 1000 partitions"));
    if (one->replication != -1 && one->replication != 1)
        return refuse(one, KAFKA_INVALID_REPLICATION_FACTOR,
                      STR("there is one node: the replication factor is 1"));
    if (!topics_have_room(call->broker->topics, one->n_partitions))
        return refuse(one, KAFKA_POLICY_VIOLATION, STR("there are too many partitions"));
    return KAFKA_NONE;
}

bool handle_create_topics(struct call *call)
{
    struct reader *in = &call->in;
    struct changing *changing = changing_new(call, true, get_count(in, TOPIC_LEAST_BYTES));
    for (int32_t i = 0; i < changing->n && !in->bad; i++)
        decode_created(call, &changing->topics[i]);
    get_i32(in); /* timeout: it takes milliseconds */
    bool validate_only = call->version >= 1 ? get_bool(in) : false;
    if (in->bad)
        return false;
    for (int32_t i = 0; i < changing->n; i++) {
        struct changed *one = &changing->topics[i];
        if (check_created(call, one) || validate_only)
            continue;
        one->changing = changing;
        one->waiter.done = changed_done;
        changing->waiting++;
        topic_make(call->broker->topics, one->name, one->n_partitions, &one->config, &one->waiter);
    }
    if (--changing->waiting == 0)
        answer(changing);
    return true;
}

bool handle_delete_topics(struct call *call)
{
    struct reader *in = &call->in;
    struct changing *changing = changing_new(call, false, get_count(in, 2));
    for (int32_t i = 0; i < changing->n; i++)
        changing->topics[i].name = get_string(in);
    get_i32(in);
    if (in->bad)
        return false;
    for (int32_t i = 0; i < changing->n; i++) {
        struct changed *one = &changing->topics[i];
        struct topic *topic = topic_get(call->broker->topics, one->name);
        if (!topic) {
            one->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
            continue;
        }
        one->changing = changing;
        one->waiter.done = changed_done;
        changing->waiting++;
        topic_delete(call->broker->topics, topic, &one->waiter);
    }
    if (--changing->waiting == 0)
        answer(changing);
    return true;
}

/* Keys are spread over the partitions by their number; what is in order per key needs it to
 * stay. */
static void refuse_partitions(struct call *call)
{
    struct reader *in = &call->in;
    struct writer *out = &call->out;
    struct str name = get_string(in);
    int32_t count = get_i32(in);
    for (int32_t left = get_count(in, 4); left > 0 && !in->bad; left--) {
        int32_t nodes = get_count(in, 4);
        skip_bytes(in, nodes > 0 ? (size_t)nodes * 4 : 0);
    }
    const struct topic *topic = topic_get(call->broker->topics, name);
    put_string(out, name);
    put_i16(out, topic ? KAFKA_INVALID_PARTITIONS : KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    put_string(out, topic && topic->n_partitions == count
                        ? STR("the topic has that many partitions")
                    : topic ? STR("the number of partitions of a topic never changes")
                            : STR("there is no such topic"));
}

bool handle_create_partitions(struct call *call)
{
    struct reader *in = &call->in;
    put_i32(&call->out, 0);
    int32_t n = get_elements(in, 10);
    put_i32(&call->out, n);
    for (; n > 0 && !in->bad; n--)
        refuse_partitions(call);
    get_i32(in);
    get_bool(in);
    if (!in->bad)
        call_done(call);
    return !in->bad;
}
