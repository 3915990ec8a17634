/* The room as a whole: whatever order events come in, and however often, the figures are the same bytes. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/reporting/model.h"
#include "services/reporting/reactions.h"
#include "services/reporting/reporting.h"
#include "reporting_contract.h"

#define NOW_US (1795600000 * US_PER_S) /* 2026-11-25 */
#define ORDERS 60                      /* in which all is told anew */
#define RANGE "?from=2026-11-01&to=2026-11-24"

static const struct {
    const struct event_type *type;
    const char *data;
} told[] = {
    /* A visitor comes by a mail's link, says who they are later, and buys: the order is the campaign's. */
    { &ANALYTICS_EVENT_RECORDED_V1_TYPE,
      "{\"message_id\":\"m1\",\"kind\":\"page\",\"person_id\":\"vis_a\",\"anonymous_id\":\"vis_a\",\"source\":\"s\","
      "\"context\":{\"page\":{\"search\":\"?utm_medium=cpc&utm_campaign=cmp%5Fads\"}},"
      "\"occurred_at\":\"2026-11-10T10:00:00Z\",\"received_at\":\"2026-11-10T10:00:00Z\"}" },
    { &GATEWAY_PAGE_VIEWED_V1_TYPE,
      "{\"view_id\":\"v1\",\"person_id\":\"prf_a\",\"visitor_id\":\"vis_a\",\"customer_id\":\"prf_a\",\"slug\":\"home\","
      "\"viewed_at\":\"2026-11-10T11:00:00Z\"}" },
    { &GATEWAY_PAGE_VIEWED_V1_TYPE,
      "{\"view_id\":\"v2\",\"person_id\":\"vis_b\",\"visitor_id\":\"vis_b\",\"slug\":\"home\",\"viewed_at\":\"2026-11-10T11:00:00Z\"}" },
    /* The same visitor two days later: one person of these days, two of their visitors. */
    { &GATEWAY_PAGE_VIEWED_V1_TYPE,
      "{\"view_id\":\"v3\",\"person_id\":\"vis_b\",\"visitor_id\":\"vis_b\",\"slug\":\"home\",\"viewed_at\":\"2026-11-12T11:00:00Z\"}" },
    { &COMMERCE_ORDER_PLACED_V1_TYPE,
      "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_a\",\"placed_at\":\"2026-11-10T12:00:00Z\",\"total\":{\"amount\":10000,\"currency\":\"USD\"},"
      "\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,\"amount\":{\"amount\":10000,\"currency\":\"USD\"}}]}" },
    { &COMMERCE_ORDER_CHANGED_V1_TYPE,
      "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_a\",\"change\":1,\"placed_at\":\"2026-11-10T12:00:00Z\",\"changed_at\":\"2026-11-11T12:00:00Z\","
      "\"total\":{\"amount\":12000,\"currency\":\"USD\"},\"total_before\":{\"amount\":10000,\"currency\":\"USD\"},"
      "\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,\"amount\":{\"amount\":12000,\"currency\":\"USD\"}}]}" },
    { &COMMERCE_ORDER_CHANGED_V1_TYPE,
      "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_a\",\"change\":2,\"placed_at\":\"2026-11-10T12:00:00Z\",\"changed_at\":\"2026-11-11T12:00:00Z\","
      "\"total\":{\"amount\":11000,\"currency\":\"USD\"},\"total_before\":{\"amount\":12000,\"currency\":\"USD\"},"
      "\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,\"amount\":{\"amount\":11000,\"currency\":\"USD\"}}]}" },
    { &COMMERCE_ORDER_REFUNDED_V1_TYPE,
      "{\"order_id\":\"ord_1\",\"refund_id\":\"rfd_1\",\"customer_id\":\"prf_a\",\"refund\":{\"amount\":2500,\"currency\":\"USD\"},"
      "\"refunded_total\":{\"amount\":2500,\"currency\":\"USD\"},\"refunded_at\":\"2026-11-12T12:00:00Z\"}" },
    /* A mail that was sent, opened and clicked, then an order; another one that a machine opened. */
    { &EMAIL_MESSAGE_SENT_V1_TYPE,
      "{\"message_id\":\"msg_1\",\"person_id\":\"prf_b\",\"kind\":\"bulk\",\"campaign_id\":\"cmp_mail\",\"launch_id\":\"lch_1\","
      "\"scheduled_at\":\"2026-11-11T08:00:00Z\",\"sent_at\":\"2026-11-11T08:00:04Z\"}" },
    { &EMAIL_MESSAGE_CLICKED_V1_TYPE,
      "{\"message_id\":\"msg_1\",\"person_id\":\"prf_b\",\"kind\":\"bulk\",\"campaign_id\":\"cmp_mail\",\"machine\":false,\"link\":\"https://x\","
      "\"clicked_at\":\"2026-11-11T09:00:00Z\"}" },
    { &EMAIL_MESSAGE_SENT_V1_TYPE,
      "{\"message_id\":\"msg_2\",\"person_id\":\"prf_c\",\"kind\":\"bulk\",\"campaign_id\":\"cmp_mail\",\"launch_id\":\"lch_1\","
      "\"scheduled_at\":\"2026-11-11T08:00:00Z\",\"sent_at\":\"2026-11-11T08:00:08Z\"}" },
    { &EMAIL_MESSAGE_OPENED_V1_TYPE,
      "{\"message_id\":\"msg_2\",\"person_id\":\"prf_c\",\"kind\":\"bulk\",\"campaign_id\":\"cmp_mail\",\"machine\":true,"
      "\"opened_at\":\"2026-11-11T08:01:00Z\"}" },
    { &EMAIL_MESSAGE_BOUNCED_V1_TYPE,
      "{\"message_id\":\"msg_2\",\"person_id\":\"prf_c\",\"kind\":\"bulk\",\"campaign_id\":\"cmp_mail\",\"bounce\":\"hard\","
      "\"bounced_at\":\"2026-11-12T08:01:00Z\"}" },
    { &COMMERCE_ORDER_PLACED_V1_TYPE,
      "{\"order_id\":\"ord_2\",\"customer_id\":\"prf_b\",\"placed_at\":\"2026-11-18T08:59:59Z\",\"total\":{\"amount\":7000,\"currency\":\"USD\"},"
      "\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,\"amount\":{\"amount\":7000,\"currency\":\"USD\"}}]}" },
    /* Mails that were withheld and then refused, or in doubt: each ends once. And one that no launch sent. */
    { &EMAIL_MESSAGE_WITHHELD_V1_TYPE,
      "{\"message_id\":\"msg_3\",\"person_id\":\"prf_x\",\"kind\":\"bulk\",\"campaign_id\":\"cmp_mail\",\"launch_id\":\"lch_1\","
      "\"reason\":\"capped\",\"withheld_at\":\"2026-11-11T08:00:00Z\"}" },
    { &EMAIL_MESSAGE_FAILED_V1_TYPE,
      "{\"message_id\":\"msg_3\",\"person_id\":\"prf_x\",\"kind\":\"bulk\",\"campaign_id\":\"cmp_mail\",\"launch_id\":\"lch_1\","
      "\"reason\":\"refused\",\"failed_at\":\"2026-11-11T09:00:00Z\"}" },
    { &EMAIL_MESSAGE_DOUBTED_V1_TYPE,
      "{\"message_id\":\"msg_4\",\"person_id\":\"prf_y\",\"kind\":\"bulk\",\"campaign_id\":\"cmp_mail\",\"launch_id\":\"lch_1\","
      "\"doubted_at\":\"2026-11-11T08:00:00Z\"}" },
    { &EMAIL_MESSAGE_WITHHELD_V1_TYPE,
      "{\"message_id\":\"msg_4\",\"person_id\":\"prf_y\",\"kind\":\"bulk\",\"campaign_id\":\"cmp_mail\",\"launch_id\":\"lch_1\","
      "\"reason\":\"suppressed\",\"withheld_at\":\"2026-11-11T08:30:00Z\"}" },
    { &EMAIL_MESSAGE_SENT_V1_TYPE,
      "{\"message_id\":\"msg_5\",\"person_id\":\"prf_z\",\"kind\":\"transactional\",\"campaign_id\":\"cmp_mail\","
      "\"sent_at\":\"2026-11-11T08:00:08Z\"}" },
    /* The same, a second too late: direct. In euros, and cancelled. */
    { &COMMERCE_ORDER_PLACED_V1_TYPE,
      "{\"order_id\":\"ord_3\",\"customer_id\":\"prf_b\",\"placed_at\":\"2026-11-18T09:00:01Z\",\"total\":{\"amount\":900,\"currency\":\"EUR\"},"
      "\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,\"amount\":{\"amount\":900,\"currency\":\"EUR\"}}]}" },
    { &COMMERCE_ORDER_CANCELLED_V1_TYPE,
      "{\"order_id\":\"ord_3\",\"customer_id\":\"prf_b\",\"total\":{\"amount\":900,\"currency\":\"EUR\"},\"cancelled_at\":\"2026-11-19T09:00:00Z\"}" },
    /* Somebody who is erased: the order stays, as a direct one. */
    { &ADS_CLICK_RECORDED_V1_TYPE,
      "{\"impression_id\":\"imp_1\",\"person_id\":\"vis_e\",\"ad_id\":\"ad_1\",\"placement_id\":\"pl_1\",\"campaign_id\":\"cmp_ads\","
      "\"clicked_at\":\"2026-11-13T09:00:00Z\"}" },
    { &ANALYTICS_EVENT_RECORDED_V1_TYPE,
      "{\"message_id\":\"m2\",\"kind\":\"identify\",\"person_id\":\"prf_e\",\"user_id\":\"prf_e\",\"anonymous_id\":\"vis_e\",\"source\":\"s\","
      "\"occurred_at\":\"2026-11-13T09:01:00Z\",\"received_at\":\"2026-11-13T09:01:00Z\"}" },
    { &COMMERCE_ORDER_PLACED_V1_TYPE,
      "{\"order_id\":\"ord_4\",\"customer_id\":\"prf_e\",\"placed_at\":\"2026-11-13T10:00:00Z\",\"total\":{\"amount\":300,\"currency\":\"USD\"},"
      "\"lines\":[{\"product_id\":\"prd_1\",\"quantity\":1,\"amount\":{\"amount\":300,\"currency\":\"USD\"}}]}" },
    { &CRM_PROFILE_ERASED_V1_TYPE,
      "{\"profile_id\":\"prf_e\",\"request_id\":\"ers_1\",\"erased_at\":\"2026-11-20T00:00:00Z\"}" },
    { &ADS_SPEND_RECORDED_V1_TYPE,
      "{\"spend_id\":\"spd_1\",\"ad_id\":\"ad_1\",\"campaign_id\":\"cmp_ads\",\"network\":\"other\",\"amount\":{\"amount\":2500,\"currency\":\"USD\"},"
      "\"impressions\":100,\"clicks\":4,\"from\":\"2026-11-10T00:00:00Z\",\"until\":\"2026-11-11T00:00:00Z\"}" },
    /* The network corrects that. */
    { &ADS_SPEND_RECORDED_V1_TYPE,
      "{\"spend_id\":\"spd_2\",\"ad_id\":\"ad_1\",\"campaign_id\":\"cmp_ads\",\"network\":\"other\",\"amount\":{\"amount\":-500,\"currency\":\"USD\"},"
      "\"impressions\":0,\"clicks\":1,\"impressions_taken_back\":30,\"from\":\"2026-11-10T00:00:00Z\",\"until\":\"2026-11-11T00:00:00Z\"}" },
    { &CONTENT_ENTRY_PUBLISHED_V1_TYPE,
      "{\"entry_id\":\"ent_1\",\"kind\":\"page\",\"slug\":\"a\",\"version\":1,\"document\":{},\"published_at\":\"2026-11-10T09:00:00Z\"}" },
    { &CONTENT_ENTRY_PUBLISHED_V1_TYPE,
      "{\"entry_id\":\"ent_2\",\"kind\":\"page\",\"slug\":\"b\",\"version\":1,\"document\":{},\"published_at\":\"2026-11-10T09:00:00Z\"}" },
    { &CONTENT_ENTRY_UNPUBLISHED_V1_TYPE,
      "{\"entry_id\":\"ent_2\",\"kind\":\"page\",\"slug\":\"b\",\"version\":2,\"unpublished_at\":\"2026-11-11T09:00:00Z\"}" },
    { &LOYALTY_POINTS_EARNED_V1_TYPE,
      "{\"entry_id\":\"pts_1\",\"customer_id\":\"prf_a\",\"points\":100,\"balance\":100,\"lifetime_points\":100,\"reason\":\"order\","
      "\"earned_at\":\"2026-11-10T12:00:01Z\"}" },
    /* A launch step by step. */
    { &CAMPAIGN_CAMPAIGN_SAVED_V1_TYPE,
      "{\"campaign_id\":\"cmp_mail\",\"name\":\"=Mail\",\"revision\":2,\"saved_at\":\"2026-11-11T07:00:00Z\"}" },
    { &CAMPAIGN_CAMPAIGN_SAVED_V1_TYPE,
      "{\"campaign_id\":\"cmp_mail\",\"name\":\"Old\",\"revision\":1,\"saved_at\":\"2026-11-11T06:00:00Z\"}" },
    { &CAMPAIGN_LAUNCH_STEPPED_V1_TYPE,
      "{\"campaign_id\":\"cmp_mail\",\"launch_id\":\"lch_1\",\"step\":\"content\",\"state\":\"asked\",\"attempt\":1,\"stepped_at\":\"2026-11-11T07:30:00Z\"}" },
    { &CAMPAIGN_LAUNCH_STEPPED_V1_TYPE,
      "{\"campaign_id\":\"cmp_mail\",\"launch_id\":\"lch_1\",\"step\":\"content\",\"state\":\"done\",\"attempt\":1,\"stepped_at\":\"2026-11-11T07:30:01Z\"}" },
    { &EMAIL_DELIVERY_COUNTED_V1_TYPE,
      "{\"campaign_id\":\"cmp_mail\",\"launch_id\":\"lch_1\",\"recipients\":4,\"withheld\":1,\"held_out\":0,\"counted_at\":\"2026-11-11T07:31:00Z\"}" },
    { &CAMPAIGN_CAMPAIGN_LAUNCHED_V1_TYPE,
      "{\"campaign_id\":\"cmp_mail\",\"launch_id\":\"lch_1\",\"name\":\"Mail\",\"launched_at\":\"2026-11-11T07:32:00Z\"}" },
};

