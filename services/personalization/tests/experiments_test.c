/* Experiments: who gets what, exposures in any order, results. */
#include <math.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/personalization/personalization.h"
#include "services/personalization/reactions.h"

#define HALVES                                                                                     \
    "\"variants\":[{\"variant\":\"default\",\"weight\":5000},{\"variant\":\"b\",\"weight\":5000}]"
#define GOALS ",\"goals\":[\"orders\",\"events.Signed Up\"]"

static struct reply put(struct test_service *test, const char *id, const char *more)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str body = arena_printf(
        arena, "{\"slot\":\"%s\",\"name\":\"n\",\"status\":\"active\",%s}", id + 4, more);
    return test_call(test, "PUT", arena_printf(arena, "/v1/experiments/%s", id).ptr,
                     "experiments:write", NULL, body.ptr);
}

static const struct json *decide(struct test_service *test, const char *slot, const char *person)
{
    struct str body = arena_printf(test_ctx(test)->arena,
                                   "{\"customer_id\":\"%s\",\"slots\":[\"%s\"]}", person, slot);
    struct reply reply = test_call(test, "POST", "/v1/decisions", "decisions:read", NULL, body.ptr);
    CHECK_INT(reply.status, 200);
    return json_pointer(test_json(test, reply), STR("/decisions/0"));
}

static struct str variant_of(struct test_service *test, const char *slot, const char *person)
{
    return json_str(json_get(decide(test, slot, person), "variant"));
}

static const char *person(struct test_service *test, int number)
{
    return arena_printf(test_ctx(test)->arena, "prf_%d", number).ptr;
}

/* ---- what may be stored ---- */

static void test_refused(struct test_service *test)
{
    static const struct {
        const char *more, *pointer;
    } cases[] = {
        { "\"variants\":[{\"variant\":\"a\",\"weight\":5000},{\"variant\":\"b\",\"weight\":4999}]" GOALS,
          "/variants" },
        { "\"variants\":[{\"variant\":\"a\",\"weight\":5000},{\"variant\":\"a\",\"weight\":5000}]" GOALS,
          "/variants/1/variant" },
        { "\"variants\":[{\"variant\":\"holdout\",\"weight\":5000},{\"variant\":\"a\",\"weight\":5000}]" GOALS,
          "/variants/0/variant" },
        { "\"variants\":[{\"variant\":\"a\",\"weight\":10000}]" GOALS, "/variants" },
        { "\"variants\":[{\"variant\":\"a\",\"weight\":-1},{\"variant\":\"b\",\"weight\":10001}]" GOALS,
          "/variants/0/weight" },
        { HALVES ",\"goals\":[\"orders\",\"orders\"]", "/goals/1" },
        { HALVES ",\"goals\":[\"visits\"]", "/goals/0" },
        { HALVES GOALS ",\"audience\":{\"and\":[{\"nonsense\":1}]}", "/audience/and/0" },
        { HALVES GOALS ",\"exclusion\":{\"group\":\"g\",\"from\":5,\"to\":5}", "/exclusion/to" },
        { HALVES GOALS ",\"holdout\":10001", "/holdout" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply reply = put(test, "exm_wrong", cases[i].more);
        CHECK_INT(reply.status, 422);
        CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/errors/0/pointer"))),
                  cases[i].pointer);
    }
}

static void test_exclusions(struct test_service *test)
{
    CHECK_INT(
        put(test, "exm_low", HALVES GOALS ",\"exclusion\":{\"group\":\"g\",\"from\":0,\"to\":4000}")
            .status,
        200);
    CHECK_INT(put(test, "exm_high",
                  HALVES GOALS ",\"exclusion\":{\"group\":\"g\",\"from\":3999,\"to\":10000}")
                  .status,
              409);
    CHECK_INT(put(test, "exm_high",
                  HALVES GOALS ",\"exclusion\":{\"group\":\"g\",\"from\":4000,\"to\":10000}")
                  .status,
              200);
    test_work(test, "definitions");
    int low = 0;
    for (int i = 0; i < 1000; i++) {
        bool in_low = json_get(decide(test, "low", person(test, i)), "experience_id") != NULL;
        bool in_high = json_get(decide(test, "high", person(test, i)), "experience_id") != NULL;
        CHECK(in_low != in_high);
        low += in_low;
    }
    CHECK(abs(low - 400) < 4 * 16); /* four standard deviations */
}

/* ---- who gets what ---- */

