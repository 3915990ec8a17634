#include "services/analytics/collect.h"

#include "base/clock.h"
#include "base/id.h"
#include "platform/crypto/crypto.h"

/* What all events of one call share. */
struct call_facts {
    struct str source;
    int64_t received_us, skew_us; /* skew: how far the sender's clock is behind ours */
};

static struct str member(const struct json *told, const char *name)
{
    return json_str(json_get(told, name));
}

static bool text_member(struct ctx *ctx, const struct json *told, const char *name, struct str *out)
{
    const struct json *value = json_get(told, name);
    *out = json_str(value);
    if (json_type(value) != JSON_ABSENT && json_type(value) != JSON_NULL &&
        json_type(value) != JSON_STRING)
        return ctx_fail(ctx, ERR_INVALID, "%s must be a text", name);
    if (out->len > 200)
        return ctx_fail(ctx, ERR_INVALID, "%s is longer than 200 bytes", name);
    if (out->len == 0)
        *out = (struct str){ NULL, 0 };
    return true;
}

static bool object_member(struct ctx *ctx, const struct json *told, const char *name,
                          const struct json **out)
{
    const struct json *value = json_get(told, name);
    enum json_type type = json_type(value);
    *out = type == JSON_OBJECT ? value : NULL;
    return type == JSON_OBJECT || type == JSON_ABSENT || type == JSON_NULL ||
           ctx_fail(ctx, ERR_INVALID, "%s must be an object", name);
}

static bool time_member(struct ctx *ctx, const struct json *told, const char *name,
                        int64_t fallback, int64_t *out)
{
    struct str text;
    *out = fallback;
    if (!text_member(ctx, told, name, &text))
        return false;
    return !text.ptr || clock_parse(text, true, out) ||
           ctx_fail(ctx, ERR_INVALID, "%s must be a moment such as 2026-01-31T12:00:00Z", name);
}

/* timestamp + (receivedAt - sentAt); never beyond the time of receipt, which a wrong sentAt could give. */
static bool occurred(struct ctx *ctx, const struct json *told, const struct call_facts *facts,
                     int64_t *out)
{
    int64_t at;
    if (!time_member(ctx, told, "timestamp", facts->received_us - facts->skew_us, &at))
        return false;
    *out = MIN(at + facts->skew_us, facts->received_us);
    return true;
}

/* The id of the event: the same message told again is the same event. */
static struct str event_id(struct ctx *ctx, struct str source, struct str message_id,
                           uint32_t index)
{
    char *id = arena_alloc(ctx->arena, ID_UUID_BYTES);
    struct str cause =
        arena_printf(ctx->arena, STR_FMT "/" STR_FMT, STR_ARG(source), STR_ARG(message_id));
    crypto_derive_id(cause, STR("fanfare.analytics.message"), index, id);
    return (struct str){ id, ID_UUID_BYTES - 1 };
}

static bool people_of(struct ctx *ctx, const struct json *told, struct event_recorded *out)
{
    if (!text_member(ctx, told, "userId", &out->user_id) ||
        !text_member(ctx, told, "anonymousId", &out->anonymous_id) ||
        !text_member(ctx, told, "previousId", &out->previous_id) ||
        !text_member(ctx, told, "groupId", &out->group_id))
        return false;
    out->person_id = out->user_id.ptr ? out->user_id : out->anonymous_id;
    if (!out->person_id.ptr && out->kind == EVENT_RECORDED_KIND_ALIAS)
        out->person_id = out->previous_id;
    return out->person_id.ptr || ctx_fail(ctx, ERR_INVALID, "userId or anonymousId is needed");
}

static bool name_of(struct ctx *ctx, const struct json *told, struct event_recorded *out)
{
    bool track = out->kind == EVENT_RECORDED_KIND_TRACK;
    if (!text_member(ctx, told, track ? "event" : "name", &out->name))
        return false;
    if (track && !out->name.ptr)
        return ctx_fail(ctx, ERR_INVALID, "event, the name of what was done, is needed");
    if (out->kind == EVENT_RECORDED_KIND_GROUP && !out->group_id.ptr)
        return ctx_fail(ctx, ERR_INVALID, "groupId is needed");
    if (out->kind == EVENT_RECORDED_KIND_ALIAS && !out->previous_id.ptr)
        return ctx_fail(ctx, ERR_INVALID, "previousId is needed");
    return true;
}

static void add(struct told_events *out, const struct event_type *type, const void *data,
                struct str id, int64_t time_us)
{
    out->events[out->n++] =
        (struct event_out){ .type = type, .data = data, .id = id, .time_us = time_us };
}

