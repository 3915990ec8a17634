/* For tests of journeys: people who do things, and time that passes. */
#pragma once

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/campaign/campaign.h"
#include "services/campaign/reactions_journeys.h"

#define ALL "campaigns:read campaigns:write"
#define NOON 1795608000000000LL /* 2026-11-25T12:00:00Z */
#define HOUR (3600 * US_PER_S)

static int64_t now_us; /* what clocks show */

static inline void clock_set(int64_t us)
{
    now_us = us;
    clock_hold_us(us);
}

static inline struct reply call(struct test_service *test, const char *method, const char *id,
                                const char *what, const char *body)
{
    struct str target =
        arena_printf(test_ctx(test)->arena, "/v1/journeys/%s%s", id, what ? what : "");
    return test_call(test, method, target.ptr, ALL, NULL, body);
}

static inline void begin(struct test_service *test, const char *id, const char *definition)
{
    REQUIRE(call(test, "PUT", id, NULL, definition).status == 200);
    REQUIRE(call(test, "POST", id, "/activate", NULL).status == 200);
}

static inline void hear_as(struct test_service *test, const char *event_id, const char *person,
                           const char *name, const char *properties)
{
    char at[CLOCK_TEXT_BYTES];
    clock_format(now_us, at);
    struct str data = arena_printf(
        test_ctx(test)->arena,
        "{\"message_id\":\"m\",\"kind\":\"track\",\"name\":\"%s\",\"person_id\":\"%s\",\"source\":\"shop\","
        "\"properties\":%s,\"occurred_at\":\"%s\",\"received_at\":\"%s\"}",
        name, person, properties, at, at);
    CHECK_INT(test_event(test, &ANALYTICS_EVENT_RECORDED_V1_TYPE, event_id, data.ptr), DONE);
}

static inline void hear(struct test_service *test, const char *person, const char *name,
                        const char *properties)
{
    hear_as(test, NULL, person, name, properties);
}

static inline void pass(struct test_service *test, int64_t us)
{
    clock_set(now_us + us);
    while (test_work(test, "journeys"))
        ;
}

static inline size_t mails(struct test_service *test)
{
    return test_published(test, &EMAIL_MESSAGE_ASKED_V1_TYPE);
}

static inline int64_t figure(struct test_service *test, const char *id, const char *pointer)
{
    struct reply reply = call(test, "GET", id, "/status", NULL);
    REQUIRE(reply.status == 200);
    return json_int(json_pointer(test_json(test, reply), str_of(pointer)));
}
