/* The part of email's database that knows the domains of senders and their DKIM keys, without the private ones. As store.h. */
#pragma once

#include "platform/mail/dkim.h"
#include "platform/sql/sql.h"

#define DOMAIN_MOST_KEYS 32 /* of one domain, those that are only published too */

struct domain_row {
    struct str domain;
    int64_t version, keep_days, created_us;
};

struct domain_key_row {
    struct str domain, selector, algorithm,
        state;                     /* "rsa", "ed25519"; "next", "active", "retired" */
    struct str dns_name, dns_text;                 /* what the DNS must show */
    struct str pem;                                /* from domain_keys() alone */
    int64_t created_us, activates_us, active_us, retired_us; /* 0: not (yet) */
};

bool store_domain(struct ctx *ctx, struct str domain,
                  struct domain_row *out); /* false, no error: no such */
bool store_domains(struct ctx *ctx, struct str after, size_t limit, struct domain_row *out,
                   size_t *n);
/* New, or changed in how long it keeps keys; its version grows. */
bool store_domain_put(struct ctx *ctx, const struct domain_row *domain);
bool store_domain_delete(struct ctx *ctx, struct str domain);

bool store_domain_key_add(struct ctx *ctx, const struct domain_key_row *key);
/* By age; `state` NULL: all of them. */
bool store_domain_keys(struct ctx *ctx, struct str domain, const char *state,
                       struct domain_key_row out[DOMAIN_MOST_KEYS], size_t *n);
/* Those that sign are retired, those that wait sign. */
bool store_domain_activate(struct ctx *ctx, struct str domain, int64_t now_us);
bool store_domain_key_delete(struct ctx *ctx, struct str domain, struct str selector);
/* A domain with keys whose time has come to sign; false, no error: none. */
bool store_domain_due(struct ctx *ctx, int64_t now_us, struct str *domain);
/* Retired keys that were kept long enough. */
bool store_domain_keys_over(struct ctx *ctx, int64_t now_us,
                            struct domain_key_row out[DOMAIN_MOST_KEYS], size_t *n);
