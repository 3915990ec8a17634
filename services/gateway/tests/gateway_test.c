/* The room by itself: its neighbours refuse, hang or are not there, and pages come all the same. With real neighbours it
 * is tested in tests/ of the repository. */
#include <stdlib.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/crypto/crypto.h"
#include "platform/faults/faults.h"
#include "platform/service/testing.h"
#include "services/gateway/gateway.h"
#include "commerce_events.h"
#include "content_events.h"
#include "gateway_contract.h"

#define BLOCKS                                                                                     \
    "[{\"id\":\"hero\",\"kind\":\"hero\",\"slot\":\"home-hero\",\"content\":{\"headline\":\"Welcome\"}," \
    "\"variants\":{\"vip\":{\"headline\":\"For you\"}}},"                                          \
    "{\"id\":\"offers\",\"kind\":\"products\",\"content\":{},\"products\":[\"prd_a\",\"prd_b\"]}]"
#define PUBLISHED(id, slug, version, second, blocks)                                               \
    "{\"entry_id\":\"" id "\",\"kind\":\"page\",\"slug\":\"" slug                                  \
    "\",\"title\":\"T\",\"version\":" version ",\"document\":{\"blocks\":" blocks                  \
    "},\"published_at\":\"2026-01-01T00:00:" second "Z\"}"
#define UNPUBLISHED(id, slug, second)                                                              \
    "{\"entry_id\":\"" id "\",\"kind\":\"page\",\"slug\":\"" slug "\",\"version\":1,"              \
    "\"unpublished_at\":\"2026-01-01T00:00:" second "Z\"}"
#define PRODUCT(id, amount, active)                                                                \
    "{\"product_id\":\"" id "\",\"name\":\"Name of " id "\",\"price\":{\"amount\":" amount         \
    ",\"currency\":\"USD\"},"                                                                      \
    "\"active\":" active ",\"version\":1,\"updated_at\":\"2026-01-01T00:00:00Z\"}"

static struct reply get_page(struct test_service *test, const char *target)
{
    return test_call(test, "GET", target, "pages:read", NULL, NULL);
}

/* The version of the page that is served; minus the status when there is none. */
static int64_t served(struct test_service *test, const char *target)
{
    struct reply reply = get_page(test, target);
    return reply.status == 200 ? json_int(json_get(test_json(test, reply), "version"))
                               : -reply.status;
}

static enum outcome publish(struct test_service *test, const char *data)
{
    return test_event(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE, NULL, data);
}

static enum outcome unpublish(struct test_service *test, const char *data)
{
    return test_event(test, &CONTENT_ENTRY_UNPUBLISHED_V1_TYPE, NULL, data);
}

static struct str header_of(struct reply reply, const char *name)
{
    for (const struct reply_header *at = reply.headers; at; at = at->next)
        if (strcmp(at->name, name) == 0)
            return at->value;
    return (struct str){ NULL, 0 };
}

static void test_alone_from_the_start(struct test_service *test)
{
    struct reply reply = get_page(test, "/v1/pages/home");
    CHECK_INT(reply.status, 503); /* it may be there, nobody can say */
    CHECK_INT(publish(test, PUBLISHED("ent_home", "home", "1", "01", BLOCKS)), DONE);
    CHECK_INT(publish(test, PUBLISHED("ent_home", "home", "1", "01", BLOCKS)),
              DONE); /* told again */
    reply = get_page(test, "/v1/pages/home");
    REQUIRE(reply.status == 200);
    CHECK_STR(header_of(reply, "Fanfare-Defaults"), "personalization, commerce");
    CHECK_STR(header_of(reply, "Cache-Control"), "private, no-store");
    const struct json *page = test_json(test, reply);
    CHECK_STR(json_str(json_pointer(page, STR("/defaults/0"))), "personalization");
    CHECK_STR(json_str(json_pointer(page, STR("/defaults/1"))), "commerce");
    CHECK_STR(json_str(json_pointer(page, STR("/blocks/0/content/headline"))), "Welcome");
    CHECK_STR(json_str(json_pointer(page, STR("/blocks/0/variant"))), "default");
    CHECK(json_bool(json_pointer(page, STR("/blocks/0/default"))));
    CHECK(!json_bool(json_pointer(page, STR("/blocks/1/prices/0/available")))); /* never heard of */
    CHECK(str_starts(json_str(json_get(page, "visitor_id")), STR("vis_")));
}

