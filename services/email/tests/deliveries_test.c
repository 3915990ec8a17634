/* What launches ask for: taken, refused, undone; the audience, gone through in batches; on each engine. */
#include "services/email/audience.h"
#include "services/email/messages.h"
#include "services/email/plan.h"
#include "services/email/tests/room.h"

#define GOOD "\"subject\":\"Hello {{ person.first_name }}\",\"html\":\"<p>Hi</p>\""
#define TO(segments) ",\"template\":\"spring\",\"audience\":{\"segments\":[" segments "]}"

static struct message_counts counts_of(struct test_service *test, const char *launch);

static void test_answers(struct test_service *test)
{
    ASK("lch_none", TO("\"seg_a\""));
    CHECK_STR(answered(test), "refused there is no email template \"spring\"");
    publish(test, "email_template", "broken", "\"subject\":\"{{ x | \",\"html\":\"<p>\"");
    ASK("lch_broken", ",\"template\":\"broken\",\"audience\":{\"everyone\":true}");
    CHECK(str_starts(answered(test), STR("refused template \"broken\", subject: line 1")));
    publish(test, "email_template", "spring", GOOD);
    ASK("lch_nobody", ",\"template\":\"spring\"");
    CHECK_STR(answered(test), "refused it says for nobody whom it is for");
    ASK("lch_sender", TO("\"seg_a\"") ",\"sender_id\":\"snd_none\"");
    CHECK_STR(answered(test), "refused there is no sender \"snd_none\"");
    ASK("lch_zone",
        TO("\"seg_a\"") ",\"schedule\":{\"local_at\":\"2026-05-01T09:00\",\"zone\":\"Mars/X\"}");
    CHECK(str_starts(answered(test), STR("refused ")));
    ASK("lch_time",
        TO("\"seg_a\"") ",\"schedule\":{\"local_at\":\"2026-02-30T09:00\",\"zone\":\"UTC\"}");
    CHECK_STR(answered(test), "refused 2026-02-30T09:00 is no time");
    HEAR(EMAIL_DELIVERY_ASKED,
         "{\"command_id\":\"cmd_late\",\"campaign_id\":\"cmp_a\",\"launch_id\":\"lch_late\","
         "\"action\":\"do\",\"expires_at\":\"2020-01-01T00:00:00Z\"" TO("\"seg_a\"") "}");
    CHECK_STR(answered(test), "refused it came too late, and had expired");
    ASK("lch_empty", TO("\"seg_empty\"")); /* which segments there are is not known here */
    CHECK_STR(answered(test), "done -");
}

static void test_undo(struct test_service *test)
{
    UNDO("lch_u1"); /* before its do: a tombstone */
    CHECK_STR(answered(test), "done -");
    ASK("lch_u1", TO("\"seg_a\""));
    CHECK_STR(answered(test), "refused this launch was undone");
    ASK("lch_u2", TO("\"seg_a\""));
    ASK("lch_u2", TO("\"seg_a\"")); /* twice is once */
    CHECK_STR(answered(test), "done -");
    UNDO("lch_u2");
    CHECK_STR(answered(test), "done -");
    LAUNCH("lch_u2"); /* cannot come; if it does, nothing is released */
    work(test, "deliveries");
    CHECK_INT(counts_of(test, "lch_u2").queued, 0);
}

struct counting {
    const char *launch;
    struct message_counts counts;
};

static bool read_counts(struct ctx *ctx, void *argument)
{
    struct counting *counting = argument;
    return store_message_counts(ctx, str_of(counting->launch), &counting->counts);
}

static struct message_counts counts_of(struct test_service *test, const char *launch)
{
    struct counting counting = { .launch = launch };
    CHECK(test_read(test, read_counts, &counting));
    return counting.counts;
}

static int64_t last(struct test_service *test, const struct event_type *type,
                    const char *member_name)
{
    size_t n = test_published(test, type);
    return n ? json_int(json_get(test_published_data(test, type, n - 1), member_name)) : -1;
}

#define PEOPLE (AUDIENCE_BATCH + 107)

static void people(struct test_service *test)
{
    for (int i = 0; i < PEOPLE; i++) {
        char id[32];
        snprintf(id, sizeof(id), "prf_%04d", i);
        person(test, id, "");
        member(test, i < AUDIENCE_BATCH ? "seg_a" : "seg_b", id);
        if (i % 100 == 0)
            member(test, "seg_b", id); /* some are in both */
        if (i == 5)
            member(test, "seg_out", id);
    }
    HEAR(CRM_CONSENT_CHANGED,
         "{\"profile_id\":\"prf_0007\",\"purpose\":\"marketing\",\"channel\":"
         "\"email\",\"state\":\"refused\",\"changed_at\":\"2026-01-02T00:00:00Z\"}");
    member(test, "seg_a", "prf_stranger");
}

