/* Threads for what may wait: handlers that call peers, reads of a database across the network. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* Owned by the caller of pool_submit until `run` is called. */
struct pool_job {
    void (*run)(void *argument);
    void *argument;
    struct pool_job *next; /* the queue's */
};

struct pool *pool_new(int threads, size_t longest_queue);

/* False when the queue is full. */
bool pool_submit(struct pool *pool, struct pool_job *job);

/* Runs what is queued, then ends. NULL-safe. */
void pool_free(struct pool *pool);
