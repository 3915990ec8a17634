/* What is kept of one person, and how events change it: pure, no I/O. Kept as one compact record. */
#pragma once

#include "base/ctx.h"

#define FEATURE_DAYS 90    /* days that the windows reach back */
#define FEATURE_EVENTS 64  /* event names kept for a person; the longest not seen gives way */

struct day_count {
    int32_t day; /* since 1970 */
    uint32_t n;
};

/* A count over all time and by day, oldest day first; only the last FEATURE_DAYS are kept. */
struct history {
    int64_t count, first_us, last_us; /* the times: 0 when there was none */
    struct day_count days[FEATURE_DAYS];
    uint32_t n_days;
};

struct event_history {
    struct str name;
    struct history history;
};

enum feature_tier { TIER_NONE, TIER_BRONZE, TIER_SILVER, TIER_GOLD, TIER_PLATINUM };

struct person {
    struct history visits, orders;
    int64_t spent, refunded; /* minor units of the shop's currency */
    enum feature_tier tier;
    uint32_t consents; /* two bits for each purpose and channel: known, granted */
    struct str traits; /* JSON object; ptr NULL: none */
    struct event_history *events;
    uint32_t n_events;
};

/* One thing happened at that time; times may come in any order. `today` is the newest day, for what falls out. */
void history_add(struct history *history, int64_t at_us, int32_t today);
/* It is taken back (a cancelled order); first and last stay. */
void history_take(struct history *history, int64_t at_us);
/* How many in the last `days` days, today included. */
int64_t history_within(const struct history *history, int32_t today, int days);

/* The history of that event name, made when it is new. */
struct history *person_event(struct ctx *ctx, struct person *person, struct str name);
const struct history *person_event_find(const struct person *person,
                                        struct str name); /* NULL: none */

#define N_CONSENTS 15 /* purposes x channels */
void person_consent_set(struct person *person, int purpose, int channel,
                        bool granted);                                     /* 0-based */
int person_consent(const struct person *person, int purpose, int channel); /* -1 unknown, 0, 1 */

/* The record of a person and back. Reading gives false (ERR_INTERNAL) for a record that is cut or of a newer form; ptr
 * NULL reads as a person of whom nothing is known. Texts of a read person point into the record. */
struct str person_write(struct arena *arena, const struct person *person);
bool person_read(struct ctx *ctx, struct str record, struct person *out);
