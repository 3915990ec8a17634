/* The room as a whole, on each engine: requests through the router, events through the consumer's path. */
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/loyalty/loyalty.h"
#include "services/loyalty/reactions.h"
#include "loyalty_contract.h"

#define PLACED                                                                                     \
    "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_a\",\"placed_at\":\"2026-01-02T03:04:05Z\","    \
    "\"total\":{\"amount\":60096,\"currency\":\"USD\"},"                                           \
    "\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,\"amount\":{\"amount\":60096,\"currency\":\"USD\"}}]}"
#define REFUNDED                                                                                   \
    "{\"order_id\":\"ord_1\",\"refund_id\":\"rfd_1\",\"customer_id\":\"prf_a\","                   \
    "\"refund\":{\"amount\":20000,\"currency\":\"USD\"},\"refunded_total\":{\"amount\":20000,\"currency\":\"USD\"}," \
    "\"refunded_at\":\"2026-01-03T00:00:00Z\"}"
#define CANCELLED                                                                                  \
    "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_a\",\"total\":{\"amount\":60096,\"currency\":\"USD\"}," \
    "\"cancelled_at\":\"2026-01-04T00:00:00Z\"}"
#define ERASED                                                                                     \
    "{\"profile_id\":\"prf_a\",\"request_id\":\"ers_1\",\"erased_at\":\"2026-01-05T00:00:00Z\"}"

static int64_t points_of(struct test_service *test, const char *member)
{
    struct reply reply = test_call(test, "GET", "/v1/balances/prf_a", "loyalty:read", NULL, NULL);
    return reply.status == 200 ? json_int(json_get(test_json(test, reply), member)) : -reply.status;
}

static void test_an_order_earns_once(struct test_service *test)
{
    CHECK_INT(points_of(test, "points"), -404);
    CHECK_INT(test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, "e1", PLACED), DONE);
    CHECK_INT(test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, "e1", PLACED),
              DONE); /* the same event again */
    CHECK_INT(test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, "e2", PLACED),
              DONE); /* the same order, told anew */
    CHECK_INT(points_of(test, "points"), 600);
    CHECK_INT(test_published(test, &LOYALTY_POINTS_EARNED_V1_TYPE), 1);
    CHECK_INT(test_published(test, &LOYALTY_TIER_CHANGED_V1_TYPE), 1);
    const struct json *tier = test_published_data(test, &LOYALTY_TIER_CHANGED_V1_TYPE, 0);
    CHECK_STR(json_str(json_get(tier, "tier")), "silver");
    CHECK_STR(json_str(json_get(tier, "previous_tier")), "bronze");
}

/* What it earned for is another total now; the points follow. */
static void test_changes_move_the_difference(struct test_service *test)
{
    static const char more[] =
        "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_a\",\"change\":1,\"placed_at\":\"2026-11-01T00:00:00Z\","
        "\"changed_at\":\"2026-11-02T00:00:00Z\",\"total\":{\"amount\":70096,\"currency\":\"USD\"},"
        "\"total_before\":{\"amount\":60096,\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,"
        "\"amount\":{\"amount\":70096,\"currency\":\"USD\"}}]}";
    static const char as_before[] =
        "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_a\",\"change\":2,\"placed_at\":\"2026-11-01T00:00:00Z\","
        "\"changed_at\":\"2026-11-02T00:00:00Z\",\"total\":{\"amount\":60096,\"currency\":\"USD\"},"
        "\"total_before\":{\"amount\":70096,\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,"
        "\"amount\":{\"amount\":60096,\"currency\":\"USD\"}}]}";
    static const char unknown[] =
        "{\"order_id\":\"ord_none\",\"customer_id\":\"prf_a\",\"change\":1,\"placed_at\":\"2026-11-01T00:00:00Z\","
        "\"changed_at\":\"2026-11-02T00:00:00Z\",\"total\":{\"amount\":500,\"currency\":\"USD\"},"
        "\"total_before\":{\"amount\":1,\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,"
        "\"amount\":{\"amount\":500,\"currency\":\"USD\"}}]}";
    CHECK_INT(test_event(test, &COMMERCE_ORDER_CHANGED_V1_TYPE, "c1", more), DONE);
    CHECK_INT(points_of(test, "points"), 700);
    CHECK_INT(test_event(test, &COMMERCE_ORDER_CHANGED_V1_TYPE, "c2", as_before), DONE);
    CHECK_INT(test_event(test, &COMMERCE_ORDER_CHANGED_V1_TYPE, "c3", unknown), DONE);
    CHECK_INT(points_of(test, "points"), 600);
}

