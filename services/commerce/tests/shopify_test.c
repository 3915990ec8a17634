/* Shopify's webhooks on each engine: signatures, amounts, any order of arrival, and bodies bent at random. */
#include "services/commerce/tests/shop.h"

/* ---- who says so ---- */

static void test_signatures(struct test_service *test)
{
    struct str body = str_of(order_body(test, 10, ""));
    struct str right = signature(test, secret, body);
    CHECK_INT(deliver_signed(test, SHOP, "orders/create", "s1", right, body).status, 404);
    CHECK_INT(put_secret(test, SHOP, secret).status, 200);
    struct reply shop = test_call(test, "GET", "/v1/shops/shopify/" SHOP, "shops:read", NULL, NULL);
    CHECK_INT(shop.status, 200);
    CHECK(!strstr(shop.body.ptr, secret));
    struct str other = str_of(order_body(test, 11, "")), short_one = { right.ptr, 20 };
    CHECK_INT(deliver_signed(test, SHOP, "orders/create", "s1", right, other).status, 401);
    CHECK_INT(deliver_signed(test, SHOP, "orders/create", "s1", short_one, body).status, 401);
    CHECK_INT(deliver_signed(test, SHOP, "orders/create", "s1", STR("!"), body).status, 401);
    CHECK_INT(deliver_signed(test, SHOP, "orders/create", "s1",
                             signature(test, "another-secret", body), body)
                  .status,
              401);
    CHECK_INT(test_call(test, "POST", "/v1/webhooks/shopify/" SHOP, NULL,
                        "X-Shopify-Topic: orders/create\nX-Shopify-Webhook-Id: s1", body.ptr)
                  .status,
              401);
    CHECK_INT(order(test, 10).status, 404);
    CHECK_INT(deliver_signed(test, SHOP, "orders/create", "s1", right, body).status, 200);
    put_secret(test, SHOP, "a-new-secret");
    CHECK_INT(deliver_signed(test, SHOP, "orders/create", "s2", right, body).status, 200);
    put_secret(test, SHOP, "the-one-after"); /* of the two before, the older one is over */
    CHECK_INT(deliver_signed(test, SHOP, "orders/create", "s3", right, body).status, 401);
    put_secret(test, SHOP, secret);
}

static void test_one_shop_is_not_another(struct test_service *test)
{
    put_secret(test, "other.myshopify.com", "the-secret-of-another");
    struct str paid = str_of(order_body(test, 10, ",\"financial_status\":\"paid\""));
    struct str refund = str_of(refund_body(test, 1, 10, "1.00"));
    CHECK_INT(deliver_signed(test, "other.myshopify.com", "orders/paid", "o1",
                             signature(test, "the-secret-of-another", paid), paid)
                  .status,
              409);
    CHECK_INT(deliver_signed(test, "other.myshopify.com", "refunds/create", "o2",
                             signature(test, "the-secret-of-another", refund), refund)
                  .status,
              409);
    CHECK_STR(at(test, order(test, 10), "/state"), "placed");
    CHECK_INT(test_call(test, "DELETE", "/v1/shops/shopify/other.myshopify.com", "shops:write",
                        NULL, NULL)
                  .status,
              204);
}

/* ---- what they say ---- */

