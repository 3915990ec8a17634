/* Who asks, and whether they may. */
#include "platform/crypto/crypto.h"
#include "platform/http/exchange.h"

/* What follows the scheme ("Bearer "), compared without case; ptr NULL when it is another. */
static struct str credentials(struct str header, struct str scheme)
{
    if (header.len <= scheme.len ||
        !str_eq_nocase((struct str){ header.ptr, scheme.len }, scheme) ||
        header.ptr[scheme.len] != ' ')
        return (struct str){ NULL, 0 };
    return str_trim((struct str){ header.ptr + scheme.len + 1, header.len - scheme.len - 1 });
}

/* The password of RFC 7617, whatever the user name; ptr NULL when it is not that. */
static struct str basic_password(struct exchange *ex)
{
    struct str name, text = credentials(ex->headers.authorization, STR("Basic"));
    struct str pair = text.len ? crypto_unbase64(ex->ctx.arena, text) : text;
    return pair.len && memchr(pair.ptr, ':', pair.len) && str_split(&pair, ':', &name)
               ? pair
               : (struct str){ NULL, 0 };
}

/* A browser sends what it was once told along with whatever another site makes it ask for: such credentials only read. */
bool authorise_by_password(const struct exchange *ex)
{
    return ex->ctx.operation && ex->ctx.operation->auth == AUTH_TOKEN &&
           strcmp(ex->ctx.operation->method, "GET") == 0;
}

static bool token_check(struct exchange *ex)
{
    struct ctx *ctx = &ex->ctx;
    struct str token = credentials(ex->headers.authorization, STR("Bearer"));
    if (!token.ptr && authorise_by_password(ex))
        token = basic_password(ex);
    if (!token.ptr)
        return ctx_fail(ctx, ERR_UNAUTHENTICATED, "There is no bearer token in the request.");
    if (!ex->router->settings.keys)
        return ctx_fail(ctx, ERR_UNAUTHENTICATED,
                        "This service has no keys to verify tokens with.");
    return token_verify(ctx, ex->router->settings.keys, token,
                        ex->router->settings.contract->service, &ex->who);
}

/* The user name of RFC 7617, where the password is left empty; ptr NULL when it is not that. */
static struct str basic_user(struct exchange *ex)
{
    struct str user, text = credentials(ex->headers.authorization, STR("Basic"));
    struct str pair = text.len ? crypto_unbase64(ex->ctx.arena, text) : text;
    return pair.len && str_split(&pair, ':', &user) ? user : (struct str){ NULL, 0 };
}

/* `writeKey` of a body that is a JSON object. A body that is none is the contract's to refuse, or the handler's. */
static struct str body_write_key(struct exchange *ex)
{
    struct str text;
    const struct json *body = NULL;
    if (body_text(ex, &text) && text.ptr)
        body = json_parse(&ex->ctx, text);
    ctx_clear(&ex->ctx);
    return json_str(json_get(body, "writeKey"));
}

static bool write_key_check(struct exchange *ex)
{
    struct ctx *ctx = &ex->ctx;
    struct str key = ex->headers.authorization.ptr ? basic_user(ex) : body_write_key(ex);
    if (!key.len)
        return ctx_fail(
            ctx, ERR_UNAUTHENTICATED,
            "A write key is needed: as the user name of Basic authentication, or as `writeKey` in the body.");
    if (!ex->router->settings.keys)
        return ctx_fail(ctx, ERR_UNAUTHENTICATED,
                        "This service has no keys to verify write keys with.");
    return token_write_key(ctx, ex->router->settings.keys, key, &ex->who);
}

/* Whoever sends no credentials may be let in where the contract says so; bad ones are never overlooked. */
static bool is_let_in(struct exchange *ex)
{
    bool (*lets_in)(struct ctx *) = ex->router->settings.lets_in;
    return ex->ctx.operation->open && !ex->headers.authorization.ptr && lets_in &&
           lets_in(&ex->ctx);
}

static bool credentials_check(struct exchange *ex)
{
    switch (ex->ctx.operation->auth) {
    case AUTH_TOKEN:
        return token_check(ex);
    case AUTH_WRITE_KEY:
        return write_key_check(ex);
    case AUTH_EITHER:
        return credentials(ex->headers.authorization, STR("Basic")).ptr ? write_key_check(ex)
                                                                        : token_check(ex);
    case AUTH_PUBLIC:
        break;
    }
    return true;
}

bool authorise(struct exchange *ex)
{
    const struct operation *operation = ex->ctx.operation;
    ex->ctx.who = &ex->who;
    if (operation->auth == AUTH_PUBLIC || is_let_in(ex))
        return true;
    if (!credentials_check(ex))
        return false;
    if (operation->scope && !principal_has(&ex->who, operation->scope))
        return ctx_fail(&ex->ctx, ERR_FORBIDDEN, "The scope %s is needed.", operation->scope);
    return true;
}
