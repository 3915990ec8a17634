/* People who come into a journey because they are in a segment: when it is activated, and at the times of a schedule. */
#include "services/campaign/tests/people.h"

#define SHORT                                                                                      \
    "\"nodes\":[{\"id\":\"s\",\"kind\":\"send\",\"next\":\"e\",\"send\":{\"template\":\"t\"}},"    \
    "{\"id\":\"e\",\"kind\":\"exit\"}]"
#define LONG                                                                                       \
    "\"nodes\":[{\"id\":\"w\",\"kind\":\"wait\",\"next\":\"e\",\"wait\":{\"seconds\":180000}},"    \
    "{\"id\":\"e\",\"kind\":\"exit\"}]"
#define EXISTING(segment, nodes)                                                                   \
    "{\"name\":\"In it\",\"entry\":{\"kind\":\"segment\",\"segment_id\":\"" segment                \
    "\",\"existing\":\"enter\"}," nodes "}"
#define SCHEDULED(schedule, rest)                                                                  \
    "{\"name\":\"At times\",\"time_zone\":\"Europe/Berlin\",\"entry\":{\"kind\":\"schedule\","     \
    "\"segment_id\":\"seg_timed\",\"schedule\":" schedule "}," rest "}"

static void member_at(struct test_service *test, const char *person, const char *segment,
                      const char *state, const char *at)
{
    struct str data = arena_printf(test_ctx(test)->arena,
                                   "{\"person_id\":\"%s\",\"segment_id\":\"%s\",\"state\":\"%s\","
                                   "\"changed_at\":\"%s\"}",
                                   person, segment, state, at);
    CHECK_INT(test_event(test, &PERSONALIZATION_MEMBERSHIP_CHANGED_V1_TYPE, NULL, data.ptr), DONE);
}

static void member(struct test_service *test, const char *person, const char *segment,
                   const char *state)
{
    member_at(test, person, segment, state, "2026-11-24T09:30:00Z");
}

static void members(struct test_service *test, const char *segment, const char *prefix, int n)
{
    for (int i = 0; i < n; i++)
        member(test, arena_printf(test_ctx(test)->arena, "%s%03d", prefix, i).ptr, segment,
               "entered");
}

static int64_t visits_of(struct test_service *test, const char *id, const char *person)
{
    struct str what = arena_printf(test_ctx(test)->arena, "/people/%s", person);
    struct reply reply = call(test, "GET", id, what.ptr, NULL);
    REQUIRE(reply.status == 200);
    int64_t n = 0;
    for (struct json_iter it = json_iter(json_get(test_json(test, reply), "items"));
         json_next(&it);)
        n++;
    return n;
}

static struct str intake_at(struct test_service *test, const char *id)
{
    struct reply reply = call(test, "GET", id, "/status", NULL);
    REQUIRE(reply.status == 200);
    struct str at = json_str(json_get(test_json(test, reply), "intake_at"));
    return at.ptr ? at : STR("none");
}

/* ---- who is in the segment already ---- */

static void test_ignored(struct test_service *test)
{
    members(test, "seg_ignored", "prf_i", 3);
    begin(test, "jny_ignored",
          "{\"name\":\"N\",\"entry\":{\"kind\":\"segment\",\"segment_id\":\"seg_ignored\"}," SHORT
          "}");
    pass(test, HOUR);
    CHECK_INT(figure(test, "jny_ignored", "/entered"), 0);
    CHECK_STR(intake_at(test, "jny_ignored"), "none");
    member(test, "prf_new", "seg_ignored", "entered");
    CHECK_INT(figure(test, "jny_ignored", "/entered"), 1);
}

