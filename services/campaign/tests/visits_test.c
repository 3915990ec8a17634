/* People in journeys, on each engine: what is heard brings them in and moves them, time lets them go on, and what follows
 * is told once. */
#include "services/campaign/journey_dates.h"
#include "services/campaign/store_journeys.h"
#include "services/campaign/tests/people.h"
#include "campaign_contract.h"

static struct str mail(struct test_service *test, size_t i, const char *member)
{
    return json_str(json_get(test_published_data(test, &EMAIL_MESSAGE_ASKED_V1_TYPE, i), member));
}

/* "did node; ..." of the person's newest visit. */
static struct str way(struct test_service *test, const char *id, const char *person)
{
    struct arena *arena = test_ctx(test)->arena;
    struct reply reply = call(test, "GET", id, arena_printf(arena, "/people/%s", person).ptr, NULL);
    struct str told = STR("");
    REQUIRE(reply.status == 200);
    const struct json *path = json_pointer(test_json(test, reply), STR("/items/0/path"));
    for (struct json_iter it = json_iter(path); json_next(&it);) {
        const struct json *reason = json_get(it.value, "reason");
        told = arena_printf(arena, "%s%s%s %s%s%s", told.ptr, it.index ? "; " : "",
                            json_str(json_get(it.value, "did")).ptr,
                            json_str(json_get(it.value, "node")).ptr, reason ? " " : "",
                            reason ? json_str(reason).ptr : "");
    }
    return told;
}

#define SEND(id, next, template)                                                                   \
    "{\"id\":\"" id "\",\"kind\":\"send\",\"next\":\"" next                                        \
    "\",\"send\":{\"template\":\"" template "\"}}"
#define EXIT "{\"id\":\"e\",\"kind\":\"exit\"}"

/* ---- the acceptance cases ---- */

#define CART                                                                                       \
    "{\"name\":\"Cart\",\"entry\":{\"kind\":\"event\",\"event\":\"Cart Updated\",\"key\":\"cart_id\"},"   \
    "\"again\":{\"rule\":\"other_key\"},\"nodes\":["                                               \
    "{\"id\":\"w\",\"kind\":\"wait_until\",\"next\":\"e\",\"wait_until\":{\"event\":\"Order Completed\"," \
    "\"match\":\"cart_id\",\"seconds\":3600,\"otherwise\":\"s\"}},"                                \
    SEND("s", "e", "cart") "," EXIT "]}"

static void test_abandoned_cart(struct test_service *test)
{
    begin(test, "jny_cart", CART);
    size_t before = mails(test);
    hear(test, "prf_a", "Cart Updated", "{\"cart_id\":\"c1\"}");
    hear(test, "prf_a", "Cart Updated", "{\"cart_id\":\"c1\"}"); /* the same cart: not again */
    hear(test, "prf_a", "Cart Updated", "{\"cart_id\":\"c2\"}");
    hear(test, "prf_b", "Cart Updated", "{\"cart_id\":\"c3\"}");
    CHECK_INT(figure(test, "jny_cart", "/under_way"), 3);
    CHECK_INT(figure(test, "jny_cart", "/nodes/0/waiting"), 3);
    pass(test, HOUR / 2);
    hear(test, "prf_guest", "Order Completed", "{\"cart_id\":\"c1\"}"); /* whoever does it */
    hear(test, "prf_b", "Order Completed", "{\"cart_id\":\"c9\"}");     /* another cart */
    CHECK_INT(figure(test, "jny_cart", "/under_way"), 2);
    CHECK_INT(mails(test), before);
    pass(test, HOUR / 2);
    CHECK_INT(mails(test), before + 2);
    CHECK_INT(figure(test, "jny_cart", "/under_way"), 0);
    CHECK_INT(figure(test, "jny_cart", "/ended/0/count"), 3);
    CHECK_STR(way(test, "jny_cart", "prf_b"),
              "entered w; arrived w; goes_on w; arrived s; sent s; arrived e; ended e end");
    CHECK_STR(mail(test, before, "campaign_id"), "jny_cart");
    CHECK_STR(mail(test, before, "step"), "s");
    pass(test, HOUR);
    CHECK_INT(mails(test), before + 2);
}

