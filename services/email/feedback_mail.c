/* What servers and providers say of a message. */
#include "base/clock.h"
#include "platform/mail/bounce.h"
#include "platform/service/service.h"
#include "services/email/feedback.h"
#include "services/email/messages.h"
#include "services/email/suppressions.h"
#include "email_contract.h"

#define IN_A_ROW_US (30 * US_PER_DAY) /* a soft bounce after longer is the first one again */
#define MOST_STATUS 20                /* message.bounced */

/* Where it was sent: that which the person has now, unless it had one of its own. ptr NULL: there is none any more. */
static bool address_of(struct ctx *ctx, const struct message_row *message, struct str *address)
{
    struct contact_row contact;
    *address = message->address;
    if (!address->ptr && store_contact(ctx, message->person_id, &contact))
        *address = contact.email;
    return !ctx_failed(ctx);
}

static bool suppress(struct ctx *ctx, const struct message_row *message, struct str address,
                     const char *reason, const char *scope)
{
    bool added;
    struct suppression_row row = { .person_id = message->person_id,
                                   .reason = str_of(reason),
                                   .scope = str_of(scope),
                                   .message_id = message->message_id,
                                   .campaign_id = message->campaign_id };
    return !address.ptr || suppress_address(ctx, address, &row, &added);
}

bool feedback_is_reached(struct ctx *ctx, const struct message_row *message)
{
    struct str address;
    return address_of(ctx, message, &address) &&
           (!address.ptr || store_soft_bounces_end(ctx, suppression_target(ctx, address)));
}

static bool softly(struct ctx *ctx, const struct message_row *message, struct str address)
{
    int64_t n, now_us = clock_now_us();
    if (!address.ptr)
        return true;
    struct str target = suppression_target(ctx, address);
    if (!store_soft_bounce(ctx, target, now_us, now_us - IN_A_ROW_US, &n))
        return false;
    return n < setting_int(ctx, "soft_bounces") ||
           (store_soft_bounces_end(ctx, target) &&
            suppress(ctx, message, address, "bounced", "all"));
}

static bool bounced_follow(struct ctx *ctx, const struct message_row *message, const char *kind)
{
    struct str address;
    if (!address_of(ctx, message, &address))
        return false;
    if (strcmp(kind, "hard") == 0)
        return suppress(ctx, message, address, "bounced", "all");
    return strcmp(kind, "soft") != 0 || softly(ctx, message, address);
}

bool feedback_bounced(struct ctx *ctx, const struct message_row *message, const char *kind,
                      struct str status)
{
    bool first;
    struct str code = bounce_status_in(status);
    struct message_bounced told = { WHAT_IT_IS(MESSAGE_BOUNCED),
                                    .bounce = message_bounced_bounce_parse(str_of(kind)),
                                    .status = code.len <= MOST_STATUS ? code : (struct str){ 0 },
                                    .bounced_at = clock_now_us() };
    struct feedback_row row = { message->message_id, STR("bounced"), str_of(kind), false,
                                told.bounced_at };
    if (feedback_is_void(ctx, message))
        return !ctx_failed(ctx);
    return feedback_note(ctx, &row, true, &first) &&
           (!first || (bounced_follow(ctx, message, kind) && publish_message_bounced(ctx, &told)));
}

bool feedback_refused(struct ctx *ctx, const struct message_row *message, struct str status,
                      struct str text)
{
    struct str address;
    if (!status.len || bounce_kind_of(status, text) != BOUNCE_HARD ||
        feedback_is_void(ctx, message))
        return !ctx_failed(ctx);
    return address_of(ctx, message, &address) && suppress(ctx, message, address, "bounced", "all");
}

bool feedback_complained(struct ctx *ctx, const struct message_row *message)
{
    bool first;
    struct str address;
    struct message_complained told = { WHAT_IT_IS(MESSAGE_COMPLAINED),
                                       .complained_at = clock_now_us() };
    struct feedback_row row = { message->message_id, STR("complained"), STR(""), false,
                                told.complained_at };
    if (feedback_is_void(ctx, message) || !address_of(ctx, message, &address))
        return !ctx_failed(ctx);
    return feedback_note(ctx, &row, true, &first) &&
           (!first || (suppress(ctx, message, address, "complained",
                                message->marketing ? "marketing" : "all") &&
                       publish_message_complained(ctx, &told)));
}

bool feedback_delivered(struct ctx *ctx, const struct message_row *message)
{
    bool first;
    struct message_delivered told = { WHAT_IT_IS(MESSAGE_DELIVERED),
                                      .delivered_at = clock_now_us() };
    struct feedback_row row = { message->message_id, STR("delivered"), STR(""), false,
                                told.delivered_at };
    if (feedback_is_void(ctx, message))
        return !ctx_failed(ctx);
    return feedback_note(ctx, &row, true, &first) &&
           (!first || (feedback_is_reached(ctx, message) && publish_message_delivered(ctx, &told)));
}
