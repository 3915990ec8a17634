/* The domains that mail comes from, and the DKIM keys that sign for them: the next key stands in the DNS before it signs, the one
 * before it stays there until what it signed has arrived. The private keys are files of the keys folder that only their owner
 * reads (dkim-<domain>-<selector>.pem); they are in no row, reply, event or log. */
#pragma once

#include "base/clock.h"
#include "services/email/store_domains.h"

/* What signs for this domain now, with its PEM; *n 0: nothing does. At most DKIM_MOST_KEYS. Whoever keeps them looks for
 * domain_version() from time to time: 0 where there is no such domain, else another number after each change. */
bool domain_keys(struct ctx *ctx, struct str domain, struct domain_key_row out[DKIM_MOST_KEYS],
                 size_t *n);
bool domain_version(struct ctx *ctx, struct str domain, int64_t *version);

/* How a domain changes its keys. */
struct key_rotation {
    int64_t after_hours; /* the next keys sign after so long, 0: when they are told to */
    int64_t keep_days; /* of a new domain: how long keys stay published that do not sign any more */
};

/* Makes next keys, of RSA-2048 and Ed25519, for a domain that has none waiting; in a new one too, for nothing signs that the
 * DNS does not show. INVALID: that is no domain. */
bool domain_prepare(struct ctx *ctx, struct str domain, const struct key_rotation *rotation);
/* The next keys sign from now on, and those before them do not. NOT_FOUND; CONFLICT: no keys wait. */
bool domain_activate(struct ctx *ctx, struct str domain);
/* NOT_FOUND. */
bool domain_keep(struct ctx *ctx, struct str domain, int64_t days);
/* The domain with its keys. NOT_FOUND. */
bool domain_delete(struct ctx *ctx, struct str domain);

#define DOMAINS_EVERY_US (60 * US_PER_S)

/* Activates what its time has come for, and takes away what was kept long enough. For service_worker. */
bool domains_run(struct ctx *ctx);
