#include "services/gateway/door.h"

#include "base/clock.h"
#include "platform/token/token.h"
#include "services/gateway/gateway.h"

#define HSTS_S 31536000 /* a year, below which browsers' lists take no site */

/* ---- limits ---- */

/* Whose requests are counted together. The last address of the last such header is the one that our own proxy saw; what
 * comes before, the visitor may have written. */
static struct str address_of(const struct ctx *ctx, const struct door *door)
{
    const struct request *request = ctx->request;
    struct str last = { NULL, 0 }, part;
    for (size_t i = 0; door->address_header.ptr && i < request->n_headers; i++) {
        struct str list = request->headers[i].value;
        if (!str_eq_nocase(request->headers[i].name, door->address_header))
            continue;
        while (str_split(&list, ',', &part))
            last = str_trim(part);
    }
    return last.len ? last : request->remote;
}

/* A limit that holds for a request, by the name under which it is told. */
struct held {
    const char *name;
    struct limits *limits; /* NULL: none */
    struct str who;
};

static struct held held_by_address(const struct ctx *ctx, const struct door *door)
{
    return (struct held){ "address", door->by_address, address_of(ctx, door) };
}

/* A token's subject and a write key's source may have the same name. */
static struct held held_by_key(struct ctx *ctx, const struct door *door)
{
    if (ctx->who->kind == PRINCIPAL_NOBODY || !door->by_key)
        return (struct held){ "key", NULL, STR("") };
    struct str who =
        arena_printf(ctx->arena, "%d:" STR_FMT, (int)ctx->who->kind, STR_ARG(ctx->who->subject));
    return (struct held){ "key", door->by_key, who };
}

static const struct door *door_of(const struct ctx *ctx)
{
    return &((const struct gateway *)ctx->app)->door;
}

bool door_admits(struct ctx *ctx)
{
    const struct door *door = door_of(ctx);
    struct held held = ctx->who->kind == PRINCIPAL_NOBODY ? held_by_address(ctx, door)
                                                          : held_by_key(ctx, door);
    return !held.limits || limits_take(held.limits, held.who, clock_mono_us()) ||
           ctx_fail(ctx, ERR_RATE_LIMITED, "more than %lld requests a minute of one %s",
                    (long long)limits_look(held.limits, held.who, clock_mono_us()).quota,
                    held.name);
}

static struct str joined(struct arena *arena, struct str list, struct str more)
{
    return list.ptr ? arena_printf(arena, STR_FMT ", " STR_FMT, STR_ARG(list), STR_ARG(more))
                    : more;
}

/* draft-ietf-httpapi-ratelimit-headers-10: what is left, and in how many seconds all of it is there again. */
static void rate_tell(struct ctx *ctx, const struct door *door, struct reply *reply)
{
    const struct held all[] = { held_by_address(ctx, door), held_by_key(ctx, door) };
    struct str policy = { NULL, 0 }, left = { NULL, 0 };
    int64_t wait_s = 1;
    for (size_t i = 0; i < COUNT(all); i++) {
        if (!all[i].limits)
            continue;
        struct limit_state state = limits_look(all[i].limits, all[i].who, clock_mono_us());
        policy = joined(ctx->arena, policy,
                        arena_printf(ctx->arena, "\"%s\";q=%lld;w=%d", all[i].name,
                                     (long long)state.quota, LIMITS_WINDOW_S));
        left = joined(ctx->arena, left,
                      arena_printf(ctx->arena, "\"%s\";r=%lld;t=%lld", all[i].name,
                                   (long long)state.left, (long long)state.whole_s));
        wait_s = MAX(wait_s, state.wait_s);
    }
    if (!policy.ptr)
        return;
    reply_add(ctx, reply, "RateLimit-Policy", policy);
    reply_add(ctx, reply, "RateLimit", left);
    for (struct reply_header *header = reply->headers; header && reply->status == 429;
         header = header->next)
        if (strcmp(header->name, "Retry-After") == 0)
            header->value = arena_printf(ctx->arena, "%lld", (long long)wait_s);
}

