#include "services/gateway/purge.h"

#include "base/clock.h"
#include "services/gateway/edge.h"
#include "services/gateway/gateway.h"

#define EVERY_US (250 * US_PER_MS)
#define AGAIN_US (5 * US_PER_S) /* after one that failed */
#define AT_ONCE 100             /* keys in one call: with the longest, 20 KB */
#define CALL_US (5 * US_PER_S)

bool purge_note(struct ctx *ctx, struct str surrogate_key)
{
    const struct gateway *gateway = ctx->app;
    CLEANUP(model_done) struct model_use live = service_model(ctx);
    return !gateway->purge.cdn || ctx->model != live.model ||
           edge_purge_note(ctx, ctx->model, surrogate_key, clock_mono_us());
}

/* {"surrogate_keys": [...]}, and the same in the header that CDNs know. */
static bool cdn_tell(struct ctx *ctx, const struct purge *purge, const struct edge_purges *purges)
{
    struct json_out body;
    struct str keys = { NULL, 0 };
    json_out_init(&body, ctx->arena);
    json_object(&body);
    json_key(&body, "surrogate_keys");
    json_array(&body);
    for (size_t i = 0; i < purges->n; i++) {
        json_put_str(&body, purges->keys[i]);
        keys = keys.ptr ? arena_printf(ctx->arena, STR_FMT " " STR_FMT, STR_ARG(keys),
                                       STR_ARG(purges->keys[i]))
                        : purges->keys[i];
    }
    json_array_end(&body);
    json_object_end(&body);
    struct header header = { STR("Surrogate-Key"), keys };
    struct call call = { .peer = purge->cdn,
                         .method = "POST",
                         .path = purge->path,
                         .body = json_out_str(&body),
                         .token = purge->token,
                         .headers = &header,
                         .n_headers = 1,
                         .deadline_us = clock_mono_us() + CALL_US,
                         .idempotent = true };
    client_call(ctx, &call, 1);
    return call.status >= 200 && call.status < 300;
}

static bool forget(struct ctx *ctx, void *purges)
{
    return edge_purges_done(ctx, purges);
}

static bool purge_run(struct ctx *ctx)
{
    struct purge *purge = &((struct gateway *)ctx->app)->purge;
    CLEANUP(model_done) struct model_use use = service_model(ctx);
    struct edge_purges purges;
    if (purge->failed_us && clock_mono_us() - purge->failed_us < AGAIN_US)
        return false;
    if (!edge_purges(ctx, use.model, AT_ONCE, &purges) || purges.n == 0)
        return false;
    if (!cdn_tell(ctx, purge, &purges)) {
        purge->failed_us = clock_mono_us();
        log_line(LOG_WARN, ctx, "cdn_not_told", LOG_I("keys", purges.n));
        return false;
    }
    purge->failed_us = 0;
    return lmdb_write(ctx, use.model, forget, &purges) && purges.n == AT_ONCE;
}

bool purge_open(struct ctx *ctx, struct purge *purge)
{
    struct str url = setting_text(ctx, "purge_url"), token = setting_text(ctx, "purge_token");
    if (!url.len)
        return true;
    const char *path = strchr(strstr(url.ptr, "://") + 3, '/');
    struct str base = { url.ptr, path ? (size_t)(path - url.ptr) : url.len };
    purge->cdn =
        peer_new(&(struct peer_settings){ .name = "cdn", .url = arena_cstr(ctx->arena, base) });
    purge->path = path ? str_of(path) : STR("/");
    purge->token = token.len ? token : (struct str){ NULL, 0 };
    return service_worker(ctx, "purge", EVERY_US, purge_run);
}

void purge_close(struct purge *purge)
{
    peer_free(purge->cdn);
}
