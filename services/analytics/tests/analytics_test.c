/* The room as a whole, without a log: events into the warehouse, questions through the router. */
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/analytics/analytics.h"
#include "services/analytics/reactions.h"
#include "analytics_contract.h"

static void event(struct test_service *test, const struct event_type *type, const char *id,
                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str data = arena_vprintf(test_ctx(test)->arena, format, args);
    va_end(args);
    CHECK_INT(test_event(test, type, id, data.ptr), DONE);
}

static void order(struct test_service *test, const char *id, const char *customer, int cents)
{
    event(
        test, &COMMERCE_ORDER_PLACED_V1_TYPE, id,
        "{\"order_id\":\"ord_%s\",\"customer_id\":\"%s\",\"placed_at\":\"2026-11-01T00:00:00Z\","
        "\"total\":{\"amount\":%d,\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,"
        "\"amount\":{\"amount\":%d,\"currency\":\"USD\"}}]}",
        id, customer, cents, cents);
}

static void track(struct test_service *test, const char *id, const char *person, const char *name,
                  const char *at)
{
    event(
        test, &ANALYTICS_EVENT_RECORDED_V1_TYPE, id,
        "{\"message_id\":\"%s\",\"kind\":\"track\",\"name\":\"%s\",\"person_id\":\"%s\",\"source\":\"shop\","
        "\"occurred_at\":\"%s\",\"received_at\":\"%s\"}",
        id, name, person, at, at);
}

static const struct json *ask(struct test_service *test, const char *target)
{
    struct reply reply = test_call(test, "GET", target, "reports:read", NULL, NULL);
    CHECK_INT(reply.status, 200);
    return test_json(test, reply);
}

static int64_t at(const struct json *json, const char *pointer)
{
    return json_int(json_pointer(json, str_of(pointer)));
}

static void test_revenue(struct test_service *test)
{
    order(test, "o1", "prf_a", 1000);
    order(test, "o1", "prf_a", 1000); /* twice: once in effect */
    order(test, "o2", "prf_b", 500);
    event(
        test, &COMMERCE_ORDER_REFUNDED_V1_TYPE, "r1",
        "{\"order_id\":\"ord_o1\",\"refund_id\":\"rfd_1\",\"customer_id\":\"prf_a\","
        "\"refund\":{\"amount\":200,\"currency\":\"USD\"},\"refunded_total\":{\"amount\":200,\"currency\":\"USD\"},"
        "\"refunded_at\":\"2026-11-02T00:00:00Z\"}");
    event(
        test, &COMMERCE_ORDER_CHANGED_V1_TYPE, "c1",
        "{\"order_id\":\"ord_o1\",\"customer_id\":\"prf_a\",\"change\":1,\"placed_at\":\"2026-11-01T00:00:00Z\","
        "\"changed_at\":\"2026-11-02T00:00:00Z\",\"total\":{\"amount\":1300,\"currency\":\"USD\"},"
        "\"total_before\":{\"amount\":1000,\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,"
        "\"amount\":{\"amount\":1300,\"currency\":\"USD\"}}]}");
    const struct json *json = ask(test, "/v1/reports/revenue");
    CHECK_INT(at(json, "/items/0/orders"), 2);
    CHECK_INT(at(json, "/items/0/revenue"), 1800);
    CHECK_INT(at(json, "/items/0/refunded"), 200);
    CHECK_INT(
        json_size(json_get(ask(test, "/v1/reports/revenue?from=2026-11-03T00:00:00Z"), "items")),
        0);
}

