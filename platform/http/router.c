/* The way of a request: find the operation, let it in, read what it says, run it, answer. */
#include "platform/faults/faults.h"
#include "base/clock.h"
#include "platform/http/exchange.h"
#include "platform/telemetry/log.h"

#include <stdlib.h>
#include <time.h>

#define BODY_MAX_BYTES (1024 * 1024)
#define POOL_THREADS 8
#define POOL_QUEUE 1000
#define INSTANCE_MAX_BYTES 200 /* how much of a path a problem repeats */

/* ---- answering ---- */

static void reply_retry_after(struct exchange *ex)
{
    if (ex->reply.status != 503 && ex->reply.status != 429)
        return;
    for (const struct reply_header *header = ex->reply.headers; header; header = header->next)
        if (strcasecmp(header->name, "Retry-After") == 0)
            return;
    reply_add(&ex->ctx, &ex->reply, "Retry-After", STR("1"));
}

static void failure_log(struct exchange *ex)
{
    const struct ctx *ctx = &ex->ctx;
    bool passing = ctx->error.code == ERR_UNAVAILABLE || ctx->error.code == ERR_TIMEOUT;
    log_line(passing ? LOG_WARN : LOG_ERROR, ctx, "request_failed",
             LOG_S("method", ex->request->method), LOG_S("route", ex->endpoint->signals.route),
             LOG_I("status", ex->reply.status), LOG_C("error", error_name(ctx->error.code)),
             LOG_S("detail", ctx->error.detail));
}

void exchange_answer(struct exchange *ex)
{
    struct router *router = ex->router;
    struct request *request = ex->request;
    reply_retry_after(ex);
    if (router->settings.finish)
        router->settings.finish(&ex->ctx, &ex->reply);
    if (ex->reply.status >= 500 && !ex->shed)
        failure_log(ex);
    int64_t took_us = signals_end(&ex->endpoint->signals, &ex->flight, &ex->ctx, ex->reply.status);
    if (ex->entered)
        shed_leave(&router->shed, &ex->endpoint->usual, MAX(took_us - ex->waited_us, 0),
                   ex->flight.started_us + took_us);
    request->answer(request, &ex->reply); /* from here on everything may be gone */
}

static bool is_browser(const struct ctx *ctx)
{
    struct str accept = request_header(ctx, "Accept");
    return accept.len && memmem(accept.ptr, accept.len, "text/html", 9) != NULL;
}

static const char *challenge_of(const struct exchange *ex)
{
    const struct operation *operation = ex->ctx.operation;
    if (operation && operation->auth == AUTH_WRITE_KEY)
        return "Basic realm=\"write key\", charset=\"UTF-8\"";
    /* A person at a browser is asked for a password: a token or an API key. */
    if (ex->ctx.error.code == ERR_UNAUTHENTICATED && authorise_by_password(ex) &&
        is_browser(&ex->ctx))
        return "Basic realm=\"fanfare\", charset=\"UTF-8\"";
    if (ex->ctx.error.code == ERR_FORBIDDEN)
        return "Bearer realm=\"fanfare\", error=\"insufficient_scope\"";
    return ex->headers.authorization.ptr ? "Bearer realm=\"fanfare\", error=\"invalid_token\""
                                         : "Bearer realm=\"fanfare\"";
}

static struct reply refusal_of(struct exchange *ex)
{
    struct ctx *ctx = &ex->ctx;
    if (ctx->operation && ctx->operation->foreign && ex->router->settings.refusal)
        return ex->router->settings.refusal(ctx);
    struct str path = { ex->path.ptr, MIN(ex->path.len, INSTANCE_MAX_BYTES) };
    bool readable = path.ptr && str_is_utf8(path);
    return (struct reply){
        .status = error_status(ctx->error.code),
        .content_type = "application/problem+json",
        .body = problem_json(ctx, &ctx->error, readable ? arena_cstr(ctx->arena, path) : NULL),
    };
}

void exchange_refuse(struct exchange *ex)
{
    struct ctx *ctx = &ex->ctx;
    ex->reply = refusal_of(ex);
    if (ctx->error.code == ERR_UNAUTHENTICATED ||
        (ctx->error.code == ERR_FORBIDDEN && ex->who.kind == PRINCIPAL_TOKEN))
        reply_add(ctx, &ex->reply, "WWW-Authenticate", str_of(challenge_of(ex)));
    if (ctx->error.code == ERR_METHOD_NOT_ALLOWED)
        reply_add(ctx, &ex->reply, "Allow",
                  str_of(ex->match.route ? ex->match.route->allow : "GET, HEAD, OPTIONS"));
    exchange_answer(ex);
}

