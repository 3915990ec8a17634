#include <errno.h>
#include <unistd.h>

#include "platform/events/events_internal.h"
#include "platform/telemetry/log.h"

/* Each client finds out for itself, some later than others: what says "away" so shortly after "back" is old. */
#define STALE_US (2 * US_PER_S)

void broker_is_away(struct broker_state *state, const char *why)
{
    if (clock_mono_us() - atomic_load(&state->back_us) < STALE_US)
        return;
    if (atomic_exchange(&state->away, 1) == 0)
        log_line(LOG_WARN, NULL, "event_log_away", LOG_C("servers", state->servers),
                 LOG_C("cause", why));
}

void broker_is_back(struct broker_state *state)
{
    if (!atomic_load_explicit(&state->away, memory_order_relaxed))
        return;
    atomic_store(&state->back_us, clock_mono_us());
    if (atomic_exchange(&state->away, 0) == 1)
        log_line(LOG_INFO, NULL, "event_log_back", LOG_C("servers", state->servers));
}

/* librdkafka tells its own story line by line, again and again while a broker is away; what matters of it comes as
 * errors, and is logged once by us. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    if (level <= 2)
        log_line(LOG_ERROR, NULL, "librdkafka", LOG_C("facility", facility), LOG_C("text", text));
}

void kafka_set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, key, value, why, sizeof why) == RD_KAFKA_CONF_OK)
        return;
    log_line(LOG_ERROR, NULL, "librdkafka_setting", LOG_C("key", key), LOG_C("cause", why));
    abort(); /* a mistake in this program */
}

static void set_tls(rd_kafka_conf_t *conf, const struct broker_state *address)
{
    kafka_set(conf, "security.protocol", "ssl");
    if (address->ca)
        kafka_set(conf, "ssl.ca.location", address->ca);
    if (address->cert)
        kafka_set(conf, "ssl.certificate.location", address->cert);
    if (address->key)
        kafka_set(conf, "ssl.key.location", address->key);
}

rd_kafka_conf_t *kafka_conf(struct events *events, void *opaque)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    kafka_set(conf, "bootstrap.servers", events->broker.servers);
    if (events->broker.tls)
        set_tls(conf, &events->broker);
    kafka_set(conf, "client.id", events->service);
    kafka_set(conf, "reconnect.backoff.ms", "50");
    kafka_set(conf, "reconnect.backoff.max.ms", "1000"); /* back within a second of the broker */
    kafka_set(conf, "socket.nagle.disable", "true");
    kafka_set(conf, "socket.timeout.ms", "20000");
    kafka_set(conf, "log.connection.close", "false");
    kafka_set(conf, "topic.metadata.refresh.interval.ms", "30000");
    kafka_set(conf, "topic.metadata.propagation.max.ms", "10000");
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_opaque(conf, opaque);
    return conf;
}

rd_kafka_t *kafka_new(struct ctx *ctx, rd_kafka_type_t kind, rd_kafka_conf_t *conf)
{
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(kind, conf, why, sizeof why);
    if (rk)
        return rk;
    rd_kafka_conf_destroy(conf);
    ctx_fail(ctx, ERR_UNAVAILABLE, "no client for the event log: %s", why);
    return NULL;
}

static char *text_of(struct str text)
{
    char *copy = mem_alloc(text.len + 1);
    memcpy(copy, text.ptr, text.len);
    return copy;
}

/* "ca=FILE&cert=FILE&key=FILE", any of them. */
static bool read_files(struct str query, struct broker_state *out)
{
    struct {
        const char *name;
        char **path;
    } files[] = { { "ca", &out->ca }, { "cert", &out->cert }, { "key", &out->key } };
    for (struct str file, name; str_split(&query, '&', &file);) {
        size_t i = 0;
        str_split(&file, '=', &name);
        while (i < COUNT(files) && !str_is(name, files[i].name))
            i++;
        if (i == COUNT(files) || !file.len || *files[i].path)
            return false;
        *files[i].path = text_of(file);
    }
    return true;
}

static bool read_address(struct str text, struct broker_state *out)
{
    struct str hosts, scheme;
    str_split(&text, ':', &scheme);
    out->tls = str_is(scheme, "kafkas");
    if ((!out->tls && !str_is(scheme, "kafka")) || !str_starts(text, STR("//")))
        return false;
    text = (struct str){ text.ptr + 2, text.len - 2 };
    bool has_files = str_find_char(text, '?') >= 0;
    str_split(&text, '?', &hosts);
    while (str_ends(hosts, STR("/")))
        hosts.len--;
    if (!hosts.len || str_find_char(hosts, '/') >= 0 || str_find_char(hosts, ' ') >= 0)
        return false;
    out->servers = text_of(hosts);
    return !has_files || (out->tls && read_files(text, out));
}

static bool may_read(struct ctx *ctx, const char *path)
{
    return !path || access(path, R_OK) == 0 ||
           ctx_fail(ctx, ERR_INVALID, "the event log's URL: %s: %s", path, strerror(errno));
}

bool kafka_address(struct ctx *ctx, const char *url, struct broker_state *out)
{
    bool ok = read_address(str_of(url ? url : ""), out);
    if (ok && may_read(ctx, out->ca) && may_read(ctx, out->cert) && may_read(ctx, out->key))
        return true;
    kafka_address_clear(out);
    return !ok &&
           ctx_fail(ctx, ERR_INVALID,
                    "the event log's URL must be kafka://host:port[,host:port...], or with TLS "
                    "kafkas://...[?ca=FILE&cert=FILE&key=FILE], not \"%s\"",
                    url ? url : "");
}

void kafka_address_clear(struct broker_state *address)
{
    free(address->servers);
    free(address->ca);
    free(address->cert);
    free(address->key);
    address->servers = address->ca = address->cert = address->key = NULL;
}
