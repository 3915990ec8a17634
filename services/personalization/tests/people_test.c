/* Several ids of one person: whatever the order of events and identify calls, and however often they come. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/personalization/personalization.h"
#include "services/personalization/reactions.h"
#include "personalization_contract.h"

#define ROUNDS 60

enum told { TRACK, IDENTIFY, ALIAS };

/* Of customers A and B and visitors 1 to 4. Visitor 1 is A first, B later; 2 is the same browser as 1, said in both
 * directions; 3 is B's; 4 nobody's. */
static const struct {
    enum told kind;
    const char *who, *other;
    int at, value;
} story[] = {
    { TRACK, "vis_1", NULL, 1, 1 },       { TRACK, "vis_1", NULL, 9, 10 },
    { TRACK, "vis_2", NULL, 2, 100 },     { TRACK, "prf_A", NULL, 3, 1000 },
    { TRACK, "prf_B", NULL, 3, 10000 },   { TRACK, "vis_3", NULL, 4, 100000 },
    { TRACK, "vis_4", NULL, 4, 200 },     { IDENTIFY, "prf_B", "vis_1", 8, 0 },
    { IDENTIFY, "prf_A", "vis_1", 5, 0 }, { ALIAS, "vis_1", "vis_2", 4, 0 },
    { ALIAS, "vis_2", "vis_1", 6, 0 },    { IDENTIFY, "prf_B", "vis_3", 7, 0 },
    { IDENTIFY, "prf_B", "prf_A", 1, 0 }, /* two customers are not one */
    { IDENTIFY, "prf_A", "vis_1", 5, 0 },
};

static const struct {
    const char *who;
    int sum, count;
} wanted[] = {
    { "prf_A", 1111, 4 }, { "vis_1", 1111, 4 },  { "vis_2", 1111, 4 },
    { "prf_B", 110000, 2 }, { "vis_3", 110000, 2 }, { "vis_4", 200, 1 },
};

static void tell(struct test_service *test, int round, size_t i)
{
    struct arena *arena = test_ctx(test)->arena;
    static const char *const kinds[] = { "track", "identify", "alias" };
    static const char *const others[] = { "anonymous_id", "anonymous_id", "previous_id" };
    struct str more = STR("");
    if (story[i].other)
        more = arena_printf(arena, ",\"user_id\":\"%s.%d\",\"%s\":\"%s.%d\"", story[i].who, round,
                            others[story[i].kind], story[i].other, round);
    struct str data = arena_printf(
        arena,
        "{\"message_id\":\"m\",\"kind\":\"%s\",\"name\":\"Seen\",\"person_id\":\"%s.%d\",\"source\":\"shop\","
        "\"properties\":{\"value\":%d.5},\"occurred_at\":\"2026-11-0%dT00:00:00Z\","
        "\"received_at\":\"2026-11-09T00:00:00Z\"" STR_FMT "}",
        kinds[story[i].kind], story[i].who, round, story[i].value, story[i].at, STR_ARG(more));
    struct str id = arena_printf(arena, "e%d.%zu", round, i);
    CHECK_INT(test_event(test, &ANALYTICS_EVENT_RECORDED_V1_TYPE, id.ptr, data.ptr), DONE);
}

static const struct json *features_of(struct test_service *test, const char *who, int round)
{
    const char *path =
        arena_printf(test_ctx(test)->arena, "/v1/people/%s.%d/features", who, round).ptr;
    return test_json(test, test_call(test, "GET", path, "people:read", NULL, NULL));
}

static void check_all(struct test_service *test, int round)
{
    for (size_t i = 0; i < COUNT(wanted); i++) {
        const struct json *seen =
            json_pointer(features_of(test, wanted[i].who, round), STR("/features/events/Seen"));
        CHECK_INT(json_int(json_get(seen, "count")), wanted[i].count);
        CHECK(json_double(json_get(seen, "sum")) == wanted[i].sum + wanted[i].count * 0.5);
    }
}

static void shuffle(size_t *order, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = (size_t)rand() % i, other = order[k];
        order[k] = order[i - 1];
        order[i - 1] = other;
    }
}

static void test_any_order(struct test_service *test)
{
    srand(20261124);
    for (int round = 0; round < ROUNDS; round++) {
        size_t order[2 * COUNT(story)];
        for (size_t i = 0; i < COUNT(order); i++)
            order[i] = i % COUNT(story); /* each comes twice */
        shuffle(order, COUNT(order));
        for (size_t i = 0; i < COUNT(order); i++)
            tell(test, round, order[i]);
        check_all(test, round);
    }
    test_reopen(test);
    check_all(test, ROUNDS - 1);
}

/* Who is erased takes along the visitors that they were; what is said of these later is not taken, joined or not. */
static void test_erasing(struct test_service *test)
{
    CHECK_INT(test_event(test, &CRM_PROFILE_ERASED_V1_TYPE, "x",
                         "{\"profile_id\":\"prf_A.0\",\"request_id\":\"ers_1\","
                         "\"erased_at\":\"2026-11-20T00:00:00Z\"}"),
              DONE);
    static const char *const gone[] = { "prf_A", "vis_1", "vis_2" };
    for (size_t i = 0; i < COUNT(gone); i++)
        CHECK(!json_bool(json_get(features_of(test, gone[i], 0), "known")));
    CHECK(json_bool(json_get(features_of(test, "prf_B", 0), "known")));
    CHECK_INT(
        test_event(
            test, &ANALYTICS_EVENT_RECORDED_V1_TYPE, "late",
            "{\"message_id\":\"m\",\"kind\":\"identify\",\"person_id\":\"prf_A.0\","
            "\"user_id\":\"prf_A.0\",\"anonymous_id\":\"vis_9.0\",\"source\":\"shop\","
            "\"occurred_at\":\"2026-11-02T00:00:00Z\",\"received_at\":\"2026-11-02T00:00:00Z\"}"),
        DONE);
    CHECK(!json_bool(json_get(features_of(test, "vis_9", 0), "known")));
}

/* The file of the form before is made anew under another name, and nothing is left of it. */
static void test_earlier_form(struct test_service *test)
{
    static const char *const earlier[] = { "people", "people~2", "people~now", "peoples" };
    for (size_t i = 0; i < COUNT(earlier); i++)
        REQUIRE(mkdir(service_data_path(test_ctx(test), earlier[i]).ptr, 0700) == 0);
    test_reopen(test);
    struct stat status;
    for (size_t i = 0; i < COUNT(earlier); i++)
        CHECK_INT(stat(service_data_path(test_ctx(test), earlier[i]).ptr, &status) == 0, i == 3);
    check_all(test, 1);
}

int main(void)
{
    struct test_service *test = test_open(&personalization_service, NULL, NULL);
    test_any_order(test);
    test_earlier_form(test);
    test_erasing(test);
    test_close(test);
    return check_end();
}