static void test_last_known_prices(struct test_service *test)
{
    CHECK_INT(test_event(test, &COMMERCE_PRODUCT_UPSERTED_V1_TYPE, NULL,
                         PRODUCT("prd_a", "1000", "true")),
              DONE);
    CHECK_INT(test_event(test, &COMMERCE_PRODUCT_UPSERTED_V1_TYPE, NULL,
                         PRODUCT("prd_a", "1234", "true")),
              DONE);
    CHECK_INT(
        test_event(test, &COMMERCE_PRODUCT_UPSERTED_V1_TYPE, NULL, PRODUCT("prd_b", "5", "false")),
        DONE);
    const struct json *page = test_json(test, get_page(test, "/v1/pages/home"));
    CHECK_INT(json_int(json_pointer(page, STR("/blocks/1/prices/0/price/amount"))), 1234);
    CHECK_STR(json_str(json_pointer(page, STR("/blocks/1/prices/0/name"))), "Name of prd_a");
    CHECK(json_bool(json_pointer(page, STR("/blocks/1/prices/0/default"))));
    CHECK(!json_bool(json_pointer(page, STR("/blocks/1/prices/1/available"))));
    CHECK(!json_pointer(page, STR("/blocks/1/prices/1/price")));
}

static void test_views_are_told(struct test_service *test)
{
    size_t before = test_published(test, &GATEWAY_PAGE_VIEWED_V1_TYPE);
    CHECK_INT(served(test, "/v1/pages/home?customer_id=prf_a&visitor_id=vis_a"), 1);
    CHECK_INT(served(test, "/v1/pages/home?visitor_id=vis_b"), 1);
    CHECK_INT(test_published(test, &GATEWAY_PAGE_VIEWED_V1_TYPE), before + 2);
    const struct json *view = test_published_data(test, &GATEWAY_PAGE_VIEWED_V1_TYPE, before);
    CHECK_STR(json_str(json_get(view, "person_id")), "prf_a");
    CHECK_STR(json_str(json_get(view, "visitor_id")), "vis_a");
    CHECK_STR(json_str(json_pointer(view, STR("/shown/0/slot"))), "home-hero");
    CHECK_STR(json_str(json_pointer(view, STR("/shown/0/variant"))), "default");
    CHECK_INT(json_size(json_get(view, "defaults")), 2);
    view = test_published_data(test, &GATEWAY_PAGE_VIEWED_V1_TYPE, before + 1);
    CHECK_STR(json_str(json_get(view, "person_id")), "vis_b");
    CHECK(!json_get(view, "customer_id"));
    CHECK_INT(served(test, "/v1/pages/none"), -503);
    CHECK_INT(test_published(test, &GATEWAY_PAGE_VIEWED_V1_TYPE), before + 2);
}

static void test_newer_wins(struct test_service *test)
{
    CHECK_INT(publish(test, PUBLISHED("ent_home", "home", "3", "03", "[]")), DONE);
    CHECK_INT(publish(test, PUBLISHED("ent_home", "home", "2", "02", "[]")),
              DONE); /* the log, read anew */
    CHECK_INT(served(test, "/v1/pages/home"), 3);
    CHECK_INT(unpublish(test, UNPUBLISHED("ent_home", "home", "02")), DONE);
    CHECK_INT(served(test, "/v1/pages/home"), 3);
    CHECK_INT(publish(test, PUBLISHED("ent_home", "start", "4", "04", "[]")),
              DONE); /* another slug */
    const struct json *moved = test_json(test, get_page(test, "/v1/pages/home"));
    CHECK_STR(json_str(json_get(moved, "slug")), "start");
    CHECK_STR(json_str(json_get(moved, "moved_from")), "home");
    CHECK_INT(served(test, "/v1/pages/start"), 4);
    CHECK_INT(unpublish(test, UNPUBLISHED("ent_home", "start", "05")), DONE);
    CHECK_INT(served(test, "/v1/pages/start"), -503);
    CHECK_INT(served(test, "/v1/pages/home"), -503);
    CHECK_INT(publish(test, PUBLISHED("ent_home", "start", "4", "04", "[]")),
              DONE); /* late: it was taken back */
    CHECK_INT(served(test, "/v1/pages/start"), -503);
    CHECK_INT(publish(test, PUBLISHED("ent_home", "home", "4", "06", BLOCKS)), DONE);
    CHECK_INT(served(test, "/v1/pages/home"), 4);
}

