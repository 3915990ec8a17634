/* Orders that are edited at Shopify, on each engine: the later telling holds, whatever comes first, and totals stay right. */
#include "services/commerce/tests/shop.h"

/* What the shop says of one order at one moment. */
struct said {
    int minute; /* of updated_at */
    int shirts, shirts_now, caps,
        caps_now;          /* ordered, and what is left of them: 20.00 and 5.50 each */
    const char *total_now; /* with 4.00 of shipping */
    const char *financial, *more;
};

static const char *body_of(struct test_service *test, int64_t id, const struct said *said)
{
    return arena_printf(
               test_ctx(test)->arena,
               "{\"id\":%lld,\"admin_graphql_api_id\":\"gid://shopify/Order/%lld\",\"currency\":\"USD\","
               "\"created_at\":\"2026-11-20T10:00:00-05:00\",\"updated_at\":\"2026-11-20T10:%02d:00-05:00\","
               "\"total_price\":\"49.50\",\"current_total_price\":\"%s\",\"financial_status\":\"%s\","
               "\"fulfillment_status\":null,\"cancelled_at\":null,\"customer\":{\"id\":77},\"line_items\":["
               "{\"id\":1,\"product_id\":11,\"sku\":\"SHIRT\",\"quantity\":%d,\"current_quantity\":%d,"
               "\"price\":\"20.00\",\"discount_allocations\":[]},"
               "{\"id\":2,\"product_id\":12,\"sku\":null,\"quantity\":%d,\"current_quantity\":%d,"
               "\"price\":\"5.50\",\"discount_allocations\":[]}]%s}",
               (long long)id, (long long)id, said->minute, said->total_now, said->financial,
               said->shirts, said->shirts_now, said->caps, said->caps_now,
               said->more ? said->more : "")
        .ptr;
}

static struct reply say(struct test_service *test, int64_t id, const struct said *said)
{
    static int webhooks;
    struct str webhook_id = arena_printf(test_ctx(test)->arena, "e%d", ++webhooks);
    return deliver(test, "orders/updated", webhook_id.ptr, body_of(test, id, said));
}

/* "placed 4950 0: 2x4000 1x550 1x400" */
static struct str stands(struct test_service *test, int64_t id)
{
    struct arena *arena = test_ctx(test)->arena;
    struct reply reply = order(test, id);
    struct str text = arena_printf(arena, STR_FMT " %lld %lld:", STR_ARG(at(test, reply, "/state")),
                                   (long long)number(test, reply, "/total/amount"),
                                   (long long)number(test, reply, "/refunded/amount"));
    for (struct json_iter it = json_iter(json_get(test_json(test, reply), "lines"));
         json_next(&it);)
        text = arena_printf(arena, STR_FMT " %lldx%lld", STR_ARG(text),
                            (long long)json_int(json_get(it.value, "quantity")),
                            (long long)json_int(json_pointer(it.value, STR("/amount/amount"))));
    return text;
}

static const struct said as_placed = { 0, 2, 2, 1, 1, "49.50", "pending", NULL };
static const struct said one_more = { 10, 3, 3, 1, 1, "69.50", "pending", NULL };
static const struct said without_caps = { 20, 3, 3, 1, 0, "64.00", "pending", NULL };

