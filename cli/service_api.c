#include "cli/service_api.h"

#include "cli/stack.h"
#include "platform/token/token.h"

#define TOKEN_S 600

static bool url_find(struct ctx *ctx, struct str data, const char *service, struct str *url)
{
    struct stack_run run;
    if (!stack_run_read(ctx, data, &run))
        return false;
    for (size_t i = 0; i < run.n; i++)
        if (str_is(run.services[i].name, service))
            *url = arena_printf(ctx->arena, "http://127.0.0.1:%d", run.services[i].port);
    return url->ptr || ctx_fail(ctx, ERR_NOT_FOUND, "%s does not run in this stack", service);
}

struct peer *service_api(struct ctx *ctx, struct str data, const char *service, const char *url)
{
    struct str found = str_of(url);
    if (!url && !url_find(ctx, data, service, &found))
        return NULL;
    if (str_starts(found, STR("http://")) || str_starts(found, STR("https://")))
        return peer_new(&(struct peer_settings){ .name = service, .url = found.ptr });
    ctx_fail(ctx, ERR_INVALID, "--url %s: this is no http:// or https:// URL", found.ptr);
    return NULL;
}

struct str service_api_token(struct ctx *ctx, struct str data, const char *subject,
                             const char *scopes)
{
    struct str folder = arena_printf(ctx->arena, STR_FMT "/keys", STR_ARG(data));
    return token_mint(ctx, folder.ptr, str_of(subject), str_of(scopes), STR("fanfare"), TOKEN_S);
}
