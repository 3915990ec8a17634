/* Single mail: sent, looked up, sent again, taken back; and who received what. */
#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "platform/http/http.h"
#include "platform/service/service.h"
#include "services/email/asking.h"
#include "services/email/messages.h"
#include "services/email/recipients.h"
#include "email_contract.h"

#define MOST_MOMENTS (STORE_HAPPENINGS + 4)

/* ---- sending ---- */

static bool attachments_of(struct ctx *ctx, const struct message_send *body, struct asking *asking)
{
    struct mail_attachment *files =
        ARENA_ARRAY(ctx->arena, struct mail_attachment, body->n_attachments + 1);
    size_t bytes = 0;
    for (size_t i = 0; i < body->n_attachments; i++) {
        const struct attachment *given = &body->attachments[i];
        files[i] =
            (struct mail_attachment){ .name = given->name,
                                      .type = given->type,
                                      .content_id = given->content_id,
                                      .content = crypto_unbase64(ctx->arena, given->content) };
        bytes += files[i].content.len;
        if (!files[i].content.ptr)
            return ctx_fail_at(ctx, ERR_INVALID,
                               arena_printf(ctx->arena, "/attachments/%zu/content", i),
                               "is not base64");
    }
    asking->attachments = files;
    asking->n_attachments = body->n_attachments;
    return bytes <= ATTACHMENTS_MOST_BYTES ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/attachments"), "are %zu bytes, of at most %u", bytes,
                       ATTACHMENTS_MOST_BYTES);
}

static struct asking asking_of(const struct message_send *body)
{
    return (struct asking){
        .person_id = body->person_id,
        .address = body->address,
        .name = body->name,
        .template = body->template,
        .subject = body->subject,
        .own = { body->subject, body->preheader, body->html, body->text },
        .data = body->data,
        .sender_id = body->sender_id,
        .campaign_id = body->campaign_id,
        .step = body->step,
        .marketing = body->purpose == MESSAGE_SEND_PURPOSE_MARKETING,
        .untracked = body->has_tracking && !body->tracking,
        .send_us = body->has_send_at ? body->send_at : 0,
        .expires_us = body->has_expires_at ? body->expires_at : 0,
    };
}

static bool times_check(struct ctx *ctx, const struct asking *asking)
{
    return !asking->expires_us || asking->expires_us > MAX(asking->send_us, clock_now_us()) ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/expires_at"), "is over before it may be sent");
}

static bool store(struct ctx *ctx, const struct asking *asking, struct message_row *row,
                  bool *added)
{
    if (!asking_message(ctx, asking, row) || !store_message_add(ctx, row, added))
        return false;
    return *added ? store_attachments_add(ctx, row->message_id, asking->attachments,
                                          asking->n_attachments)
                  : store_message(ctx, row->message_id, row);
}

struct reply email_send_message(struct ctx *ctx, const struct send_message_in *in)
{
    struct asking asking = asking_of(in->body);
    struct message_row row;
    bool added;
    if (in->body->message_key.ptr)
        asking.key = arena_printf(ctx->arena, "api/" STR_FMT, STR_ARG(in->body->message_key));
    if (!asking_check(ctx, &asking) || !times_check(ctx, &asking) ||
        !attachments_of(ctx, in->body, &asking) || !store(ctx, &asking, &row, &added))
        return reply_error(ctx);
    struct message_accepted answer = { .message_id = row.message_id,
                                       .state = row.state,
                                       .is_new = added };
    return reply_ok(ctx, message_accepted_encode(ctx, &answer));
}

/* ---- one message ---- */

/* By time; what is of one moment stays in its order. */
static void put(struct message_moment *moments, size_t *n, struct str what, int64_t at_us,
                struct str detail)
{
    size_t i = (*n)++;
    for (; i > 0 && moments[i - 1].at > at_us; i--)
        moments[i] = moments[i - 1];
    moments[i] = (struct message_moment){ .what = what,
                                          .at = at_us,
                                          .detail = detail.len ? detail : (struct str){ NULL, 0 } };
}