/* MurmurHash3 x86 of 32 bits, seed 0, written from its definition for keys of whole words and up to three bytes more. */
static uint32_t murmur3(const char *text)
{
    size_t n = strlen(text);
    uint32_t hash = 0;
    for (size_t at = 0; at < n; at += 4) {
        uint32_t word = 0;
        for (size_t i = 0; i < 4 && at + i < n; i++)
            word |= (uint32_t)(unsigned char)text[at + i] << (8 * i);
        word *= 0xcc9e2d51;
        word = (word << 15 | word >> 17) * 0x1b873593;
        hash ^= word;
        if (at + 4 <= n)
            hash = (hash << 13 | hash >> 19) * 5 + 0xe6546b64;
    }
    hash ^= (uint32_t)n;
    hash = (hash ^ hash >> 16) * 0x85ebca6b;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35;
    return hash ^ hash >> 16;
}

static int64_t place(const char *shuffle, const char *salt, const char *who)
{
    char key[100];
    snprintf(key, sizeof(key), "%s%s%s", shuffle, salt, who);
    return (int64_t)(((uint64_t)murmur3(key) * 10000) >> 32);
}

static void test_allocation(struct test_service *test)
{
    CHECK_INT(put(test, "exm_three",
                  "\"holdout\":1000,\"variants\":[{\"variant\":\"default\",\"weight\":2000},"
                  "{\"variant\":\"b\",\"weight\":8000},{\"variant\":\"c\",\"weight\":0}]" GOALS)
                  .status,
              200);
    test_work(test, "definitions");
    int held_out = 0, b = 0;
    for (int i = 0; i < 2000; i++) {
        const char *who = person(test, i);
        bool out = place("holdout:", "exm_three", who) < 1000;
        bool first = place("", "exm_three", who) < 2000;
        const struct json *decision = decide(test, "three", who);
        CHECK_STR(json_str(json_get(decision, "variant")), out     ? "holdout"
                                                           : first ? "default"
                                                                   : "b");
        CHECK_STR(json_str(json_get(decision, "reason")), out ? "holdout" : "experiment");
        CHECK_STR(json_str(json_get(decision, "experience_id")), "exm_three");
        held_out += out;
        b += !out && !first;
    }
    CHECK(abs(held_out - 200) < 4 * 14);
    CHECK(abs(b - 1440) < 4 * 21);
}

static void test_audience(struct test_service *test)
{
    CHECK_INT(
        put(test, "exm_gold", HALVES GOALS ",\"audience\":{\"==\":[{\"var\":\"tier\"},\"gold\"]}")
            .status,
        200);
    test_work(test, "definitions");
    CHECK(json_get(decide(test, "gold", "prf_gold"), "experience_id") == NULL);
    CHECK_INT(
        test_event(test, &LOYALTY_TIER_CHANGED_V1_TYPE, NULL,
                   "{\"customer_id\":\"prf_gold\",\"tier\":\"gold\",\"previous_tier\":\"none\","
                   "\"changed_at\":\"2026-11-01T00:00:00Z\"}"),
        DONE);
    CHECK(json_get(decide(test, "gold", "prf_gold"), "experience_id") != NULL);
    struct reply reply = test_call(test, "POST", "/v1/decisions", "decisions:read", NULL,
                                   "{\"slots\":[\"three\"]}"); /* nobody: no shuffle to stand in */
    CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/decisions/0/reason"))),
              "default");
}

static void test_explained(struct test_service *test)
{
    struct reply reply =
        test_call(test, "GET", "/v1/people/prf_gold/explain?slot=gold", "people:read", NULL, NULL);
    const struct json *step = json_pointer(test_json(test, reply), STR("/steps/0"));
    CHECK_STR(json_str(json_get(step, "outcome")), "assigned");
    CHECK_STR(json_str(json_pointer(step, STR("/read/tier"))), "gold");
    CHECK_INT(json_int(json_get(step, "place")), place("", "exm_gold", "prf_gold"));
    reply = test_call(test, "GET", "/v1/people/prf_x/explain?slot=gold", "people:read", NULL, NULL);
    step = json_pointer(test_json(test, reply), STR("/steps/0"));
    CHECK_STR(json_str(json_get(step, "outcome")), "not_in_audience");
    CHECK_STR(json_str(json_pointer(step, STR("/read/tier"))), "none");
}

/* ---- exposures and results ---- */

static void event(struct test_service *test, const struct event_type *type, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str data = arena_vprintf(test_ctx(test)->arena, format, args);
    va_end(args);
    CHECK_INT(test_event(test, type, NULL, data.ptr), DONE);
}