/* ---- finding the operation ---- */

/* Path and query of the target, which a proxy may have sent with scheme and host in front (RFC 9112 section 3.2.2). */
static void target_split(struct str target, struct str *path, struct str *query)
{
    if (target.len && target.ptr[0] != '/') {
        const char *authority = memmem(target.ptr, target.len, "://", 3);
        const char *begin = authority ? authority + 3 : target.ptr + target.len;
        const char *slash = memchr(begin, '/', (size_t)(target.ptr + target.len - begin));
        if (authority && slash)
            target = (struct str){ slash, (size_t)(target.ptr + target.len - slash) };
    }
    *query = target;
    if (!str_split(query, '?', path))
        *path = STR("");
}

static struct endpoint *endpoint_find(struct router *router, enum method method, struct str path,
                                      struct route_match *match)
{
    if (!routes_find(router->routes, path, match))
        return str_is(path, "/openapi.json") ? &router->openapi : &router->unmatched;
    int index = method == METHOD_HEAD ? match->route->operations[METHOD_GET]
                : method < N_ROUTED   ? match->route->operations[method]
                                      : -1;
    return index >= 0 ? &router->endpoints[index] : &router->unmatched;
}

size_t router_body_limit(const struct router *router, struct str method, struct str target)
{
    struct route_match match;
    struct str path, query;
    target_split(target, &path, &query);
    const struct endpoint *endpoint =
        endpoint_find((struct router *)router, method_of(method), path, &match);
    size_t own = endpoint->operation ? endpoint->operation->max_body_bytes : 0;
    return own ? own : router->settings.max_body_bytes;
}

/* ---- letting it in ---- */

/* What has no operation; true when it was answered. */
static bool answer_by_itself(struct exchange *ex)
{
    struct ctx *ctx = &ex->ctx;
    bool document = ex->endpoint == &ex->router->openapi;
    if (ex->endpoint->operation)
        return false;
    if ((ex->match.route || document) && ex->method == METHOD_OPTIONS) {
        ex->reply = reply_empty(ctx);
        reply_add(ctx, &ex->reply, "Allow",
                  str_of(document ? "GET, HEAD, OPTIONS" : ex->match.route->allow));
        exchange_answer(ex);
    } else if (document && (ex->method == METHOD_GET || ex->method == METHOD_HEAD)) {
        ex->reply = reply_text(ctx, 200, "application/json",
                               str_of(ex->router->settings.contract->openapi));
        exchange_answer(ex);
    } else {
        if (ex->match.route || document)
            ctx_fail(ctx, ERR_METHOD_NOT_ALLOWED, "The path has no such method.");
        else
            ctx_fail(ctx, ERR_NOT_FOUND, "There is no such path.");
        exchange_refuse(ex);
    }
    return true;
}

static bool enter(struct exchange *ex)
{
    if (ex->endpoint->on_loop) /* runs at once: nothing to queue, so nothing to shed */
        return true;
    ex->entered = shed_enter(&ex->router->shed, ex->endpoint->mercy);
    if (ex->entered)
        return true;
    ex->shed = true;
    metric_add(ex->router->sheds, 1);
    return ctx_fail_openly(&ex->ctx, ERR_UNAVAILABLE,
                           "The service is overloaded; nothing was done.");
}

static bool accepts(struct exchange *ex)
{
    bool (*ask)(struct ctx *, const struct operation *) = ex->router->settings.accepts;
    return !ask || ex->ctx.operation->run != RUN_WRITE || ask(&ex->ctx, ex->ctx.operation);
}

static bool admits(struct exchange *ex)
{
    return !ex->router->settings.admits || ex->router->settings.admits(&ex->ctx);
}

static bool admit(struct exchange *ex)
{
    if (!admits(ex) || !headers_check(ex) || !enter(ex) || !deadline_read(ex) || !authorise(ex) ||
        (ex->who.kind != PRINCIPAL_NOBODY && !admits(ex)) || !accepts(ex))
        return false;
    ex->in = arena_alloc(ex->ctx.arena, MAX(ex->ctx.operation->in_size, 1));
    return params_read(ex) && body_read(ex);
}

/* The server's own objections, and faults that were asked for. */
static bool sound(struct exchange *ex, enum fault_kind fault)
{
    const struct request *request = ex->request;
    if (request->refused != ERR_NONE)
        return ctx_fail_openly(&ex->ctx, request->refused, "%s",
                               request->refusal ? request->refusal : "The request is not sound.");
    return fault != FAULT_ERROR ||
           ctx_fail_openly(&ex->ctx, ERR_UNAVAILABLE, "A fault was asked for.");
}

