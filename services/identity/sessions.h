/* Sessions: one is a family of refresh tokens, "ffr_<session>.<secret>". Only the newest is good, once; any other that
 * names the session ends it, since somebody else has it (RFC 9700 section 4.14.2). Each function takes its own
 * transactions, so that what a refusal ends stays ended. */
#pragma once

#include "base/ctx.h"

struct signed_in {
    struct str person_id, scopes, refresh_token;
    int64_t refresh_until_us;
};

/* UNAUTHENTICATED: nobody, no password, or another one. RATE_LIMITED, with the seconds to wait. */
bool session_begin(struct ctx *ctx, struct str email, struct str password, struct signed_in *out,
                   int64_t *wait_s);

/* UNAUTHENTICATED: unknown, used before, over, or of a person who may not sign in any more. */
bool session_renew(struct ctx *ctx, struct str refresh_token, struct signed_in *out);

/* Within a transaction. Whatever it names has ended. */
bool session_end(struct ctx *ctx, struct str refresh_token);