/* A page at a time, across restarts: each once. */
static void test_existing(struct test_service *test)
{
    members(test, "seg_in", "prf_in", 250);
    member(test, "prf_in007", "seg_in", "left");
    begin(test, "jny_in", EXISTING("seg_in", SHORT));
    size_t before = mails(test);
    CHECK(test_work(test, "journeys")); /* planned */
    CHECK(test_work(test, "journeys")); /* the first page */
    CHECK_INT(figure(test, "jny_in", "/entered"), 100);
    CHECK(!str_is(intake_at(test, "jny_in"), "none"));
    member(test, "prf_in000", "seg_in", "left");
    member(test, "prf_in000", "seg_in", "entered"); /* has come in already */
    member(test, "prf_in249", "seg_in", "left");
    member(test, "prf_in249", "seg_in", "entered"); /* comes in by this */
    CHECK_INT(figure(test, "jny_in", "/entered"), 101);
    member(test, "prf_in248", "seg_in", "left"); /* is in it no more when its turn comes */
    test_reopen(test);
    clock_set(now_us);
    pass(test, 0);
    CHECK_INT(figure(test, "jny_in", "/entered"), 248);
    CHECK_INT(mails(test), before + 248);
    CHECK_INT(visits_of(test, "jny_in", "prf_in007"), 0);
    CHECK_INT(visits_of(test, "jny_in", "prf_in248"), 0);
    CHECK_INT(visits_of(test, "jny_in", "prf_in249"), 1);
    CHECK_STR(intake_at(test, "jny_in"), "none");
    pass(test, HOUR);
    CHECK_INT(figure(test, "jny_in", "/entered"), 248);
}

static void test_existing_paused(struct test_service *test)
{
    members(test, "seg_held", "prf_h", 150);
    begin(test, "jny_held", EXISTING("seg_held", LONG));
    CHECK_INT(call(test, "POST", "jny_held", "/pause", NULL).status, 200);
    pass(test, HOUR);
    CHECK_INT(figure(test, "jny_held", "/entered"), 0);
    CHECK_INT(call(test, "POST", "jny_held", "/activate", NULL).status, 200);
    pass(test, HOUR);
    CHECK_INT(figure(test, "jny_held", "/entered"), 150);
}

/* Changing the mails brings nobody in anew; another segment does, and so does another activation, by the rules of again. */
static void test_existing_changed(struct test_service *test)
{
    members(test, "seg_c1", "prf_c", 5);
    members(test, "seg_c2", "prf_c", 8);
    begin(test, "jny_c", EXISTING("seg_c1", SHORT));
    pass(test, 0);
    CHECK_INT(figure(test, "jny_c", "/entered"), 5);
    CHECK_INT(call(test, "PUT", "jny_c", NULL, EXISTING("seg_c1", LONG)).status, 200);
    pass(test, HOUR);
    CHECK_INT(figure(test, "jny_c", "/entered"), 5);
    CHECK_INT(call(test, "PUT", "jny_c", NULL, EXISTING("seg_c2", LONG)).status, 200);
    pass(test, HOUR);
    CHECK_INT(figure(test, "jny_c", "/entered"), 8); /* the other five have been in it */
    members(test, "seg_c2", "prf_late", 1);
    CHECK_INT(figure(test, "jny_c", "/entered"), 9);
    CHECK_INT(call(test, "POST", "jny_c", "/stop", NULL).status, 200);
    while (test_work(test, "journeys-tidy"))
        ;
    members(test, "seg_c2", "prf_between", 2);
    CHECK_INT(call(test, "POST", "jny_c", "/activate", NULL).status, 200);
    pass(test, HOUR);
    CHECK_INT(figure(test, "jny_c", "/entered"), 11);
}

/* What was told late of a time before the activation: once those who were in the segment come in, this one does. */
static void test_existing_told_late(struct test_service *test)
{
    int64_t then_us = now_us;
    clock_set(now_us + HOUR);
    begin(test, "jny_told", EXISTING("seg_told", SHORT));
    clock_hold_us(then_us);
    member(test, "prf_t1", "seg_told", "entered");
    CHECK_INT(figure(test, "jny_told", "/entered"), 0); /* its turn is yet to come */
    clock_set(then_us + HOUR);
    pass(test, 0);
    CHECK_INT(figure(test, "jny_told", "/entered"), 1);
    clock_hold_us(then_us);
    member(test, "prf_t2", "seg_told", "entered");
    member(test, "prf_t1", "seg_told", "entered");
    clock_set(then_us + HOUR);
    CHECK_INT(figure(test, "jny_told", "/entered"), 2);
}

