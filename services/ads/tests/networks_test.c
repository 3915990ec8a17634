/* Outside networks, on each engine: what they are told, what they tell, each counted once; forged, late and replayed: refused.
 * That calls go out, signed, is shown by networks_test.py. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "platform/webhook/calls.h"
#include "platform/webhook/signature.h"
#include "services/ads/ads.h"
#include "services/ads/networks.h"
#include "services/ads/reactions.h"
#include "ads_contract.h"

#define SCOPES "ads:read ads:write ads:approve networks:write"
#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define LATER "2126-01-01T00:00:00Z"

static struct reply call(struct test_service *test, const char *method, const char *target,
                         const char *body)
{
    return test_call(test, method, target, SCOPES, NULL, body);
}

static struct str say(struct test_service *test, const char *format, const char *a, const char *b)
{
    return arena_printf(test_ctx(test)->arena, format, a, b);
}

/* ---- launches ---- */

static struct str ask(struct test_service *test, const char *launch, const char *action,
                      const char *more)
{
    static int commands;
    struct arena *arena = test_ctx(test)->arena;
    struct str data = arena_printf(
        arena,
        "{\"command_id\":\"cmd_%d\",\"campaign_id\":\"cmp_1\",\"launch_id\":\"%s\",\"action\":\"%s\","
        "\"expires_at\":\"" LATER "\"%s}",
        ++commands, launch, action, more);
    CHECK_INT(test_event(test, &ADS_ACTIVATION_ASKED_V1_TYPE, NULL, data.ptr), DONE);
    size_t n = test_published(test, &ADS_ACTIVATION_ANSWERED_V1_TYPE);
    const struct json *answer = test_published_data(test, &ADS_ACTIVATION_ANSWERED_V1_TYPE, n - 1);
    struct str reason = json_str(json_get(answer, "reason"));
    return reason.len ? reason : json_str(json_get(answer, "outcome"));
}
#define ADS ",\"ads\":[{\"ad_id\":\"ad_spring\"}]"
#define NETWORK ",\"networks\":[\"net_social\"]"
#define BUDGET ",\"budget\":{\"amount\":1000,\"currency\":\"USD\"}"

static void hear(struct test_service *test, const struct event_type *type, const char *launch,
                 const char *at)
{
    struct str data = say(
        test, "{\"campaign_id\":\"cmp_1\",\"launch_id\":\"%s\",\"%s\":\"2026-11-24T00:00:00Z\"}",
        launch, at);
    CHECK_INT(test_event(test, type, NULL, data.ptr), DONE);
}

/* "wanted state" of the network's part in a launch. */
static struct str part(struct test_service *test, const char *launch)
{
    struct str target = say(test, "/v1/activations/%s%s", launch, "");
    const struct json *one =
        json_at(json_get(test_json(test, call(test, "GET", target.ptr, NULL)), "networks"), 0);
    return arena_printf(test_ctx(test)->arena, STR_FMT " " STR_FMT,
                        STR_ARG(json_str(json_get(one, "wanted"))),
                        STR_ARG(json_str(json_get(one, "state"))));
}

/* ---- calls that are owed ---- */

struct owed {
    const char *launch;
    struct call_row row;
    size_t n;
};

static bool owed_read(struct ctx *ctx, void *argument)
{
    struct owed *owed = argument;
    struct call_row rows[50];
    size_t n;
    struct str source = arena_printf(ctx->arena, "%s/net_social", owed->launch);
    if (!store_calls(ctx, STR("open"), (struct sql_moment){ INT64_MAX, STR("~") }, 50, rows, &n))
        return false;
    for (size_t i = n; i-- > 0;)
        if (str_eq(rows[i].source_id, source)) {
            owed->row = rows[i];
            owed->n++;
        }
    return true;
}

/* The one call that the network is owed for a launch: its type; "none". */
static struct str owed_to(struct test_service *test, const char *launch, struct call_row *row)
{
    struct owed owed = { .launch = launch };
    CHECK(test_read(test, owed_read, &owed));
    CHECK(owed.n <= 1); /* what was owed before is overtaken */
    if (row)
        *row = owed.row;
    if (!owed.n)
        return STR("none");
    return json_str(json_get(json_parse(test_ctx(test), owed.row.body), "type"));
}