#define WELCOME                                                                                    \
    "{\"name\":\"Welcome\",\"time_zone\":\"Europe/Berlin\",\"entry\":{\"kind\":\"event\",\"event\":\"Signed Up\"},"             \
    "\"nodes\":[" SEND(                                                                            \
        "hello", "morning",                                                                        \
        "welcome") ","                                                                             \
                   "{\"id\":\"morning\",\"kind\":\"wait\",\"next\":\"tips\",\"wait\":{\"local_time\":\"09:00\"}}," SEND(        \
                       "tips", "pause",                                                            \
                       "tips") ","                                                                 \
                               "{\"id\":\"pause\",\"kind\":\"wait\",\"next\":\"halves\",\"wait\":{\"seconds\":7200}},"          \
                               "{\"id\":\"halves\",\"kind\":\"split\",\"split\":{\"parts\":[{\"weight\":1,\"next\":\"offer\"}," \
                               "{\"weight\":1,\"next\":\"e\"}]}}," SEND(                           \
                                   "offer", "e",                                                   \
                                   "offer") "," EXIT "],"                                          \
                                            "\"exits\":[{\"event\":\"fanfare.message.unsubscribed\"}]}"

static void profile(struct test_service *test, const char *person, int version, const char *traits)
{
    struct str data = arena_printf(
        test_ctx(test)->arena,
        "{\"profile_id\":\"%s\",\"traits\":%s,\"version\":%d,\"updated_at\":\"2026-11-24T09:30:00Z\"}",
        person, traits, version);
    CHECK_INT(test_event(test, &CRM_PROFILE_UPDATED_V1_TYPE, NULL, data.ptr), DONE);
}

static void test_welcome(struct test_service *test)
{
    clock_set(NOON);
    begin(test, "jny_welcome", WELCOME);
    size_t before = mails(test);
    profile(test, "prf_ny", 1, "{\"timezone\":\"America/New_York\"}");
    hear(test, "prf_ny", "Signed Up", "{}");
    hear(test, "prf_no", "Signed Up", "{}");
    CHECK_INT(mails(test), before + 2); /* hello */
    pass(test, 2 * HOUR);               /* 14:00 UTC: 9 in New York */
    CHECK_INT(mails(test), before + 3);
    CHECK_STR(mail(test, before + 2, "person_id"), "prf_ny");
    CHECK_INT(test_event(test, &EMAIL_MESSAGE_UNSUBSCRIBED_V1_TYPE, NULL,
                         "{\"message_id\":\"msg_1\",\"person_id\":\"prf_no\",\"kind\":\"bulk\","
                         "\"unsubscribed_at\":\"2026-11-24T09:30:00Z\"}"),
              DONE);
    CHECK_STR(way(test, "jny_welcome", "prf_no"),
              "entered hello; arrived hello; sent hello; arrived morning; ended morning rule");
    pass(test, 24 * HOUR);
    CHECK_INT(figure(test, "jny_welcome", "/under_way"), 0);
    CHECK_INT(figure(test, "jny_welcome", "/nodes/4/arrived"), 1);
}

#define WIN_BACK                                                                                   \
    "{\"name\":\"Win back\",\"entry\":{\"kind\":\"segment\",\"segment_id\":\"seg_lapsed\"},"       \
    "\"again\":{\"rule\":\"after\",\"days\":90},\"nodes\":["                                       \
    "{\"id\":\"v\",\"kind\":\"condition\",\"next\":\"call\",\"condition\":{\"segment_id\":\"seg_loyal\","                   \
    "\"otherwise\":\"miss\"}},"                                                                    \
    "{\"id\":\"call\",\"kind\":\"webhook\",\"next\":\"miss\",\"webhook\":{\"url\":\"http://127.0.0.1:1/x\"}}," SEND(        \
        "miss", "back",                                                                            \
        "miss") ","                                                                                \
                "{\"id\":\"back\",\"kind\":\"wait_until\",\"next\":\"e\",\"wait_until\":{\"event\":\"fanfare.order.paid\"," \
                "\"seconds\":86400,\"otherwise\":\"last\"}}," SEND(                                \
                    "last", "e", "last") "," EXIT "],"                                             \
                                         "\"goals\":[{\"event\":\"fanfare.order.placed\"}]}"

