/* Keeps the services of a stack running: starts them, passes on what they write, starts again what ends, stops all. */
#pragma once

#include "cli/stack.h"

struct supervised {
    size_t index; /* in stack_services */
    struct str program;
    int port, admin_port;
    pid_t pid;          /* 0: not running */
    int output;         /* its pipe, or -1 */
    struct stream *stream;
    int restarts, quick_ends; /* quick: within STEADY_S of its start, in a row */
    int64_t started_us, again_us; /* monotonic; again: when to start it next */
    bool ready, failed, held; /* held: it is to stay stopped until it is told to start */
};

struct supervisor {
    struct str data;
    int port_base;
    struct supervised *services;
    size_t n;
    int log;      /* where lines go */
    int control;  /* what we are told: <data>/control */
    int tell; /* a descriptor told "ready\n" once all are, or a sentence about one that is given up; or -1 */
    bool quiet;   /* no words of our own */
};

/* Runs until SIGTERM or SIGINT, then stops all; the exit status. */
int supervise(struct ctx *ctx, struct supervisor *supervisor);
