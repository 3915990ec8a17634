/* The registry's database: what services say of themselves, and what runs. Functions need ctx->sql; false leaves the error
 * in ctx, or none where it says "no such". */
#pragma once

#include "platform/sql/sql.h"

/* JSON texts, as told. */
struct contract_row {
    struct str service, digest;
    struct str openapi, told, registered;
    int64_t told_us;
};

struct instance_row {
    struct str service, instance, version, digest;
    int64_t started_us, seen_us;
};

bool store_contract(struct ctx *ctx, struct str service, struct str digest,
                    struct contract_row *out);                                     /* no such */
bool store_contract_known(struct ctx *ctx, struct str service, struct str digest); /* no such */

/* A new one, or the same again: then only what became of its schemas is new. */
bool store_contract_put(struct ctx *ctx, const struct contract_row *contract);

/* An instance speaks; those that have been silent since `forget_us` are forgotten. */
bool store_instance_put(struct ctx *ctx, const struct instance_row *instance, int64_t forget_us);

/* All, by service and instance. */
bool store_instances(struct ctx *ctx, struct instance_row **out, size_t *n);
