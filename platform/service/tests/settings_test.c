/* Where values come from, which one wins, and what is said of a mistake. */
#include <unistd.h>

#include "base/tests/check.h"
#include "platform/service/settings_table.h"
#include "platform/service/tests/example/example.h"

static struct arena *arena;
static char file[] = "/tmp/fanfare-settings-XXXXXX";

static void write_file(const char *text)
{
    FILE *out = fopen(file, "w");
    REQUIRE(out != NULL);
    fputs(text, out);
    fclose(out);
}

static int count(char **list)
{
    int n = 0;
    while (list[n])
        n++;
    return n;
}

/* Reads with these flags and variables. */
static struct settings *read_with(struct ctx *ctx, char **flags, char **environment,
                                  enum settings_wish *wish)
{
    char *argv[16] = { "example" };
    int argc = 1 + count(flags);
    memcpy(argv + 1, flags, sizeof(*flags) * (size_t)count(flags));
    *ctx = (struct ctx){ .arena = arena };
    struct settings *settings = settings_new(&example_service);
    bool good = settings_read(ctx, settings, argc, argv, environment, wish);
    CHECK(good == (ctx->error.code == ERR_NONE));
    return settings;
}

static void no_mistake(const struct ctx *ctx)
{
    if (!CHECK(ctx->error.code == ERR_NONE))
        fprintf(stderr, "  " STR_FMT "\n", STR_ARG(ctx->error.detail));
}

#define LIST(...) (char *[]){ __VA_ARGS__ __VA_OPT__(, ) NULL }

static struct str text_of(const struct settings *settings, const char *key)
{
    return settings_get(settings, key)->text;
}

static void test_defaults(void)
{
    struct ctx ctx;
    enum settings_wish wish;
    struct settings *settings = read_with(&ctx, LIST(), LIST(), &wish);
    CHECK_STR(text_of(settings, "database"), "sqlite:.fanfare/example/example.db");
    CHECK_STR(text_of(settings, "keys"), ".fanfare/keys");
    CHECK_STR(text_of(settings, "log"), "kafka://127.0.0.1:9092");
    CHECK_STR(text_of(settings, "commerce_url"), "http://127.0.0.1:8109");
    CHECK_INT(settings_get(settings, "port")->number, 8190);
    CHECK_INT(settings_get(settings, "admin_port")->number, 9190);
    CHECK_INT(settings_get(settings, "rounds_every")->number, 50000);
    CHECK_INT(settings_get(settings, "max_body")->number, 1 << 20);
    CHECK_INT(settings_get(settings, "faults")->number, 0);
    CHECK(settings_get(settings, "no_such") == NULL);
    settings_free(settings);
    settings = read_with(&ctx, LIST("--data", "/d", "--port=9000"), LIST(), &wish);
    CHECK_STR(text_of(settings, "database"), "sqlite:/d/example/example.db");
    CHECK_INT(settings_get(settings, "admin_port")->number, 10000);
    settings_free(settings);
    settings = read_with(&ctx, LIST("--port", "0"), LIST(), &wish);
    CHECK_INT(settings_get(settings, "admin_port")->number, 0);
    settings_free(settings);
}

static void test_precedence(void)
{
    static const struct {
        const char *flag, *own, *common, *yaml, *wanted;
    } table[] = {
        { NULL, NULL, NULL, NULL, "info" },
        { NULL, NULL, NULL, "log_level: warn\n", "warn" },
        { NULL, NULL, "FANFARE_LOG_LEVEL=debug", "log_level: warn\n", "debug" },
        { NULL, "FANFARE_EXAMPLE_LOG_LEVEL=error", "FANFARE_LOG_LEVEL=debug", "log_level: warn\n",
          "error" },
        { "--log-level=info", "FANFARE_EXAMPLE_LOG_LEVEL=error", NULL, "log_level: warn\n",
          "info" },
        { "--log_level=info", "FANFARE_EXAMPLE_LOG_LEVEL=error", NULL, "log_level: warn\n",
          "info" },
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct ctx ctx;
        enum settings_wish wish;
        char *flags[4] = { NULL }, *environment[4] = { NULL };
        write_file(table[i].yaml ? table[i].yaml : "");
        flags[0] = "--config";
        flags[1] = file;
        flags[2] = (char *)table[i].flag;
        environment[0] = "PATH=/bin";
        environment[table[i].common ? 2 : 1] = (char *)table[i].own;
        environment[1] = (char *)(table[i].common ? table[i].common : table[i].own);
        struct settings *settings = read_with(&ctx, flags, environment, &wish);
        no_mistake(&ctx);
        CHECK_STR(text_of(settings, "log_level"), table[i].wanted);
        settings_free(settings);
    }
}

