#include "platform/service/service.h"

#include <errno.h>
#include <malloc.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "platform/faults/faults.h"
#include "platform/service/runtime.h"
#include "platform/service/uses.h"
#include "platform/service/version.h"
#include "platform/telemetry/trace.h"

enum exit_status { EXIT_WELL = 0, EXIT_NOT_STARTED = 1, EXIT_FATAL = 3, EXIT_CUT = 4 };

#define ROUND_S 3 /* the main thread's, which has nothing else to do */

/* What the process is at; one service runs in it. */
static struct {
    sem_t wake;                     /* a signal, or a fatal event */
    volatile sig_atomic_t signals;  /* how many asked for the end */
    volatile sig_atomic_t
        started; /* before that, a signal ends it at once: nothing was accepted yet */
    _Atomic(const char *) stage;    /* of the end */
    atomic_bool is_fatal;
    char fatal[512];
    int64_t drain_limit_us;
} process;

struct listeners {
    struct http_server *api;
    struct admin *admin;
};

/* ---- signals ---- */

static void on_signal(int number)
{
    if (!process.started)
        _exit(128 + number);
    if (++process.signals > 1)
        _exit(EXIT_CUT); /* asked twice: somebody is impatient */
    sem_post(&process.wake);
}

static void catch_signals(void)
{
    sem_init(&process.wake, 0, 0);
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void on_fatal(void *argument, const char *sentence)
{
    snprintf(process.fatal, sizeof(process.fatal), "%s", sentence);
    atomic_store(&process.is_fatal, true);
    sem_post(&process.wake);
}

/* ---- the end ---- */

static void set_stage(const char *name)
{
    atomic_store(&process.stage, name);
}

/* Ends the process when the drain takes too long; whatever was acknowledged is on disk. */
static void *cut(void *argument)
{
    int64_t until_us = clock_mono_us() + process.drain_limit_us;
    while (clock_mono_us() < until_us)
        usleep((useconds_t)MIN(until_us - clock_mono_us(), US_PER_S) + 1);
    log_line(LOG_ERROR, NULL, "drain_cut", LOG_C("still_at", atomic_load(&process.stage)),
             LOG_I("limit_ms", process.drain_limit_us / US_PER_MS));
    _exit(EXIT_CUT);
}

static void limit_drain(void)
{
    pthread_t thread;
    if (thread_start(&thread, "drain", OWN_STACK_BYTES, cut, NULL))
        pthread_detach(thread);
}

/* ---- running ---- */

static int fail(const struct service *service, const struct ctx *ctx)
{
    fprintf(stderr, "%s: " STR_FMT "\n", service->name, STR_ARG(ctx->error.detail));
    return EXIT_NOT_STARTED;
}

static void start_telemetry(struct ctx *ctx, const struct service *service)
{
    char host[64] = "", *instance;
    enum log_level level = LOG_INFO;
    gethostname(host, sizeof(host) - 1);
    instance = (char *)arena_printf(ctx->arena, "%s-%d", host, (int)getpid()).ptr;
    log_level_parse(setting_text(ctx, "log_level"), &level);
    log_setup(service->name, level);
    trace_setup(&(struct trace_settings){
        .service = service->name,
        .instance = instance,
        .url = setting_text(ctx, "otlp_url").ptr,
        .sample_per_mille = (int)setting_int(ctx, "trace_sample_per_mille"),
        .slow_us = setting_int(ctx, "trace_slow") });
    faults_enable(setting_bool(ctx, "faults"));
    process_add_metrics(service);
}

static bool listen_on(struct ctx *ctx, struct runtime *runtime, struct listeners *listeners)
{
    listeners->api =
        http_server_start(ctx, &(struct http_settings){
                                   .bind = setting_text(ctx, "bind").ptr,
                                   .port = (int)setting_int(ctx, "port"),
                                   .max_connections = (int)setting_int(ctx, "max_connections"),
                                   .router = runtime->router,
                               });
    if (!listeners->api)
        return false;
    listeners->admin = admin_start(ctx, runtime, setting_text(ctx, "admin_bind").ptr,
                                   (int)setting_int(ctx, "admin_port"));
    return listeners->admin != NULL;
}

/* Until a signal or a fatal event; meanwhile, what a burst left behind goes back to the system, and uses of keys are told. */
static void wait_for_end(struct runtime *runtime)
{
    while (!process.signals && !atomic_load(&process.is_fatal)) {
        struct timespec at;
        clock_gettime(CLOCK_MONOTONIC, &at);
        at.tv_sec += ROUND_S;
        if (sem_clockwait(&process.wake, CLOCK_MONOTONIC, &at) == 0 || errno != ETIMEDOUT)
            continue;
        process_give_back(ROUND_S * US_PER_S);
        uses_tell(runtime);
    }
}

static void drain(struct runtime *runtime, struct listeners *listeners)
{
    atomic_store(&runtime->is_draining, true);
    limit_drain();
    set_stage("requests");
    if (listeners->api)
        http_server_drain(listeners->api, process.drain_limit_us * 2 / 3);
    runtime_stop(runtime, set_stage);
    set_stage("requests that do not end");
    http_server_free(listeners->api);
    router_free(runtime->router);
    runtime->router = NULL;
    set_stage("closing");
    admin_free(listeners->admin);
    runtime_close(runtime);
    set_stage("the last traces and metrics");
    trace_stop();
}

static int run(struct ctx *ctx, const struct service *service, struct settings *settings)
{
    int64_t start_us = clock_mono_us();
    struct listeners listeners = { 0 };
    struct runtime runtime = { .settings = settings };
    ctx->runtime = &runtime; /* settings are asked for before the rest stands */
    start_telemetry(ctx, service);
    process.drain_limit_us = setting_int(ctx, "drain_limit");
    bool started = runtime_open(ctx, &runtime, service, settings) &&
                   listen_on(ctx, &runtime, &listeners) &&
                   runtime_start(ctx, &runtime, on_fatal, NULL);
    int status = started ? EXIT_WELL : fail(service, ctx);
    if (started) {
        process.started = 1;
        atomic_store(&runtime.is_ready, true);
        malloc_trim(0);
        log_line(LOG_INFO, NULL, "ready", LOG_C("version", FANFARE_VERSION),
                 LOG_I("port", http_server_port(listeners.api)),
                 LOG_I("admin_port", admin_port(listeners.admin)),
                 LOG_I("took_ms", (clock_mono_us() - start_us) / US_PER_MS));
        wait_for_end(&runtime);
    }
    if (atomic_load(&process.is_fatal)) {
        log_line(LOG_ERROR, NULL, "fatal", LOG_C("reason", process.fatal));
        status = EXIT_FATAL;
    }
    int64_t end_us = clock_mono_us();
    if (started)
        log_line(LOG_INFO, NULL, "draining");
    drain(&runtime, &listeners);
    if (started)
        log_line(LOG_INFO, NULL, "stopped",
                 LOG_I("took_ms", (clock_mono_us() - end_us) / US_PER_MS));
    return status;
}

static int show(const struct ctx *ctx, const struct service *service, struct settings *settings,
                enum settings_wish wish)
{
    if (wish == SETTINGS_VERSION)
        printf("%s (Fanfare) %s\n", service->name, FANFARE_VERSION);
    else
        fputs(
            (wish == SETTINGS_HELP ? settings_help : settings_reference)(ctx->arena, settings).ptr,
            stdout);
    settings_free(settings);
    return EXIT_WELL;
}

int service_run(int argc, char **argv, const struct service *service)
{
    process_limit_memory();
    catch_signals();
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    enum settings_wish wish;
    struct settings *settings = settings_new(service);
    if (!settings_read(&ctx, settings, argc, argv, environ, &wish)) {
        settings_free(settings);
        return fail(service, &ctx);
    }
    if (wish != SETTINGS_RUN)
        return show(&ctx, service, settings, wish);
    return run(&ctx, service, settings);
}