/* A slug that goes from one entry to another: their events are in different partitions. */
static void test_a_slug_changes_hands(struct test_service *test)
{
    CHECK_INT(publish(test, PUBLISHED("ent_a", "offer", "1", "01", "[]")), DONE);
    CHECK_INT(publish(test, PUBLISHED("ent_b", "offer", "7", "03", "[]")), DONE);
    CHECK_INT(served(test, "/v1/pages/offer"), 7);
    CHECK_INT(unpublish(test, UNPUBLISHED("ent_a", "offer", "02")),
              DONE); /* the late news of the first */
    CHECK_INT(served(test, "/v1/pages/offer"), 7);
    CHECK_INT(publish(test, PUBLISHED("ent_c", "late", "9", "08", "[]")), DONE);
    CHECK_INT(publish(test, PUBLISHED("ent_d", "late", "1", "07", "[]")),
              DONE); /* was there before ent_c */
    CHECK_INT(served(test, "/v1/pages/late"), 9);
    CHECK_INT(publish(test, PUBLISHED("ent_d", "moved", "2", "09", "[]")), DONE);
    CHECK_INT(served(test, "/v1/pages/late"), 9);
    CHECK_INT(served(test, "/v1/pages/moved"), 2);
}

/* A store that is filled from a compacted log has heard of no place but the last. */
static void test_earlier_places(struct test_service *test)
{
    CHECK_INT(
        publish(
            test,
            "{\"entry_id\":\"ent_e\",\"kind\":\"page\",\"slug\":\"third\",\"title\":\"T\",\"version\":3,"
            "\"document\":{\"blocks\":[]},\"published_at\":\"2026-01-01T00:00:10Z\","
            "\"earlier\":[{\"slug\":\"first\"},{\"slug\":\"third\",\"locale\":\"fr\"},{\"slug\":\"offer\"}]}"),
        DONE);
    const struct json *moved = test_json(test, get_page(test, "/v1/pages/first"));
    CHECK_STR(json_str(json_get(moved, "slug")), "third");
    CHECK_STR(json_str(json_get(moved, "moved_from")), "first");
    CHECK_INT(served(test, "/v1/pages/third"), 3);
    CHECK_INT(served(test, "/v1/pages/offer"), 7); /* of another entry, shown there */
}

static void test_locales(struct test_service *test)
{
    static const char german[] =
        "{\"entry_id\":\"ent_de\",\"kind\":\"page\",\"slug\":\"home\",\"locale\":\"de\","
        "\"version\":12,\"document\":{\"blocks\":[]},"
        "\"published_at\":\"2026-01-01T00:00:01Z\"}";
    CHECK_INT(publish(test, german), DONE);
    CHECK_INT(served(test, "/v1/pages/home?locale=de"), 12);
    CHECK_INT(served(test, "/v1/pages/home?locale=de-AT"), 12);
    CHECK_INT(served(test, "/v1/pages/home?locale=fr"), 4);
    CHECK_INT(served(test, "/v1/pages/home"), 4);
}

static void test_other_events(struct test_service *test)
{
    static const char snippet[] =
        "{\"entry_id\":\"ent_s\",\"kind\":\"snippet\",\"slug\":\"snip\",\"version\":1,"
        "\"document\":{},\"published_at\":\"2026-01-01T00:00:01Z\"}";
    CHECK_INT(publish(test, snippet), DONE);
    CHECK_INT(served(test, "/v1/pages/snip"), -503);
    CHECK_INT(publish(test, "{\"entry_id\":\"ent_x\"}"), REJECT);
    CHECK_INT(publish(test, PUBLISHED("ent_home", "home", "5", "30", "7")), REJECT); /* no page */
    CHECK_INT(served(test, "/v1/pages/home"), 4);
    CHECK_INT(publish(test, PUBLISHED("ent_post", "blog/post", "1", "01", "[]")), DONE);
    CHECK_INT(served(test, "/v1/pages/blog%2Fpost"), 1);
    CHECK_INT(test_event(test, &COMMERCE_PRODUCT_UPSERTED_V1_TYPE, NULL, "{}"), REJECT);
}

