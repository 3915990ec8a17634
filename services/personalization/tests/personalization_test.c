/* The room as a whole: events into LMDB, definitions in SQL on each engine, decisions through the router. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/personalization/personalization.h"
#include "services/personalization/reactions.h"
#include "personalization_contract.h"

#define HERO                                                                                       \
    "{\"slot\":\"hero\",\"name\":\"Hero\",\"priority\":10,\"variants\":["                          \
    "{\"variant\":\"vip\",\"rule\":{\">\":[{\"var\":\"spend_percentile\"},90]}},"                  \
    "{\"variant\":\"gold\",\"rule\":{\"==\":[{\"var\":\"tier\"},\"gold\"]}},"                      \
    "{\"variant\":\"viewer\",\"rule\":{\">=\":[{\"var\":\"events.Product Viewed.count_30d\"},2]}},"\
    "{\"variant\":\"consumer\",\"rule\":{\"==\":[{\"var\":\"traits.segment\"},\"Consumer\"]}},"    \
    "{\"variant\":\"mailable\",\"rule\":{\"var\":\"consent.marketing.email\"}},"                   \
    "{\"variant\":\"returning\",\"rule\":{\">\":[{\"var\":\"visits\"},0]}},"                       \
    "{\"variant\":\"mobile\",\"rule\":{\"==\":[{\"var\":\"context.device\"},\"phone\"]}}]}"

static const char *decide(struct test_service *test, const char *who, const char *more)
{
    struct str body = arena_printf(test_ctx(test)->arena, "{%s,\"slots\":[\"hero\"]%s}", who, more);
    struct reply reply = test_call(test, "POST", "/v1/decisions", "decisions:read", NULL, body.ptr);
    if (reply.status != 200)
        return "no answer";
    return json_str(json_pointer(test_json(test, reply), STR("/decisions/0/variant"))).ptr;
}

static bool decides(struct test_service *test, const char *who, const char *wanted)
{
    if (strcmp(decide(test, who, ""), wanted) == 0)
        return true;
    fprintf(stderr, "%s: %s, wanted %s\n", who, decide(test, who, ""), wanted);
    return false;
}

static void event(struct test_service *test, const struct event_type *type, const char *format,
                  const char *id, ...)
{
    va_list args;
    va_start(args, id);
    struct str data = arena_vprintf(test_ctx(test)->arena, format, args);
    va_end(args);
    CHECK_INT(test_event(test, type, id, data.ptr), DONE);
}

static void order(struct test_service *test, const char *id, const char *customer, int64_t amount)
{
    event(
        test, &COMMERCE_ORDER_PLACED_V1_TYPE,
        "{\"order_id\":\"ord_1\",\"customer_id\":\"%s\",\"placed_at\":\"2026-11-01T00:00:00Z\","
        "\"total\":{\"amount\":%lld,\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,"
        "\"amount\":{\"amount\":%lld,\"currency\":\"USD\"}}]}",
        id, customer, (long long)amount, (long long)amount);
}

static void test_experiences(struct test_service *test)
{
    CHECK_INT(
        test_call(test, "PUT", "/v1/experiences/exp_hero", "experiences:write", NULL, HERO).status,
        200);
    struct reply again =
        test_call(test, "PUT", "/v1/experiences/exp_hero", "experiences:write", NULL, HERO);
    CHECK_INT(json_int(json_get(test_json(test, again), "version")), 1);
    struct reply wrong =
        test_call(test, "PUT", "/v1/experiences/exp_x", "experiences:write", NULL,
                  "{\"slot\":\"s\",\"name\":\"n\",\"variants\":[{\"variant\":\"a\"},"
                  "{\"variant\":\"b\",\"rule\":{\"and\":[true,{\"nonsense\":[1]}]}}]}");
    CHECK_INT(wrong.status, 422);
    CHECK(str_starts(json_str(json_pointer(test_json(test, wrong), STR("/errors/0/pointer"))),
                     STR("/variants/1/rule")));
    CHECK_INT(
        test_call(
            test, "PUT", "/v1/experiences/exp_x", "experiences:write", NULL,
            "{\"slot\":\"s\",\"name\":\"n\",\"variants\":[{\"variant\":\"a\"},{\"variant\":\"a\"}]}")
            .status,
        422);
    CHECK_INT(
        test_call(test, "GET", "/v1/experiences/exp_none", "experiences:read", NULL, NULL).status,
        404);
    struct reply list =
        test_call(test, "GET", "/v1/experiences?slot=hero", "experiences:read", NULL, NULL);
    CHECK_INT(json_size(json_get(test_json(test, list), "items")), 1);
}

static void test_people(struct test_service *test)
{
    test_work(test, "definitions");
    CHECK(strcmp(decide(test, "\"visitor_id\":\"vis_1\"", ",\"context\":{\"device\":\"phone\"}"),
                 "mobile") == 0);
    CHECK(decides(test, "\"visitor_id\":\"vis_1\"", "default"));
    event(
        test, &GATEWAY_PAGE_VIEWED_V1_TYPE,
        "{\"view_id\":\"viw_1\",\"person_id\":\"vis_1\",\"slug\":\"home\",\"viewed_at\":\"2026-11-01T00:00:00Z\"}",
        "v1");
    CHECK(decides(test, "\"visitor_id\":\"vis_1\"", "returning"));
    event(test, &CRM_PROFILE_UPDATED_V1_TYPE,
          "{\"profile_id\":\"prf_a\",\"version\":1,\"traits\":{\"segment\":\"Consumer\"},"
          "\"updated_at\":\"2026-11-01T00:00:00Z\"}",
          "p1");
    CHECK(decides(test, "\"customer_id\":\"prf_a\"", "consumer"));
    event(
        test, &CRM_CONSENT_CHANGED_V1_TYPE,
        "{\"profile_id\":\"prf_m\",\"purpose\":\"marketing\",\"channel\":\"email\",\"state\":\"granted\","
        "\"changed_at\":\"2026-11-01T00:00:00Z\"}",
        "c1");
    CHECK(decides(test, "\"customer_id\":\"prf_m\"", "mailable"));
    event(test, &LOYALTY_TIER_CHANGED_V1_TYPE,
          "{\"customer_id\":\"prf_a\",\"tier\":\"gold\",\"previous_tier\":\"silver\","
          "\"changed_at\":\"2026-11-01T00:00:00Z\"}",
          "t1");
    CHECK(decides(test, "\"customer_id\":\"prf_a\"", "gold"));
}

static void test_behaviour(struct test_service *test)
{
    char now[CLOCK_TEXT_BYTES];
    clock_format(clock_now_us(), now);
    for (int i = 0; i < 2; i++) {
        struct str id = arena_printf(test_ctx(test)->arena, "b%d", i);
        event(
            test, &ANALYTICS_EVENT_RECORDED_V1_TYPE,
            "{\"message_id\":\"m\",\"kind\":\"track\",\"name\":\"Product Viewed\",\"person_id\":\"vis_2\","
            "\"source\":\"shop\",\"occurred_at\":\"%s\",\"received_at\":\"%s\"}",
            id.ptr, now, now);
        CHECK(strcmp(decide(test, "\"visitor_id\":\"vis_2\"", ""), i ? "viewer" : "default") == 0);
    }
}

static void test_top_spenders(struct test_service *test)
{
    for (int i = 1; i <= 20; i++) {
        struct arena *arena = test_ctx(test)->arena;
        order(test, arena_printf(arena, "o%d", i).ptr, arena_printf(arena, "prf_s%d", i).ptr,
              i * 1000);
    }
    CHECK(decides(test, "\"customer_id\":\"prf_s20\"", "vip"));
    CHECK(decides(test, "\"customer_id\":\"prf_s19\"", "vip"));
    CHECK(decides(test, "\"customer_id\":\"prf_s18\"", "default"));
    order(test, "o18", "prf_s18", 100000); /* the same event again: no effect */
    CHECK(decides(test, "\"customer_id\":\"prf_s18\"", "default"));
    order(test, "o99", "prf_s18", 100000);
    CHECK(decides(test, "\"customer_id\":\"prf_s18\"", "vip"));
    CHECK(decides(test, "\"customer_id\":\"prf_s19\"", "default"));
}