static void member(struct test_service *test, const char *person, const char *segment,
                   const char *state)
{
    struct str data = arena_printf(test_ctx(test)->arena,
                                   "{\"person_id\":\"%s\",\"segment_id\":\"%s\",\"state\":\"%s\","
                                   "\"changed_at\":\"2026-11-24T09:30:00Z\"}",
                                   person, segment, state);
    CHECK_INT(test_event(test, &PERSONALIZATION_MEMBERSHIP_CHANGED_V1_TYPE, NULL, data.ptr), DONE);
}

static void order(struct test_service *test, const char *person)
{
    struct str data = arena_printf(
        test_ctx(test)->arena,
        "{\"order_id\":\"ord_1\",\"customer_id\":\"%s\",\"placed_at\":\"2026-11-24T09:30:00Z\","
        "\"total\":{\"amount\":5,\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,"
        "\"amount\":{\"amount\":5,\"currency\":\"USD\"}}]}",
        person);
    CHECK_INT(test_event(test, &COMMERCE_ORDER_PLACED_V1_TYPE, NULL, data.ptr), DONE);
}

static void test_win_back(struct test_service *test)
{
    begin(test, "jny_back", WIN_BACK);
    size_t before = mails(test);
    member(test, "prf_l", "seg_loyal", "entered");
    member(test, "prf_l", "seg_lapsed", "entered");
    member(test, "prf_m", "seg_lapsed", "entered");
    CHECK_INT(mails(test), before + 2);
    CHECK_INT(figure(test, "jny_back", "/nodes/1/arrived"), 1);
    order(test, "prf_l");
    pass(test, 24 * HOUR);
    CHECK_INT(mails(test), before + 3);
    CHECK_STR(mail(test, before + 2, "step"), "last");
    CHECK_STR(
        way(test, "jny_back", "prf_l"),
        "entered v; arrived v; arrived call; called call; arrived miss; sent miss; arrived back; ended back goal");
    member(test, "prf_m", "seg_lapsed", "left");
    member(test, "prf_m", "seg_lapsed", "entered"); /* too soon */
    CHECK_INT(figure(test, "jny_back", "/entered"), 2);
    pass(test, 90 * 24 * HOUR);
    member(test, "prf_m", "seg_lapsed", "left");
    member(test, "prf_m", "seg_lapsed", "entered");
    CHECK_INT(figure(test, "jny_back", "/entered"), 3);
}

/* ---- once in effect ---- */

#define ROUND                                                                                      \
    "{\"name\":\"Round\",\"entry\":{\"kind\":\"event\",\"event\":\"Go\"},\"nodes\":[" SEND(        \
        "s", "w",                                                                                  \
        "again") ","                                                                               \
                 "{\"id\":\"w\",\"kind\":\"wait\",\"next\":\"s\",\"wait\":{\"seconds\":60}}],"     \
                 "\"exits\":[{\"event\":\"Stop\"}]}"

static void test_again_and_again(struct test_service *test)
{
    begin(test, "jny_round", ROUND);
    size_t before = mails(test);
    hear_as(test, "one", "prf_r", "Go", "{}");
    hear_as(test, "one", "prf_r", "Go", "{}"); /* the same event */
    CHECK_INT(mails(test), before + 1);
    test_reopen(test);
    clock_set(now_us);
    pass(test, 59 * US_PER_S);
    CHECK_INT(mails(test), before + 1);
    pass(test, US_PER_S);
    pass(test, 60 * US_PER_S);
    CHECK_INT(mails(test), before + 3);
    CHECK(!str_eq(mail(test, before, "message_key"), mail(test, before + 1, "message_key")));
    CHECK(!str_eq(mail(test, before + 1, "message_key"), mail(test, before + 2, "message_key")));
    hear(test, "prf_r", "Stop", "{}");
    pass(test, 600 * US_PER_S);
    CHECK_INT(mails(test), before + 3);
}

