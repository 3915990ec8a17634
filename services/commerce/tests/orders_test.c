/* Orders on each engine: where they lead, what is paid back line by line, and what they take of the stock. */
#include <pthread.h>

#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/commerce/commerce.h"
#include "commerce_contract.h"

static struct reply post(struct test_service *test, const char *id, const char *what,
                         const char *body)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/orders/%s/%s", id, what);
    return test_call(test, "POST", target.ptr, "orders:write", NULL, body);
}

static struct reply place(struct test_service *test, const char *body)
{
    return test_call(test, "POST", "/v1/orders", "orders:write", NULL, body);
}

static struct str at(struct test_service *test, struct reply reply, const char *pointer)
{
    return json_str(json_pointer(test_json(test, reply), str_of(pointer)));
}

static int64_t number(struct test_service *test, struct reply reply, const char *pointer)
{
    return json_int(json_pointer(test_json(test, reply), str_of(pointer)));
}

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

/* Of the only thing that is counted of it. */
static int64_t available(struct test_service *test, const char *id)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/products/%s", id);
    return number(test, test_call(test, "GET", target.ptr, "products:read", NULL, NULL),
                  "/stock/0/available");
}

static int64_t refunded_in_all(struct test_service *test)
{
    return number(test, test_call(test, "GET", "/v1/revenue", "orders:read", NULL, NULL),
                  "/items/0/refunded");
}

static void fill(struct test_service *test)
{
    put(test, "prd_a",
        "{\"name\":\"A\",\"price\":{\"amount\":1000,\"currency\":\"USD\"},"
        "\"variants\":[{\"sku\":\"A-S\"},{\"sku\":\"A-L\",\"price\":{\"amount\":1500,\"currency\":\"USD\"}}],"
        "\"prices\":[{\"price\":{\"amount\":900,\"currency\":\"EUR\"}},"
        "{\"price\":{\"amount\":800,\"currency\":\"USD\"},\"customer_group\":\"vip\"}]}");
    put(test, "prd_b", "{\"name\":\"B\",\"price\":{\"amount\":500,\"currency\":\"USD\"}}");
}

#define PAID_B(id, quantity)                                                                       \
    "{\"order_id\":\"" id "\",\"customer_id\":\"prf_a\",\"paid\":true,"                            \
    "\"lines\":[{\"product_id\":\"prd_b\",\"quantity\":" quantity "}]}"

/* ---- states ---- */

/* Every state, and every step from it: what becomes of it, or nothing and a sentence that says what would be possible. */
static void test_where_states_lead(struct test_service *test)
{
    static const struct {
        const char *state,
            *to[5]; /* paid, fulfilled, completed, cancel, refund all; NULL: refused */
        const char *may;
    } cases[] = {
        { "placed", { "paid", NULL, NULL, "cancelled", NULL }, "paid or cancelled" },
        { "paid",
          { "paid", "fulfilled", NULL, "cancelled", "refunded" },
          "fulfilled or cancelled or refunded" },
        { "fulfilled",
          { NULL, "fulfilled", "completed", NULL, "refunded" },
          "completed or refunded" },
        { "completed", { NULL, NULL, "completed", NULL, "refunded" }, "refunded" },
    };
    static const char *steps[] = { "transitions", "transitions", "transitions", "cancel",
                                   "refunds" };
    static const char *bodies[] = { "{\"to\":\"paid\"}", "{\"to\":\"fulfilled\"}",
                                    "{\"to\":\"completed\"}", "{}",
                                    "{\"amount\":{\"amount\":700,\"currency\":\"USD\"}}" };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t j = 0; j < COUNT(steps); j++) {
            const char *id =
                arena_printf(test_ctx(test)->arena, "ord_s-%s-%zu", cases[i].state, j).ptr;
            struct str body = arena_printf(
                test_ctx(test)->arena,
                "{\"customer_id\":\"prf_s\",\"placed_at\":\"2026-01-02T03:04:05Z\",\"state\":\"%s\","
                "\"lines\":[{\"product_id\":\"prd_gone\",\"quantity\":1,\"amount\":{\"amount\":700,\"currency\":\"USD\"}}]}",
                cases[i].state);
            struct str target = arena_printf(test_ctx(test)->arena, "/v1/orders/%s", id);
            struct reply made = test_call(test, "PUT", target.ptr, "orders:import", NULL, body.ptr);
            CHECK_STR(at(test, made, "/state"), cases[i].state);
            struct reply reply = post(test, id, steps[j], bodies[j]);
            CHECK_INT(reply.status, cases[i].to[j] ? 200 : 409);
            if (cases[i].to[j])
                CHECK_STR(at(test, reply, "/state"), cases[i].to[j]);
            else
                CHECK(strstr(at(test, reply, "/detail").ptr, cases[i].may) != NULL);
        }
    CHECK_INT(test_published(test, &COMMERCE_ORDER_PAID_V1_TYPE),
              1); /* as it was: nothing is told */
    CHECK_INT(test_published(test, &COMMERCE_ORDER_FULFILLED_V1_TYPE), 1);
    CHECK_INT(test_published(test, &COMMERCE_ORDER_COMPLETED_V1_TYPE), 1);
}

