/* Settings from flags, the environment and a YAML file. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/json/json.h"
#include "platform/service/settings_table.h"

#define PREFIX "FANFARE_"
#define LARGEST_FILE (1 << 20)

/* ---- unknown keys ---- */

/* Levenshtein distance, for "did you mean"; long ones are far from everything. */
static size_t distance(struct str a, struct str b)
{
    size_t row[65];
    if (a.len > 64 || b.len > 64)
        return 64;
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t change = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            diagonal = row[j];
            row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[b.len];
}

bool settings_unknown(struct ctx *ctx, const struct settings *settings, struct str key,
                      const char *where)
{
    const char *nearest = NULL;
    size_t best = MAX(key.len / 2, 2);
    for (size_t i = 0; i < settings->n_values; i++) {
        size_t far = distance(key, str_of(settings->values[i].setting.key));
        if (far <= best) {
            best = far;
            nearest = settings->values[i].setting.key;
        }
    }
    if (nearest)
        return ctx_fail(ctx, ERR_INVALID, "%s: there is no such setting; did you mean \"%s\"?",
                        where, nearest);
    return ctx_fail(ctx, ERR_INVALID, "%s: there is no such setting; --help shows all", where);
}

/* ---- flags ---- */

static bool is_word(struct str flag, struct settings *settings, enum settings_wish *wish)
{
    static const struct {
        const char *flag;
        enum settings_wish wish;
    } words[] = { { "help", SETTINGS_HELP },
                  { "version", SETTINGS_VERSION },
                  { "settings-reference", SETTINGS_REFERENCE } };
    for (size_t i = 0; i < COUNT(words); i++) {
        if (str_is(flag, words[i].flag)) {
            *wish = words[i].wish;
            return true;
        }
    }
    return false;
}

static bool put_flag(struct ctx *ctx, struct settings *settings, struct str key, struct str value)
{
    const char *where = arena_printf(ctx->arena, "--" STR_FMT, STR_ARG(key)).ptr;
    if (str_is(key, "config")) {
        settings->config = arena_cstr(settings->arena, value);
        return true;
    }
    struct setting_value *setting = settings_find(settings, key);
    if (!setting)
        return settings_unknown(ctx, settings, key, where);
    return settings_put(ctx, settings, setting, FROM_FLAG, value, where);
}

static bool read_flags(struct ctx *ctx, struct settings *settings, int argc, char **argv,
                       enum settings_wish *wish)
{
    for (int i = 1; i < argc; i++) {
        struct str flag = str_of(argv[i]), key;
        if (!str_starts(flag, STR("--")) || flag.len == 2)
            return ctx_fail(ctx, ERR_INVALID,
                            "\"%s\" is not a flag; settings are given as --<key> VALUE", argv[i]);
        flag = (struct str){ flag.ptr + 2, flag.len - 2 };
        if (is_word(flag, settings, wish))
            continue;
        str_split(&flag, '=', &key);
        if (!flag.ptr && i + 1 == argc)
            return ctx_fail(ctx, ERR_INVALID, "--" STR_FMT ": its value is missing", STR_ARG(key));
        if (!put_flag(ctx, settings, key, flag.ptr ? flag : str_of(argv[++i])))
            return false;
    }
    return true;
}

/* ---- environment ---- */

struct str settings_variable(struct arena *arena, const char *service, const char *key)
{
    struct str name =
        arena_printf(arena, PREFIX "%s%s%s", service ? service : "", service ? "_" : "", key);
    char *text = (char *)name.ptr;
    for (size_t i = 0; i < name.len; i++) {
        if (text[i] >= 'a' && text[i] <= 'z')
            text[i] = (char)(text[i] - 'a' + 'A');
        else if (text[i] == '-')
            text[i] = '_';
    }
    return name;
}

static struct str lower(struct arena *arena, struct str text)
{
    char *copy = arena_cstr(arena, text);
    for (size_t i = 0; i < text.len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] - 'A' + 'a');
    return (struct str){ copy, text.len };
}

