/* Definitions of journeys, and the way through them, as the preview shows it. */
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/campaign/campaign.h"
#include "campaign_contract.h"

static struct reply preview(struct test_service *test, const char *definition, const char *rest)
{
    struct str body = arena_printf(
        test_ctx(test)->arena, "{\"person_id\":\"prf_a\",\"definition\":%s,%s}", definition, rest);
    return test_call(test, "POST", "/v1/journeys/preview", "campaigns:read", NULL, body.ptr);
}

/* "did node; did node ...", and after the last of a visit its reason. */
static struct str way(struct test_service *test, const char *definition, const char *rest)
{
    struct reply reply = preview(test, definition, rest);
    struct arena *arena = test_ctx(test)->arena;
    struct str told = STR("");
    const char *between = "";
    REQUIRE(reply.status == 200);
    for (struct json_iter it = json_iter(json_get(test_json(test, reply), "steps"));
         json_next(&it);) {
        const struct json *reason = json_get(it.value, "reason");
        told = arena_printf(arena, "%s%s%s %s%s%s", told.ptr, between,
                            json_str(json_get(it.value, "did")).ptr,
                            json_str(json_get(it.value, "node")).ptr, reason ? " " : "",
                            reason ? json_str(reason).ptr : "");
        between = "; ";
    }
    return told;
}

#define CART                                                                                       \
    "{\"name\":\"Cart\",\"entry\":{\"kind\":\"event\",\"event\":\"Cart Updated\",\"key\":\"cart_id\"},"   \
    "\"again\":{\"rule\":\"other_key\"},\"nodes\":["                                               \
    "{\"id\":\"w\",\"kind\":\"wait_until\",\"next\":\"e\",\"wait_until\":{\"event\":\"Order Completed\"," \
    "\"match\":\"cart_id\",\"seconds\":3600,\"otherwise\":\"s\"}},"                                \
    "{\"id\":\"s\",\"kind\":\"send\",\"next\":\"e\",\"send\":{\"template\":\"t\"}},"               \
    "{\"id\":\"e\",\"kind\":\"exit\"}]}"
#define EVENT(name, time, properties)                                                              \
    "{\"event\":\"" name "\",\"at\":\"2026-11-24T" time "Z\",\"properties\":" properties "}"

static void test_abandoned_cart(struct test_service *test)
{
    const char *sent = "entered w; arrived w; goes_on w; arrived s; sent s; arrived e; ended e end";
    const char *ordered = "entered w; arrived w; goes_on w; arrived e; ended e end";
    CHECK_STR(
        way(test, CART, "\"events\":[" EVENT("Cart Updated", "09:00:00", "{\"cart_id\":1}") "]"),
        sent);
    CHECK_STR(way(test, CART,
                  "\"events\":[" EVENT("Cart Updated", "09:00:00", "{\"cart_id\":1}") "," EVENT(
                      "Order Completed", "09:59:59", "{\"cart_id\":\"1\"}") "]"),
              ordered);
    CHECK_STR(way(test, CART,
                  "\"events\":[" EVENT("Cart Updated", "09:00:00", "{\"cart_id\":1}") "," EVENT(
                      "Order Completed", "09:59:59", "{\"cart_id\":2}") "]"),
              sent);
    CHECK_STR(way(test, CART,
                  "\"events\":[" EVENT("Cart Updated", "09:00:00", "{\"cart_id\":1}") "," EVENT(
                      "Order Completed", "10:00:00", "{\"cart_id\":1}") "]"),
              sent); /* the wait was over first */
    CHECK_STR(way(test, CART, "\"events\":[" EVENT("Cart Updated", "09:00:00", "{}") "]"), "");
}

#define HELLO(nodes, more)                                                                         \
    "{\"name\":\"x\",\"entry\":{\"kind\":\"event\",\"event\":\"E\"},\"nodes\":[" nodes "]" more "}"
#define EXIT "{\"id\":\"e\",\"kind\":\"exit\"}"
#define ONE "\"events\":[" EVENT("E", "09:00:00", "{\"n\":5}") "]"