/* ---- at times ---- */

/* 26 November 2026, 9:00 in Berlin is 8:00 UTC. */
#define DAILY "{\"local_at\":\"2026-11-26T09:00\",\"rrule\":\"FREQ=DAILY\"}"

static void test_daily(struct test_service *test)
{
    clock_set(NOON);
    members(test, "seg_timed", "prf_d", 120);
    begin(test, "jny_daily", SCHEDULED(DAILY, SHORT));
    size_t before = mails(test);
    member(test, "prf_entering", "seg_timed", "entered"); /* brings nobody in */
    pass(test, 19 * HOUR);
    CHECK_INT(figure(test, "jny_daily", "/entered"), 0);
    CHECK_STR(intake_at(test, "jny_daily"), "2026-11-26T08:00:00Z");
    pass(test, HOUR);
    CHECK_INT(figure(test, "jny_daily", "/entered"), 121);
    CHECK_STR(intake_at(test, "jny_daily"), "2026-11-27T08:00:00Z");
    member(test, "prf_entering", "seg_timed", "left");
    pass(test, HOUR);
    CHECK_INT(figure(test, "jny_daily", "/entered"), 121);
    pass(test, 23 * HOUR);
    CHECK_INT(figure(test, "jny_daily", "/entered"), 241);
    CHECK_INT(mails(test), before + 241);
    CHECK_INT(visits_of(test, "jny_daily", "prf_d000"), 2);
    CHECK_INT(visits_of(test, "jny_daily", "prf_entering"), 1);
    CHECK_INT(call(test, "POST", "jny_daily", "/stop", NULL).status, 200);
}

static void test_under_way(struct test_service *test)
{
    clock_set(NOON);
    begin(test, "jny_under_way", SCHEDULED(DAILY, LONG)); /* 50 hours */
    pass(test, 20 * HOUR);
    CHECK_INT(figure(test, "jny_under_way", "/entered"), 120);
    member(test, "prf_more", "seg_timed", "entered");
    pass(test, 24 * HOUR);
    CHECK_INT(figure(test, "jny_under_way", "/entered"), 121);
    pass(test, 24 * HOUR);
    pass(test, 24 * HOUR); /* the first ones are through */
    CHECK_INT(figure(test, "jny_under_way", "/entered"), 241);
    CHECK_INT(call(test, "POST", "jny_under_way", "/stop", NULL).status, 200);
}

static void test_never_again(struct test_service *test)
{
    clock_set(NOON);
    begin(test, "jny_once", SCHEDULED(DAILY, "\"again\":{\"rule\":\"never\"}," SHORT));
    pass(test, 20 * HOUR);
    pass(test, 24 * HOUR);
    CHECK_INT(figure(test, "jny_once", "/entered"), 121);
    CHECK_INT(call(test, "POST", "jny_once", "/stop", NULL).status, 200);
}

/* Paused over it: for less than a day it is made up for, for longer it is left out. */
static void test_late(struct test_service *test)
{
    clock_set(NOON);
    begin(test, "jny_late",
          SCHEDULED("{\"local_at\":\"2026-11-26T09:00\",\"rrule\":"
                    "\"FREQ=DAILY;INTERVAL=10\"}",
                    SHORT));
    pass(test, 0);
    CHECK_INT(call(test, "POST", "jny_late", "/pause", NULL).status, 200);
    pass(test, 40 * HOUR);
    CHECK_INT(call(test, "POST", "jny_late", "/activate", NULL).status, 200);
    pass(test, 0);
    CHECK_INT(figure(test, "jny_late", "/entered"), 121);
    CHECK_STR(intake_at(test, "jny_late"), "2026-12-06T08:00:00Z");
    CHECK_INT(call(test, "POST", "jny_late", "/pause", NULL).status, 200);
    pass(test, 12 * 24 * HOUR);
    CHECK_INT(call(test, "POST", "jny_late", "/activate", NULL).status, 200);
    pass(test, 0);
    CHECK_INT(figure(test, "jny_late", "/entered"), 121);
    CHECK_STR(intake_at(test, "jny_late"), "2026-12-16T08:00:00Z");
    CHECK_INT(call(test, "POST", "jny_late", "/stop", NULL).status, 200);
}