/* One NAME=value. FANFARE_<SERVICE>_URL tells others where this service is, and is none of its settings. */
static bool read_variable(struct ctx *ctx, struct settings *settings, struct str own,
                          struct str name, struct str text)
{
    if (str_starts(name, own)) {
        struct str key = lower(ctx->arena, (struct str){ name.ptr + own.len, name.len - own.len });
        struct setting_value *value = settings_find(settings, key);
        const char *where = arena_cstr(ctx->arena, name);
        if (value)
            return settings_put(ctx, settings, value, FROM_ENVIRONMENT, text, where);
        if (str_is(key, "config")) {
            if (!settings->config)
                settings->config = arena_cstr(settings->arena, text);
            return true;
        }
        return str_is(key, "url") ? true : settings_unknown(ctx, settings, key, where);
    }
    if (!str_starts(name, STR(PREFIX)))
        return true;
    struct str key =
        lower(ctx->arena, (struct str){ name.ptr + strlen(PREFIX), name.len - strlen(PREFIX) });
    struct setting_value *value = settings_find(settings, key);
    if (!value || !value->setting.common)
        return true; /* another service's, or none of ours */
    return settings_put(ctx, settings, value, FROM_COMMON_ENVIRONMENT, text,
                        arena_cstr(ctx->arena, name));
}

static bool read_environment(struct ctx *ctx, struct settings *settings, char **environment)
{
    struct str own = settings_variable(ctx->arena, settings->service->name, "");
    for (char **at = environment; at && *at; at++) {
        struct str text = str_of(*at), name;
        if (str_split(&text, '=', &name) && text.ptr &&
            !read_variable(ctx, settings, own, name, text))
            return false;
    }
    return true;
}

/* ---- file ---- */

static void close_filep(int *file)
{
    if (*file >= 0)
        close(*file);
}

static struct str read_text(struct ctx *ctx, const char *path)
{
    const struct str none = { NULL, 0 };
    CLEANUP(close_filep) int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *text = NULL;
    ssize_t n = -1;
    if (file >= 0 && fstat(file, &status) == 0 && status.st_size <= LARGEST_FILE) {
        text = arena_alloc(ctx->arena, (size_t)status.st_size + 1);
        n = read(file, text, (size_t)status.st_size);
    }
    if (n >= 0)
        return (struct str){ text, (size_t)n };
    ctx_fail(ctx, ERR_INVALID, "%s: the settings file cannot be read: %s", path,
             errno ? strerror(errno) : "it is too large");
    return none;
}

/* Number of the line that a key of the top level stands on. */
static int line_of(struct str text, struct str key)
{
    struct str rest = text, line;
    for (int number = 1; str_split(&rest, '\n', &line); number++) {
        struct str name;
        line = str_trim(line);
        if (!str_split(&line, ':', &name))
            continue;
        name = str_trim(name);
        if (name.len > 1 && (name.ptr[0] == '"' || name.ptr[0] == '\''))
            name = (struct str){ name.ptr + 1, name.len - 2 };
        if (str_eq(name, key))
            return number;
    }
    return 1;
}

static bool read_member(struct ctx *ctx, struct settings *settings, const char *path, int line,
                        struct str key, const struct json *json)
{
    const char *where = arena_printf(ctx->arena, "%s:%d: " STR_FMT, path, line, STR_ARG(key)).ptr;
    struct setting_value *value = settings_find(settings, key);
    if (!value)
        return settings_unknown(ctx, settings, key, where);
    enum json_type type = json_type(json);
    if (type == JSON_OBJECT || type == JSON_ARRAY)
        return ctx_fail(ctx, ERR_INVALID, "%s: it must be %s, not a list or a map", where,
                        setting_wanted(ctx->arena, &value->setting).ptr);
    struct str text = type == JSON_STRING ? json_str(json)
                      : type == JSON_NULL ? STR("")
                                          : json_text(ctx->arena, json);
    return settings_put(ctx, settings, value, FROM_FILE, text, where);
}

static bool read_file(struct ctx *ctx, struct settings *settings, const char *path)
{
    struct str text = read_text(ctx, path);
    if (!text.ptr)
        return false;
    if (str_trim(text).len == 0)
        return true;
    const struct json *root = json_parse_yaml(ctx, text);
    if (!root)
        return ctx_fail(ctx, ERR_INVALID, "%s", path);
    if (json_type(root) == JSON_NULL)
        return true; /* comments only */
    if (json_type(root) != JSON_OBJECT)
        return ctx_fail(ctx, ERR_INVALID, "%s:1: a settings file has lines of \"key: value\"",
                        path);
    for (struct json_iter it = json_iter(root); json_next(&it);)
        if (!read_member(ctx, settings, path, line_of(text, it.key), it.key, it.value))
            return false;
    return true;
}

bool settings_read(struct ctx *ctx, struct settings *settings, int argc, char **argv,
                   char **environment, enum settings_wish *wish)
{
    *wish = SETTINGS_RUN;
    if (!read_flags(ctx, settings, argc, argv, wish))
        return false;
    if (*wish != SETTINGS_RUN)
        return true;
    return read_environment(ctx, settings, environment) &&
           (!settings->config || read_file(ctx, settings, settings->config)) &&
           settings_finish(ctx, settings);
}
