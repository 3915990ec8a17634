/* Campaigns to be saved, for the tests of them and of their launches. */
#pragma once

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/campaign/campaign.h"
#include "services/campaign/reactions.h"
#include "campaign_contract.h"

#define ALL "campaigns:read campaigns:write campaigns:approve"
#define PLAN                                                                                       \
    "{\"name\":\"Spring\",\"goal\":{\"text\":\"More orders\",\"event\":\"Order Completed\"},"      \
    "\"budget\":{\"amount\":500000,\"currency\":\"USD\"},\"audience\":{\"segments\":[\"seg_a\"]}," \
    "\"entries\":[\"ent_home\"],\"email\":{\"template\":\"spring\"},\"ads\":{\"ads\":[\"ad_1\"],\"networks\":[\"net_social\"]}}"

static inline struct reply put(struct test_service *test, const char *id, const char *headers,
                               const char *body)
{
    return test_call(test, "PUT", arena_printf(test_ctx(test)->arena, "/v1/campaigns/%s", id).ptr,
                     ALL, headers, body);
}

static inline struct str member(struct test_service *test, struct reply reply, const char *name)
{
    return json_str(json_get(test_json(test, reply), name));
}

/* Of a plan that goes to everyone. */
#define EMAIL "\"audience\":{\"everyone\":true},\"email\":{\"template\":\"t\""
