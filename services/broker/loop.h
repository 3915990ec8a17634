/* The event loop: descriptors (epoll), timers, and jobs that block (disk), done by a few threads
 * and reported back to the loop. All but loop_stop() and the `run` of jobs belongs to the loop's
 * thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/ctx.h"

struct loop;

/* Embedded in what is watched; lives until loop_unwatch(), and through the round in which that
 * is called. */
struct watch {
    int fd;
    void (*ready)(struct watch *watch, uint32_t epoll_events);
};

/* Embedded; zero is "not set". */
struct timer {
    int64_t due_us;
    size_t place; /* in the heap, from 1 */
    void (*fire)(struct timer *timer);
};

/* `run` is called on a worker thread, then `done` on the loop. */
struct job {
    void (*run)(struct job *job);
    void (*done)(struct job *job);
    struct job *next;
    bool patient;
};

/* `round` is called with `owner` after each round of events, before the loop sleeps. */
struct loop *loop_new(struct ctx *ctx, int n_workers, void (*round)(void *owner), void *owner);

/* All jobs must be done. NULL-safe. */
void loop_free(struct loop *loop);

bool loop_watch(struct loop *loop, struct watch *watch, uint32_t epoll_events);
void loop_rewatch(struct loop *loop, struct watch *watch, uint32_t epoll_events);
void loop_unwatch(struct loop *loop, struct watch *watch);

void timer_set(struct loop *loop, struct timer *timer, int64_t due_us); /* again: moves it */
void timer_stop(struct loop *loop, struct timer *timer);

void loop_submit(struct loop *loop, struct job *job);

/* The same for what can wait: it is run when nothing else is to be, on half of the threads at most. */
void loop_submit_patient(struct loop *loop, struct job *job);
size_t loop_jobs(const struct loop *loop); /* submitted and not yet done */

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);

/* One round that waits at most `most_ms` (-1: for ever). */
void loop_once(struct loop *loop, int most_ms);

/* From any thread, and from a signal handler. */
void loop_stop(struct loop *loop);
void loop_wake(struct loop *loop); /* a round comes, even if nothing else happens */

/* The monotonic clock at the start of this round. */
int64_t loop_now_us(const struct loop *loop);
