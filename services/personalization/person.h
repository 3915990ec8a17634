/* What is kept of one person, and how events change it: pure, no I/O. Kept as one compact record. */
#pragma once

#include "base/ctx.h"

#define FEATURE_DAYS 90    /* days that the windows reach back */
#define FEATURE_EVENTS 64  /* event names kept for a person; the longest not seen gives way */
#define EVENT_SUM_SCALE                                                                            \
    1000000 /* sums of events are kept in millionths, so that their order does not matter */

/* As it lies in the record, where nothing is aligned. */
struct day_sum {
    int32_t day; /* since 1970 */
    uint32_t n;
    int64_t sum;
} __attribute__((packed));

/* A count and a sum over all time and by day, oldest day first; only the last FEATURE_DAYS are kept. */
struct history {
    int64_t count, sum, first_us, last_us; /* the times: 0 when there was none */
    const struct day_sum *days;            /* in the record or an arena */
    uint32_t n_days;
};

struct event_history {
    struct str name;
    struct history history;
};

/* Another id of the same person, joined by an identify event. */
struct joined {
    struct str id;
    int64_t at_us;
};

/* A segment that the person is in. */
struct membership {
    struct str segment_id;
    int64_t since_us;
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
    struct joined parent;    /* whose id this one is too; id.ptr NULL: it stands for itself */
    struct joined *children; /* the ids that are this one's, by time, then id */
    uint32_t n_children;
    struct membership *memberships; /* by segment id; of one who has a parent: none */
    uint32_t n_memberships;
    uint32_t row; /* of the columns, from 0 */
    int32_t due;  /* the day at which windows show less, if nothing comes; 0: never */
};

/* One thing happened at that time; times may come in any order. `today` is the newest day, for what falls out. */
void history_add(struct arena *arena, struct history *history, int64_t at_us, int64_t amount,
                 int32_t today);
/* How many, or how much, in the last `days` days, today included. */
int64_t history_within(const struct history *history, int32_t today, int days);
int64_t history_sum_within(const struct history *history, int32_t today, int days);

/* "count", "count_30d", "sum", "sum_30d", "first_at", "last_at" (windows of 1, 7, 30 and 90 days). False: no such. A sum
 * is given in units of `scale`; a time that there was none of as *none. */
bool history_metric(const struct history *history, struct str metric, int32_t today, int64_t scale,
                    double *out, bool *none);
const char *history_metric_name(size_t index);
extern const size_t n_history_metrics;

/* What is known of `from` is added to `into`, as if it had been the same id from the beginning. */
void person_merge(struct ctx *ctx, struct person *into, const struct person *from, int32_t today);

/* The next day at which a window shows less if nothing comes, 0 when there is none. */
int32_t person_due(const struct person *person, int32_t today);

/* Notes that the person is (since then) or is not in a segment. */
void person_member_set(struct arena *arena, struct person *person, struct str segment_id,
                       bool member, int64_t since_us);
const struct membership *person_member(const struct person *person, struct str segment_id);

/* A child comes or goes (at_us is not looked at then). */
void person_child_add(struct arena *arena, struct person *person, const struct joined *child);
void person_child_remove(struct person *person, struct str id);

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
