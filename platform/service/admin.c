/* The admin listener: health, metrics, faults; what events were set aside is redriver.c. */
#include <stdlib.h>

#include "platform/faults/faults.h"
#include "platform/service/runtime.h"
#include "platform/service/version.h"

#define CONNECTIONS 32
#define LARGEST_BODY (64 * 1024)

struct admin {
    struct runtime *runtime;
    struct contract
        contract; /* no operations: what is not answered here is refused by the router */
    struct router *router;
    struct http_server *server;
    struct redriver *redriver;
};

static struct str state_json(struct ctx *ctx, const struct runtime *runtime, const char *state)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "status");
    json_put_str(&out, str_of(state));
    json_key(&out, "service");
    json_put_str(&out, str_of(runtime->service->name));
    json_key(&out, "version");
    json_put_str(&out, STR(FANFARE_VERSION));
    json_object_end(&out);
    return json_out_str(&out);
}

static struct reply get_live(struct ctx *ctx, const struct request *request)
{
    return reply_text(ctx, 200, "application/json", state_json(ctx, runtime_of(ctx), "live"));
}

static struct reply get_ready(struct ctx *ctx, const struct request *request)
{
    const struct runtime *runtime = runtime_of(ctx);
    bool ready = atomic_load(&runtime->is_ready), draining = atomic_load(&runtime->is_draining);
    const char *state = draining ? "draining" : ready ? "ready" : "starting";
    return reply_text(ctx, ready && !draining ? 200 : 503, "application/json",
                      state_json(ctx, runtime, state));
}

static struct reply get_metrics(struct ctx *ctx, const struct request *request)
{
    return reply_text(ctx, 200, "text/plain; version=0.0.4; charset=utf-8",
                      metrics_render(ctx->arena));
}

/* ---- faults ---- */

static struct str header_of(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (str_eq_nocase(request->headers[i].name, str_of(name)))
            return request->headers[i].value;
    return (struct str){ NULL, 0 };
}

bool admin_has_scope(struct ctx *ctx, const struct request *request, const char *scope)
{
    struct principal who = { 0 };
    const struct runtime *runtime = runtime_of(ctx);
    struct str bearer = header_of(request, "Authorization");
    if (!str_starts(bearer, STR("Bearer ")))
        return ctx_fail(ctx, ERR_UNAUTHENTICATED, "a token with the scope %s is needed", scope);
    if (!token_verify(ctx, runtime->keys, (struct str){ bearer.ptr + 7, bearer.len - 7 },
                      runtime->service->name, &who))
        return false;
    return principal_has(&who, scope) ||
           ctx_fail(ctx, ERR_FORBIDDEN, "the token lacks the scope %s", scope);
}

static bool may_set_faults(struct ctx *ctx, const struct request *request)
{
    if (!setting_bool(ctx, "faults"))
        return ctx_fail(ctx, ERR_FORBIDDEN,
                        "fail points are off: start with the setting faults true");
    return admin_has_scope(ctx, request, "faults");
}

static struct reply faults_reply(struct ctx *ctx)
{
    return reply_text(ctx, 200, "application/json", faults_list_json(ctx->arena));
}

static struct reply get_faults(struct ctx *ctx, const struct request *request)
{
    return may_set_faults(ctx, request) ? faults_reply(ctx) : reply_error(ctx);
}

static struct reply delete_faults(struct ctx *ctx, const struct request *request)
{
    if (!may_set_faults(ctx, request))
        return reply_error(ctx);
    faults_clear();
    log_line(LOG_WARN, ctx, "faults_cleared");
    return faults_reply(ctx);
}

