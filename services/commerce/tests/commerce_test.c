/* The room as a whole, on each engine. */
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/commerce/commerce.h"
#include "commerce_contract.h"

#define CHAIR                                                                                      \
    "{\"name\":\"Chair\",\"category\":\"Furniture\",\"price\":{\"amount\":1999,\"currency\":\"USD\"}}"
#define LAMP "{\"name\":\"Lamp\",\"price\":{\"amount\":500,\"currency\":\"EUR\"}}"
#define ORDER                                                                                      \
    "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_a\",\"lines\":[{\"product_id\":\"prd_chair\",\"quantity\":3}]}"
#define RECORD(amount)                                                                             \
    "{\"customer_id\":\"prf_a\",\"placed_at\":\"2026-01-02T03:04:05Z\",\"lines\":[{\"product_id\":\"prd_gone\"," \
    "\"quantity\":2,\"amount\":{\"amount\":" amount ",\"currency\":\"USD\"}}]}"

static struct reply put_product(struct test_service *test, const char *id, const char *body)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/products/%s", id);
    return test_call(test, "PUT", target.ptr, "products:write", NULL, body);
}

static struct reply place(struct test_service *test, const char *headers, const char *body)
{
    return test_call(test, "POST", "/v1/orders", "orders:write", headers, body);
}

static int64_t revenue(struct test_service *test, const char *member)
{
    struct reply reply = test_call(test, "GET", "/v1/revenue", "orders:read", NULL, NULL);
    return json_int(json_get(json_at(json_get(test_json(test, reply), "items"), 0), member));
}

static void test_products(struct test_service *test)
{
    CHECK_INT(put_product(test, "prd_chair", CHAIR).status, 200);
    CHECK_INT(put_product(test, "prd_chair", CHAIR).status,
              200); /* the same: no event, no version */
    struct reply reply = put_product(test, "prd_lamp", LAMP);
    CHECK_INT(json_int(json_get(test_json(test, reply), "version")), 1);
    CHECK_INT(test_published(test, &COMMERCE_PRODUCT_UPSERTED_V1_TYPE), 2);
    CHECK_INT(put_product(test, "prd_x",
                          "{\"name\":\"X\",\"price\":{\"amount\":-1,\"currency\":\"USD\"}}")
                  .status,
              422);
    CHECK_INT(
        put_product(test, "prd_x", "{\"name\":\"X\",\"price\":{\"amount\":1,\"currency\":\"QQQ\"}}")
            .status,
        422);
    CHECK_INT(put_product(test, "nope", CHAIR).status, 422);
    CHECK_INT(test_call(test, "GET", "/v1/products/prd_none", "products:read", NULL, NULL).status,
              404);
    reply = test_call(test, "GET", "/v1/products?limit=1", "products:read", NULL, NULL);
    CHECK(json_get(test_json(test, reply), "next_cursor") != NULL);
    reply = test_call(test, "GET", "/v1/products?category=Furniture", "products:read", NULL, NULL);
    CHECK_INT(json_size(json_get(test_json(test, reply), "items")), 1);
}

static void test_quotes(struct test_service *test)
{
    struct reply reply = test_call(
        test, "POST", "/v1/quotes", "quotes:read", NULL,
        "{\"lines\":[{\"product_id\":\"prd_none\"},{\"product_id\":\"prd_chair\",\"quantity\":2}]}");
    REQUIRE(reply.status == 200);
    const struct json *lines = json_get(test_json(test, reply), "lines");
    CHECK(!json_bool(json_get(json_at(lines, 0), "available")));
    CHECK_INT(json_int(json_pointer(lines, STR("/1/amount/amount"))), 3998);
}

static void test_the_same_order_is_one_order(struct test_service *test)
{
    struct reply first = place(test, "Idempotency-Key: k1", ORDER);
    CHECK_INT(first.status, 201);
    struct reply again = place(test, "Idempotency-Key: k1", ORDER);
    CHECK(again.status == 201 && str_eq(first.body, again.body));
    CHECK_INT(place(test, NULL, ORDER).status, 201); /* without a key: by its id */
    CHECK_INT(place(test, "Idempotency-Key: k2", ORDER).status, 201);
    CHECK_INT(test_published(test, &COMMERCE_ORDER_PLACED_V1_TYPE), 1);
    CHECK_INT(revenue(test, "orders"), 1);
    CHECK_INT(revenue(test, "revenue"), 5997);
    CHECK_INT(
        place(
            test, NULL,
            "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_b\",\"lines\":[{\"product_id\":\"prd_chair\",\"quantity\":3}]}")
            .status,
        409);
    CHECK_INT(
        place(
            test, "Idempotency-Key: k1",
            "{\"customer_id\":\"prf_b\",\"lines\":[{\"product_id\":\"prd_chair\",\"quantity\":3}]}")
            .status,
        422);
}