static void test_file(void)
{
    struct ctx ctx;
    enum settings_wish wish;
    char *variable = (char *)arena_printf(arena, "FANFARE_EXAMPLE_CONFIG=%s", file).ptr;
    write_file(
        "# a comment\nport: 9001\n\"greeting\": 'good day'\nfaults: true\nrounds-every: 2s\nmax_body: 2MB\notlp_url:\n");
    struct settings *settings = read_with(&ctx, LIST(), LIST(variable), &wish);
    no_mistake(&ctx);
    CHECK_INT(settings_get(settings, "port")->number, 9001);
    CHECK_STR(text_of(settings, "greeting"), "good day");
    CHECK_INT(settings_get(settings, "faults")->number, 1);
    CHECK_INT(settings_get(settings, "rounds_every")->number, 2000000);
    CHECK_INT(settings_get(settings, "max_body")->number, 2 << 20);
    CHECK_STR(text_of(settings, "otlp_url"), "");
    settings_free(settings);
    write_file("# nothing\n");
    settings = read_with(&ctx, LIST("--config", file), LIST(), &wish);
    no_mistake(&ctx);
    settings_free(settings);
}

static void test_neighbours_variables(void)
{
    struct ctx ctx;
    enum settings_wish wish;
    /* Others' variables, and the one that tells others where this service is, are no mistakes. */
    struct settings *settings =
        read_with(&ctx, LIST(),
                  LIST("FANFARE_COMMERCE_URL=http://shop:80", "FANFARE_EXAMPLE_URL=http://here:1",
                       "FANFARE_LOYALTY_PORT=1", "FANFARE_PORT=1", "FANFARE_DATA=/data"),
                  &wish);
    no_mistake(&ctx);
    CHECK_STR(text_of(settings, "commerce_url"), "http://shop:80");
    CHECK_STR(text_of(settings, "data"), "/data");
    CHECK_INT(settings_get(settings, "port")->number, 8190); /* not a key of all services */
    settings_free(settings);
}