static void test_an_order(struct test_service *test)
{
    REQUIRE(test_call(test, "PUT", "/v1/products/prd_ipod", "products:write", NULL,
                      "{\"name\":\"iPod\",\"price\":{\"amount\":1995,\"currency\":\"USD\"},"
                      "\"variants\":[{\"sku\":\"IPOD-PINK\"}]}")
                .status == 200);
    struct reply reply = deliver(test, "orders/create", "a1", order_body(test, 20, ""));
    CHECK_STR(at(test, reply, "/outcome"), "taken");
    CHECK_STR(at(test, reply, "/order_id"), "ord_shopify-20");
    CHECK_STR(at(test, deliver(test, "orders/create", "a1", order_body(test, 20, "")), "/outcome"),
              "known");
    CHECK_STR(at(test, deliver(test, "orders/create", "a2", order_body(test, 20, "")), "/outcome"),
              "taken"); /* told anew, and nothing new */
    reply = order(test, 20);
    CHECK_STR(at(test, reply, "/customer_id"), "prf_shopify-77");
    CHECK_STR(at(test, reply, "/placed_at"), "2026-11-20T15:00:00Z");
    CHECK_STR(at(test, reply, "/state"), "placed");
    CHECK_STR(at(test, reply, "/channel"), "shopify");
    CHECK_INT(number(test, reply, "/total/amount"), 4789);
    CHECK_STR(at(test, reply, "/lines/0/product_id"), "prd_ipod"); /* by its SKU */
    CHECK_INT(number(test, reply, "/lines/0/amount/amount"), 3490);
    CHECK_STR(at(test, reply, "/lines/1/product_id"), "prd_shopify-item-2");
    CHECK_INT(number(test, reply, "/lines/1/amount/amount"), 500);
    CHECK_STR(at(test, reply, "/lines/2/product_id"), "prd_shopify-shipping-and-taxes");
    CHECK_INT(number(test, reply, "/lines/2/amount/amount"), 799);
    CHECK_INT(test_published(test, &COMMERCE_ORDER_PLACED_V1_TYPE), 2); /* with the one of before */
}

static void test_amounts_are_exact(struct test_service *test)
{
    static const struct {
        const char *currency, *price, *total;
        int64_t amount; /* -1: refused */
    } cases[] = {
        { "USD", "19.95", "19.95", 1995 },
        { "USD", "19.9", "19.90", 1990 },
        { "USD", "19", "19.000", 1900 },
        { "JPY", "1999", "1999", 1999 },
        { "JPY", "1999.00", "1999", 1999 },
        { "KWD", "1.234", "1.234", 1234 },
        { "USD", "19.955", "19.96", -1 },
        { "JPY", "19.5", "20", -1 },
        { "USD", "-1.00", "1.00", -1 },
        { "USD", "1e2", "100", -1 },
        { "USD", "", "0", -1 },
        { "USD", "99999999999999999999", "1", -1 },
        { "QQQ", "1.00", "1.00", -1 },
        { "usd", "1.00", "1.00", -1 },
        { "USD", "20.00", "19.99", -1 }, /* the items alone cost more */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena *arena = test_ctx(test)->arena;
        struct str body = arena_printf(
            arena,
            "{\"id\":%zu,\"currency\":\"%s\",\"total_price\":\"%s\",\"created_at\":\"2026-11-20T10:00:00Z\","
            "\"line_items\":[{\"id\":1,\"quantity\":1,\"price\":\"%s\"}]}",
            500 + i, cases[i].currency, cases[i].total, cases[i].price);
        struct reply reply =
            deliver(test, "orders/create", arena_printf(arena, "m%zu", i).ptr, body.ptr);
        CHECK_INT(reply.status, cases[i].amount < 0 ? 422 : 200);
        reply = order(test, 500 + (int64_t)i);
        CHECK_INT(reply.status, cases[i].amount < 0 ? 404 : 200);
        if (cases[i].amount >= 0)
            CHECK_INT(number(test, reply, "/total/amount"), cases[i].amount);
    }
    CHECK_INT(deliver(test, "products/update", "m", "{}").status, 422);
    CHECK_INT(deliver(test, "orders/create", "m", "[1]").status, 422);
    CHECK_INT(deliver(test, "orders/create", "m", "{").status, 400);
}

/* ---- in any order ---- */

struct telling {
    const char *topic, *body;
};

static const char *told_of(struct test_service *test, struct reply reply)
{
    return arena_printf(test_ctx(test)->arena, STR_FMT " %lld", STR_ARG(at(test, reply, "/state")),
                        (long long)number(test, reply, "/refunded/amount"))
        .ptr;
}

