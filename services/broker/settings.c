#include "services/broker/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "services/broker/files.h"

#define OWN_PREFIX "FANFARE_BROKER_"

enum kind { TEXT, INTEGER, BOOL, BYTES, DURATION, LEVEL };

static const struct setting {
    const char *key;
    enum kind kind;
    bool common; /* FANFARE_<KEY> counts, too */
    const char *fallback, *help;
    int64_t least, most;
} settings[] = {
    { "data", TEXT, true, ".fanfare",
      "Folder of everything that is kept; the log is in broker/ below it", 0, 0 },
    { "bind", TEXT, true, "127.0.0.1", "Address that the Kafka protocol listens on", 0, 0 },
    { "port", INTEGER, false, "9092", "Port of the Kafka protocol; 0 for any free one", 0, 65535 },
    { "tls_cert", TEXT, false, "",
      "File with the certificate and its chain (PEM): the Kafka protocol goes over TLS", 0, 0 },
    { "tls_key", TEXT, false, "", "File with the certificate's key (PEM)", 0, 0 },
    { "tls_ca", TEXT, false, "",
      "File of certificates (PEM) one of which must have signed that of a client; empty: none is asked for",
      0, 0 },
    { "plaintext", BOOL, false, "false",
      "Listens beyond loopback without TLS: where the network itself is private", 0, 0 },
    { "admin_bind", TEXT, true, "127.0.0.1", "Address that health and metrics listen on", 0, 0 },
    { "admin_port", INTEGER, false, "-1",
      "Port of health and metrics; 0 for any free one, -1 for port + 1000", -1, 65535 },
    { "advertised", TEXT, false, "",
      "host:port that clients are told; empty for the address that they came to", 0, 0 },
    { "auto_create_topics", BOOL, false, "true", "A topic that a client asks for is made", 0, 0 },
    { "default_partitions", INTEGER, false, "6", "Partitions of a topic when nothing else is said",
      1, 1000 },
    { "partitions_may_grow", BOOL, false, "false",
      "Clients may add partitions, which breaks the order per key", 0, 0 },
    { "max_request", BYTES, false, "32MB", "Largest request", 1024, 1 << 30 },
    { "max_connections", INTEGER, true, "1000", "Connections at the same time", 1, 100000 },
    { "idle", DURATION, false, "10m", "A connection that is silent for longer is closed", US_PER_S,
      24 * 60 * 60 * US_PER_S },
    { "max_held", BYTES, false, "128MB",
      "Memory of requests under way; beyond it nobody is read from", 1 << 20, 1LL << 40 },
    { "segment", BYTES, false, "256MB", "Size of a segment file, of topics that do not say",
      1 << 14, 1 << 30 },
    { "ahead", DURATION, false, "60m",
      "How far times of records may be ahead of this machine's clock", 0, 1LL << 53 },
    { "gather", DURATION, false, "50ms", "How long the first members of a group are waited for", 0,
      60 * US_PER_S },
    { "compaction_memory", BYTES, false, "32MB",
      "Memory for the keys that compaction tells apart in one pass", 1 << 12, 1LL << 40 },
    { "compaction_rate", BYTES, false, "16MB",
      "What compaction reads and writes in a second at most", 1 << 16, 1LL << 40 },
    { "housekeeping", DURATION, false, "5s",
      "How often it is looked for what has expired or is to be compacted", 10 * US_PER_MS,
      3600 * US_PER_S },
    { "offsets_keep", DURATION, false, "7d",
      "How long the offsets of a group without members and commits are kept; 0 for ever", 0,
      INT64_MAX },
    { "log_level", LEVEL, true, "info", "Least level that is logged: debug, info, warn or error", 0,
      0 },
};

enum source { FROM_DEFAULT, FROM_FILE, FROM_COMMON_ENVIRONMENT, FROM_ENVIRONMENT, FROM_FLAG };

static struct value {
    enum source source;
    const char *text;
    int64_t number;
} values[COUNT(settings)];

static const char *const kind_wants[] = {
    [TEXT] = "any text",
    [INTEGER] = "a whole number",
    [BOOL] = "true or false",
    [BYTES] = "a size such as 64KB or 32MB",
    [DURATION] = "a time such as 50ms or 10s",
    [LEVEL] = "debug, info, warn or error",
};

