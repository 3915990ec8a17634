/* `fanfare stop` and `fanfare start`: one service of a running stack. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/ready.h"
#include "cli/stack.h"

#define PATIENCE_US (30 * US_PER_S)

static bool tell(struct ctx *ctx, struct str data, const char *verb, const char *name)
{
    struct str path = stack_control_path(ctx, data);
    int control = open(path.ptr, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    bool ok = control >= 0 && dprintf(control, "%s %s\n", verb, name) > 0;
    if (!ok)
        ctx_fail(ctx, ERR_UNAVAILABLE, "%s cannot be written: %s", path.ptr, strerror(errno));
    if (control >= 0)
        close(control);
    return ok;
}

static struct stack_run_service *find(struct stack_run *run, const char *name)
{
    for (size_t i = 0; i < run->n; i++)
        if (str_is(run->services[i].name, name))
            return &run->services[i];
    return NULL;
}

static bool reached(const struct stack_run_service *service, bool start)
{
    if (!start)
        return service->held && !service->pid;
    return !service->held && service->pid &&
           http_status(service->admin_port, "/health/ready") == 200;
}

static bool wait_until(struct ctx *ctx, struct str data, const char *name, bool start)
{
    for (int64_t until = clock_mono_us() + PATIENCE_US; clock_mono_us() < until; usleep(20000)) {
        struct stack_run run;
        if (!stack_run_read(ctx, data, &run))
            return false;
        if (reached(find(&run, name), start))
            return true;
    }
    return ctx_fail(ctx, ERR_TIMEOUT, "%s is not %s after %lld s", name,
                    start ? "ready" : "stopped", PATIENCE_US / US_PER_S);
}

static int run_one(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { { "--data" } };
    const char *name = NULL;
    struct stack_run run;
    size_t n_rest;
    bool start = strcmp(argv[0], "start") == 0;
    if (!options_read(ctx, argc, argv, options, COUNT(options), &name, 1, &n_rest))
        return command_failed(ctx);
    struct str data = stack_data(ctx, options[0].value, false);
    if (!data.ptr || !stack_run_read(ctx, data, &run))
        return command_failed(ctx);
    if (!name || !find(&run, name)) {
        ctx_fail(ctx, ERR_INVALID, "%s what? `fanfare status` lists the services", argv[0]);
        return command_failed(ctx);
    }
    if (!tell(ctx, data, argv[0], name) || !wait_until(ctx, data, name, start))
        return command_failed(ctx);
    printf("%s is %s\n", name, start ? "ready" : "stopped");
    return 0;
}

const struct command command_stop = {
    .name = "stop",
    .arguments = "SERVICE [--data DIR]",
    .help = "Stop one service of a running stack (drained), until it is started again",
    .details = "  --data DIR  the folder that the stack was started with\n",
    .run = run_one,
};

const struct command command_start = {
    .name = "start",
    .arguments = "SERVICE [--data DIR]",
    .help = "Start a service that was stopped, and wait until it is ready",
    .details = "  --data DIR  the folder that the stack was started with\n",
    .run = run_one,
};
