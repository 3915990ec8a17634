/* Segments: what may be stored, who enters and leaves, by events and by time, what is told; on each engine. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/personalization/people_sweep.h"
#include "services/personalization/personalization.h"
#include "services/personalization/reactions.h"
#include "personalization_contract.h"

#define PEOPLE 300
#define NOON (1795867200 * US_PER_S) /* 2026-11-28T12:00:00Z */

static struct arena *arena_of(struct test_service *test)
{
    return test_ctx(test)->arena;
}

static void work(struct test_service *test)
{
    test_work(test, "definitions");
    while (test_work(test, "segments"))
        continue;
}

static struct reply put(struct test_service *test, const char *id, const char *body)
{
    return test_call(test, "PUT", arena_printf(arena_of(test), "/v1/segments/%s", id).ptr,
                     "segments:write", NULL, body);
}

static struct reply put_rule(struct test_service *test, const char *id, const char *rule)
{
    return put(test, id, arena_printf(arena_of(test), "{\"name\":\"n\",\"rule\":%s}", rule).ptr);
}

static int64_t size_of(struct test_service *test, const char *id)
{
    struct reply reply = test_call(test, "GET",
                                   arena_printf(arena_of(test), "/v1/segments/%s", id).ptr,
                                   "segments:read", NULL, NULL);
    return json_int(json_get(test_json(test, reply), "size"));
}

static int64_t preview(struct test_service *test, const char *rule)
{
    struct reply reply = test_call(test, "POST", "/v1/segments/preview", "segments:read", NULL,
                                   arena_printf(arena_of(test), "{\"rule\":%s}", rule).ptr);
    CHECK_INT(reply.status, 200);
    return json_int(json_get(test_json(test, reply), "size"));
}

static bool is_in(struct test_service *test, const char *who, const char *segment)
{
    struct reply reply = test_call(test, "GET",
                                   arena_printf(arena_of(test), "/v1/people/%s/segments", who).ptr,
                                   "people:read", NULL, NULL);
    for (struct json_iter it = json_iter(json_get(test_json(test, reply), "items"));
         json_next(&it);)
        if (str_is(json_str(json_get(it.value, "segment_id")), segment))
            return true;
    return false;
}

static void viewed(struct test_service *test, const char *who, int64_t at_us)
{
    char at[CLOCK_TEXT_BYTES];
    clock_format(at_us, at);
    CHECK_INT(
        test_event(test, &GATEWAY_PAGE_VIEWED_V1_TYPE, NULL,
                   arena_printf(arena_of(test),
                                "{\"view_id\":\"viw_1\",\"person_id\":\"%s\",\"slug\":\"home\","
                                "\"viewed_at\":\"%s\"}",
                                who, at)
                       .ptr),
        DONE);
}

static void said(struct test_service *test, const char *kind, const char *who, const char *name,
                 const char *other, int value, int64_t at_us)
{
    char at[CLOCK_TEXT_BYTES];
    clock_format(at_us, at);
    struct str more = other
                          ? arena_printf(arena_of(test),
                                         ",\"user_id\":\"%s\",\"anonymous_id\":\"%s\"", who, other)
                          : STR("");
    CHECK_INT(
        test_event(
            test, &ANALYTICS_EVENT_RECORDED_V1_TYPE, NULL,
            arena_printf(arena_of(test),
                         "{\"message_id\":\"m\",\"kind\":\"%s\",\"name\":\"%s\","
                         "\"person_id\":\"%s\",\"source\":\"shop\",\"properties\":"
                         "{\"value\":%d},\"occurred_at\":\"%s\",\"received_at\":\"%s\"" STR_FMT "}",
                         kind, name, who, value, at, at, STR_ARG(more))
                .ptr),
        DONE);
}

static void profile(struct test_service *test, const char *who, const char *traits)
{
    CHECK_INT(test_event(test, &CRM_PROFILE_UPDATED_V1_TYPE, NULL,
                         arena_printf(arena_of(test),
                                      "{\"profile_id\":\"%s\",\"version\":1,\"traits\":%s,"
                                      "\"updated_at\":\"2026-11-01T00:00:00Z\"}",
                                      who, traits)
                             .ptr),
              DONE);
}

