/* Launches, on each engine: requests through the router; what the steps answer is played through the consumer's path. */
#include "services/campaign/tests/campaigns.h"

static const struct step_of {
    const char *name;
    const struct event_type *asked, *answered;
} steps_of[] = {
    { "content",   &CONTENT_PUBLICATION_ASKED_V1_TYPE, &CONTENT_PUBLICATION_ANSWERED_V1_TYPE },
    { "email",     &EMAIL_DELIVERY_ASKED_V1_TYPE,      &EMAIL_DELIVERY_ANSWERED_V1_TYPE      },
    { "ads",       &ADS_ACTIVATION_ASKED_V1_TYPE,      &ADS_ACTIVATION_ANSWERED_V1_TYPE      },
    { "analytics", &ANALYTICS_TRACKING_ASKED_V1_TYPE,  &ANALYTICS_TRACKING_ANSWERED_V1_TYPE  },
};

/* Answers the newest command of a step. */
static void answer(struct test_service *test, int step, const char *outcome)
{
    size_t n = test_published(test, steps_of[step].asked);
    REQUIRE(n > 0);
    const struct json *asked = test_published_data(test, steps_of[step].asked, n - 1);
    struct str command = json_str(json_get(asked, "command_id")),
               id = json_str(json_get(asked, "launch_id")),
               campaign = json_str(json_get(asked, "campaign_id")),
               action = json_str(json_get(asked, "action"));
    struct str data = arena_printf(
        test_ctx(test)->arena,
        "{\"command_id\":\"" STR_FMT "\",\"launch_id\":\"" STR_FMT "\",\"campaign_id\":\"" STR_FMT
        "\",\"action\":\"" STR_FMT
        "\",\"outcome\":\"%s\",\"reason\":\"not today\",\"answered_at\":\"2026-11-24T09:30:00Z\"}",
        STR_ARG(command), STR_ARG(id), STR_ARG(campaign), STR_ARG(action), outcome);
    CHECK_INT(test_event(test, steps_of[step].answered, NULL, data.ptr), DONE);
    CHECK_INT(test_event(test, steps_of[step].answered, NULL, data.ptr), DONE); /* told again */
}

static struct reply post(struct test_service *test, const char *id, const char *what)
{
    return test_call(test, "POST",
                     arena_printf(test_ctx(test)->arena, "/v1/campaigns/%s/%s", id, what).ptr, ALL,
                     NULL, NULL);
}

static struct reply launch(struct test_service *test, const char *id, const char *plan)
{
    CHECK_INT(put(test, id, NULL, plan).status, 200);
    struct str path = arena_printf(test_ctx(test)->arena, "/v1/campaigns/%s/approve", id);
    CHECK_INT(test_send_in(test, test_ctx(test)->arena, "POST", path.ptr,
                           test_bearer_of(test, "usr_second", ALL), NULL, (struct str){ NULL, 0 })
                  .status,
              200);
    return post(test, id, "launch");
}

static void state_is(struct test_service *test, const char *id, const char *launch_state,
                     const char *steps, const char *campaign_state)
{
    struct str base = arena_printf(test_ctx(test)->arena, "/v1/campaigns/%s", id);
    struct str target = arena_printf(test_ctx(test)->arena, "%s/launch", base.ptr);
    const struct json *one = test_json(test, test_call(test, "GET", target.ptr, ALL, NULL, NULL));
    struct str told = STR("");
    for (struct json_iter it = json_iter(json_get(one, "steps")); json_next(&it);)
        told = arena_printf(test_ctx(test)->arena, STR_FMT "%s" STR_FMT, STR_ARG(told),
                            told.len ? " " : "", STR_ARG(json_str(json_get(it.value, "state"))));
    CHECK_STR(json_str(json_get(one, "state")), launch_state);
    CHECK_STR(told, steps);
    CHECK_STR(member(test, test_call(test, "GET", base.ptr, ALL, NULL, NULL), "state"),
              campaign_state);
}