/* One mistake each, and the whole of what is said about it. */
static const struct {
    const char *flag, *variable, *yaml, *sentence;
} mistakes[] = {
    { .flag = "--prot=1", .sentence = "--prot: there is no such setting; did you mean \"port\"?" },
    { .flag = "--xyzzy=1", .sentence = "--xyzzy: there is no such setting; --help shows all" },
    { .flag = "port", .sentence = "\"port\" is not a flag; settings are given as --<key> VALUE" },
    { .flag = "--port", .sentence = "--port: its value is missing" },
    { .flag = "--port=abc", .sentence = "--port: \"abc\" is not a whole number from 0 to 65535" },
    { .flag = "--port=65536",
      .sentence = "--port: \"65536\" is not a whole number from 0 to 65535" },
    { .flag = "--port=-1", .sentence = "--port: \"-1\" is not a whole number from 0 to 65535" },
    { .flag = "--port=65000",
      .sentence = "the default of admin_port: \"66000\" is not a whole number from 0 to 65535" },
    { .flag = "--port=", .sentence = "--port: \"\" is not a whole number from 0 to 65535" },
    { .flag = "--faults=yes", .sentence = "--faults: \"yes\" is not true or false" },
    { .flag = "--rounds_every=5",
      .sentence =
          "--rounds_every: \"5\" is not a time such as 50ms, 10s, 5m or 24h from 1ms to 1m" },
    { .flag = "--rounds_every=2h",
      .sentence =
          "--rounds_every: \"2h\" is not a time such as 50ms, 10s, 5m or 24h from 1ms to 1m" },
    { .flag = "--max_body=1",
      .sentence = "--max_body: \"1\" is not a size such as 64KB or 1MB from 1KB to 64MB" },
    { .flag = "--max_body=99999999999GB",
      .sentence =
          "--max_body: \"99999999999GB\" is not a size such as 64KB or 1MB from 1KB to 64MB" },
    { .flag = "--colour=blue", .sentence = "--colour: \"blue\" is not red or green" },
    { .flag = "--log_level=loud",
      .sentence = "--log_level: \"loud\" is not debug, info, warn or error" },
    { .flag = "--log=127.0.0.1:9092",
      .sentence = "--log: \"127.0.0.1:9092\" is not a URL that begins with kafka: or kafkas:" },
    { .flag = "--log=kafka:",
      .sentence = "--log: \"kafka:\" is not a URL that begins with kafka: or kafkas:" },
    { .flag = "--log=kafka://",
      .sentence = "--log: \"kafka://\" is not a URL that begins with kafka: or kafkas:" },
    { .flag = "--log=kafka://:9092",
      .sentence = "--log: \"kafka://:9092\" is not a URL that begins with kafka: or kafkas:" },
    { .flag = "--log=kafka://a:1,b:x",
      .sentence = "--log: \"kafka://a:1,b:x\" is not a URL that begins with kafka: or kafkas:" },
    { .flag = "--log=kafka://a:70000",
      .sentence = "--log: \"kafka://a:70000\" is not a URL that begins with kafka: or kafkas:" },
    { .flag = "--log=kafka://[::1",
      .sentence = "--log: \"kafka://[::1\" is not a URL that begins with kafka: or kafkas:" },
    { .flag = "--commerce_url=ftp://x",
      .sentence = "--commerce_url: \"ftp://x\" is not a URL that begins with http: or https:" },
    { .flag = "--commerce_url=http://a b",
      .sentence = "--commerce_url: \"http://a b\" is not a URL that begins with http: or https:" },
    { .flag = "--database=mysql://u:secret@h",
      .sentence = "--database: its value is not a URL that begins with sqlite: or postgresql:" },
    { .flag = "--password=c", .sentence = "--password: its value is not a or b" },
    { .flag = "--data=", .sentence = "--data: \"\" is not a path" },
    { .flag = "--config=/no/such.yaml",
      .sentence = "/no/such.yaml: the settings file cannot be read: No such file or directory" },
    { .variable = "FANFARE_EXAMPLE_PROT=1",
      .sentence = "FANFARE_EXAMPLE_PROT: there is no such setting; did you mean \"port\"?" },
    { .variable = "FANFARE_EXAMPLE_PORT=x",
      .sentence = "FANFARE_EXAMPLE_PORT: \"x\" is not a whole number from 0 to 65535" },
    { .variable = "FANFARE_LOG=x",
      .sentence = "FANFARE_LOG: \"x\" is not a URL that begins with kafka: or kafkas:" },
    { .yaml = "greeting: hi\nprot: 1\n",
      .sentence = "FILE:2: prot: there is no such setting; did you mean \"port\"?" },
    { .yaml = "# x\n\nport: abc\n",
      .sentence = "FILE:3: port: \"abc\" is not a whole number from 0 to 65535" },
    { .yaml = "port: 1.5\n",
      .sentence = "FILE:1: port: \"1.5\" is not a whole number from 0 to 65535" },
    { .yaml = "port: [1]\n",
      .sentence = "FILE:1: port: it must be a whole number from 0 to 65535, not a list or a map" },
    { .yaml = "- port\n", .sentence = "FILE:1: a settings file has lines of \"key: value\"" },
};