/* How often a membership was told as entered and as left. */
static void check_told(struct test_service *test, const char *who, const char *segment, int entered,
                       int left)
{
    int n[2] = { 0 };
    for (size_t i = 0; i < test_published(test, &PERSONALIZATION_MEMBERSHIP_CHANGED_V1_TYPE); i++) {
        const struct json *event =
            test_published_data(test, &PERSONALIZATION_MEMBERSHIP_CHANGED_V1_TYPE, i);
        if (str_is(json_str(json_get(event, "person_id")), who) &&
            str_is(json_str(json_get(event, "segment_id")), segment))
            n[str_is(json_str(json_get(event, "state")), "left")]++;
    }
    CHECK_INT(n[0], entered);
    CHECK_INT(n[1], left);
}

/* ---- what may be stored ---- */

static void check_refused(struct test_service *test, const char *id, const char *rule,
                          const char *pointer, const char *why)
{
    struct reply reply = put_rule(test, id, rule);
    CHECK_INT(reply.status, 422);
    const struct json *problem = test_json(test, reply);
    struct str told = json_str(json_pointer(problem, STR("/errors/0/pointer")));
    if (!CHECK(told.ptr && str_is(told, pointer)))
        fprintf(stderr, "  %s: at " STR_FMT "\n", rule, STR_ARG(told));
    struct str said_why = json_str(json_pointer(problem, STR("/errors/0/detail")));
    if (!CHECK(said_why.ptr && strstr(said_why.ptr, why)))
        fprintf(stderr, "  %s: " STR_FMT "\n", rule, STR_ARG(said_why));
}

static void test_refused(struct test_service *test)
{
    CHECK_INT(put_rule(test, "seg_a", "{\">\":[{\"var\":\"visits\"},3]}").status, 200);
    CHECK_INT(put_rule(test, "seg_b", "{\"var\":\"segments.seg_a\"}").status, 200);
    CHECK_INT(put_rule(test, "seg_c", "{\"!\":{\"var\":\"segments.seg_b\"}}").status, 200);
    check_refused(
        test, "seg_a", "{\"and\":[true,{\"var\":\"segments.seg_c\"}]}", "/rule",
        "seg_a is made of: seg_c is made of: seg_b is made of: seg_a (a segment cannot be "
        "made of itself)");
    check_refused(test, "seg_d", "{\"var\":\"segments.seg_d\"}", "/rule", "made of itself");
    check_refused(test, "seg_d", "{\"var\":\"segments.seg_none\"}", "/rule",
                  "there is no segment seg_none");
    check_refused(test, "seg_d", "{\"and\":[{\"var\":\"visits\"},{\">\":[{\"var\":\"spend\"},1]}]}",
                  "/rule/and/1", "there is no feature spend");
    check_refused(test, "seg_d", "{\"!\":[{\"in\":[\"a\",{\"var\":\"context.x\"}]}]}", "/rule/!/0",
                  "a segment cannot read context.x: it belongs to a request");
    check_refused(test, "seg_d", "{\"and\":[true,{\"var\":\"person.customer\"}]}", "/rule/and/1",
                  "a segment cannot read person.customer: it belongs to a request");
    check_refused(test, "seg_d", "{\"var\":{\"cat\":[\"vis\",\"its\"]}}", "/rule",
                  "names the features");
    check_refused(test, "seg_d", "{\"or\":[{\"did\":[\"orders\",1,31]}]}", "/rule/or/0/did",
                  "1, 7, 30 or 90");
    check_refused(test, "seg_d", "{\"or\":[{\"nope\":[1]}]}", "/rule/or/0", "no operator nope");
    check_refused(test, "seg_d", "7", "/rule", "JsonLogic");
    CHECK_INT(put(test, "seg_d", "{\"name\":\"n\"}").status, 422);
    CHECK_INT(put(test, "seg_d", "{\"name\":\"n\",\"kind\":\"list\",\"rule\":true}").status, 422);
    CHECK_INT(test_call(test, "DELETE", "/v1/segments/seg_a", "segments:write", NULL, NULL).status,
              409);
    CHECK_INT(test_call(test, "DELETE", "/v1/segments/seg_c", "segments:write", NULL, NULL).status,
              204);
}

