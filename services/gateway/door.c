#include "services/gateway/door.h"

#include "base/clock.h"
#include "platform/token/token.h"
#include "services/gateway/gateway.h"

#define HSTS_S 31536000 /* a year, below which browsers' lists take no site */

/* ---- limits ---- */

/* Whose requests are counted together. The last address that the header names is the one that our own proxy saw. */
static struct str address_of(const struct ctx *ctx, const struct door *door)
{
    struct str list = door->address_header.ptr ? request_header(ctx, door->address_header.ptr)
                                               : (struct str){ NULL, 0 };
    struct str last = list, part;
    while (list.len && str_split(&list, ',', &part))
        last = str_trim(part);
    return last.len ? last : ctx->request->remote;
}

/* The limit that holds for whoever it is by now, and under which name it is told; NULL: none. */
static struct limits *limit_of(const struct ctx *ctx, const struct door *door, struct str *who,
                               const char **name)
{
    bool known = ctx->who->kind != PRINCIPAL_NOBODY;
    *who = known ? ctx->who->subject : address_of(ctx, door);
    *name = known ? "key" : "address";
    return known ? door->by_key : door->by_address;
}

static const struct door *door_of(const struct ctx *ctx)
{
    return &((const struct gateway *)ctx->app)->door;
}

bool door_admits(struct ctx *ctx)
{
    struct str who;
    const char *name;
    struct limits *limits = limit_of(ctx, door_of(ctx), &who, &name);
    return !limits || limits_take(limits, who, clock_mono_us()) ||
           ctx_fail(ctx, ERR_RATE_LIMITED, "more than %lld requests a minute of one %s",
                    (long long)limits_look(limits, who, clock_mono_us()).quota, name);
}

/* draft-ietf-httpapi-ratelimit-headers-10: what is left, and in how many seconds all of it is there again. */
static void rate_tell(struct ctx *ctx, const struct door *door, struct reply *reply)
{
    struct str who;
    const char *name;
    struct limits *limits = limit_of(ctx, door, &who, &name);
    if (!limits)
        return;
    struct limit_state state = limits_look(limits, who, clock_mono_us());
    reply_add(ctx, reply, "RateLimit-Policy",
              arena_printf(ctx->arena, "\"%s\";q=%lld;w=%d", name, (long long)state.quota,
                           LIMITS_WINDOW_S));
    reply_add(ctx, reply, "RateLimit",
              arena_printf(ctx->arena, "\"%s\";r=%lld;t=%lld", name, (long long)state.left,
                           (long long)state.whole_s));
    if (reply->status != 429)
        return;
    for (struct reply_header *header = reply->headers; header; header = header->next)
        if (strcmp(header->name, "Retry-After") == 0)
            header->value = arena_printf(ctx->arena, "%lld", (long long)MAX(state.wait_s, 1));
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
    if (!origin.ptr || !origin_known(door, origin))
        return;
    reply_add(ctx, reply, "Access-Control-Allow-Origin", all ? STR("*") : origin);
    if (!all)
        reply_add(ctx, reply, "Vary", STR("Origin"));
    if (!str_is(ctx->request->method, "OPTIONS")) {
        reply_add(ctx, reply, "Access-Control-Expose-Headers",
                  STR("ETag, Fanfare-Defaults, RateLimit, RateLimit-Policy, Retry-After"));
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
