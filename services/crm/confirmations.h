/* Double opt-in: consent that counts once the person has followed a link in a mail and said so there. */
#pragma once

#include "services/crm/store_consents.h"

#define CONFIRMATIONS_EVERY_US (500 * US_PER_MS)

/* ctx->app has it. */
struct confirmation_rules {
    char *public_url, *template; /* of links; slug of the mail's template */
    int64_t lives_us;            /* a link */
    int64_t again_us;            /* between two mails */
    int64_t most;                /* mails for one request */
    uint8_t secret[32];          /* of links */
};

/* Asks the person: `wanted` has profile_id, purpose, channel, source, wording and actor. What is asked already is asked again:
 * the same link, by another mail. CONFLICT: the profile has no address; RATE_LIMITED: too soon, or too often. */
bool confirmation_ask(struct ctx *ctx, struct confirmation_row *wanted);

/* The token of its link, and the link. */
struct str confirmation_token(struct ctx *ctx, struct str confirmation_id);
struct str confirmation_url(struct ctx *ctx, struct str confirmation_id);

/* What a token is of. NOT_FOUND: it is none of ours, or its person is erased; GONE: it has expired, or the person's address is
 * another now. One that is confirmed is good for ever, and changes nothing any more. */
bool confirmation_open(struct ctx *ctx, struct str token, struct confirmation_row *out);

/* The person says yes: notes the word with all that proves it, once. */
bool confirmation_accept(struct ctx *ctx, const struct confirmation_row *row);

/* The worker: asks email for the mails that are due. */
bool confirmations_run(struct ctx *ctx);
