/* Starts the broker: settings, signals, log lines. Everything that is about running as a process
 * is here. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "services/broker/broker.h"

/* Every key once: `--key value` and FANFARE_BROKER_<KEY>. */
static const struct {
    const char *key, *fallback, *help;
    int64_t least, most; /* of numbers; 0 and 0: text */
} settings[] = {
    { "data", ".fanfare/broker", "folder of the log", 0, 0 },
    { "bind", "127.0.0.1", "address to listen on", 0, 0 },
    { "port", "9092", "port of the Kafka protocol; 0: any that is free", 0, 65535 },
    { "advertised", "",
      "host:port that clients are told; empty: the address that they connected to", 0, 0 },
    { "auto_create_topics", "1", "a topic that a client asks for is made", 0, 1 },
    { "default_partitions", "6", "partitions of a topic when nothing else is said", 1, 1000 },
    { "max_request_bytes", "33554432", "largest request", 1024, 1 << 30 },
    { "max_connections", "1000", "connections open at the same time", 1, 100000 },
    { "max_held_bytes", "134217728", "memory of requests under way; beyond it nobody is read from",
      1 << 20, 1LL << 40 },
    { "segment_bytes", "268435456", "size of a segment file, of topics that do not say", 1 << 14,
      1 << 30 },
    { "gather_ms", "50", "how long the first members of a group are waited for", 0, 60000 },
};
#define N_SETTINGS COUNT(settings)

static struct {
    const char *text;
    int64_t number;
} values[N_SETTINGS];

static int usage(FILE *out, int status)
{
    fprintf(out, "fanfare-broker: the event log; speaks the Kafka protocol\n\n");
    for (size_t i = 0; i < N_SETTINGS; i++)
        fprintf(out, "  --%-20s %s (%s)\n", settings[i].key, settings[i].help,
                settings[i].fallback[0] ? settings[i].fallback : "none");
    return status;
}

static bool set(size_t i, const char *text, const char *from)
{
    bool is_number = settings[i].least || settings[i].most;
    int64_t number = 0;
    if (is_number && (!str_to_int(str_of(text), &number) || number < settings[i].least ||
                      number > settings[i].most)) {
        fprintf(stderr, "%s: \"%s\" is not a number from %lld to %lld\n", from, text,
                (long long)settings[i].least, (long long)settings[i].most);
        return false;
    }
    values[i].text = text;
    values[i].number = number;
    return true;
}

static bool read_environment(void)
{
    for (size_t i = 0; i < N_SETTINGS; i++) {
        char name[64] = "FANFARE_BROKER_";
        for (size_t at = strlen(name), j = 0; settings[i].key[j]; j++)
            name[at + j] =
                (char)(settings[i].key[j] >= 'a' ? settings[i].key[j] - 32 : settings[i].key[j]);
        const char *text = getenv(name);
        if (!set(i, text ? text : settings[i].fallback, text ? name : settings[i].key))
            return false;
    }
    return true;
}

static bool read_flags(int argc, char **argv)
{
    for (int at = 1; at < argc; at += 2) {
        size_t i = 0;
        while (i < N_SETTINGS &&
               (strncmp(argv[at], "--", 2) || strcmp(argv[at] + 2, settings[i].key)))
            i++;
        if (i == N_SETTINGS || at + 1 == argc) {
            fprintf(stderr, "%s: %s; see --help\n", argv[at],
                    i == N_SETTINGS ? "unknown" : "needs a value");
            return false;
        }
        if (!set(i, argv[at + 1], argv[at]))
            return false;
    }
    return true;
}

static int64_t number_of(const char *key)
{
    size_t i = 0;
    while (strcmp(settings[i].key, key))
        i++;
    return values[i].number;
}

static const char *text_of(const char *key)
{
    size_t i = 0;
    while (strcmp(settings[i].key, key))
        i++;
    return values[i].text;
}

/* One JSON line on standard error. */
static void say(void *owner, enum notice_level level, const char *event, const char *detail)
{
    static const char *const levels[] = { "info", "warn", "error" };
    char time[CLOCK_TEXT_BYTES], text[2 * 1024];
    size_t n = 0;
    clock_format(clock_now_us(), time);
    for (; *detail && n + 8 < sizeof(text); detail++) {
        if (*detail == '"' || *detail == '\\')
            text[n++] = '\\';
        text[n++] = (unsigned char)*detail < ' ' ? ' ' : *detail;
    }
    text[n] = '\0';
    fprintf(
        stderr,
        "{\"time\":\"%s\",\"level\":\"%s\",\"service\":\"broker\",\"event\":\"%s\",\"detail\":\"%s\"}\n",
        time, levels[level], event, text);
}

static struct broker *running;

static void stop(int signal_number)
{
    (void)signal_number;
    broker_stop(running);
}

/* A partition has an open file while it is used: as many as the system allows. */
static void raise_limits(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* The folders on the way to the data folder. */
static void make_parents(const char *path)
{
    char part[4096];
    for (size_t i = 1; path[i] && i < sizeof(part); i++) {
        if (path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        mkdir(part, 0700);
    }
}

static struct broker *open_broker(struct ctx *ctx)
{
    struct broker_config config;
    broker_defaults(&config);
    config.data = text_of("data");
    config.bind = text_of("bind");
    config.port = (uint16_t)number_of("port");
    config.advertised = text_of("advertised");
    config.auto_create_topics = number_of("auto_create_topics") != 0;
    config.default_partitions = (int32_t)number_of("default_partitions");
    config.max_request_bytes = (uint32_t)number_of("max_request_bytes");
    config.max_connections = (uint32_t)number_of("max_connections");
    config.max_held_bytes = (uint64_t)number_of("max_held_bytes");
    config.segment_bytes = number_of("segment_bytes");
    config.gather_ms = (int32_t)number_of("gather_ms");
    config.notices = (struct notices){ .say = say };
    make_parents(config.data);
    return broker_open(ctx, &config);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout, 0);
    if (!read_environment() || !read_flags(argc, argv))
        return 2;
    int64_t started_us = clock_mono_us();
    struct ctx ctx = { .arena = arena_new(0) };
    raise_limits();
    running = open_broker(&ctx);
    if (!running) {
        say(NULL, NOTICE_ERROR, "start_failed", ctx.error.detail.ptr);
        arena_free(ctx.arena);
        return 1;
    }
    char detail[256];
    snprintf(detail, sizeof(detail), "cluster %s on port %u, ready after %lld us",
             broker_cluster_id(running), broker_port(running),
             (long long)(clock_mono_us() - started_us));
    arena_free(ctx.arena);
    struct sigaction action = { .sa_handler = stop };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    say(NULL, NOTICE_INFO, "started", detail);
    broker_run(running);
    broker_close(running);
    say(NULL, NOTICE_INFO, "stopped", "");
    return 0;
}
