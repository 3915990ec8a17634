/* DescribeConfigs: the settings of topics and of this broker. */
#include <inttypes.h>

#include "services/broker/call.h"

enum { RESOURCE_TOPIC = 2, RESOURCE_BROKER = 4 };
enum { SOURCE_TOPIC = 1, SOURCE_BROKER = 4, SOURCE_DEFAULT = 5 };

/* Which settings are asked for: all when there is no list. */
struct asked {
    int32_t n; /* -1: all */
    struct str *names;
};

struct described {
    struct call *call;
    const struct asked *asked;
    int32_t n;
};

static bool is_asked(const struct asked *asked, const char *name)
{
    for (int32_t i = 0; i < asked->n; i++)
        if (str_is(asked->names[i], name))
            return true;
    return asked->n < 0;
}

static void put_setting(struct described *described, const char *name, struct str value,
                        bool read_only, int8_t source)
{
    if (!is_asked(described->asked, name))
        return;
    struct call *call = described->call;
    struct writer *out = &call->out;
    described->n++;
    put_string(out, str_of(name));
    put_string(out, value);
    put_bool(out, read_only);
    if (call->version == 0)
        put_bool(out, source == SOURCE_DEFAULT);
    else
        put_i8(out, source);
    put_bool(out, false); /* nothing here is secret */
    if (call->version >= 1)
        put_i32(out, 0); /* no synonyms */
}

static void put_topic_settings(struct described *described, const struct topic *topic)
{
    for (int i = 0; i < N_TOPIC_SETTINGS; i++)
        put_setting(described, topic_setting_name(i),
                    topic_config_text(&topic->config, call_arena(described->call), i), true,
                    topic->config.set[i] ? SOURCE_TOPIC : SOURCE_DEFAULT);
    /* Tells a consumer that keeps its own positions whether this is still the topic that they
     * are of. */
    put_setting(described, "fanfare.topic.generation", str_of(topic->generation), true,
                SOURCE_TOPIC);
}

static void put_broker_settings(struct described *described)
{
    const struct broker_config *config = &described->call->broker->config;
    struct arena *arena = call_arena(described->call);
    put_setting(described, "auto.create.topics.enable",
                config->auto_create_topics ? STR("true") : STR("false"), true, SOURCE_BROKER);
    put_setting(described, "num.partitions",
                arena_printf(arena, "%" PRId32, config->default_partitions), true, SOURCE_BROKER);
    put_setting(described, "log.segment.bytes",
                arena_printf(arena, "%" PRId64, config->segment_bytes), true, SOURCE_BROKER);
    put_setting(described, "log.message.timestamp.after.max.ms",
                arena_printf(arena, "%" PRId64, config->ahead_ms), true, SOURCE_BROKER);
    put_setting(described, "socket.request.max.bytes",
                arena_printf(arena, "%" PRIu32, config->max_request_bytes), true, SOURCE_BROKER);
}

static enum kafka_error find(const struct call *call, int8_t kind, struct str name,
                             const struct topic **topic)
{
    *topic = kind == RESOURCE_TOPIC ? topic_get(call->broker->topics, name) : NULL;
    if (kind == RESOURCE_TOPIC)
        return *topic ? KAFKA_NONE : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    int64_t node;
    bool is_this = kind == RESOURCE_BROKER &&
                   (name.len == 0 || (str_to_int(name, &node) && node == BROKER_NODE_ID));
    return is_this ? KAFKA_NONE : KAFKA_INVALID_REQUEST;
}

struct resource {
    int8_t kind;
    struct str name;
    struct asked asked;
};

static void decode(struct call *call, struct resource *resource)
{
    struct reader *in = &call->in;
    resource->kind = get_i8(in);
    resource->name = get_string(in);
    resource->asked.n = get_count(in, 2);
    resource->asked.names = CALL_ARRAY(call, struct str, resource->asked.n);
    for (int32_t i = 0; i < resource->asked.n; i++)
        resource->asked.names[i] = get_string(in);
}

static void describe(struct call *call, const struct resource *resource)
{
    struct writer *out = &call->out;
    const struct topic *topic;
    enum kafka_error error = find(call, resource->kind, resource->name, &topic);
    put_i16(out, (int16_t)error);
    put_string(out, error ? STR("there is no such thing here") : (struct str){ NULL, 0 });
    put_i8(out, resource->kind);
    put_string(out, resource->name);
    size_t count = put_later32(out);
    struct described described = { .call = call, .asked = &resource->asked };
    if (topic)
        put_topic_settings(&described, topic);
    else if (!error)
        put_broker_settings(&described);
    set_later32(out, count, described.n);
}

bool handle_describe_configs(struct call *call)
{
    struct reader *in = &call->in;
    int32_t n = get_elements(in, 7);
    struct resource *resources = CALL_ARRAY(call, struct resource, n);
    for (int32_t i = 0; i < n && !in->bad; i++)
        decode(call, &resources[i]);
    if (call->version >= 1)
        get_bool(in); /* synonyms */
    if (in->bad)
        return false;
    put_i32(&call->out, 0);
    put_i32(&call->out, n);
    for (int32_t i = 0; i < n; i++)
        describe(call, &resources[i]);
    call_done(call);
    return true;
}
