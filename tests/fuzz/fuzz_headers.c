/* The headers, key and value of a record: what of it is an event goes out again as the same event, and its dead letter
 * can be read. The input: headers, each with its length and that of its value (255: null) in front, up to a name of no
 * length; then the key, with its length (255: null); the rest is the value. */
#include "base/macros.h"
#include "platform/events/events_internal.h"
#include "tests/fuzz/fuzz.h"

#define HEADERS_MOST 64
#define NO_VALUE 255

static struct str cut(struct str *rest, size_t n)
{
    n = MIN(n, rest->len);
    struct str part = { rest->ptr, n };
    *rest = (struct str){ rest->ptr + n, rest->len - n };
    return part;
}

static size_t cut_byte(struct str *rest)
{
    struct str byte = cut(rest, 1);
    return byte.len ? (uint8_t)*byte.ptr : 0;
}

static struct str cut_value(struct str *rest)
{
    size_t n = cut_byte(rest);
    return n == NO_VALUE ? (struct str){ 0 } : cut(rest, n);
}

/* Names are C strings where they come from. */
static struct record read_record(struct ctx *ctx, struct str rest)
{
    struct record record = { .topic = STR("t"), .partition = 1, .offset = 7, .time_us = 5 };
    record.headers = ARENA_ARRAY(ctx->arena, struct record_header, HEADERS_MOST);
    for (size_t n; record.n_headers < HEADERS_MOST && (n = cut_byte(&rest)) > 0;) {
        struct str name = str_of(arena_cstr(ctx->arena, cut(&rest, n)));
        record.headers[record.n_headers++] = (struct record_header){ name, cut_value(&rest) };
    }
    record.key = cut_value(&rest);
    record.value = rest.len ? rest : (struct str){ 0 };
    return record;
}

/* Out through librdkafka's headers, and in again. */
static void check_again(struct ctx *ctx, const struct event *event)
{
    char trace[TRACEPARENT_BYTES];
    trace_format(&event->trace, trace);
    struct event_record out = {
        .id = event->id,
        .type = event->type,
        .subject = event->subject,
        .key = event->key,
        .time_us = event->time_us,
        .traceparent = str_of(trace),
        .data = event->data,
    };
    rd_kafka_headers_t *headers = event_headers(&out, event->source);
    struct record record = { .topic = event->topic, .key = event->key, .value = event->data };
    record.headers = ARENA_ARRAY(ctx->arena, struct record_header, rd_kafka_header_cnt(headers));
    const char *name;
    const void *value;
    for (size_t n; !rd_kafka_header_get_all(headers, record.n_headers, &name, &value, &n);)
        record.headers[record.n_headers++] =
            (struct record_header){ str_of(name), { value, value ? n : 0 } };
    struct event again;
    MUST(event_decode(ctx, &record, &again));
    MUST(str_eq(again.id, event->id) && str_eq(again.type, event->type));
    MUST(str_eq(again.source, event->source) && str_eq(again.subject, event->subject));
    MUST(str_eq(again.key, event->key) && str_eq(again.data, event->data));
    MUST(again.time_us / US_PER_MS == event->time_us / US_PER_MS);
    MUST(memcmp(&again.trace, &event->trace, sizeof(again.trace)) == 0);
    rd_kafka_headers_destroy(headers);
}

/* Of any record, an event or not. */
static void check_dead_letter(struct ctx *ctx, const struct event *event, const struct error *error)
{
    struct parked why = { .state = "dead",
                          .consumer = STR("c"),
                          .log = STR("l/g"),
                          .event = event,
                          .code = error->code ? error->code : ERR_CONFLICT,
                          .detail = error->detail,
                          .trace = event->trace };
    struct event_record letter;
    dead_letter_make(ctx, "service", &why, &letter);
    struct ctx reading = { .arena = ctx->arena };
    const struct json *data = json_parse(&reading, letter.data);
    MUST(data && json_int(json_get(data, "offset")) == 7);
    MUST(str_eq(json_str(json_get(data, "id")), event->id) && letter.key.len && letter.id.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    struct record record = read_record(&ctx, (struct str){ (const char *)data, size });
    struct event event;
    bool read = event_decode(&ctx, &record, &event);
    MUST(read == !ctx_failed(&ctx));
    MUST(read || ctx.error.code == ERR_INVALID || ctx.error.code == ERR_MALFORMED);
    check_dead_letter(&ctx, &event, &ctx.error);
    if (read && event.type.ptr && event.data.ptr)
        check_again(&ctx, &event);
    return 0;
}
