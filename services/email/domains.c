#include "services/email/domains.h"

#include <unistd.h>

#include "base/clock.h"
#include "platform/service/service.h"
#include "services/email/address.h"
#include "services/email/email.h"
#include "services/email/secret.h"

#define MOST_OF_A_DAY 26 /* new pairs of keys: a letter each */

static const char *const algorithm_names[] = { [DKIM_RSA] = "rsa", [DKIM_ED25519] = "ed25519" };

static struct str path_of(struct ctx *ctx, struct str domain, struct str selector)
{
    return arena_printf(ctx->arena, "%s/dkim-" STR_FMT "-" STR_FMT ".pem",
                        email_of(ctx)->keys_folder, STR_ARG(domain), STR_ARG(selector));
}

/* ---- reading ---- */

struct signing {
    struct str domain;
    struct domain_key_row rows[DOMAIN_MOST_KEYS];
    struct domain_row row;
    size_t n;
};

static bool signing_read(struct ctx *ctx, void *argument)
{
    struct signing *signing = argument;
    return store_domain_keys(ctx, signing->domain, "active", signing->rows, &signing->n);
}

bool domain_keys(struct ctx *ctx, struct str domain, struct domain_key_row out[DKIM_MOST_KEYS],
                 size_t *n)
{
    struct signing *signing = ARENA_NEW(ctx->arena, struct signing);
    signing->domain = domain;
    if (!sql_read(ctx, service_db(ctx), signing_read, signing))
        return false;
    size_t found = MIN(signing->n, DKIM_MOST_KEYS);
    for (size_t i = 0; i < found; i++) {
        struct domain_key_row *row = &signing->rows[i];
        if ((row->pem = secret_read(ctx, path_of(ctx, domain, row->selector))).ptr)
            continue;
        ctx_clear(ctx);
        return ctx_fail(ctx, ERR_UNAVAILABLE, "the key " STR_FMT " of " STR_FMT " cannot be read",
                        STR_ARG(row->selector), STR_ARG(domain));
    }
    memcpy(out, signing->rows, found * sizeof(*out));
    *n = found;
    return true;
}

static bool version_read(struct ctx *ctx, void *argument)
{
    struct signing *signing = argument;
    return store_domain(ctx, signing->domain, &signing->row) || !ctx_failed(ctx);
}

bool domain_version(struct ctx *ctx, struct str domain, int64_t *version)
{
    struct signing *signing = ARENA_NEW(ctx->arena, struct signing);
    signing->domain = domain;
    if (!sql_read(ctx, service_db(ctx), version_read, signing))
        return false;
    *version = signing->row.version;
    return true;
}

/* ---- new keys ---- */

struct preparing {
    struct str domain;
    const struct key_rotation *rotation;
    struct domain_key_row keys[2];
    int64_t now_us;
    bool done; /* keys wait already */
};