static void test_bad_requests(struct test_service *test)
{
    CHECK_INT(test_call(test, "GET", "/v1/pages/home", NULL, NULL, NULL).status, 401);
    CHECK_INT(test_call(test, "GET", "/v1/pages/home", "content:read", NULL, NULL).status, 403);
    CHECK_INT(served(test, "/v1/pages/home?customer_id=nobody"), -422);
    CHECK_INT(served(test, "/v1/pages/home?visitor_id="), -422);
    CHECK_INT(served(test, "/v1/pages/%ff"), -400);
}

/* Neighbours that take the call and never answer: the page comes inside its budget. The best of some, since what a busy
 * machine adds is not the gateway's. */
static void test_neighbours_that_hang(struct test_service *test)
{
    struct ctx *ctx = test_ctx(test);
    int64_t best_us = INT64_MAX;
    CHECK(fault_set(ctx, STR("client.call"), STR("personalization"), FAULT_DROP, 0, 1000, 0));
    CHECK(fault_set(ctx, STR("client.call"), STR("commerce"), FAULT_DROP, 0, 1000, 0));
    for (int i = 0; i < 10; i++) {
        int64_t began_us = clock_mono_us();
        CHECK_INT(served(test, "/v1/pages/home"), 4);
        best_us = MIN(best_us, clock_mono_us() - began_us);
    }
    CHECK(best_us >= 39 * US_PER_MS); /* the neighbours had their time */
    CHECK(best_us < 50 * US_PER_MS);
    faults_clear();
}

static struct reply tell(struct test_service *test, const char *target, const char *key,
                         const char *body)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str pair = arena_printf(arena, "%s:", key);
    struct str header =
        arena_printf(arena, "Authorization: Basic " STR_FMT, STR_ARG(crypto_base64(arena, pair)));
    return test_call(test, "POST", target, NULL, header.ptr, body);
}

static void test_segment_calls_with_analytics_away(struct test_service *test, const char *key)
{
    static const char *const targets[] = { "/v1/identify", "/v1/track", "/v1/page", "/v1/screen",
                                           "/v1/group",    "/v1/alias", "/v1/batch" };
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct reply reply = tell(test, targets[i], key, "{\"event\":\"x\"}");
        CHECK_INT(reply.status, 503);
        CHECK_STR(header_of(reply, "Retry-After"), "1");
        CHECK_INT(tell(test, targets[i], "wrong", "{}").status, 401);
        CHECK_INT(test_call(test, "POST", targets[i], NULL, NULL, "{}").status, 401);
    }
    struct str body =
        arena_printf(test_ctx(test)->arena, "{\"writeKey\":\"%s\",\"event\":\"x\"}", key);
    CHECK_INT(test_call(test, "POST", "/v1/track", NULL, NULL, body.ptr).status, 503);
    CHECK_INT(
        test_call(test, "POST", "/v1/track", NULL, "Content-Type: image/png", body.ptr).status,
        415);
}

int main(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    char folder[] = "/tmp/fanfare-gateway-keys-XXXXXX";
    struct str key;
    REQUIRE(mkdtemp(folder) && token_keys_create(&ctx, folder, &key));
    const char *overrides[] = { arena_printf(arena, "keys=%s", folder).ptr, NULL };
    struct test_service *test = test_open(&gateway_service, NULL, overrides);
    test_alone_from_the_start(test);
    test_last_known_prices(test);
    test_views_are_told(test);
    test_newer_wins(test);
    test_a_slug_changes_hands(test);
    test_earlier_places(test);
    test_locales(test);
    test_other_events(test);
    test_bad_requests(test);
    test_segment_calls_with_analytics_away(test, key.ptr);
    test_reopen(test); /* and the page is still there, with everybody away */
    CHECK_INT(served(test, "/v1/pages/home"), 4);
    test_neighbours_that_hang(test);
    test_close(test);
    REQUIRE(system(arena_printf(arena, "rm -r %s", folder).ptr) == 0);
    return check_end();
}