static void test_faked_names(struct test_service *test)
{
    int64_t before = figure(test, "jny_back", "/entered");
    hear(test, "prf_fake", "fanfare.segment.entered", "{\"segment_id\":\"seg_lapsed\"}");
    CHECK_INT(figure(test, "jny_back", "/entered"), before);
}

/* ---- states and versions ---- */

#define WAITS(template)                                                                            \
    "{\"name\":\"Waits\",\"entry\":{\"kind\":\"event\",\"event\":\"Begin\"},\"nodes\":["           \
    "{\"id\":\"w\",\"kind\":\"wait_until\",\"next\":\"s\",\"wait_until\":{\"event\":\"Next\",\"seconds\":60}}," SEND( \
        "s", "e", template) "," EXIT "],\"goals\":[{\"event\":\"Goal\"}]}"

static void test_pause(struct test_service *test)
{
    begin(test, "jny_p", WAITS("t"));
    size_t before = mails(test);
    hear(test, "prf_1", "Begin", "{}");
    hear(test, "prf_2", "Begin", "{}");
    hear(test, "prf_3", "Begin", "{}");
    CHECK_INT(call(test, "POST", "jny_p", "/pause", NULL).status, 200);
    hear(test, "prf_4", "Begin", "{}"); /* nobody comes in */
    hear(test, "prf_1", "Next", "{}");  /* has come, and goes on later */
    hear(test, "prf_2", "Goal", "{}");  /* ends */
    pass(test, 120 * US_PER_S);
    CHECK_INT(mails(test), before);
    CHECK_INT(figure(test, "jny_p", "/under_way"), 2);
    hear(test, "prf_3", "Next", "{}"); /* nobody has acted on the expiry: it is in time */
    CHECK_INT(call(test, "POST", "jny_p", "/activate", NULL).status, 200);
    pass(test, 0);
    CHECK_INT(mails(test), before + 2);
    CHECK_INT(figure(test, "jny_p", "/under_way"), 0);
    CHECK_INT(figure(test, "jny_p", "/entered"), 3);
}

static void test_versions(struct test_service *test)
{
    begin(test, "jny_v", WAITS("old"));
    size_t before = mails(test);
    hear(test, "prf_1", "Begin", "{}");
    struct reply reply = call(test, "PUT", "jny_v", NULL, WAITS("new"));
    CHECK_INT(json_int(json_get(test_json(test, reply), "revision")), 3);
    CHECK_STR(json_str(json_get(test_json(test, reply), "state")), "active");
    hear(test, "prf_2", "Begin", "{}");
    hear(test, "prf_1", "Next", "{}");
    hear(test, "prf_2", "Next", "{}");
    CHECK_STR(mail(test, before, "template"), "old");
    CHECK_STR(mail(test, before + 1, "template"), "new");
    CHECK_INT(
        test_call(test, "PUT", "/v1/journeys/jny_v", ALL, "If-Match: \"1\"", WAITS("x")).status,
        412);
}

static void tidy(struct test_service *test)
{
    while (test_work(test, "journeys-tidy"))
        ;
}

static void test_stop(struct test_service *test)
{
    begin(test, "jny_s", WAITS("t"));
    for (int i = 0; i < 250; i++)
        hear(test, arena_printf(test_ctx(test)->arena, "prf_s%d", i).ptr, "Begin", "{}");
    CHECK_INT(call(test, "DELETE", "jny_s", NULL, NULL).status, 409);
    CHECK_INT(call(test, "POST", "jny_s", "/stop", NULL).status, 200);
    CHECK_INT(call(test, "POST", "jny_s", "/activate", NULL).status, 409);
    tidy(test);
    tidy(test);
    CHECK_INT(figure(test, "jny_s", "/under_way"), 0);
    CHECK_STR(way(test, "jny_s", "prf_s1"), "entered w; arrived w; ended w cancelled");
    CHECK_INT(call(test, "DELETE", "jny_s", NULL, NULL).status, 204);
    CHECK_INT(call(test, "GET", "jny_s", NULL, NULL).status, 404);
    tidy(test);
    tidy(test);
    CHECK_INT(call(test, "PUT", "jny_s", NULL, WAITS("t")).status, 200);
    CHECK_INT(figure(test, "jny_s", "/entered"), 0);
}