static bool set_fault(struct ctx *ctx, const struct json *fault)
{
    static const char *const members[] = {
        "point", "peer", "kind", "delay_ms", "per_mille", "times"
    };
    enum fault_kind kind;
    if (json_type(fault) != JSON_OBJECT)
        return ctx_fail(ctx, ERR_INVALID, "a fault is an object with point and kind");
    for (struct json_iter it = json_iter(fault); json_next(&it);) {
        bool known = false;
        for (size_t i = 0; i < COUNT(members); i++)
            known |= str_is(it.key, members[i]);
        if (!known)
            return ctx_fail(ctx, ERR_INVALID, "a fault has no member " STR_FMT, STR_ARG(it.key));
    }
    if (!fault_kind_parse(json_str(json_get(fault, "kind")), &kind))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/kind"),
                           "kind is none, delay, error, hang, drop, hold or exit");
    const struct json *per_mille = json_get(fault, "per_mille");
    int64_t share = per_mille ? json_int(per_mille) : 1000,
            times = json_int(json_get(fault, "times"));
    if (share < 0 || share > 1000 || times < 0 || times > 1000000)
        return ctx_fail(ctx, ERR_INVALID, "per_mille is 1 to 1000, times 0 to 1000000");
    return fault_set(ctx, json_str(json_get(fault, "point")), json_str(json_get(fault, "peer")),
                     kind, json_int(json_get(fault, "delay_ms")), (int)share, (int)times);
}

static struct reply post_faults(struct ctx *ctx, const struct request *request)
{
    const struct json *fault;
    if (!may_set_faults(ctx, request) || !(fault = json_parse(ctx, request->body)) ||
        !set_fault(ctx, fault))
        return reply_error(ctx);
    log_line(LOG_WARN, ctx, "fault_set", LOG_S("point", json_str(json_get(fault, "point"))),
             LOG_S("peer", json_str(json_get(fault, "peer"))),
             LOG_S("kind", json_str(json_get(fault, "kind"))));
    return faults_reply(ctx);
}

/* ---- the listener ---- */

static const struct {
    const char *method, *path;
    struct reply (*handle)(struct ctx *ctx, const struct request *request);
} pages[] = {
    { "GET", "/health/live", get_live }, { "GET", "/health/ready", get_ready },
    { "GET", "/metrics", get_metrics },  { "GET", "/faults", get_faults },
    { "POST", "/faults", post_faults },  { "DELETE", "/faults", delete_faults },
};

static bool answer(struct request *request, void *argument)
{
    struct admin *admin = argument;
    struct runtime *runtime = admin->runtime;
    struct str rest = request->target, path;
    str_split(&rest, '?', &path);
    if (request->refused == ERR_NONE && redriver_takes(admin->redriver, request))
        return true;
    for (size_t i = 0; i < COUNT(pages) && request->refused == ERR_NONE; i++) {
        if (!str_is(path, pages[i].path) || !str_is(request->method, pages[i].method))
            continue;
        struct ctx ctx = { .arena = request->arena, .app = runtime->app, .runtime = runtime };
        struct reply reply = pages[i].handle(&ctx, request);
        request->answer(request, &reply);
        return true;
    }
    return false;
}

struct admin *admin_start(struct ctx *ctx, struct runtime *runtime, const char *bind, int port)
{
    struct admin *admin = mem_alloc(sizeof(*admin));
    admin->runtime = runtime;
    admin->redriver = redriver_new(runtime);
    admin->contract = (struct contract){ .service = runtime->service->name,
                                         .version = FANFARE_VERSION,
                                         .openapi = "{}" };
    admin->router = router_new(ctx, &(struct router_settings){ .contract = &admin->contract,
                                                               .max_body_bytes = LARGEST_BODY });
    if (admin->router)
        admin->server =
            http_server_start(ctx, &(struct http_settings){ .bind = bind,
                                                            .port = port,
                                                            .max_connections = CONNECTIONS,
                                                            .router = admin->router,
                                                            .extra = answer,
                                                            .argument = admin });
    if (admin->server)
        return admin;
    admin_free(admin);
    return NULL;
}

int admin_port(const struct admin *admin)
{
    return http_server_port(admin->server);
}

void admin_free(struct admin *admin)
{
    if (!admin)
        return;
    redriver_close(admin->redriver);
    http_server_free(admin->server);
    router_free(admin->router);
    redriver_free(admin->redriver);
    free(admin);
}