static void test_mistakes(void)
{
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        struct ctx ctx;
        enum settings_wish wish;
        char *flags[4] = { NULL };
        write_file(mistakes[i].yaml ? mistakes[i].yaml : "");
        if (mistakes[i].yaml) {
            flags[0] = "--config";
            flags[1] = file;
        } else {
            flags[0] = (char *)mistakes[i].flag;
        }
        struct settings *settings =
            read_with(&ctx, flags, LIST((char *)mistakes[i].variable), &wish);
        const char *name = strstr(mistakes[i].sentence, "FILE");
        struct str wanted = name ? arena_printf(arena, "%s%s", file, name + 4)
                                 : str_of(mistakes[i].sentence);
        CHECK_STR(ctx.error.detail, wanted.ptr);
        settings_free(settings);
    }
}

static void test_good_urls(void)
{
    static const char *const pairs[] = {
        "log=kafka://a,b:1,[::1]:2",
        "log=kafka://10.0.0.1:9092",
        "log=kafkas://a:1,b:2?ca=/a/b.pem",
        "database=postgresql://u:p@h:5432/db?pool=4",
        "database=postgresql:///db?host=/run/postgresql",
        "database=sqlite:/a/b.db",
        "otlp_url=https://c/x",
        "otlp_url=",
        "commerce_url=http://[::1]:80/base",
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct ctx ctx = { .arena = arena };
        struct settings *settings = settings_new(&example_service);
        CHECK(settings_set(&ctx, settings, str_of(pairs[i])));
        no_mistake(&ctx);
        settings_free(settings);
    }
}

static void test_bad_yaml(void)
{
    static const char *const texts[] = { "port: [\n", "port: 1\nport: 2\n", "a: *b\n", "\xff\xfe" };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct ctx ctx;
        enum settings_wish wish;
        write_file(texts[i]);
        struct settings *settings = read_with(&ctx, LIST("--config", file), LIST(), &wish);
        CHECK(ctx.error.code == ERR_MALFORMED || ctx.error.code == ERR_INVALID);
        CHECK(str_starts(ctx.error.detail, str_of(file)));
        settings_free(settings);
    }
}

static void test_shown(void)
{
    struct ctx ctx;
    enum settings_wish wish;
    struct settings *settings =
        read_with(&ctx, LIST("--help"), LIST("FANFARE_EXAMPLE_PORT=x"), &wish);
    CHECK_INT(wish, SETTINGS_HELP);
    struct str help = settings_help(arena, settings), page = settings_reference(arena, settings);
    for (size_t i = 0; i < settings->n_values; i++) {
        CHECK(strstr(help.ptr,
                     arena_printf(arena, "\n  --%s\n", settings->values[i].setting.key).ptr) !=
              NULL);
        CHECK(strstr(page.ptr,
                     arena_printf(arena, "\n| `%s` | `FANFARE_", settings->values[i].setting.key)
                         .ptr) != NULL);
    }
    CHECK(strstr(page.ptr, "| `port` | `FANFARE_EXAMPLE_PORT` | `8190` |") != NULL);
    CHECK(strstr(page.ptr, "| `log` | `FANFARE_LOG` | `kafka://127.0.0.1:9092` |") != NULL);
    CHECK(strstr(page.ptr, "`sqlite:<data>/example/example.db`") != NULL);
    settings_free(settings);
    settings = read_with(&ctx, LIST("--version"), LIST(), &wish);
    CHECK_INT(wish, SETTINGS_VERSION);
    settings_free(settings);
    settings = read_with(&ctx, LIST("--settings-reference"), LIST(), &wish);
    CHECK_INT(wish, SETTINGS_REFERENCE);
    settings_free(settings);
}

int main(void)
{
    arena = arena_new(0);
    int made = mkstemp(file);
    REQUIRE(made >= 0);
    close(made);
    test_defaults();
    test_precedence();
    test_file();
    test_neighbours_variables();
    test_mistakes();
    test_good_urls();
    test_bad_yaml();
    test_shown();
    unlink(file);
    arena_free(arena);
    return check_end();
}
