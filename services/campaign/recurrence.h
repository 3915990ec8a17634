/* Recurrence rules (RFC 5545 section 3.3.10), as far as they are of days: FREQ=DAILY to YEARLY with INTERVAL, COUNT, UNTIL,
 * BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS and WKST. The time of day is that of the start. Moments are what clocks show, in
 * seconds since 1970 as if that were UTC. */
#pragma once

#include "base/ctx.h"

#define RECURRENCE_YEARS 100 /* so far ahead it is looked for a day that matches */
#define RECURRENCE_DAYS 64   /* parts of BYDAY, of BYSETPOS */

enum recurrence_every {
    RECURRENCE_DAILY,
    RECURRENCE_WEEKLY,
    RECURRENCE_MONTHLY,
    RECURRENCE_YEARLY,
};

struct recurrence_day {
    int weekday; /* 0: Monday */
    int nth;     /* of the month or year; negative from its end; 0: each */
};

struct recurrence {
    enum recurrence_every every;
    int64_t interval;
    int64_t count; /* 0: without end */
    bool has_until, until_utc;
    int64_t until_s; /* UTC where until_utc, else what clocks show */
    unsigned months; /* a bit for each */
    uint32_t month_days, month_days_back; /* a bit for each, from the month's begin and its end */
    struct recurrence_day days[RECURRENCE_DAYS];
    size_t n_days;
    int positions[RECURRENCE_DAYS];
    size_t n_positions;
    int week_start;
};

/* INVALID with a sentence that names the part. */
bool recurrence_parse(struct ctx *ctx, struct str text, struct recurrence *out);

/* The first moment after `after_s` (INT64_MIN: the first of all) of a rule that begins at `start_s`, whose UNTIL is what
 * clocks show. False: there is none, or none within RECURRENCE_YEARS. */
bool recurrence_next(const struct recurrence *rule, int64_t start_s, int64_t after_s, int64_t *out);