static void test_counts(struct test_service *test)
{
    track(test, "e1", "vis_1", "Product Viewed", "2026-11-01T10:00:00Z");
    track(test, "e2", "vis_1", "Product Viewed", "2026-11-01T11:00:00Z");
    track(test, "e3", "vis_2", "Product Viewed", "2026-11-02T10:00:00Z");
    track(test, "e4", "vis_1", "Product Added", "2026-11-01T12:00:00Z");
    track(test, "e5", "vis_1", "Bought", "2026-11-01T13:00:00Z");
    track(test, "e6", "vis_2", "Bought", "2026-11-02T09:00:00Z"); /* before its view */
    const struct json *json = ask(test, "/v1/reports/events?name=Product%20Viewed");
    CHECK_INT(at(json, "/events"), 3);
    CHECK_INT(at(json, "/people"), 2);
    CHECK_INT(json_size(json_get(json, "items")), 2);
    CHECK_INT(at(json, "/items/0/events"), 2);
    CHECK_INT(json_size(json_get(ask(test, "/v1/reports/events?interval=hour"), "items")), 6);
    CHECK_INT(at(ask(test, "/v1/reports/events?name=x%27;DROP%20TABLE%20events"), "/events"), 0);
    CHECK_INT(test_call(test, "GET", "/v1/reports/events?interval=week", "reports:read", NULL, NULL)
                  .status,
              422);
}

static void test_funnel(struct test_service *test)
{
    struct reply reply = test_call(test, "POST", "/v1/reports/funnel", "reports:read", NULL,
                                   "{\"steps\":[\"Product Viewed\",\"Product Added\",\"Bought\"]}");
    REQUIRE(reply.status == 200);
    const struct json *json = test_json(test, reply);
    CHECK_INT(at(json, "/steps/0/people"), 2);
    CHECK_INT(at(json, "/steps/1/people"), 1);
    CHECK_INT(at(json, "/steps/2/people"), 1);
    reply = test_call(test, "POST", "/v1/reports/funnel", "reports:read", NULL,
                      "{\"steps\":[\"Product Viewed\",\"Bought\"],\"within_s\":60}");
    CHECK_INT(at(test_json(test, reply), "/steps/1/people"), 0);
    CHECK_INT(
        test_call(test, "POST", "/v1/reports/funnel", "reports:read", NULL, "{\"steps\":[\"a\"]}")
            .status,
        422);
}

static bool count_traits_taken_back(struct ctx *ctx, void *n)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows,
                 "SELECT count(*) FROM platform_outbox WHERE topic = 'fanfare.analytics.traits'"
                 " AND partition_key = 'prf_a' AND data IS NULL"))
        return false;
    *(int64_t *)n = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

static void test_pages_and_forgetting(struct test_service *test)
{
    event(
        test, &GATEWAY_PAGE_VIEWED_V1_TYPE, "v1",
        "{\"view_id\":\"viw_1\",\"person_id\":\"prf_a\",\"slug\":\"home\",\"defaults\":[\"commerce\"],"
        "\"viewed_at\":\"2026-11-01T00:00:00Z\"}");
    event(
        test, &GATEWAY_PAGE_VIEWED_V1_TYPE, "v2",
        "{\"view_id\":\"viw_2\",\"person_id\":\"prf_b\",\"slug\":\"home\",\"viewed_at\":\"2026-11-01T00:00:00Z\"}");
    event(
        test, &CRM_PROFILE_ERASED_V1_TYPE, "x1",
        "{\"profile_id\":\"prf_a\",\"request_id\":\"ers_1\",\"erased_at\":\"2026-11-02T00:00:00Z\"}");
    CHECK_INT(test_published(test, &CRM_ERASURE_DONE_V1_TYPE), 1);
    int64_t taken_back = 0;
    CHECK(test_read(test, count_traits_taken_back, &taken_back));
    CHECK_INT(taken_back, 1);
    const struct json *json = ask(test, "/v1/reports/pages");
    CHECK_INT(at(json, "/items/0/views"), 2);
    CHECK_INT(at(json, "/items/0/people"), 2);
    CHECK_INT(at(json, "/items/0/defaults"), 1);
    CHECK_INT(at(ask(test, "/v1/reports/revenue"), "/items/0/revenue"),
              1800); /* counted on, without the person */
}

