/* Routes by their API, on each engine: canaries that are judged by calls that are given back here, switches, what is noted,
 * and that a restart keeps all of it. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/gateway/gateway.h"
#include "gateway_contract.h"

#define CANARY                                                                                     \
    "{\"address\":\"http://127.0.0.1:8203\",\"step\":20,\"most\":40,\"sample\":100,\"hold_s\":0}"
#define BY_HAND                                                                                    \
    "{\"address\":\"http://127.0.0.1:8203\",\"step\":40,\"most\":40,\"sample\":100,\"hold_s\":0,\"by_itself\":false}"

static struct reply ask(struct test_service *test, const char *method, const char *target,
                        const char *body)
{
    bool reads = strcmp(method, "GET") == 0;
    return test_call(test, method, target, reads ? "routes:read" : "routes:write", NULL, body);
}

static const struct json *asked(struct test_service *test, const char *method, const char *target,
                                const char *body)
{
    struct reply reply = ask(test, method, target, body);
    CHECK_INT(reply.status, 200);
    return test_json(test, reply);
}

static struct str at(const struct json *json, const char *pointer)
{
    return json_str(json_pointer(json, str_of(pointer)));
}

static struct routing *routing_of(struct test_service *test)
{
    return ((struct gateway *)test_ctx(test)->app)->routing;
}

/* Calls of so many visitors; those of the canary fail as often as is said. Gives how many met it. */
static int calls_make(struct test_service *test, int n, int fail_per_mille)
{
    int met = 0;
    char visitor[32];
    for (int i = 0; i < n; i++) {
        size_t length = (size_t)snprintf(visitor, sizeof(visitor), "vis_%d", i);
        struct leg leg =
            routing_take(routing_of(test), "commerce", (struct str){ visitor, length });
        struct call call = { .status = 200, .took_us = 5000 + i % 1000 };
        if (leg.canary && met++ % 1000 < fail_per_mille)
            call.error.code = ERR_BAD_GATEWAY;
        routing_give(&leg, &call);
    }
    return met;
}

static struct str newest(struct test_service *test)
{
    return at(asked(test, "GET", "/v1/routes/commerce/changes?limit=1", NULL), "/items/0/what");
}

static void test_untouched(struct test_service *test)
{
    const struct json *list = asked(test, "GET", "/v1/routes", NULL);
    CHECK_INT(json_size(json_get(list, "items")), 5);
    const struct json *route = asked(test, "GET", "/v1/routes/commerce", NULL);
    CHECK_STR(at(route, "/live"), "blue");
    CHECK_INT(json_int(json_get(route, "version")), 0);
    CHECK(!json_get(route, "green") && !json_get(route, "canary"));
    CHECK_INT(json_size(json_get(asked(test, "GET", "/v1/routes/commerce/changes", NULL), "items")),
              0);
    CHECK_INT(calls_make(test, 1000, 0), 0);
}

static void test_a_bad_one_is_taken_back(struct test_service *test)
{
    const struct json *route = asked(test, "PUT", "/v1/routes/commerce/canary", CANARY);
    CHECK_STR(at(route, "/canary/colour"), "green");
    CHECK_STR(at(route, "/canary/judged/verdict"), "none");
    asked(test, "PUT", "/v1/routes/commerce/canary", CANARY); /* the same again */
    CHECK_INT(ask(test, "PUT", "/v1/routes/commerce/canary", BY_HAND).status, 409);
    test_work(test, "routes");
    CHECK(calls_make(test, 300, 0) > 0);
    test_work(test, "routes");
    CHECK_STR(newest(test), "canary_started"); /* too few */
    int met = calls_make(test, 1000, 300);
    CHECK(met > 150 && met < 250);
    test_work(test, "routes");
    CHECK_INT(calls_make(test, 1000, 0), 0);
    const struct json *changes = asked(test, "GET", "/v1/routes/commerce/changes", NULL);
    CHECK_STR(at(changes, "/items/0/what"), "rolled_back");
    CHECK_STR(at(changes, "/items/0/who"), "svc:gateway");
    CHECK_STR(at(changes, "/items/0/address"), "http://127.0.0.1:8203");
    CHECK_STR(at(changes, "/items/0/judged/verdict"), "worse");
    CHECK(json_bool(json_pointer(changes, STR("/items/0/judged/measures/0/worse"))));
    CHECK_STR(at(changes, "/items/1/what"), "canary_started");
    CHECK_STR(at(changes, "/items/1/who"), "test");
}

