/* What customers are told of their orders: a mail each, by the template that is published for it. No template, no mail. */
#include <stdatomic.h>

#include "base/clock.h"
#include "services/email/asking.h"
#include "services/email/email.h"
#include "services/email/messages.h"
#include "services/email/reactions.h"

#define RECENT_US                                                                                  \
    (3 * US_PER_DAY) /* of what is older, such as history that is read anew, nobody is told */
#define CONTACT_US (3600 * US_PER_S) /* so long is waited for crm to tell who the customer is */

struct order_mail {
    struct str template; /* its slug */
    struct str key;      /* of what happened: the same one is told once */
    struct str customer_id;
    int64_t at_us;
    struct str event; /* as JSON: the template's `data` */
};

/* Is there a template? Where there is none, the log says so once. */
static bool template_is_there(struct ctx *ctx, struct str template, bool *is_there)
{
    struct str none = { NULL, 0 };
    *is_there = letter_check(ctx, email_of(ctx)->letters, template, none);
    if (*is_there || ctx->error.code == ERR_INVALID) { /* which is told as that of the message */
        ctx_clear(ctx);
        *is_there = true;
        return true;
    }
    if (ctx->error.code != ERR_NOT_FOUND)
        return false;
    ctx_clear(ctx);
    if (!atomic_exchange(&email_of(ctx)->told_no_template, true))
        log_line(LOG_INFO, ctx, "no_order_template", LOG_S("template", template));
    return true;
}

static enum outcome order_tell(struct ctx *ctx, const struct order_mail *mail)
{
    bool is_there, erased, added;
    struct message_row row;
    struct asking asking = { .person_id = mail->customer_id,
                             .template = mail->template,
                             .key = mail->key,
                             .expires_us = mail->at_us + RECENT_US,
                             .contact_until_us = clock_now_us() + CONTACT_US };
    if (asking.expires_us < clock_now_us())
        return DONE;
    if (!template_is_there(ctx, mail->template, &is_there) ||
        !store_erased(ctx, mail->customer_id, &erased))
        return outcome_of(ctx);
    if (!is_there || erased)
        return DONE;
    asking.data = json_parse(ctx, mail->event);
    return asking.data && asking_message(ctx, &asking, &row) && store_message_add(ctx, &row, &added)
               ? DONE
               : outcome_of(ctx);
}

static struct str key_of(struct ctx *ctx, const char *what, struct str id)
{
    return arena_printf(ctx->arena, "%s/" STR_FMT, what, STR_ARG(id));
}

/* An order that had come further when it was recorded was placed elsewhere, and told there. */
enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *order)
{
    struct order_mail mail = { .template = STR("order_confirmation"),
                               .key = key_of(ctx, "order_placed", order->order_id),
                               .customer_id = order->customer_id,
                               .at_us = order->placed_at };
    if (order->has_state && order->state != ORDER_PLACED_STATE_PLACED &&
        order->state != ORDER_PLACED_STATE_PAID)
        return DONE;
    mail.event = order_placed_encode(ctx, order);
    return order_tell(ctx, &mail);
}

enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *order)
{
    struct order_mail mail = { .template = STR("order_cancelled"),
                               .key = key_of(ctx, "order_cancelled", order->order_id),
                               .customer_id = order->customer_id,
                               .at_us = order->cancelled_at,
                               .event = order_cancelled_encode(ctx, order) };
    return order_tell(ctx, &mail);
}

enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *refund)
{
    struct order_mail mail = { .template = STR("order_refunded"),
                               .key = key_of(ctx, "order_refunded", refund->refund_id),
                               .customer_id = refund->customer_id,
                               .at_us = refund->refunded_at,
                               .event = order_refunded_encode(ctx, refund) };
    return order_tell(ctx, &mail);
}
