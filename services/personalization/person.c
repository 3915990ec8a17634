#include "services/personalization/person.h"

#include "base/clock.h"

static int32_t day_of(int64_t at_us)
{
    return (int32_t)(at_us / US_PER_DAY);
}

/* Two rows of days in one, without those that no window reaches any more; when days beyond today fill it, the oldest
 * give way. */
static void days_join(struct arena *arena, struct history *history, const struct day_sum *more,
                      uint32_t n_more, int32_t today)
{
    struct day_sum *made = ARENA_ARRAY(arena, struct day_sum, history->n_days + n_more);
    uint32_t i = 0, k = 0, n = 0;
    while (i < history->n_days || k < n_more) {
        struct day_sum day;
        if (k == n_more || (i < history->n_days && history->days[i].day < more[k].day)) {
            day = history->days[i++];
        } else {
            day = more[k++];
            if (i < history->n_days && history->days[i].day == day.day) {
                day.n += history->days[i].n;
                day.sum += history->days[i++].sum;
            }
        }
        if (day.day > today - FEATURE_DAYS)
            made[n++] = day;
    }
    uint32_t gone = n > FEATURE_DAYS ? n - FEATURE_DAYS : 0;
    history->days = made + gone;
    history->n_days = n - gone;
}

void history_add(struct arena *arena, struct history *history, int64_t at_us, int64_t amount,
                 int32_t today)
{
    history->count++;
    history->sum += amount;
    if (!history->first_us || at_us < history->first_us)
        history->first_us = at_us;
    if (at_us > history->last_us)
        history->last_us = at_us;
    struct day_sum one = { day_of(at_us), 1, amount };
    days_join(arena, history, &one, 1, today);
}

int64_t history_within(const struct history *history, int32_t today, int days)
{
    int64_t n = 0;
    for (uint32_t i = history->n_days; i > 0 && history->days[i - 1].day > today - days; i--)
        n += history->days[i - 1].n;
    return n;
}

int64_t history_sum_within(const struct history *history, int32_t today, int days)
{
    int64_t sum = 0;
    for (uint32_t i = history->n_days; i > 0 && history->days[i - 1].day > today - days; i--)
        sum += history->days[i - 1].sum;
    return sum;
}

const struct history *person_event_find(const struct person *person, struct str name)
{
    for (uint32_t i = 0; i < person->n_events; i++)
        if (str_eq(person->events[i].name, name))
            return &person->events[i].history;
    return NULL;
}

struct history *person_event(struct ctx *ctx, struct person *person, struct str name)
{
    uint32_t stale = 0;
    for (uint32_t i = 0; i < person->n_events; i++) {
        if (str_eq(person->events[i].name, name))
            return &person->events[i].history;
        if (person->events[i].history.last_us < person->events[stale].history.last_us)
            stale = i;
    }
    if (person->n_events < FEATURE_EVENTS) {
        struct event_history *more =
            ARENA_ARRAY(ctx->arena, struct event_history, person->n_events + 1);
        if (person->n_events)
            memcpy(more, person->events, person->n_events * sizeof(*more));
        person->events = more;
        stale = person->n_events++;
    }
    person->events[stale] = (struct event_history){ .name = name };
    return &person->events[stale].history;
}

static int consent_bit(int purpose, int channel)
{
    return (purpose * 5 + channel) * 2;
}

void person_consent_set(struct person *person, int purpose, int channel, bool granted)
{
    int bit = consent_bit(purpose, channel);
    person->consents = (person->consents & ~(3u << bit)) | (1u << bit) |
                       ((uint32_t)granted << (bit + 1));
}

int person_consent(const struct person *person, int purpose, int channel)
{
    uint32_t bits = person->consents >> consent_bit(purpose, channel);
    return bits & 1 ? (int)((bits >> 1) & 1) : -1;
}

/* ---- what rules read of a history ---- */

enum metric { METRIC_COUNT, METRIC_SUM, METRIC_FIRST, METRIC_LAST };

static const struct {
    const char *name;
    enum metric metric;
    int days; /* 0: all time */
} metrics[] = {
    { "count", METRIC_COUNT, 0 },      { "count_1d", METRIC_COUNT, 1 },
    { "count_7d", METRIC_COUNT, 7 },   { "count_30d", METRIC_COUNT, 30 },
    { "count_90d", METRIC_COUNT, 90 }, { "sum", METRIC_SUM, 0 },
    { "sum_1d", METRIC_SUM, 1 },       { "sum_7d", METRIC_SUM, 7 },
    { "sum_30d", METRIC_SUM, 30 },     { "sum_90d", METRIC_SUM, 90 },
    { "first_at", METRIC_FIRST, 0 },   { "last_at", METRIC_LAST, 0 },
};

const size_t n_history_metrics = COUNT(metrics);

const char *history_metric_name(size_t index)
{
    return metrics[index].name;
}

