/* crm's database: the only file that knows its tables. Functions need ctx->sql; false leaves the error in ctx, or none
 * where it says "no such". */
#pragma once

#include "base/money.h"
#include "platform/json/json.h"
#include "platform/sql/sql.h"

struct profile_row {
    struct str profile_id, email, name, phone, locale,
        traits; /* absent ones: ptr NULL; traits: JSON text */
    int64_t version, created_us, updated_us;
};

struct timeline_row {
    struct str profile_id, entry_id, kind, reference;
    struct money amount;
    bool has_amount;
    int64_t at_us;
};

struct spent_row {
    char currency[4];
    int64_t orders, spent, refunded;
};

#define STORE_CURRENCIES 200 /* more than ISO 4217 has */

bool store_profile(struct ctx *ctx, struct str profile_id,
                   struct profile_row *out); /* false, no error: no such */
bool store_profile_put(struct ctx *ctx, const struct profile_row *profile);
/* Up to `limit` profiles with an id beyond `after`, all or (email not NULL) those of an address. */
bool store_profiles(struct ctx *ctx, struct str email, struct str after, size_t limit,
                    struct profile_row *out, size_t *n);

bool store_identity(struct ctx *ctx, struct str kind, struct str value,
                    struct str *profile_id); /* as above */
/* Links it where it is free; *owner is whose it is afterwards. */
bool store_identity_add(struct ctx *ctx, struct str kind, struct str value, struct str profile_id,
                        struct str *owner);

bool store_timeline_add(struct ctx *ctx, const struct timeline_row *entry,
                        bool *added); /* not added: it is there */
bool store_timeline(struct ctx *ctx, struct str profile_id, struct sql_moment before, size_t limit,
                    struct timeline_row *out, size_t *n);

/* Adds to what a profile has spent, and to the sums over all. */
bool store_spent_add(struct ctx *ctx, struct str profile_id, const struct spent_row *more);
bool store_spent(struct ctx *ctx, struct str profile_id, struct spent_row out[STORE_CURRENCIES],
                 size_t *n);

bool store_counts(struct ctx *ctx, int64_t *profiles, int64_t *erased);