static void test_a_good_one_is_promoted(struct test_service *test)
{
    asked(test, "PUT", "/v1/routes/commerce/canary", CANARY);
    test_work(test, "routes");
    calls_make(test, 1000, 0);
    test_work(test, "routes");
    CHECK_STR(newest(test), "share_raised");
    test_reopen(test); /* the share is on disk */
    int met = calls_make(test, 1000, 0);
    CHECK(met > 350 && met < 450);
    test_work(test, "routes");
    CHECK_STR(newest(test), "promoted");
    const struct json *route = asked(test, "GET", "/v1/routes/commerce", NULL);
    CHECK_STR(at(route, "/live"), "green");
    CHECK(!json_get(route, "canary"));
}

static void test_switches(struct test_service *test)
{
    CHECK_STR(at(asked(test, "POST", "/v1/routes/commerce/switch", "{\"to\":\"blue\"}"), "/live"),
              "blue");
    CHECK_STR(newest(test), "switched");
    asked(test, "POST", "/v1/routes/commerce/switch", "{\"to\":\"blue\"}"); /* no change, no note */
    CHECK_INT(json_size(json_get(asked(test, "GET", "/v1/routes/commerce/changes", NULL), "items")),
              6);
    CHECK_INT(ask(test, "POST", "/v1/routes/content/switch", "{\"to\":\"green\"}").status, 409);
    CHECK_INT(ask(test, "POST", "/v1/routes/content/switch",
                  "{\"to\":\"blue\",\"address\":\"http://127.0.0.1:9\"}")
                  .status,
              422);
    CHECK_INT(ask(test, "GET", "/v1/routes/nobody", NULL).status, 404);
}

/* Where it waits for a hand its last step goes round again, and a bad one is still taken back. */
static void test_by_hand(struct test_service *test)
{
    asked(test, "PUT", "/v1/routes/commerce/canary", BY_HAND);
    test_work(test, "routes");
    for (int i = 0; i < 3; i++) {
        calls_make(test, 1000, 0);
        test_work(test, "routes");
    }
    const struct json *route = asked(test, "GET", "/v1/routes/commerce", NULL);
    CHECK_STR(at(route, "/canary/judged/verdict"), "good");
    CHECK_INT(json_int(json_pointer(route, STR("/canary/share"))), 40);
    CHECK_STR(newest(test), "canary_started");
    asked(test, "POST", "/v1/routes/commerce/switch", "{\"to\":\"green\"}");
    CHECK_STR(newest(test), "promoted");
    asked(test, "POST", "/v1/routes/commerce/switch", "{\"to\":\"blue\"}");
    asked(test, "PUT", "/v1/routes/commerce/canary", BY_HAND);
    asked(test, "POST", "/v1/routes/commerce/switch", "{\"to\":\"blue\"}");
    CHECK_STR(newest(test), "rolled_back");
}

static void test_pages_of_changes(struct test_service *test)
{
    int n = 0;
    struct str cursor = { NULL, 0 };
    do {
        const char *target = arena_printf(test_ctx(test)->arena,
                                          "/v1/routes/commerce/changes?limit=3%s" STR_FMT,
                                          cursor.ptr ? "&cursor=" : "", STR_ARG(cursor))
                                 .ptr;
        const struct json *page = asked(test, "GET", target, NULL);
        n += (int)json_size(json_get(page, "items"));
        cursor = at(page, "/next_cursor");
    } while (cursor.len);
    CHECK_INT(n, 11);
}

static void all(const char *url)
{
    struct test_service *test = test_open(&gateway_service, url, NULL);
    test_untouched(test);
    test_a_bad_one_is_taken_back(test);
    test_a_good_one_is_promoted(test);
    test_switches(test);
    test_by_hand(test);
    test_pages_of_changes(test);
    test_close(test);
}

int main(void)
{
    const char *postgresql = test_postgresql_url();
    all(NULL);
    if (postgresql)
        all(postgresql);
    return check_end();
}