static void test_moment(struct test_service *test)
{
    clock_set(NOON);
    begin(test, "jny_moment", SCHEDULED("{\"at\":\"2026-11-25T13:00:00Z\"}", SHORT));
    pass(test, 0);
    pass(test, HOUR);
    CHECK_INT(figure(test, "jny_moment", "/entered"), 121);
    CHECK_STR(intake_at(test, "jny_moment"), "none");
    pass(test, 48 * HOUR);
    CHECK_INT(figure(test, "jny_moment", "/entered"), 121);
    CHECK_INT(call(test, "POST", "jny_moment", "/stop", NULL).status, 200);
    while (test_work(test, "journeys-tidy"))
        ;
    CHECK_INT(call(test, "POST", "jny_moment", "/activate", NULL).status, 409); /* it is over */
    CHECK_INT(call(test, "DELETE", "jny_moment", NULL, NULL).status, 204);
}

/* ---- what does not go together ---- */

static void test_refused(struct test_service *test)
{
    static const struct {
        const char *entry, *pointer;
    } cases[] = {
        { "{\"kind\":\"event\",\"event\":\"E\",\"existing\":\"enter\"}", "/entry/existing" },
        { "{\"kind\":\"schedule\",\"segment_id\":\"s\"}", "/entry/schedule" },
        { "{\"kind\":\"schedule\",\"schedule\":{\"at\":\"2027-01-01T00:00:00Z\"}}",
          "/entry/segment_id" },
        { "{\"kind\":\"segment\",\"segment_id\":\"s\",\"schedule\":{\"at\":\"2027-01-01T00:00:00Z\"}}",
          "/entry/schedule" },
        { "{\"kind\":\"schedule\",\"segment_id\":\"s\",\"schedule\":{}}", "/entry/schedule" },
        { "{\"kind\":\"schedule\",\"segment_id\":\"s\",\"schedule\":{\"local_at\":\"2027-01-01T09:00\","
          "\"rrule\":\"FREQ=HOURLY\"}}",
          "/entry/schedule/rrule" },
        { "{\"kind\":\"schedule\",\"segment_id\":\"s\",\"schedule\":{\"local_at\":\"2027-03-28T02:30\"}}",
          "/entry/schedule/local_at" },
        { "{\"kind\":\"schedule\",\"segment_id\":\"s\",\"schedule\":{\"local_at\":\"2027-01-01T09:00\"},"
          "\"existing\":\"enter\"}",
          "/entry/existing" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct str body =
            arena_printf(test_ctx(test)->arena,
                         "{\"name\":\"N\",\"time_zone\":\"Europe/Berlin\",\"entry\":%s," SHORT "}",
                         cases[i].entry);
        struct reply reply = call(test, "PUT", "jny_refused", NULL, body.ptr);
        CHECK_INT(reply.status, 422);
        CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/errors/0/pointer"))),
                  cases[i].pointer);
    }
}

static void run_on(const char *url)
{
    struct test_service *test = test_open(&campaign_service, url, NULL);
    clock_set(NOON);
    test_ignored(test);
    test_existing(test);
    test_existing_paused(test);
    test_existing_changed(test);
    test_existing_told_late(test);
    test_daily(test);
    test_under_way(test);
    test_never_again(test);
    test_late(test);
    test_moment(test);
    test_refused(test);
    test_close(test);
    clock_hold_us(0);
}

int main(void)
{
    run_on(NULL);
    const char *url = test_postgresql_url();
    if (url)
        run_on(url);
    return check_end();
}