static void test_a_launch_goes_out(struct test_service *test)
{
    CHECK_INT(put(test, "cmp_go", NULL, PLAN).status, 200);
    struct reply hasty = post(test, "cmp_go", "launch");
    CHECK_INT(hasty.status, 409);
    CHECK_STR(member(test, hasty, "detail"), "nobody has approved this version of it");
    CHECK_INT(launch(test, "cmp_go", PLAN).status, 201);
    CHECK_INT(post(test, "cmp_go", "launch").status, 409); /* a second one at once */
    CHECK_INT(put(test, "cmp_go", NULL, PLAN).status, 409);
    state_is(test, "cmp_go", "asking", "asked waiting waiting waiting", "launching");
    CHECK_INT(test_published(test, steps_of[1].asked), 0);
    answer(test, 0, "done");
    state_is(test, "cmp_go", "asking", "done asked waiting waiting", "launching");
    answer(test, 1, "done");
    CHECK_STR(
        json_str(json_pointer(test_published_data(test, steps_of[2].asked, 0), STR("/networks/0"))),
        "net_social");
    answer(test, 2, "done");
    CHECK_INT(test_published(test, &CAMPAIGN_CAMPAIGN_LAUNCHED_V1_TYPE), 0);
    answer(test, 3, "done");
    state_is(test, "cmp_go", "launched", "done done done done", "running");
    CHECK_INT(test_published(test, &CAMPAIGN_CAMPAIGN_LAUNCHED_V1_TYPE), 1);
    CHECK_INT(post(test, "cmp_go", "pause").status, 200);
    state_is(test, "cmp_go", "launched", "done done done done", "paused");
    CHECK_INT(post(test, "cmp_go", "resume").status, 200);
    struct str finished = arena_printf(
        test_ctx(test)->arena,
        "{\"campaign_id\":\"cmp_go\",\"launch_id\":\"" STR_FMT "\",\"sent\":1,\"withheld\":0,"
        "\"doubted\":0,\"failed\":0,\"finished_at\":\"2026-11-24T09:30:00Z\"}",
        STR_ARG(json_str(json_get(test_published_data(test, steps_of[1].asked, 0), "launch_id"))));
    CHECK_INT(test_event(test, &EMAIL_DELIVERY_FINISHED_V1_TYPE, NULL, finished.ptr), DONE);
    state_is(test, "cmp_go", "completed", "done done done done", "completed");
    CHECK_INT(post(test, "cmp_go", "pause").status, 409);
}

static int64_t sent_of(struct test_service *test)
{
    struct reply reply = test_call(test, "GET", "/v1/campaigns/cmp_go/status", ALL, NULL, NULL);
    REQUIRE(reply.status == 200);
    return json_int(json_pointer(test_json(test, reply), STR("/figures/sent")));
}

/* What was answered before is kept, but not beyond a change. */
static void test_status_is_kept_and_fresh(struct test_service *test)
{
    struct reply reply = test_call(test, "GET", "/v1/campaigns/cmp_go/launch", ALL, NULL, NULL);
    struct str id = member(test, reply, "launch_id");
    int64_t before = sent_of(test);
    CHECK_INT(sent_of(test), before);
    struct str data = arena_printf(
        test_ctx(test)->arena,
        "{\"message_id\":\"msg_9\",\"person_id\":\"prf_a\",\"kind\":\"bulk\",\"launch_id\":\"" STR_FMT
        "\",\"sent_at\":\"2026-11-24T09:30:00Z\"}",
        STR_ARG(id));
    CHECK_INT(test_event(test, &EMAIL_MESSAGE_SENT_V1_TYPE, NULL, data.ptr), DONE);
    CHECK_INT(sent_of(test), before + 1);
    CHECK_INT(test_call(test, "GET", "/v1/campaigns/cmp_none/status", ALL, NULL, NULL).status, 404);
}

