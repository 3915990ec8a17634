#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/command.h"
#include "cli/stack.h"

#define PATIENCE_US (60 * US_PER_S) /* more than the supervisor takes to kill what does not end */

static int run_down(struct ctx *ctx, int argc, char **argv)
{
    struct option_value options[] = { { "--data" } };
    struct stack_run run;
    size_t n_rest;
    if (!options_read(ctx, argc, argv, options, COUNT(options), NULL, 0, &n_rest))
        return command_failed(ctx);
    struct str data = stack_data(ctx, options[0].value, false);
    if (!data.ptr || !stack_run_read(ctx, data, &run))
        return command_failed(ctx);
    if (kill(run.pid, SIGTERM) != 0) {
        ctx_fail(ctx, ERR_UNAVAILABLE, "the supervisor (process %d) cannot be told: %s",
                 (int)run.pid, strerror(errno));
        return command_failed(ctx);
    }
    for (int64_t until = clock_mono_us() + PATIENCE_US; clock_mono_us() < until; usleep(20000)) {
        if (stack_runs(ctx, data))
            continue;
        printf("stopped\n");
        return 0;
    }
    ctx_fail(ctx, ERR_TIMEOUT, "it has not stopped within %lld s", PATIENCE_US / US_PER_S);
    return command_failed(ctx);
}

const struct command command_down = {
    .name = "down",
    .arguments = "[--data DIR]",
    .help = "Stop the stack that runs on a data folder: drain, flush, close",
    .details = "  --data DIR  the folder that it was started with\n",
    .run = run_down,
};