/* Each made of the one before: ten are taken. A rule that grows is refused, not run. */
static void test_bounds(struct test_service *test)
{
    struct arena *arena = arena_of(test);
    CHECK_INT(put_rule(test, "seg_0", "true").status, 200);
    for (int i = 1; i <= 10; i++) {
        struct reply reply =
            put_rule(test, arena_printf(arena, "seg_%d", i).ptr,
                     arena_printf(arena, "{\"var\":\"segments.seg_%d\"}", i - 1).ptr);
        CHECK_INT(reply.status, i < 10 ? 200 : 422);
    }
    struct str wide = STR("{\"or\":[true");
    for (int i = 0; i < 200; i++)
        wide = arena_printf(arena, STR_FMT ",true", STR_ARG(wide));
    wide = arena_printf(arena, STR_FMT "]}", STR_ARG(wide));
    check_refused(test, "seg_d", wide.ptr, "/rule/or/199", "more than 200 parts");
    /* A rule that is allowed and grows when it runs holds for nobody, and costs its bound. */
    struct str grows = STR("{\"cat\":[{\"var\":\"traits.x\"},\"0123456789\"]}");
    for (int i = 0; i < 15; i++)
        grows = arena_printf(arena, "{\"cat\":[" STR_FMT "," STR_FMT "]}", STR_ARG(grows),
                             STR_ARG(i < 5 ? grows : STR("\"x\"")));
    viewed(test, "vis_g", clock_now_us());
    CHECK(preview(test, grows.ptr) >= 0);
    for (int i = 9; i >= 0; i--)
        CHECK_INT(test_call(test, "DELETE", arena_printf(arena, "/v1/segments/seg_%d", i).ptr,
                            "segments:write", NULL, NULL)
                      .status,
                  204);
}

/* ---- entering and leaving ---- */

static void test_events(struct test_service *test)
{
    work(test);
    for (int i = 0; i < 4; i++) {
        CHECK(!is_in(test, "vis_1", "seg_a"));
        viewed(test, "vis_1", clock_now_us());
    }
    CHECK(is_in(test, "vis_1", "seg_a") && is_in(test, "vis_1", "seg_b"));
    CHECK_INT(size_of(test, "seg_b"), 1);
    work(test);
    check_told(test, "vis_1", "seg_a", 1, 0);
    check_told(test, "vis_1", "seg_b", 1, 0);
    viewed(test, "vis_1", clock_now_us());
    work(test);
    test_reopen(test);
    work(test);
    check_told(test, "vis_1", "seg_a", 1, 0); /* once, whatever is done again */
    CHECK(is_in(test, "vis_1", "seg_b"));
    CHECK_INT(size_of(test, "seg_b"), 1);
    struct reply list =
        test_call(test, "GET", "/v1/segments/seg_a/members", "people:read", NULL, NULL);
    CHECK_STR(json_str(json_pointer(test_json(test, list), STR("/items/0/person_id"))), "vis_1");
    CHECK_INT(put_rule(test, "seg_a", "{\">\":[{\"var\":\"visits\"},5]}").status, 200);
    work(test);
    CHECK(!is_in(test, "vis_1", "seg_a") && !is_in(test, "vis_1", "seg_b"));
    check_told(test, "vis_1", "seg_b", 1, 1);
    CHECK_INT(put_rule(test, "seg_a", "{\">\":[{\"var\":\"visits\"},3]}").status, 200);
    work(test);
    CHECK(is_in(test, "vis_1", "seg_b"));
    check_told(test, "vis_1", "seg_b", 2, 1);
}

/* A visitor who turns out to be a customer leaves, the customer enters, for what both did together. */
static void test_joined(struct test_service *test)
{
    viewed(test, "vis_2", clock_now_us());
    viewed(test, "vis_2", clock_now_us());
    viewed(test, "prf_2", clock_now_us());
    viewed(test, "prf_2", clock_now_us());
    CHECK(!is_in(test, "prf_2", "seg_a"));
    viewed(test, "vis_2", clock_now_us());
    viewed(test, "vis_2", clock_now_us());
    work(test);
    CHECK(is_in(test, "vis_2", "seg_a"));
    said(test, "identify", "prf_2", "", "vis_2", 0, clock_now_us());
    work(test);
    CHECK(is_in(test, "prf_2", "seg_a") && is_in(test, "vis_2", "seg_a"));
    check_told(test, "vis_2", "seg_a", 1, 1);
    check_told(test, "prf_2", "seg_a", 1, 0);
    CHECK_INT(size_of(test, "seg_a"), preview(test, "{\">\":[{\"var\":\"visits\"},3]}"));
    CHECK_INT(test_event(test, &CRM_PROFILE_ERASED_V1_TYPE, NULL,
                         "{\"profile_id\":\"prf_2\",\"request_id\":\"ers_1\","
                         "\"erased_at\":\"2026-11-20T00:00:00Z\"}"),
              DONE);
    work(test);
    CHECK(!is_in(test, "prf_2", "seg_a"));
    check_told(test, "prf_2", "seg_a", 1, 1);
    CHECK_INT(size_of(test, "seg_a"), preview(test, "{\">\":[{\"var\":\"visits\"},3]}"));
}