static void sees(struct test_service *test, const char *who, const char *variant, int minute)
{
    event(
        test, &GATEWAY_PAGE_VIEWED_V1_TYPE,
        "{\"view_id\":\"viw_1\",\"person_id\":\"%s\",\"slug\":\"home\",\"viewed_at\":\"2026-11-01T00:%02d:00Z\","
        "\"shown\":[{\"slot\":\"x\",\"variant\":\"vip\",\"experience_id\":\"exp_x\"},"
        "{\"slot\":\"seen\",\"variant\":\"%s\",\"experience_id\":\"exm_seen\"}]}",
        who, minute, variant);
}

static void orders(struct test_service *test, const char *who, int minute)
{
    event(
        test, &COMMERCE_ORDER_PLACED_V1_TYPE,
        "{\"order_id\":\"ord_1\",\"customer_id\":\"%s\",\"placed_at\":\"2026-11-01T00:%02d:00Z\","
        "\"total\":{\"amount\":1,\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,"
        "\"amount\":{\"amount\":1,\"currency\":\"USD\"}}]}",
        who, minute);
}

static void tells(struct test_service *test, const char *who, const char *name,
                  const char *properties, int minute)
{
    event(
        test, &ANALYTICS_EVENT_RECORDED_V1_TYPE,
        "{\"message_id\":\"m\",\"kind\":\"track\",\"name\":\"%s\",\"person_id\":\"%s\",\"source\":\"shop\","
        "\"properties\":%s,\"occurred_at\":\"2026-11-01T00:%02d:00Z\",\"received_at\":\"2026-11-01T00:59:00Z\"}",
        name, who, properties, minute);
}

static const struct json *results(struct test_service *test)
{
    struct reply reply =
        test_call(test, "GET", "/v1/experiments/exm_seen/results", "experiments:read", NULL, NULL);
    CHECK_INT(reply.status, 200);
    return test_json(test, reply);
}

static int64_t figure(struct test_service *test, const char *pointer)
{
    return json_int(json_pointer(results(test), str_of(pointer)));
}

/* Variants are default (0), b (1) and who is held out (2); goals orders (0) and signing up (1). */
static void test_exposures(struct test_service *test)
{
    CHECK_INT(put(test, "exm_seen", HALVES GOALS ",\"holdout\":500").status, 200);
    test_work(test, "definitions");
    CHECK(json_get(results(test), "sample_ratio") == NULL);
    sees(test, "prf_a", "b", 10);
    orders(test, "prf_a", 5); /* before: does not count */
    CHECK_INT(figure(test, "/variants/1/exposed"), 1);
    CHECK_INT(figure(test, "/variants/1/goals/0/converted"), 0);
    orders(test, "prf_a", 20);
    orders(test, "prf_a", 30); /* once per person */
    CHECK_INT(figure(test, "/variants/1/goals/0/converted"), 1);
    CHECK_INT(figure(test, "/variants/1/goals/1/converted"), 0);
    tells(test, "vis_b", "Signed Up", "{}", 20); /* is heard before the view that was before it */
    sees(test, "vis_b", "default", 15);
    CHECK_INT(figure(test, "/variants/0/goals/1/converted"), 1);
    sees(test, "vis_b", "b", 16); /* the first counts */
    CHECK_INT(figure(test, "/variants/0/exposed"), 1);
    CHECK_INT(figure(test, "/mixed"), 1);
    sees(test, "vis_b", "b", 14); /* which was another: it is heard late */
    CHECK_INT(figure(test, "/variants/0/exposed"), 0);
    CHECK_INT(figure(test, "/variants/1/exposed"), 2);
    tells(test, "prf_c", "Experiment Viewed",
          "{\"experiment_id\":\"exm_seen\",\"variation_id\":\"default\"}", 1);
    sees(test, "prf_d", "holdout", 1);
    orders(test, "prf_d", 2);
    CHECK_INT(figure(test, "/variants/0/exposed"), 1);
    CHECK_STR(json_str(json_pointer(results(test), STR("/variants/2/variant"))), "holdout");
    CHECK_INT(figure(test, "/variants/2/goals/0/converted"), 1);
    CHECK(json_pointer(results(test), STR("/variants/2/goals/0/probability_best")) == NULL);
    CHECK_INT(figure(test, "/exposed"), 4);
    CHECK_STR(json_str(json_get(results(test), "first_exposure_at")), "2026-11-01T00:01:00Z");
}

/* 2 of 3 saw b: two of one, one of the other is no mismatch. Of 1 and 2 people the reading is known: b converts 1 of 2,
 * default 0 of 1; Beta(2, 2) is above Beta(1, 2) with E[1 - (1 - x)^2] = 0.7. */