/* What happened before a journey was activated brings nobody in. */
static void test_before(struct test_service *test)
{
    int64_t then_us = now_us;
    clock_set(now_us + HOUR);
    begin(test, "jny_late", WAITS("t"));
    now_us = then_us; /* of the event; the clock stays */
    hear(test, "prf_1", "Begin", "{}");
    now_us = then_us + HOUR;
    CHECK_INT(figure(test, "jny_late", "/entered"), 0);
    hear(test, "prf_1", "Begin", "{}");
    CHECK_INT(figure(test, "jny_late", "/entered"), 1);
}

/* ---- what is known of people ---- */

#define PLAN                                                                                       \
    "{\"name\":\"Plan\",\"entry\":{\"kind\":\"event\",\"event\":\"Asked\"},\"nodes\":["            \
    "{\"id\":\"c\",\"kind\":\"condition\",\"next\":\"s\",\"condition\":{\"otherwise\":\"e\",\"rule\":" \
    "{\"and\":[{\"==\":[{\"var\":\"person.plan\"},\"pro\"]},{\">\":[{\"var\":\"n\"},1]}]}}}," SEND(\
        "s", "e", "pro") "," EXIT "]}"

static void test_traits(struct test_service *test)
{
    begin(test, "jny_plan", PLAN);
    size_t before = mails(test);
    profile(test, "prf_pro", 2, "{\"plan\":\"pro\"}");
    profile(test, "prf_pro", 1, "{\"plan\":\"free\"}"); /* older than what is known */
    profile(test, "prf_free", 1, "{\"plan\":\"free\"}");
    hear(test, "prf_pro", "Asked", "{\"n\":2}");
    hear(test, "prf_free", "Asked", "{\"n\":2}");
    hear(test, "prf_none", "Asked", "{\"n\":2}");
    CHECK_INT(mails(test), before + 1);
}

#define BIRTHDAY                                                                                   \
    "{\"name\":\"Birthday\",\"entry\":{\"kind\":\"date\",\"date\":{\"trait\":\"birthday\",\"yearly\":true}}," \
    "\"again\":{\"rule\":\"after\",\"days\":300},\"nodes\":[" SEND("s", "e", "birthday") "," EXIT  \
                                                                                         "]}"

static void test_dates(struct test_service *test)
{
    clock_set(NOON);
    profile(test, "prf_d1", 1, "{\"birthday\":\"1990-11-27\",\"timezone\":\"America/New_York\"}");
    begin(test, "jny_d", BIRTHDAY);
    tidy(test); /* those who were known before */
    profile(test, "prf_d2", 1, "{\"birthday\":\"1990-11-26\"}");
    profile(test, "prf_d3", 1, "{\"birthday\":\"1990-11-26\"}");
    profile(test, "prf_d3", 2, "{\"birthday\":\"nonsense\"}");
    size_t before = mails(test);
    pass(test, 20 * HOUR); /* 26th, 8:00 */
    CHECK_INT(mails(test), before);
    pass(test, HOUR);
    CHECK_INT(mails(test), before + 1);
    CHECK_STR(mail(test, before, "person_id"), "prf_d2");
    pass(test, 24 * HOUR); /* 27th, 9:00 UTC */
    CHECK_INT(mails(test), before + 1);
    pass(test, 5 * HOUR);
    CHECK_INT(mails(test), before + 2);
    CHECK_INT(figure(test, "jny_d", "/entered"), 2);
    pass(test, 367 * 24 * HOUR); /* the 29th a year later: what is over for a day is left out */
    CHECK_INT(figure(test, "jny_d", "/entered"), 2);
    pass(test, 363 * 24 * HOUR); /* 2028 leaps: the 26th */
    CHECK_INT(figure(test, "jny_d", "/entered"), 3);
    pass(test, 24 * HOUR);
    CHECK_INT(figure(test, "jny_d", "/entered"), 4);
}

