/* Campaigns before they are launched, on each engine: requests through the router. */
#include "services/campaign/tests/campaigns.h"

static void test_saving(struct test_service *test)
{
    struct reply reply = put(test, "cmp_a", NULL, PLAN);
    REQUIRE(reply.status == 200);
    CHECK_STR(member(test, reply, "state"), "draft");
    CHECK_INT(put(test, "cmp_a", "If-Match: \"7\"", PLAN).status, 412);
    CHECK_INT(
        json_int(json_get(test_json(test, put(test, "cmp_a", "If-Match: \"1\"", PLAN)), "version")),
        2);
    CHECK_INT(test_published(test, &CAMPAIGN_CAMPAIGN_SAVED_V1_TYPE), 2);
    const struct json *saved = test_published_data(test, &CAMPAIGN_CAMPAIGN_SAVED_V1_TYPE, 1);
    CHECK_INT(json_int(json_get(saved, "revision")), 2);
    CHECK_INT(json_size(json_get(saved, "channels")), 2);
}

/* ---- what a plan may not say ---- */

#define WHEN(text) "{\"name\":\"x\",\"schedule\":{" text "}}"

static const struct refused {
    const char *plan, *pointer, *detail;
} refused[] = {
    { "{\"name\":\"x\",\"email\":{\"template\":\"t\"}}", "/audience", "needs an audience" },
    { "{\"name\":\"x\",\"audience\":{\"everyone\":true,\"segments\":[\"s\"]}}",
      "/audience/everyone", "not both" },
    { "{\"name\":\"x\"," EMAIL ",\"variants\":[{\"name\":\"a\"},{\"name\":\"a\"}]}}",
      "/email/variants/1/name", "two variants" },
    { "{\"name\":\"x\"," EMAIL
      ",\"variants\":[{\"name\":\"a\"}],\"test\":{\"percent\":10,\"metric\":\"opens\",\"decide_after_s\":60}}}",
      "/email/test", "two variants or more" },
    { "{\"name\":\"x\",\"budget\":{\"amount\":0,\"currency\":\"USD\"}}", "/budget/amount",
      "more than 0" },
    { "{\"name\":\"x\",\"budget\":{\"amount\":5,\"currency\":\"USD\"},"
      "\"ads\":{\"ads\":[\"ad_1\"],\"budget\":{\"amount\":6,\"currency\":\"USD\"}}}",
      "/ads/budget/amount", "more than the campaign's" },
    { "{\"name\":\"x\",\"budget\":{\"amount\":5,\"currency\":\"USD\"},"
      "\"ads\":{\"ads\":[\"ad_1\"],\"budget\":{\"amount\":5,\"currency\":\"EUR\"}}}",
      "/ads/budget/currency", "in USD" },
    { "{\"name\":\"x\",\"quiet\":{\"from\":\"22:00\",\"to\":\"22:00\"}}", "/quiet/to",
      "end where" },
    { "{\"name\":\"x\",\"ends_at\":\"2026-01-01T00:00:00Z\",\"schedule\":{\"at\":\"2026-01-02T00:00:00Z\"}}",
      "/ends_at", "before it begins" },
    { WHEN("\"at\":\"2027-01-01T00:00:00Z\",\"local_at\":\"2027-01-01T00:00\",\"zone\":\"UTC\""),
      "/schedule/at", "not both" },
    { WHEN("\"local_at\":\"2027-01-01T00:00\""), "/schedule/zone", "needs a zone" },
    { WHEN("\"zone\":\"UTC\""), "/schedule/zone", "local_at" },
    { WHEN("\"local_at\":\"2027-02-30T00:00\",\"zone\":\"UTC\""), "/schedule/local_at",
      "no such time" },
    { WHEN("\"local_at\":\"2027-01-01T00:00\",\"zone\":\"Europe/Atlantis\""), "/schedule/zone",
      "Atlantis" },
    { WHEN("\"local_at\":\"2027-03-28T02:30\",\"zone\":\"Europe/Berlin\""), "/schedule/local_at",
      "skip 2027-03-28T02:30" },
    { WHEN("\"local_at\":\"2027-10-31T02:30\",\"zone\":\"Europe/Berlin\""), "/schedule/which",
      "twice" },
    { WHEN("\"local_at\":\"2027-10-30T02:30\",\"zone\":\"Europe/Berlin\",\"which\":\"second\""),
      "/schedule/which", "once" },
    { WHEN("\"local_at\":\"2027-01-01T00:00\",\"zone\":\"UTC\",\"each\":true,\"which\":\"first\""),
      "/schedule/which", "one zone" },
    { WHEN("\"rrule\":\"FREQ=DAILY\""), "/schedule/rrule", "local_at" },
    { WHEN("\"each\":true"), "/schedule/each", "local_at" },
    { WHEN("\"local_at\":\"2027-01-01T00:00\",\"zone\":\"UTC\",\"rrule\":\"FREQ=HOURLY\""),
      "/schedule/rrule", "FREQ is" },
    { WHEN("\"local_at\":\"2027-01-01T00:00\",\"zone\":\"UTC\","
           "\"rrule\":\"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30\""),
      "/schedule/rrule", "no day matches" },
};