/* A number and one of the units (the first is that of a bare number). */
static bool parse_unit(struct str text, const char *const *names, const int64_t *factors,
                       int64_t *out)
{
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    int64_t number;
    if (!str_to_int((struct str){ text.ptr, digits }, &number))
        return false;
    struct str unit = { text.ptr + digits, text.len - digits };
    for (size_t i = 0; names[i]; i++)
        if (str_is(unit, names[i]))
            return !__builtin_mul_overflow(number, factors[i], out);
    return false;
}

static bool parse(const struct setting *setting, struct str text, int64_t *out)
{
    static const char *const sizes[] = { "", "KB", "MB", "GB", NULL }, *const times[] = {
        "us", "ms", "s", "m", "h", "d", NULL
    };
    static const int64_t size_factors[] = { 1, 1 << 10, 1 << 20, 1 << 30 }, time_factors[] = {
        1, US_PER_MS, US_PER_S, 60 * US_PER_S, 3600 * US_PER_S, US_PER_DAY
    };
    static const char *const levels[] = { "debug", "info", "warn", "error" };
    *out = 0;
    switch (setting->kind) {
    case TEXT:
        return true;
    case INTEGER:
        return str_to_int(text, out);
    case BOOL:
        *out = str_is(text, "true");
        return *out || str_is(text, "false");
    case BYTES:
        return parse_unit(text, sizes, size_factors, out);
    case DURATION:
        return parse_unit(text, times, time_factors, out);
    case LEVEL:
        for (size_t i = 0; i < COUNT(levels); i++)
            if (str_is(text, levels[ *out = (int64_t)i]))
                return true;
        return false;
    }
    return false;
}

static const struct setting *find(struct str key)
{
    for (size_t i = 0; i < COUNT(settings); i++)
        if (str_is(key, settings[i].key))
            return &settings[i];
    return NULL;
}

static bool put(struct ctx *ctx, const struct setting *setting, enum source source,
                const char *text, const char *where)
{
    struct value *value = &values[setting - settings];
    int64_t number;
    bool ok = parse(setting, str_of(text), &number);
    if (ok && (setting->least || setting->most))
        ok = number >= setting->least && number <= setting->most;
    if (!ok && setting->most)
        return ctx_fail(ctx, ERR_INVALID, "%s: \"%s\" is not %s from %" PRId64 " to %" PRId64,
                        where, text, kind_wants[setting->kind], setting->least, setting->most);
    if (!ok)
        return ctx_fail(ctx, ERR_INVALID, "%s: \"%s\" is not %s", where, text,
                        kind_wants[setting->kind]);
    if (!value->text || source >= value->source)
        *value = (struct value){ source, text, number };
    return true;
}

static bool read_variable(struct ctx *ctx, const struct setting *setting, const char *prefix,
                          enum source source)
{
    char name[64];
    size_t n = (size_t)snprintf(name, sizeof(name), "%s%s", prefix, setting->key);
    for (size_t i = 0; i < n; i++)
        if (name[i] >= 'a' && name[i] <= 'z')
            name[i] = (char)(name[i] - 'a' + 'A');
    const char *text = getenv(name);
    return !text || put(ctx, setting, source, text, arena_printf(ctx->arena, "%s", name).ptr);
}

