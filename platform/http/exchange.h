/* Inside the router: one request from its arrival to its answer, and the steps that it goes through. */
#pragma once

#include "platform/http/http.h"
#include "platform/http/pool.h"
#include "platform/http/routes.h"
#include "platform/http/shed.h"
#include "platform/http/signals.h"

/* One operation as the router knows it. */
struct endpoint {
    const struct operation *operation; /* NULL: a path of the router's own, or no path at all */
    struct signals signals;
    enum shed_class mercy;
    struct shed_usual usual;
    bool on_loop; /* reads that need no other thread */
    bool takes_body;
    const int8_t
        *path_indexes; /* of each parameter: which one of the template's; -1: not in the path */
};

struct router {
    struct router_settings settings;
    struct arena *arena; /* of the tables */
    struct routes *routes;
    struct endpoint *endpoints; /* as the contract's operations */
    struct endpoint unmatched, openapi;
    struct pool *pool; /* NULL: no operation needs one */
    struct shed shed;
    struct metric *sheds;
    _Atomic int64_t purged_us; /* when idempotency records were last looked through for old ones */
};

/* The headers that the router reads itself; ptr NULL when absent. */
struct known_headers {
    struct str authorization, content_type, content_encoding, traceparent, deadline,
        idempotency_key;
    const char *repeated; /* one that was sent twice and must not be */
};

struct exchange {
    struct ctx ctx;
    struct router *router;
    struct request *request;
    struct endpoint *endpoint;
    struct route_match match;
    enum method method;
    struct str path, query; /* of the target, as sent */
    struct known_headers headers;
    struct principal who;
    void *in; /* the operation's */
    struct reply reply;
    struct flight flight; /* span and time */
    bool entered;         /* counted by the shedder */
    int64_t waited_us;    /* of its time, that is none of the shedder's business */
    bool shed;            /* refused by it: counted, not logged one by one */
    bool refused; /* the operation itself said no: its savepoint is undone, its reply stands */
    struct sql_job sql_job;
    struct pool_job pool_job;
};

void headers_read(struct exchange *ex);

/* Each step gives false with the error in ctx. */
bool headers_check(struct exchange *ex);
bool deadline_read(struct exchange *ex);
bool authorise(struct exchange *ex);
/* May the token come as the password of Basic? */
bool authorise_by_password(const struct exchange *ex);
bool params_read(struct exchange *ex);
bool body_read(struct exchange *ex);

/* The body as the operation gets it: decompressed, ptr NULL when there is none. */
bool body_text(struct exchange *ex, struct str *text);

/* Runs the operation where it belongs; the exchange is over, or will be, when it returns: touch it no more. */
void exchange_run(struct exchange *ex);

/* Answers with ex->reply, or with the problem in ctx. Nothing of the exchange may be touched after. */
void exchange_answer(struct exchange *ex);
void exchange_refuse(struct exchange *ex);

/* Idempotency records, inside the writer's savepoint. */
enum idempotency { IDEMPOTENCY_FIRST, IDEMPOTENCY_REPLAY, IDEMPOTENCY_FAILED };
bool idempotency_wanted(const struct exchange *ex);
enum idempotency idempotency_begin(struct exchange *ex); /* REPLAY: ex->reply is the stored one */
bool idempotency_keep(struct exchange *ex);              /* stores ex->reply */