static bool end_in(struct ctx *ctx, void *argument)
{
    struct call_row *row = argument;
    bool was;
    row->ended_us = clock_now_us();
    row->due_us = INT64_MAX;
    return store_call_put(ctx, row, &was) && (!was || network_told(ctx, row));
}

/* It was taken, or given up with this status. */
static void answered(struct test_service *test, const char *launch, int status)
{
    struct call_row row;
    REQUIRE(!str_is(owed_to(test, launch, &row), "none"));
    row.status = status;
    row.reason = status == 200 ? (struct str){ NULL, 0 } : STR("it did not take it");
    CHECK(test_write(test, end_in, &row));
}

/* ---- what it tells ---- */

static struct reply tell_signed(struct test_service *test, const char *id, int64_t late_s,
                                const char *secret, const char *body)
{
    struct ctx *ctx = test_ctx(test);
    struct str bytes;
    int64_t at_s = clock_now_us() / US_PER_S - late_s;
    REQUIRE(webhook_secret_read(ctx, str_of(secret), &bytes));
    struct str signature = webhook_signature(ctx->arena, bytes, str_of(id), at_s, str_of(body));
    struct str headers = arena_printf(
        ctx->arena, "webhook-id: %s\nwebhook-timestamp: %lld\nwebhook-signature: " STR_FMT "\n", id,
        (long long)at_s, STR_ARG(signature));
    return test_call(test, "POST", "/v1/networks/net_social/results", NULL, headers.ptr, body);
}

static struct reply tell(struct test_service *test, const char *id, const char *body)
{
    return tell_signed(test, id, 0, SECRET, body);
}

static struct str figures(struct test_service *test, const char *launch, int amount,
                          int impressions, int clicks)
{
    return arena_printf(
        test_ctx(test)->arena,
        "{\"launch_id\":\"%s\",\"results\":[{\"ad_id\":\"ad_spring\",\"amount\":{\"amount\":%d,"
        "\"currency\":\"USD\"},\"impressions\":%d,\"clicks\":%d,\"until\":\"2026-11-24T00:00:00Z\"}]}",
        launch, amount, impressions, clicks);
}

static int64_t of_launch(struct test_service *test, const char *launch, const char *member)
{
    struct str target = say(test, "/v1/activations/%s%s", launch, "");
    return json_int(json_get(test_json(test, call(test, "GET", target.ptr, NULL)), member));
}

/* ---- tests ---- */

#define PUT "{\"name\":\"Social\",\"url\":\"http://127.0.0.1:1/hooks\",\"currency\":\"USD\""

static void test_networks(struct test_service *test)
{
    CHECK_INT(call(test, "PUT", "/v1/networks/net_social", PUT "}").status, 422);
    CHECK_INT(call(test, "PUT", "/v1/networks/net_social",
                   PUT ",\"secret\":\"whsec_cccccccccccccccccccccccccccccccccc*\"}")
                  .status,
              422);
    struct reply reply =
        call(test, "PUT", "/v1/networks/net_social", PUT ",\"secret\":\"" SECRET "\"}");
    CHECK_INT(reply.status, 200);
    CHECK(!json_get(test_json(test, reply), "secret"));
    CHECK_INT(call(test, "PUT", "/v1/networks/net_social", PUT "}").status, 200); /* it stays */
    reply = call(test, "GET", "/v1/networks", NULL);
    CHECK_INT(json_size(json_get(test_json(test, reply), "items")), 1);
    CHECK_INT(
        call(test, "PUT", "/v1/placements/plc_home", "{\"slot\":\"home-hero\",\"name\":\"Home\"}")
            .status,
        200);
    CHECK_INT(
        call(
            test, "PUT", "/v1/ads/ad_spring",
            "{\"name\":\"Spring\",\"placement_id\":\"plc_home\",\"content\":{\"headline\":\"Sale\"},"
            "\"target_url\":\"https://shop.example/\",\"model\":\"mille\","
            "\"price\":{\"amount\":500,\"currency\":\"USD\"}}")
            .status,
        200);
    CHECK_INT(call(test, "PUT", "/v1/ads/ad_spring/review", "{\"state\":\"approved\"}").status,
              200);
}