/* Each of the permutations of four, by number. */
static void permute(int number, int out[4])
{
    int left[4] = { 0, 1, 2, 3 };
    for (int i = 0; i < 4; i++) {
        int n = 4 - i, at = number % n;
        number /= n;
        out[i] = left[at];
        memmove(&left[at], &left[at + 1], (size_t)(n - at - 1) * sizeof(left[0]));
    }
}

static void tell_all(struct test_service *test, int64_t id, const struct telling told[4],
                     const int turns[4])
{
    for (int i = 0; i < 4; i++)
        for (int again = 0; again < 2; again++) {
            const struct telling *one = &told[turns[i]];
            struct str webhook_id =
                arena_printf(test_ctx(test)->arena, "p%lld-%d-%d", (long long)id, i, again);
            struct reply reply = deliver(test, one->topic, webhook_id.ptr, one->body);
            CHECK_INT(reply.status, 200);
        }
}

/* Whatever comes first, and each twice: the same in the end, and told once. */
static void test_any_order(struct test_service *test)
{
    int turns[4];
    for (int i = 0; i < 24; i++) {
        int64_t id = 1000 + i;
        struct telling told[] = {
            { "orders/create", order_body(test, id, ",\"financial_status\":\"pending\"") },
            { "orders/paid",
              order_body(test, id, ",\"financial_status\":\"paid\",\"fulfillment_status\":null") },
            { "orders/updated",
              order_body(
                  test, id,
                  ",\"financial_status\":\"partially_refunded\",\"fulfillment_status\":\"fulfilled\"") },
            { "refunds/create", refund_body(test, id, id, "10.00") },
        };
        permute(i, turns);
        tell_all(test, id, told, turns);
        CHECK_STR(str_of(told_of(test, order(test, id))), "fulfilled 1000");
    }
    CHECK_INT(test_published(test, &COMMERCE_ORDER_REFUNDED_V1_TYPE), 24);
}

static void test_cancelled_in_any_order(struct test_service *test)
{
    int turns[4];
    size_t placed = test_published(test, &COMMERCE_ORDER_PLACED_V1_TYPE);
    for (int i = 0; i < 24; i++) {
        int64_t id = 2000 + i;
        struct telling told[] = {
            { "orders/create", order_body(test, id, ",\"financial_status\":\"pending\"") },
            { "orders/paid", order_body(test, id, ",\"financial_status\":\"paid\"") },
            { "orders/cancelled",
              order_body(
                  test, id,
                  arena_printf(
                      test_ctx(test)->arena,
                      ",\"financial_status\":\"partially_refunded\",\"cancel_reason\":\"customer\","
                      "\"cancelled_at\":\"2026-11-21T12:00:00Z\",\"refunds\":[%s]",
                      refund_body(test, id, id, "10.00"))
                      .ptr) },
            { "refunds/create", refund_body(test, id, id, "10.00") },
        };
        permute(i, turns);
        tell_all(test, id, told, turns);
        CHECK_STR(str_of(told_of(test, order(test, id))), "refunded 4789"); /* all, once */
    }
    struct reply reply = deliver(test, "orders/create", "c1", order_body(test, 2100, ""));
    CHECK_INT(reply.status, 200);
    reply = deliver(test, "orders/cancelled", "c2",
                    order_body(test, 2100, ",\"cancelled_at\":\"2026-11-21T12:00:00Z\""));
    CHECK_STR(str_of(told_of(test, order(test, 2100))), "cancelled 4789");
    CHECK_INT(deliver(test, "refunds/create", "c3", refund_body(test, 9, 2100, "47.89")).status,
              200);
    CHECK_STR(str_of(told_of(test, order(test, 2100))), "cancelled 4789");
    CHECK_INT(test_published(test, &COMMERCE_ORDER_PLACED_V1_TYPE), placed + 25);
}

static void test_more_than_was_paid(struct test_service *test)
{
    deliver(test, "orders/paid", "x1", order_body(test, 3000, ",\"financial_status\":\"paid\""));
    CHECK_INT(deliver(test, "refunds/create", "x2", refund_body(test, 31, 3000, "47.90")).status,
              409);
    CHECK_INT(deliver(test, "refunds/create", "x2", refund_body(test, 31, 3000, "47.89")).status,
              200); /* what was refused was not noted as delivered */
    CHECK_STR(str_of(told_of(test, order(test, 3000))), "refunded 4789");
}

