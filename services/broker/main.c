/* The broker as a process: settings, signals, log lines. It stands on base and TLS alone, not on
 * platform/service: what that brings along (SQL, HTTP, events through this very broker) would be
 * most of its memory. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "services/broker/admin.h"
#include "services/broker/broker.h"
#include "services/broker/settings.h"

enum { EXIT_NOT_STARTED = 1 };

#define FILES_LEAST 1024 /* descriptors that are left to files, whatever the connections take */

static struct broker *running;

static void on_signal(int number)
{
    if (number == SIGHUP)
        broker_reload(running);
    else
        broker_stop(running);
}

/* One JSON line on standard error. */
static void say(void *owner, enum notice_level level, const char *event, const char *detail)
{
    static const char *const levels[] = { "info", "warn", "error" };
    if (level + 1 < setting_int("log_level"))
        return;
    char time[CLOCK_TEXT_BYTES], text[2048];
    size_t n = 0;
    clock_format(clock_now_us(), time);
    for (; *detail && n + 2 < sizeof(text); detail++) {
        if (*detail == '"' || *detail == '\\')
            text[n++] = '\\';
        text[n++] = (unsigned char)*detail < ' ' ? ' ' : *detail;
    }
    fprintf(
        stderr,
        "{\"time\":\"%s\",\"level\":\"%s\",\"service\":\"broker\",\"event\":\"%s\",\"detail\":\"" STR_FMT
        "\"}\n",
        time, levels[level], event, (int)n, text);
}

/* Descriptors for `connections` and for files, of which each partition has one open while it is used: as many as the
 * system allows, and more where this process may raise that. Gives how many connections leave enough for the files. */
static uint32_t raise_limits(uint32_t connections)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return connections;
    rlim_t wanted = MAX((rlim_t)connections + FILES_LEAST, limit.rlim_max);
    if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){ wanted, wanted })) {
        wanted = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){ wanted, wanted });
    }
    if (wanted >= (rlim_t)connections + FILES_LEAST)
        return connections;
    uint32_t fewer = wanted > FILES_LEAST * 2 ? (uint32_t)wanted - FILES_LEAST
                                              : (uint32_t)wanted / 2;
    notice(&(struct notices){ .say = say }, NOTICE_WARN, "connections.fewer",
           "this process may open %llu files: %u connections at most, not max_connections %u",
           (unsigned long long)wanted, fewer, connections);
    return fewer;
}

static struct broker *open_broker(struct ctx *ctx)
{
    struct broker_config config;
    broker_defaults(&config);
    config.data = arena_printf(ctx->arena, "%s/broker", setting_text("data")).ptr;
    config.bind = setting_text("bind");
    config.tls_cert = setting_text("tls_cert");
    config.tls_key = setting_text("tls_key");
    config.tls_ca = setting_text("tls_ca");
    config.plaintext = setting_int("plaintext");
    config.port = (uint16_t)setting_int("port");
    config.advertised = setting_text("advertised");
    config.auto_create_topics = setting_int("auto_create_topics");
    config.default_partitions = (int32_t)setting_int("default_partitions");
    config.partitions_may_grow = setting_int("partitions_may_grow");
    config.max_request_bytes = (uint32_t)setting_int("max_request");
    config.max_connections = raise_limits((uint32_t)setting_int("max_connections"));
    config.idle_us = setting_int("idle");
    config.max_held_bytes = (uint64_t)setting_int("max_held");
    config.segment_bytes = setting_int("segment");
    config.ahead_ms = setting_int("ahead") / US_PER_MS;
    config.gather_ms = (int32_t)(setting_int("gather") / US_PER_MS);
    config.compaction.memory_bytes = (size_t)setting_int("compaction_memory");
    config.compaction.bytes_a_second = (uint64_t)setting_int("compaction_rate");
    config.housekeeping_us = setting_int("housekeeping");
    config.offsets_keep_us = setting_int("offsets_keep");
    config.notices = (struct notices){ .say = say };
    return broker_open(ctx, &config);
}

static struct admin *open_admin(struct ctx *ctx, struct broker *broker)
{
    int64_t port = setting_int("admin_port");
    if (port < 0)
        port = setting_int("port") ? setting_int("port") + 1000 : 0;
    if (port > UINT16_MAX) {
        ctx_fail(ctx, ERR_INVALID, "admin_port: port + 1000 is not a port; name one");
        return NULL;
    }
    return admin_open(ctx, broker, setting_text("admin_bind"), (uint16_t)port);
}

static int fail(const struct ctx *ctx)
{
    fprintf(stderr, "broker: " STR_FMT "\n", STR_ARG(ctx->error.detail));
    return EXIT_NOT_STARTED;
}

static int run(struct ctx *ctx)
{
    int64_t began_us = clock_mono_us();
    running = open_broker(ctx);
    struct admin *admin = running ? open_admin(ctx, running) : NULL;
    if (!admin) {
        broker_close(running);
        return fail(ctx);
    }
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    if (setting_text(
            "tls_cert")[0]) /* else it ends the process, as a terminal that goes wants it */
        sigaction(SIGHUP, &action, NULL);
    notice(&(struct notices){ .say = say }, NOTICE_INFO, "ready",
           "cluster %s, port %u, admin port %u, after %.1f ms", broker_cluster_id(running),
           broker_port(running), admin_port(admin),
           (double)(clock_mono_us() - began_us) / US_PER_MS);
    broker_run(running);
    say(NULL, NOTICE_INFO, "draining", "");
    admin_free(admin);
    broker_close(running);
    say(NULL, NOTICE_INFO, "stopped", "");
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    enum settings_wish wish;
    signal(SIGPIPE, SIG_IGN);
    if (!settings_read(&ctx, argc, argv, &wish))
        return fail(&ctx);
    if (wish == SETTINGS_VERSION)
        printf("broker (Fanfare) %s\n", FANFARE_VERSION);
    else if (wish == SETTINGS_HELP)
        settings_help();
    return wish == SETTINGS_RUN ? run(&ctx) : EXIT_SUCCESS;
}
