#include "platform/crypto/crypto.h"
#include "platform/events/events_internal.h"

/* The text of a member that names the subject or the key; ptr NULL when it is absent. */
static struct str member_text(struct ctx *ctx, const struct field *field, const void *data)
{
    const char *at = (const char *)data + field->offset;
    if (field->kind == FIELD_STR)
        return *(const struct str *)at;
    if (field->kind == FIELD_INT)
        return arena_printf(ctx->arena, "%lld", (long long)*(const int64_t *)at);
    return (struct str){ 0 };
}

/* In a reaction the id is made from the cause and who reacts, so that doing it again makes the same event, and what another
 * service answers to the same cause is another one. */
static struct str new_id(struct ctx *ctx, struct str type)
{
    char id[ID_UUID_BYTES];
    if (ctx->event) {
        struct event *cause =
            (struct event *)ctx->event; /* the consumer's own, which counts what it emits */
        struct str who_and_why = arena_printf(ctx->arena, STR_FMT "/" STR_FMT,
                                              STR_ARG(cause->reader), STR_ARG(cause->id));
        crypto_derive_id(who_and_why, type, cause->emitted++, id);
    } else {
        id_uuid7(id);
    }
    return arena_str(ctx->arena, str_of(id));
}

static struct str new_traceparent(struct ctx *ctx, struct str topic, struct str id)
{
    struct span *span = span_start(ctx, SPAN_PRODUCER,
                                   arena_printf(ctx->arena, "publish " STR_FMT, STR_ARG(topic)));
    span_str(span, "messaging.system", STR("kafka"));
    span_str(span, "messaging.operation.type", STR("send"));
    span_str(span, "messaging.destination.name", topic);
    span_str(span, "messaging.message.id", id);
    struct str text = { 0 };
    struct trace_context context;
    if (span_context(ctx, &context)) {
        char traceparent[TRACEPARENT_BYTES];
        trace_format(&context, traceparent);
        text = arena_str(ctx->arena, str_of(traceparent));
    }
    span_end(ctx, span);
    return text;
}

static void address(struct ctx *ctx, const struct event_type *type, int64_t time_us, struct str id,
                    struct event_record *record)
{
    record->type = str_of(type->type);
    record->topic = str_of(type->topic);
    record->time_us = time_us ? time_us : clock_now_us();
    record->id = id.ptr ? id : new_id(ctx, record->type);
    record->traceparent = new_traceparent(ctx, record->topic, record->id);
}

static bool make(struct ctx *ctx, const struct event_type *type, const struct event_out *event,
                 struct event_record *out)
{
    struct event_record record = { 0 };
    if (!contract_check(ctx, type->data, event->data))
        return ctx_fail(ctx, ERR_INTERNAL, "%s does not fit its schema", type->type);
    record.subject = type->subject ? member_text(ctx, type->subject, event->data)
                                   : (struct str){ 0 };
    record.key = type->key ? member_text(ctx, type->key, event->data) : record.subject;
    if (!record.key.len)
        return ctx_fail(ctx, ERR_INTERNAL, "%s has no key", type->type);
    record.data = contract_encode_text(ctx->arena, type->data, event->data);
    if (record.data.len > EVENT_MAX_BYTES)
        return ctx_fail(ctx, ERR_TOO_LARGE, "the event %s has %zu bytes, %d are the limit",
                        type->type, record.data.len, EVENT_MAX_BYTES);
    address(ctx, type, event->time_us, event->id, &record);
    *out = record;
    return true;
}

bool event_make(struct ctx *ctx, const struct event_type *type, const void *data, int64_t time_us,
                struct event_record *out)
{
    return make(ctx, type, &(struct event_out){ .data = data, .time_us = time_us }, out);
}

bool event_publish_at(struct ctx *ctx, const struct event_type *type, const void *data,
                      int64_t time_us)
{
    struct event_record record;
    return event_make(ctx, type, data, time_us, &record) && event_put(ctx, &record);
}

bool event_publish(struct ctx *ctx, const struct event_type *type, const void *data)
{
    return event_publish_at(ctx, type, data, 0);
}

bool event_publish_tombstone(struct ctx *ctx, const struct event_type *type, struct str key)
{
    if (type->keeping != KEEP_COMPACTED)
        return ctx_fail(ctx, ERR_INTERNAL, "a tombstone on %s, which is not compacted",
                        type->topic);
    struct event_record record = { .key = key, .subject = key };
    address(ctx, type, 0, (struct str){ 0 }, &record);
    return event_put(ctx, &record);
}

bool events_accepting(struct ctx *ctx, const struct events *events)
{
    int64_t bytes = atomic_load_explicit(&events->outbox_bytes, memory_order_relaxed);
    if (events->outbox_max_bytes && bytes > events->outbox_max_bytes)
        return ctx_fail_openly(ctx, ERR_UNAVAILABLE,
                               "the outbox is full: the event log has been away for too long");
    int64_t oldest = atomic_load_explicit(&events->outbox_oldest_us, memory_order_relaxed);
    if (events->outbox_max_age_us && oldest && clock_now_us() - oldest > events->outbox_max_age_us)
        return ctx_fail_openly(ctx, ERR_UNAVAILABLE,
                               "events wait in the outbox for too long: the event log is away");
    return true;
}

/* The records of a direct sending, in the arena. */
bool event_send(struct ctx *ctx, struct events *events, const struct event_out *out, size_t n)
{
    struct event_record *records = ARENA_ARRAY(ctx->arena, struct event_record, n);
    for (size_t i = 0; i < n; i++)
        if (!make(ctx, out[i].type, &out[i], &records[i]))
            return false;
    return sender_send(ctx, events->sender, records, n);
}
