/* The room as a whole, on each engine: requests through the router, events through the consumer's path. */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/ads/ads.h"
#include "services/ads/reactions.h"
#include "ads_contract.h"

#define MORNING "2026-11-24T00:00:00Z"
#define EVENING "2026-11-25T00:00:00Z"
#define SCOPES "ads:read ads:write ads:approve ads:decide"

static struct reply call(struct test_service *test, const char *method, const char *target,
                         const char *body)
{
    return test_call(test, method, target, SCOPES, NULL, body);
}

static void hold(const char *moment, int64_t later_us)
{
    int64_t at_us = 0;
    REQUIRE(clock_parse(str_of(moment), false, &at_us));
    clock_hold_us(at_us + later_us);
}

static struct reply put_ad(struct test_service *test, const char *id, const char *model, int price,
                           const char *cap)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str body = arena_printf(
        arena,
        "{\"name\":\"%s\",\"placement_id\":\"plc_home\",\"content\":{\"headline\":\"%s\"},"
        "\"target_url\":\"https://shop.example/%s\",\"model\":\"%s\","
        "\"price\":{\"amount\":%d,\"currency\":\"USD\"}%s}",
        id, id, id, model, price, cap);
    return call(test, "PUT", arena_printf(arena, "/v1/ads/%s", id).ptr, body.ptr);
}

static void approve(struct test_service *test, const char *id)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/ads/%s/review", id);
    CHECK_INT(call(test, "PUT", target.ptr, "{\"state\":\"approved\"}").status, 200);
}

/* "do done", "do refused <reason>" */
static struct str ask(struct test_service *test, const char *launch, const char *command,
                      const char *action, const char *expires_at, const char *more)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str data = arena_printf(
        arena,
        "{\"command_id\":\"%s\",\"campaign_id\":\"cmp_1\",\"launch_id\":\"%s\",\"action\":\"%s\","
        "\"expires_at\":\"%s\"%s}",
        command, launch, action, expires_at, more);
    CHECK_INT(test_event(test, &ADS_ACTIVATION_ASKED_V1_TYPE, NULL, data.ptr), DONE);
    size_t n = test_published(test, &ADS_ACTIVATION_ANSWERED_V1_TYPE);
    REQUIRE(n > 0);
    const struct json *answer = test_published_data(test, &ADS_ACTIVATION_ANSWERED_V1_TYPE, n - 1);
    struct str reason = json_str(json_get(answer, "reason"));
    return arena_printf(
        arena, STR_FMT " " STR_FMT "%s" STR_FMT, STR_ARG(json_str(json_get(answer, "action"))),
        STR_ARG(json_str(json_get(answer, "outcome"))), reason.len ? " " : "", STR_ARG(reason));
}
#define LATER "2126-01-01T00:00:00Z"
#define DO(launch, command, more) ask(test, launch, command, "do", LATER, more)
#define UNDO(launch, command) ask(test, launch, command, "undo", MORNING, "")
#define SPRING ",\"ads\":[{\"ad_id\":\"ad_spring\"}]"

/* The ad that this person is shown: its id, or "none"; *token of it. */
static struct str chosen(struct test_service *test, const char *person, struct str *token)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str body =
        arena_printf(arena, "{\"person_id\":\"%s\",\"slots\":[\"home-hero\"]}", person);
    struct reply reply = call(test, "POST", "/v1/ad-decisions", body.ptr);
    CHECK_INT(reply.status, 200);
    const struct json *ad = json_at(json_get(test_json(test, reply), "ads"), 0);
    if (!ad)
        return STR("none");
    *token = json_str(json_get(ad, "token"));
    return json_str(json_get(ad, "ad_id"));
}

static struct reply follow(struct test_service *test, const char *path, struct str token)
{
    struct str target = arena_printf(test_ctx(test)->arena, "%s/" STR_FMT, path, STR_ARG(token));
    return test_call(test, "GET", target.ptr, NULL, NULL, NULL);
}

static int64_t of_launch(struct test_service *test, const char *launch, const char *member)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/activations/%s", launch);
    return json_int(json_get(test_json(test, call(test, "GET", target.ptr, NULL)), member));
}

/* ---- launches ---- */