static void test_status_from_events(struct test_service *test)
{
    static const char who[] = "\"message_id\":\"msg_%s\",\"person_id\":\"prf_a\",\"kind\":\"bulk\","
                              "\"launch_id\":\"lch_s\",\"variant\":\"a\"";
    static const struct {
        const struct event_type *type;
        const char *message, *more;
    } told[] = {
        { &EMAIL_MESSAGE_SENT_V1_TYPE, "1", "\"sent_at\":" },
        { &EMAIL_MESSAGE_SENT_V1_TYPE, "2", "\"sent_at\":" },
        { &EMAIL_MESSAGE_OPENED_V1_TYPE, "1", "\"machine\":true,\"opened_at\":" },
        { &EMAIL_MESSAGE_OPENED_V1_TYPE, "1", "\"machine\":false,\"opened_at\":" },
        { &EMAIL_MESSAGE_CLICKED_V1_TYPE, "1", "\"machine\":true,\"link\":\"l\",\"clicked_at\":" },
        { &EMAIL_MESSAGE_CLICKED_V1_TYPE, "1", "\"machine\":false,\"link\":\"l\",\"clicked_at\":" },
        { &EMAIL_MESSAGE_CLICKED_V1_TYPE, "1", "\"machine\":false,\"link\":\"m\",\"clicked_at\":" },
        { &EMAIL_MESSAGE_FAILED_V1_TYPE, "3", "\"reason\":\"refused\",\"failed_at\":" },
    };
    struct reply reply = test_call(test, "GET", "/v1/campaigns/cmp_go/launch", ALL, NULL, NULL);
    struct str id = member(test, reply, "launch_id");
    for (size_t i = 0; i < COUNT(told); i++) {
        struct str data = arena_printf(test_ctx(test)->arena, who, told[i].message);
        data = arena_printf(test_ctx(test)->arena, "{%s,%s\"2026-11-24T09:30:00Z\"}", data.ptr,
                            told[i].more);
        char *at = strstr((char *)data.ptr, "lch_s"); /* the id of the launch in its place */
        struct str whole = arena_printf(test_ctx(test)->arena, "%.*s" STR_FMT "%s",
                                        (int)(at - data.ptr), data.ptr, STR_ARG(id), at + 5);
        CHECK_INT(test_event(test, told[i].type, NULL, whole.ptr), DONE);
    }
    struct str counts = arena_printf(test_ctx(test)->arena,
                                     "{\"campaign_id\":\"cmp_go\",\"launch_id\":\"" STR_FMT
                                     "\",\"recipients\":6,\"withheld\":2,"
                                     "\"held_out\":1,\"counted_at\":\"2026-11-24T09:30:00Z\"}",
                                     STR_ARG(id));
    CHECK_INT(test_event(test, &EMAIL_DELIVERY_COUNTED_V1_TYPE, NULL, counts.ptr), DONE);
    reply = test_call(test, "GET", "/v1/campaigns/cmp_go/status", ALL, NULL, NULL);
    REQUIRE(reply.status == 200);
    const struct json *status = test_json(test, reply), *figures = json_get(status, "figures");
    CHECK_STR(json_str(json_get(status, "state")), "completed");
    CHECK_INT(json_int(json_get(status, "progress_percent")), 50);
    CHECK_INT(json_int(json_get(figures, "sent")), 2);
    CHECK_INT(json_int(json_get(figures, "opened")), 1);
    CHECK_INT(json_int(json_get(figures, "clicked")), 1);
    CHECK_INT(json_int(json_get(figures, "withheld")), 2);
    CHECK_INT(json_size(json_get(status, "variants")), 1);
}

static void test_a_refusal_undoes_all(struct test_service *test)
{
    CHECK_INT(launch(test, "cmp_no", PLAN).status, 201);
    answer(test, 0, "done");
    answer(test, 1, "done");
    answer(test, 2, "refused");
    state_is(test, "cmp_no", "undoing", "done undoing refused waiting", "undoing");
    answer(test, 1, "done");
    state_is(test, "cmp_no", "undoing", "undoing undone refused waiting", "undoing");
    answer(test, 0, "done");
    state_is(test, "cmp_no", "failed", "undone undone refused waiting", "failed");
    const struct json *failed = test_published_data(test, &CAMPAIGN_CAMPAIGN_FAILED_V1_TYPE, 0);
    CHECK_STR(json_str(json_get(failed, "step")), "ads");
    CHECK_STR(json_str(json_get(failed, "reason")), "not today");
    CHECK_INT(test_published(test, &CAMPAIGN_CAMPAIGN_LAUNCHED_V1_TYPE), 1); /* of before */
}

