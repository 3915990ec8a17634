/* Products on each engine: variants, tags, prices, stock, and what is refused of them. */
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/commerce/commerce.h"
#include "commerce_contract.h"

#define CHAIR(members)                                                                             \
    "{\"name\":\"Chair\",\"price\":{\"amount\":1999,\"currency\":\"USD\"}" members "}"
#define VARIANTS                                                                                   \
    ",\"variants\":[{\"sku\":\"C-RED\",\"options\":[{\"name\":\"colour\",\"value\":\"red\"}]},{\"sku\":\"C-BLUE\"}]"
#define PRICE(amount, currency) "{\"price\":{\"amount\":" amount ",\"currency\":\"" currency "\"}"

static struct reply put(struct test_service *test, const char *id, const char *headers,
                        const char *body)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/products/%s", id);
    return test_call(test, "PUT", target.ptr, "products:write", headers, body);
}

static struct reply get(struct test_service *test, const char *target)
{
    return test_call(test, "GET", target, "products:read", NULL, NULL);
}

static struct reply stock(struct test_service *test, const char *id, const char *body)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/products/%s/stock", id);
    return test_call(test, "POST", target.ptr, "products:write", NULL, body);
}

/* Status and the place of the mistake: "422 /price/currency". */
static const char *refusal(struct test_service *test, struct reply reply)
{
    struct str pointer = json_str(json_pointer(test_json(test, reply), STR("/errors/0/pointer")));
    return arena_printf(test_ctx(test)->arena, "%d " STR_FMT, reply.status, STR_ARG(pointer)).ptr;
}

static int64_t number(struct test_service *test, struct reply reply, const char *pointer)
{
    return json_int(json_pointer(test_json(test, reply), str_of(pointer)));
}

