/* What the gateway does for every request, by its settings: limits, CORS, headers; and what caches may keep. */
#include "base/tests/check.h"
#include "platform/crypto/crypto.h"
#include "platform/service/testing.h"
#include "services/gateway/gateway.h"
#include "content_events.h"
#include "gateway_contract.h"

#define PLAIN                                                                                      \
    "{\"entry_id\":\"ent_imprint\",\"kind\":\"page\",\"slug\":\"imprint\",\"version\":1,\"document\":{\"blocks\":[" \
    "{\"id\":\"text\",\"kind\":\"text\",\"content\":{\"text\":\"Imprint\"}}]},\"published_at\":\"2026-01-01T00:00:01Z\"}"
#define PERSONAL                                                                                   \
    "{\"entry_id\":\"ent_home\",\"kind\":\"page\",\"slug\":\"home\",\"version\":1,\"document\":{\"blocks\":[" \
    "{\"id\":\"hero\",\"kind\":\"hero\",\"slot\":\"hero\",\"content\":{}}]},\"published_at\":\"2026-01-01T00:00:01Z\"}"

static struct str header_of(struct reply reply, const char *name)
{
    for (const struct reply_header *at = reply.headers; at; at = at->next)
        if (strcmp(at->name, name) == 0)
            return at->value;
    return (struct str){ NULL, 0 };
}

static bool varies_by_origin(struct reply reply)
{
    bool found = false;
    for (const struct reply_header *at = reply.headers; at; at = at->next)
        found |= strcmp(at->name, "Vary") == 0 && str_is(at->value, "Origin");
    return found;
}

static struct reply get(struct test_service *test, const char *target, const char *headers)
{
    return test_call(test, "GET", target, "pages:read", headers, NULL);
}

static void pages_make(struct test_service *test)
{
    CHECK_INT(test_event(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE, NULL, PLAIN), DONE);
    CHECK_INT(test_event(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE, NULL, PERSONAL), DONE);
}

/* ---- caches ---- */

static void test_what_is_everybodys_is_kept(struct test_service *test)
{
    struct reply reply = get(test, "/v1/pages/imprint", NULL);
    struct str etag = header_of(reply, "ETag");
    CHECK_INT(reply.status, 200);
    CHECK_STR(header_of(reply, "Cache-Control"),
              "public, max-age=0, s-maxage=60, stale-while-revalidate=600");
    CHECK_STR(header_of(reply, "Surrogate-Key"), "entry:ent_imprint layouts");
    CHECK(!json_get(test_json(test, reply), "visitor_id"));
    REQUIRE(etag.len > 2);
    const char *same =
        arena_printf(test_ctx(test)->arena, "If-None-Match: \"x\", W/" STR_FMT, STR_ARG(etag)).ptr;
    reply = get(test, "/v1/pages/imprint", same);
    CHECK_INT(reply.status, 304);
    CHECK_INT(reply.body.len, 0);
    CHECK_STR(header_of(reply, "Surrogate-Key"), "entry:ent_imprint layouts");
    CHECK_INT(get(test, "/v1/pages/imprint", "If-None-Match: \"x\"").status, 200);
    CHECK_INT(test_published(test, &GATEWAY_PAGE_VIEWED_V1_TYPE), 0); /* nobody saw it */
    get(test, "/v1/pages/imprint?visitor_id=vis_a", NULL);
    CHECK_INT(test_published(test, &GATEWAY_PAGE_VIEWED_V1_TYPE), 1);
}

static void test_what_is_personal_is_not(struct test_service *test)
{
    struct reply reply = get(test, "/v1/pages/home", "If-None-Match: *");
    CHECK_INT(reply.status, 200);
    CHECK_STR(header_of(reply, "Cache-Control"), "private, no-store");
    CHECK(!header_of(reply, "ETag").ptr && !header_of(reply, "Surrogate-Key").ptr);
    CHECK(json_get(test_json(test, reply), "visitor_id"));
}

/* ---- browsers ---- */