/* The clock is moved; what is stored brings the launch on, after a restart too. */
static void test_silence_is_given_up(struct test_service *test)
{
    int64_t now = clock_now_us();
    clock_hold_us(now);
    CHECK_INT(launch(test, "cmp_mute", PLAN).status, 201);
    answer(test, 0, "done");
    size_t asked = test_published(test, steps_of[1].asked);
    test_reopen(test);
    clock_hold_us(now + 16 * US_PER_S);
    test_work(test, "launches");
    CHECK_INT(test_published(test, steps_of[1].asked), asked + 1); /* the same command again */
    CHECK_STR(
        json_str(json_get(test_published_data(test, steps_of[1].asked, asked), "command_id")),
        json_str(json_get(test_published_data(test, steps_of[1].asked, asked - 1), "command_id"))
            .ptr);
    clock_hold_us(now + 301 * US_PER_S);
    test_work(test, "launches");
    state_is(test, "cmp_mute", "undoing", "done undoing waiting waiting", "undoing");
    for (int i = 1; i <= 3; i++) { /* asked for ever */
        clock_hold_us(now + (301 + 16 * i) * US_PER_S);
        test_work(test, "launches");
    }
    state_is(test, "cmp_mute", "undoing", "done undoing waiting waiting", "undoing");
    answer(test, 1, "done");
    answer(test, 0, "done");
    state_is(test, "cmp_mute", "failed", "undone undone waiting waiting", "failed");
    clock_hold_us(0);
}

#define TESTED                                                                                     \
    "{\"name\":\"x\"," EMAIL ",\"variants\":[{\"name\":\"a\"},{\"name\":\"b\"}],"                  \
    "\"test\":{\"percent\":20,\"metric\":\"opens\",\"decide_after_s\":60}}}"

static struct str tested_launch(struct test_service *test, const char *id)
{
    struct reply reply = launch(test, id, TESTED);
    CHECK_INT(reply.status, 201);
    answer(test, 1, "done");
    answer(test, 3, "done");
    return member(test, reply, "launch_id");
}

static void mail_told(struct test_service *test, const struct event_type *type,
                      struct str launch_id, const char *variant, int message, const char *rest)
{
    struct str data = arena_printf(
        test_ctx(test)->arena,
        "{\"message_id\":\"msg_w%d\",\"person_id\":\"prf_a\",\"kind\":\"bulk\",\"launch_id\":\"" STR_FMT
        "\",\"variant\":\"%s\",%s:\"2026-11-24T09:30:00Z\"}",
        message, STR_ARG(launch_id), variant, rest);
    CHECK_INT(test_event(test, type, NULL, data.ptr), DONE);
}

/* b has fewer opens than a, and the higher rate; a machine's opens would make it a. */
static void test_figures_choose_a_winner(struct test_service *test)
{
    int64_t now = clock_now_us();
    clock_hold_us(now);
    struct str id = tested_launch(test, "cmp_ab");
    clock_hold_us(now + 61 * US_PER_S);
    test_work(test, "launches");
    CHECK_INT(test_published(test, &CAMPAIGN_WINNER_CHOSEN_V1_TYPE), 0); /* nothing is sent yet */
    for (int i = 0; i < 5; i++)
        mail_told(test, &EMAIL_MESSAGE_SENT_V1_TYPE, id, i < 4 ? "a" : "b", i, "\"sent_at\"");
    for (int i = 0; i < 4; i++)
        mail_told(test, &EMAIL_MESSAGE_OPENED_V1_TYPE, id, "a", i,
                  i < 3 ? "\"machine\":false,\"opened_at\"" : "\"machine\":true,\"opened_at\"");
    mail_told(test, &EMAIL_MESSAGE_OPENED_V1_TYPE, id, "b", 4, "\"machine\":false,\"opened_at\"");
    clock_hold_us(now + 125 * US_PER_S);
    test_work(test, "launches");
    REQUIRE(test_published(test, &CAMPAIGN_WINNER_CHOSEN_V1_TYPE) == 1);
    const struct json *chosen = test_published_data(test, &CAMPAIGN_WINNER_CHOSEN_V1_TYPE, 0);
    CHECK_STR(json_str(json_get(chosen, "variant")), "b");
    CHECK_STR(json_str(json_get(chosen, "by")), "figures");
    clock_hold_us(now + 600 * US_PER_S);
    test_work(test, "launches");
    CHECK_INT(test_published(test, &CAMPAIGN_WINNER_CHOSEN_V1_TYPE), 1);
    clock_hold_us(0);
}