static const char *const questions[] = {
    "/v1/dashboard" RANGE, "/v1/days" RANGE "&currency=EUR", "/v1/channels" RANGE,
    "/v1/campaigns" RANGE, "/v1/campaigns/cmp_mail",         "/v1/campaigns/cmp_ads",
    "/v1/freshness",
};

static const struct json *ask(struct test_service *test, const char *target)
{
    struct reply reply = test_call(test, "GET", target, "reporting:read", NULL, NULL);
    REQUIRE(reply.status == 200);
    return test_json(test, reply);
}

static int64_t figure(struct test_service *test, const char *target, const char *pointer)
{
    return json_int(json_pointer(ask(test, target), str_of(pointer)));
}

static void test_figures(struct test_service *test)
{
    CHECK_INT(figure(test, "/v1/dashboard" RANGE, "/figures/orders"), 4);
    CHECK_INT(figure(test, "/v1/dashboard" RANGE, "/figures/revenue"), 18300);
    CHECK_INT(figure(test, "/v1/dashboard" RANGE, "/figures/net_revenue"), 15800);
    CHECK_INT(figure(test, "/v1/dashboard" RANGE "&currency=EUR", "/figures/revenue"), 900);
    CHECK_INT(figure(test, "/v1/dashboard" RANGE "&currency=EUR", "/figures/net_revenue"), 0);
    CHECK_INT(figure(test, "/v1/dashboard" RANGE, "/figures/visitors"), 5);
    CHECK_INT(figure(test, "/v1/dashboard" RANGE, "/figures/distinct_visitors"), 4);
    CHECK_INT(
        figure(test, "/v1/dashboard?from=2026-11-11&to=2026-11-24", "/figures/distinct_visitors"),
        2); /* prf_b, vis_b */
    CHECK_INT(figure(test, "/v1/channels" RANGE, "/items/0/figures/distinct_visitors"), 2);
    CHECK_INT(figure(test, "/v1/channels" RANGE, "/items/1/figures/distinct_visitors"), 1);
    CHECK_INT(figure(test, "/v1/campaigns/cmp_mail", "/figures/distinct_visitors"), 1);
    CHECK_INT(figure(test, "/v1/days" RANGE, "/items/9/figures/distinct_visitors"), 3);
    CHECK_INT(figure(test, "/v1/dashboard" RANGE, "/figures/published"), 1);
    CHECK_INT(figure(test, "/v1/dashboard" RANGE, "/figures/points_earned"), 100);
    CHECK_INT(figure(test, "/v1/channels" RANGE, "/items/0/figures/orders"), 2);   /* direct */
    CHECK_INT(figure(test, "/v1/channels" RANGE, "/items/0/figures/visitors"),
              3);                                                          /* prf_a, vis_b twice */
    CHECK_INT(figure(test, "/v1/channels" RANGE, "/items/1/figures/orders"), 1);   /* email */
    CHECK_INT(figure(test, "/v1/channels" RANGE, "/items/2/figures/net_revenue"), 8500); /* ads */
    CHECK(json_double(json_pointer(ask(test, "/v1/channels" RANGE),
                                   STR("/items/2/figures/return_on_spend"))) == 4.25);
    CHECK_INT(figure(test, "/v1/channels" RANGE, "/items/2/figures/spend"), 2000);
    CHECK_INT(figure(test, "/v1/channels" RANGE, "/items/2/figures/impressions"), 70);
    CHECK_INT(figure(test, "/v1/campaigns/cmp_mail", "/figures/sent"), 3);
    CHECK_INT(figure(test, "/v1/campaigns/cmp_mail", "/figures/delivered"), 2);
    CHECK_INT(figure(test, "/v1/campaigns/cmp_mail", "/figures/failed"), 1);
    CHECK_INT(figure(test, "/v1/campaigns/cmp_mail", "/figures/withheld"), 1);
    CHECK_INT(figure(test, "/v1/campaigns/cmp_mail", "/figures/doubted"), 0);
    CHECK_INT(figure(test, "/v1/campaigns/cmp_mail", "/figures/opened"), 1);
    CHECK_INT(figure(test, "/v1/campaigns/cmp_mail", "/time_to_inbox/accepted/p50_s"), 4);
    CHECK_INT(figure(test, "/v1/campaigns/cmp_mail", "/launches/0/recipients"), 4);
    const struct json *campaign = ask(test, "/v1/campaigns/cmp_mail");
    CHECK(json_double(json_get(campaign, "completion")) == 1);
    CHECK_STR(json_str(json_get(campaign, "name")), "=Mail");
    CHECK_STR(json_str(json_get(campaign, "state")), "launched");
    CHECK_STR(json_str(json_pointer(campaign, STR("/launches/0/steps/1/state"))), "done");
}

