/* What becomes of a message, by what the relay said or by what spoke against it. */
#include "base/clock.h"
#include "services/email/catcher.h"
#include "services/email/feedback.h"
#include "services/email/messages.h"
#include "services/email/plan.h"
#include "services/email/sending_inside.h"
#include "services/email/store.h"

bool sending_doubt_ends(struct ctx *ctx, const struct sending *sending, struct message_row *row)
{
    bool moved;
    if (!message_unknown(ctx, row, &moved))
        return false;
    bool again = moved && sending->resends && !message_is_bulk(row) && row->resends == 0;
    return !again || message_resend(ctx, row);
}

/* "550 5.1.1 no such user"; of somebody who is erased only the codes, for relays repeat addresses. */
static struct str status_of(struct ctx *ctx, const struct smtp_result *result, bool erased)
{
    if (!erased) /* which has the enhanced code in front */
        return result->code ? arena_printf(ctx->arena, "%d %s", result->code, result->text)
                            : arena_printf(ctx->arena, "%s", result->text);
    return result->code ? arena_printf(ctx->arena, "%d %s", result->code, result->status) : STR("");
}

/* For now: later again, or too often and too long. */
static bool defer(struct ctx *ctx, const struct sending *sending, struct message_row *row,
                  struct str status, bool at_once)
{
    bool moved;
    int64_t now_us = clock_now_us();
    if (!str_is(row->state, "doubt")) /* which has counted it */
        row->attempts++;
    if (row->attempts >= sending->attempts_most || now_us - row->created_us > sending->give_up_us)
        return message_fail(ctx, row, "timed_out", status, &moved);
    int64_t wait_us = at_once && row->attempts < 3 ? 0 : plan_back_off_us(row->attempts);
    return message_put_off(ctx, row, now_us + wait_us, status, &moved);
}

/* The connection did not come so far: this says nothing of the message, which waits for another one. Unless that comes again
 * and again in the middle of it. */
static bool unsent(struct ctx *ctx, const struct sending *sending, const struct parcel *parcel,
                   struct message_row *row, struct str status)
{
    return parcel->result.stage >= SMTP_MAIL ? defer(ctx, sending, row, status, false)
                                             : store_queue_release(ctx, row->message_id);
}

bool sending_outcome(struct ctx *ctx, const struct sending *sending, const struct parcel *parcel,
                     struct message_row *row)
{
    bool moved, erased;
    const struct smtp_result *result = &parcel->result;
    if (!store_erased(ctx, row->person_id, &erased))
        return false;
    struct str status = status_of(ctx, result, erased);
    switch (result->outcome) {
    case SMTP_OUTCOME_ACCEPTED:
        if (erased && result->relay == sending->catcher &&
            !catcher_forget(ctx, email_of(ctx)->catcher, parcel->to))
            return false;
        return message_sent(ctx, row, status, &moved);
    case SMTP_OUTCOME_REFUSED:
        return message_fail(ctx, row, result->code ? "refused" : "address", status, &moved) &&
               (result->stage != SMTP_RCPT ||
                feedback_refused(ctx, row, str_of(result->status), str_of(result->text)));
    case SMTP_OUTCOME_DEFERRED:
        return defer(ctx, sending, row, status, result->code == 421);
    case SMTP_OUTCOME_UNSENT:
        return unsent(ctx, sending, parcel, row, status);
    case SMTP_OUTCOME_DOUBT:
        row->status = status;
        return sending_doubt_ends(ctx, sending, row);
    }
    return true;
}

bool sending_against(struct ctx *ctx, const struct parcel *parcel, struct message_row *row)
{
    bool moved;
    const struct look *look = &parcel->look;
    switch (look->verdict) {
    case LOOK_GO:
        return true;
    case LOOK_BACK:
        return store_queue_release(ctx, row->message_id);
    case LOOK_PUT_OFF:
        return message_put_off(ctx, row, look->until_us, parcel->why, &moved);
    case LOOK_WITHHOLD:
        return message_withhold(ctx, row, look->reason, &moved);
    case LOOK_FAIL:
        return message_fail(ctx, row, look->reason, parcel->why, &moved);
    }
    return true;
}