static void test_what_is_refused(struct test_service *test)
{
    CHECK_INT(put_ad(test, "ad_spring", "mille", 500, "").status, 404); /* no placement yet */
    CHECK_INT(
        call(test, "PUT", "/v1/placements/plc_home", "{\"slot\":\"home-hero\",\"name\":\"Home\"}")
            .status,
        200);
    CHECK_INT(
        call(test, "PUT", "/v1/placements/plc_two", "{\"slot\":\"home-hero\",\"name\":\"Two\"}")
            .status,
        409);
    CHECK_INT(put_ad(test, "ad_spring", "mille", -1, "").status, 422);
    CHECK_STR(DO("lch_0", "cmd_1", ""), "do refused it names no ads");
    CHECK_STR(DO("lch_0", "cmd_2", SPRING), "do refused there is no ad ad_spring");
    CHECK_INT(put_ad(test, "ad_spring", "mille", 500, "").status, 200);
    CHECK_STR(DO("lch_0", "cmd_3", SPRING), "do refused the ad ad_spring is not approved");
    approve(test, "ad_spring");
    CHECK_STR(DO("lch_0", "cmd_3", SPRING), /* what was answered stays */
              "do refused the ad ad_spring is not approved");
    CHECK_STR(DO("lch_0", "cmd_4", SPRING ",\"budget\":{\"amount\":1000001,\"currency\":\"USD\"}"),
              "do refused the budget is over the limit of 1000000 USD");
    CHECK_STR(DO("lch_0", "cmd_5", SPRING ",\"budget\":{\"amount\":10,\"currency\":\"EUR\"}"),
              "do refused the ad ad_spring is paid in USD, the budget is in EUR");
    CHECK_STR(DO("lch_0", "cmd_6", SPRING ",\"ends_at\":\"2020-01-01T00:00:00Z\""),
              "do refused its end is over");
    CHECK_STR(ask(test, "lch_0", "cmd_7", "do", "2020-01-01T00:00:00Z", SPRING),
              "do refused the command has expired");
    CHECK_STR(UNDO("lch_early", "cmd_8"), "undo done");
    CHECK_STR(DO("lch_early", "cmd_9", SPRING), "do refused the launch is undone");
    struct str token;
    CHECK_STR(chosen(test, "prf_a", &token), "none");
    CHECK_INT(test_event(test, &ADS_ACTIVATION_ASKED_V1_TYPE, NULL, "{\"launch_id\":7}"), REJECT);
}

static void test_from_do_to_undo(struct test_service *test)
{
    struct str token;
    CHECK_STR(DO("lch_1", "cmd_10", SPRING), "do done");
    CHECK_STR(DO("lch_1", "cmd_10", SPRING), "do done");
    CHECK_STR(chosen(test, "prf_a", &token), "ad_spring");
    CHECK_INT(put_ad(test, "ad_spring", "mille", 501, "").status, 200); /* to be approved anew */
    CHECK_STR(chosen(test, "prf_a", &token), "none");
    approve(test, "ad_spring");
    CHECK_STR(chosen(test, "prf_a", &token), "ad_spring");
    test_reopen(test);
    CHECK_STR(chosen(test, "prf_a", &token), "ad_spring");
#define CAMPAIGN(event, how)                                                                       \
    CHECK_INT(test_event(test, &event, NULL,                                                       \
                         "{\"campaign_id\":\"cmp_1\",\"launch_id\":\"lch_1\",\"" how               \
                         "_at\":\"2026-11-24T00:00:00Z\"}"),                                       \
              DONE)
    CAMPAIGN(CAMPAIGN_CAMPAIGN_PAUSED_V1_TYPE, "paused");
    CHECK_STR(chosen(test, "prf_a", &token), "none");
    CAMPAIGN(CAMPAIGN_CAMPAIGN_RESUMED_V1_TYPE, "resumed");
    CHECK_STR(chosen(test, "prf_a", &token), "ad_spring");
    CHECK_STR(UNDO("lch_1", "cmd_11"), "undo done");
    CHECK_STR(chosen(test, "prf_a", &token), "none");
    CAMPAIGN(CAMPAIGN_CAMPAIGN_RESUMED_V1_TYPE, "resumed");
    CHECK_STR(chosen(test, "prf_a", &token), "none");
    CHECK_STR(DO("lch_1", "cmd_12", SPRING), "do refused the launch is undone");
}

/* ---- counting ---- */

static void test_each_counts_once(struct test_service *test)
{
    struct str token = { NULL, 0 };
    CHECK_INT(put_ad(test, "ad_click", "click", 25, "").status, 200);
    approve(test, "ad_click");
    CHECK_STR(DO("lch_2", "cmd_20", ",\"ads\":[{\"ad_id\":\"ad_click\"}]"), "do done");
    CHECK_STR(chosen(test, "prf_a", &token), "ad_click");
    for (int i = 0; i < 3; i++)
        CHECK_INT(follow(test, "/v1/impressions", token).status, 200);
    for (int i = 0; i < 3; i++)
        CHECK_INT(follow(test, "/v1/clicks", token).status, 302);
    CHECK_INT(follow(test, "/v1/impressions", token).status, 200);
    CHECK_INT(of_launch(test, "lch_2", "impressions"), 1);
    CHECK_INT(of_launch(test, "lch_2", "clicks"), 1);
    CHECK_INT(of_launch(test, "lch_2", "spent_milli"), 25000);
    CHECK_INT(test_published(test, &ADS_IMPRESSION_RECORDED_V1_TYPE), 1);
    CHECK_INT(test_published(test, &ADS_CLICK_RECORDED_V1_TYPE), 1);
    CHECK_INT(follow(test, "/v1/impressions", STR("forged.token")).status, 404);
    CHECK_INT(follow(test, "/v1/clicks", STR("forged")).status, 404);
    test_reopen(test);
    CHECK_INT(follow(test, "/v1/clicks", token).status, 302); /* the key and the row are kept */
    CHECK_INT(test_published(test, &ADS_CLICK_RECORDED_V1_TYPE), 1);
}