static void test_time(struct test_service *test)
{
    clock_hold_us(NOON);
    CHECK_INT(put_rule(test, "seg_week", "{\"did\":[\"events.Seen\",2,7]}").status, 200);
    CHECK_INT(put_rule(test, "seg_idle",
                       "{\"and\":[{\"did\":[\"events.Seen\"]},"
                       "{\"!\":{\"did\":[\"events.Seen\",1,30]}}]}")
                  .status,
              200);
    work(test);
    said(test, "track", "vis_t", "Seen", NULL, 5, NOON - 3 * US_PER_DAY);
    said(test, "track", "vis_t", "Seen", NULL, 6, NOON);
    CHECK(is_in(test, "vis_t", "seg_week"));
    for (int day = 1; day <= 40; day++) {
        clock_hold_us(NOON + day * US_PER_DAY);
        work(test);
        CHECK_INT(is_in(test, "vis_t", "seg_week"), day < 4);
        CHECK_INT(is_in(test, "vis_t", "seg_idle"), day >= 30);
        CHECK_INT(preview(test, "{\"did\":[\"events.Seen\",2,7]}"), day < 4);
        CHECK_INT(preview(test, "{\">=\":[{\"total\":[\"events.Seen\",7]},11]}"), day < 4);
    }
    check_told(test, "vis_t", "seg_week", 1, 1);
    check_told(test, "vis_t", "seg_idle", 1, 0);
    said(test, "track", "vis_t", "Seen", NULL, 1, NOON + 40 * US_PER_DAY);
    CHECK(!is_in(test, "vis_t", "seg_idle"));
    clock_hold_us(0);
}

static void ordered(struct test_service *test, const char *who, int amount)
{
    struct str order = arena_printf(
        arena_of(test),
        "{\"order_id\":\"ord_%s\",\"customer_id\":\"%s\",\"placed_at\":\"2026-11-01T00:00:00Z\","
        "\"total\":{\"amount\":%d,\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,"
        "\"amount\":{\"amount\":%d,\"currency\":\"USD\"}}]}",
        who, who, amount, amount);
    CHECK_INT(test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, NULL, order.ptr), DONE);
}

/* Nothing happens to those who enter and leave here but that time passes, or that others spend. */
#define TICKED "{\"and\":[{\"did\":[\"events.Ticked\"]},"
static void test_moving(struct test_service *test)
{
    static const char
        waits[] = TICKED "{\">\":[{\"-\":[{\"var\":\"now\"},"
                         "{\"var\":\"events.Ticked.last_at\"}]},3600]}]}",
        mornings[] = TICKED "{\"<\":[{\"%\":[{\"var\":\"now\"},86400]},46800]}]}",
        top[] = "{\">=\":[{\"var\":\"spend_percentile\"},90]}",
        below[] = "{\"and\":[{\"did\":[\"orders\"]},{\"!\":{\"var\":\"segments.seg_top\"}}]}";
    clock_hold_us(NOON);
    CHECK_INT(put_rule(test, "seg_waits", waits).status, 200);
    CHECK_INT(put_rule(test, "seg_morning", mornings).status, 200);
    CHECK_INT(put_rule(test, "seg_top", top).status, 200);
    CHECK_INT(put_rule(test, "seg_below", below).status, 200);
    work(test);
    said(test, "track", "vis_m", "Ticked", NULL, 1, NOON);
    ordered(test, "prf_low", 100);
    ordered(test, "prf_top", 1000000);
    CHECK(is_in(test, "vis_m", "seg_morning") && !is_in(test, "vis_m", "seg_waits"));
    CHECK(is_in(test, "prf_top", "seg_top") && !is_in(test, "prf_top", "seg_below"));
    for (int minute = 15; minute <= 120; minute += 15) {
        clock_hold_us(NOON + minute * 60 * US_PER_S);
        work(test);
        CHECK_INT(is_in(test, "vis_m", "seg_waits"), minute > 60);
        CHECK_INT(is_in(test, "vis_m", "seg_morning"), minute < 60);
        CHECK_INT(preview(test, waits), minute > 60);
    }
    check_told(test, "vis_m", "seg_morning", 1, 1);
    for (int i = 0; i < 30; i++)
        ordered(test, arena_printf(arena_of(test), "prf_more%d", i).ptr, 2000000 + i * 100000);
    work(test);
    CHECK(is_in(test, "prf_top", "seg_top")); /* within the minute */
    clock_hold_us(NOON + 121 * 60 * US_PER_S);
    work(test);
    CHECK(!is_in(test, "prf_top", "seg_top") && is_in(test, "prf_top", "seg_below"));
    CHECK_INT(size_of(test, "seg_top"), preview(test, top));
    check_told(test, "prf_top", "seg_top", 1, 1);
    clock_hold_us(0);
}