static struct exchange *exchange_new(struct router *router, struct request *request)
{
    struct exchange *ex = ARENA_NEW(request->arena, struct exchange);
    ex->ctx = (struct ctx){
        .arena = request->arena,
        .request = request,
        .app = router->settings.app,
        .runtime = router->settings.runtime,
        .who = &ex->who,
    };
    ex->router = router;
    ex->request = request;
    ex->method = method_of(request->method);
    headers_read(ex);
    target_split(request->target, &ex->path, &ex->query);
    ex->endpoint = endpoint_find(router, ex->method, ex->path, &ex->match);
    ex->ctx.operation = ex->endpoint->operation;
    return ex;
}

void router_handle(struct router *router, struct request *request)
{
    enum fault_kind fault = fault_at("http.request", NULL);
    if (fault == FAULT_DROP) {
        request->answer(request, NULL);
        return;
    }
    struct exchange *ex = exchange_new(router, request);
    signals_begin(&ex->endpoint->signals, &ex->flight, &ex->ctx, ex->headers.traceparent,
                  router->settings.edge);
    request->received_us = ex->flight.started_us;
    if (!sound(ex, fault))
        exchange_refuse(ex);
    else if (answer_by_itself(ex))
        return;
    else if (!admit(ex))
        exchange_refuse(ex);
    else
        exchange_run(ex);
}

/* ---- making and ending ---- */

static const int8_t *path_indexes(struct arena *arena, const struct operation *operation)
{
    int8_t *indexes = ARENA_ARRAY(arena, int8_t, operation->n_params + 1);
    for (size_t i = 0; i < operation->n_params; i++) {
        const struct param *param = &operation->params[i];
        indexes[i] = param->place == PARAM_PATH
                         ? (int8_t)route_param_index(operation->path, param->field.name)
                         : -1;
    }
    return indexes;
}

static void endpoint_init(struct router *router, struct endpoint *endpoint,
                          const struct operation *operation)
{
    struct sql_db *db = router->settings.db;
    *endpoint = (struct endpoint){
        .operation = operation,
        .mercy = shed_class_of(operation->priority),
        .on_loop = operation->run == RUN_READ && (!db || !sql_is_postgresql(db)),
        .takes_body = operation->body_offset != UINT32_MAX ||
                      operation->body_json_offset != UINT32_MAX ||
                      operation->body_raw_offset != UINT32_MAX,
        .path_indexes = path_indexes(router->arena, operation),
    };
    signals_init(&endpoint->signals, router->arena, operation->method, operation->path);
}

static bool endpoints_init(struct ctx *ctx, struct router *router)
{
    const struct contract *contract = router->settings.contract;
    bool pool_needed = false;
    router->endpoints = ARENA_ARRAY(router->arena, struct endpoint, contract->n_operations);
    for (size_t i = 0; i < contract->n_operations; i++) {
        const struct operation *operation = &contract->operations[i];
        if (operation->run == RUN_WRITE && !router->settings.db)
            return ctx_fail(ctx, ERR_INTERNAL, "operation %s writes, and there is no database",
                            operation->id);
        endpoint_init(router, &router->endpoints[i], operation);
        pool_needed |= operation->run != RUN_WRITE && !router->endpoints[i].on_loop;
    }
    signals_init(&router->unmatched.signals, router->arena, NULL, NULL);
    signals_init(&router->openapi.signals, router->arena, "GET", "/openapi.json");
    if (pool_needed)
        router->pool = pool_new(router->settings.pool_threads, POOL_QUEUE);
    return true;
}

struct router *router_new(struct ctx *ctx, const struct router_settings *settings)
{
    struct router *router = mem_alloc(sizeof(*router));
    router->settings = *settings;
    if (!router->settings.max_body_bytes)
        router->settings.max_body_bytes = BODY_MAX_BYTES;
    if (!router->settings.pool_threads)
        router->settings.pool_threads = POOL_THREADS;
    router->arena = arena_new(0);
    shed_init(&router->shed);
    router->sheds = metric_get(METRIC_COUNTER, "fanfare_http_shed_total",
                               "Requests refused because too much was under way.", "");
    router->routes =
        routes_new(ctx, settings->contract->operations, settings->contract->n_operations);
    if (router->routes && endpoints_init(ctx, router))
        return router;
    router_free(router);
    return NULL;
}

void router_free(struct router *router)
{
    if (!router)
        return;
    pool_free(router->pool);
    while (shed_under_way(&router->shed) > 0) /* writes that wait for their commit */
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    shed_done(&router->shed);
    routes_free(router->routes);
    arena_free(router->arena);
    free(router);
}