/* ---- browsers ---- */

static bool origin_known(const struct door *door, struct str origin)
{
    struct str list = door->origins, part;
    while (str_split(&list, ' ', &part))
        if (str_eq(part, origin) || str_is(part, "*"))
            return true;
    return false;
}

/* Nothing here trusts a cookie from another site, so credentials are never allowed. */
static void cross_origin(struct ctx *ctx, const struct door *door, struct reply *reply)
{
    struct str origin = request_header(ctx, "Origin");
    bool all = str_is(door->origins, "*");
    if (!all)
        reply_add(ctx, reply, "Vary", STR("Origin")); /* also of who is not on the list */
    if (!origin.ptr || !origin_known(door, origin))
        return;
    reply_add(ctx, reply, "Access-Control-Allow-Origin", all ? STR("*") : origin);
    if (!str_is(ctx->request->method, "OPTIONS")) {
        reply_add(
            ctx, reply, "Access-Control-Expose-Headers",
            STR("ETag, Fanfare-Defaults, Content-Location, RateLimit, RateLimit-Policy, Retry-After"));
        return;
    }
    reply_add(ctx, reply, "Access-Control-Allow-Methods", STR("GET, POST, PUT, DELETE, PATCH"));
    reply_add(ctx, reply, "Access-Control-Allow-Headers",
              STR("Authorization, Content-Type, If-None-Match, Idempotency-Key, traceparent"));
    reply_add(ctx, reply, "Access-Control-Max-Age", STR("600"));
}

static void security_tell(struct ctx *ctx, const struct door *door, struct reply *reply)
{
    reply_add(ctx, reply, "X-Content-Type-Options", STR("nosniff"));
    if (reply->content_type && str_starts(str_of(reply->content_type), STR("text/html"))) {
        reply_add(ctx, reply, "Referrer-Policy", STR("strict-origin-when-cross-origin"));
        if (door->policy.len)
            reply_add(ctx, reply, "Content-Security-Policy", door->policy);
    }
    if (door->https)
        reply_add(ctx, reply, "Strict-Transport-Security",
                  arena_printf(ctx->arena, "max-age=%d", HSTS_S));
}

/* ---- the end of a request ---- */

/* No address, no query, nothing that names a person: the route as the contract has it. */
static void access_note(struct ctx *ctx, const struct reply *reply)
{
    log_line(LOG_INFO, ctx, "request", LOG_S("method", ctx->request->method),
             LOG_C("route", ctx->operation ? ctx->operation->path : "none"),
             LOG_I("status", reply->status), LOG_I("bytes", reply->body.len),
             LOG_I("took_us", clock_mono_us() - ctx->request->received_us));
}

void door_finish(struct ctx *ctx, struct reply *reply)
{
    const struct door *door = door_of(ctx);
    cross_origin(ctx, door, reply);
    security_tell(ctx, door, reply);
    rate_tell(ctx, door, reply);
    if (door->access_log)
        access_note(ctx, reply);
}

/* ---- life ---- */

void door_open(struct ctx *ctx, struct door *door)
{
    struct str header = setting_text(ctx, "address_header");
    *door = (struct door){ .by_address = limits_new(setting_int(ctx, "rate_per_address")),
                           .by_key = limits_new(setting_int(ctx, "rate_per_key")),
                           .address_header = header.len ? header : (struct str){ NULL, 0 },
                           .origins = setting_text(ctx, "cors_origins"),
                           .policy = setting_text(ctx, "content_security_policy"),
                           .https = setting_bool(ctx, "https"),
                           .access_log = setting_bool(ctx, "access_log") };
}

void door_close(struct door *door)
{
    limits_free(door->by_address);
    limits_free(door->by_key);
}
