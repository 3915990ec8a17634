#include "cli/service_admin.h"

#include <stdlib.h>

#include "base/clock.h"
#include "cli/stack.h"
#include "platform/client/client.h"
#include "platform/token/token.h"

#define LIFETIME_S 600
#define RENEW_US (300 * US_PER_S)
#define PATIENCE_US (120 * US_PER_S)

struct service_admin {
    struct peer *peer;
    struct str name, keys, scope, token;
    int64_t renew_us; /* monotonic */
};

static int port_of(struct ctx *ctx, struct str data, const char *service)
{
    struct stack_run run;
    if (!stack_run_read(ctx, data, &run))
        return 0;
    for (size_t i = 0; i < run.n; i++)
        if (str_is(run.services[i].name, service))
            return run.services[i].admin_port;
    ctx_fail(ctx, ERR_NOT_FOUND, "the stack has no service %s", service);
    return 0;
}

struct service_admin *service_admin_open(struct ctx *ctx, const char *data_option,
                                         const char *service, const char *scope)
{
    struct str data = stack_data(ctx, data_option, false);
    int port = data.ptr ? port_of(ctx, data, service) : 0;
    if (!port)
        return NULL;
    struct service_admin *admin = mem_alloc(sizeof *admin);
    *admin = (struct service_admin){
        .name = arena_str(ctx->arena, str_of(service)),
        .keys = arena_printf(ctx->arena, STR_FMT "/keys", STR_ARG(data)),
        .scope = str_of(scope),
    };
    admin->peer = peer_new(
        &(struct peer_settings){ .name = admin->name.ptr,
                                 .url = arena_printf(ctx->arena, "http://127.0.0.1:%d", port).ptr,
                                 .budget_us = PATIENCE_US });
    return admin;
}

void service_admin_free(struct service_admin *admin)
{
    if (!admin)
        return;
    peer_free(admin->peer);
    free(admin);
}

static bool renew_token(struct ctx *ctx, struct service_admin *admin)
{
    if (admin->token.ptr && clock_mono_us() < admin->renew_us)
        return true;
    admin->renew_us = clock_mono_us() + RENEW_US;
    admin->token =
        token_mint(ctx, admin->keys.ptr, STR("operator"), admin->scope, STR("fanfare"), LIFETIME_S);
    return admin->token.ptr != NULL;
}

const struct json *service_admin_ask(struct ctx *ctx, struct service_admin *admin,
                                     const char *method, struct str path, struct str body)
{
    if (!renew_token(ctx, admin))
        return NULL;
    struct call call = { .peer = admin->peer,
                         .method = method,
                         .path = path,
                         .body = body,
                         .token = admin->token,
                         .deadline_us = clock_mono_us() + PATIENCE_US };
    client_call(ctx, &call, 1);
    if (call.status == 0) {
        ctx_fail(ctx, ERR_UNAVAILABLE, STR_FMT " does not answer: " STR_FMT, STR_ARG(admin->name),
                 STR_ARG(call.error.detail));
        return NULL;
    }
    const struct json *answer = json_parse(ctx, call.answer);
    if (call.status < 300)
        return answer;
    ctx_clear(ctx);
    struct str detail = json_str(json_get(answer, "detail"));
    ctx_fail(ctx, error_of_status(call.status), STR_FMT " answers %d: " STR_FMT,
             STR_ARG(admin->name), call.status, STR_ARG(detail));
    return NULL;
}