static void test_bad_plans(struct test_service *test)
{
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct reply reply = put(test, "cmp_bad", NULL, refused[i].plan);
        const struct json *problem = test_json(test, reply);
        CHECK_INT(reply.status, 422);
        CHECK_STR(json_str(json_get(json_at(json_get(problem, "errors"), 0), "pointer")),
                  refused[i].pointer);
        struct str detail = json_str(json_get(problem, "detail"));
        if (!memmem(detail.ptr, detail.len, refused[i].detail, strlen(refused[i].detail)))
            CHECK_STR(detail, refused[i].detail);
    }
    CHECK_INT(test_call(test, "GET", "/v1/campaigns/cmp_bad", ALL, NULL, NULL).status, 404);
}

/* ---- when it would begin ---- */

static const struct starts {
    const char *schedule, *at; /* NULL: never, or at once */
} starts[] = {
    { "\"at\":\"2026-11-24T09:00:00+02:00\"", "2026-11-24T07:00:00Z" },
    { "\"at\":\"2026-11-23T09:00:00Z\"", NULL },
    { "\"local_at\":\"2026-12-01T09:00\",\"zone\":\"Europe/Berlin\"", "2026-12-01T08:00:00Z" },
    { "\"local_at\":\"2027-10-31T02:30\",\"zone\":\"Europe/Berlin\",\"which\":\"first\"",
      "2027-10-31T00:30:00Z" },
    { "\"local_at\":\"2027-10-31T02:30\",\"zone\":\"Europe/Berlin\",\"which\":\"second\"",
      "2027-10-31T01:30:00Z" },
    { "\"local_at\":\"2027-04-04T01:45\",\"zone\":\"Australia/Lord_Howe\",\"which\":\"second\"",
      "2027-04-03T15:15:00Z" },
    { "\"local_at\":\"2026-12-01T09:00\",\"zone\":\"Europe/Berlin\",\"each\":true",
      "2026-11-30T19:00:00Z" },
    { "\"local_at\":\"2026-01-05T09:00\",\"zone\":\"America/New_York\",\"rrule\":\"FREQ=WEEKLY\"",
      "2026-11-30T14:00:00Z" },
    /* Skipped: 02:30 is read as 03:30 */
    { "\"local_at\":\"2026-03-29T02:30\",\"zone\":\"Europe/Berlin\",\"rrule\":\"FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\"",
      "2027-03-28T01:30:00Z" },
    /* UNTIL is a moment: that Monday begins after it in New York */
    { "\"local_at\":\"2026-01-05T09:00\",\"zone\":\"America/New_York\",\"rrule\":\"FREQ=WEEKLY;UNTIL=20261130T135959Z\"",
      NULL },
    { "\"local_at\":\"2026-01-05T09:00\",\"zone\":\"America/New_York\",\"rrule\":\"FREQ=WEEKLY;UNTIL=20261130T140000Z\"",
      "2026-11-30T14:00:00Z" },
    { "\"local_at\":\"2026-01-05T09:00\",\"zone\":\"UTC\",\"rrule\":\"FREQ=DAILY;COUNT=3\"", NULL },
};