static void test_refunds_take_back_the_difference(struct test_service *test)
{
    CHECK_INT(test_event(test, &COMMERCE_ORDER_REFUNDED_V1_TYPE, "e3", REFUNDED), DONE);
    CHECK_INT(test_event(test, &COMMERCE_ORDER_REFUNDED_V1_TYPE, "e4", REFUNDED),
              DONE); /* cumulative: no effect */
    CHECK_INT(points_of(test, "points"), 400);
    CHECK_INT(test_published(test, &LOYALTY_TIER_CHANGED_V1_TYPE), 2); /* below 500: bronze again */
    CHECK_INT(test_event(test, &COMMERCE_ORDER_CANCELLED_V1_TYPE, "e5", CANCELLED), DONE);
    CHECK_INT(points_of(test, "points"), 0);
}

static void test_spending(struct test_service *test)
{
    CHECK_INT(test_call(test, "POST", "/v1/balances/prf_a/adjust", "loyalty:write", NULL,
                        "{\"points\":700,\"note\":\"goodwill\"}")
                  .status,
              200);
    CHECK_INT(test_call(test, "POST", "/v1/balances/prf_a/spend", "loyalty:write",
                        "Idempotency-Key: s1", "{\"points\":100}")
                  .status,
              200);
    CHECK_INT(test_call(test, "POST", "/v1/balances/prf_a/spend", "loyalty:write",
                        "Idempotency-Key: s1", "{\"points\":100}")
                  .status,
              200); /* the stored answer */
    CHECK_INT(points_of(test, "points"), 600);
    CHECK_INT(points_of(test, "lifetime_points"), 700);
    CHECK_INT(test_call(test, "POST", "/v1/balances/prf_a/spend", "loyalty:write",
                        "Idempotency-Key: s1", "{\"points\":101}")
                  .status,
              422);
    CHECK_INT(test_call(test, "POST", "/v1/balances/prf_a/spend", "loyalty:write", NULL,
                        "{\"points\":601}")
                  .status,
              409);
    CHECK_INT(test_call(test, "POST", "/v1/balances/prf_none/spend", "loyalty:write", NULL,
                        "{\"points\":1}")
                  .status,
              404);
    CHECK_INT(
        test_call(test, "POST", "/v1/balances/prf_a/spend", "loyalty:write", NULL, "{\"points\":0}")
            .status,
        422);
    CHECK_INT(points_of(test, "points"), 600);
    CHECK_INT(test_published(test, &LOYALTY_POINTS_SPENT_V1_TYPE), 1);
}

static void test_entries_in_pages(struct test_service *test)
{
    struct reply reply =
        test_call(test, "GET", "/v1/balances/prf_a/entries?limit=2", "loyalty:read", NULL, NULL);
    REQUIRE(reply.status == 200);
    size_t seen = json_size(json_get(test_json(test, reply), "items"));
    struct str cursor = json_str(json_get(test_json(test, reply), "next_cursor"));
    while (cursor.ptr) {
        struct str target = arena_printf(test_ctx(test)->arena,
                                         "/v1/balances/prf_a/entries?limit=2&cursor=" STR_FMT,
                                         STR_ARG(cursor));
        reply = test_call(test, "GET", target.ptr, "loyalty:read", NULL, NULL);
        REQUIRE(reply.status == 200);
        seen += json_size(json_get(test_json(test, reply), "items"));
        cursor = json_str(json_get(test_json(test, reply), "next_cursor"));
    }
    CHECK_INT(seen, 7); /* order, two changes, refund, cancellation, adjustment, spend */
    CHECK_INT(
        test_call(test, "GET", "/v1/balances/prf_a/entries?cursor=junk", "loyalty:read", NULL, NULL)
            .status,
        422);
    CHECK_INT(
        test_call(test, "GET", "/v1/balances/prf_a/entries?limit=201", "loyalty:read", NULL, NULL)
            .status,
        422);
}

static void test_erasing(struct test_service *test)
{
    CHECK_INT(test_event(test, &CRM_PROFILE_ERASED_V1_TYPE, "e6", ERASED), DONE);
    CHECK_INT(test_published(test, &CRM_ERASURE_DONE_V1_TYPE), 1);
    CHECK_INT(points_of(test, "points"), -404);
    CHECK_INT(test_event(test, &COMMERCE_ORDER_REFUNDED_V1_TYPE, "e7", REFUNDED),
              DONE); /* nothing to take back */
    CHECK_INT(points_of(test, "points"), -404);
    struct reply totals = test_call(test, "GET", "/v1/totals", "loyalty:read", NULL, NULL);
    CHECK_INT(json_int(json_get(test_json(test, totals), "customers")), 0);
}

static void test_bad_events(struct test_service *test)
{
    CHECK_INT(test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, "b1", "{\"order_id\":\"ord_9\"}"),
              REJECT);
    CHECK_INT(test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, "b2",
                         "{\"order_id\":7,\"customer_id\":\"prf_z\"}"),
              REJECT);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&loyalty_service, url, NULL);
    test_an_order_earns_once(test);
    test_changes_move_the_difference(test);
    test_refunds_take_back_the_difference(test);
    test_spending(test);
    test_entries_in_pages(test);
    test_reopen(test);
    CHECK_INT(points_of(test, "points"), 600);
    test_erasing(test);
    test_bad_events(test);
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