static void test_mistakes_are_named(struct test_service *test)
{
    static const struct {
        const char *body, *refusal;
    } cases[] = {
        { "{\"name\":\"X\",\"price\":{\"amount\":1,\"currency\":\"QQQ\"}}", "422 /price/currency" },
        { "{\"name\":\"X\",\"price\":{\"amount\":-1,\"currency\":\"USD\"}}", "422 /price/amount" },
        { CHAIR(",\"prices\":[" PRICE("1", "EUR") "}," PRICE("1", "QQQ") "}]"),
          "422 /prices/1/price/currency" },
        { CHAIR(",\"prices\":[" PRICE("1", "EUR") ",\"sku\":\"NONE\"}]"), "422 /prices/0/sku" },
        { CHAIR(",\"prices\":[" PRICE("1", "EUR") ",\"valid_from\":\"2026-01-02T00:00:00Z\","
                                                  "\"valid_until\":\"2026-01-02T00:00:00Z\"}]"),
          "422 /prices/0/valid_until" },
        { CHAIR(",\"cost\":{\"amount\":1,\"currency\":\"EUR\"}"), "422 /cost/currency" },
        { CHAIR(",\"variants\":[{\"sku\":\"A\"},{\"sku\":\"A\"}]"), "422 /variants/1/sku" },
        { CHAIR(",\"variants\":["
                "{\"sku\":\"A\",\"price\":{\"amount\":1,\"currency\":\"QQQ\"}}]"),
          "422 /variants/0/price/currency" },
        { CHAIR(",\"status\":\"archived\",\"active\":true"), "422 /active" },
        { CHAIR(",\"status\":\"gone\""), "422 /status" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_STR(str_of(refusal(test, put(test, "prd_x", NULL, cases[i].body))), cases[i].refusal);
    CHECK_INT(get(test, "/v1/products/prd_x").status, 404);
    CHECK_INT(test_published(test, &COMMERCE_PRODUCT_UPSERTED_V1_TYPE), 0);
}

static void test_two_writers(struct test_service *test)
{
    CHECK_INT(put(test, "prd_chair", "If-Match: *", CHAIR("")).status, 412);
    CHECK_INT(put(test, "prd_chair", "If-None-Match: *", CHAIR("")).status, 200);
    CHECK_INT(put(test, "prd_chair", "If-None-Match: *", CHAIR("")).status, 412);
    CHECK_INT(number(test, put(test, "prd_chair", "If-Match: \"1\"", CHAIR(VARIANTS)), "/version"),
              2);
    CHECK_INT(put(test, "prd_chair", "If-Match: \"1\"", CHAIR("")).status, 412);
    CHECK_INT(number(test, put(test, "prd_chair", NULL, CHAIR(VARIANTS)), "/version"), 2);
    CHECK_STR(
        str_of(refusal(test, put(test, "prd_other", NULL,
                                 CHAIR(",\"variants\":[{\"sku\":\"C-1\"},{\"sku\":\"C-RED\"}]")))),
        "409 /variants/1/sku");
    CHECK_INT(get(test, "/v1/products/prd_other").status, 404);
    const struct json *told = test_published_data(test, &COMMERCE_PRODUCT_UPSERTED_V1_TYPE, 1);
    CHECK_STR(json_str(json_pointer(told, STR("/variants/0/options/0/value"))), "red");
    CHECK_STR(json_str(json_get(told, "status")), "active");
    CHECK(!json_get(told, "cost") && !json_get(told, "margin"));
}

static int64_t listed(struct test_service *test, const char *query)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/products?%s", query);
    return (int64_t)json_size(json_get(test_json(test, get(test, target.ptr)), "items"));
}

static void test_lists(struct test_service *test)
{
    put(test, "prd_l1", NULL, CHAIR(",\"category\":\"L\",\"tags\":[\"sale\",\"sale\",\"new\"]"));
    put(test, "prd_l2", NULL, CHAIR(",\"category\":\"L\",\"tags\":[\"sale\"],\"active\":false"));
    put(test, "prd_l3", NULL,
        CHAIR(",\"category\":\"M\",\"tags\":[\"sale\"],\"status\":\"archived\""));
    static const struct {
        const char *query;
        int64_t n;
    } cases[] = {
        { "category=L", 2 },
        { "tag=sale", 3 },
        { "tag=new", 1 },
        { "tag=none", 0 },
        { "tag=sale&category=L", 2 },
        { "tag=sale&status=draft", 1 },
        { "tag=sale&status=archived", 1 },
        { "category=L&status=active", 1 },
        { "category=L&tag=sale&status=active", 1 },
        { "status=archived", 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK_INT(listed(test, cases[i].query), cases[i].n);
    struct reply page = get(test, "/v1/products?tag=sale&limit=2");
    struct str next =
        arena_printf(test_ctx(test)->arena, "tag=sale&limit=2&cursor=" STR_FMT,
                     STR_ARG(json_str(json_get(test_json(test, page), "next_cursor"))));
    CHECK_INT(listed(test, next.ptr), 1);
    put(test, "prd_l1", NULL, CHAIR(",\"tags\":[\"new\"]"));
    CHECK_INT(listed(test, "tag=sale"), 2);
    CHECK_INT(get(test, "/v1/products?status=gone").status, 422);
}

static void test_stock(struct test_service *test)
{
    CHECK_STR(str_of(refusal(test, stock(test, "prd_chair", "{\"available\":5}"))), "422 /sku");
    CHECK_STR(str_of(refusal(test, stock(test, "prd_chair", "{\"sku\":\"NO\",\"available\":5}"))),
              "422 /sku");
    CHECK_STR(str_of(refusal(test, stock(test, "prd_chair", "{\"sku\":\"C-RED\"}"))),
              "422 /available");
    CHECK_STR(str_of(refusal(test, stock(test, "prd_chair",
                                         "{\"sku\":\"C-RED\",\"available\":5,\"change\":1}"))),
              "422 /available");
    CHECK_INT(stock(test, "prd_none", "{\"available\":5}").status, 404);
    CHECK_INT(
        number(test, stock(test, "prd_chair", "{\"sku\":\"C-RED\",\"available\":5}"), "/available"),
        5);
    CHECK_INT(
        number(test, stock(test, "prd_chair", "{\"sku\":\"C-RED\",\"change\":-5}"), "/available"),
        0);
    CHECK_STR(str_of(refusal(test, stock(test, "prd_chair", "{\"sku\":\"C-RED\",\"change\":-1}"))),
              "409 /change");
    CHECK_INT(
        number(test,
               stock(test, "prd_chair", "{\"sku\":\"C-BLUE\",\"change\":-2,\"backorder\":true}"),
               "/available"),
        -2);
    struct reply chair = get(test, "/v1/products/prd_chair");
    CHECK_INT(json_size(json_get(test_json(test, chair), "stock")), 2);
    CHECK_INT(number(test, put(test, "prd_chair", NULL, CHAIR(VARIANTS)), "/stock/0/available"),
              -2);
}

static bool by_an_older_version(struct ctx *ctx, void *argument)
{
    (void)argument;
    return sql_exec(ctx, NULL,
                    "UPDATE products SET name = 'Stool', active = $1, version = version + 1"
                    " WHERE product_id = 'prd_chair'",
                    sql_bool(false)) &&
           sql_exec(
               ctx, NULL,
               "INSERT INTO products (product_id, name, price, currency, active, version, updated_us)"
               " VALUES ('prd_plain', 'Plain', 5, 'USD', $1, 1, 1)",
               sql_bool(true));
}

static void test_what_an_older_version_wrote(struct test_service *test)
{
    CHECK(test_write(test, by_an_older_version, NULL));
    struct reply chair = get(test, "/v1/products/prd_chair");
    CHECK_STR(json_str(json_get(test_json(test, chair), "name")), "Stool");
    CHECK_STR(json_str(json_get(test_json(test, chair), "status")), "draft");
    CHECK_INT(json_size(json_get(test_json(test, chair), "variants")), 2);
    CHECK_INT(number(test,
                     put(test, "prd_plain", NULL,
                         "{\"name\":\"Plain\",\"price\":{\"amount\":5,\"currency\":\"USD\"}}"),
                     "/version"),
              1); /* the same: no version */
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&commerce_service, url, NULL);
    test_mistakes_are_named(test);
    test_two_writers(test);
    test_lists(test);
    test_stock(test);
    test_what_an_older_version_wrote(test);
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