/* What begins like ours must be ours: FANFARE_BROKER_PROT is a typing error. */
static bool check_variable(struct ctx *ctx, struct str variable)
{
    struct str name, key;
    str_split(&variable, '=', &name);
    if (!str_starts(name, STR(OWN_PREFIX)))
        return true;
    char *lower = arena_cstr(
        ctx->arena, (struct str){ name.ptr + strlen(OWN_PREFIX), name.len - strlen(OWN_PREFIX) });
    for (char *at = lower; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    key = str_of(lower);
    if (find(key) || str_is(key, "config"))
        return true;
    return ctx_fail(ctx, ERR_INVALID, STR_FMT ": there is no such setting; see --help",
                    STR_ARG(name));
}

static bool read_environment(struct ctx *ctx)
{
    for (char **at = environ; *at; at++)
        if (!check_variable(ctx, str_of(*at)))
            return false;
    for (size_t i = 0; i < COUNT(settings); i++) {
        if (settings[i].common &&
            !read_variable(ctx, &settings[i], "FANFARE_", FROM_COMMON_ENVIRONMENT))
            return false;
        if (!read_variable(ctx, &settings[i], OWN_PREFIX, FROM_ENVIRONMENT))
            return false;
    }
    return true;
}

static struct str unquoted(struct str text)
{
    bool quoted = text.len >= 2 && (text.ptr[0] == '"' || text.ptr[0] == '\'') &&
                  text.ptr[text.len - 1] == text.ptr[0];
    return quoted ? (struct str){ text.ptr + 1, text.len - 2 } : text;
}

static bool read_line(struct ctx *ctx, const char *path, int number, struct str line)
{
    struct str key, comment = line;
    line = str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#' || str_is(line, "---"))
        return true;
    if (str_find_char(comment, '#') > 0)
        str_split(&comment, '#', &line);
    str_split(&line, ':', &key);
    const char *where =
        arena_printf(ctx->arena, "%s:%d: " STR_FMT, path, number, STR_ARG(str_trim(key))).ptr;
    const struct setting *setting = find(str_trim(key));
    if (!setting || !line.ptr)
        return ctx_fail(ctx, ERR_INVALID, "%s: %s", where,
                        setting ? "wants a value (`key: value`)"
                                : "there is no such setting; see --help");
    return put(ctx, setting, FROM_FILE, arena_cstr(ctx->arena, unquoted(str_trim(line))), where);
}

static bool read_file(struct ctx *ctx, const char *path)
{
    uint8_t *bytes;
    size_t n;
    int failed = file_read_whole(path, &bytes, &n);
    if (failed)
        return ctx_fail(ctx, ERR_INVALID, "%s: %s", path, strerror(failed));
    struct str rest = { (const char *)bytes, n }, line;
    bool ok = true;
    for (int number = 1; ok && str_split(&rest, '\n', &line); number++)
        ok = read_line(ctx, path, number, line);
    free(bytes);
    return ok;
}

static bool read_flags(struct ctx *ctx, int argc, char **argv, const char **config,
                       enum settings_wish *wish)
{
    for (int i = 1; i < argc; i++) {
        struct str flag = str_of(argv[i]);
        if (str_is(flag, "--help") || str_is(flag, "--version")) {
            *wish = str_is(flag, "--help") ? SETTINGS_HELP : SETTINGS_VERSION;
            return true;
        }
        struct str key = { flag.ptr + 2, flag.len - 2 };
        bool is_config = str_is(flag, "--config");
        const struct setting *setting = str_starts(flag, STR("--")) ? find(key) : NULL;
        if (!setting && !is_config)
            return ctx_fail(ctx, ERR_INVALID, "%s: there is no such setting; see --help", argv[i]);
        if (i + 1 == argc)
            return ctx_fail(ctx, ERR_INVALID, "%s: wants a value", argv[i]);
        i++;
        if (is_config)
            *config = argv[i];
        else if (!put(ctx, setting, FROM_FLAG, argv[i], argv[i - 1]))
            return false;
    }
    return true;
}

bool settings_read(struct ctx *ctx, int argc, char **argv, enum settings_wish *wish)
{
    const char *config = getenv("FANFARE_BROKER_CONFIG");
    *wish = SETTINGS_RUN;
    for (size_t i = 0; i < COUNT(settings); i++)
        put(ctx, &settings[i], FROM_DEFAULT, settings[i].fallback, settings[i].key);
    return read_flags(ctx, argc, argv, &config, wish) &&
           (*wish != SETTINGS_RUN ||
            (read_environment(ctx) && (!config || read_file(ctx, config))));
}

void settings_help(void)
{
    printf(
        "The event log: one node that speaks the Kafka protocol.\n\n"
        "fanfare-broker [--config FILE] [--<key> VALUE]...\n\n"
        "Every key can also be given as FANFARE_BROKER_<KEY>, those with a star as FANFARE_<KEY>,\n"
        "or as a line \"key: value\" of the file.\n\n");
    for (size_t i = 0; i < COUNT(settings); i++)
        printf("  %s %-20s %s [%s]\n", settings[i].common ? "*" : " ", settings[i].key,
               settings[i].help, settings[i].fallback);
}

static const struct value *value_of(const char *key)
{
    const struct setting *setting = find(str_of(key));
    if (!setting) {
        fprintf(stderr, "setting \"%s\" is used and not declared\n", key);
        abort();
    }
    return &values[setting - settings];
}

const char *setting_text(const char *key)
{
    return value_of(key)->text;
}

int64_t setting_int(const char *key)
{
    return value_of(key)->number;
}
