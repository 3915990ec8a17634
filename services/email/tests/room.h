/* What the tests of this room share. */
#pragma once

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/email/email.h"
#include "services/email/messages.h"
#include "services/email/plan.h"
#include "services/email/reactions.h"
#include "email_contract.h"

static inline void hear(struct test_service *test, const struct event_type *type, const char *data)
{
    CHECK_INT(test_event(test, type, NULL, data), DONE);
}

#define HEAR(type, ...)                                                                            \
    hear(test, &type##_V1_TYPE, arena_printf(test_ctx(test)->arena, __VA_ARGS__).ptr)

/* A person with an address, who consented to marketing by mail; `more` is put into the profile. */
static inline void person(struct test_service *test, const char *id, const char *more)
{
    HEAR(CRM_PROFILE_UPDATED,
         "{\"profile_id\":\"%s\",\"email\":\"%s@example.com\",\"name\":\"%s Doe\"%s,\"version\":1,"
         "\"updated_at\":\"2026-01-01T00:00:00Z\"}",
         id, id, id, more);
    HEAR(CRM_CONSENT_CHANGED,
         "{\"profile_id\":\"%s\",\"purpose\":\"marketing\",\"channel\":\"email\","
         "\"state\":\"granted\",\"changed_at\":\"2026-01-01T00:00:00Z\"}",
         id);
}

static inline void member(struct test_service *test, const char *segment, const char *id)
{
    HEAR(PERSONALIZATION_MEMBERSHIP_CHANGED,
         "{\"person_id\":\"%s\",\"segment_id\":\"%s\",\"state\":\"entered\","
         "\"changed_at\":\"2026-01-01T00:00:00Z\"}",
         id, segment);
}

/* `document` is what is inside of it. */
static inline void publish(struct test_service *test, const char *kind, const char *slug,
                           const char *document)
{
    HEAR(CONTENT_ENTRY_PUBLISHED,
         "{\"entry_id\":\"ent_%s\",\"kind\":\"%s\",\"slug\":\"%s\",\"version\":1,"
         "\"document\":{%s},\"published_at\":\"2026-01-01T00:00:00Z\"}",
         slug, kind, slug, document);
}

/* `more` begins with a comma where there is any. */
#define ASK(launch, more)                                                                          \
    HEAR(EMAIL_DELIVERY_ASKED,                                                                     \
         "{\"command_id\":\"cmd_" launch "\",\"campaign_id\":\"cmp_a\",\"launch_id\":\"" launch    \
         "\",\"action\":\"do\",\"expires_at\":\"2099-01-01T00:00:00Z\"" more "}")
#define UNDO(launch)                                                                               \
    HEAR(EMAIL_DELIVERY_ASKED, "{\"command_id\":\"cmd_undo_" launch                                \
                               "\",\"campaign_id\":\"cmp_a\",\"launch_id\":\"" launch              \
                               "\",\"action\":\"undo\",\"expires_at\":\"2020-01-01T00:00:00Z\"}")
#define LAUNCH(launch)                                                                             \
    HEAR(CAMPAIGN_CAMPAIGN_LAUNCHED,                                                               \
         "{\"campaign_id\":\"cmp_a\",\"launch_id\":\"" launch                                      \
         "\",\"name\":\"A\",\"launched_at\":\"2026-01-01T00:00:00Z\"}")

/* "done -" or "refused why": the last answer. */
static inline struct str answered(struct test_service *test)
{
    size_t n = test_published(test, &EMAIL_DELIVERY_ANSWERED_V1_TYPE);
    if (n == 0)
        return STR("none");
    const struct json *last = test_published_data(test, &EMAIL_DELIVERY_ANSWERED_V1_TYPE, n - 1);
    struct str reason = json_str(json_get(last, "reason"));
    return arena_printf(test_ctx(test)->arena, STR_FMT " " STR_FMT,
                        STR_ARG(json_str(json_get(last, "outcome"))),
                        STR_ARG(reason.ptr ? reason : STR("-")));
}

static inline void work(struct test_service *test, const char *worker)
{
    while (test_work(test, worker))
        continue;
}

static inline void hold_clock(const char *moment)
{
    int64_t at_us = 0;
    CHECK(clock_parse(str_of(moment), false, &at_us));
    clock_hold_us(at_us);
}

/* ---- mail that was sent; its template is `news` ---- */

#define COUNT_OF(event) test_published(test, &EMAIL_##event##_V1_TYPE)

static inline bool is_sent(struct ctx *ctx, void *argument)
{
    struct message_row *message = argument;
    bool moved;
    return store_message(ctx, message->message_id, message) &&
           message_doubt(ctx, message, &moved) &&
           message_sent(ctx, message, STR("250 2.0.0 OK"), &moved);
}

/* A mail that was sent to this person right now; its id. */
static inline struct str sent(struct test_service *test, const char *id, const char *key)
{
    struct message_row *message = ARENA_NEW(test_ctx(test)->arena, struct message_row);
    HEAR(
        EMAIL_MESSAGE_ASKED,
        "{\"command_id\":\"cmd_%s\",\"message_key\":\"%s\",\"person_id\":\"%s\",\"template\":\"news\","
        "\"purpose\":\"marketing\",\"campaign_id\":\"cmp_a\",\"expires_at\":\"2099-01-01T00:00:00Z\"}",
        key, key, id);
    struct str launch = STR(""), asked = str_of(key);
    message->message_id = plan_message_id(test_ctx(test)->arena, asked, launch, STR(""));
    CHECK(test_write(test, is_sent, message));
    return message->message_id;
}

static inline bool may_be_sent(struct test_service *test, const char *person)
{
    const char *path = arena_printf(test_ctx(test)->arena, "/v1/contacts/%s", person).ptr;
    struct reply reply = test_call(test, "GET", path, "messages:read", NULL, NULL);
    return json_bool(json_get(test_json(test, reply), "marketing"));
}