static void test_explain(struct test_service *test)
{
    struct reply reply =
        test_call(test, "GET", "/v1/people/prf_a/explain?slot=hero", "people:read", NULL, NULL);
    REQUIRE(reply.status == 200);
    const struct json *json = test_json(test, reply);
    CHECK_STR(json_str(json_get(json, "variant")), "gold");
    CHECK_INT(json_size(json_get(json, "steps")), 2); /* vip does not hold, gold does */
    CHECK_STR(json_str(json_pointer(json, STR("/steps/1/read/tier"))), "gold");
    reply = test_call(
        test, "GET", "/v1/people/vis_none/explain?slot=hero&context=%7B%22device%22:%22phone%22%7D",
        "people:read", NULL, NULL);
    CHECK_STR(json_str(json_get(test_json(test, reply), "variant")), "mobile");
    CHECK_INT(test_call(test, "GET", "/v1/people/vis_none/explain?slot=hero&context=phone",
                        "people:read", NULL, NULL)
                  .status,
              422);
    reply = test_call(test, "GET", "/v1/people/prf_s18/features", "people:read", NULL, NULL);
    CHECK_INT(json_int(json_pointer(test_json(test, reply), STR("/features/orders/count"))), 2);
    CHECK_INT(json_int(json_pointer(test_json(test, reply), STR("/features/orders/total"))),
              118000);
}