static void test_spend_is_told_once(struct test_service *test)
{
    CHECK(!test_work(test, "spend"));
    CHECK(!test_work(test, "spend"));
    REQUIRE(test_published(test, &ADS_SPEND_RECORDED_V1_TYPE) == 1);
    const struct json *spend = test_published_data(test, &ADS_SPEND_RECORDED_V1_TYPE, 0);
    CHECK_INT(json_int(json_pointer(spend, STR("/amount/amount"))), 25);
    CHECK_INT(json_int(json_get(spend, "impressions")), 1);
    CHECK_INT(json_int(json_get(spend, "clicks")), 1);
    CHECK_STR(json_str(json_get(spend, "network")), "house");
    CHECK_STR(UNDO("lch_2", "cmd_21"), "undo done");
}

/* ---- budgets ---- */

/* A day in steps of five minutes, each with more visitors than the budget has room for. */
static void test_a_day_is_paced(struct test_service *test)
{
    struct str token = { NULL, 0 };
    hold(MORNING, 0);
    CHECK_INT(put_ad(test, "ad_day", "mille", 1000, "").status, 200); /* one unit each */
    approve(test, "ad_day");
    CHECK_STR(
        DO("lch_day", "cmd_30",
           ",\"ads\":[{\"ad_id\":\"ad_day\"}],\"budget\":{\"amount\":288,\"currency\":\"USD\"},"
           "\"starts_at\":\"" MORNING "\",\"ends_at\":\"" EVENING "\""),
        "do done");
    int64_t most_off = 0, seen = 0;
    for (int step = 1; step <= 288; step++) {
        hold(MORNING, step * 300 * US_PER_S - 1);
        for (int i = 0; i < 3; i++)
            if (str_is(chosen(test, "prf_day", &token), "ad_day")) {
                CHECK_INT(follow(test, "/v1/impressions", token).status, 200);
                seen++;
            }
        most_off = MAX(most_off, llabs(seen - (step - 1)));
    }
    CHECK(most_off <= 1);
    CHECK_INT(seen, 287); /* one at each step but the first: its cost had not been earned yet */
    CHECK_INT(of_launch(test, "lch_day", "spent_milli"), 287000);
    hold(EVENING, 0);
    CHECK_STR(chosen(test, "prf_day", &token), "none"); /* its time is over */
    clock_hold_us(0);
}

/* What is promised to pages that nobody has seen yet counts, until it is too late for them. */
static void test_promises_hold_the_budget(struct test_service *test)
{
    struct str tokens[8], token;
    int n = 0;
    hold(EVENING, US_PER_S);
    CHECK_STR(
        DO("lch_few", "cmd_31",
           ",\"ads\":[{\"ad_id\":\"ad_day\"}],\"budget\":{\"amount\":5,\"currency\":\"USD\"}"),
        "do done");
    while (n < 8 && str_is(chosen(test, "prf_a", &tokens[n]), "ad_day"))
        n++;
    CHECK_INT(n, 5);
    CHECK_INT(follow(test, "/v1/impressions", tokens[0]).status, 200);
    CHECK_STR(chosen(test, "prf_a", &token), "none");
    hold(EVENING, 1000 * US_PER_S); /* the others were never seen */
    CHECK_INT(follow(test, "/v1/impressions", tokens[1]).status, 404);
    for (n = 0; n < 8 && str_is(chosen(test, "prf_a", &tokens[n]), "ad_day");)
        CHECK_INT(follow(test, "/v1/impressions", tokens[n++]).status, 200);
    CHECK_INT(n, 4);
    CHECK_INT(of_launch(test, "lch_few", "spent_milli"), 5000);
    CHECK_STR(UNDO("lch_few", "cmd_32"), "undo done");
    clock_hold_us(0);
}

#define ASKERS 8

struct asker {
    struct test_service *test;
    struct str authorization;
    pthread_t thread;
    int shown;
};

static void *ask_often(void *argument)
{
    struct asker *asker = argument;
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    for (int i = 0; i < 50; i++) {
        struct reply reply =
            test_send_in(asker->test, arena, "POST", "/v1/ad-decisions", asker->authorization, NULL,
                         STR("{\"person_id\":\"prf_t\",\"slots\":[\"home-hero\"]}"));
        const struct json *json = reply.status == 200 ? json_parse(&ctx, reply.body) : NULL;
        asker->shown += json_size(json_get(json, "ads")) == 1;
    }
    arena_free(arena);
    return NULL;
}