/* Are there keys that wait already? */
static bool waiting_read(struct ctx *ctx, void *argument)
{
    struct preparing *preparing = argument;
    struct domain_key_row *rows = ARENA_ARRAY(ctx->arena, struct domain_key_row, DOMAIN_MOST_KEYS);
    size_t n;
    if (!store_domain_keys(ctx, preparing->domain, NULL, rows, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        preparing->done |= str_is(rows[i].state, "next");
    return preparing->done || n + COUNT(preparing->keys) <= DOMAIN_MOST_KEYS ||
           ctx_fail(ctx, ERR_CONFLICT,
                    "%zu keys of this domain are published: wait until some are not", n);
}

/* "ff20261124a-rsa": the day, and which pair of this day. A selector is never used again, so the file may be there. */
static bool key_write(struct ctx *ctx, struct domain_key_row *key, struct str pem)
{
    int year, month, day;
    clock_civil(key->created_us / US_PER_DAY, &year, &month, &day);
    for (int i = 0; i < MOST_OF_A_DAY; i++) {
        key->selector = arena_printf(ctx->arena, "ff%04d%02d%02d%c-" STR_FMT, year, month, day,
                                     'a' + i, STR_ARG(key->algorithm));
        if (secret_write(ctx, path_of(ctx, key->domain, key->selector), pem))
            return true;
        if (ctx->error.code != ERR_CONFLICT)
            return false;
        ctx_clear(ctx);
    }
    return ctx_fail(ctx, ERR_CONFLICT, "this domain has had %d pairs of keys today", MOST_OF_A_DAY);
}

static bool key_make(struct ctx *ctx, struct preparing *preparing, enum dkim_algorithm algorithm)
{
    struct domain_key_row *key = &preparing->keys[algorithm];
    int64_t hours = preparing->rotation->after_hours;
    struct str pem = dkim_generate(ctx, algorithm);
    *key = (struct domain_key_row){ .domain = preparing->domain,
                                    .algorithm = str_of(algorithm_names[algorithm]),
                                    .state = STR("next"),
                                    .created_us = preparing->now_us };
    key->activates_us = hours ? key->created_us + hours * 3600 * US_PER_S : 0;
    if (!pem.ptr || !key_write(ctx, key, pem))
        return false;
    struct dkim_key *loaded = dkim_key_load(ctx, key->domain, key->selector, pem);
    if (!loaded)
        return false;
    key->dns_name = dkim_key_name(loaded, ctx->arena);
    key->dns_text = dkim_key_text(loaded, ctx->arena);
    dkim_key_free(loaded);
    return true;
}

static bool prepared_write(struct ctx *ctx, void *argument)
{
    struct preparing *preparing = argument;
    struct domain_row row, fresh = { .domain = preparing->domain,
                                     .version = 1,
                                     .keep_days = preparing->rotation->keep_days,
                                     .created_us = clock_now_us() };
    preparing->done = false; /* somebody else may have been quicker */
    if (!store_domain(ctx, preparing->domain, &row))
        row = fresh;
    if (ctx_failed(ctx) || !store_domain_put(ctx, &row) || !waiting_read(ctx, preparing))
        return false;
    for (size_t i = 0; i < COUNT(preparing->keys) && !preparing->done; i++)
        if (!store_domain_key_add(ctx, &preparing->keys[i]))
            return false;
    return true;
}

static void key_forget(struct ctx *ctx, struct str domain, struct str selector)
{
    unlink(path_of(ctx, domain, selector).ptr);
}

/* Is it one, in the letters that it has in the DNS? An upper-case one would be another file and row. */
static bool domain_check(struct ctx *ctx, struct str domain)
{
    struct str mailbox = arena_printf(ctx->arena, "a@" STR_FMT, STR_ARG(domain));
    for (size_t i = 0; i < domain.len; i++)
        if (domain.ptr[i] >= 'A' && domain.ptr[i] <= 'Z')
            return ctx_fail_at(ctx, ERR_INVALID, STR("path/domain"),
                               "must be written in lower case");
    return address_is_valid(mailbox) ||
           ctx_fail_at(ctx, ERR_INVALID, STR("path/domain"), "is no domain");
}

bool domain_prepare(struct ctx *ctx, struct str domain, const struct key_rotation *rotation)
{
    struct preparing *preparing = ARENA_NEW(ctx->arena, struct preparing);
    *preparing =
        (struct preparing){ .domain = domain, .rotation = rotation, .now_us = clock_now_us() };
    if (!domain_check(ctx, domain) || !sql_read(ctx, service_db(ctx), waiting_read, preparing))
        return false;
    bool known = preparing->done;
    bool ok =
        (known || (key_make(ctx, preparing, DKIM_RSA) && key_make(ctx, preparing, DKIM_ED25519))) &&
        sql_write(ctx, service_db(ctx), prepared_write, preparing);
    for (size_t i = 0; i < COUNT(preparing->keys) && !known && (!ok || preparing->done); i++)
        if (preparing->keys[i].selector.ptr)
            key_forget(ctx, domain, preparing->keys[i].selector);
    return ok;
}

/* ---- their life ---- */

/* There is such a domain, or NOT_FOUND. */
static bool domain_find(struct ctx *ctx, struct str domain, struct domain_row *row)
{
    return store_domain(ctx, domain, row) || ctx_failed(ctx)
               ? !ctx_failed(ctx)
               : ctx_fail(ctx, ERR_NOT_FOUND, "there is no such domain");
}

bool domain_activate(struct ctx *ctx, struct str domain)
{
    struct domain_row row;
    struct domain_key_row *rows = ARENA_ARRAY(ctx->arena, struct domain_key_row, DOMAIN_MOST_KEYS);
    size_t n = 0;
    if (!domain_find(ctx, domain, &row) || !store_domain_keys(ctx, domain, "next", rows, &n))
        return false;
    if (n == 0)
        return ctx_fail(ctx, ERR_CONFLICT, "no keys of this domain wait to sign");
    return store_domain_activate(ctx, domain, clock_now_us());
}

struct changing {
    struct str domain;
    int64_t keep_days;
    struct domain_key_row rows[DOMAIN_MOST_KEYS];
    size_t n;
};

static bool keep_write(struct ctx *ctx, void *argument)
{
    struct changing *changing = argument;
    struct domain_row row;
    if (!domain_find(ctx, changing->domain, &row))
        return false;
    row.keep_days = changing->keep_days;
    return store_domain_put(ctx, &row);
}

bool domain_keep(struct ctx *ctx, struct str domain, int64_t days)
{
    struct changing *changing = ARENA_NEW(ctx->arena, struct changing);
    *changing = (struct changing){ .domain = domain, .keep_days = days };
    return sql_write(ctx, service_db(ctx), keep_write, changing);
}

static bool delete_write(struct ctx *ctx, void *argument)
{
    struct changing *changing = argument;
    struct domain_row row;
    return domain_find(ctx, changing->domain, &row) &&
           store_domain_keys(ctx, changing->domain, NULL, changing->rows, &changing->n) &&
           store_domain_delete(ctx, changing->domain);
}

/* The files go once nothing names them any more. */
bool domain_delete(struct ctx *ctx, struct str domain)
{
    struct changing *changing = ARENA_NEW(ctx->arena, struct changing);
    changing->domain = domain;
    if (!sql_write(ctx, service_db(ctx), delete_write, changing))
        return false;
    for (size_t i = 0; i < changing->n; i++)
        key_forget(ctx, domain, changing->rows[i].selector);
    return true;
}

struct over {
    struct domain_key_row keys[DOMAIN_MOST_KEYS];
    size_t n;
    bool more;
};

static bool round_write(struct ctx *ctx, void *argument)
{
    struct over *over = argument;
    struct str domain;
    over->more = store_domain_due(ctx, clock_now_us(), &domain);
    if (ctx_failed(ctx) || (over->more && !store_domain_activate(ctx, domain, clock_now_us())) ||
        !store_domain_keys_over(ctx, clock_now_us(), over->keys, &over->n))
        return false;
    for (size_t i = 0; i < over->n; i++)
        if (!store_domain_key_delete(ctx, over->keys[i].domain, over->keys[i].selector))
            return false;
    return true;
}

bool domains_run(struct ctx *ctx)
{
    struct over *over = ARENA_NEW(ctx->arena, struct over);
    if (!sql_write(ctx, service_db(ctx), round_write, over))
        return false;
    for (size_t i = 0; i < over->n; i++)
        key_forget(ctx, over->keys[i].domain, over->keys[i].selector);
    return over->more || over->n == DOMAIN_MOST_KEYS;
}
