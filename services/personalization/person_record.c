/* The record of a person: little-endian as the machine has it, one form number in front. */
#include "services/personalization/person.h"

#define RECORD_FORM 2

struct head {
    uint32_t form, tier, consents, n_events;
    int64_t spent, refunded, parent_us;
    uint32_t traits_bytes, parent_bytes, n_children, n_memberships, row;
    int32_t due;
};

/* What a record is written into: first to measure it, then to memory of that size. */
struct record_out {
    char *at; /* NULL: only measured */
    size_t bytes;
};

static void put(struct record_out *out, const void *from, size_t bytes)
{
    if (out->at && bytes)
        memcpy(out->at + out->bytes, from, bytes);
    out->bytes += bytes;
}

static void put_text(struct record_out *out, struct str text)
{
    uint32_t length = (uint32_t)text.len;
    put(out, &length, sizeof length);
    put(out, text.ptr, text.len);
}

static void put_history(struct record_out *out, const struct history *history)
{
    put(out, &history->count, 4 * sizeof(int64_t));
    put(out, &history->n_days, sizeof(uint32_t));
    put(out, history->days, history->n_days * sizeof(struct day_sum));
}

static void put_person(struct record_out *out, const struct person *person)
{
    struct head head = { .form = RECORD_FORM,
                         .tier = person->tier,
                         .consents = person->consents,
                         .n_events = person->n_events,
                         .spent = person->spent,
                         .refunded = person->refunded,
                         .parent_us = person->parent.at_us,
                         .traits_bytes = (uint32_t)person->traits.len,
                         .parent_bytes = (uint32_t)person->parent.id.len,
                         .n_children = person->n_children,
                         .n_memberships = person->n_memberships,
                         .row = person->row,
                         .due = person->due };
    put(out, &head, sizeof head);
    put_history(out, &person->visits);
    put_history(out, &person->orders);
    put(out, person->traits.ptr, person->traits.len);
    put(out, person->parent.id.ptr, person->parent.id.len);
    for (uint32_t i = 0; i < person->n_children; i++) {
        put_text(out, person->children[i].id);
        put(out, &person->children[i].at_us, sizeof(int64_t));
    }
    for (uint32_t i = 0; i < person->n_memberships; i++) {
        put_text(out, person->memberships[i].segment_id);
        put(out, &person->memberships[i].since_us, sizeof(int64_t));
    }
    for (uint32_t i = 0; i < person->n_events; i++) {
        put_text(out, person->events[i].name);
        put_history(out, &person->events[i].history);
    }
}

struct str person_write(struct arena *arena, const struct person *person)
{
    struct record_out out = { 0 };
    put_person(&out, person);
    char *record = arena_alloc_raw(arena, out.bytes);
    out = (struct record_out){ .at = record };
    put_person(&out, person);
    return (struct str){ record, out.bytes };
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

static bool take_bytes(struct str *rest, size_t bytes, struct str *out)
{
    if (rest->len < bytes)
        return false;
    *out = (struct str){ rest->ptr, bytes };
    *rest = (struct str){ rest->ptr + bytes, rest->len - bytes };
    return true;
}

static bool take_text(struct str *rest, struct str *out)
{
    uint32_t length;
    return take(rest, &length, sizeof length) && take_bytes(rest, length, out);
}

/* The days stay where they are. */
static bool take_history(struct str *rest, struct history *out)
{
    struct str days;
    if (!take(rest, &out->count, 4 * sizeof(int64_t)) ||
        !take(rest, &out->n_days, sizeof(uint32_t)) || out->n_days > FEATURE_DAYS ||
        !take_bytes(rest, out->n_days * sizeof(struct day_sum), &days))
        return false;
    out->days = (const struct day_sum *)days.ptr;
    return true;
}

static bool take_lists(struct ctx *ctx, struct str *rest, struct person *person)
{
    /* No list has more elements than bytes follow. */
    if (person->n_children > rest->len || person->n_memberships > rest->len)
        return false;
    person->children = ARENA_ARRAY(ctx->arena, struct joined, person->n_children);
    person->memberships = ARENA_ARRAY(ctx->arena, struct membership, person->n_memberships);
    person->events = ARENA_ARRAY(ctx->arena, struct event_history, person->n_events);
    for (uint32_t i = 0; i < person->n_children; i++)
        if (!take_text(rest, &person->children[i].id) ||
            !take(rest, &person->children[i].at_us, sizeof(int64_t)))
            return false;
    for (uint32_t i = 0; i < person->n_memberships; i++)
        if (!take_text(rest, &person->memberships[i].segment_id) ||
            !take(rest, &person->memberships[i].since_us, sizeof(int64_t)))
            return false;
    for (uint32_t i = 0; i < person->n_events; i++)
        if (!take_text(rest, &person->events[i].name) ||
            !take_history(rest, &person->events[i].history))
            return false;
    return rest->len == 0;
}

bool person_read(struct ctx *ctx, struct str record, struct person *out)
{
    struct head head;
    *out = (struct person){ 0 };
    if (!record.ptr)
        return true;
    if (!take(&record, &head, sizeof head) || head.form != RECORD_FORM ||
        head.n_events > FEATURE_EVENTS)
        return ctx_fail(ctx, ERR_INTERNAL, "a person's record has a form that is not known here");
    *out = (struct person){ .tier = (enum feature_tier)head.tier,
                            .consents = head.consents,
                            .n_events = head.n_events,
                            .spent = head.spent,
                            .refunded = head.refunded,
                            .parent.at_us = head.parent_us,
                            .n_children = head.n_children,
                            .n_memberships = head.n_memberships,
                            .row = head.row,
                            .due = head.due };
    if (!take_history(&record, &out->visits) || !take_history(&record, &out->orders) ||
        !take_bytes(&record, head.traits_bytes, &out->traits) ||
        !take_bytes(&record, head.parent_bytes, &out->parent.id) || !take_lists(ctx, &record, out))
        return ctx_fail(ctx, ERR_INTERNAL, "a person's record is cut off");
    if (!head.traits_bytes)
        out->traits = (struct str){ NULL, 0 };
    if (!head.parent_bytes)
        out->parent.id = (struct str){ NULL, 0 };
    return true;
}