/* ---- lists ---- */

static int import(struct test_service *test, const char *query, const char *type, const char *lines)
{
    return test_call(test, "POST",
                     arena_printf(arena_of(test), "/v1/segments/seg_list/members%s", query).ptr,
                     "segments:write", arena_printf(arena_of(test), "Content-Type: %s\n", type).ptr,
                     lines)
        .status;
}

static void test_lists(struct test_service *test)
{
    CHECK_INT(put(test, "seg_list", "{\"name\":\"n\",\"kind\":\"list\"}").status, 200);
    CHECK_INT(put_rule(test, "seg_both",
                       "{\"and\":[{\"var\":\"segments.seg_list\"},"
                       "{\">\":[{\"var\":\"visits\"},3]}]}")
                  .status,
              200);
    CHECK_INT(import(test, "", "text/plain", "vis_1\nprf_new\n\r\n"), 200);
    CHECK_INT(import(test, "", "application/x-ndjson", "{\"person_id\":\"vis_3\"}\n"), 200);
    CHECK_INT(import(test, "", "text/plain", "prf_x\n{\"person\":1}\n"), 422);
    CHECK_INT(import(test, "", "text/plain", "{\"person_id\"\n"), 422);
    work(test);
    CHECK(is_in(test, "vis_1", "seg_list") && is_in(test, "vis_1", "seg_both"));
    CHECK(is_in(test, "prf_new", "seg_list") && !is_in(test, "prf_new", "seg_both"));
    CHECK(is_in(test, "vis_3", "seg_list") && !is_in(test, "prf_x", "seg_list"));
    CHECK_INT(size_of(test, "seg_list"), 3);
    CHECK_INT(preview(test, "{\"var\":\"segments.seg_list\"}"), 3);
    said(test, "identify", "prf_3", "", "vis_3", 0, clock_now_us()); /* the visitor was invited */
    CHECK(is_in(test, "prf_3", "seg_list"));
    CHECK_INT(import(test, "?mode=remove", "text/plain", "vis_1"), 200);
    work(test);
    CHECK(!is_in(test, "vis_1", "seg_list") && !is_in(test, "vis_1", "seg_both"));
    CHECK_INT(import(test, "?mode=replace", "text/plain", "vis_1"), 200);
    work(test);
    CHECK(is_in(test, "vis_1", "seg_both") && !is_in(test, "prf_new", "seg_list"));
    CHECK_INT(size_of(test, "seg_list"), 1);
    check_told(test, "vis_1", "seg_list", 2, 1);
    CHECK_INT(put_rule(test, "seg_list", "true").status, 409);
    CHECK_INT(
        test_call(test, "DELETE", "/v1/segments/seg_both", "segments:write", NULL, NULL).status,
        204);
    CHECK_INT(
        test_call(test, "DELETE", "/v1/segments/seg_list", "segments:write", NULL, NULL).status,
        204);
    CHECK_INT(put(test, "seg_list", "{\"name\":\"n\",\"kind\":\"list\"}").status, 200);
    work(test);
    CHECK_INT(size_of(test, "seg_list"), 0); /* another list of that name */
    check_told(test, "vis_1", "seg_list", 2, 2);
}

/* ---- columns and people say the same ---- */