static void test_the_end_is_the_end(struct test_service *test)
{
    CHECK_INT(place(test, PAID_B("ord_end", "1")).status, 201);
    CHECK_INT(post(test, "ord_end", "cancel", "{}").status, 200);
    struct reply reply = post(test, "ord_end", "transitions", "{\"to\":\"fulfilled\"}");
    CHECK_INT(reply.status, 409);
    CHECK(strstr(at(test, reply, "/detail").ptr, "nothing else") != NULL);
    CHECK_INT(post(test, "ord_end", "transitions", "{\"to\":\"refunded\"}").status, 422);
    CHECK_INT(post(test, "ord_none", "transitions", "{\"to\":\"paid\"}").status, 404);
}

/* ---- refunds ---- */

static void test_line_by_line(struct test_service *test)
{
    int64_t before = refunded_in_all(test);
    struct reply reply = test_call(
        test, "PUT", "/v1/orders/ord_lines", "orders:import", NULL,
        "{\"customer_id\":\"prf_a\",\"placed_at\":\"2026-01-02T03:04:05Z\",\"lines\":["
        "{\"product_id\":\"prd_x\",\"quantity\":3,\"amount\":{\"amount\":1000,\"currency\":\"USD\"}},"
        "{\"product_id\":\"prd_y\",\"sku\":\"Y\",\"quantity\":1,\"amount\":{\"amount\":50,\"currency\":\"USD\"}}]}");
    CHECK_INT(reply.status, 200);
    static const struct {
        const char *body;
        int status;
        int64_t refunded;
    } cases[] = {
        /* a third of 1000 is 333, two are 667: all three are 1000 in the end */
        { "{\"lines\":[{\"line\":0,\"quantity\":1}]}", 200, 333 },
        { "{\"lines\":[{\"line\":0,\"quantity\":1}]}", 200, 667 },
        { "{\"lines\":[{\"line\":0,\"quantity\":2}]}", 409, 667 },
        { "{\"lines\":[{\"line\":0,\"quantity\":1},{\"line\":0,\"quantity\":1}]}", 409, 667 },
        { "{\"lines\":[{\"line\":2,\"quantity\":1}]}", 422, 667 },
        { "{\"lines\":[{\"line\":0,\"quantity\":1}],\"amount\":{\"amount\":1,\"currency\":\"USD\"}}",
          422, 667 },
        { "{}", 422, 667 },
        { "{\"amount\":{\"amount\":1,\"currency\":\"USD\"},\"restock\":true}", 422, 667 },
        { "{\"amount\":{\"amount\":384,\"currency\":\"USD\"}}", 409, 667 },
        { "{\"amount\":{\"amount\":10,\"currency\":\"USD\"}}", 200, 677 },
        { "{\"lines\":[{\"line\":0,\"quantity\":1},{\"line\":1,\"quantity\":1}]}", 409,
          677 }, /* 383, but 373 are left of the order */
        { "{\"amount\":{\"amount\":373,\"currency\":\"USD\"}}", 200, 1050 }
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK_INT(post(test, "ord_lines", "refunds", cases[i].body).status, cases[i].status);
        reply = test_call(test, "GET", "/v1/orders/ord_lines", "orders:read", NULL, NULL);
        CHECK_INT(number(test, reply, "/refunded/amount"), cases[i].refunded);
        CHECK_STR(at(test, reply, "/payment"),
                  cases[i].refunded == 1050 ? "refunded" : "partly_refunded");
    }
    CHECK_INT(number(test, reply, "/lines/0/refunded_quantity"), 2);
    CHECK_STR(at(test, reply, "/state"), "refunded");
    CHECK_INT(refunded_in_all(test) - before, 1050);
    size_t n = test_published(test, &COMMERCE_ORDER_REFUNDED_V1_TYPE);
    const struct json *told =
        test_published_data(test, &COMMERCE_ORDER_REFUNDED_V1_TYPE, n - 3); /* the second one */
    CHECK_INT(json_int(json_pointer(told, STR("/lines/0/amount/amount"))), 334);
    CHECK_INT(json_int(json_pointer(told, STR("/refunded_total/amount"))), 667);
}

