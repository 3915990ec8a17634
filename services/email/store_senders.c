#include "platform/service/service.h"
#include "services/email/senders.h"

#define SENDER_COLUMNS "sender_id, name, address, reply_to, is_default, updated_us"

static struct sender_row sender_of(struct ctx *ctx, const struct sql_rows *rows)
{
    return (struct sender_row){ .sender_id = row_str(ctx, rows, 0),
                                .name = row_str(ctx, rows, 1),
                                .address = row_str(ctx, rows, 2),
                                .reply_to = row_str(ctx, rows, 3),
                                .is_default = row_int(rows, 4),
                                .updated_us = row_int(rows, 5) };
}

bool store_sender(struct ctx *ctx, struct str sender_id, struct sender_row *out)
{
    struct sql_rows rows;
    bool found = sender_id.ptr
                     ? sql_one(ctx, &rows,
                               "SELECT " SENDER_COLUMNS " FROM senders WHERE sender_id = $1",
                               sql_str(sender_id))
                     : sql_one(ctx, &rows,
                               "SELECT " SENDER_COLUMNS " FROM senders WHERE is_default = 1"
                               " ORDER BY updated_us DESC LIMIT 1");
    if (!found)
        return false;
    *out = sender_of(ctx, &rows);
    sql_rows_close(&rows);
    return true;
}

bool store_sender_put(struct ctx *ctx, const struct sender_row *sender)
{
    if (sender->is_default &&
        !sql_exec(ctx, NULL, "UPDATE senders SET is_default = 0 WHERE is_default = 1"))
        return false;
    return sql_exec(ctx, NULL,
                    "INSERT INTO senders (" SENDER_COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6)"
                    " ON CONFLICT (sender_id) DO UPDATE SET name = excluded.name,"
                    " address = excluded.address, reply_to = excluded.reply_to,"
                    " is_default = excluded.is_default, updated_us = excluded.updated_us",
                    sql_str(sender->sender_id), sql_str(sender->name), sql_str(sender->address),
                    sql_str(sender->reply_to), sql_int(sender->is_default),
                    sql_int(sender->updated_us));
}

bool store_sender_delete(struct ctx *ctx, struct str sender_id, bool *was)
{
    int64_t changed = 0;
    if (!sql_exec(ctx, &changed, "DELETE FROM senders WHERE sender_id = $1", sql_str(sender_id)))
        return false;
    *was = changed == 1;
    return true;
}

bool store_senders(struct ctx *ctx, struct str after, size_t limit, struct sender_row *out,
                   size_t *n)
{
    struct sql_rows rows;
    if (!sql_query(ctx, &rows,
                   "SELECT " SENDER_COLUMNS " FROM senders WHERE sender_id > $1"
                   " ORDER BY sender_id LIMIT $2",
                   sql_str(after.ptr ? after : STR("")), sql_int((int64_t)limit)))
        return false;
    for (*n = 0; sql_next(ctx, &rows); ++*n)
        out[*n] = sender_of(ctx, &rows);
    return !ctx_failed(ctx);
}

bool sender_find(struct ctx *ctx, struct str sender_id, struct sender_row *out)
{
    if (store_sender(ctx, sender_id, out))
        return true;
    if (ctx_failed(ctx))
        return false;
    if (sender_id.ptr)
        return ctx_fail(ctx, ERR_NOT_FOUND, "there is no sender \"" STR_FMT "\"",
                        STR_ARG(sender_id));
    *out = (struct sender_row){ .name = setting_text(ctx, "from_name"),
                                .address = setting_text(ctx, "from_address") };
    return true;
}

bool sender_check(struct ctx *ctx, struct str sender_id)
{
    struct sender_row row;
    return sender_find(ctx, sender_id, &row);
}
