#include <stdio.h>
#include <stdlib.h>

#include "platform/service/runtime.h"
#include "platform/service/settings_table.h"

/* The keys that every service has. A default may name a key that stands above it. */
static const struct setting common_settings[] = {
    { .key = "data",
      .kind = SETTING_PATH,
      .fallback = ".fanfare",
      .help = "Folder of everything that is kept; each service has its own below it",
      .common = true },
    { .key = "database",
      .kind = SETTING_URL,
      .choices = "sqlite|postgresql",
      .secret = true,
      .fallback = "sqlite:{data}/{service}/{service}.db",
      .help = "Where the service keeps its state" },
    { .key = "log",
      .kind = SETTING_URL,
      .choices = "kafka|kafkas",
      .fallback = "kafka://127.0.0.1:9092",
      .help =
          "The event log, as host:port[,host:port...]; kafkas: over TLS, where ?ca=FILE&cert=FILE&key=FILE "
          "may follow",
      .common = true },
    { .key = "keys",
      .kind = SETTING_PATH,
      .fallback = "{data}/keys",
      .help =
          "Folder of the key set and, where tokens are made, the signing key; made when it is the default",
      .common = true },
    { .key = "bind",
      .kind = SETTING_TEXT,
      .fallback = "127.0.0.1",
      .help = "Address that the API listens on",
      .common = true },
    { .key = "port",
      .kind = SETTING_INTEGER,
      .fallback = "{default_port}",
      .most = 65535,
      .help = "Port of the API; 0 for any free one" },
    { .key = "admin_bind",
      .kind = SETTING_TEXT,
      .fallback = "127.0.0.1",
      .help = "Address that health, metrics and faults listen on",
      .common = true },
    { .key = "admin_port",
      .kind = SETTING_INTEGER,
      .fallback = "{port+1000}",
      .most = 65535,
      .help = "Port of health, metrics and faults; 0 for any free one" },
    { .key = "max_body",
      .kind = SETTING_BYTES,
      .fallback = "1MB",
      .least = 1024,
      .most = 64 << 20,
      .help = "Largest body of a request, where the contract does not say otherwise",
      .common = true },
    { .key = "max_connections",
      .kind = SETTING_INTEGER,
      .fallback = "1000",
      .least = 1,
      .most = 100000,
      .help = "Connections at the same time",
      .common = true },
    { .key = "pool_threads",
      .kind = SETTING_INTEGER,
      .fallback = "8",
      .least = 1,
      .most = 256,
      .help = "Threads for operations that wait for other services",
      .common = true },
    { .key = "drain_limit",
      .kind = SETTING_DURATION,
      .fallback = "15s",
      .least = 1000000,
      .most = 600000000,
      .help = "How long the end may take before what still runs is cut",
      .common = true },
    { .key = "outbox_max",
      .kind = SETTING_BYTES,
      .fallback = "256MB",
      .least = 1 << 20,
      .most = 1LL << 40,
      .help = "Events that may wait for the log before operations that publish are refused",
      .common = true },
    { .key = "outbox_max_age",
      .kind = SETTING_DURATION,
      .fallback = "7d",
      .least = 1000000,
      .most = 365LL * 86400 * 1000000,
      .help = "How long an event may wait for the log before they are refused",
      .common = true },
    { .key = "registry_url",
      .kind = SETTING_URL,
      .choices = "http|https",
      .fallback = "http://127.0.0.1:8101",
      .help =
          "Where registry is, which is told what the service publishes and reads; empty for none",
      .optional = true,
      .common = true },
    { .key = "otlp_url",
      .kind = SETTING_URL,
      .choices = "http|https",
      .fallback = "",
      .help =
          "Collector of traces and metrics (OTLP/HTTP), such as http://127.0.0.1:4318; empty for none",
      .common = true },
    { .key = "trace_sample_per_mille",
      .kind = SETTING_INTEGER,
      .fallback = "10",
      .most = 1000,
      .help = "Traces of 1000 that are kept besides those with an error and the slow ones",
      .common = true },
    { .key = "trace_slow",
      .kind = SETTING_DURATION,
      .fallback = "500ms",
      .most = 3600LL * 1000000,
      .help = "Traces that take longer are kept",
      .common = true },
    { .key = "log_level",
      .kind = SETTING_CHOICE,
      .choices = "debug|info|warn|error",
      .fallback = "info",
      .help = "Least level that is logged",
      .common = true },
    { .key = "faults",
      .kind = SETTING_BOOL,
      .fallback = "false",
      .help = "Whether POST /faults of the admin listener may set fail points",
      .common = true },
};

/* Default ports of those that may be a neighbour (ARCHITECTURE.md). */
static const struct {
    const char *name;
    int port;
} neighbours[] = {
    { "gateway", 8080 },  { "registry", 8101 },        { "identity", 8102 },
    { "content", 8103 },  { "personalization", 8104 }, { "analytics", 8105 },
    { "campaign", 8106 }, { "email", 8107 },           { "search", 8108 },
    { "commerce", 8109 }, { "loyalty", 8110 },         { "crm", 8111 },
    { "ads", 8112 },      { "reporting", 8113 },       { "watch", 8114 },
    { "capacity", 8115 },
};

/* ---- declaring ---- */

static const char *peer_fallback(struct arena *arena, const char *peer)
{
    for (size_t i = 0; i < COUNT(neighbours); i++)
        if (strcmp(neighbours[i].name, peer) == 0)
            return arena_printf(arena, "http://127.0.0.1:%d", neighbours[i].port).ptr;
    return "http://127.0.0.1";
}

static struct setting peer_setting(struct arena *arena, const char *peer)
{
    return (struct setting){ .key = arena_printf(arena, "%s_url", peer).ptr,
                             .kind = SETTING_URL,
                             .choices = "http|https",
                             .fallback = peer_fallback(arena, peer),
                             .help = arena_printf(arena, "Where %s is", peer).ptr,
                             .common = true };
}

