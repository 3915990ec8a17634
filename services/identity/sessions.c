#include "services/identity/sessions.h"

#include "base/clock.h"
#include "base/id.h"
#include "platform/crypto/crypto.h"
#include "services/identity/attempts.h"
#include "services/identity/identity.h"
#include "services/identity/password.h"
#include "services/identity/scopes.h"
#include "services/identity/store.h"

#define PREFIX "ffr_"
#define IDLE_US (30 * US_PER_DAY) /* without a refresh */
#define LONGEST_US (90 * US_PER_DAY)
#define OWN_SCOPE STR("identity:self") /* of everybody who has signed in */

/* ---- refresh tokens ---- */

static struct str random_text(struct arena *arena, size_t bytes)
{
    uint8_t random[32];
    id_random(random, bytes);
    return crypto_base64url(arena, (struct str){ (const char *)random, bytes });
}

static struct str hash_of(struct arena *arena, struct str secret)
{
    uint8_t hash[32];
    crypto_sha256(secret.ptr, secret.len, hash);
    return crypto_hex(arena, hash, sizeof(hash));
}

static bool token_split(struct str token, struct str *session_id, struct str *secret)
{
    if (!str_starts(token, STR(PREFIX)))
        return false;
    *secret = (struct str){ token.ptr + strlen(PREFIX), token.len - strlen(PREFIX) };
    return str_split(secret, '.', session_id) && session_id->len && secret->len;
}

/* Gives the session its next secret, and stores it. */
static bool session_continue(struct ctx *ctx, struct session_row *session, struct signed_in *out)
{
    struct str secret = random_text(ctx->arena, 32), scopes;
    int64_t now_us = clock_now_us();
    session->token_hash = hash_of(ctx->arena, secret);
    session->expires_us = MIN(now_us + IDLE_US, session->started_us + LONGEST_US);
    if (!store_person_scopes(ctx, session->person_id, &scopes) ||
        !store_session_put(ctx, session) || !store_signed_in(ctx, session->person_id, now_us))
        return false;
    *out = (struct signed_in){ .person_id = session->person_id,
                               .scopes = scopes_union(ctx->arena, scopes, OWN_SCOPE),
                               .refresh_token = arena_printf(ctx->arena, PREFIX STR_FMT "." STR_FMT,
                                                             STR_ARG(session->session_id),
                                                             STR_ARG(secret)),
                               .refresh_until_us = session->expires_us };
    return true;
}

/* ---- beginning ---- */

struct beginning {
    struct str email;
    struct person_row person; /* person_id.ptr NULL: nobody who may sign in */
    struct signed_in *out;
};

static bool find(struct ctx *ctx, void *argument)
{
    struct beginning *beginning = argument;
    if (!store_person_by_email(ctx, beginning->email, &beginning->person) ||
        !beginning->person.active)
        beginning->person = (struct person_row){ 0 };
    return !ctx_failed(ctx);
}

/* What was found is looked at again: the person may have been given another password, or been sent away, while this one
 * was hashed. */
static bool begin(struct ctx *ctx, void *argument)
{
    struct beginning *beginning = argument;
    struct str kept = beginning->person.password;
    if (!find(ctx, beginning))
        return false;
    if (!str_eq(kept, beginning->person.password))
        return ctx_fail(ctx, ERR_UNAUTHENTICATED, "the password was changed just now");
    struct session_row session = { .session_id = random_text(ctx->arena, 16),
                                   .person_id = beginning->person.person_id,
                                   .started_us = clock_now_us() };
    return store_sessions_forget(ctx, session.started_us) &&
           session_continue(ctx, &session, beginning->out);
}

bool session_begin(struct ctx *ctx, struct str email, struct str password, struct signed_in *out,
                   int64_t *wait_s)
{
    struct sql_db *db = service_db(ctx);
    struct beginning beginning = { .email = email, .out = out };
    if (!attempt_begin(ctx, email, wait_s) || !sql_read(ctx, db, find, &beginning))
        return false;
    if (!password_is(ctx->arena, beginning.person.password, password))
        return ctx_fail(ctx, ERR_UNAUTHENTICATED, "address or password is wrong");
    return attempt_succeeded(ctx, email) && sql_write(ctx, db, begin, &beginning);
}

/* ---- going on ---- */

struct renewal {
    struct str session_id, secret;
    struct signed_in *out;
    const char *refused; /* what was done for it stays done */
};

static bool session_is_good(struct ctx *ctx, struct renewal *renewal, struct session_row *session)
{
    struct person_row person;
    if (!store_session(ctx, renewal->session_id, session)) {
        renewal->refused = "the session has ended, or there was none";
        return false;
    }
    struct str hash = hash_of(ctx->arena, renewal->secret);
    if (hash.len != session->token_hash.len ||
        !crypto_equal(hash.ptr, session->token_hash.ptr, hash.len))
        renewal->refused = "the refresh token was used before, so its session has ended";
    else if (clock_now_us() >= session->expires_us)
        renewal->refused = "the session has ended";
    else if (!store_person(ctx, session->person_id, &person) || !person.active)
        renewal->refused = "the person may not sign in any more";
    return !renewal->refused;
}

static bool renew(struct ctx *ctx, void *argument)
{
    struct renewal *renewal = argument;
    struct session_row session;
    renewal->refused = NULL;
    if (session_is_good(ctx, renewal, &session))
        return session_continue(ctx, &session, renewal->out);
    return !ctx_failed(ctx) && store_session_end(ctx, renewal->session_id);
}

bool session_renew(struct ctx *ctx, struct str refresh_token, struct signed_in *out)
{
    struct renewal renewal = { .out = out };
    if (!token_split(refresh_token, &renewal.session_id, &renewal.secret))
        return ctx_fail(ctx, ERR_UNAUTHENTICATED, "this is not a refresh token");
    if (!sql_write(ctx, service_db(ctx), renew, &renewal))
        return false;
    return !renewal.refused || ctx_fail(ctx, ERR_UNAUTHENTICATED, "%s", renewal.refused);
}

bool session_end(struct ctx *ctx, struct str refresh_token)
{
    struct str session_id, secret;
    return !token_split(refresh_token, &session_id, &secret) || store_session_end(ctx, session_id);
}