/* Whoever asks at the same time: no more is promised than there is. */
static void test_many_at_once(struct test_service *test)
{
    struct asker askers[ASKERS];
    int shown = 0;
    CHECK_STR(
        DO("lch_many", "cmd_50",
           ",\"ads\":[{\"ad_id\":\"ad_day\"}],\"budget\":{\"amount\":37,\"currency\":\"USD\"}"),
        "do done");
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){ test, test_bearer(test, SCOPES), 0, 0 };
        REQUIRE(pthread_create(&askers[i].thread, NULL, ask_often, &askers[i]) == 0);
    }
    for (int i = 0; i < ASKERS; i++) {
        pthread_join(askers[i].thread, NULL);
        shown += askers[i].shown;
    }
    CHECK_INT(shown, 37);
    CHECK_STR(UNDO("lch_many", "cmd_51"), "undo done");
}

/* ---- people ---- */

static void member(struct test_service *test, const char *person, const char *state)
{
    struct str data =
        arena_printf(test_ctx(test)->arena,
                     "{\"person_id\":\"%s\",\"segment_id\":\"seg_vip\",\"state\":\"%s\","
                     "\"changed_at\":\"2026-11-24T00:00:00Z\"}",
                     person, state);
    CHECK_INT(test_event(test, &PERSONALIZATION_MEMBERSHIP_CHANGED_V1_TYPE, NULL, data.ptr), DONE);
}

static void heard_seen(struct test_service *test, const char *id, const char *person)
{
    char now[CLOCK_TEXT_BYTES];
    clock_format(clock_now_us(), now);
    struct str data =
        arena_printf(test_ctx(test)->arena,
                     "{\"impression_id\":\"imp_%s\",\"person_id\":\"%s\",\"ad_id\":\"ad_vip\","
                     "\"placement_id\":\"plc_home\",\"seen_at\":\"%s\"}",
                     id, person, now);
    CHECK_INT(test_event(test, &ADS_IMPRESSION_RECORDED_V1_TYPE, id, data.ptr), DONE);
}

static void test_segments_and_caps(struct test_service *test)
{
    struct str token;
    hold(EVENING, 0);
    CHECK_INT(put_ad(test, "ad_vip", "mille", 1, ",\"cap\":{\"impressions\":2,\"hours\":1}").status,
              200);
    approve(test, "ad_vip");
    CHECK_STR(
        DO("lch_vip", "cmd_40", ",\"ads\":[{\"ad_id\":\"ad_vip\"}],\"segments\":[\"seg_vip\"]"),
        "do done");
    CHECK_STR(chosen(test, "prf_v", &token), "none");
    member(test, "prf_v", "entered");
    member(test, "prf_w", "entered");
    CHECK_STR(chosen(test, "prf_v", &token), "ad_vip");
    heard_seen(test, "c1", "prf_v");
    heard_seen(test, "c1", "prf_v"); /* twice: once in effect */
    CHECK_STR(chosen(test, "prf_v", &token), "ad_vip");
    heard_seen(test, "c2", "prf_v");
    CHECK_STR(chosen(test, "prf_v", &token), "none");
    CHECK_STR(chosen(test, "prf_w", &token), "ad_vip"); /* a cap is of one person */
    test_reopen(test);
    CHECK_STR(chosen(test, "prf_v", &token), "none");
    hold(EVENING, 3601 * US_PER_S);
    CHECK_STR(chosen(test, "prf_v", &token), "ad_vip");
    member(test, "prf_w", "left");
    CHECK_STR(chosen(test, "prf_w", &token), "none");
    CHECK_INT(test_event(test, &CRM_PROFILE_ERASED_V1_TYPE, NULL,
                         "{\"profile_id\":\"prf_v\",\"request_id\":\"ers_1\","
                         "\"erased_at\":\"2026-11-25T00:00:00Z\"}"),
              DONE);
    CHECK_STR(chosen(test, "prf_v", &token), "none");
    CHECK_INT(test_published(test, &CRM_ERASURE_DONE_V1_TYPE), 1);
    clock_hold_us(0);
}

static void test_room(const char *url)
{
    static const char *const overrides[] = { "budget_most=1000000", NULL };
    struct test_service *test = test_open(&ads_service, url, overrides);
    test_what_is_refused(test);
    test_from_do_to_undo(test);
    test_each_counts_once(test);
    test_spend_is_told_once(test);
    test_a_day_is_paced(test);
    test_promises_hold_the_budget(test);
    test_many_at_once(test);
    test_segments_and_caps(test);
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
