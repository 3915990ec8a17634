#include "services/email/messages.h"

#include "base/clock.h"
#include "services/email/plan.h"
#include "email_contract.h"

struct str message_launch(const struct message_row *message)
{
    bool is_launch = !str_is(message->queue, QUEUE_NOW) && !str_is(message->queue, QUEUE_SINGLE);
    return is_launch ? message->queue : (struct str){ NULL, 0 };
}

bool message_asked_row(struct ctx *ctx, const struct message_asked *asked, struct str address,
                       struct message_row *row)
{
    bool marketing = asked->purpose == MESSAGE_ASKED_PURPOSE_MARKETING;
    *row = (struct message_row){
        .message_id = plan_message_id(ctx->arena, asked->message_key, STR(""), STR("")),
        .queue = marketing ? STR(QUEUE_SINGLE) : STR(QUEUE_NOW),
        .state = STR("queued"),
        .due_us = clock_now_us(),
        .campaign_id = asked->campaign_id,
        .person_id = asked->person_id,
        .step = asked->step,
        .address = address,
        .asked = message_asked_encode(ctx, asked),
        .marketing = marketing,
        .created_us = clock_now_us(),
    };
    return row->asked.ptr;
}

bool message_ask(struct ctx *ctx, const struct message_asked *asked, struct str address,
                 struct message_row *row, bool *added)
{
    if (!message_asked_row(ctx, asked, address, row) || !store_message_add(ctx, row, added))
        return false;
    return *added || store_message(ctx, row->message_id, row);
}

static bool move(struct ctx *ctx, struct message_row *message, const char *to, bool *moved)
{
    const char *was = arena_cstr(ctx->arena, message->state);
    message->state = str_of(to);
    return store_message_move(ctx, message, was, moved);
}

bool message_doubt(struct ctx *ctx, struct message_row *message, bool *moved)
{
    message->doubted_us = clock_now_us();
    message->attempts++;
    return move(ctx, message, "doubt", moved);
}

bool message_sent(struct ctx *ctx, struct message_row *message, struct str status, bool *moved)
{
    struct message_sent sent = { WHAT_IT_IS(MESSAGE_SENT), .has_scheduled_at = true,
                                 .scheduled_at = message->due_us, .sent_at = clock_now_us() };
    message->ended_us = sent.sent_at;
    message->status = status;
    return move(ctx, message, "sent", moved) &&
           (!*moved || message_is_trial(message) || publish_message_sent(ctx, &sent));
}

bool message_unknown(struct ctx *ctx, struct message_row *message, bool *moved)
{
    struct message_doubted doubted = { WHAT_IT_IS(MESSAGE_DOUBTED), .doubted_at = clock_now_us() };
    message->ended_us = doubted.doubted_at;
    return move(ctx, message, "unknown", moved) &&
           (!*moved || message_is_trial(message) || publish_message_doubted(ctx, &doubted));
}

static bool note(struct ctx *ctx, const struct message_row *message, const char *what,
                 struct str detail)
{
    struct happening_row happening = { .message_id = message->message_id,
                                       .at_us = clock_now_us(),
                                       .what = str_of(what),
                                       .detail = detail };
    return store_happening_add(ctx, &happening);
}

bool message_put_off(struct ctx *ctx, struct message_row *message, int64_t due_us,
                     struct str status, bool *moved)
{
    message->due_us = due_us;
    message->status = status;
    message->doubted_us = 0;
    return move(ctx, message, "queued", moved) &&
           (!*moved || note(ctx, message, "put_off", status));
}

bool message_fail(struct ctx *ctx, struct message_row *message, const char *reason,
                  struct str status, bool *moved)
{
    int64_t number;
    struct str code = { status.ptr, MIN(status.len, 3) };
    if (!str_to_int(code, &number)) /* a sentence of ours */
        code.len = 0;
    struct message_failed failed = { WHAT_IT_IS(MESSAGE_FAILED),
                                     .reason = message_failed_reason_parse(str_of(reason)),
                                     .status = code.len ? code : (struct str){ NULL, 0 },
                                     .failed_at = clock_now_us() };
    message->ended_us = failed.failed_at;
    message->status = status;
    return move(ctx, message, "failed", moved) &&
           (!*moved || message_is_trial(message) || publish_message_failed(ctx, &failed));
}

bool message_withhold(struct ctx *ctx, struct message_row *message, const char *reason, bool *moved)
{
    struct message_withheld withheld = { WHAT_IT_IS(MESSAGE_WITHHELD),
                                         .reason = message_withheld_reason_parse(str_of(reason)),
                                         .withheld_at = clock_now_us() };
    message->ended_us = withheld.withheld_at;
    message->status = str_of(reason);
    return move(ctx, message, "withheld", moved) &&
           (!*moved || message_is_trial(message) || publish_message_withheld(ctx, &withheld));
}

bool message_resend(struct ctx *ctx, struct message_row *message)
{
    bool moved = false;
    if (!str_is(message->state, "unknown"))
        return ctx_fail(ctx, ERR_CONFLICT,
                        "only a message whose fate is unknown is sent again; this one is %s",
                        arena_cstr(ctx->arena, message->state));
    message->resends++;
    message->ended_us = 0;
    message->doubted_us = 0;
    message->due_us = clock_now_us();
    return move(ctx, message, "queued", &moved) &&
           (moved ? note(ctx, message, "resent", STR(""))
                  : ctx_fail(ctx, ERR_CONFLICT, "somebody else sent it again at this moment"));
}