static const char *const atoms[] = {
    "{\">\":[{\"var\":\"visits\"},2]}",
    "{\"<=\":[3,{\"var\":\"visits.count_7d\"}]}",
    "{\"==\":[{\"var\":\"visits\"},2]}",
    "{\"!=\":[{\"var\":\"visits\"},2.5]}",
    "{\"var\":\"visits\"}",
    "{\"<\":[{\"var\":\"visits.last_at\"},1800000000]}",
    "{\"!==\":[{\"var\":\"visits.first_at\"},0]}",
    "{\"==\":[{\"var\":\"events.Seen.first_at\"},0]}",
    "{\">=\":[{\"var\":\"events.Seen.first_at\"},0]}",
    "{\"did\":[\"events.Seen\",2,30]}",
    "{\"did\":\"events.Seen\"}",
    "{\">\":[{\"total\":[\"events.Seen\"]},10.5]}",
    "{\"<\":[{\"times\":[\"events.Seen\",90]},-1]}",
    "{\"==\":[{\"var\":\"traits.plan\"},\"pro\"]}",
    "{\"in\":[{\"var\":\"traits.plan\"},[\"free\",\"pro\"]]}",
    "{\"<\":[{\"var\":\"traits.age\"},30]}",
    "{\"==\":[{\"var\":\"traits.age\"},null]}",
    "{\"some\":[{\"var\":\"traits.tags\"},{\"==\":[{\"var\":\"\"},\"a\"]}]}",
    "{\">\":[{\"var\":\"visits\"},{\"times\":[\"events.Seen\"]}]}",
    "{\"==\":[{\"%\":[{\"var\":\"visits\"},2]},0]}",
    "{\"var\":[\"traits.plan\",\"visits\"]}",
    "{\"==\":[{\"var\":\"tier\"},\"none\"]}",
    "{\"var\":\"segments.seg_seen\"}",
    "{\"==\":[{\"var\":\"segments.seg_seen\"},false]}",
    "{\"var\":\"person.known\"}",
    "{\"if\":[{\"var\":\"traits.age\"},{\">\":[{\"var\":\"visits\"},1]},false]}",
    "true",
};

static struct str random_rule(struct arena *arena, int depth)
{
    static const char *const trees[] = { "and", "or" };
    if (depth == 0 || rand() % 3 == 0)
        return str_of(atoms[(size_t)rand() % COUNT(atoms)]);
    struct str one = random_rule(arena, depth - 1), other = random_rule(arena, depth - 1);
    if (rand() % 4 == 0)
        return arena_printf(arena, "{\"!\":[" STR_FMT "]}", STR_ARG(one));
    return arena_printf(arena, "{\"%s\":[" STR_FMT "," STR_FMT "]}", trees[rand() % 2],
                        STR_ARG(one), STR_ARG(other));
}

static void random_person(struct test_service *test, int i)
{
    static const char *const traits[] = {
        "{\"plan\":\"pro\",\"age\":20}",
        "{\"plan\":\"free\",\"age\":\"25\",\"tags\":[\"a\",\"b\"]}",
        "{\"plan\":null,\"tags\":[]}",
        "{\"age\":40.5,\"tags\":[\"b\",\"a\"]}",
        "{\"tags\":\"a\",\"plan\":false}",
    };
    const char *who = arena_printf(arena_of(test), "%s_r%d", i % 2 ? "prf" : "vis", i).ptr;
    for (int k = rand() % 5; k > 0; k--)
        viewed(test, who, NOON - rand() % 100 * US_PER_DAY);
    for (int k = rand() % 4; k > 0; k--)
        said(test, "track", who, "Seen", NULL, rand() % 12, NOON - rand() % 100 * US_PER_DAY);
    if (i % 2 && rand() % 2)
        profile(test, who, traits[(size_t)rand() % COUNT(traits)]);
    if (i % 7 == 1)
        said(test, "identify", who, "", arena_printf(arena_of(test), "vis_r%d", i - 1).ptr, 0,
             NOON);
}

static void check_members(struct test_service *test, const char *id, int64_t wanted)
{
    int64_t n = 0;
    const char *cursor = "";
    while (cursor) {
        struct reply reply =
            test_call(test, "GET",
                      arena_printf(arena_of(test), "/v1/segments/%s/members?limit=70%s%s", id,
                                   *cursor ? "&cursor=" : "", cursor)
                          .ptr,
                      "people:read", NULL, NULL);
        const struct json *page = test_json(test, reply);
        for (struct json_iter it = json_iter(json_get(page, "items")); json_next(&it); n++)
            if (n % 50 == 0)
                CHECK(is_in(test, json_str(json_get(it.value, "person_id")).ptr, id));
        cursor = json_str(json_get(page, "next_cursor")).ptr;
    }
    CHECK_INT(n, wanted);
}