static void test_the_later_holds(struct test_service *test)
{
    static const struct said *const said[] = { &as_placed, &one_more, &without_caps };
    static const int orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                     { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    for (size_t i = 0; i < COUNT(orders); i++) {
        int64_t id = 100 + (int64_t)i;
        for (size_t j = 0; j < 6; j++) /* each twice */
            CHECK_INT(say(test, id, said[orders[i][j / 2]]).status, 200);
        CHECK_STR(stands(test, id), "placed 6400 0: 3x6000 1x400");
    }
    /* two changes, one, one, one, none, none */
    CHECK_INT(test_published(test, &COMMERCE_ORDER_CHANGED_V1_TYPE), 5);
}

/* What was paid back stays in the lines and the total; `refunded` takes it off. */
static void test_a_refund_is_no_edit(struct test_service *test)
{
    size_t before = test_published(test, &COMMERCE_ORDER_CHANGED_V1_TYPE);
    struct said paid = as_placed, back = as_placed, taken_out = as_placed;
    paid.financial = "paid";
    CHECK_INT(say(test, 200, &paid).status, 200);
    back = (struct said){
        30,
        2,
        1,
        1,
        1,
        "29.50",
        "partially_refunded",
        ",\"refunds\":[{\"id\":9,\"order_id\":200,\"refund_line_items\":"
        "[{\"line_item_id\":1,\"quantity\":1,\"subtotal\":20.0}],\"transactions\":"
        "[{\"kind\":\"refund\",\"status\":\"success\",\"amount\":\"20.00\",\"currency\":\"USD\"}]}]"
    };
    CHECK_INT(say(test, 200, &back).status, 200);
    CHECK_STR(stands(test, 200), "paid 4950 2000: 2x4000 1x550 1x400");
    CHECK_INT(test_published(test, &COMMERCE_ORDER_CHANGED_V1_TYPE), before);
    /* taken out of one that nobody has paid: a refund of nothing */
    taken_out = (struct said){ 30,
                               2,
                               1,
                               1,
                               1,
                               "29.50",
                               "pending",
                               ",\"refunds\":[{\"id\":10,\"order_id\":201,\"transactions\":[],"
                               "\"refund_line_items\":[{\"line_item_id\":1,\"quantity\":1}]}]" };
    CHECK_INT(say(test, 201, &as_placed).status, 200);
    CHECK_INT(say(test, 201, &taken_out).status, 200);
    CHECK_STR(stands(test, 201), "placed 2950 0: 1x2000 1x550 1x400");
    CHECK_INT(test_published(test, &COMMERCE_ORDER_CHANGED_V1_TYPE), before + 1);
}

/* Of two of one second, the one that was triggered later. */
static void test_in_one_second(struct test_service *test)
{
    struct arena *arena = test_ctx(test)->arena;
    static const struct {
        const char *triggered, *total;
    } said[] = {
        { "2026-11-20T15:00:01.500Z", "60.00" },
        { "2026-11-20T15:00:01.200Z", "55.00" },
        { "2026-11-20T15:00:01.900Z", "70.00" },
    };
    for (size_t i = 0; i < COUNT(said); i++) {
        struct said one = as_placed;
        one.total_now = said[i].total;
        struct str body = str_of(body_of(test, 300, &one));
        struct str headers =
            arena_printf(arena,
                         "X-Shopify-Topic: orders/updated\nX-Shopify-Webhook-Id: t%zu\n"
                         "X-Shopify-Triggered-At: %s\nX-Shopify-Hmac-Sha256: " STR_FMT,
                         i, said[i].triggered, STR_ARG(signature(test, secret, body)));
        CHECK_INT(
            test_send(test, "POST", "/v1/webhooks/shopify/" SHOP, NULL, headers.ptr, body).status,
            200);
        CHECK_INT(number(test, order(test, 300), "/total/amount"), i < 2 ? 6000 : 7000);
    }
}

static void test_at_its_end(struct test_service *test)
{
    struct said cancelled = without_caps;
    cancelled.more = ",\"cancelled_at\":\"2026-11-20T16:00:00Z\"";
    struct str body = str_of(body_of(test, 400, &cancelled));
    char *two = strstr(body.ptr, "\"cancelled_at\":null,"); /* it is said once */
    REQUIRE(two != NULL);
    memset(two, ' ', strlen("\"cancelled_at\":null,"));
    CHECK_INT(say(test, 400, &as_placed).status, 200);
    CHECK_INT(deliver(test, "orders/cancelled", "c1", body.ptr).status, 200);
    struct said late = one_more;
    late.minute = 59;
    CHECK_INT(say(test, 400, &late).status, 200);
    CHECK_STR(stands(test, 400), "cancelled 4950 4950: 2x4000 1x550 1x400");
}

static void test_edited(struct test_service *test)
{
    static const char edit[] =
        "{\"order_edit\":{\"id\":78912328793,\"app_id\":null,\"created_at\":\"2026-11-20T10:00:00-05:00\","
        "\"notify_customer\":false,\"order_id\":100,\"reason\":\"\",\"staff_note\":\"\",\"user_id\":null,"
        "\"line_items\":{\"additions\":[{\"id\":1,\"delta\":1}],\"removals\":[]},"
        "\"discounts\":{\"line_item\":{\"additions\":[],\"removals\":[]}},"
        "\"shipping_lines\":{\"additions\":[],\"removals\":[]}}}";
    struct reply reply = deliver(test, "orders/edited", "d1", edit);
    CHECK_STR(at(test, reply, "/outcome"), "taken");
    CHECK_STR(at(test, reply, "/order_id"), "ord_shopify-100");
    CHECK_STR(at(test, deliver(test, "orders/edited", "d1", edit), "/outcome"), "known");
    CHECK_STR(stands(test, 100), "placed 6400 0: 3x6000 1x400");
    CHECK_INT(deliver(test, "orders/edited", "d2", "{}").status, 422);
    struct said wrong = one_more;
    wrong.minute = 50;
    wrong.total_now = "-1.00";
    CHECK_INT(say(test, 100, &wrong).status, 422);
    wrong.total_now = "1.00"; /* the items alone cost more */
    CHECK_INT(say(test, 100, &wrong).status, 422);
    CHECK_STR(stands(test, 100), "placed 6400 0: 3x6000 1x400");
}

static bool sums_agree(struct ctx *ctx, void *argument)
{
    struct sql_rows rows;
    REQUIRE(sql_one(ctx, &rows,
                    "SELECT r.orders, r.revenue, r.refunded, (SELECT count(*) FROM orders),"
                    " (SELECT sum(total) FROM orders), (SELECT sum(refunded) FROM orders),"
                    " (SELECT sum(amount) FROM order_lines) FROM revenue r"));
    *(bool *)argument = row_int(&rows, 0) == row_int(&rows, 3) &&
                        row_int(&rows, 1) == row_int(&rows, 4) &&
                        row_int(&rows, 2) == row_int(&rows, 5) &&
                        row_int(&rows, 1) == row_int(&rows, 6);
    sql_rows_close(&rows);
    return true;
}

static void test_room(const char *url)
{
    bool agree = false;
    struct test_service *test = test_open(&commerce_service, url, NULL);
    CHECK_INT(put_secret(test, SHOP, secret).status, 200);
    test_the_later_holds(test);
    test_a_refund_is_no_edit(test);
    test_in_one_second(test);
    test_at_its_end(test);
    test_edited(test);
    CHECK(test_read(test, sums_agree, &agree) && agree);
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