static bool is_wanted(const struct service *service, const char *key)
{
    if (strcmp(key, "log") == 0 || strcmp(key, "outbox_max") == 0 ||
        strcmp(key, "outbox_max_age") == 0)
        return !service->no_events;
    return true;
}

struct settings *settings_new(const struct service *service)
{
    struct arena *arena = arena_new(8192);
    struct settings *settings = ARENA_NEW(arena, struct settings);
    size_t n_peers = 0;
    while (service->peers && service->peers[n_peers])
        n_peers++;
    settings->service = service;
    settings->arena = arena;
    settings->values = ARENA_ARRAY(arena, struct setting_value,
                                   service->n_settings + COUNT(common_settings) + n_peers);
    for (size_t i = 0; i < service->n_settings; i++)
        settings->values[settings->n_values++].setting = service->settings[i];
    settings->n_own = settings->n_values;
    settings->n_peers = n_peers;
    for (size_t i = 0; i < n_peers; i++)
        settings->values[settings->n_values++].setting = peer_setting(arena, service->peers[i]);
    for (size_t i = 0; i < COUNT(common_settings); i++)
        if (is_wanted(service, common_settings[i].key))
            settings->values[settings->n_values++].setting = common_settings[i];
    return settings;
}

void settings_free(struct settings *settings)
{
    if (settings)
        arena_free(settings->arena);
}

/* ---- defaults ---- */

/* What "{name}" stands for. */
static struct str expand_name(struct settings *settings, struct str name)
{
    if (str_is(name, "service"))
        return str_of(settings->service->name);
    if (str_is(name, "default_port"))
        return arena_printf(settings->arena, "%d", settings->service->port);
    if (str_is(name, "port+1000")) {
        int64_t port = settings_get(settings, "port")->number;
        return arena_printf(settings->arena, "%d", port ? (int)port + 1000 : 0);
    }
    const struct setting_value *value = settings_find(settings, name);
    return value ? value->text : STR("");
}

static struct str expand(struct settings *settings, const char *fallback)
{
    struct str rest = str_of(fallback), text = STR(""), part;
    while (str_split(&rest, '{', &part)) {
        text = arena_printf(settings->arena, "%s" STR_FMT, text.ptr, STR_ARG(part));
        if (!rest.ptr || !str_split(&rest, '}', &part))
            break;
        text = arena_printf(settings->arena, "%s" STR_FMT, text.ptr,
                            STR_ARG(expand_name(settings, part)));
    }
    return text;
}

bool settings_finish(struct ctx *ctx, struct settings *settings)
{
    for (size_t i = 0; i < settings->n_values; i++) {
        /* The common ones first: those of the service may be made of them. */
        struct setting_value *value = &settings->values[(i + settings->n_own) % settings->n_values];
        const char *where = arena_printf(ctx->arena, "the default of %s", value->setting.key).ptr;
        if (value->source == FROM_DEFAULT &&
            !settings_put(ctx, settings, value, FROM_DEFAULT,
                          expand(settings, value->setting.fallback), where))
            return false;
    }
    return true;
}

/* ---- values ---- */

struct setting_value *settings_find(struct settings *settings, struct str key)
{
    char wanted[64];
    if (key.len >= sizeof(wanted))
        return NULL;
    for (size_t i = 0; i < key.len; i++)
        wanted[i] = key.ptr[i] == '-' ? '_' : key.ptr[i];
    for (size_t i = 0; i < settings->n_values; i++)
        if (str_is((struct str){ wanted, key.len }, settings->values[i].setting.key))
            return &settings->values[i];
    return NULL;
}

const struct setting_value *settings_get(const struct settings *settings, const char *key)
{
    for (size_t i = 0; i < settings->n_values; i++)
        if (strcmp(settings->values[i].setting.key, key) == 0)
            return &settings->values[i];
    return NULL;
}

bool settings_put(struct ctx *ctx, struct settings *settings, struct setting_value *value,
                  enum setting_source source, struct str text, const char *where)
{
    int64_t number;
    if (!setting_parse(&value->setting, text, &number)) {
        const char *shown = value->setting.secret
                                ? "its value"
                                : arena_printf(ctx->arena, "\"" STR_FMT "\"", STR_ARG(text)).ptr;
        return ctx_fail(ctx, ERR_INVALID, "%s: %s is not %s", where, shown,
                        setting_wanted(ctx->arena, &value->setting).ptr);
    }
    if (source < value->source)
        return true;
    value->source = source;
    value->text = arena_str(settings->arena, text);
    value->number = number;
    return true;
}

bool settings_set(struct ctx *ctx, struct settings *settings, struct str pair)
{
    struct str rest = pair, key;
    str_split(&rest, '=', &key);
    struct setting_value *value = settings_find(settings, key);
    const char *where = arena_cstr(ctx->arena, key);
    if (!value)
        return settings_unknown(ctx, settings, key, where);
    return settings_put(ctx, settings, value, FROM_FLAG, rest, where);
}

static const struct setting_value *declared(const struct ctx *ctx, const char *key)
{
    const struct setting_value *value = settings_get(runtime_of(ctx)->settings, key);
    if (!value) {
        fprintf(stderr, "setting \"%s\" is used and not declared\n", key);
        abort();
    }
    return value;
}

struct str setting_text(const struct ctx *ctx, const char *key)
{
    return declared(ctx, key)->text;
}

int64_t setting_int(const struct ctx *ctx, const char *key)
{
    return declared(ctx, key)->number;
}

bool setting_bool(const struct ctx *ctx, const char *key)
{
    return declared(ctx, key)->number != 0;
}
