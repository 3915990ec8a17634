#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/stream.h"
#include "cli/supervise.h"
#include "platform/token/token.h"

#define DETACH_PATIENCE_MS 30000

enum { DATA, PORT_BASE, ONLY, WITHOUT, DETACH, N_OPTIONS };

static bool listed(const char *list, const char *name)
{
    struct str rest = str_of(list), part;
    while (str_split(&rest, ',', &part))
        if (str_is(str_trim(part), name))
            return true;
    return false;
}

static bool check_list(struct ctx *ctx, const char *list)
{
    struct str rest = str_of(list), part;
    while (str_split(&rest, ',', &part)) {
        bool known = false;
        for (size_t i = 0; i < stack_n_services; i++)
            known |= str_is(str_trim(part), stack_services[i].name);
        if (!known)
            return ctx_fail(ctx, ERR_INVALID, "there is no service \"" STR_FMT "\"", STR_ARG(part));
    }
    return true;
}

static bool choose(struct ctx *ctx, struct supervisor *supervisor, const char *only,
                   const char *without)
{
    if (!check_list(ctx, only) || !check_list(ctx, without))
        return false;
    supervisor->services = ARENA_ARRAY(ctx->arena, struct supervised, stack_n_services);
    for (size_t i = 0; i < stack_n_services; i++) {
        const char *name = stack_services[i].name;
        if ((only && !listed(only, name)) || (without && listed(without, name)))
            continue;
        struct supervised *service = &supervisor->services[supervisor->n];
        *service = (struct supervised){ .index = i,
                                        .program = stack_program(ctx, name),
                                        .port = stack_port(i, supervisor->port_base),
                                        .admin_port = stack_admin_port(i, supervisor->port_base),
                                        .output = -1 };
        if (!service->program.ptr)
            return false;
        supervisor->n++;
    }
    return supervisor->n > 0 || ctx_fail(ctx, ERR_INVALID, "no service is left to start");
}

static bool port_base_of(struct ctx *ctx, const char *text, int *out)
{
    int64_t base = 0;
    if (text && (!str_to_int(str_of(text), &base) || base < 1024 || base > 65000))
        return ctx_fail(ctx, ERR_INVALID, "--port-base is a port from 1024 to 65000");
    *out = (int)base;
    return true;
}

/* First start: the signing key, the key set, and one write key, kept where only the owner can read it. */
static bool keys_make(struct ctx *ctx, struct str data)
{
    struct str folder = arena_printf(ctx->arena, STR_FMT "/keys", STR_ARG(data)),
               write_key = { NULL, 0 };
    if (!token_keys_create(ctx, folder.ptr, &write_key))
        return false;
    if (!write_key.ptr)
        return true;
    struct str path = arena_printf(ctx->arena, STR_FMT "/write.key", STR_ARG(folder));
    int file = open(path.ptr, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = file >= 0 && dprintf(file, STR_FMT "\n", STR_ARG(write_key)) > 0;
    if (file >= 0 && close(file) != 0)
        ok = false;
    return ok ||
           ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path.ptr, strerror(errno));
}

/* A named pipe: read and write, so that it never ends. */
static bool control_make(struct ctx *ctx, struct supervisor *supervisor)
{
    struct str path = stack_control_path(ctx, supervisor->data);
    unlink(path.ptr);
    if (mkfifo(path.ptr, 0600) != 0 ||
        (supervisor->control = open(path.ptr, O_RDWR | O_NONBLOCK | O_CLOEXEC)) < 0)
        return ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be made: %s", path.ptr, strerror(errno));
    return true;
}

static void streams_make(struct supervisor *supervisor)
{
    for (size_t i = 0; i < supervisor->n; i++) {
        struct supervised *service = &supervisor->services[i];
        service->stream =
            stream_new(stack_services[service->index].name, (int)service->index, supervisor->log);
    }
}

static int run_here(struct ctx *ctx, struct supervisor *supervisor)
{
    streams_make(supervisor);
    CLEANUP(arena_freep) struct arena *scratch = arena_new(0);
    struct ctx own = { .arena = scratch };
    int status = supervise(&own, supervisor);
    for (size_t i = 0; i < supervisor->n; i++)
        stream_free(supervisor->services[i].stream);
    return status;
}

