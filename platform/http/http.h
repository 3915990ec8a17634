/* HTTP server: routing from the contract, decoding, authorisation, idempotency keys, limits, shedding, problems, golden
 * signals. Stands on libmicrohttpd. The router alone (no sockets) serves tests. */
#pragma once

#include "platform/contract/contract.h"
#include "platform/sql/sql.h"
#include "platform/token/token.h"

struct router;

struct router_settings {
    const struct contract *contract;
    struct sql_db *db;       /* NULL: no READ or WRITE operations */
    struct token_keys *keys; /* NULL: only AUTH_PUBLIC operations are answered, others 401 */
    void *app, *runtime;
    size_t max_body_bytes; /* 1 MB */
    int pool_threads;
    bool edge; /* true: `traceparent` from outside starts a linked trace */
    /* Before an operation that publishes is accepted: false refuses with what is in ctx (outbox over its limit). */
    bool (*accepts)(struct ctx *ctx, const struct operation *operation);
};

struct router *router_new(struct ctx *ctx, const struct router_settings *settings);
void router_free(struct router *router);

struct request_header {
    struct str name, value;
};

/* One request. Everything lives in `arena`, which the router owns from here on and frees after `answer` returned. */
struct request {
    struct arena *arena;
    struct str method, target; /* target: path and query as sent */
    struct request_header *headers;
    size_t n_headers;
    struct str body;
    struct str remote; /* address, for limits */
    /* Called exactly once, from any thread. `reply` is alive until it returns. */
    void (*answer)(struct request *request, const struct reply *reply);
    void *owner;
};

void router_handle(struct router *router, struct request *request);

/* Waits for the answer; for tests. Reply and body live in `arena`. */
struct reply router_call(struct router *router, struct arena *arena, const char *method, const char *target,
                         const struct request_header *headers, size_t n_headers, struct str body);

/* A header of the request that ctx handles (any operation); ptr NULL when absent. */
struct str request_header(const struct ctx *ctx, const char *name);

struct http_server;

struct http_settings {
    const char *bind; /* "127.0.0.1" */
    int port;         /* 0: any free one */
    int max_connections, idle_timeout_s;
    struct router *router;
    /* Paths outside the contract (health, metrics, faults on the admin listener); true when it answered. */
    bool (*extra)(struct request *request, void *argument);
    void *argument;
};

/* NULL with one sentence: "port 8110 is in use on 127.0.0.1". */
struct http_server *http_server_start(struct ctx *ctx, const struct http_settings *settings);
int http_server_port(const struct http_server *server);
void http_server_drain(struct http_server *server, int64_t limit_us); /* stop accepting, finish what runs */
void http_server_free(struct http_server *server);
