#include "platform/crypto/crypto.h"
#include "platform/events/events_internal.h"

/* CloudEvents 1.0.2, Kafka protocol binding 1.0.2. Attributes that this stack reads; others are let pass. */
enum attribute {
    ATTRIBUTE_SPECVERSION,
    ATTRIBUTE_ID,
    ATTRIBUTE_TYPE,
    ATTRIBUTE_SOURCE,
    ATTRIBUTE_SUBJECT,
    ATTRIBUTE_TIME,
    ATTRIBUTE_PARTITIONKEY,
    ATTRIBUTE_TRACEPARENT,
    N_ATTRIBUTES,
};

static const char *const attribute_names[N_ATTRIBUTES] = {
    [ATTRIBUTE_SPECVERSION] = "specversion",
    [ATTRIBUTE_ID] = "id",
    [ATTRIBUTE_TYPE] = "type",
    [ATTRIBUTE_SOURCE] = "source",
    [ATTRIBUTE_SUBJECT] = "subject",
    [ATTRIBUTE_TIME] = "time",
    [ATTRIBUTE_PARTITIONKEY] = "partitionkey",
    [ATTRIBUTE_TRACEPARENT] = "traceparent",
};

struct envelope {
    struct str attributes[N_ATTRIBUTES];
    struct str content_type;
};

struct record record_of_message(struct arena *arena, const rd_kafka_message_t *message)
{
    struct record record = {
        .topic = str_of(rd_kafka_topic_name(message->rkt)),
        .partition = message->partition,
        .offset = message->offset,
        .key = { message->key, message->key_len },
        .value = { message->payload, message->len },
    };
    rd_kafka_timestamp_type_t kind;
    int64_t ms = rd_kafka_message_timestamp(message, &kind);
    record.time_us = kind == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? 0 : ms * US_PER_MS;
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return record;
    record.headers = ARENA_ARRAY(arena, struct record_header, rd_kafka_header_cnt(headers));
    const char *name;
    const void *value;
    size_t bytes;
    while (rd_kafka_header_get_all(headers, record.n_headers, &name, &value, &bytes) ==
           RD_KAFKA_RESP_ERR_NO_ERROR)
        record.headers[record.n_headers++] =
            (struct record_header){ str_of(name), { value, value ? bytes : 0 } };
    return record;
}

/* A copy in the arena of what is text; anything else (bad UTF-8, NUL) is taken as absent: no database holds it. */
static struct str text_of(struct ctx *ctx, struct str bytes)
{
    if (!bytes.ptr || memchr(bytes.ptr, 0, bytes.len) || !str_is_utf8(bytes))
        return (struct str){ 0 };
    return arena_str(ctx->arena, bytes);
}

static void read_headers(struct ctx *ctx, const struct record *record, struct envelope *out)
{
    for (size_t i = 0; i < record->n_headers; i++) {
        struct str name = record->headers[i].name, value = record->headers[i].value;
        if (str_eq_nocase(name, STR("content-type")))
            out->content_type = value;
        struct str attribute = name;
        if (str_starts(name, STR("ce_")))
            attribute = (struct str){ name.ptr + 3, name.len - 3 };
        else if (!str_is(name, "traceparent")) /* as tracing libraries for Kafka write it */
            continue;
        for (int j = 0; j < N_ATTRIBUTES; j++)
            if (str_is(attribute, attribute_names[j]) && !out->attributes[j].ptr)
                out->attributes[j] = text_of(ctx, value);
    }
}

/* Structured mode: the value is the whole event, which may have no data. */
static bool read_structured(struct ctx *ctx, const struct record *record, struct envelope *out,
                            struct str *data)
{
    const struct json *document = json_parse(ctx, record->value);
    if (!document)
        return ctx_fail(ctx, ERR_MALFORMED, "the structured event cannot be read");
    for (int i = 0; i < N_ATTRIBUTES; i++) {
        struct str text = json_str(json_get(document, attribute_names[i]));
        if (text.ptr)
            out->attributes[i] = text_of(ctx, text);
    }
    const struct json *value = json_get(document, "data"),
                      *coded = json_get(document, "data_base64");
    *data = value ? json_text(ctx->arena, value)
            : coded ? crypto_unbase64(ctx->arena, json_str(coded))
                    : (struct str){ 0 };
    if (coded && !value && !data->ptr)
        return ctx_fail(ctx, ERR_MALFORMED, "data_base64 is not base64");
    return true;
}

