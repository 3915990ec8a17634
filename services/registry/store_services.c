#include "services/registry/store_services.h"

#define CONTRACT_COLUMNS "service, digest, openapi, told, registered, told_us"
#define INSTANCE_COLUMNS "service, instance, version, digest, started_us, seen_us"

bool store_contract(struct ctx *ctx, struct str service, struct str digest,
                    struct contract_row *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT " CONTRACT_COLUMNS " FROM contracts WHERE service = $1 AND digest = $2",
                 sql_str(service), sql_str(digest)))
        return false;
    *out = (struct contract_row){ .service = row_str(ctx, &rows, 0),
                                  .digest = row_str(ctx, &rows, 1),
                                  .openapi = row_str(ctx, &rows, 2),
                                  .told = row_str(ctx, &rows, 3),
                                  .registered = row_str(ctx, &rows, 4),
                                  .told_us = row_int(&rows, 5) };
    sql_rows_close(&rows);
    return true;
}

bool store_contract_known(struct ctx *ctx, struct str service, struct str digest)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT 1 FROM contracts WHERE service = $1 AND digest = $2",
                 sql_str(service), sql_str(digest)))
        return false;
    sql_rows_close(&rows);
    return true;
}

bool store_contract_put(struct ctx *ctx, const struct contract_row *contract)
{
    return sql_exec(ctx, NULL,
                    "INSERT INTO contracts (" CONTRACT_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6)"
                    " ON CONFLICT (service, digest) DO UPDATE SET registered = excluded.registered,"
                    " told_us = excluded.told_us",
                    sql_str(contract->service), sql_str(contract->digest),
                    sql_str(contract->openapi), sql_str(contract->told),
                    sql_str(contract->registered), sql_int(contract->told_us));
}

bool store_instance_put(struct ctx *ctx, const struct instance_row *instance, int64_t forget_us)
{
    return sql_exec(
               ctx, NULL,
               "INSERT INTO instances (" INSTANCE_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6)"
               " ON CONFLICT (service, instance) DO UPDATE SET version = excluded.version,"
               " digest = excluded.digest, started_us = excluded.started_us, seen_us = excluded.seen_us",
               sql_str(instance->service), sql_str(instance->instance), sql_str(instance->version),
               sql_str(instance->digest), sql_int(instance->started_us),
               sql_int(instance->seen_us)) &&
           sql_exec(ctx, NULL, "DELETE FROM instances WHERE seen_us < $1", sql_int(forget_us));
}

bool store_instances(struct ctx *ctx, struct instance_row **out, size_t *n)
{
    struct sql_rows rows;
    size_t cap = 0;
    if (!sql_query(ctx, &rows,
                   "SELECT " INSTANCE_COLUMNS " FROM instances ORDER BY service, instance"))
        return false;
    *out = NULL;
    for (*n = 0; sql_next(ctx, &rows); ++*n) {
        if (*n == cap) {
            struct instance_row *grown =
                ARENA_ARRAY(ctx->arena, struct instance_row, cap = MAX(cap * 2, 16));
            if (*n)
                memcpy(grown, *out, *n * sizeof(*grown));
            *out = grown;
        }
        (*out)[*n] = (struct instance_row){ .service = row_str(ctx, &rows, 0),
                                            .instance = row_str(ctx, &rows, 1),
                                            .version = row_str(ctx, &rows, 2),
                                            .digest = row_str(ctx, &rows, 3),
                                            .started_us = row_int(&rows, 4),
                                            .seen_us = row_int(&rows, 5) };
    }
    return !ctx_failed(ctx);
}