static void test_audience(struct test_service *test)
{
    ASK("lch_1", ",\"template\":\"spring\",\"audience\":{\"segments\":[\"seg_a\",\"seg_b\"],"
                 "\"exclude\":[\"seg_out\"]}");
    work(test, "deliveries");
    CHECK_INT(counts_of(test, "lch_1").queued, 0); /* held */
    LAUNCH("lch_1");
    CHECK(test_work(test, "deliveries"));
    test_reopen(test); /* goes on where it was */
    work(test, "deliveries");
    CHECK_INT(counts_of(test, "lch_1").queued, PEOPLE - 2);
    CHECK_INT(last(test, &EMAIL_DELIVERY_COUNTED_V1_TYPE, "recipients"), PEOPLE - 2);
    CHECK_INT(last(test, &EMAIL_DELIVERY_COUNTED_V1_TYPE, "withheld"), 2);
    size_t told = test_published(test, &EMAIL_DELIVERY_FINISHED_V1_TYPE);
    HEAR(CAMPAIGN_CAMPAIGN_CANCELLED, "{\"campaign_id\":\"cmp_a\",\"launch_id\":\"lch_1\","
                                      "\"cancelled_at\":\"2026-01-01T00:00:00Z\"}");
    work(test, "deliveries");
    CHECK_INT(counts_of(test, "lch_1").withheld, PEOPLE - 2);
    CHECK_INT(test_published(test, &EMAIL_DELIVERY_FINISHED_V1_TYPE), told + 1);
}

static void test_shares(struct test_service *test)
{
    ASK("lch_2", ",\"template\":\"spring\",\"audience\":{\"everyone\":true,\"holdout_percent\":10},"
                 "\"variants\":[{\"name\":\"a\",\"weight\":1},{\"name\":\"b\",\"weight\":3}],"
                 "\"test\":{\"percent\":40,\"metric\":\"opens\",\"decide_after_s\":60}");
    CHECK_STR(answered(test), "done -");
    LAUNCH("lch_2");
    work(test, "deliveries");
    struct message_counts counts = counts_of(test, "lch_2");
    int64_t held_out = last(test, &EMAIL_DELIVERY_COUNTED_V1_TYPE, "held_out");
    CHECK(held_out > PEOPLE * 0.06 && held_out < PEOPLE * 0.14);
    CHECK_INT(counts.queued + counts.waiting + held_out, PEOPLE - 1);
    CHECK(counts.queued > PEOPLE * 0.28 && counts.queued < PEOPLE * 0.44);
    HEAR(CAMPAIGN_WINNER_CHOSEN,
         "{\"campaign_id\":\"cmp_a\",\"launch_id\":\"lch_2\",\"variant\":\"b\","
         "\"metric\":\"opens\",\"by\":\"figures\",\"chosen_at\":\"2026-01-01T00:00:00Z\"}");
    work(test, "deliveries");
    CHECK_INT(counts_of(test, "lch_2").queued, PEOPLE - 1 - held_out);
}

static void test_single(struct test_service *test)
{
#define ASKED(key, template)                                                                       \
    HEAR(EMAIL_MESSAGE_ASKED,                                                                      \
         "{\"command_id\":\"cmd_1\",\"message_key\":\"" key                                        \
         "\",\"person_id\":\"prf_0001\",\"template\":\"" template                                  \
         "\",\"purpose\":\"service\",\"expires_at\":\"2099-01-01T00:00:00Z\"}")
    ASKED("k1", "spring");
    ASKED("k1", "spring");
    CHECK_INT(counts_of(test, QUEUE_NOW).queued, 1); /* the same key is one mail */
    ASKED("k2", "none");
    CHECK_INT(test_published(test, &EMAIL_MESSAGE_FAILED_V1_TYPE), 1);
    CHECK_INT(counts_of(test, QUEUE_NOW).failed, 1);
}

static int64_t due(const char *local, const char *own, const char *common)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    int64_t us = -1;
    struct delivery_asked_schedule schedule = { .local_at = str_of(local),
                                                .has_each = true,
                                                .each = true };
    const struct zone *of_person = own ? zone_find(&ctx, str_of(own)) : NULL;
    CHECK(plan_due(&ctx, &schedule, of_person, zone_find(&ctx, str_of(common)), &us));
    return us;
}

static int64_t moment(const char *text)
{
    int64_t us = 0;
    CHECK(clock_parse(str_of(text), false, &us));
    return us;
}

static void test_times(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    int64_t until = 0;
    const struct zone *berlin = zone_find(&ctx, STR("Europe/Berlin"));
    CHECK_INT(due("2026-07-01T09:00", "America/New_York", "Europe/Berlin"),
              moment("2026-07-01T13:00:00Z"));
    CHECK_INT(due("2026-07-01T09:00", NULL, "Europe/Berlin"), moment("2026-07-01T07:00:00Z"));
    CHECK_INT(due("2026-03-29T02:30", NULL, "Europe/Berlin"),
              moment("2026-03-29T01:30:00Z")); /* skipped */
    CHECK_INT(due("2026-10-25T02:30", NULL, "Europe/Berlin"),
              moment("2026-10-25T00:30:00Z")); /* doubled */
#define QUIET(now)                                                                                 \
    (plan_quiet_until(&ctx, STR("22:00"), STR("07:30"), berlin, moment(now), &until), until)
    CHECK_INT(QUIET("2026-07-01T19:59:00Z"), moment("2026-07-01T19:59:00Z")); /* 21:59 there */
    CHECK_INT(QUIET("2026-07-01T20:00:00Z"), moment("2026-07-02T05:30:00Z"));
    CHECK_INT(QUIET("2026-07-02T03:00:00Z"), moment("2026-07-02T05:30:00Z"));
    CHECK_INT(QUIET("2026-10-24T21:00:00Z"), moment("2026-10-25T06:30:00Z")); /* clocks go back */
    CHECK(!plan_quiet_until(&ctx, STR("22:00"), STR("25:00"), berlin, 0, &until));
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&email_service, url, NULL);
    test_answers(test);
    test_undo(test);
    people(test);
    test_audience(test);
    test_shares(test);
    test_single(test);
    test_close(test);
}

int main(void)
{
    const char *postgresql = test_postgresql_url();
    test_times();
    test_room(NULL);
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
