/* HTTP server: routing from the contract, decoding, authorisation, idempotency keys, limits, shedding, problems, golden
 * signals. Stands on libmicrohttpd. The router alone (no sockets) serves tests. */
#pragma once

#include "platform/contract/contract.h"
#include "platform/sql/sql.h"
#include "platform/token/token.h"

struct router;

struct router_settings {
    const struct contract *contract;
    struct sql_db *
        db; /* NULL: ctx->sql is NULL in READ operations, and WRITE operations are refused at start */
    struct token_keys *keys; /* NULL: only AUTH_PUBLIC operations are answered, others 401 */
    void *app, *runtime;
    size_t max_body_bytes; /* 0: 1 MB */
    int pool_threads;      /* 0: 8 */
    bool edge; /* true: `traceparent` from outside starts a linked trace */
    /* Before an operation that writes is accepted: false refuses with what is in ctx (outbox over its limit). */
    bool (*accepts)(struct ctx *ctx, const struct operation *operation);
    /* May one without credentials in, where the contract has that among the ways (`open`)? NULL: never. */
    bool (*lets_in)(struct ctx *ctx);
    /* May this request go on? Asked before anything of it is read (ctx->who is nobody yet), and again once it is known who
     * asks; false refuses with what is in ctx. NULL: always. */
    bool (*admits)(struct ctx *ctx);
    /* Sees each reply last, refusals too, and may add to its headers. May be NULL. */
    void (*finish)(struct ctx *ctx, struct reply *reply);
    /* How a foreign operation's protocol says what is in ctx->error. NULL: as a problem. */
    struct reply (*refusal)(struct ctx *ctx);
};

/* NULL with one sentence when the contract cannot be served (two operations of one path and method, WRITE without db). */
struct router *router_new(struct ctx *ctx, const struct router_settings *settings);

/* Waits for what is still running, so the database must still be open. NULL-safe. */
void router_free(struct router *router);

struct request_header {
    struct str name, value;
};

/* One request. Everything lives in `arena`, which is the caller's: alive until `answer` was called, and after that for
 * as long as the caller needs the reply. The router touches neither the arena nor the request once it has answered. */
struct request {
    struct arena *arena;
    struct str method, target; /* target: path and query as sent */
    struct request_header *headers;
    size_t n_headers;
    struct str body;
    struct str remote;       /* address, for limits */
    int64_t received_us;     /* clock_mono_us() when it came, for handlers; set by the router */
    enum error_code
        refused; /* not NONE: the server found it unfit; the router only makes the problem of it */
    const char *refusal;     /* one sentence */
    /* Called exactly once, from any thread, with a reply that lives in `arena`. NULL (a fault asked for it): close the
     * connection without an answer. */
    void (*answer)(struct request *request, const struct reply *reply);
    void *owner;
};

void router_handle(struct router *router, struct request *request);

/* How large the body of this request may be. */
size_t router_body_limit(const struct router *router, struct str method, struct str target);

/* Waits for the answer; for tests. Reply and body live in `arena`; status 0: dropped by a fault. */
struct reply router_call(struct router *router, struct arena *arena, const char *method,
                         const char *target, const struct request_header *headers, size_t n_headers,
                         struct str body);

/* Says, in a handler, how much of its request's time so far went by in waiting that it bounds by itself (a budget that
 * covers the queue and its neighbours, after which it answers with less). That is no sign of too much load here, so the
 * shedder leaves it out. */
void request_waited(struct ctx *ctx, int64_t waited_us);

/* A header of the request that ctx handles (any operation); ptr NULL when absent. */
struct str request_header(const struct ctx *ctx, const char *name);

struct http_server;

struct http_settings {
    const char *bind; /* "127.0.0.1" */
    int port;         /* 0: any free one */
    int max_connections; /* 0: 1000 */
    int idle_timeout_s; /* of a connection between requests, and of a reader that does not read; 0: 75 */
    int header_timeout_ms,
        body_timeout_ms; /* until all of it is there, however it trickles; 0: 10 s, 20 s */
    struct router *router;
    /* Paths outside the contract (health, metrics, faults on the admin listener); true when it answered. */
    bool (*extra)(struct request *request, void *argument);
    void *argument;
};

/* NULL with one sentence: "port 8110 is in use on 127.0.0.1". */
struct http_server *http_server_start(struct ctx *ctx, const struct http_settings *settings);
int http_server_port(const struct http_server *server);

/* Stops accepting, closes connections after the answer they wait for, and waits until nothing runs or the time is up. */
void http_server_drain(struct http_server *server, int64_t limit_us);

/* Stops at once what is idle and waits for what still runs (5 s; what does not end by then is left to the end of the
 * process). NULL-safe. */
void http_server_free(struct http_server *server);
