/* Quotes on each engine: what a line says, from the database and from memory alike, and that memory never lags. */
#include "base/tests/check.h"
#include "platform/faults/faults.h"
#include "platform/service/testing.h"
#include "services/commerce/catalog.h"
#include "services/commerce/commerce.h"
#include "commerce_contract.h"

static void put(struct test_service *test, const char *id, const char *body)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/products/%s", id);
    REQUIRE(test_call(test, "PUT", target.ptr, "products:write", NULL, body).status == 200);
}

static void stock(struct test_service *test, const char *id, const char *body)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/products/%s/stock", id);
    REQUIRE(test_call(test, "POST", target.ptr, "products:write", NULL, body).status == 200);
}

static struct reply quote(struct test_service *test, const char *body)
{
    return test_call(test, "POST", "/v1/quotes", "quotes:read", NULL, body);
}

/* A line as "900 USD", "no_price", with " (out)" where none is there. */
static const char *line(struct test_service *test, struct reply reply, size_t i)
{
    const struct json *one = json_at(json_get(test_json(test, reply), "lines"), i);
    const struct json *in_stock = json_get(one, "in_stock");
    if (!json_bool(json_get(one, "available")))
        return json_str(json_get(one, "reason")).ptr;
    return arena_printf(test_ctx(test)->arena, "%lld " STR_FMT "%s",
                        (long long)json_int(json_pointer(one, STR("/amount/amount"))),
                        STR_ARG(json_str(json_pointer(one, STR("/amount/currency")))),
                        json_bool(in_stock) ? "" : " (out)")
        .ptr;
}

static void fill(struct test_service *test)
{
    put(test, "prd_a",
        "{\"name\":\"A\",\"price\":{\"amount\":1000,\"currency\":\"USD\"},"
        "\"variants\":[{\"sku\":\"A-S\",\"price\":{\"amount\":900,\"currency\":\"USD\"}},{\"sku\":\"A-L\"}],"
        "\"prices\":[{\"price\":{\"amount\":800,\"currency\":\"USD\"},\"customer_group\":\"vip\"},"
        "{\"price\":{\"amount\":950,\"currency\":\"EUR\"}}]}");
    put(test, "prd_b", "{\"name\":\"B\",\"price\":{\"amount\":5,\"currency\":\"JPY\"}}");
    put(test, "prd_off",
        "{\"name\":\"Off\",\"price\":{\"amount\":5,\"currency\":\"USD\"},\"status\":\"draft\"}");
}

static void test_what_lines_say(struct test_service *test)
{
    static const struct {
        const char *request, *lines[4];
    } cases[] = {
        { "{\"lines\":[{\"product_id\":\"prd_none\"},{\"product_id\":\"prd_a\",\"quantity\":2},"
          "{\"product_id\":\"prd_b\"},{\"product_id\":\"prd_off\"}]}",
          { "unknown_product", "2000 USD", "5 JPY", "not_sold" } },
        { "{\"lines\":[{\"product_id\":\"prd_a\",\"sku\":\"A-S\"},{\"product_id\":\"prd_a\",\"sku\":\"A-L\"},"
          "{\"product_id\":\"prd_a\",\"sku\":\"A-X\"},{\"product_id\":\"prd_b\",\"sku\":\"B\"}]}",
          { "900 USD", "1000 USD", "unknown_variant", "unknown_variant" } },
        { "{\"customer_group\":\"vip\",\"lines\":[{\"product_id\":\"prd_a\"},{\"product_id\":\"prd_a\",\"sku\":\"A-S\"},"
          "{\"product_id\":\"prd_a\",\"sku\":\"A-L\"},{\"product_id\":\"prd_b\"}]}",
          { "800 USD", "900 USD", "800 USD", "5 JPY" } },
        { "{\"currency\":\"EUR\",\"lines\":[{\"product_id\":\"prd_a\",\"quantity\":3},{\"product_id\":\"prd_b\"},"
          "{\"product_id\":\"prd_a\",\"sku\":\"A-S\"},{\"product_id\":\"prd_none\"}]}",
          { "2850 EUR", "no_price", "950 EUR", "unknown_product" } },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply first = quote(test, cases[i].request), again = quote(test, cases[i].request);
        CHECK_INT(first.status, 200);
        CHECK(str_eq(first.body, again.body)); /* the second comes from memory */
        for (size_t j = 0; j < 4; j++)
            CHECK_STR(str_of(line(test, first, j)), cases[i].lines[j]);
    }
    struct reply reply =
        quote(test, "{\"currency\":\"QQQ\",\"lines\":[{\"product_id\":\"prd_a\"}]}");
    CHECK_INT(reply.status, 422);
    CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/errors/0/pointer"))),
              "/currency");
}

/* While the database cannot be read. With PostgreSQL, one now and then is to ask for all what others did: not two in a
 * row. */
static int without_database(struct test_service *test, const char *body)
{
    faults_enable(true);
    REQUIRE(fault_set(test_ctx(test), STR("sql.read"), (struct str){ NULL, 0 }, FAULT_ERROR, 0,
                      1000, 0));
    int status = quote(test, body).status;
    if (status == 503)
        status = quote(test, body).status;
    faults_clear();
    return status;
}

