/* Deleting what nobody may find any more. */
#include "platform/sql/internal.h"

void sql_scrub(struct ctx *ctx)
{
    if (ctx->sql->driver->forget)
        ctx->sql->driver->forget(ctx, ctx->sql);
}

bool sql_replies_forget(struct ctx *ctx, struct str text)
{
    return sql_is_postgresql(ctx->sql->db)
               ? sql_exec(ctx, NULL,
                          "DELETE FROM platform_idempotency WHERE position($1 in body) > 0",
                          sql_blob(text))
               : sql_exec(ctx, NULL, "DELETE FROM platform_idempotency WHERE instr(body, $1) > 0",
                          sql_blob(text));
}
