/* The look at a message just before it goes out: may it still? */
#pragma once

#include "services/email/mailing.h"

enum verdict {
    LOOK_GO,
    LOOK_BACK, /* to the queue, as it is: its launch is held up, or it is written to where nobody is any more */
    LOOK_PUT_OFF,  /* until */
    LOOK_WITHHOLD, /* for `reason`, as in message.withheld */
    LOOK_FAIL,     /* for `reason`, as in message.failed */
};

struct look {
    enum verdict verdict;
    const char *reason;
    int64_t until_us;
};

/* Needs ctx->sql: within the transaction that notes the doubt, it is the last one. `to` is where the letter is addressed to
 * (ptr NULL: it is not written yet). Looked at are: whether the launch goes on, erasure, address, consent and suppressions,
 * expiry, frequency cap, quiet hours. */
bool last_look(struct ctx *ctx, const struct message_row *message,
               const struct mailing_limits *limits, struct str to, struct look *out);