/* What an identify says of a person goes out apart: that topic is erasable, the clickstream is not. */
static bool add_traits(struct ctx *ctx, const struct json *told,
                       const struct event_recorded *recorded, struct told_events *out)
{
    const struct json *traits;
    if (!object_member(ctx, told, "traits", &traits))
        return false;
    if (recorded->kind != EVENT_RECORDED_KIND_IDENTIFY || json_size(traits) == 0)
        return true;
    struct traits_told *said = ARENA_NEW(ctx->arena, struct traits_told);
    *said = (struct traits_told){ .message_id = recorded->message_id,
                                  .person_id = recorded->person_id,
                                  .user_id = recorded->user_id,
                                  .anonymous_id = recorded->anonymous_id,
                                  .traits = traits,
                                  .told_at = recorded->occurred_at };
    add(out, &ANALYTICS_TRAITS_TOLD_V1_TYPE, said,
        event_id(ctx, recorded->source, recorded->message_id, 1), recorded->occurred_at);
    return true;
}

static bool add_told(struct ctx *ctx, struct str kind, const struct json *told,
                     const struct call_facts *facts, struct told_events *out)
{
    struct event_recorded *recorded = ARENA_NEW(ctx->arena, struct event_recorded);
    if (json_type(told) != JSON_OBJECT)
        return ctx_fail(ctx, ERR_INVALID, "an event is an object");
    *recorded = (struct event_recorded){ .kind = event_recorded_kind_parse(kind),
                                         .source = facts->source,
                                         .received_at = facts->received_us };
    if (!recorded->kind)
        return ctx_fail(ctx, ERR_INVALID,
                        "type is one of track, page, screen, group, alias, identify");
    if (!text_member(ctx, told, "messageId", &recorded->message_id) ||
        !people_of(ctx, told, recorded) || !name_of(ctx, told, recorded) ||
        !object_member(ctx, told, "properties", &recorded->properties) ||
        !object_member(ctx, told, "context", &recorded->context) ||
        !occurred(ctx, told, facts, &recorded->occurred_at))
        return false;
    if (!recorded->message_id
             .ptr) /* the client gives one to be safe from doubles; without it there is no safety */
        recorded->message_id = id_new(ctx->arena, "msg");
    if (json_text(ctx->arena, told).len > COLLECT_MOST_EVENT_BYTES)
        return ctx_fail(ctx, ERR_INVALID, "an event is at most 32 KB");
    add(out, &ANALYTICS_EVENT_RECORDED_V1_TYPE, recorded,
        event_id(ctx, facts->source, recorded->message_id, 0), recorded->occurred_at);
    return add_traits(ctx, told, recorded, out);
}

static bool facts_of(struct ctx *ctx, const struct json *told, struct str source,
                     int64_t received_us, struct call_facts *out)
{
    int64_t sent_us;
    if (!time_member(ctx, told, "sentAt", received_us, &sent_us))
        return false;
    *out = (struct call_facts){ .source = source,
                                .received_us = received_us,
                                .skew_us = received_us - sent_us };
    return true;
}

bool collect_one(struct ctx *ctx, const char *kind, const struct json *told, struct str source,
                 int64_t received_us, struct told_events *out)
{
    struct call_facts facts;
    *out = (struct told_events){ .events = ARENA_ARRAY(ctx->arena, struct event_out, 2) };
    return facts_of(ctx, told, source, received_us, &facts) &&
           add_told(ctx, str_of(kind), told, &facts, out);
}

bool collect_batch(struct ctx *ctx, const struct json *told, struct str source, int64_t received_us,
                   struct told_events *out)
{
    struct call_facts facts;
    const struct json *batch = json_get(told, "batch");
    size_t n = json_size(batch);
    if (json_type(batch) != JSON_ARRAY || n == 0)
        return ctx_fail(ctx, ERR_INVALID, "batch, an array of events, is needed");
    if (n > COLLECT_MOST_EVENTS)
        return ctx_fail(ctx, ERR_INVALID, "a batch holds at most %d events", COLLECT_MOST_EVENTS);
    *out = (struct told_events){ .events = ARENA_ARRAY(ctx->arena, struct event_out, 2 * n) };
    if (!facts_of(ctx, told, source, received_us, &facts))
        return false;
    for (struct json_iter it = json_iter(batch); json_next(&it);)
        if (!add_told(ctx, member(it.value, "type"), it.value, &facts, out))
            return ctx_fail(ctx, ERR_INVALID, "batch/%zu", it.index);
    return true;
}
