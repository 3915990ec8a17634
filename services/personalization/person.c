#include "services/personalization/person.h"

#include "base/clock.h"

#define RECORD_FORM 1

static int32_t day_of(int64_t at_us)
{
    return (int32_t)(at_us / US_PER_DAY);
}

static void forget_before(struct history *history, int32_t oldest)
{
    uint32_t gone = 0;
    while (gone < history->n_days && history->days[gone].day < oldest)
        gone++;
    history->n_days -= gone;
    memmove(history->days, history->days + gone, history->n_days * sizeof(history->days[0]));
}

void history_add(struct history *history, int64_t at_us, int32_t today)
{
    history->count++;
    if (!history->first_us || at_us < history->first_us)
        history->first_us = at_us;
    if (at_us > history->last_us)
        history->last_us = at_us;
    int32_t day = day_of(at_us), oldest = today - FEATURE_DAYS + 1;
    forget_before(history, oldest);
    if (day < oldest)
        return;
    uint32_t at = history->n_days;
    while (at > 0 && history->days[at - 1].day > day)
        at--;
    if (at > 0 && history->days[at - 1].day == day) {
        history->days[at - 1].n++;
        return;
    }
    if (history->n_days == FEATURE_DAYS) { /* days beyond today fill it: the oldest gives way */
        if (at == 0)
            return;
        forget_before(history, history->days[0].day + 1);
        at--;
    }
    memmove(history->days + at + 1, history->days + at,
            (history->n_days - at) * sizeof(history->days[0]));
    history->days[at] = (struct day_count){ day, 1 };
    history->n_days++;
}

void history_take(struct history *history, int64_t at_us)
{
    if (history->count > 0)
        history->count--;
    for (uint32_t i = 0; i < history->n_days; i++)
        if (history->days[i].day == day_of(at_us) && history->days[i].n > 0)
            history->days[i].n--;
}

int64_t history_within(const struct history *history, int32_t today, int days)
{
    int64_t sum = 0;
    for (uint32_t i = history->n_days; i > 0 && history->days[i - 1].day > today - days; i--)
        sum += history->days[i - 1].n;
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

/* ---- the record: little-endian as the machine has it, one form number in front ---- */

struct head {
    uint32_t form, tier, consents, n_events;
    int64_t spent, refunded;
    uint32_t traits_bytes, filler;
};

static char *put(char *at, const void *from, size_t bytes)
{
    if (bytes)
        memcpy(at, from, bytes);
    return at + bytes;
}

static size_t history_bytes(const struct history *history)
{
    return 3 * sizeof(int64_t) + sizeof(uint32_t) + history->n_days * sizeof(struct day_count);
}

static char *history_put(char *at, const struct history *history)
{
    at = put(at, &history->count, 3 * sizeof(int64_t));
    at = put(at, &history->n_days, sizeof(uint32_t));
    return put(at, history->days, history->n_days * sizeof(struct day_count));
}

struct str person_write(struct arena *arena, const struct person *person)
{
    struct head head = { .form = RECORD_FORM,
                         .tier = person->tier,
                         .consents = person->consents,
                         .n_events = person->n_events,
                         .spent = person->spent,
                         .refunded = person->refunded,
                         .traits_bytes = (uint32_t)person->traits.len };
    size_t bytes = sizeof(head) + history_bytes(&person->visits) + history_bytes(&person->orders) +
                   person->traits.len;
    for (uint32_t i = 0; i < person->n_events; i++)
        bytes += sizeof(uint32_t) + person->events[i].name.len +
                 history_bytes(&person->events[i].history);
    char *record = arena_alloc_raw(arena, bytes), *at = put(record, &head, sizeof(head));
    at = history_put(at, &person->visits);
    at = history_put(at, &person->orders);
    at = put(at, person->traits.ptr, person->traits.len);
    for (uint32_t i = 0; i < person->n_events; i++) {
        uint32_t length = (uint32_t)person->events[i].name.len;
        at = put(at, &length, sizeof(length));
        at = put(at, person->events[i].name.ptr, length);
        at = history_put(at, &person->events[i].history);
    }
    return (struct str){ record, bytes };
}

static bool take(struct str *rest, void *out, size_t bytes)
{
    if (rest->len < bytes)
        return false;
    if (bytes)
        memcpy(out, rest->ptr, bytes);
    *rest = (struct str){ rest->ptr + bytes, rest->len - bytes };
    return true;
}

static bool take_text(struct str *rest, size_t bytes, struct str *out)
{
    if (rest->len < bytes)
        return false;
    *out = (struct str){ rest->ptr, bytes };
    *rest = (struct str){ rest->ptr + bytes, rest->len - bytes };
    return true;
}

static bool history_take_record(struct str *rest, struct history *out)
{
    return take(rest, &out->count, 3 * sizeof(int64_t)) &&
           take(rest, &out->n_days, sizeof(uint32_t)) && out->n_days <= FEATURE_DAYS &&
           take(rest, out->days, out->n_days * sizeof(struct day_count));
}

static bool read_events(struct ctx *ctx, struct str *rest, struct person *person)
{
    person->events = ARENA_ARRAY(ctx->arena, struct event_history, person->n_events);
    for (uint32_t i = 0; i < person->n_events; i++) {
        uint32_t length;
        if (!take(rest, &length, sizeof(length)) ||
            !take_text(rest, length, &person->events[i].name) ||
            !history_take_record(rest, &person->events[i].history))
            return false;
    }
    return rest->len == 0;
}

bool person_read(struct ctx *ctx, struct str record, struct person *out)
{
    struct head head;
    *out = (struct person){ 0 };
    if (!record.ptr)
        return true;
    if (!take(&record, &head, sizeof(head)) || head.form != RECORD_FORM ||
        head.n_events > FEATURE_EVENTS)
        return ctx_fail(ctx, ERR_INTERNAL, "a person's record has a form that is not known here");
    out->tier = (enum feature_tier)head.tier;
    out->consents = head.consents;
    out->n_events = head.n_events;
    out->spent = head.spent;
    out->refunded = head.refunded;
    if (!history_take_record(&record, &out->visits) ||
        !history_take_record(&record, &out->orders) ||
        !take_text(&record, head.traits_bytes, &out->traits) || !read_events(ctx, &record, out))
        return ctx_fail(ctx, ERR_INTERNAL, "a person's record is cut off");
    if (!head.traits_bytes)
        out->traits = (struct str){ NULL, 0 };
    return true;
}