/* Nothing of it is ever sent: the rest does not wait for ever. */
static void test_a_winner_that_never_comes(struct test_service *test)
{
    int64_t now = clock_now_us();
    size_t before = test_published(test, &CAMPAIGN_WINNER_CHOSEN_V1_TYPE);
    clock_hold_us(now);
    tested_launch(test, "cmp_ab_silent");
    for (int64_t us = 61 * US_PER_S; us < US_PER_DAY; us += US_PER_DAY / 4) {
        clock_hold_us(now + us);
        test_work(test, "launches");
    }
    CHECK_INT(test_published(test, &CAMPAIGN_WINNER_CHOSEN_V1_TYPE), before);
    clock_hold_us(now + US_PER_DAY + 61 * US_PER_S);
    test_work(test, "launches");
    REQUIRE(test_published(test, &CAMPAIGN_WINNER_CHOSEN_V1_TYPE) == before + 1);
    const struct json *chosen = test_published_data(test, &CAMPAIGN_WINNER_CHOSEN_V1_TYPE, before);
    CHECK_STR(json_str(json_get(chosen, "variant")), "a");
    clock_hold_us(0);
}

static size_t calls_of(struct test_service *test, const char *state)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/webhook-calls?state=%s", state);
    struct reply reply = test_call(test, "GET", target.ptr, ALL, NULL, NULL);
    REQUIRE(reply.status == 200);
    return json_size(json_get(test_json(test, reply), "items"));
}

/* It is told what went out, not asked; a call that nobody takes is made again. */
static void test_the_webhook_channel(struct test_service *test)
{
    const char *plan = "{\"name\":\"Hook\",\"webhook\":{\"url\":\"http://127.0.0.1:1/x\"}}";
    CHECK_INT(launch(test, "cmp_hook", plan).status, 201);
    CHECK_INT(calls_of(test, "open"), 0);
    answer(test, 3, "refused");
    CHECK_INT(launch(test, "cmp_hook2", plan).status, 201);
    answer(test, 3, "done");
    CHECK_INT(calls_of(test, "open"), 2); /* launched, and ended at once: nothing of it goes on */
    test_work(test, "webhooks");
    struct reply reply = test_call(test, "GET", "/v1/webhook-calls", ALL, NULL, NULL);
    const struct json *call = json_pointer(test_json(test, reply), STR("/items/0"));
    CHECK_INT(json_int(json_get(call, "attempts")), 1);
    CHECK(json_str(json_get(call, "reason")).len > 0);
    CHECK_INT(calls_of(test, "open"), 2);
    CHECK_INT(calls_of(test, "taken"), 0);
}

