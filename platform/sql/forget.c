/* Deleting what nobody may find any more. */
#include "platform/sql/internal.h"

/* The mark is a part of the transaction: whoever opens the file after a kill finds it. */
void sql_scrub(struct ctx *ctx)
{
    atomic_store(&ctx->sql->db->scrub, true);
    atomic_store(&ctx->sql->db->rewrite, true);
    if (!sql_is_postgresql(ctx->sql->db))
        sql_exec(ctx, NULL, SQLITE_MARK_REWRITE);
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
