#include "services/identity/attempts.h"

#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "services/identity/identity.h"
#include "services/identity/store.h"

#define FREE_ATTEMPTS 5
#define FIRST_WAIT_US (30 * US_PER_S)
#define LONGEST_WAIT_US (900 * US_PER_S)
#define FORGET_US (3600 * US_PER_S) /* after an hour without any */

/* Addresses that nobody has are tried too: they are not kept in clear. */
static struct str subject_of(struct arena *arena, struct str email)
{
    uint8_t hash[32];
    crypto_sha256(email.ptr, email.len, hash);
    return crypto_hex(arena, hash, sizeof(hash));
}

static int64_t wait_after(int64_t failed)
{
    int64_t wait_us = failed < FREE_ATTEMPTS ? 0 : FIRST_WAIT_US;
    for (int64_t i = FREE_ATTEMPTS; i < failed && wait_us < LONGEST_WAIT_US; i++)
        wait_us *= 2;
    return MIN(wait_us, LONGEST_WAIT_US);
}

struct attempt {
    struct str subject;
    int64_t wait_us;
};

static bool begin(struct ctx *ctx, void *argument)
{
    struct attempt *attempt = argument;
    struct attempts_row row = { 0 };
    int64_t now_us = clock_now_us();
    store_attempts(ctx, attempt->subject, &row);
    if (now_us - row.last_us > FORGET_US)
        row.failed = 0;
    attempt->wait_us = row.last_us + wait_after(row.failed) - now_us;
    if (ctx_failed(ctx) || (row.failed >= FREE_ATTEMPTS && attempt->wait_us > 0))
        return !ctx_failed(ctx);
    row = (struct attempts_row){ .failed = row.failed + 1, .last_us = now_us };
    return store_attempts_put(ctx, attempt->subject, &row) &&
           store_attempts_forget(ctx, now_us - FORGET_US);
}

bool attempt_begin(struct ctx *ctx, struct str email, int64_t *wait_s)
{
    struct attempt attempt = { .subject = subject_of(ctx->arena, email) };
    if (!sql_write(ctx, service_db(ctx), begin, &attempt))
        return false;
    *wait_s = attempt.wait_us > 0 ? (attempt.wait_us + US_PER_S - 1) / US_PER_S : 0;
    return *wait_s == 0 ||
           ctx_fail(ctx, ERR_RATE_LIMITED, "too many attempts have failed; the next is in %lld s",
                    (long long)*wait_s);
}

static bool clear(struct ctx *ctx, void *argument)
{
    return store_attempts_clear(ctx, *(const struct str *)argument);
}

bool attempt_succeeded(struct ctx *ctx, struct str email)
{
    struct str subject = subject_of(ctx->arena, email);
    return sql_write(ctx, service_db(ctx), clear, &subject);
}
