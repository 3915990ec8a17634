/* Campaigns and their experiences, on each engine. */
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/personalization/launches.h"
#include "services/personalization/personalization.h"
#include "personalization_contract.h"

static void put(struct test_service *test, const char *id, const char *status)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str target = arena_printf(arena, "/v1/experiences/%s", id);
    struct str body =
        arena_printf(arena,
                     "{\"slot\":\"hero\",\"name\":\"%s\",\"priority\":1,\"status\":\"%s\","
                     "\"variants\":[{\"variant\":\"a\"}]}",
                     id, status);
    struct reply reply = test_call(test, "PUT", target.ptr, "experiences:write", NULL, body.ptr);
    CHECK_INT(reply.status, 200);
}

static struct str state(struct test_service *test, const char *id)
{
    struct arena *arena = test_ctx(test)->arena;
    struct reply reply = test_call(test, "GET", arena_printf(arena, "/v1/experiences/%s", id).ptr,
                                   "experiences:read", NULL, NULL);
    const struct json *json = test_json(test, reply);
    return arena_printf(arena, STR_FMT " %lld", STR_ARG(json_str(json_get(json, "status"))),
                        (long long)json_int(json_get(json, "version")));
}

static void launched(struct test_service *test, const char *launch, const char *experiences)
{
    struct str data = arena_printf(
        test_ctx(test)->arena,
        "{\"campaign_id\":\"cmp_1\",\"launch_id\":\"%s\",\"name\":\"Spring\",\"experiences\":%s,"
        "\"launched_at\":\"2026-11-24T09:30:00Z\"}",
        launch, experiences);
    CHECK_INT(test_event(test, &CAMPAIGN_CAMPAIGN_LAUNCHED_V1_TYPE, NULL, data.ptr), DONE);
}

static void ended(struct test_service *test, const struct event_type *type, const char *how,
                  const char *launch)
{
    struct str data = arena_printf(
        test_ctx(test)->arena,
        "{\"campaign_id\":\"cmp_1\",\"launch_id\":\"%s\",\"%s_at\":\"2026-11-24T09:30:00Z\"}",
        launch, how);
    CHECK_INT(test_event(test, type, NULL, data.ptr), DONE);
}

static void test_from_launch_to_end(struct test_service *test)
{
    put(test, "exp_a", "draft");
    put(test, "exp_b", "active");
    launched(test, "lch_1", "[\"exp_a\",\"exp_b\",\"exp_none\"]");
    CHECK_STR(state(test, "exp_a"), "active 2");
    CHECK_STR(state(test, "exp_b"), "active 1");
    launched(test, "lch_1", "[\"exp_a\",\"exp_b\",\"exp_none\"]"); /* told anew */
    CHECK_STR(state(test, "exp_a"), "active 2");
    test_reopen(test);
    ended(test, &CAMPAIGN_CAMPAIGN_COMPLETED_V1_TYPE, "completed", "lch_1");
    CHECK_STR(state(test, "exp_a"), "paused 3");
    CHECK_STR(state(test, "exp_b"), "active 1"); /* it was before */
    ended(test, &CAMPAIGN_CAMPAIGN_COMPLETED_V1_TYPE, "completed", "lch_1");
    ended(test, &CAMPAIGN_CAMPAIGN_COMPLETED_V1_TYPE, "completed", "lch_unknown");
    CHECK_STR(state(test, "exp_a"), "paused 3");
}

static void test_two_launches(struct test_service *test)
{
    launched(test, "lch_2", "[\"exp_a\"]");
    launched(test, "lch_3", "[\"exp_a\"]");
    ended(test, &CAMPAIGN_CAMPAIGN_CANCELLED_V1_TYPE, "cancelled", "lch_2");
    CHECK_STR(state(test, "exp_a"), "active 4"); /* the other goes on */
    ended(test, &CAMPAIGN_CAMPAIGN_CANCELLED_V1_TYPE, "cancelled", "lch_3");
    CHECK_STR(state(test, "exp_a"), "paused 5");
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&personalization_service, url, NULL);
    test_from_launch_to_end(test);
    test_two_launches(test);
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