static void test_erasing_is_answered(struct test_service *test)
{
    const struct json *done = test_published_data(test, &CRM_ERASURE_DONE_V1_TYPE, 0);
    CHECK_STR(json_str(json_get(done, "request_id")), "ers_1");
    CHECK_STR(json_str(json_get(done, "service")), "reporting");
}

static void test_ways_of_answering(struct test_service *test)
{
    struct reply csv =
        test_call(test, "GET", "/v1/campaigns" RANGE, "reporting:read", "Accept: text/csv", NULL);
    CHECK_INT(csv.status, 200);
    CHECK(strstr(csv.body.ptr, "cmp_mail,\"'=Mail\",launched,1") != NULL);
    struct reply html =
        test_call(test, "GET", "/v1/dashboard" RANGE, "reporting:read", "Accept: text/html", NULL);
    CHECK_INT(html.status, 200);
    CHECK(strstr(html.body.ptr, "$158.00") != NULL && strstr(html.body.ptr, "<svg") != NULL);
    CHECK_INT(
        test_call(test, "GET", "/v1/days" RANGE, "reporting:read", "If-None-Match: *", NULL).status,
        304);
    CHECK_INT(test_call(test, "GET", "/v1/campaigns/cmp_none", "reporting:read", NULL, NULL).status,
              404);
    CHECK_INT(test_call(test, "GET", "/v1/days?from=2026-11-02&to=2026-11-01", "reporting:read",
                        NULL, NULL)
                  .status,
              422);
    const struct json *page = ask(test, "/v1/campaigns" RANGE "&limit=1");
    CHECK_STR(json_str(json_pointer(page, STR("/items/0/campaign_id"))), "cmp_ads");
    const char *next = arena_printf(test_ctx(test)->arena,
                                    "/v1/campaigns" RANGE "&limit=1&cursor=" STR_FMT,
                                    STR_ARG(json_str(json_get(page, "next_cursor"))))
                           .ptr;
    CHECK_STR(json_str(json_pointer(ask(test, next), STR("/items/0/campaign_id"))), "cmp_mail");
}