static void test_what_it_is_told(struct test_service *test)
{
    struct call_row row;
    CHECK_STR(ask(test, "lch_1", "do", ADS ",\"networks\":[\"net_none\"]"),
              "there is no network net_none");
    CHECK_STR(ask(test, "lch_1", "do", ADS NETWORK BUDGET), "done");
    CHECK_STR(owed_to(test, "lch_1", &row), "activation.start");
    const struct json *data = json_get(json_parse(test_ctx(test), row.body), "data");
    CHECK_INT(json_int(json_get(data, "version")), 1);
    CHECK_STR(json_str(json_get(data, "state")), "active");
    CHECK_INT(json_int(json_get(json_get(data, "budget"), "amount")), 1000);
    CHECK_STR(
        json_str(json_get(json_get(json_at(json_get(data, "ads"), 0), "content"), "headline")),
        "Sale");
    CHECK_STR(part(test, "lch_1"), "active waiting");
    answered(test, "lch_1", 200);
    CHECK_STR(part(test, "lch_1"), "active active");
    hear(test, &CAMPAIGN_CAMPAIGN_PAUSED_V1_TYPE, "lch_1", "paused_at");
    CHECK_STR(owed_to(test, "lch_1", NULL), "activation.pause");
    hear(test, &CAMPAIGN_CAMPAIGN_RESUMED_V1_TYPE, "lch_1", "resumed_at");
    CHECK_STR(owed_to(test, "lch_1", &row), "activation.resume"); /* the pause is overtaken */
    CHECK_INT(json_int(json_get(json_get(json_parse(test_ctx(test), row.body), "data"), "version")),
              3);
    CHECK_STR(ask(test, "lch_1", "undo", ""), "done");
    CHECK_STR(owed_to(test, "lch_1", NULL), "activation.stop");
    CHECK_STR(part(test, "lch_1"), "stopped waiting");
    CHECK_INT(call(test, "DELETE", "/v1/networks/net_social", NULL).status, 409);
    answered(test, "lch_1", 200);
    CHECK_STR(part(test, "lch_1"), "stopped stopped");
    CHECK_INT(call(test, "PUT", "/v1/networks/net_social",
                   "{\"name\":\"Social\",\"url\":\"http://127.0.0.1:1/\",\"currency\":\"EUR\"}")
                  .status,
              409);
}

/* Nobody listens at its URL. */
static void test_one_that_is_away(struct test_service *test)
{
    struct str target = STR("/v1/activations/lch_away");
    struct call_row row;
    CHECK_STR(ask(test, "lch_away", "do", ADS NETWORK), "done");
    test_work(test, "webhooks");
    CHECK_STR(owed_to(test, "lch_away", &row), "activation.start");
    CHECK_INT(row.attempts, 1);
    CHECK_STR(part(test, "lch_away"), "active waiting");
    CHECK_STR(json_str(json_pointer(test_json(test, call(test, "GET", target.ptr, NULL)),
                                    STR("/networks/0/reason"))),
              "no answer: UNAVAILABLE");
    CHECK(row.due_us > clock_now_us());
    CHECK_INT(call(test, "PUT", "/v1/networks/net_social",
                   "{\"name\":\"Social\",\"url\":\"http://127.0.0.1:2/\",\"currency\":\"USD\"}")
                  .status,
              200);
    owed_to(test, "lch_away", &row); /* it goes there, at once */
    CHECK_STR(row.url, "http://127.0.0.1:2/");
    CHECK(row.due_us <= clock_now_us());
    answered(test, "lch_away", 200);
}

