#include "base/clock.h"
#include "platform/token/token.h"
#include "services/crm/confirmations.h"
#include "services/crm/pages.h"
#include "services/crm/profiles.h"
#include "crm_contract.h"

static struct confirmation confirmation_of(const struct confirmation_row *row)
{
    enum confirmation_state state = row->confirmed_us ? CONFIRMATION_STATE_CONFIRMED
                                    : row->expires_us <= clock_now_us()
                                        ? CONFIRMATION_STATE_EXPIRED
                                        : CONFIRMATION_STATE_PENDING;
    return (struct confirmation){ .confirmation_id = row->confirmation_id,
                                  .profile_id = row->profile_id,
                                  .purpose = purpose_parse(row->purpose),
                                  .channel = channel_parse(row->channel),
                                  .state = state,
                                  .source = row->source,
                                  .wording = row->wording,
                                  .mails = row->mails,
                                  .requested_at = row->requested_us,
                                  .expires_at = row->expires_us,
                                  .has_confirmed_at = row->confirmed_us != 0,
                                  .confirmed_at = row->confirmed_us };
}

struct reply crm_request_confirmation(struct ctx *ctx, const struct request_confirmation_in *in)
{
    struct confirmation_row row = { .profile_id = in->profile_id,
                                    .purpose = str_of(purpose_name(in->body->purpose)),
                                    .channel = str_of(channel_name(CHANNEL_EMAIL)),
                                    .source = in->body->source,
                                    .wording = in->body->wording,
                                    .actor = ctx->who->subject };
    if (!confirmation_ask(ctx, &row))
        return reply_error(ctx);
    struct confirmation answer = confirmation_of(&row);
    return reply_ok(ctx, confirmation_encode(ctx, &answer));
}

struct reply crm_list_confirmations(struct ctx *ctx, const struct list_confirmations_in *in)
{
    struct profile_row profile;
    struct sql_moment before;
    size_t limit = (size_t)in->limit, n;
    struct confirmation_row *rows = ARENA_ARRAY(ctx->arena, struct confirmation_row, limit + 1);
    if (!sql_moment_parse(ctx, in->cursor, &before) ||
        !profile_get(ctx, in->profile_id, &profile) ||
        !store_confirmations(ctx, in->profile_id, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct confirmation *items = ARENA_ARRAY(ctx->arena, struct confirmation, limit);
    struct confirmation_list list = { .items = items, .n_items = MIN(n, limit) };
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = confirmation_of(&rows[i]);
    if (n > limit)
        list.next_cursor = sql_moment_cursor(ctx->arena, rows[limit - 1].requested_us,
                                             rows[limit - 1].confirmation_id);
    return reply_ok(ctx, confirmation_list_encode(ctx, &list));
}

struct reply crm_get_confirmation_link(struct ctx *ctx, const struct get_confirmation_link_in *in)
{
    struct confirmation_row row;
    if (!store_confirmation(ctx, in->confirmation_id, &row)) {
        if (!ctx_failed(ctx))
            ctx_fail(ctx, ERR_NOT_FOUND, "there is no such confirmation");
        return reply_error(ctx);
    }
    struct confirmation_link link = { .url = confirmation_url(ctx, row.confirmation_id),
                                      .token = confirmation_token(ctx, row.confirmation_id) };
    return reply_ok(ctx, confirmation_link_encode(ctx, &link));
}

/* ---- for the person ---- */

struct reply crm_show_confirmation(struct ctx *ctx, const struct show_confirmation_in *in)
{
    struct confirmation_row row;
    if (!confirmation_open(ctx, in->token, &row))
        return page_error(ctx);
    return row.confirmed_us ? page_confirmed(ctx) : page_confirm(ctx, row.wording);
}

struct reply crm_confirm(struct ctx *ctx, const struct confirm_in *in)
{
    struct confirmation_row row;
    if (!confirmation_open(ctx, in->token, &row) ||
        (!row.confirmed_us && !confirmation_accept(ctx, &row)))
        return page_error(ctx);
    return page_confirmed(ctx);
}
