/* CreateTopics, DeleteTopics, CreatePartitions. */
#include "services/broker/call.h"

#define TOPIC_LEAST_BYTES 14

enum change_kind { CHANGE_MAKE, CHANGE_DELETE, CHANGE_GROW };

/* One topic of a request. */
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
    enum change_kind kind;
};

static void answer(struct changing *changing)
{
    struct call *call = changing->call;
    struct writer *out = &call->out;
    static const int16_t throttle_since[] = {
        [CHANGE_MAKE] = 2, [CHANGE_DELETE] = 1, [CHANGE_GROW] = 0
    };
    static const int16_t why_since[] = {
        [CHANGE_MAKE] = 1, [CHANGE_DELETE] = INT16_MAX, [CHANGE_GROW] = 0
    };
    if (call->version >= throttle_since[changing->kind])
        put_i32(out, 0);
    put_i32(out, changing->n);
    for (int32_t i = 0; i < changing->n; i++) {
        put_string(out, changing->topics[i].name);
        put_i16(out, (int16_t)changing->topics[i].error);
        if (call->version >= why_since[changing->kind])
            put_string(out, changing->topics[i].why);
    }
    call_done(call);
}

static void changed_done(struct topic_waiter *waiter, enum kafka_error error)
{
    struct changed *one = CONTAINER_OF(waiter, struct changed, waiter);
    one->error = error;
    if (!error && one->changing->kind == CHANGE_DELETE)
        offsets_forget_topic(one->changing->call->broker->offsets, one->name);
    if (--one->changing->waiting == 0)
        answer(one->changing);
}

static struct changing *changing_new(struct call *call, enum change_kind kind, int32_t n)
{
    struct changing *changing = ARENA_NEW(call_arena(call), struct changing);
    changing->call = call;
    changing->kind = kind;
    changing->n = MAX(n, 0);
    changing->topics = CALL_ARRAY(call, struct changed, changing->n);
    changing->waiting = 1; /* until all are started */
    return changing;
}

/* Counts it in; what follows must make the waiter be told. */
static void change_starts(struct changing *changing, struct changed *one)
{
    one->changing = changing;
    one->waiter.done = changed_done;
    changing->waiting++;
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
        skip_bytes(in, (size_t)get_elements(in, 4) * 4);
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
    struct changing *changing = changing_new(call, CHANGE_MAKE, get_count(in, TOPIC_LEAST_BYTES));
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
        change_starts(changing, one);
        topic_make(call->broker->topics, one->name, one->n_partitions, &one->config, &one->waiter);
    }
    if (--changing->waiting == 0)
        answer(changing);
    return true;
}

bool handle_delete_topics(struct call *call)
{
    struct reader *in = &call->in;
    struct changing *changing = changing_new(call, CHANGE_DELETE, get_count(in, 2));
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
        change_starts(changing, one);
        topic_delete(call->broker->topics, topic, &one->waiter);
    }
    if (--changing->waiting == 0)
        answer(changing);
    return true;
}

static void decode_grown(struct call *call, struct changed *one)
{
    struct reader *in = &call->in;
    one->name = get_string(in);
    one->n_partitions = get_i32(in);
    int32_t placed = get_elements(in, 4);
    one->placed = placed > 0;
    for (; placed > 0 && !in->bad; placed--)
        skip_bytes(in, (size_t)get_elements(in, 4) * 4);
}

/* Keys are spread over the partitions by their number, and what is in order per key needs it to
 * stay: more partitions are an operator's decision. */
static enum kafka_error check_grown(const struct call *call, const struct topic *topic,
                                    struct changed *one)
{
    if (!topic)
        return refuse(one, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, STR("there is no such topic"));
    if (!call->broker->config.partitions_may_grow)
        return refuse(one, KAFKA_INVALID_PARTITIONS,
                      STR("the number of partitions of a topic never changes"));
    if (one->n_partitions <= topic->n_partitions || one->n_partitions > TOPIC_PARTITIONS_MOST)
        return refuse(one, KAFKA_INVALID_PARTITIONS,
                      STR("not more partitions than there are, or over 1000"));
    if (!topics_have_room(call->broker->topics, one->n_partitions - topic->n_partitions))
        return refuse(one, KAFKA_POLICY_VIOLATION, STR("there are too many partitions"));
    return topic->growing ? refuse(one, KAFKA_INVALID_REQUEST, STR("it is growing already"))
                          : KAFKA_NONE;
}

bool handle_create_partitions(struct call *call)
{
    struct reader *in = &call->in;
    struct changing *changing = changing_new(call, CHANGE_GROW, get_elements(in, 10));
    for (int32_t i = 0; i < changing->n && !in->bad; i++)
        decode_grown(call, &changing->topics[i]);
    get_i32(in);
    bool validate_only = get_bool(in);
    if (in->bad)
        return false;
    for (int32_t i = 0; i < changing->n; i++) {
        struct changed *one = &changing->topics[i];
        struct topic *topic = topic_get(call->broker->topics, one->name);
        if (check_grown(call, topic, one) || validate_only)
            continue;
        change_starts(changing, one);
        topic_grow(call->broker->topics, topic, one->n_partitions, &one->waiter);
    }
    if (--changing->waiting == 0)
        answer(changing);
    return true;
}
