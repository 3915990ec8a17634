/* Signing in and out, and what one who has signed in does about themselves. */
#include "base/clock.h"
#include "platform/token/token.h"
#include "services/identity/attempts.h"
#include "services/identity/identity.h"
#include "services/identity/password.h"
#include "services/identity/reply.h"
#include "services/identity/scopes.h"
#include "services/identity/sessions.h"

#define TOKEN_LIFETIME_S 600 /* semantics: Tokens */

static struct reply reply_session(struct ctx *ctx, const struct signed_in *in)
{
    int64_t now_us = clock_now_us();
    struct session session = {
        .person_id = in->person_id,
        .token = token_mint(ctx, setting_text(ctx, "keys").ptr, in->person_id, in->scopes,
                            (struct str){ NULL, 0 }, TOKEN_LIFETIME_S),
        .expires_at = now_us + TOKEN_LIFETIME_S * US_PER_S,
        .refresh_token = in->refresh_token,
        .refresh_until = in->refresh_until_us,
    };
    if (!session.token.ptr)
        return reply_error(ctx);
    session.scopes = scopes_list(ctx->arena, in->scopes, &session.n_scopes);
    return reply_ok(ctx, session_encode(ctx, &session));
}

static struct reply reply_refused(struct ctx *ctx, int64_t wait_s)
{
    struct reply reply = reply_error(ctx);
    if (wait_s)
        reply_add(ctx, &reply, "Retry-After", arena_printf(ctx->arena, "%lld", (long long)wait_s));
    return reply;
}

struct reply identity_sign_in(struct ctx *ctx, const struct sign_in_in *in)
{
    struct signed_in signed_in;
    int64_t wait_s = 0;
    struct str email = small_letters(ctx->arena, in->body->email);
    if (!session_begin(ctx, email, in->body->password, &signed_in, &wait_s))
        return reply_refused(ctx, wait_s);
    return reply_session(ctx, &signed_in);
}

struct reply identity_refresh_session(struct ctx *ctx, const struct refresh_session_in *in)
{
    struct signed_in signed_in;
    if (!session_renew(ctx, in->body->refresh_token, &signed_in))
        return reply_error(ctx);
    return reply_session(ctx, &signed_in);
}

struct reply identity_end_session(struct ctx *ctx, const struct end_session_in *in)
{
    if (!session_end(ctx, in->body->refresh_token))
        return reply_error(ctx);
    return reply_empty(ctx);
}

/* ---- oneself ---- */

static bool caller_find(struct ctx *ctx, void *argument)
{
    return store_person(ctx, ctx->who->subject, argument) ||
           ctx_fail(ctx, ERR_NOT_FOUND, "you are no person that is known here");
}

struct reply identity_get_me(struct ctx *ctx, const struct get_me_in *in)
{
    struct person_row person;
    if (!caller_find(ctx, &person))
        return reply_error(ctx);
    return reply_person(ctx, &person);
}

static bool own_password_store(struct ctx *ctx, void *argument)
{
    return store_password(ctx, ctx->who->subject, *(const struct str *)argument, clock_now_us()) &&
           store_sessions_end(ctx, ctx->who->subject);
}

struct reply identity_put_own_password(struct ctx *ctx, const struct put_own_password_in *in)
{
    struct sql_db *db = service_db(ctx);
    struct person_row person;
    int64_t wait_s = 0;
    if (!sql_read(ctx, db, caller_find, &person) || !attempt_begin(ctx, person.email, &wait_s))
        return reply_refused(ctx, wait_s);
    if (!password_is(ctx->arena, person.password, in->body->current)) {
        ctx_fail_at(ctx, ERR_INVALID, STR("/current"), "this is not your password");
        return reply_error(ctx);
    }
    struct str kept = password_keep(ctx->arena, in->body->password);
    if (!attempt_succeeded(ctx, person.email) || !sql_write(ctx, db, own_password_store, &kept))
        return reply_error(ctx);
    return reply_empty(ctx);
}
