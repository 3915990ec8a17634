#include "services/analytics/collect.h"

#include "base/clock.h"
#include "base/tests/check.h"
#include "services/analytics/idset.h"

#define RECEIVED 1767225600000000LL /* 2026-01-01T00:00:00Z */

static struct arena *arena;

static bool collect(const char *kind, const char *json, struct told_events *out, struct str *why)
{
    struct ctx ctx = { .arena = arena };
    const struct json *told = json_parse(&ctx, str_of(json));
    REQUIRE(told);
    bool ok = strcmp(kind, "batch") == 0
                  ? collect_batch(&ctx, told, STR("shop"), RECEIVED, out)
                  : collect_one(&ctx, kind, told, STR("shop"), RECEIVED, out);
    *why = ctx.error.detail;
    return ok;
}

static const struct event_recorded *recorded(const struct told_events *events, size_t i)
{
    return events->events[i].data;
}

static void test_track(void)
{
    struct told_events events, again;
    struct str why;
    REQUIRE(
        collect("track",
                "{\"messageId\":\"m1\",\"userId\":\"u\",\"anonymousId\":\"a\",\"event\":\"Bought\","
                "\"properties\":{\"x\":1},\"timestamp\":\"2025-12-31T23:00:00Z\","
                "\"sentAt\":\"2025-12-31T23:59:50Z\"}",
                &events, &why));
    CHECK_INT(events.n, 1);
    CHECK_STR(recorded(&events, 0)->person_id, "u");
    CHECK_STR(recorded(&events, 0)->name, "Bought");
    /* the sender's clock is 10 s behind */
    CHECK_INT(recorded(&events, 0)->occurred_at, RECEIVED - 3600 * US_PER_S + 10 * US_PER_S);
    REQUIRE(collect("track", "{\"messageId\":\"m1\",\"userId\":\"u\",\"event\":\"Bought\"}", &again,
                    &why));
    CHECK(str_eq(events.events[0].id, again.events[0].id)); /* the same message is the same event */
    CHECK_INT(recorded(&again, 0)->occurred_at, RECEIVED);
    REQUIRE(collect(
        "track",
        "{\"messageId\":\"m1\",\"userId\":\"u\",\"event\":\"B\",\"timestamp\":\"2030-01-01T00:00:00Z\"}",
        &again, &why));
    CHECK_INT(recorded(&again, 0)->occurred_at,
              RECEIVED); /* nothing occurs after it was received */
}

static void test_identify_splits(void)
{
    struct told_events events;
    struct str why;
    REQUIRE(collect(
        "identify",
        "{\"messageId\":\"m2\",\"anonymousId\":\"a\",\"traits\":{\"email\":\"x@example.com\"}}",
        &events, &why));
    REQUIRE(events.n == 2);
    CHECK(events.events[0].type == &ANALYTICS_EVENT_RECORDED_V1_TYPE &&
          !recorded(&events, 0)->properties);
    CHECK(events.events[1].type == &ANALYTICS_TRAITS_TOLD_V1_TYPE);
    CHECK(!str_eq(events.events[0].id, events.events[1].id));
    REQUIRE(collect("identify", "{\"userId\":\"u\"}", &events, &why));
    CHECK_INT(events.n, 1);
}

static void test_batches(void)
{
    struct told_events events;
    struct str why;
    REQUIRE(collect(
        "batch",
        "{\"batch\":[{\"type\":\"page\",\"anonymousId\":\"a\"},{\"type\":\"alias\",\"previousId\":\"a\","
        "\"userId\":\"u\"},{\"type\":\"group\",\"userId\":\"u\",\"groupId\":\"g\"},"
        "{\"type\":\"screen\",\"anonymousId\":\"a\",\"name\":\"s\"}]}",
        &events, &why));
    CHECK_INT(events.n, 4);
    CHECK(!collect("batch",
                   "{\"batch\":[{\"type\":\"page\",\"anonymousId\":\"a\"},{\"type\":\"dance\"}]}",
                   &events, &why));
    CHECK(str_starts(why, STR("batch/1: type is one of")));
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    json_key(&out, "batch");
    json_array(&out);
    for (int i = 0; i <= COLLECT_MOST_EVENTS; i++)
        json_put_raw(&out, STR("{\"type\":\"page\",\"anonymousId\":\"a\"}"));
    json_array_end(&out);
    json_object_end(&out);
    CHECK(!collect("batch", json_out_str(&out).ptr, &events, &why));
}

static void test_refused(void)
{
    static const struct {
        const char *kind, *json, *why;
    } cases[] = {
        { "track", "{\"userId\":\"u\"}", "event, the name" },
        { "track", "{\"event\":\"e\"}", "userId or anonymousId" },
        { "track", "{\"event\":7,\"userId\":\"u\"}", "event must be a text" },
        { "track", "{\"event\":\"e\",\"userId\":\"u\",\"properties\":[]}",
          "properties must be an object" },
        { "track", "{\"event\":\"e\",\"userId\":\"u\",\"timestamp\":\"soon\"}",
          "timestamp must be" },
        { "track", "{\"event\":\"e\",\"userId\":\"u\",\"sentAt\":1}", "sentAt must be a text" },
        { "identify", "{\"userId\":\"u\",\"traits\":7}", "traits must be an object" },
        { "group", "{\"userId\":\"u\"}", "groupId is needed" },
        { "alias", "{\"userId\":\"u\"}", "previousId is needed" },
        { "batch", "{\"batch\":[]}", "batch, an array" },
        { "batch", "{\"batch\":[7]}", "batch/0: an event is an object" },
        { "batch", "{}", "batch, an array" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct told_events events;
        struct str why;
        CHECK(!collect(cases[i].kind, cases[i].json, &events, &why));
        if (!CHECK(strstr(why.ptr, cases[i].why)))
            fprintf(stderr, "%s: %s\n", cases[i].json, why.ptr);
    }
    char *big = arena_alloc(arena, 40000), *json = arena_alloc(arena, 41000);
    memset(big, 'x', 39999);
    snprintf(json, 41000, "{\"event\":\"e\",\"userId\":\"u\",\"properties\":{\"a\":\"%s\"}}", big);
    struct told_events events;
    struct str why;
    CHECK(!collect("track", json, &events, &why));
}

static void test_idset(void)
{
    struct idset *set = idset_new();
    for (uint64_t i = 1; i <= 100000; i++)
        CHECK(idset_add(set, idset_hash((struct str){ (char *)&i, sizeof(i) })));
    for (uint64_t i = 1; i <= 100000; i++)
        CHECK(!idset_add(set, idset_hash((struct str){ (char *)&i, sizeof(i) })));
    uint64_t one = 5, hash = idset_hash((struct str){ (char *)&one, sizeof(one) });
    idset_remove(set, hash);
    CHECK(idset_add(set, hash) && !idset_add(set, hash));
    idset_free(set);
}

int main(void)
{
    arena = arena_new(0);
    test_track();
    test_identify_splits();
    test_batches();
    test_refused();
    test_idset();
    arena_free(arena);
    return check_end();
}