static void test_ways(struct test_service *test)
{
    const char *condition = HELLO(
        "{\"id\":\"c\",\"kind\":\"condition\",\"next\":\"s\",\"condition\":{\"segment_id\":\"seg_a\","
        "\"otherwise\":\"e\"}},{\"id\":\"s\",\"kind\":\"send\",\"next\":\"e\",\"send\":{\"template\":\"t\"}}," EXIT,
        "");
    const char *expires = HELLO(
        "{\"id\":\"w\",\"kind\":\"wait_until\",\"next\":\"e\",\"wait_until\":{\"event\":\"F\",\"seconds\":60}}," EXIT,
        ",\"goals\":[{\"event\":\"G\"}],\"exits\":[{\"event\":\"X\",\"filter\":{\"==\":[{\"var\":\"n\"},1]}}]");
    CHECK_STR(way(test, condition, "\"segments\":[\"seg_a\"]," ONE),
              "entered c; arrived c; arrived s; sent s; arrived e; ended e end");
    CHECK_STR(way(test, condition, ONE), "entered c; arrived c; arrived e; ended e end");
    CHECK_STR(way(test, expires, ONE), "entered w; arrived w; ended w expired");
    CHECK_STR(way(test, expires,
                  "\"events\":[" EVENT("E", "09:00:00", "{}") "," EVENT("G", "09:00:01", "{}") "]"),
              "entered w; arrived w; ended w goal");
    CHECK_STR(way(test, expires,
                  "\"events\":[" EVENT("E", "09:00:00", "{}") "," EVENT(
                      "X", "09:00:01", "{\"n\":2}") "," EVENT("X", "09:00:02", "{\"n\":1}") "]"),
              "entered w; arrived w; ended w rule");
}

static void test_local_time(struct test_service *test)
{
    struct reply reply = preview(
        test,
        HELLO(
            "{\"id\":\"w\",\"kind\":\"wait\",\"next\":\"e\",\"wait\":{\"local_time\":\"09:00\"}}," EXIT,
            ""),
        "\"time_zone\":\"America/New_York\",\"events\":[" EVENT("E", "14:00:00", "{}") "]");
    REQUIRE(reply.status == 200);
    CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/steps/2/at"))),
              "2026-11-25T14:00:00Z"); /* 09:00 there is now: the next one is tomorrow's */
}

static void test_bad(struct test_service *test)
{
#define W(next, wait) "{\"id\":\"w\",\"kind\":\"wait\",\"next\":\"" next "\",\"wait\":" wait "}"
#define S(id, next)                                                                                \
    "{\"id\":\"" id "\",\"kind\":\"send\",\"next\":\"" next "\",\"send\":{\"template\":\"t\"}}"
    static const struct {
        const char *definition, *pointer;
    } cases[] = {
        { HELLO(S("a", "b") "," S("b", "a"), ""), "/definition/nodes/1" },
        { HELLO(S("a", "nowhere") "," EXIT, ""), "/definition/nodes/0/next" },
        { HELLO(S("a", "e") "," S("b", "e") "," EXIT, ""), "/definition/nodes/1" },
        { HELLO(S("a", "e") "," S("a", "e") "," EXIT, ""), "/definition/nodes/1/id" },
        { HELLO(W("e", "{\"seconds\":0}") "," EXIT, ""), "/definition/nodes/0/wait/seconds" },
        { HELLO(W("e", "{\"seconds\":63072000}") "," EXIT, ""),
          "/definition/nodes/0/wait/seconds" },
        { HELLO(W("e", "{}") "," EXIT, ""), "/definition/nodes/0/wait" },
        { HELLO("{\"id\":\"w\",\"kind\":\"wait\",\"next\":\"e\"}," EXIT, ""),
          "/definition/nodes/0/wait" },
        { HELLO(EXIT, ",\"time_zone\":\"Mars/Base\""), "/definition/time_zone" },
        { HELLO(EXIT, ",\"goals\":[{\"event\":\"G\",\"match\":\"id\"}]"),
          "/definition/goals/0/match" },
        { HELLO(EXIT, ",\"exits\":[{\"event\":\"G\",\"filter\":{\"grow\":[1]}}]"),
          "/definition/exits/0/filter" },
        { HELLO(EXIT, ",\"again\":{\"rule\":\"after\"}"), "/definition/again/days" },
        { HELLO(EXIT, ",\"again\":{\"rule\":\"other_key\"}"), "/definition/again/rule" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply reply = preview(test, cases[i].definition, ONE);
        CHECK_INT(reply.status, 422);
        CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/errors/0/pointer"))),
                  cases[i].pointer);
    }
    /* a way round with a wait is taken, but a preview has an end */
    CHECK_INT(preview(test, HELLO(W("w", "{\"seconds\":1}"), ""), ONE).status, 422);
}

int main(void)
{
    struct test_service *test = test_open(&campaign_service, NULL, NULL);
    test_abandoned_cart(test);
    test_ways(test);
    test_local_time(test);
    test_bad(test);
    test_close(test);
    return check_end();
}