static void test_starts(struct test_service *test)
{
    int64_t now;
    REQUIRE(clock_parse(STR("2026-11-24T05:00:00Z"), false, &now));
    clock_hold_us(now);
    for (size_t i = 0; i < COUNT(starts); i++) {
        struct str plan = arena_printf(test_ctx(test)->arena, WHEN("%s"), starts[i].schedule);
        struct reply reply = put(test, "cmp_when", NULL, plan.ptr);
        CHECK_INT(reply.status, 200);
        struct str at = member(test, reply, "next_start_at");
        CHECK_STR(at.ptr ? at : STR("none"), starts[i].at ? starts[i].at : "none");
    }
    clock_hold_us(0);
}

/* ---- approval ---- */

static struct reply approve(struct test_service *test, const char *who)
{
    return test_send_in(test, test_ctx(test)->arena, "POST", "/v1/campaigns/cmp_a/approve",
                        test_bearer_of(test, who, ALL), NULL, (struct str){ NULL, 0 });
}

static void test_a_second_person_approves(struct test_service *test)
{
    struct reply reply = approve(test, "test");
    CHECK_INT(reply.status, 409);
    reply = approve(test, "usr_second");
    REQUIRE(reply.status == 200);
    CHECK_STR(member(test, reply, "state"), "approved");
    CHECK_STR(member(test, reply, "approved_by"), "usr_second");
    CHECK_INT(approve(test, "usr_second").status, 409);
    reply = put(test, "cmp_a", NULL, PLAN);
    CHECK_STR(member(test, reply, "state"), "draft");
    CHECK(!member(test, reply, "approved_by").ptr);
}

static void test_cloning_listing_deleting(struct test_service *test)
{
    const char *clone = "{\"campaign_id\":\"cmp_b\",\"name\":\"Again\"}";
    struct reply reply = test_call(test, "POST", "/v1/campaigns/cmp_a/clone", ALL, NULL, clone);
    REQUIRE(reply.status == 201);
    CHECK_STR(json_str(json_get(json_get(test_json(test, reply), "plan"), "name")), "Again");
    CHECK_INT(test_call(test, "POST", "/v1/campaigns/cmp_a/clone", ALL, NULL, clone).status, 409);
    reply = test_call(test, "GET", "/v1/campaigns?limit=1&state=draft", ALL, NULL, NULL);
    struct str cursor = member(test, reply, "next_cursor");
    REQUIRE(cursor.ptr);
    struct str next = arena_printf(test_ctx(test)->arena, "/v1/campaigns?limit=1&cursor=" STR_FMT,
                                   STR_ARG(cursor));
    reply = test_call(test, "GET", next.ptr, ALL, NULL, NULL);
    CHECK_STR(
        json_str(json_get(json_at(json_get(test_json(test, reply), "items"), 0), "campaign_id")),
        "cmp_b");
    CHECK_INT(test_call(test, "DELETE", "/v1/campaigns/cmp_b", ALL, "If-Match: \"9\"", NULL).status,
              412);
    CHECK_INT(test_call(test, "DELETE", "/v1/campaigns/cmp_b", ALL, NULL, NULL).status, 204);
    CHECK_INT(test_call(test, "GET", "/v1/campaigns/cmp_b", ALL, NULL, NULL).status, 404);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&campaign_service, url, NULL);
    test_saving(test);
    test_bad_plans(test);
    test_a_second_person_approves(test);
    test_cloning_listing_deleting(test);
    test_starts(test);
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