/* ---- campaigns ---- */

static struct str tracking(struct test_service *test, const char *launch, const char *action,
                           const char *expires_at)
{
    event(
        test, &ANALYTICS_TRACKING_ASKED_V1_TYPE, NULL,
        "{\"command_id\":\"cmd_%s_%s\",\"campaign_id\":\"cmp_1\",\"launch_id\":\"%s\",\"action\":\"%s\","
        "\"expires_at\":\"%s\",\"name\":\"Spring\",\"goal\":{\"event\":\"Signed Up\",\"within_days\":2}}",
        launch, action, launch, action, expires_at);
    size_t n = test_published(test, &ANALYTICS_TRACKING_ANSWERED_V1_TYPE);
    REQUIRE(n > 0);
    const struct json *answer =
        test_published_data(test, &ANALYTICS_TRACKING_ANSWERED_V1_TYPE, n - 1);
    struct str reason = json_str(json_get(answer, "reason"));
    return arena_printf(test_ctx(test)->arena, STR_FMT " " STR_FMT "%s" STR_FMT,
                        STR_ARG(json_str(json_get(answer, "action"))),
                        STR_ARG(json_str(json_get(answer, "outcome"))), reason.len ? " " : "",
                        STR_ARG(reason));
}
#define LATER "2126-01-01T00:00:00Z"
#define PAST "2026-01-01T00:00:00Z"

static void mailed(struct test_service *test, const char *id, const char *person, const char *at)
{
    event(
        test, &EMAIL_MESSAGE_SENT_V1_TYPE, id,
        "{\"message_id\":\"msg_%s\",\"person_id\":\"%s\",\"kind\":\"bulk\",\"campaign_id\":\"cmp_1\","
        "\"sent_at\":\"%s\"}",
        id, person, at);
}

static void seen(struct test_service *test, const char *id, const char *person, const char *at)
{
    event(
        test, &ADS_IMPRESSION_RECORDED_V1_TYPE, id,
        "{\"impression_id\":\"imp_%s\",\"person_id\":\"%s\",\"ad_id\":\"ad_1\",\"placement_id\":\"plc_1\","
        "\"campaign_id\":\"cmp_1\",\"seen_at\":\"%s\"}",
        id, person, at);
}

static int64_t launches(struct test_service *test)
{
    return at(ask(test, "/v1/campaigns/cmp_1/results"), "/launches");
}

static void test_campaigns(struct test_service *test)
{
    CHECK_INT(launches(test), 0);
    CHECK_STR(tracking(test, "lch_1", "do", PAST), "do refused the command has expired");
    CHECK_INT(launches(test), 0);
    CHECK_STR(tracking(test, "lch_1", "do", LATER), "do done");
    CHECK_INT(at(ask(test, "/v1/campaigns/cmp_1/results"), "/reached"), 0);
    mailed(test, "m1", "prf_x", "2026-11-01T00:00:00Z");
    mailed(test, "m2", "prf_y", "2026-11-01T00:00:00Z");
    mailed(test, "m3", "prf_z", "2026-11-01T00:00:00Z");
    seen(test, "i1", "prf_x", "2026-11-05T00:00:00Z");
    seen(test, "i2", "prf_w", "2026-11-05T00:00:00Z");
    track(test, "g1", "prf_x", "Signed Up", "2026-11-06T00:00:00Z"); /* in time for the ad alone */
    track(test, "g2", "prf_y", "Signed Up", "2026-11-03T00:00:00Z"); /* the last moment */
    track(test, "g3", "prf_z", "Signed Up", "2026-10-31T00:00:00Z"); /* before */
    track(test, "g4", "prf_v", "Signed Up", "2026-11-02T00:00:00Z"); /* not reached */
    const struct json *json = ask(test, "/v1/campaigns/cmp_1/results");
    CHECK_INT(at(json, "/launches"), 1);
    CHECK_INT(at(json, "/goal/within_days"), 2);
    CHECK_INT(at(json, "/reached"), 4);
    CHECK_INT(at(json, "/converted"), 1); /* counted from the first time that one was reached */
    CHECK_STR(json_str(json_pointer(json, STR("/channels/0/channel"))), "ads");
    CHECK_INT(at(json, "/channels/0/reached"), 2);
    CHECK_INT(at(json, "/channels/0/converted"), 1);
    CHECK_INT(at(json, "/channels/1/reached"), 3);
    CHECK_INT(at(json, "/channels/1/converted"), 1);
    event(
        test, &CRM_PROFILE_ERASED_V1_TYPE, "x2",
        "{\"profile_id\":\"prf_y\",\"request_id\":\"ers_2\",\"erased_at\":\"2026-11-07T00:00:00Z\"}");
    json = ask(test, "/v1/campaigns/cmp_1/results");
    CHECK_INT(at(json, "/reached"), 3);
    CHECK_INT(at(json, "/converted"), 0);
}

