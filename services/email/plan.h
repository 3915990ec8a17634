/* Who of an audience gets what, and when: pure rules, no I/O. */
#pragma once

#include "email_events.h"
#include "platform/zone/zone.h"

/* "msg_" and 32 hexadecimal digits, made of what the message is: the same parts are the same message. */
struct str plan_message_id(struct arena *arena, struct str owner, struct str person_id,
                           struct str step);

/* Is this person left out, to compare with? The same for all launches of the campaign. */
bool plan_is_held_out(struct str campaign_id, struct str person_id, int64_t percent);

/* The variant that a person gets by weight; NULL: no variants, or (with a test) the person waits for the winner. */
struct plan_share {
    const struct delivery_asked_variant *variant;
    bool waits;
};
struct plan_share plan_share(const struct delivery_asked *asked, struct str person_id);

/* When a mail is due, at the earliest: by the schedule, in the person's zone where it says so. `own` and `common` may be
 * NULL: the common zone goes for who has none, UTC where there is none at all. Without a schedule: 0. INVALID: there is
 * no such time. */
bool plan_due(struct ctx *ctx, const struct delivery_asked_schedule *schedule,
              const struct zone *own, const struct zone *common, int64_t *due_us);

/* The end of the quiet hours ("22:00" to "07:00", on the clocks of the zone) that `now_us` lies in; now_us when it lies
 * in none. INVALID: these are no times. */
bool plan_quiet_until(struct ctx *ctx, struct str from, struct str to, const struct zone *zone,
                      int64_t now_us, int64_t *until_us);

/* How long a message waits after its n-th attempt was put off (n from 1): a minute, doubling, at most an hour. */
int64_t plan_back_off_us(int64_t attempts);