static void test_orders_that_cannot_be(struct test_service *test)
{
    CHECK_INT(
        place(
            test, NULL,
            "{\"customer_id\":\"prf_a\",\"lines\":[{\"product_id\":\"prd_none\",\"quantity\":1}]}")
            .status,
        422);
    CHECK_INT(
        place(test, NULL,
              "{\"customer_id\":\"prf_a\",\"lines\":[{\"product_id\":\"prd_chair\",\"quantity\":1},"
              "{\"product_id\":\"prd_lamp\",\"quantity\":1}]}")
            .status,
        422); /* two currencies */
    CHECK_INT(place(test, NULL, "{\"customer_id\":\"prf_a\",\"lines\":[]}").status, 422);
    CHECK_INT(
        place(
            test, NULL,
            "{\"customer_id\":\"prf_a\",\"lines\":[{\"product_id\":\"prd_chair\",\"quantity\":\"1\"}]}")
            .status,
        422);
    CHECK_INT(place(test, NULL, "{\"customer_id\":\"prf_a\"").status, 400);
    CHECK_INT(revenue(test, "orders"), 1);
}

static void test_recording(struct test_service *test)
{
    CHECK_INT(
        test_call(test, "PUT", "/v1/orders/ord_2", "orders:import", NULL, RECORD("1234")).status,
        200);
    CHECK_INT(
        test_call(test, "PUT", "/v1/orders/ord_2", "orders:import", NULL, RECORD("1234")).status,
        200);
    CHECK_INT(
        test_call(test, "PUT", "/v1/orders/ord_2", "orders:import", NULL, RECORD("1235")).status,
        409);
    CHECK_INT(
        test_call(test, "PUT", "/v1/orders/ord_3", "orders:import", NULL, RECORD("-1")).status,
        422);
    CHECK_INT(test_call(test, "PUT", "/v1/orders/ord_3", "orders:write", NULL, RECORD("1")).status,
              403);
    CHECK_INT(revenue(test, "revenue"), 5997 + 1234);
    struct reply reply =
        test_call(test, "GET", "/v1/orders?customer_id=prf_a&limit=1", "orders:read", NULL, NULL);
    CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/items/0/order_id"))), "ord_1");
    struct str next =
        arena_printf(test_ctx(test)->arena, "/v1/orders?customer_id=prf_a&limit=1&cursor=" STR_FMT,
                     STR_ARG(json_str(json_get(test_json(test, reply), "next_cursor"))));
    reply = test_call(test, "GET", next.ptr, "orders:read", NULL, NULL);
    CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/items/0/order_id"))), "ord_2");
    CHECK(!json_get(test_json(test, reply), "next_cursor"));
}

static void test_paying_back(struct test_service *test)
{
    static const char *part = "{\"amount\":{\"amount\":997,\"currency\":\"USD\"}}";
    static const char *rest = "{\"amount\":{\"amount\":5000,\"currency\":\"USD\"}}";
    CHECK_INT(
        test_call(test, "POST", "/v1/orders/ord_1/refunds", "orders:write", NULL, part).status,
        409); /* not paid yet */
    CHECK_INT(test_call(test, "POST", "/v1/orders/ord_1/transitions", "orders:write", NULL,
                        "{\"to\":\"paid\"}")
                  .status,
              200);
    CHECK_INT(
        test_call(test, "POST", "/v1/orders/ord_1/refunds", "orders:write", NULL, part).status,
        200);
    CHECK_INT(test_call(test, "POST", "/v1/orders/ord_1/cancel", "orders:write", NULL, "{}").status,
              409);
    CHECK_INT(test_call(test, "POST", "/v1/orders/ord_1/refunds", "orders:write", NULL,
                        "{\"amount\":{\"amount\":5001,\"currency\":\"USD\"}}")
                  .status,
              409);
    CHECK_INT(test_call(test, "POST", "/v1/orders/ord_1/refunds", "orders:write", NULL,
                        "{\"amount\":{\"amount\":1,\"currency\":\"EUR\"}}")
                  .status,
              422);
    struct reply reply =
        test_call(test, "POST", "/v1/orders/ord_1/refunds", "orders:write", NULL, rest);
    CHECK_STR(json_str(json_get(test_json(test, reply), "state")), "refunded");
    CHECK_INT(test_published(test, &COMMERCE_ORDER_REFUNDED_V1_TYPE), 2);
    CHECK_INT(test_call(test, "POST", "/v1/orders/ord_2/cancel", "orders:write", NULL, "{}").status,
              200);
    CHECK_INT(test_call(test, "POST", "/v1/orders/ord_2/cancel", "orders:write", NULL, "{}").status,
              200);
    CHECK_INT(test_published(test, &COMMERCE_ORDER_CANCELLED_V1_TYPE), 1);
    CHECK_INT(
        test_call(test, "POST", "/v1/orders/ord_2/refunds", "orders:write", NULL, part).status,
        409);
    CHECK_INT(
        test_call(test, "POST", "/v1/orders/ord_none/cancel", "orders:write", NULL, "{}").status,
        404);
    CHECK_INT(revenue(test, "refunded"), 5997 + 1234);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&commerce_service, url, NULL);
    test_products(test);
    test_quotes(test);
    test_the_same_order_is_one_order(test);
    test_orders_that_cannot_be(test);
    test_recording(test);
    test_paying_back(test);
    test_reopen(test);
    CHECK_INT(revenue(test, "revenue"), 5997 + 1234);
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