static void test_date_due(void)
{
    struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    const struct zone *zone = zone_find(&ctx, STR("UTC"));
    static const struct {
        const char *trait;
        bool yearly;
        int64_t days;
        const char *after, *due; /* due NULL: never */
    } cases[] = {
        { "2027-01-05", false, 0, "2026-11-25T12:00:00Z", "2027-01-05T09:00:00Z" },
        { "2027-01-05T23:30:00Z", false, -7, "2026-11-25T12:00:00Z", "2026-12-29T09:00:00Z" },
        { "2026-01-05", false, 0, "2026-11-25T12:00:00Z", NULL },
        { "1992-02-29", true, 0, "2026-11-25T12:00:00Z", "2027-02-28T09:00:00Z" },
        { "1992-02-29", true, 0, "2027-11-25T12:00:00Z", "2028-02-29T09:00:00Z" },
        { "1992-01-01", true, -2, "2026-12-30T09:00:00Z", "2027-12-30T09:00:00Z" },
        { "1992-12-31", true, 3, "2027-01-01T00:00:00Z", "2027-01-03T09:00:00Z" },
        { "1931-05-01", true, 0, "2026-11-25T12:00:00Z", "2027-05-01T09:00:00Z" },
        { "05/01/1990", true, 0, "2026-11-25T12:00:00Z", NULL },
        { "", true, 0, "2026-11-25T12:00:00Z", NULL },
    };
    REQUIRE(zone != NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct journey_date date = { .trait = STR("d"),
                                           .days = cases[i].days,
                                           .local_time = STR("09:00"),
                                           .yearly = cases[i].yearly };
        const struct json *traits =
            json_parse(&ctx, arena_printf(arena, "{\"d\":\"%s\"}", cases[i].trait));
        int64_t after_us, due_us = 0;
        CHECK(clock_parse(str_of(cases[i].after), false, &after_us));
        CHECK(!cases[i].due || clock_parse(str_of(cases[i].due), false, &due_us));
        CHECK_INT(journey_date_due(&date, traits, zone, after_us), due_us);
    }
    arena_free(arena);
}

static bool person_left(struct ctx *ctx, void *argument)
{
    struct str traits;
    (void)argument;
    return store_person(ctx, STR("prf_e"), &traits) && !traits.ptr;
}

static void test_erasure(struct test_service *test)
{
    begin(test, "jny_e", WAITS("t"));
    size_t done = test_published(test, &CRM_ERASURE_DONE_V1_TYPE), before = mails(test);
    profile(test, "prf_e", 1, "{\"name\":\"Ada\"}");
    hear(test, "prf_e", "Begin", "{\"note\":\"Ada\"}");
    CHECK_INT(test_event(test, &CRM_PROFILE_ERASED_V1_TYPE, NULL,
                         "{\"profile_id\":\"prf_e\",\"request_id\":\"ers_1\",\"erased_at\":"
                         "\"2026-11-24T09:30:00Z\"}"),
              DONE);
    CHECK_INT(test_published(test, &CRM_ERASURE_DONE_V1_TYPE), done + 1);
    CHECK_STR(way(test, "jny_e", "prf_e"), "");
    profile(test, "prf_e", 9, "{\"name\":\"Ada\"}");
    hear(test, "prf_e", "Begin", "{}");
    CHECK(test_read(test, person_left, NULL));
    CHECK_STR(way(test, "jny_e", "prf_e"), "");
    pass(test, HOUR);
    CHECK_INT(mails(test), before);
}

static void run_on(const char *url)
{
    struct test_service *test = test_open(&campaign_service, url, NULL);
    clock_set(NOON);
    test_abandoned_cart(test);
    test_welcome(test);
    test_win_back(test);
    test_again_and_again(test);
    test_faked_names(test);
    test_pause(test);
    test_versions(test);
    test_stop(test);
    test_before(test);
    test_traits(test);
    test_dates(test);
    test_erasure(test);
    test_close(test);
    clock_hold_us(0);
}

int main(void)
{
    test_date_due();
    run_on(NULL);
    const char *url = test_postgresql_url();
    if (url)
        run_on(url);
    return check_end();
}