static void test_reading(struct test_service *test)
{
    const struct json *ratio = json_get(results(test), "sample_ratio");
    CHECK_INT(json_int(json_get(ratio, "degrees")), 1);
    CHECK(fabs(json_double(json_get(ratio, "chi_square")) - 1.0 / 3) < 1e-9);
    CHECK(fabs(json_double(json_get(ratio, "p_value")) - erfc(sqrt(1.0 / 6))) < 1e-9);
    CHECK(!json_bool(json_get(ratio, "mismatch")));
    const struct json *goal = json_pointer(results(test), STR("/variants/1/goals/0"));
    CHECK(fabs(json_double(json_get(goal, "probability_best")) - 0.7) < 1e-4);
    CHECK(fabs(json_double(json_get(goal, "rate")) - 0.5) < 1e-12);
}

/* A visitor who turns out to be a customer is one person: what was seen first counts, under whichever id. */
static void test_joined(struct test_service *test)
{
    int64_t exposed = figure(test, "/exposed"), mixed = figure(test, "/mixed");
    sees(test, "prf_j", "b", 5);
    orders(test, "prf_j", 10);
    sees(test, "vis_j", "default", 1);
    CHECK_INT(figure(test, "/exposed"), exposed + 2);
    CHECK_INT(figure(test, "/variants/0/goals/0/converted"), 0);
    event(
        test, &ANALYTICS_EVENT_RECORDED_V1_TYPE,
        "{\"message_id\":\"j\",\"kind\":\"identify\",\"person_id\":\"prf_j\",\"user_id\":\"prf_j\","
        "\"anonymous_id\":\"vis_j\",\"source\":\"shop\",\"occurred_at\":\"2026-11-01T00:07:00Z\","
        "\"received_at\":\"2026-11-01T00:59:00Z\"}");
    CHECK_INT(figure(test, "/exposed"), exposed + 1);
    CHECK_INT(figure(test, "/mixed"), mixed + 1);
    CHECK_INT(figure(test, "/variants/0/goals/0/converted"), 1);
    event(
        test, &CRM_PROFILE_ERASED_V1_TYPE,
        "{\"profile_id\":\"prf_j\",\"request_id\":\"ers_2\",\"erased_at\":\"2026-11-02T00:00:00Z\"}");
    CHECK_INT(figure(test, "/exposed"), exposed);
}

static void test_mismatch(struct test_service *test)
{
    for (int i = 0; i < 100; i++)
        sees(test, person(test, i), i < 80 ? "b" : "default", 1);
    const struct json *ratio = json_get(results(test), "sample_ratio");
    CHECK(json_bool(json_get(ratio, "mismatch")));
    test_reopen(test);
    test_work(test, "definitions");
    CHECK_INT(figure(test, "/exposed"), 104);
}

static void test_erased(struct test_service *test)
{
    event(
        test, &CRM_PROFILE_ERASED_V1_TYPE,
        "{\"profile_id\":\"prf_a\",\"request_id\":\"ers_1\",\"erased_at\":\"2026-11-02T00:00:00Z\"}");
    CHECK_INT(figure(test, "/exposed"), 103);
    sees(test, "prf_a", "b", 40);
    CHECK_INT(figure(test, "/exposed"), 103);
}

static void test_life(struct test_service *test)
{
    struct str before = variant_of(test, "three", "prf_1");
    CHECK_INT(test_call(test, "DELETE", "/v1/experiments/exm_three", "experiments:write",
                        "If-Match: \"7\"", NULL)
                  .status,
              412);
    CHECK_INT(test_call(test, "DELETE", "/v1/experiments/exm_three", "experiments:write",
                        "If-Match: \"1\"", NULL)
                  .status,
              204);
    test_work(test, "definitions");
    CHECK_STR(variant_of(test, "three", "prf_1"), "default");
    CHECK(before.len > 0);
    CHECK_INT(
        test_call(test, "GET", "/v1/experiments/exm_three/results", "experiments:read", NULL, NULL)
            .status,
        404);
    struct reply list =
        test_call(test, "GET", "/v1/experiments?limit=2", "experiments:read", NULL, NULL);
    CHECK_INT(json_size(json_get(test_json(test, list), "items")), 2);
    CHECK(json_get(test_json(test, list), "next_cursor") != NULL);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&personalization_service, url, NULL);
    test_refused(test);
    test_exclusions(test);
    test_allocation(test);
    test_audience(test);
    test_explained(test);
    test_exposures(test);
    test_reading(test);
    test_joined(test);
    test_mismatch(test);
    test_erased(test);
    test_life(test);
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