static double value_of(const struct history *history, size_t index, int32_t today, int64_t scale)
{
    int days = metrics[index].days;
    switch (metrics[index].metric) {
    case METRIC_COUNT:
        return (double)(days ? history_within(history, today, days) : history->count);
    case METRIC_SUM:
        return (double)(days ? history_sum_within(history, today, days) : history->sum) /
               (double)scale;
    case METRIC_FIRST:
        return (double)(history->first_us / US_PER_S);
    default:
        return (double)(history->last_us / US_PER_S);
    }
}

bool history_metric(const struct history *history, struct str metric, int32_t today, int64_t scale,
                    double *out, bool *none)
{
    for (size_t i = 0; i < COUNT(metrics); i++)
        if (str_is(metric, metrics[i].name)) {
            *out = value_of(history, i, today, scale);
            *none = metrics[i].metric >= METRIC_FIRST && !history->first_us;
            return true;
        }
    return false;
}

/* ---- several ids of one person ---- */

static void history_merge(struct arena *arena, struct history *into, const struct history *from,
                          int32_t today)
{
    if (from->count == 0)
        return;
    if (!into->first_us || from->first_us < into->first_us)
        into->first_us = from->first_us;
    if (from->last_us > into->last_us)
        into->last_us = from->last_us;
    into->count += from->count;
    into->sum += from->sum;
    days_join(arena, into, from->days, from->n_days, today);
}

static void consents_merge(struct person *into, const struct person *from)
{
    for (int bit = 0; bit < 2 * N_CONSENTS; bit += 2)
        if (!(into->consents >> bit & 1))
            into->consents |= from->consents & (3u << bit);
}

void person_merge(struct ctx *ctx, struct person *into, const struct person *from, int32_t today)
{
    history_merge(ctx->arena, &into->visits, &from->visits, today);
    history_merge(ctx->arena, &into->orders, &from->orders, today);
    into->spent += from->spent;
    into->refunded += from->refunded;
    into->tier = MAX(into->tier, from->tier);
    consents_merge(into, from);
    if (!into->traits.ptr)
        into->traits = from->traits;
    for (uint32_t i = 0; i < from->n_events; i++)
        history_merge(ctx->arena, person_event(ctx, into, from->events[i].name),
                      &from->events[i].history, today);
}

void person_child_add(struct arena *arena, struct person *person, const struct joined *child)
{
    uint32_t n = person->n_children, at = n;
    struct joined *more = ARENA_ARRAY(arena, struct joined, n + 1);
    while (at > 0 && (person->children[at - 1].at_us > child->at_us ||
                      (person->children[at - 1].at_us == child->at_us &&
                       str_cmp(person->children[at - 1].id, child->id) > 0)))
        at--;
    for (uint32_t i = 0; i < n; i++)
        more[i < at ? i : i + 1] = person->children[i];
    more[at] = *child;
    person->children = more;
    person->n_children = n + 1;
}

void person_child_remove(struct person *person, struct str id)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < person->n_children; i++)
        if (!str_eq(person->children[i].id, id))
            person->children[kept++] = person->children[i];
    person->n_children = kept;
}

/* ---- segments ---- */

/* Where it is, or would be. */
static uint32_t member_place(const struct person *person, struct str segment_id, bool *is_there)
{
    uint32_t low = 0, high = person->n_memberships;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (str_cmp(person->memberships[middle].segment_id, segment_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there = low < person->n_memberships &&
                str_eq(person->memberships[low].segment_id, segment_id);
    return low;
}

const struct membership *person_member(const struct person *person, struct str segment_id)
{
    bool is_there;
    uint32_t at = member_place(person, segment_id, &is_there);
    return is_there ? &person->memberships[at] : NULL;
}

void person_member_set(struct arena *arena, struct person *person, struct str segment_id,
                       bool member, int64_t since_us)
{
    bool is_there;
    uint32_t at = member_place(person, segment_id, &is_there), n = person->n_memberships;
    if (is_there == member)
        return;
    struct membership *made = ARENA_ARRAY(arena, struct membership, n + 1);
    for (uint32_t i = 0; i < at; i++)
        made[i] = person->memberships[i];
    if (member)
        made[at] = (struct membership){ segment_id, since_us };
    for (uint32_t i = member ? at : at + 1; i < n; i++)
        made[member ? i + 1 : i - 1] = person->memberships[i];
    person->memberships = made;
    person->n_memberships = member ? n + 1 : n - 1;
}

/* ---- time ---- */

static int32_t history_due(const struct history *history, int32_t today)
{
    static const int windows[] = { 1, 7, 30, 90 };
    int32_t due = 0;
    for (uint32_t i = 0; i < history->n_days; i++)
        for (size_t w = 0; w < COUNT(windows); w++) {
            int32_t out = history->days[i].day + windows[w];
            if (out > today && (!due || out < due))
                due = out;
        }
    return due;
}

static void due_sooner(int32_t *due, const struct history *history, int32_t today)
{
    int32_t other = history_due(history, today);
    if (other && (!*due || other < *due))
        *due = other;
}

int32_t person_due(const struct person *person, int32_t today)
{
    int32_t due = 0;
    due_sooner(&due, &person->visits, today);
    due_sooner(&due, &person->orders, today);
    for (uint32_t i = 0; i < person->n_events; i++)
        due_sooner(&due, &person->events[i].history, today);
    return due;
}