static void test_all_origins(struct test_service *test)
{
    struct reply reply = get(test, "/v1/pages/imprint", "Origin: https://shop.example");
    CHECK_STR(header_of(reply, "Access-Control-Allow-Origin"), "*");
    CHECK_STR(header_of(reply, "X-Content-Type-Options"), "nosniff");
    CHECK(!header_of(reply, "Strict-Transport-Security").ptr);
    CHECK(!header_of(get(test, "/v1/pages/imprint", NULL), "Access-Control-Allow-Origin").ptr);
    reply = test_call(test, "OPTIONS", "/v1/track", NULL, "Origin: https://shop.example", NULL);
    CHECK_INT(reply.status, 204);
    CHECK(header_of(reply, "Access-Control-Allow-Headers").ptr != NULL);
    reply = test_call(test, "GET", "/v1/pages/imprint", NULL, "Origin: https://shop.example", NULL);
    CHECK_INT(reply.status, 401); /* and the page may read why */
    CHECK_STR(header_of(reply, "Access-Control-Allow-Origin"), "*");
    CHECK_STR(header_of(reply, "X-Content-Type-Options"), "nosniff");
}

static void test_some_origins(struct test_service *test)
{
    struct reply reply = get(test, "/v1/pages/imprint", "Origin: https://b.example");
    CHECK_STR(header_of(reply, "Access-Control-Allow-Origin"), "https://b.example");
    CHECK(varies_by_origin(reply));
    CHECK_STR(header_of(reply, "Strict-Transport-Security"), "max-age=31536000");
    reply = get(test, "/v1/pages/imprint", "Origin: https://b.example.evil.example");
    CHECK(!header_of(reply, "Access-Control-Allow-Origin").ptr);
    CHECK(varies_by_origin(reply) && varies_by_origin(get(test, "/v1/pages/imprint", NULL)));
}

/* ---- limits ---- */

static void test_limit_by_address(struct test_service *test)
{
    const char *from = "X-Forwarded-For: 203.0.113.9, 198.51.100.1";
    for (int i = 0; i < 5; i++)
        CHECK_INT(get(test, "/v1/pages/imprint", from).status, 200);
    struct reply reply = get(test, "/v1/pages/imprint", from);
    CHECK_INT(reply.status, 429);
    CHECK_STR(json_str(json_get(test_json(test, reply), "type")),
              "urn:fanfare:problem:rate-limited");
    CHECK_STR(header_of(reply, "Retry-After"), "12");
    CHECK_STR(header_of(reply, "RateLimit"), "\"address\";r=0;t=60");
    CHECK_STR(header_of(reply, "RateLimit-Policy"), "\"address\";q=5;w=60");
    reply = get(test, "/v1/pages/imprint", "X-Forwarded-For: 198.51.100.1, 198.51.100.2");
    CHECK_INT(reply.status, 200); /* what the visitor says of itself does not count */
    reply = get(test, "/v1/pages/imprint",
                "X-Forwarded-For: 203.0.113.77\nX-Forwarded-For: 198.51.100.1");
    CHECK_INT(reply.status, 429); /* not in a header of its own either */
}

static void test_limit_by_key(struct test_service *test)
{
    char from[64];
    int good = 0;
    for (int i = 0; i < 12; i++) {
        snprintf(from, sizeof(from), "X-Forwarded-For: 192.0.2.%d", i);
        struct reply reply = get(test, "/v1/pages/imprint", from);
        good += reply.status == 200;
        if (reply.status == 429)
            CHECK_STR(header_of(reply, "RateLimit-Policy"),
                      "\"address\";q=5;w=60, \"key\";q=14;w=60");
    }
    CHECK(good >= 3 && good < 12); /* some were spent before */
    CHECK_INT(test_call(test, "GET", "/v1/pages/imprint", NULL, from, NULL).status, 401);
}

int main(void)
{
    static const char *const strict[] = { "rate_per_address=5",
                                          "rate_per_key=14",
                                          "address_header=X-Forwarded-For",
                                          "cors_origins=https://a.example https://b.example",
                                          "https=true",
                                          "access_log=true",
                                          "page_fresh=0s",
                                          NULL };
    struct test_service *test = test_open(&gateway_service, NULL, NULL);
    pages_make(test);
    test_what_is_everybodys_is_kept(test);
    test_what_is_personal_is_not(test);
    test_all_origins(test);
    test_close(test);
    test = test_open(&gateway_service, NULL, strict);
    pages_make(test);
    test_some_origins(test);
    CHECK_STR(header_of(get(test, "/v1/pages/imprint", NULL), "Cache-Control"),
              "private, no-store");
    test_limit_by_address(test);
    test_limit_by_key(test);
    test_close(test);
    return check_end();
}
