#include "platform/events/tests/fixture.h"

/* CloudEvents in and out, and what is not one. */

static struct ctx ctx;

static struct record record(struct record_header *headers, size_t n, const char *key,
                            const char *value)
{
    return (struct record){
        .topic = STR("t"),
        .partition = 1,
        .offset = 7,
        .time_us = 5 * US_PER_S,
        .headers = headers,
        .n_headers = n,
        .key = str_of(key),
        .value = str_of(value),
    };
}

static void test_binary(void)
{
    struct record_header headers[] = {
        { STR("ce_specversion"), STR("1.0") },
        { STR("ce_id"), STR("i-1") },
        { STR("ce_type"), STR("a.b.v1") },
        { STR("ce_source"), STR("/x") },
        { STR("ce_subject"), STR("s") },
        { STR("ce_time"), STR("2026-01-31T12:00:00Z") },
        { STR("ce_unheard"), STR("of") },
        { STR("ce_traceparent"), STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01") },
        { STR("content-type"), STR("application/json") },
    };
    struct event event;
    struct record r = record(headers, COUNT(headers), "k", "{\"a\":1}");
    REQUIRE(event_decode(&ctx, &r, &event));
    CHECK_STR(event.id, "i-1");
    CHECK_STR(event.type, "a.b.v1");
    CHECK_STR(event.source, "/x");
    CHECK_STR(event.subject, "s");
    CHECK_STR(event.key, "k");
    CHECK_STR(event.data, "{\"a\":1}");
    CHECK_INT(event.offset, 7);
    CHECK_INT(event.trace.trace_id[0], 0x0a);
    int64_t noon;
    REQUIRE(clock_parse(STR("2026-01-31T12:00:00Z"), false, &noon));
    CHECK_INT(event.time_us, noon);
}

static void test_structured(void)
{
    struct record_header headers[] = { { STR("content-type"),
                                         STR("application/cloudevents+json; charset=UTF-8") } };
    struct event event;
    struct record r =
        record(headers, 1, NULL,
               "{\"specversion\":\"1.0\",\"id\":\"i\",\"type\":\"t.v1\",\"source\":\"/s\","
               "\"partitionkey\":\"p\",\"data\":{\"b\":[1,2]}}");
    REQUIRE(event_decode(&ctx, &r, &event));
    CHECK_STR(event.id, "i");
    CHECK_STR(event.key, "p");
    CHECK_STR(event.data, "{\"b\":[1,2]}");
    CHECK_INT(event.time_us, 5 * US_PER_S); /* the record's, when the event has none */
    r = record(
        headers, 1, NULL,
        "{\"specversion\":\"1.0\",\"id\":\"i\",\"type\":\"t.v1\",\"source\":\"/s\",\"data_base64\":\"e30=\"}");
    REQUIRE(event_decode(&ctx, &r, &event));
    CHECK_STR(event.data, "{}");
    r = record(headers, 1, NULL, "{\"specversion\":");
    CHECK(!event_decode(&ctx, &r, &event));
    ctx_clear(&ctx);
}

/* Found by fuzzing: the whole envelope, or nothing, passed for the data. */
static void test_structured_without_data(void)
{
    struct record_header headers[] = { { STR("content-type"),
                                         STR("application/cloudevents+json") } };
    struct event event;
    struct record r =
        record(headers, 1, "k", "{\"specversion\":\"1.0\",\"id\":\"i\",\"type\":\"t.v1\"}");
    REQUIRE(event_decode(&ctx, &r, &event));
    CHECK_STR(event.type, "t.v1");
    CHECK(!event.data.ptr);
    r = record(
        headers, 1, "k",
        "{\"specversion\":\"1.0\",\"id\":\"i\",\"type\":\"t.v1\",\"data_base64\":\"e+30=\"}");
    CHECK(!event_decode(&ctx, &r, &event));
    CHECK_STR(ctx.error.detail, "data_base64 is not base64");
    CHECK_STR(event.id, "i");
    ctx_clear(&ctx);
}

static void test_tombstone(void)
{
    struct event event;
    struct record r = record(NULL, 0, "k", NULL);
    CHECK(event_decode(&ctx, &r, &event));
    CHECK(!event.type.ptr);
}

static void refused(struct record_header *headers, size_t n, const char *why)
{
    struct event event;
    struct record r = record(headers, n, "k", "{}");
    CHECK(!event_decode(&ctx, &r, &event));
    CHECK_STR(ctx.error.detail, why);
    ctx_clear(&ctx);
}

static void test_no_event(void)
{
    refused(NULL, 0, "the record is not a CloudEvent: it has no attributes");
    struct record_header version[] = { { STR("ce_specversion"), STR("0.3") },
                                       { STR("ce_type"), STR("t") } };
    refused(version, 2, "specversion is not 1.0");
    struct record_header id[] = { { STR("ce_specversion"), STR("1.0") },
                                  { STR("ce_type"), STR("t") } };
    refused(id, 2, "the event has no id");
    struct record_header type[] = { { STR("ce_specversion"), STR("1.0") },
                                    { STR("ce_id"), STR("t") } };
    refused(type, 2, "the event has no type");
    struct record_header bad[] = { { STR("ce_specversion"), STR("1.0") },
                                   { STR("ce_id"), STR("a\xff") },
                                   { STR("ce_type"), STR("t") } };
    refused(bad, 3, "the event has no id"); /* bytes that are no text are no attribute */
}

static void check_header(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    const void *at = NULL;
    size_t bytes = 0;
    if (rd_kafka_header_get_last(headers, name, &at, &bytes))
        CHECK(!value);
    else
        CHECK(value && bytes == strlen(value) && memcmp(at, value, bytes) == 0);
}

static void test_headers(void)
{
    struct event_record record = {
        .id = STR("i"),
        .type = STR("t.v1"),
        .topic = STR("t"),
        .subject = STR("s"),
        .key = STR("k"),
        .time_us = 1500 * US_PER_MS,
        .data = STR("{}"),
    };
    rd_kafka_headers_t *headers = event_headers(&record, STR("/fanfare/test"));
    check_header(headers, "ce_specversion", "1.0");
    check_header(headers, "ce_id", "i");
    check_header(headers, "ce_type", "t.v1");
    check_header(headers, "ce_source", "/fanfare/test");
    check_header(headers, "ce_subject", "s");
    check_header(headers, "ce_partitionkey", "k");
    check_header(headers, "ce_time", "1970-01-01T00:00:01.500Z");
    check_header(headers, "ce_traceparent", NULL);
    check_header(headers, "content-type", "application/json");
    rd_kafka_headers_destroy(headers);
}

int main(void)
{
    ctx.arena = arena_new(0);
    test_binary();
    test_structured();
    test_structured_without_data();
    test_tombstone();
    test_no_event();
    test_headers();
    arena_free(ctx.arena);
    return check_end();
}