static uint32_t random_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Everything once at least, in an order of chance, some of it again under another id. */
static void tell(struct test_service *test, uint32_t seed)
{
    size_t order[COUNT(told)];
    for (size_t i = 0; i < COUNT(told); i++)
        order[i] = i;
    for (size_t i = COUNT(told) - 1; seed && i > 0; i--) {
        size_t k = random_next(&seed) % (i + 1), kept = order[i];
        order[i] = order[k];
        order[k] = kept;
    }
    for (size_t i = 0; i < COUNT(told); i++) {
        CHECK_INT(test_event(test, told[order[i]].type, NULL, told[order[i]].data), DONE);
        size_t again = order[seed ? random_next(&seed) % (i + 1) : i];
        CHECK_INT(test_event(test, told[again].type, NULL, told[again].data), DONE);
    }
}

static struct str answers(struct test_service *test, struct arena *arena)
{
    struct str all = STR("");
    for (size_t i = 0; i < COUNT(questions); i++) {
        struct reply reply = test_call(test, "GET", questions[i], "reporting:read", NULL, NULL);
        all = arena_printf(arena, STR_FMT "\n%d " STR_FMT, STR_ARG(all), reply.status,
                           STR_ARG(reply.body));
    }
    return all;
}

int main(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct str first = { NULL, 0 };
    clock_hold_us(NOW_US);
    for (uint32_t seed = 0; seed < ORDERS; seed++) {
        struct test_service *test = test_open(&reporting_service, NULL, NULL);
        tell(test, seed);
        if (seed == 0) {
            test_figures(test);
            test_ways_of_answering(test);
            test_erasing_is_answered(test);
            first = answers(test, arena);
        } else {
            struct str all = answers(test, arena);
            CHECK(str_eq(all, first));
        }
        test_close(test);
    }
    return check_end();
}
