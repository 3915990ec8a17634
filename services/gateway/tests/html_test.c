/* Pages as HTML: by the layout that content publishes, and never broken, whatever that layout is. */
#include <unistd.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/gateway/gateway.h"
#include "commerce_events.h"
#include "content_events.h"
#include "gateway_contract.h"

#define PAGE                                                                                       \
    "{\"entry_id\":\"ent_home\",\"kind\":\"page\",\"slug\":\"home\",\"title\":\"Sofas & <chairs>\",\"version\":1,"            \
    "\"document\":{\"blocks\":[{\"id\":\"hero\",\"kind\":\"hero\",\"content\":{\"headline\":\"<script>alert(1)</script>\"}}," \
    "{\"id\":\"offers\",\"kind\":\"products\",\"content\":{},\"products\":[\"prd_a\"]}]},"         \
    "\"published_at\":\"2026-01-01T00:00:01Z\"}"
#define PRODUCT                                                                                    \
    "{\"product_id\":\"prd_a\",\"name\":\"Chair \\\"A\\\"\",\"price\":{\"amount\":1999,\"currency\":\"EUR\"}," \
    "\"active\":true,\"version\":1,\"updated_at\":\"2026-01-01T00:00:00Z\"}"

static int second = 1; /* each snippet is newer than the one before */

static void snippet(struct test_service *test, const char *slug, const char *liquid)
{
    struct json_out out;
    json_out_init(&out, test_ctx(test)->arena);
    json_put_str(&out, str_of(liquid));
    const char *event =
        arena_printf(test_ctx(test)->arena,
                     "{\"entry_id\":\"ent_%s\",\"kind\":\"snippet\",\"slug\":\"%s\",\"version\":%d,"
                     "\"document\":{\"liquid\":" STR_FMT
                     "},\"published_at\":\"2026-01-01T00:00:%02dZ\"}",
                     slug, slug, second, STR_ARG(json_out_str(&out)), second)
            .ptr;
    second++;
    CHECK_INT(test_event(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE, NULL, event), DONE);
    usleep(TEMPLATES_FRESH_US + 50000); /* pages follow within that time */
}

static struct reply get(struct test_service *test, const char *accept)
{
    const char *header = arena_printf(test_ctx(test)->arena, "Accept: %s", accept).ptr;
    return test_call(test, "GET", "/v1/pages/home?visitor_id=vis_a", "pages:read", header, NULL);
}

static struct reply page(struct test_service *test)
{
    struct reply reply = get(test, "text/html,application/xhtml+xml,*/*;q=0.8");
    CHECK_INT(reply.status, 200);
    CHECK_STR(str_of(reply.content_type), "text/html; charset=utf-8");
    return reply;
}

static bool has(struct reply reply, const char *text)
{
    return memmem(reply.body.ptr, reply.body.len, text, strlen(text)) != NULL;
}

static struct str defaults_of(struct reply reply)
{
    for (const struct reply_header *at = reply.headers; at; at = at->next)
        if (strcmp(at->name, "Fanfare-Defaults") == 0)
            return at->value;
    return STR("");
}

static void test_plain_without_a_layout(struct test_service *test)
{
    struct reply reply = page(test);
    CHECK(has(reply, "<h1>Sofas &amp; &lt;chairs&gt;</h1>"));
    CHECK(has(reply, "&lt;script&gt;alert(1)&lt;/script&gt;") && !has(reply, "<script>"));
    CHECK(has(reply, "Chair &quot;A&quot;") && has(reply, "€19.99"));
    CHECK_STR(defaults_of(reply), "commerce"); /* nothing has failed but that */
}

static void test_accept(struct test_service *test)
{
    CHECK_STR(str_of(get(test, "*/*").content_type), "application/json");
    CHECK_STR(str_of(get(test, "application/json, text/html").content_type), "application/json");
    CHECK_STR(str_of(get(test, "text/html;q=0.9").content_type), "text/html; charset=utf-8");
}

static void test_layout_and_snippets(struct test_service *test)
{
    snippet(test, "block-hero", "<b>{{ block.content.headline }}</b>");
    snippet(test, "layout",
            "<title>{{ page.title }}</title>{% for block in page.blocks %}{% case block.kind %}"
            "{% when 'hero' %}{% render 'block-hero', block: block %}{% endcase %}{% endfor %}");
    struct reply reply = page(test);
    CHECK_STR(reply.body, "<title>Sofas &amp; &lt;chairs&gt;</title>"
                          "<b>&lt;script&gt;alert(1)&lt;/script&gt;</b>");
    snippet(test, "block-hero", "<i>{{ block.id }}</i>");
    CHECK(has(page(test), "<i>hero</i>"));
}

/* Each of these layouts fails, the page comes plainly, and says so. */
static void test_layouts_that_fail(struct test_service *test)
{
    static const char *const layouts[] = {
        "{% for x in page.blocks %}",                                          /* not closed */
        "{{ 1 | divided_by: 0 }}",    /* fails when it runs */
        "{% render 'nobody' %}",                                               /* no such snippet */
        "{% for a in (1..100000) %}{% for b in (1..100000) %}{% endfor %}{% endfor %}", /* never ends */
        "{% render 'layout' %}",                                               /* goes round */
        "{{ page.title | no_such_filter }}",
    };
    for (size_t i = 0; i < COUNT(layouts); i++) {
        snippet(test, "layout", layouts[i]);
        int64_t began_us = clock_mono_us();
        struct reply reply = page(test);
        CHECK(clock_mono_us() - began_us < 1000 * US_PER_MS);
        CHECK(has(reply, "data-layout=\"plain\"") && has(reply, "€19.99"));
        CHECK_STR(defaults_of(reply), "layout, commerce");
    }
    snippet(test, "layout", "<p>well again</p>");
    CHECK_STR(page(test).body, "<p>well again</p>");
    CHECK_STR(defaults_of(page(test)), "commerce");
}

static void test_a_layout_goes(struct test_service *test)
{
    CHECK_INT(
        test_event(
            test, &CONTENT_ENTRY_UNPUBLISHED_V1_TYPE, NULL,
            "{\"entry_id\":\"ent_layout\",\"kind\":\"snippet\",\"slug\":\"layout\",\"version\":1,"
            "\"unpublished_at\":\"2026-01-01T00:01:00Z\"}"),
        DONE);
    usleep(TEMPLATES_FRESH_US + 50000);
    struct reply reply = page(test);
    CHECK(has(reply, "data-layout=\"plain\""));
    CHECK_STR(defaults_of(reply), "commerce");
}

int main(void)
{
    struct test_service *test = test_open(&gateway_service, NULL, NULL);
    CHECK_INT(test_event(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE, NULL, PAGE), DONE);
    CHECK_INT(test_event(test, &COMMERCE_PRODUCT_UPSERTED_V1_TYPE, NULL, PRODUCT), DONE);
    test_plain_without_a_layout(test);
    test_accept(test);
    test_layout_and_snippets(test);
    test_layouts_that_fail(test);
    test_a_layout_goes(test);
    test_close(test);
    return check_end();
}
