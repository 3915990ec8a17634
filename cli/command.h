/* The commands of `fanfare`: a table of names, help and functions. */
#pragma once

#include "base/ctx.h"

struct command {
    const char *name, *arguments, *help; /* help: one line */
    const char *details;                 /* options, shown by `fanfare <name> --help` */
    int (*run)(struct ctx *ctx, int argc,
               char **argv); /* argv[0] is the command's name; gives the exit status */
};

extern const struct command command_import, command_start, command_stop, command_up, command_down,
    command_status, command_export, command_token, command_write_key, command_rotate_key,
    command_events, command_dlq, command_contract;

/* ---- options ---- */

struct option_value {
    const char *name;  /* "--data" */
    bool flag;         /* takes no value */
    const char *value; /* NULL: not given; "" for a flag that was */
};

/* Reads `--name value` and `--name=value` into `options`, the rest into `rest` (room for argc). False with a sentence for
 * an unknown option, a missing value or more than `most` other arguments. */
bool options_read(struct ctx *ctx, int argc, char **argv, struct option_value *options, size_t n,
                  const char **rest, size_t most, size_t *n_rest);

/* Prints ctx's error to standard error; gives 1. */
int command_failed(const struct ctx *ctx);
