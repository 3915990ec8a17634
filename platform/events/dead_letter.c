#include "platform/crypto/crypto.h"
#include "platform/events/events_internal.h"

static void put_text(struct json_out *out, const char *key, struct str text)
{
    if (!text.ptr)
        return;
    json_key(out, key);
    json_put_str(out, text);
}

static void put_int(struct json_out *out, const char *key, int64_t value)
{
    json_key(out, key);
    json_put_int(out, value);
}

static bool is_traced(const struct trace_context *trace)
{
    static const struct trace_context none;
    return memcmp(trace->trace_id, none.trace_id, sizeof none.trace_id) != 0;
}

static struct str traceparent_of(struct ctx *ctx, const struct trace_context *trace)
{
    char text[TRACEPARENT_BYTES];
    if (!is_traced(trace))
        return (struct str){ 0 };
    trace_format(trace, text);
    return arena_str(ctx->arena, str_of(text));
}

/* "00-<trace id>-...": the id. */
static struct str id_of_trace(struct ctx *ctx, const struct trace_context *trace)
{
    struct str text = traceparent_of(ctx, trace);
    return text.ptr ? arena_str(ctx->arena, (struct str){ text.ptr + 3, 32 }) : text;
}

static struct str letter_data(struct ctx *ctx, const struct parked *why)
{
    const struct event *event = why->event;
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    put_text(&out, "consumer", why->consumer);
    put_text(&out, "log", why->log);
    put_text(&out, "topic", event->topic);
    put_int(&out, "partition", event->partition);
    put_int(&out, "offset", event->offset);
    put_text(&out, "id", event->id);
    put_text(&out, "type", event->type);
    put_text(&out, "key", event->key);
    put_text(&out, "code", str_of(error_name(why->code)));
    put_text(&out, "detail", why->detail);
    put_text(&out, "trace_id", id_of_trace(ctx, &why->trace));
    put_text(&out, "event_trace_id", id_of_trace(ctx, &event->trace));
    json_key(&out, "rejected_at");
    json_put_time(&out, clock_now_us());
    json_object_end(&out);
    return json_out_str(&out);
}

void dead_letter_make(struct ctx *ctx, const char *service, const struct parked *why,
                      struct event_record *out)
{
    const struct event *event = why->event;
    struct str place = arena_printf(
        ctx->arena, STR_FMT "@" STR_FMT "/" STR_FMT "/%d/%lld", STR_ARG(why->consumer),
        STR_ARG(why->log), STR_ARG(event->topic), event->partition, (long long)event->offset);
    char id[ID_UUID_BYTES];
    struct str type = arena_printf(ctx->arena, DEAD_LETTER_TYPE, service);
    crypto_derive_id(place, type, 0, id);
    *out = (struct event_record){
        .id = arena_str(ctx->arena, str_of(id)),
        .type = type,
        .topic = arena_printf(ctx->arena, DEAD_LETTERS_TOPIC, service),
        .subject = event->id,
        .key = event->key.len ? event->key : place,
        .time_us = clock_now_us(),
        .traceparent = traceparent_of(ctx, &why->trace),
        .data = letter_data(ctx, why),
    };
}
