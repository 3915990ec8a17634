#include "platform/sql/secrets.h"

#include "base/id.h"
#include "platform/crypto/crypto.h"
#include "platform/sql/sql.h"

bool sql_secret(struct ctx *ctx, struct str name, struct str *out)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT secret FROM secrets WHERE name = $1", sql_str(name)))
        return false;
    *out = row_str(ctx, &rows, 0);
    sql_rows_close(&rows);
    return true;
}

bool sql_secret_make(struct ctx *ctx, struct str name, struct str *out)
{
    uint8_t bytes[32];
    id_random(bytes, sizeof(bytes));
    return sql_exec(ctx, NULL,
                    "INSERT INTO secrets (name, secret) VALUES ($1, $2)"
                    " ON CONFLICT (name) DO NOTHING",
                    sql_str(name), sql_str(crypto_hex(ctx->arena, bytes, sizeof(bytes)))) &&
           sql_secret(ctx, name, out);
}
