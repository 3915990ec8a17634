/* What email tells of mail to a person is what segments may ask for; and what names somebody is not kept. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/personalization/personalization.h"
#include "services/personalization/reactions.h"

#define NOON (1795867200 * US_PER_S) /* 2026-11-28T12:00:00Z */
#define MAIL(who, more, when)                                                                      \
    "{\"message_id\":\"msg_1\",\"person_id\":\"" who "\",\"kind\":\"bulk\"," more "\"" when        \
    "\":\"2026-11-20T08:00:00Z\"}"
#define RULE                                                                                       \
    "{\"name\":\"Readers\",\"rule\":{\"and\":[{\"did\":[\"events.Email Opened\",1,30]},"           \
    "{\"!\":{\"did\":[\"events.Email Bounced\"]}}]}}"

static void work(struct test_service *test)
{
    test_work(test, "definitions");
    while (test_work(test, "segments"))
        continue;
}

static const struct json *features(struct test_service *test, const char *who)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/people/%s/features", who);
    return json_get(test_json(test, test_call(test, "GET", target.ptr, "people:read", NULL, NULL)),
                    "features");
}

static int64_t size_of_readers(struct test_service *test)
{
    work(test);
    return json_int(json_get(test_json(test, test_call(test, "GET", "/v1/segments/seg_readers",
                                                       "segments:read", NULL, NULL)),
                             "size"));
}

static int64_t opened(struct test_service *test, const char *who)
{
    return json_int(json_pointer(features(test, who), STR("/events/Email Opened/count")));
}

static void test_mail(struct test_service *test)
{
    CHECK_INT(
        test_call(test, "PUT", "/v1/segments/seg_readers", "segments:write", NULL, RULE).status,
        200);
    CHECK_INT(test_event(test, &EMAIL_MESSAGE_SENT_V1_TYPE, "e1", MAIL("prf_a", "", "sent_at")),
              DONE);
    CHECK_INT(size_of_readers(test), 0);
    CHECK_INT(test_event(test, &EMAIL_MESSAGE_OPENED_V1_TYPE, "e2",
                         MAIL("prf_a", "\"machine\":true,", "opened_at")),
              DONE);
    CHECK_INT(opened(test, "prf_a"), 0);
    CHECK_INT(size_of_readers(test), 0);
    for (int i = 0; i < 2; i++) /* the same event twice counts once */
        CHECK_INT(test_event(test, &EMAIL_MESSAGE_OPENED_V1_TYPE, "e3",
                             MAIL("prf_a", "\"machine\":false,", "opened_at")),
                  DONE);
    CHECK_INT(opened(test, "prf_a"), 1);
    CHECK_INT(size_of_readers(test), 1);
    for (int i = 0; i < 2; i++)
        CHECK_INT(test_event(test, &EMAIL_MESSAGE_CLICKED_V1_TYPE, i ? "e4" : "e5",
                             i ? MAIL("prf_a", "\"link\":\"https://x.example\",\"machine\":true,",
                                      "clicked_at")
                               : MAIL("prf_a", "\"link\":\"https://x.example\",\"machine\":false,",
                                      "clicked_at")),
                  DONE);
    const struct json *told = features(test, "prf_a");
    CHECK_INT(json_int(json_pointer(told, STR("/events/Email Link Clicked/count_30d"))), 1);
    CHECK_INT(json_int(json_pointer(told, STR("/events/Email Sent/count"))), 1);
    CHECK_INT(test_event(test, &EMAIL_MESSAGE_BOUNCED_V1_TYPE, "e6",
                         MAIL("prf_a", "\"bounce\":\"hard\",", "bounced_at")),
              DONE);
    CHECK_INT(size_of_readers(test), 0);
}

static void test_names_are_not_kept(struct test_service *test)
{
    CHECK_INT(test_event(test, &CRM_PROFILE_UPDATED_V1_TYPE, "p1",
                         "{\"profile_id\":\"prf_a\",\"version\":1,\"name\":\"Ada\",\"traits\":"
                         "{\"first_name\":\"Ada\",\"E-Mail\":\"a@example.com\",\"plan\":\"pro\","
                         "\"address\":{\"street\":\"Ockham Park\"},\"city\":\"London\"},"
                         "\"updated_at\":\"2026-11-20T00:00:00Z\"}"),
              DONE);
    CHECK_STR(json_text(test_ctx(test)->arena, json_get(features(test, "prf_a"), "traits")),
              "{\"plan\":\"pro\",\"city\":\"London\"}");
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&personalization_service, url, NULL);
    clock_hold_us(NOON);
    test_mail(test);
    test_names_are_not_kept(test);
    clock_hold_us(0);
    test_close(test);
}

int main(void)
{
    test_room(NULL);
    return check_end();
}
