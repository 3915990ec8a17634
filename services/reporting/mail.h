/* Messages: each counted on the day it was sent (until that is heard of: on the day of the first that was), for its
 * campaign. What machines opened and clicked is nothing. Inside a reaction. */
#pragma once

#include "services/reporting/model.h"

enum mail_fate {
    MAIL_SENT = 1 << 0,
    MAIL_DELIVERED = 1 << 1,
    MAIL_BOUNCED = 1 << 2,
    MAIL_FAILED = 1 << 3,
    MAIL_WITHHELD = 1 << 4,
    MAIL_DOUBTED = 1 << 5,
    MAIL_COMPLAINED = 1 << 6,
    MAIL_OPENED = 1 << 7,
    MAIL_CLICKED = 1 << 8,
    MAIL_UNSUBSCRIBED = 1 << 9,
    MAIL_OF_LAUNCH = 1 << 10, /* no fate: whose audience was counted before */
};

struct mail_news {
    struct str message_id, campaign_id; /* campaign_id: ptr NULL when it belongs to none */
    enum mail_fate fate;
    int64_t at_us;
    int64_t due_us; /* of MAIL_SENT: when it was due; 0: not told */
    bool of_launch; /* its audience was counted before */
};
bool mail_heard(struct ctx *ctx, struct lmdb *db, const struct mail_news *news);