/* ---- prices and variants ---- */

static void test_what_is_ordered(struct test_service *test)
{
    static const struct {
        const char *body, *pointer; /* NULL: taken */
        int64_t total;
    } cases[] = {
        { "{\"customer_id\":\"prf_a\",\"lines\":[{\"product_id\":\"prd_a\",\"quantity\":1}]}",
          "/lines/0/sku", 0 },
        { "{\"customer_id\":\"prf_a\",\"lines\":[{\"product_id\":\"prd_a\",\"sku\":\"NO\",\"quantity\":1}]}",
          "/lines/0/sku", 0 },
        { "{\"customer_id\":\"prf_a\",\"lines\":[{\"product_id\":\"prd_b\",\"sku\":\"B\",\"quantity\":1}]}",
          "/lines/0/sku", 0 },
        { "{\"customer_id\":\"prf_a\",\"currency\":\"QQQ\",\"lines\":[{\"product_id\":\"prd_b\",\"quantity\":1}]}",
          "/currency", 0 },
        { "{\"customer_id\":\"prf_a\",\"currency\":\"EUR\",\"lines\":[{\"product_id\":\"prd_b\",\"quantity\":1}]}",
          "/lines/0/product_id", 0 },
        { "{\"customer_id\":\"prf_a\",\"lines\":[{\"product_id\":\"prd_a\",\"sku\":\"A-S\",\"quantity\":2},"
          "{\"product_id\":\"prd_a\",\"sku\":\"A-L\",\"quantity\":1}]}",
          NULL, 3500 },
        { "{\"customer_id\":\"prf_a\",\"customer_group\":\"vip\",\"lines\":[{\"product_id\":\"prd_a\",\"sku\":\"A-S\",\"quantity\":2}]}",
          NULL, 1600 },
        { "{\"customer_id\":\"prf_a\",\"currency\":\"EUR\",\"lines\":[{\"product_id\":\"prd_a\",\"sku\":\"A-S\",\"quantity\":2}]}",
          NULL, 1800 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply reply = place(test, cases[i].body);
        CHECK_INT(reply.status, cases[i].pointer ? 422 : 201);
        if (cases[i].pointer)
            CHECK_STR(at(test, reply, "/errors/0/pointer"), cases[i].pointer);
        else
            CHECK_INT(number(test, reply, "/total/amount"), cases[i].total);
    }
}

/* ---- stock ---- */

static void test_stock_is_taken_and_given_back(struct test_service *test)
{
    stock(test, "prd_b", "{\"available\":5}");
    CHECK_INT(place(test, PAID_B("ord_t1", "3")).status, 201);
    CHECK_INT(place(test, PAID_B("ord_t1", "3")).status, 201); /* again: once */
    CHECK_INT(available(test, "prd_b"), 2);
    struct reply reply = place(test, PAID_B("ord_t2", "3"));
    CHECK_INT(reply.status, 409);
    CHECK_STR(at(test, reply, "/errors/0/pointer"), "/lines/0/quantity");
    CHECK_INT(test_call(test, "GET", "/v1/orders/ord_t2", "orders:read", NULL, NULL).status, 404);
    CHECK_INT(
        place(test,
              "{\"customer_id\":\"prf_a\",\"lines\":[{\"product_id\":\"prd_b\",\"quantity\":2},"
              "{\"product_id\":\"prd_b\",\"quantity\":1}]}")
            .status,
        409); /* both lines, or none */
    CHECK_INT(available(test, "prd_b"), 2);
    CHECK_INT(post(test, "ord_t1", "refunds",
                   "{\"lines\":[{\"line\":0,\"quantity\":1}],\"restock\":true}")
                  .status,
              200);
    CHECK_INT(available(test, "prd_b"), 3);
    CHECK_INT(post(test, "ord_t1", "refunds", "{\"lines\":[{\"line\":0,\"quantity\":1}]}").status,
              200);
    CHECK_INT(available(test, "prd_b"), 3); /* it stays with the customer */
    CHECK_INT(place(test, PAID_B("ord_t3", "2")).status, 201);
    CHECK_INT(available(test, "prd_b"), 1);
    CHECK_INT(post(test, "ord_t3", "cancel", "{}").status, 200);
    CHECK_INT(post(test, "ord_t3", "cancel", "{}").status, 200);
    CHECK_INT(available(test, "prd_b"), 3);
    stock(test, "prd_b", "{\"backorder\":true}");
    CHECK_INT(place(test, PAID_B("ord_t4", "10")).status, 201);
    CHECK_INT(available(test, "prd_b"), -7);
    CHECK_INT(post(test, "ord_t4", "cancel", "{}").status, 200);
    CHECK_INT(available(test, "prd_b"), 3);
    stock(test, "prd_b", "{\"backorder\":false}");
}

enum { BUYERS = 4, TRIES = 15, THERE = 31 };
struct buyer {
    struct test_service *test;
    pthread_t thread;
    struct str authorization;
    int number, taken, refused;
};

static void *buy(void *argument)
{
    struct buyer *buyer = argument;
    struct arena *arena = arena_new(0);
    for (int i = 0; i < TRIES; i++) {
        struct str body = arena_printf(arena, PAID_B("ord_r-%d-%d", "1"), buyer->number, i);
        struct reply reply = test_send_in(buyer->test, arena, "POST", "/v1/orders",
                                          buyer->authorization, NULL, body);
        buyer->taken += reply.status == 201;
        buyer->refused += reply.status == 409;
    }
    arena_free(arena);
    return NULL;
}

static void test_a_run_on_the_last_ones(struct test_service *test)
{
    struct buyer buyers[BUYERS];
    int taken = 0, refused = 0;
    stock(test, "prd_b", arena_printf(test_ctx(test)->arena, "{\"available\":%d}", THERE).ptr);
    for (int i = 0; i < BUYERS; i++) {
        buyers[i] = (struct buyer){ .test = test,
                                    .number = i,
                                    .authorization = test_bearer(test, "orders:write") };
        REQUIRE(pthread_create(&buyers[i].thread, NULL, buy, &buyers[i]) == 0);
    }
    for (int i = 0; i < BUYERS; i++) {
        pthread_join(buyers[i].thread, NULL);
        taken += buyers[i].taken;
        refused += buyers[i].refused;
    }
    CHECK_INT(taken, THERE);
    CHECK_INT(refused, BUYERS * TRIES - THERE);
    CHECK_INT(available(test, "prd_b"), 0);
}

/* ---- an older version ---- */

static bool by_an_older_version(struct ctx *ctx, void *argument)
{
    (void)argument;
    return sql_exec(ctx, NULL,
                    "INSERT INTO orders (order_id, customer_id, state, channel, placed_us, total,"
                    " refunded, currency, asked) VALUES"
                    " ('ord_old', 'prf_a', 'placed', 'web', 1, 300, 0, 'USD', '')") &&
           sql_exec(ctx, NULL,
                    "INSERT INTO order_lines (order_id, line, product_id, quantity, amount)"
                    " VALUES ('ord_old', 0, 'prd_b', 1, 300)");
}

static bool as_an_older_version_reads(struct ctx *ctx, void *argument)
{
    struct sql_rows rows;
    REQUIRE(sql_one(
        ctx, &rows,
        "SELECT count(*) FROM orders WHERE state NOT IN ('placed', 'cancelled', 'refunded')"));
    *(int64_t *)argument = row_int(&rows, 0);
    sql_rows_close(&rows);
    return true;
}

static void test_an_older_version_beside(struct test_service *test)
{
    int64_t unknown = -1;
    CHECK(test_read(test, as_an_older_version_reads, &unknown));
    CHECK_INT(unknown, 0);
    CHECK(test_write(test, by_an_older_version, NULL));
    struct reply reply = test_call(test, "GET", "/v1/orders/ord_old", "orders:read", NULL, NULL);
    CHECK_STR(at(test, reply, "/state"), "paid");
    CHECK_INT(post(test, "ord_old", "transitions", "{\"to\":\"fulfilled\"}").status, 200);
    CHECK_INT(post(test, "ord_old", "refunds", "{\"lines\":[{\"line\":0,\"quantity\":1}]}").status,
              200);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&commerce_service, url, NULL);
    fill(test);
    test_where_states_lead(test);
    test_the_end_is_the_end(test);
    test_line_by_line(test);
    test_what_is_ordered(test);
    test_stock_is_taken_and_given_back(test);
    test_a_run_on_the_last_ones(test);
    test_an_older_version_beside(test);
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