/* ---- bent at random ---- */

/* One change to a body: a byte is another, or gone, or some are there twice. */
static struct str bend(struct arena *arena, struct str body, uint32_t *seed)
{
    char *text = arena_alloc(arena, body.len * 2 + 2);
    *seed = *seed * 1664525u + 1013904223u;
    size_t where = (*seed >> 8) % body.len, n = (*seed >> 3) % 5;
    static const char with[] = "0\"}{],:-.9eu\\";
    switch (*seed >> 30) {
    case 0:
        memcpy(text, body.ptr, body.len);
        text[where] = with[(*seed >> 5) % (sizeof(with) - 1)];
        return (struct str){ text, body.len };
    case 1:
        n = MIN(n, body.len - where);
        memcpy(text, body.ptr, where);
        memcpy(text + where, body.ptr + where + n, body.len - where - n);
        return (struct str){ text, body.len - n };
    case 2:
        memcpy(text, body.ptr, body.len);
        text[where] = (char)(*seed >> 12);
        return (struct str){ text, body.len };
    default:
        n = MIN(n * 4, body.len - where);
        memcpy(text, body.ptr, where + n);
        memcpy(text + where + n, body.ptr + where, body.len - where);
        return (struct str){ text, body.len + n };
    }
}

static void test_bent_bodies(struct test_service *test, int rounds)
{
    uint32_t seed = 20261124;
    int taken = 0, refused = 0;
    for (int i = 0; i < rounds; i++) {
        struct arena *arena = arena_new(0);
        struct str body = str_of(
            i % 3 ? order_body(test, 5000 + i, ",\"financial_status\":\"paid\",\"refunds\":[]")
                  : refund_body(test, 5000 + i, 5000 + i - 1, "1.00"));
        for (int bends = 1 + i % 3; bends; bends--)
            body = bend(arena, body, &seed);
        struct reply reply = deliver_signed(test, SHOP, i % 3 ? "orders/updated" : "refunds/create",
                                            arena_printf(arena, "b%d", i).ptr,
                                            signature(test, secret, body), body);
        CHECK(reply.status == 200 || reply.status == 400 || reply.status == 409 ||
              reply.status == 422);
        taken += reply.status == 200;
        refused += reply.status != 200;
        arena_free(arena);
    }
    CHECK(taken > 0 && refused > 0);
}

/* Of each currency: orders, their totals, and what was paid back, added up from the orders themselves. */
static bool sums_agree(struct ctx *ctx, void *argument)
{
    struct sql_rows rows;
    REQUIRE(sql_one(
        ctx, &rows,
        "SELECT count(*) FROM revenue r LEFT JOIN (SELECT currency, count(*) AS n, sum(total) AS total,"
        " sum(refunded) AS refunded, max(refunded - total) AS over FROM orders GROUP BY currency) o"
        " ON o.currency = r.currency WHERE r.orders <> o.n OR r.revenue <> o.total"
        " OR r.refunded <> o.refunded OR o.over > 0"));
    *(int64_t *)argument = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

static void test_room(const char *url, int rounds)
{
    int64_t disagree = -1;
    struct test_service *test = test_open(&commerce_service, url, NULL);
    test_signatures(test);
    test_one_shop_is_not_another(test);
    test_an_order(test);
    test_amounts_are_exact(test);
    test_any_order(test);
    test_cancelled_in_any_order(test);
    test_more_than_was_paid(test);
    test_bent_bodies(test, rounds);
    CHECK(test_read(test, sums_agree, &disagree));
    CHECK_INT(disagree, 0);
    test_close(test);
}

/* shopify_test [bodies to bend] */
int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 600;
    test_room(NULL, rounds);
    const char *postgresql = test_postgresql_url();
    if (postgresql)
        test_room(postgresql, rounds);
    return check_end();
}