static void test_one_that_refuses(struct test_service *test)
{
    CHECK_STR(ask(test, "lch_gone", "do", ADS NETWORK), "done");
    answered(test, "lch_gone", 410);
    CHECK_STR(part(test, "lch_gone"), "stopped refused");
    CHECK_STR(owed_to(test, "lch_gone", NULL), "none");
    CHECK_STR(ask(test, "lch_deaf", "do", ADS NETWORK), "done");
    answered(test, "lch_deaf", 500); /* for days */
    CHECK_STR(part(test, "lch_deaf"), "stopped failed");
    CHECK_STR(owed_to(test, "lch_deaf", NULL), "activation.stop"); /* it may have heard */
    answered(test, "lch_deaf", 200);
    CHECK_STR(part(test, "lch_deaf"), "stopped failed");
    CHECK_STR(ask(test, "lch_no", "do", ADS NETWORK), "done");
    CHECK_INT(
        tell(test, "msg_no", "{\"launch_id\":\"lch_no\",\"state\":\"refused\",\"reason\":\"no\"}")
            .status,
        200);
    CHECK_STR(part(test, "lch_no"), "stopped refused");
    CHECK_STR(owed_to(test, "lch_no", NULL), "none");
    CHECK_STR(ask(test, "lch_ended", "do", ADS NETWORK), "done");
    CHECK_INT(tell(test, "msg_ended", "{\"launch_id\":\"lch_ended\",\"state\":\"ended\"}").status,
              200);
    CHECK_STR(part(test, "lch_ended"), "stopped stopped");
}

static void test_what_it_tells(struct test_service *test)
{
    CHECK_STR(ask(test, "lch_2", "do", ADS NETWORK BUDGET), "done");
    answered(test, "lch_2", 200);
    struct str first = figures(test, "lch_2", 400, 1000, 10);
    CHECK_INT(tell(test, "msg_1", first.ptr).status, 200);
    CHECK_INT(tell(test, "msg_1", first.ptr).status, 200); /* replayed */
    CHECK_INT(tell(test, "msg_2", first.ptr).status, 200); /* and told anew */
    CHECK_INT(tell(test, "msg_1", figures(test, "lch_2", 999, 9999, 999).ptr).status, 200);
    CHECK_INT(tell(test, "msg_3", figures(test, "lch_2", 300, 900, 11).ptr).status, 200);
    CHECK_INT(of_launch(test, "lch_2", "spent_milli"), 400000);
    CHECK_INT(of_launch(test, "lch_2", "impressions"), 1000);
    CHECK_INT(of_launch(test, "lch_2", "clicks"), 11);
    CHECK_INT(test_published(test, &ADS_SPEND_RECORDED_V1_TYPE), 2);
    const struct json *spend = test_published_data(test, &ADS_SPEND_RECORDED_V1_TYPE, 0);
    CHECK_STR(json_str(json_get(spend, "network")), "net_social");
    CHECK_INT(json_int(json_get(json_get(spend, "amount"), "amount")), 400);
    CHECK_INT(json_int(json_get(spend, "impressions")), 1000);
    CHECK_STR(owed_to(test, "lch_2", NULL), "none");
    struct reply reply = tell(test, "msg_4", figures(test, "lch_2", 1200, 3000, 30).ptr);
    CHECK_STR(json_str(json_get(test_json(test, reply), "wanted")), "stopped"); /* the budget */
    CHECK_STR(owed_to(test, "lch_2", NULL), "activation.stop");
    CHECK_INT(of_launch(test, "lch_2", "spent_milli"), 1200000); /* what is spent is spent */
    CHECK_INT(test_published(test, &ADS_SPEND_RECORDED_V1_TYPE), 3);
}

static struct str versioned(struct test_service *test, const char *day, int version, int amount,
                            int impressions, int clicks)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str more =
        arena_printf(arena, "%s%s%s", *day ? ",\"day\":\"" : "", day, *day ? "\"" : "");
    if (version)
        more = arena_printf(arena, STR_FMT ",\"version\":%d", STR_ARG(more), version);
    return arena_printf(
        arena,
        "{\"launch_id\":\"lch_%s\",\"results\":[{\"ad_id\":\"ad_spring\",\"amount\":{\"amount\":%d,"
        "\"currency\":\"USD\"},\"impressions\":%d,\"clicks\":%d,\"until\":\"2126-01-01T00:00:00Z\"" STR_FMT
        "}]}",
        *day ? "days" : "all", amount, impressions, clicks, STR_ARG(more));
}

static const struct json *spend_newest(struct test_service *test)
{
    size_t n = test_published(test, &ADS_SPEND_RECORDED_V1_TYPE);
    return test_published_data(test, &ADS_SPEND_RECORDED_V1_TYPE, n - 1);
}