static void test_from_memory(struct test_service *test)
{
    static const char *known =
        "{\"lines\":[{\"product_id\":\"prd_a\"},{\"product_id\":\"prd_none\"}]}";
    static const char *other =
        "{\"lines\":[{\"product_id\":\"prd_a\"},{\"product_id\":\"prd_x\"}]}";
    CHECK_INT(quote(test, known).status, 200);
    CHECK_INT(without_database(test, known), 200);
    CHECK_INT(without_database(test, other), 503);
    CHECK_INT(quote(test, other).status, 200);
    CHECK_INT(without_database(test, other), 200);
}

#define ONE "{\"lines\":[{\"product_id\":\"prd_a\",\"sku\":\"A-L\"}]}"

static void test_memory_never_lags(struct test_service *test)
{
    CHECK_STR(str_of(line(test, quote(test, ONE), 0)), "1000 USD");
    stock(test, "prd_a", "{\"sku\":\"A-L\",\"available\":0}");
    CHECK_STR(str_of(line(test, quote(test, ONE), 0)), "1000 USD (out)");
    stock(test, "prd_a", "{\"sku\":\"A-L\",\"available\":2}");
    CHECK_STR(str_of(line(test, quote(test, ONE), 0)), "1000 USD");
    stock(test, "prd_a", "{\"sku\":\"A-L\",\"change\":-2}");
    CHECK_STR(str_of(line(test, quote(test, ONE), 0)), "1000 USD (out)");
    stock(test, "prd_a", "{\"sku\":\"A-L\",\"backorder\":true}");
    CHECK_STR(str_of(line(test, quote(test, ONE), 0)), "1000 USD");
    CHECK_STR(str_of(line(test, quote(test, "{\"lines\":[{\"product_id\":\"prd_new\"}]}"), 0)),
              "unknown_product");
    put(test, "prd_new", "{\"name\":\"New\",\"price\":{\"amount\":7,\"currency\":\"USD\"}}");
    CHECK_STR(str_of(line(test, quote(test, "{\"lines\":[{\"product_id\":\"prd_new\"}]}"), 0)),
              "7 USD");
    for (int i = 1; i < 20; i++) {
        put(test, "prd_a",
            arena_printf(
                test_ctx(test)->arena,
                "{\"name\":\"A\",\"price\":{\"amount\":%d,\"currency\":\"USD\"},\"variants\":[{\"sku\":\"A-L\"}]}",
                i)
                .ptr);
        for (int again = 0; again < 2; again++)
            CHECK_STR(str_of(line(test, quote(test, ONE), 0)),
                      arena_printf(test_ctx(test)->arena, "%d USD", i).ptr);
    }
}

/* ---- the catalog alone ---- */

static void test_a_late_reader_spoils_nothing(void)
{
    struct catalog *catalog = catalog_new(1 << 20, false);
    struct offer offer = { .known = false };
    int64_t early = catalog_mark(catalog);
    catalog_doubt(catalog);
    catalog_meet(catalog, catalog_mark(catalog), 7);
    catalog_meet(catalog, early, 6);
    catalog_put(catalog, 6, STR("prd_a"), &offer);
    REQUIRE(catalog_enter(catalog));
    CHECK(!catalog_find(catalog, STR("prd_a")));
    catalog_leave(catalog);
    catalog_put(catalog, 7, STR("prd_a"), &offer);
    catalog_doubt(catalog);
    CHECK(!catalog_enter(catalog)); /* something was committed */
    catalog_meet(catalog, catalog_mark(catalog), 7); /* an order: offers are as they were */
    REQUIRE(catalog_enter(catalog));
    CHECK(catalog_find(catalog, STR("prd_a")) != NULL);
    catalog_leave(catalog);
    catalog_free(catalog);
}

static void test_memory_is_bounded(void)
{
    enum { MOST = 1 << 20, N = 50000 };
    struct arena *arena = arena_new(0);
    struct catalog *catalog = catalog_new(MOST, false);
    struct offer offer = { .known = false };
    catalog_meet(catalog, catalog_mark(catalog), 1);
    size_t there = 0;
    for (int i = 0; i < N; i++)
        catalog_put(catalog, 1, arena_printf(arena, "prd_%d", i), &offer);
    REQUIRE(catalog_enter(catalog));
    for (int i = 0; i < N; i++)
        there += catalog_find(catalog, arena_printf(arena, "prd_%d", i)) != NULL;
    CHECK(catalog_find(catalog, STR("prd_49999")) != NULL);
    CHECK(there < MOST / sizeof(struct offer));
    catalog_leave(catalog);
    catalog_free(catalog);
    arena_free(arena);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&commerce_service, url, NULL);
    fill(test);
    test_what_lines_say(test);
    test_from_memory(test);
    test_memory_never_lags(test);
    test_close(test);
}

int main(void)
{
    test_a_late_reader_spoils_nothing();
    test_memory_is_bounded();
    test_room(NULL);
    const char *postgresql = test_postgresql_url();
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