static void test_a_person_chooses_a_winner(struct test_service *test)
{
    const char *target = "/v1/campaigns/cmp_ab2/winner", *a = "{\"variant\":\"a\"}";
    tested_launch(test, "cmp_ab2");
    CHECK_INT(test_call(test, "POST", target, ALL, NULL, "{\"variant\":\"z\"}").status, 422);
    CHECK_INT(test_call(test, "POST", target, ALL, NULL, a).status, 200);
    CHECK_INT(test_call(test, "POST", target, ALL, NULL, a).status, 409);
    const struct json *chosen = test_published_data(test, &CAMPAIGN_WINNER_CHOSEN_V1_TYPE, 1);
    CHECK_STR(json_str(json_get(chosen, "by")), "person");
    CHECK_INT(launch(test, "cmp_ab3", TESTED).status, 201); /* before it goes out: told then */
    CHECK_INT(test_call(test, "POST", "/v1/campaigns/cmp_ab3/winner", ALL, NULL, a).status, 200);
    CHECK_INT(test_published(test, &CAMPAIGN_WINNER_CHOSEN_V1_TYPE), 2);
    answer(test, 1, "done");
    answer(test, 3, "done");
    CHECK_INT(test_published(test, &CAMPAIGN_WINNER_CHOSEN_V1_TYPE), 3);
}

static void test_cancelling(struct test_service *test)
{
    CHECK_INT(launch(test, "cmp_stop", PLAN).status, 201);
    CHECK_INT(post(test, "cmp_stop", "pause").status, 409);
    CHECK_INT(post(test, "cmp_stop", "cancel").status, 200);
    state_is(test, "cmp_stop", "undoing", "undoing waiting waiting waiting", "undoing");
    answer(test, 0, "done");
    state_is(test, "cmp_stop", "failed", "undone waiting waiting waiting", "failed");
}

static void test_a_recurring_campaign(struct test_service *test)
{
    static const char plan[] =
        "{\"name\":\"x\",\"entries\":[\"ent_a\"],\"schedule\":{\"local_at\":\"2026-01-05T09:00\","
        "\"zone\":\"UTC\",\"rrule\":\"FREQ=WEEKLY\"}}";
    int64_t now;
    REQUIRE(clock_parse(STR("2026-11-24T05:00:00Z"), false, &now));
    clock_hold_us(now);
    struct reply reply = launch(test, "cmp_week", plan);
    CHECK_STR(member(test, reply, "starts_at"), "2026-11-30T09:00:00Z");
    CHECK_INT(post(test, "cmp_week", "pause").status, 200);
    clock_hold_us(now + 7 * US_PER_DAY);
    test_work(test, "launches");
    state_is(test, "cmp_week", "waiting", "waiting left_out left_out waiting", "paused");
    CHECK_INT(post(test, "cmp_week", "resume").status, 200);
    test_work(test, "launches");
    reply = test_call(test, "GET", "/v1/campaigns/cmp_week/launches", ALL, NULL, NULL);
    const struct json *items = json_get(test_json(test, reply), "items");
    REQUIRE(json_size(items) == 2);
    CHECK_STR(json_str(json_get(json_at(items, 0), "starts_at")), "2026-12-07T09:00:00Z");
    CHECK_STR(json_str(json_get(json_at(items, 1), "state")), "asking");
    CHECK_INT(post(test, "cmp_week", "cancel").status, 200);
    answer(test, 0, "done");
    reply = test_call(test, "GET", "/v1/campaigns/cmp_week", ALL, NULL, NULL);
    CHECK_STR(member(test, reply, "state"), "failed");
    clock_hold_us(0);
}

static void test_nothing_to_launch(struct test_service *test)
{
    CHECK_INT(launch(test, "cmp_empty", "{\"name\":\"x\"}").status, 409);
    CHECK_INT(
        launch(
            test, "cmp_past",
            "{\"name\":\"x\",\"entries\":[\"ent_a\"],\"schedule\":{\"at\":\"2020-01-01T00:00:00Z\"}}")
            .status,
        409);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&campaign_service, url, NULL);
    test_a_launch_goes_out(test);
    test_status_from_events(test);
    test_status_is_kept_and_fresh(test);
    test_a_refusal_undoes_all(test);
    test_silence_is_given_up(test);
    test_figures_choose_a_winner(test);
    test_a_person_chooses_a_winner(test);
    test_a_winner_that_never_comes(test);
    test_the_webhook_channel(test);
    test_cancelling(test);
    test_a_recurring_campaign(test);
    test_nothing_to_launch(test);
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