static void test_corrections(struct test_service *test)
{
    CHECK_STR(ask(test, "lch_all", "do", ADS NETWORK BUDGET), "done");
    size_t before = test_published(test, &ADS_SPEND_RECORDED_V1_TYPE);
    CHECK_INT(tell(test, "msg_a1", versioned(test, "", 2, 400, 1000, 10).ptr).status, 200);
    CHECK_INT(tell(test, "msg_a2", versioned(test, "", 1, 100, 100, 1).ptr).status, 200); /* late */
    CHECK_INT(tell(test, "msg_a3", versioned(test, "", 2, 500, 2000, 20).ptr).status, 200);
    CHECK_INT(of_launch(test, "lch_all", "spent_milli"), 400000);
    CHECK_INT(tell(test, "msg_a4", versioned(test, "", 3, 350, 1100, 8).ptr).status, 200);
    CHECK_INT(of_launch(test, "lch_all", "spent_milli"), 350000);
    CHECK_INT(of_launch(test, "lch_all", "impressions"), 1100);
    CHECK_INT(of_launch(test, "lch_all", "clicks"), 8);
    CHECK_INT(test_published(test, &ADS_SPEND_RECORDED_V1_TYPE), before + 2);
    const struct json *spend = spend_newest(test);
    CHECK_INT(json_int(json_pointer(spend, STR("/amount/amount"))), -50);
    CHECK_INT(json_int(json_get(spend, "impressions")), 100);
    CHECK(!json_get(spend, "impressions_taken_back"));
    CHECK_INT(json_int(json_get(spend, "clicks")), 0);
    CHECK_INT(json_int(json_get(spend, "clicks_taken_back")), 2);
    CHECK_INT(tell(test, "msg_a5", versioned(test, "", 0, 300, 1100, 9).ptr).status, 200);
    CHECK_INT(of_launch(test, "lch_all", "spent_milli"), 350000); /* without a version: only more */
    CHECK_INT(of_launch(test, "lch_all", "clicks"), 9);
    CHECK_STR(ask(test, "lch_all", "undo", ""), "done");
    answered(test, "lch_all", 200);
}

/* An earlier day is corrected after a later one was told, also below what the budget was spent by. */
static void test_days(struct test_service *test)
{
    char text[CLOCK_TEXT_BYTES];
    clock_format(clock_now_us(), text);
    text[10] = '\0'; /* the day */
    CHECK_STR(ask(test, "lch_days", "do", ADS NETWORK BUDGET), "done");
    char early[CLOCK_TEXT_BYTES];
    clock_format(clock_now_us() - US_PER_DAY, early);
    early[10] = '\0';
    CHECK_INT(tell(test, "msg_d1", versioned(test, early, 1, 600, 1000, 10).ptr).status, 200);
    CHECK_INT(tell(test, "msg_d2", versioned(test, text, 1, 300, 500, 5).ptr).status, 200);
    CHECK_INT(of_launch(test, "lch_days", "spent_milli"), 900000);
    CHECK_INT(tell(test, "msg_d3", versioned(test, early, 2, 200, 1000, 4).ptr).status, 200);
    CHECK_INT(of_launch(test, "lch_days", "spent_milli"), 500000);
    CHECK_INT(of_launch(test, "lch_days", "impressions"), 1500);
    CHECK_INT(of_launch(test, "lch_days", "clicks"), 9);
    const struct json *spend = spend_newest(test);
    CHECK_INT(json_int(json_pointer(spend, STR("/amount/amount"))), -400);
    CHECK(str_starts(json_str(json_get(spend, "from")), str_of(early)));
    CHECK_INT(tell(test, "msg_d4", figures(test, "lch_days", 1, 1, 1).ptr).status, 422);
    CHECK_INT(tell(test, "msg_d5", versioned(test, "2001-01-01", 1, 1, 1, 1).ptr).status, 422);
    CHECK_INT(tell(test, "msg_d6", versioned(test, "2101-01-01", 1, 1, 1, 1).ptr).status, 422);
    CHECK_INT(tell(test, "msg_d7", versioned(test, text, 2, 900, 500, 5).ptr).status, 200);
    CHECK_STR(part(test, "lch_days"), "stopped waiting"); /* the budget */
    answered(test, "lch_days", 200);
}

