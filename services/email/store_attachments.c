#include "services/email/store_attachments.h"

bool store_attachments_add(struct ctx *ctx, struct str message_id,
                           const struct mail_attachment *attachments, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!sql_exec(ctx, NULL,
                      "INSERT INTO attachments (message_id, place, name, type, content_id, content)"
                      " VALUES ($1, $2, $3, $4, $5, $6)",
                      sql_str(message_id), sql_int((int64_t)i), sql_str(attachments[i].name),
                      sql_str(attachments[i].type), sql_str(attachments[i].content_id),
                      sql_blob(attachments[i].content)))
            return false;
    return true;
}

bool store_attachments(struct ctx *ctx, struct str message_id,
                       struct mail_attachment out[ATTACHMENTS_MOST], size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT name, type, content_id, content FROM attachments"
                   " WHERE message_id = $1 ORDER BY place LIMIT $2",
                   sql_str(message_id), sql_int(ATTACHMENTS_MOST)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = (struct mail_attachment){ .name = row_str(ctx, &rows, 0),
                                            .type = row_str(ctx, &rows, 1),
                                            .content_id = row_str(ctx, &rows, 2),
                                            .content = row_blob(ctx, &rows, 3) };
    return !ctx_failed(ctx);
}

bool store_attachments_erase(struct ctx *ctx, struct str person_id)
{
    return sql_exec(ctx, NULL,
                    "DELETE FROM attachments WHERE message_id IN"
                    " (SELECT message_id FROM messages WHERE person_id = $1)",
                    sql_str(person_id));
}
