#include "services/email/signing.h"

#include <stdlib.h>

#include "base/clock.h"
#include "services/email/domains.h"

#define KEPT 16                /* domains that mail comes from at once */
#define FRESH_US (2 * US_PER_S) /* then it is looked whether their keys have changed */

struct kept {
    char *domain; /* NULL: nothing is kept here */
    int64_t version, checked_us;
    struct dkim_key *keys[DKIM_MOST_KEYS];
    size_t n;
};

struct signing {
    struct kept kept[KEPT];
    size_t next; /* that is given up for another one */
};

struct signing *signing_new(void)
{
    return mem_alloc(sizeof(struct signing));
}

static void kept_clear(struct kept *kept)
{
    for (size_t i = 0; i < kept->n; i++)
        dkim_key_free(kept->keys[i]);
    free(kept->domain);
    *kept = (struct kept){ 0 };
}

void signing_free(struct signing *signing)
{
    for (size_t i = 0; signing && i < KEPT; i++)
        kept_clear(&signing->kept[i]);
    free(signing);
}

static bool keys_load(struct ctx *ctx, struct kept *kept, struct str domain)
{
    struct domain_key_row rows[DKIM_MOST_KEYS];
    size_t n = 0;
    if (!domain_keys(ctx, domain, rows, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        kept->keys[kept->n] = dkim_key_load(ctx, domain, rows[i].selector, rows[i].pem);
        if (!kept->keys[kept->n++])
            return kept->n--, false;
    }
    return true;
}

static struct kept *place_of(struct signing *signing, struct str domain)
{
    for (size_t i = 0; i < KEPT; i++)
        if (signing->kept[i].domain && str_is(domain, signing->kept[i].domain))
            return &signing->kept[i];
    return &signing->kept[signing->next++ % KEPT];
}

/* The version is read first: keys that change meanwhile are read again. */
static struct kept *kept_of(struct ctx *ctx, struct signing *signing, struct str domain)
{
    struct kept *kept = place_of(signing, domain);
    bool is_this = kept->domain && str_is(domain, kept->domain);
    int64_t version, now_us = clock_mono_us();
    if (is_this && now_us - kept->checked_us < FRESH_US)
        return kept;
    if (!domain_version(ctx, domain, &version))
        return NULL;
    if (!is_this || version != kept->version) {
        kept_clear(kept);
        if (!keys_load(ctx, kept, domain)) {
            kept_clear(kept);
            return NULL;
        }
        kept->domain = mem_strdup(arena_cstr(ctx->arena, domain));
        kept->version = version;
    }
    kept->checked_us = now_us;
    return kept;
}

bool signing_sign(struct ctx *ctx, struct signing *signing, struct str domain, struct str message,
                  struct str *out)
{
    struct kept *kept = kept_of(ctx, signing, domain);
    if (!kept)
        return false;
    if (kept->n == 0) {
        *out = message;
        return true;
    }
    return dkim_sign(ctx, kept->keys, kept->n, clock_now_us(), message, out);
}
