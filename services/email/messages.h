/* One message: what it says of itself, and the one way by which it changes its state, so that each change is told. */
#pragma once

#include "email_events.h"
#include "services/email/store_messages.h"

#define QUEUE_NOW "now"       /* service mail */
#define QUEUE_SINGLE "single" /* marketing mail that is asked for one by one */

static inline bool message_is_bulk(const struct message_row *message)
{
    return !str_is(message->queue, QUEUE_NOW);
}

/* Mail that somebody sends to see what it looks like: it is told nobody and counted nowhere. */
#define TRIAL_PREFIX "tst_"
static inline bool message_is_trial(const struct message_row *message)
{
    return str_starts(message->message_id, STR(TRIAL_PREFIX));
}

/* The launch that it belongs to; ptr NULL: none. */
struct str message_launch(const struct message_row *message);

/* What all events of a message say of it. */
#define WHAT_IT_IS(event)                                                                          \
    .message_id = message->message_id, .person_id = message->person_id,                            \
    .kind = message_is_bulk(message) ? event##_KIND_BULK : event##_KIND_TRANSACTIONAL,             \
    .campaign_id = message->campaign_id, .launch_id = message_launch(message),                     \
    .step = message->step, .variant = message->variant

/* The message that is asked for, not stored. False with INTERNAL: it does not fit its contract. */
bool message_asked_row(struct ctx *ctx, const struct message_asked *asked, struct str address,
                       struct message_row *row);
/* Queues what was asked for, once: *row is the message, the one from before where there is one. */
bool message_ask(struct ctx *ctx, const struct message_asked *asked, struct str address,
                 struct message_row *row, bool *added);

/* Each moves it from the state that it is in, tells it, and gives *moved false where somebody else was there first. */
bool message_doubt(struct ctx *ctx, struct message_row *message, bool *moved);
bool message_sent(struct ctx *ctx, struct message_row *message, struct str status, bool *moved);
bool message_unknown(struct ctx *ctx, struct message_row *message, bool *moved);
/* Put off to a moment. */
bool message_put_off(struct ctx *ctx, struct message_row *message, int64_t due_us,
                     struct str status, bool *moved);
/* For good; `reason` as in message.failed ("refused", "timed_out", "template", "address"). */
bool message_fail(struct ctx *ctx, struct message_row *message, const char *reason,
                  struct str status, bool *moved);
/* `reason` as in message.withheld. */
bool message_withhold(struct ctx *ctx, struct message_row *message, const char *reason,
                      bool *moved);
/* By hand, with the same Message-ID: only what is unknown. CONFLICT otherwise. */
bool message_resend(struct ctx *ctx, struct message_row *message);
