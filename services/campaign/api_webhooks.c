#include "platform/webhook/calls.h"
#include "campaign_contract.h"

static void call_answer(const struct call_row *row, struct webhook_call *out)
{
    *out = (struct webhook_call){ .call_id = row->call_id,
                                  .url = row->url,
                                  .source_id = row->source_id,
                                  .attempts = row->attempts,
                                  .created_at = row->created_us,
                                  .has_next_at = !row->ended_us,
                                  .next_at = row->due_us,
                                  .has_ended_at = row->ended_us > 0,
                                  .ended_at = row->ended_us,
                                  .has_status = row->status > 0,
                                  .status = row->status,
                                  .reason = row->reason };
    out->state = !row->ended_us    ? WEBHOOK_CALL_STATE_OPEN
                 : row->reason.ptr ? WEBHOOK_CALL_STATE_GIVEN_UP
                                   : WEBHOOK_CALL_STATE_TAKEN;
    if (row->person_id.len)
        out->person_id = row->person_id;
}

struct reply campaign_list_webhook_calls(struct ctx *ctx, const struct list_webhook_calls_in *in)
{
    size_t n, limit = (size_t)in->limit;
    struct call_row *rows = ARENA_ARRAY(ctx->arena, struct call_row, limit + 1);
    struct sql_moment before;
    struct str state = { NULL, 0 };
    if (in->has_state)
        state = str_of(webhook_call_state_name(in->state));
    if (!sql_moment_parse(ctx, in->cursor, &before) ||
        !store_calls(ctx, state, before, limit + 1, rows, &n))
        return reply_error(ctx);
    struct webhook_call_list list = { .n_items = MIN(n, limit) };
    struct webhook_call *items = ARENA_ARRAY(ctx->arena, struct webhook_call, limit + 1);
    for (size_t i = 0; i < list.n_items; i++)
        call_answer(&rows[i], &items[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor =
            sql_moment_cursor(ctx->arena, rows[limit - 1].created_us, rows[limit - 1].call_id);
    return reply_ok(ctx, webhook_call_list_encode(ctx, &list));
}
