/* One service in this process: everything that stands while it runs. For this folder. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "platform/service/service.h"
#include "platform/service/settings_table.h"
#include "platform/token/token.h"

#define OWN_STACK_BYTES                                                                            \
    (256 * 1024) /* of the runtime's threads: they keep what is large in arenas */
#define WORKER_STACK_BYTES (1 << 20) /* of workers: what services call may want more */
#define MOST_WORKERS 16
#define MOST_CONSUMERS 8

struct worker;
struct later;
struct redriver;
struct registration;
struct issued_store;

struct own_token {
    struct own_token *next;
    char *scopes, *text;
    int64_t renew_us; /* monotonic */
};

struct named_peer {
    const char *name;
    struct peer *peer;
};

struct runtime {
    const struct service *service;
    struct settings *settings;
    struct arena *arena; /* lives as long as the service */
    struct token_keys *keys;
    struct sql_db *db;
    struct events *events;
    struct projection *projection;
    struct router *router;
    void *app;
    bool app_is_open;
    struct named_peer *peers;
    size_t n_peers;
    struct worker *workers[MOST_WORKERS];
    size_t n_workers;
    struct consumer_settings consumers[MOST_CONSUMERS];
    size_t n_consumers;
    struct later *later;
    struct issued_store *issued; /* NULL: without events */
    struct registration *registration; /* NULL: no registry is told */
    pthread_mutex_t tokens_lock;
    struct own_token *tokens;
    atomic_bool is_ready, is_draining;
};

struct runtime *runtime_of(const struct ctx *ctx);

/* Opens everything but sockets: keys, database, events, peers, the service's own state, consumers, router. Nothing runs
 * yet. False with one sentence; runtime_close takes down what stands. The runtime takes the settings over. */
bool runtime_open(struct ctx *ctx, struct runtime *runtime, const struct service *service,
                  struct settings *settings);

/* Begins to consume, relay and work. `fatal` as in events_start. */
bool runtime_start(struct ctx *ctx, struct runtime *runtime, void (*fatal)(void *, const char *),
                   void *argument);

/* Ends what runtime_start began, in the order in which nothing accepted is lost. `stage` (may be NULL) is told what is
 * being done. NULL-safe for all that does not stand. */
void runtime_stop(struct runtime *runtime, void (*stage)(const char *name));
void runtime_close(struct runtime *runtime);

/* ---- workers.c ---- */

bool workers_start(struct ctx *ctx, struct runtime *runtime);
void workers_stop(struct runtime *runtime); /* waits for the run that each is in */
void workers_free(struct runtime *runtime);

/* In a round of this worker: the wait until its next one, from now on. */
void worker_wait(struct runtime *runtime, const char *name, int64_t every_us);

/* Runs one round of the worker of this name on this thread; for tests. Gives what it gave. */
bool worker_run_once(struct runtime *runtime, const char *name);

/* A thread with a stack of this size and a name. */
bool thread_start(pthread_t *thread, const char *name, size_t stack_bytes, void *(*run)(void *),
                  void *argument);

/* ---- later.c ---- */

struct later *later_new(struct runtime *runtime);

/* Waits until all that was queued is stored, or `limit_us` have passed: false. */
bool later_flush(struct later *later, int64_t limit_us);
void later_free(struct later *later); /* NULL-safe; what is still queued is lost */

/* ---- admin.c ---- */

struct admin;

/* Health, metrics and faults. NULL with one sentence. */
struct admin *admin_start(struct ctx *ctx, struct runtime *runtime, const char *bind, int port);
int admin_port(const struct admin *admin);
void admin_free(struct admin *admin); /* NULL-safe */

/* Does the request's token allow this? For what the listener asks a token for. */
bool admin_has_scope(struct ctx *ctx, const struct request *request, const char *scope);

/* ---- redriver.c ---- */

struct redriver *redriver_new(struct runtime *runtime);
/* Answers the request, now or later, when it is about events once more; else false. */
bool redriver_takes(struct redriver *redriver, struct request *request);
void redriver_close(struct redriver *redriver); /* waits for what it is at; refuses what comes */
void redriver_free(struct redriver *redriver);  /* once nobody can ask any more */

/* ---- process.c ---- */

void process_limit_memory(void);
/* Gives what a burst left behind back to the system once it is over, and at times while it lasts: a trim holds up whoever
 * allocates. One thread calls it, `since_us` after the last time. */
void process_give_back(int64_t since_us);
void process_add_metrics(const struct service *service);