static void test_what_is_refused(struct test_service *test)
{
    struct str body = figures(test, "lch_2", 5000, 9000, 90);
    CHECK_INT(
        tell_signed(test, "msg_5", 0, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", body.ptr).status,
        401);
    CHECK_INT(tell_signed(test, "msg_5", 301, SECRET, body.ptr).status, 401);
    CHECK_INT(tell_signed(test, "msg_5", -302, SECRET, body.ptr).status, 401);
    CHECK_INT(
        test_call(test, "POST", "/v1/networks/net_social/results", NULL, NULL, body.ptr).status,
        401);
    CHECK_INT(
        test_call(test, "POST", "/v1/networks/net_social/results", SCOPES, NULL, body.ptr).status,
        401); /* a token is no signature */
    CHECK_INT(tell(test, "msg_5", "{\"launch_id\":").status, 400);
    CHECK_INT(tell(test, "msg_5", "{\"launch_id\":\"lch_none\"}").status, 404);
    CHECK_INT(tell(test, "msg_5", "{\"launch_id\":7}").status, 422);
    CHECK_INT(tell(test, "msg_5", "{\"launch_id\":\"lch_2\",\"state\":\"happy\"}").status, 422);
    CHECK_INT(tell(test, "msg_5", figures(test, "lch_2", -1, 0, 0).ptr).status, 422);
    CHECK_INT(tell(test, "msg_5", figures(test, "lch_2", 1, -1, 0).ptr).status, 422);
    CHECK_INT(of_launch(test, "lch_2", "spent_milli"), 1200000);
    CHECK_INT(tell(test, "msg_5", figures(test, "lch_2", 1201, 3000, 30).ptr).status,
              200); /* what was refused is not noted as told */
    CHECK_INT(of_launch(test, "lch_2", "spent_milli"), 1201000);
}

static void test_time_is_over(struct test_service *test)
{
    int64_t now_us = clock_now_us();
    char ends[CLOCK_TEXT_BYTES];
    clock_format(now_us + 60 * US_PER_S, ends);
    struct str more = say(test, ADS NETWORK ",\"ends_at\":\"%s\"%s", ends, "");
    CHECK_STR(ask(test, "lch_3", "do", more.ptr), "done");
    answered(test, "lch_3", 200);
    test_work(test, "networks");
    CHECK_STR(owed_to(test, "lch_3", NULL), "none");
    clock_hold_us(now_us + 61 * US_PER_S);
    test_work(test, "networks");
    CHECK_STR(owed_to(test, "lch_3", NULL), "activation.stop");
    clock_hold_us(0);
}

static void delete_when_free(struct test_service *test)
{
    static const char *const launches[] = { "lch_2", "lch_3", "lch_away" };
    CHECK_STR(ask(test, "lch_away", "undo", ""), "done");
    for (size_t i = 0; i < COUNT(launches); i++)
        answered(test, launches[i], 200);
    CHECK_INT(call(test, "DELETE", "/v1/networks/net_social", NULL).status, 204);
}

static struct str paid_in(struct test_service *test, const char *launch)
{
    struct reply reply = call(test, "GET", say(test, "/v1/activations/%s%s", launch, "").ptr, NULL);
    return json_str(json_pointer(test_json(test, reply), STR("/networks/0/spent/currency")));
}

/* What a deleted network was paid was told in the currency XXX. */
static void test_paid_in_the_same_currency_for_ever(struct test_service *test)
{
    delete_when_free(test);
    CHECK_STR(paid_in(test, "lch_2"), "USD");
    CHECK_STR(paid_in(test, "lch_3"), "USD"); /* which has no budget */
    CHECK_INT(call(test, "PUT", "/v1/networks/net_social",
                   "{\"name\":\"Social\",\"url\":\"http://127.0.0.1:1/\",\"currency\":\"EUR\","
                   "\"secret\":\"" SECRET "\"}")
                  .status,
              409);
    CHECK_INT(
        call(test, "PUT", "/v1/networks/net_social", PUT ",\"secret\":\"" SECRET "\"}").status,
        200);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&ads_service, url, NULL);
    test_networks(test);
    test_what_it_is_told(test);
    test_one_that_is_away(test);
    test_one_that_refuses(test);
    test_what_it_tells(test);
    test_corrections(test);
    test_days(test);
    test_what_is_refused(test);
    test_time_is_over(test);
    test_paid_in_the_same_currency_for_ever(test);
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