/* What its row says, and what happened to it. */
static bool timeline_of(struct ctx *ctx, const struct message_row *row, struct message *out)
{
    struct happening_row *happened =
        ARENA_ARRAY(ctx->arena, struct happening_row, STORE_HAPPENINGS);
    struct message_moment *moments = ARENA_ARRAY(ctx->arena, struct message_moment, MOST_MOMENTS);
    size_t n_happened, n = 0;
    if (!store_happenings(ctx, row->message_id, happened, &n_happened))
        return false;
    put(moments, &n, STR("queued"), row->created_us, STR(""));
    if (row->doubted_us)
        put(moments, &n, STR("doubt"), row->doubted_us, STR(""));
    for (size_t i = 0; i < n_happened; i++)
        put(moments, &n, happened[i].what, happened[i].at_us, happened[i].detail);
    if (row->ended_us)
        put(moments, &n, row->state, row->ended_us, row->status);
    out->timeline = moments;
    out->n_timeline = n;
    return true;
}

static struct reply answer(struct ctx *ctx, const struct message_row *row)
{
    struct message message = {
        .message_id = row->message_id,
        .state = row->state,
        .purpose = row->marketing ? MESSAGE_PURPOSE_MARKETING : MESSAGE_PURPOSE_SERVICE,
        .person_id = row->person_id,
        .address = row->address,
        .campaign_id = row->campaign_id,
        .launch_id = message_launch(row),
        .step = row->step,
        .variant = row->variant,
        .created_at = row->created_us,
        .due_at = row->due_us,
        .has_ended_at = row->ended_us,
        .ended_at = row->ended_us,
        .attempts = row->attempts,
        .resends = row->resends,
    };
    if (!timeline_of(ctx, row, &message))
        return reply_error(ctx);
    return reply_ok(ctx, message_encode(ctx, &message));
}

static bool find(struct ctx *ctx, struct str message_id, struct message_row *row)
{
    return store_message(ctx, message_id, row) ||
           (!ctx_failed(ctx) && ctx_fail(ctx, ERR_NOT_FOUND, "there is no such message"));
}

struct reply email_get_message(struct ctx *ctx, const struct get_message_in *in)
{
    struct message_row row;
    return find(ctx, in->message_id, &row) ? answer(ctx, &row) : reply_error(ctx);
}

struct reply email_resend_message(struct ctx *ctx, const struct resend_message_in *in)
{
    struct message_row row;
    if (!find(ctx, in->message_id, &row) ||
        (!str_is(row.state, "queued") && !message_resend(ctx, &row)))
        return reply_error(ctx);
    return answer(ctx, &row);
}

struct reply email_cancel_message(struct ctx *ctx, const struct cancel_message_in *in)
{
    struct message_row row;
    bool moved = false;
    if (!find(ctx, in->message_id, &row))
        return reply_error(ctx);
    bool waits = str_is(row.state, "queued") || str_is(row.state, "waiting");
    if ((waits && !message_withhold(ctx, &row, "cancelled", &moved)) ||
        (!moved && !ctx_fail(ctx, ERR_CONFLICT, "only what waits can be taken back; this one is %s",
                             waits ? "on its way" : arena_cstr(ctx->arena, row.state))))
        return reply_error(ctx);
    return answer(ctx, &row);
}

/* ---- many ---- */

struct reply email_list_messages(struct ctx *ctx, const struct list_messages_in *in)
{
    struct message_filter filter = { .person_id = in->person_id,
                                     .campaign_id = in->campaign_id,
                                     .launch_id = in->launch_id,
                                     .state = in->state };
    return recipients_answer(ctx, &filter, in->cursor, (size_t)in->limit, NULL);
}

struct reply email_list_recipients(struct ctx *ctx, const struct list_recipients_in *in)
{
    struct message_filter filter = { .campaign_id = in->campaign_id,
                                     .launch_id = in->launch_id,
                                     .variant = in->variant,
                                     .state = in->state };
    struct str path =
        arena_printf(ctx->arena, "/v1/campaigns/" STR_FMT "/recipients", STR_ARG(in->campaign_id));
    return recipients_answer(ctx, &filter, in->cursor, (size_t)in->limit, path.ptr);
}
