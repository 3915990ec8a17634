/* The stack on one machine: which services there are, their ports and programs, and where it keeps what it knows. */
#pragma once

#include <sys/types.h>

#include "base/ctx.h"

struct stack_service {
    const char *name;
    int port; /* default */
};

/* In the order in which they start; the first is stopped last, so that the others can still tell it what they have. */
extern const struct stack_service stack_services[];
extern const size_t stack_n_services;

/* Ports with --port-base B: the i-th service has B + i, its admin listener B + 100 + i. Without (0): the defaults. */
int stack_port(size_t index, int port_base);
int stack_admin_port(size_t index, int port_base);
/* Where email's SMTP catcher listens: 8125, or B + 98. */
int stack_catcher_port(int port_base);

/* The program of a service, beside our own or in the build tree; ptr NULL with NOT_FOUND. */
struct str stack_program(struct ctx *ctx, const char *name);

/* A file that a service's build made for others, beside our own program or in the build tree; ptr NULL with NOT_FOUND. */
struct str stack_file(struct ctx *ctx, const char *service, const char *name);

/* --data, FANFARE_DATA or .fanfare, as an absolute path; made where `make`. ptr NULL with a sentence. */
struct str stack_data(struct ctx *ctx, const char *option, bool make);

/* What a running stack says of itself in <data>/run.json. */
struct stack_run {
    pid_t pid; /* the supervisor */
    size_t n;
    struct stack_run_service {
        struct str name;
        pid_t pid; /* 0: not running now */
        int port, admin_port, restarts;
        bool failed, held; /* held: stopped by `fanfare stop` */
        struct str words;  /* its last, when it is given up (failed) */
    } * services;
};

bool stack_run_write(struct ctx *ctx, struct str data,
                     const struct stack_run *run); /* in one step (rename) */
/* False: NOT_FOUND when no stack runs on this folder (its lock is free), or a sentence. */
bool stack_run_read(struct ctx *ctx, struct str data, struct stack_run *out);

/* What a running stack is told: lines such as "stop loyalty" in the named pipe <data>/control. */
struct str stack_control_path(struct ctx *ctx, struct str data);

/* Does a stack run there? Looks at the lock without taking it, so that a start at that moment is not refused. */
bool stack_runs(struct ctx *ctx, struct str data);

/* Takes <data>/lock for this process and its children (it is the open file's); the descriptor, or -1 with CONFLICT when a
 * stack runs there. */
int stack_lock(struct ctx *ctx, struct str data);