static void test_erasing(struct test_service *test)
{
    event(
        test, &CRM_PROFILE_ERASED_V1_TYPE,
        "{\"profile_id\":\"prf_s18\",\"request_id\":\"ers_1\",\"erased_at\":\"2026-11-02T00:00:00Z\"}",
        "x1");
    CHECK_INT(test_published(test, &CRM_ERASURE_DONE_V1_TYPE), 1);
    CHECK(decides(test, "\"customer_id\":\"prf_s18\"", "default"));
    CHECK(decides(test, "\"customer_id\":\"prf_s19\"", "vip")); /* its place is free */
    order(test, "o100", "prf_s18", 100000); /* what comes later is not taken */
    CHECK(decides(test, "\"customer_id\":\"prf_s18\"", "default"));
}

static int put(struct test_service *test, const char *headers, const char *more)
{
    struct str body = arena_printf(test_ctx(test)->arena,
                                   "{\"slot\":\"hero\",\"name\":\"Sale\",\"priority\":99,"
                                   "\"variants\":[{\"variant\":\"sale\"}]%s}",
                                   more);
    int status =
        test_call(test, "PUT", "/v1/experiences/exp_sale", "experiences:write", headers, body.ptr)
            .status;
    test_work(test, "definitions");
    return status;
}

static struct str status_of(struct test_service *test)
{
    struct reply reply =
        test_call(test, "GET", "/v1/experiences/exp_sale", "experiences:read", NULL, NULL);
    return json_str(json_get(test_json(test, reply), "status"));
}

/* Who is not active is not shown; what the version before says is understood. */
static void test_status(struct test_service *test)
{
    CHECK_INT(put(test, NULL, ",\"status\":\"draft\""), 200);
    CHECK(decides(test, "\"visitor_id\":\"vis_1\"", "returning"));
    CHECK_STR(status_of(test), "draft");
    CHECK_INT(put(test, "If-Match: \"1\"", ""), 200);
    CHECK(decides(test, "\"visitor_id\":\"vis_1\"", "sale"));
    CHECK_INT(put(test, "If-Match: \"1\"", ",\"status\":\"paused\""), 412);
    CHECK(decides(test, "\"visitor_id\":\"vis_1\"", "sale"));
    CHECK_INT(put(test, NULL, ",\"active\":false"), 200);
    CHECK_STR(status_of(test), "paused");
    CHECK(decides(test, "\"visitor_id\":\"vis_1\"", "returning"));
}

static void test_scheduled(struct test_service *test)
{
    int64_t at;
    REQUIRE(clock_parse(STR("2026-11-27T12:00:00Z"), false, &at)); /* a Friday */
    CHECK_INT(put(test, NULL,
                  ",\"schedule\":{\"to\":\"2026-12-01T00:00:00Z\",\"time_zone\":\"Europe/Berlin\","
                  "\"windows\":[{\"days\":[\"fri\"],\"from\":\"00:00\",\"to\":\"24:00\"}]}"),
              200);
    clock_hold_us(at);
    CHECK(decides(test, "\"visitor_id\":\"vis_1\"", "sale"));
    clock_hold_us(at + US_PER_DAY);
    CHECK(decides(test, "\"visitor_id\":\"vis_1\"", "returning"));
    struct reply reply =
        test_call(test, "GET", "/v1/people/vis_1/explain?slot=hero", "people:read", NULL, NULL);
    CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/steps/0/outcome"))), "not_now");
    CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/steps/1/outcome"))),
              "does_not_hold");
    clock_hold_us(at + 7 * US_PER_DAY); /* a Friday, when it is over */
    CHECK(decides(test, "\"visitor_id\":\"vis_1\"", "returning"));
    clock_hold_us(0);
    CHECK_INT(put(test, NULL, ",\"schedule\":{\"time_zone\":\"Mars/Olympus\"}"), 422);
    CHECK_INT(test_call(test, "DELETE", "/v1/experiences/exp_sale", "experiences:write",
                        "If-Match: \"1\"", NULL)
                  .status,
              412);
    CHECK_INT(test_call(test, "DELETE", "/v1/experiences/exp_sale", "experiences:write",
                        "If-Match: *", NULL)
                  .status,
              204);
    test_work(test, "definitions");
}

static void test_deleting(struct test_service *test)
{
    CHECK_INT(test_call(test, "DELETE", "/v1/experiences/exp_hero", "experiences:write", NULL, NULL)
                  .status,
              204);
    CHECK_INT(test_call(test, "DELETE", "/v1/experiences/exp_hero", "experiences:write", NULL, NULL)
                  .status,
              404);
    test_work(test, "definitions");
    CHECK(decides(test, "\"customer_id\":\"prf_a\"", "default"));
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&personalization_service, url, NULL);
    test_experiences(test);
    test_people(test);
    test_behaviour(test);
    test_top_spenders(test);
    test_explain(test);
    test_status(test);
    test_scheduled(test);
    test_reopen(test); /* percentiles are counted again from the projection */
    CHECK(decides(test, "\"customer_id\":\"prf_s18\"", "vip"));
    CHECK(decides(test, "\"customer_id\":\"prf_s19\"", "default"));
    test_erasing(test);
    test_deleting(test);
    test_close(test);
}

int main(void)
{
    test_room(NULL);
    const char *postgresql = test_postgresql_url();
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