static void use_envelope(const struct envelope *envelope, const struct record *record,
                         struct ctx *ctx, struct event *out)
{
    const struct str *a = envelope->attributes;
    out->id = a[ATTRIBUTE_ID];
    out->type = a[ATTRIBUTE_TYPE];
    out->source = a[ATTRIBUTE_SOURCE];
    out->subject = a[ATTRIBUTE_SUBJECT];
    out->key = text_of(ctx, record->key);
    if (!out->key.ptr)
        out->key = a[ATTRIBUTE_PARTITIONKEY].ptr ? a[ATTRIBUTE_PARTITIONKEY] : a[ATTRIBUTE_SUBJECT];
    out->time_us = record->time_us;
    if (a[ATTRIBUTE_TIME].ptr)
        clock_parse(a[ATTRIBUTE_TIME], false, &out->time_us);
    if (a[ATTRIBUTE_TRACEPARENT].ptr)
        trace_parse(a[ATTRIBUTE_TRACEPARENT], &out->trace);
}

/* No id or type is no event, whatever the value is. */
static bool check_envelope(struct ctx *ctx, const struct envelope *envelope)
{
    const struct str *a = envelope->attributes;
    if (!a[ATTRIBUTE_SPECVERSION].ptr && !a[ATTRIBUTE_TYPE].ptr)
        return ctx_fail(ctx, ERR_INVALID, "the record is not a CloudEvent: it has no attributes");
    if (!str_starts(a[ATTRIBUTE_SPECVERSION], STR("1.")))
        return ctx_fail(ctx, ERR_INVALID, "specversion is not 1.0");
    if (!a[ATTRIBUTE_ID].len)
        return ctx_fail(ctx, ERR_INVALID, "the event has no id");
    if (!a[ATTRIBUTE_TYPE].len)
        return ctx_fail(ctx, ERR_INVALID, "the event has no type");
    return true;
}

bool event_decode(struct ctx *ctx, const struct record *record, struct event *out)
{
    struct envelope envelope = { 0 };
    *out = (struct event){
        .topic = arena_str(ctx->arena, record->topic),
        .partition = record->partition,
        .offset = record->offset,
    };
    read_headers(ctx, record, &envelope);
    if (!record->value.ptr) {
        use_envelope(&envelope, record, ctx, out);
        out->type = (struct str){ 0 };
        return true;
    }
    struct str data = record->value;
    bool read = true;
    if (str_starts(envelope.content_type, STR("application/cloudevents+json")))
        read = read_structured(ctx, record, &envelope, &data);
    use_envelope(&envelope, record, ctx, out);
    out->data = data;
    return read && check_envelope(ctx, &envelope);
}

static void add_header(rd_kafka_headers_t *headers, const char *name, struct str value)
{
    if (value.ptr)
        rd_kafka_header_add(headers, name, -1, value.ptr, (ssize_t)value.len);
}

rd_kafka_headers_t *event_headers(const struct event_record *record, struct str source)
{
    char time[CLOCK_TEXT_BYTES];
    struct str time_text = { time, clock_format(record->time_us, time) };
    rd_kafka_headers_t *headers = rd_kafka_headers_new(10);
    add_header(headers, "ce_specversion", STR("1.0"));
    add_header(headers, "ce_id", record->id);
    add_header(headers, "ce_type", record->type);
    add_header(headers, "ce_source", source);
    add_header(headers, "ce_subject", record->subject);
    add_header(headers, "ce_time", time_text);
    add_header(headers, "ce_partitionkey", record->key);
    add_header(headers, "ce_traceparent", record->traceparent);
    if (record->data.ptr)
        add_header(headers, "content-type", STR("application/json"));
    return headers;
}
