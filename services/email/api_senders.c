#include "base/clock.h"
#include "platform/mail/message.h"
#include "platform/service/service.h"
#include "services/email/senders.h"
#include "email_contract.h"

static struct sender answer_of(const struct sender_row *row)
{
    return (struct sender){ .sender_id = row->sender_id,
                            .name = row->name,
                            .address = row->address,
                            .reply_to = row->reply_to,
                            .is_default = row->is_default,
                            .updated_at = row->updated_us };
}

static struct reply answer(struct ctx *ctx, const struct sender_row *row)
{
    struct sender sender = answer_of(row);
    return reply_ok(ctx, sender_encode(ctx, &sender));
}

static bool address_fits(struct ctx *ctx, struct str pointer, struct str address)
{
    if (!address.ptr || mail_address_check(ctx, address))
        return true;
    struct str why = ctx->error.detail;
    ctx_clear(ctx);
    return ctx_fail_at(ctx, ERR_INVALID, pointer, STR_FMT, STR_ARG(why));
}

struct reply email_put_sender(struct ctx *ctx, const struct put_sender_in *in)
{
    struct sender_row row = { .sender_id = in->sender_id,
                              .name = in->body->name,
                              .address = in->body->address,
                              .reply_to = in->body->reply_to,
                              .is_default = in->body->is_default,
                              .updated_us = clock_now_us() };
    bool ok = address_fits(ctx, STR("/address"), row.address) &&
              address_fits(ctx, STR("/reply_to"), row.reply_to) && store_sender_put(ctx, &row);
    return ok ? answer(ctx, &row) : reply_error(ctx);
}

struct reply email_get_sender(struct ctx *ctx, const struct get_sender_in *in)
{
    struct sender_row row;
    return sender_find(ctx, in->sender_id, &row) ? answer(ctx, &row) : reply_error(ctx);
}

struct reply email_delete_sender(struct ctx *ctx, const struct delete_sender_in *in)
{
    bool was;
    if (store_sender_delete(ctx, in->sender_id, &was) && !was)
        ctx_fail(ctx, ERR_NOT_FOUND, "there is no such sender");
    return ctx_failed(ctx) ? reply_error(ctx) : reply_empty(ctx);
}

struct reply email_list_senders(struct ctx *ctx, const struct list_senders_in *in)
{
    size_t limit = (size_t)in->limit, n;
    struct str after = { NULL, 0 };
    struct sender_row *rows = ARENA_ARRAY(ctx->arena, struct sender_row, limit + 1);
    struct sender *items = ARENA_ARRAY(ctx->arena, struct sender, limit);
    if ((in->cursor.ptr && !sql_cursor_parse(ctx, in->cursor, &after, 1)) ||
        !store_senders(ctx, after, limit + 1, rows, &n))
        return reply_error(ctx);
    struct sender_list list = { .items = items, .n_items = MIN(n, limit) };
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = answer_of(&rows[i]);
    if (n > limit)
        list.next_cursor = sql_cursor(ctx->arena, &rows[limit - 1].sender_id, 1);
    return reply_ok(ctx, sender_list_encode(ctx, &list));
}