/* The parent's part of --detach: waits until all are ready, or the child ended. */
static int wait_detached(struct ctx *ctx, struct supervisor *supervisor, pid_t child, int told)
{
    struct pollfd end = { .fd = told, .events = POLLIN };
    char words[1024];
    ssize_t n = poll(&end, 1, DETACH_PATIENCE_MS) > 0 ? read(told, words, sizeof(words)) : -1;
    if (n > 0 && str_starts((struct str){ words, (size_t)n }, STR("ready\n"))) {
        printf("%zu services are ready; log: " STR_FMT
               "/fanfare.log; stop them with: fanfare down\n",
               supervisor->n, STR_ARG(supervisor->data));
        return 0;
    }
    int status;
    if (n > 0)
        ctx_fail(ctx, ERR_UNAVAILABLE, "%.*s (the others run on; fanfare down stops them)", (int)n,
                 words);
    else if (waitpid(child, &status, WNOHANG) == child)
        ctx_fail(ctx, ERR_UNAVAILABLE, "the stack ended at once; see " STR_FMT "/fanfare.log",
                 STR_ARG(supervisor->data));
    else
        ctx_fail(ctx, ERR_TIMEOUT,
                 "not all services were ready within %d s; `fanfare status` tells which",
                 DETACH_PATIENCE_MS / 1000);
    return command_failed(ctx);
}

static int run_detached(struct ctx *ctx, struct supervisor *supervisor, int lock)
{
    int told[2];
    struct str path = arena_printf(ctx->arena, STR_FMT "/fanfare.log", STR_ARG(supervisor->data));
    supervisor->log = open(path.ptr, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (supervisor->log < 0 || pipe2(told, O_CLOEXEC) != 0) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path.ptr, strerror(errno));
        return command_failed(ctx);
    }
    fflush(stdout);
    pid_t child = fork();
    if (child != 0) {
        close(told[1]);
        close(lock);
        return wait_detached(ctx, supervisor, child, told[0]);
    }
    setsid();
    int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    dup2(nothing, STDERR_FILENO);
    close(told[0]);
    supervisor->tell = told[1];
    return run_here(ctx, supervisor);
}

static int run_up(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[N_OPTIONS] = { [DATA] = { "--data" },
                                               [PORT_BASE] = { "--port-base" },
                                               [ONLY] = { "--only" },
                                               [WITHOUT] = { "--without" },
                                               [DETACH] = { "--detach", .flag = true } };
    struct supervisor supervisor = { .log = STDOUT_FILENO, .tell = -1 };
    size_t n_rest;
    int lock = -1;
    if (!options_read(ctx, argc, argv, options, N_OPTIONS, NULL, 0, &n_rest) ||
        !port_base_of(ctx, options[PORT_BASE].value, &supervisor.port_base) ||
        !choose(ctx, &supervisor, options[ONLY].value, options[WITHOUT].value))
        return command_failed(ctx);
    supervisor.data = stack_data(ctx, options[DATA].value, true);
    if (!supervisor.data.ptr || (lock = stack_lock(ctx, supervisor.data)) < 0 ||
        !keys_make(ctx, supervisor.data) || !control_make(ctx, &supervisor))
        return command_failed(ctx);
    return options[DETACH].value ? run_detached(ctx, &supervisor, lock)
                                 : run_here(ctx, &supervisor);
}

const struct command command_up = {
    .name = "up",
    .arguments = "[OPTION]...",
    .help = "Run the services on this machine, each a process, started again when one ends",
    .details =
        "  --data DIR        folder of everything that is kept (default: FANFARE_DATA, or .fanfare); made at first start\n"
        "  --only A,B        these services alone\n"
        "  --without A,B     all but these\n"
        "  --port-base PORT  ports from here on (admin: 100 above) instead of the usual ones, for a second stack\n"
        "  --detach          come back once all are ready; the log goes to DIR/fanfare.log\n\n"
        "Settings of a service come from the environment as always: FANFARE_<SERVICE>_<KEY>.\n"
        "Templates of mail to begin with: fanfare import starters.\n",
    .run = run_up,
};
