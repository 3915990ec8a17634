/* Metadata and FindCoordinator: everything is on this one node. */
#include "services/broker/call.h"

#define AUTHORIZED_NOT_ASKED INT32_MIN

/* Where the peer finds this broker: as configured, or the address that it has connected to. */
static struct str advertised(const struct call *call, char host[64], int32_t *port)
{
    struct str text = str_of(call->broker->config.advertised);
    int64_t number;
    for (size_t i = text.len; i > 0; i--)
        if (text.ptr[i - 1] == ':' &&
            str_to_int((struct str){ text.ptr + i, text.len - i }, &number)) {
            *port = (int32_t)number;
            return (struct str){ text.ptr, i - 1 };
        }
    conn_local(call->conn, host, port);
    return text.len ? text : str_of(host);
}

static void put_node(struct call *call)
{
    char host[64];
    int32_t port;
    struct str name = advertised(call, host, &port);
    put_i32(&call->out, BROKER_NODE_ID);
    put_string(&call->out, name);
    put_i32(&call->out, port);
}

static void put_this_node_alone(struct writer *out)
{
    put_i32(out, 1);
    put_i32(out, BROKER_NODE_ID);
}

static void put_partition(const struct call *call, struct writer *out, int32_t number)
{
    put_i16(out, KAFKA_NONE);
    put_i32(out, number);
    put_i32(out, BROKER_NODE_ID);
    if (call->version >= 7)
        put_i32(out, 0); /* leader epoch */
    put_this_node_alone(out);
    put_this_node_alone(out);
    if (call->version >= 5)
        put_i32(out, 0); /* none offline */
}

static void put_topic(const struct call *call, struct writer *out, struct str name,
                      enum kafka_error error, const struct topic *topic)
{
    put_i16(out, (int16_t)error);
    put_string(out, name);
    if (call->version >= 1)
        put_bool(out, false);
    put_i32(out, error ? 0 : topic->n_partitions);
    for (int32_t i = 0; !error && i < topic->n_partitions; i++)
        put_partition(call, out, i);
    if (call->version >= 8)
        put_i32(out, AUTHORIZED_NOT_ASKED);
}

/* The state of a topic that was asked for by name. Making one takes a moment: the client asks
 * again. */
static enum kafka_error find_topic(struct call *call, struct str name, bool may_make,
                                   struct topic **topic)
{
    struct broker *broker = call->broker;
    *topic = topic_find(broker->topics, name);
    if (*topic)
        return (*topic)->state == TOPIC_READY    ? KAFKA_NONE
               : (*topic)->state == TOPIC_MAKING ? KAFKA_LEADER_NOT_AVAILABLE
                                                 : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    if (!topic_name_is_valid(name))
        return KAFKA_INVALID_TOPIC;
    if (!may_make || !broker->config.auto_create_topics)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    if (!topics_have_room(broker->topics, broker->config.default_partitions))
        return KAFKA_POLICY_VIOLATION;
    struct topic_config config;
    topic_config_init(&config, topics_segment_bytes(broker->topics));
    topic_make(broker->topics, name, broker->config.default_partitions, &config, NULL);
    return KAFKA_LEADER_NOT_AVAILABLE;
}

static void put_all_topics(struct call *call)
{
    struct writer *out = &call->out;
    size_t place = put_later32(out);
    int32_t n = 0;
    const struct topic *topic;
    for (size_t at = 0; (topic = topic_next(call->broker->topics, &at));) {
        if (topic->state == TOPIC_READY) {
            put_topic(call, out, topic->name, KAFKA_NONE, topic);
            n++;
        }
    }
    set_later32(out, place, n);
}

static void put_named_topics(struct call *call, const struct str *names, int32_t n, bool may_make)
{
    put_i32(&call->out, n);
    for (int32_t i = 0; i < n; i++) {
        struct topic *topic;
        enum kafka_error error = find_topic(call, names[i], may_make, &topic);
        put_topic(call, &call->out, names[i], error, topic);
    }
}

bool handle_metadata(struct call *call)
{
    struct reader *in = &call->in;
    struct writer *out = &call->out;
    int32_t n = get_count(in, 2);
    struct str *names = CALL_ARRAY(call, struct str, n);
    for (int32_t i = 0; i < n; i++)
        names[i] = get_string(in);
    bool may_make = call->version >= 4 ? get_bool(in) : true;
    if (in->bad)
        return false;
    if (call->version >= 3)
        put_i32(out, 0);
    put_i32(out, 1);
    put_node(call);
    if (call->version >= 1)
        put_string(out, (struct str){ NULL, 0 }); /* rack */
    if (call->version >= 2)
        put_string(out, str_of(call->broker->cluster_id));
    if (call->version >= 1)
        put_i32(out, BROKER_NODE_ID);
    if (n < 0 || (n == 0 && call->version == 0))
        put_all_topics(call);
    else
        put_named_topics(call, names, n, may_make);
    if (call->version >= 8)
        put_i32(out, AUTHORIZED_NOT_ASKED);
    call_done(call);
    return true;
}

bool handle_find_coordinator(struct call *call)
{
    struct reader *in = &call->in;
    struct writer *out = &call->out;
    get_string(in);
    int8_t kind = call->version >= 1 ? get_i8(in) : 0;
    if (in->bad)
        return false;
    enum kafka_error error = kind == 0 ? KAFKA_NONE
                                       : KAFKA_INVALID_REQUEST; /* 1: of transactions */
    if (call->version >= 1)
        put_i32(out, 0);
    put_i16(out, (int16_t)error);
    if (call->version >= 1)
        put_string(out, error ? STR("only consumer groups have a coordinator here")
                              : (struct str){ NULL, 0 });
    put_node(call);
    call_done(call);
    return true;
}