static void test_tracking_ends(struct test_service *test)
{
    CHECK_STR(tracking(test, "lch_1", "do", PAST), "do done"); /* it stands: the same answer */
    CHECK_STR(tracking(test, "lch_2", "undo", PAST), "undo done"); /* before its do */
    CHECK_STR(tracking(test, "lch_2", "do", LATER), "do refused the launch is undone");
    test_reopen(test);
    CHECK_INT(launches(test), 1);
    CHECK_STR(tracking(test, "lch_1", "undo", PAST), "undo done");
    CHECK_STR(tracking(test, "lch_1", "undo", PAST), "undo done");
    CHECK_INT(launches(test), 0);
    CHECK_INT(at(ask(test, "/v1/campaigns/cmp_1/results"), "/reached"), 0);
}

static bool count_set_aside(struct ctx *ctx, void *n)
{
    struct sql_rows rows;
    if (!sql_one(ctx, &rows, "SELECT count(*) FROM platform_parked"))
        return false;
    *(int64_t *)n = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

/* What cannot be read is on the list, and later events of its key do not wait behind it. */
static void test_rejected_alone(struct test_service *test)
{
    int64_t n = -1;
    CHECK_INT(test_event(test, &GATEWAY_PAGE_VIEWED_V1_TYPE, "v3",
                         "{\"view_id\":7,\"person_id\":\"prf_b\"}"),
              REJECT);
    event(
        test, &GATEWAY_PAGE_VIEWED_V1_TYPE, "v4",
        "{\"view_id\":\"viw_4\",\"person_id\":\"prf_b\",\"slug\":\"home\",\"viewed_at\":\"2026-11-01T00:00:00Z\"}");
    CHECK_INT(at(ask(test, "/v1/reports/pages"), "/items/0/views"), 3);
    REQUIRE(test_read(test, count_set_aside, &n));
    CHECK_INT(n, 1);
}

static void test_collect_without_a_log(struct test_service *test)
{
    CHECK_INT(test_call(test, "POST", "/v1/track", NULL, NULL, "{\"event\":\"e\",\"userId\":\"u\"}")
                  .status,
              401);
    CHECK_INT(
        test_call(test, "POST", "/v1/track", NULL, NULL, "{\"event\":\"e\",\"writeKey\":\"wk_no\"}")
            .status,
        401);
}

int main(void)
{
    struct test_service *test = test_open(&analytics_service, NULL, NULL);
    test_revenue(test);
    test_counts(test);
    test_reopen(test); /* duplicates are known from the warehouse */
    order(test, "o1", "prf_a", 1000);
    CHECK_INT(at(ask(test, "/v1/reports/revenue"), "/items/0/orders"), 2);
    test_funnel(test);
    test_pages_and_forgetting(test);
    test_rejected_alone(test);
    test_campaigns(test);
    test_tracking_ends(test);
    test_collect_without_a_log(test);
    test_close(test);
    return check_end();
}
