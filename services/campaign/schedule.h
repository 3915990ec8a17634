/* When a campaign begins: at once, at a moment, when clocks somewhere show a time, or again and again by a rule. */
#pragma once

#include "base/ctx.h"
#include "campaign_types.h"

/* INVALID at "/schedule/...": what does not go together, an unknown zone, a time that clocks there skip, or show twice with
 * none chosen, a rule that cannot be read or never matches. NULL is at once. */
bool schedule_check(struct ctx *ctx, const struct campaign_schedule *schedule);

struct schedule_start {
    int64_t us;          /* 0: at once */
    struct str local_at; /* of `each`: what each person's clock shows then; ptr NULL otherwise */
};

/* The first start after `after_us` of a schedule that was checked. False without an error: there is none any more. */
bool schedule_next(struct ctx *ctx, const struct campaign_schedule *schedule, int64_t after_us,
                   struct schedule_start *out);

static inline bool schedule_recurs(const struct campaign_schedule *schedule)
{
    return schedule && schedule->rrule.ptr;
}