/* The rule over columns (the preview), the rule asked for each person (their events come after the segment), and the rule
 * after it was looked at again (the segment comes after their events) give the same people. */
static void test_columns(struct test_service *test)
{
    enum { RULES = 40 };
    struct arena *arena = arena_new(0);
    struct str rules[RULES];
    srand(20261124);
    clock_hold_us(NOON);
    CHECK_INT(put_rule(test, "seg_seen", "{\"did\":\"events.Seen\"}").status, 200);
    for (int i = 0; i < RULES; i++) {
        rules[i] = i < (int)COUNT(atoms) ? str_of(atoms[i]) : random_rule(arena, 3);
        CHECK_INT(put_rule(test, arena_printf(arena, "seg_before%d", i).ptr, rules[i].ptr).status,
                  200);
    }
    work(test);
    for (int i = 0; i < PEOPLE; i++)
        random_person(test, i);
    for (int i = 0; i < RULES; i++)
        CHECK_INT(put_rule(test, arena_printf(arena, "seg_after%d", i).ptr, rules[i].ptr).status,
                  200);
    work(test);
    for (int i = 0; i < RULES; i++) {
        const char *before = arena_printf(arena, "seg_before%d", i).ptr,
                   *after = arena_printf(arena, "seg_after%d", i).ptr;
        int64_t size = preview(test, rules[i].ptr);
        if (!CHECK_INT(size_of(test, before), size) || !CHECK_INT(size_of(test, after), size))
            fprintf(stderr, "  %s\n", rules[i].ptr);
        if (i % 10 == 0)
            check_members(test, before, size);
    }
    clock_hold_us(0);
    arena_free(arena);
}

/* ---- counting while events come ---- */

struct counter {
    struct people *people;
    atomic_bool over;
    int failed, counted;
};

static void *count_on(void *argument)
{
    struct counter *counter = argument;
    while (!atomic_load(&counter->over)) {
        CLEANUP(arena_freep) struct arena *arena = arena_new(0);
        struct ctx ctx = { .arena = arena };
        struct people_count count = { .most_ids = 3 };
        const struct json *rule =
            json_parse(&ctx, str_of(atoms[(size_t)counter->counted % COUNT(atoms)]));
        struct program *program = program_compile(&ctx, rule);
        counter->failed += !program || !people_count(&ctx, counter->people, program, &count) ||
                           count.size > count.people;
        counter->counted++;
    }
    return NULL;
}

static void test_beside(struct test_service *test)
{
    CLEANUP(model_done) struct model_use use = service_model(test_ctx(test));
    struct counter counter = { .people = use.model };
    pthread_t thread;
    REQUIRE(pthread_create(&thread, NULL, count_on, &counter) == 0);
    for (int i = 0; i < PEOPLE; i++) {
        random_person(test, i);
        if (i % 50 == 0)
            work(test);
    }
    atomic_store(&counter.over, true);
    pthread_join(thread, NULL);
    CHECK(counter.counted > 0 && counter.failed == 0);
    work(test);
    CHECK_INT(preview(test, atoms[0]), size_of(test, "seg_before0"));
    CHECK_INT(preview(test, atoms[9]), size_of(test, "seg_after9"));
}

static void test_decisions(struct test_service *test)
{
    CHECK_INT(test_call(test, "PUT", "/v1/experiences/exp_seg", "experiences:write", NULL,
                        "{\"slot\":\"s\",\"name\":\"n\",\"variants\":[{\"variant\":\"in\",\"rule\":"
                        "{\"var\":\"segments.seg_a\"}}]}")
                  .status,
              200);
    work(test);
    struct reply reply = test_call(test, "POST", "/v1/decisions", "decisions:read", NULL,
                                   "{\"visitor_id\":\"vis_1\",\"slots\":[\"s\"]}");
    CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/decisions/0/variant"))), "in");
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&personalization_service, url, NULL);
    test_refused(test);
    test_bounds(test);
    test_events(test);
    test_decisions(test);
    test_joined(test);
    test_time(test);
    test_moving(test);
    test_lists(test);
    test_columns(test);
    test_beside(test);
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
