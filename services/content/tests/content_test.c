/* The room as a whole, on each engine. */
#include "services/content/document.h"
#include "services/content/tests/room.h"

#define HERO                                                                                       \
    "{\"id\":\"hero\",\"kind\":\"hero\",\"slot\":\"home-hero\",\"content\":{\"headline\":\"Welcome\"}," \
    "\"variants\":{\"vip\":{\"headline\":\"For you\"}}}"
#define PAGE(slug, blocks)                                                                         \
    "{\"kind\":\"page\",\"slug\":\"" slug "\",\"title\":\"T\",\"document\":{\"blocks\":[" blocks   \
    "]}}"

static void test_drafts(struct test_service *test)
{
    CHECK_INT(version_of(test, put(test, "ent_home", NULL, PAGE("home", HERO))), 1);
    CHECK_INT(version_of(test, put(test, "ent_home", NULL, PAGE("home", HERO))),
              1); /* the same: no version */
    struct reply reply = put(test, "ent_home", "If-Match: \"1\"", PAGE("home", ""));
    CHECK_INT(version_of(test, reply), 2);
    CHECK_STR(header_of(reply, "ETag"), "\"2\"");
    CHECK_INT(put(test, "ent_home", "If-Match: \"1\"", PAGE("home", HERO)).status, 412);
    CHECK_INT(put(test, "ent_new", "If-Match: *", PAGE("new", "")).status,
              412); /* nothing there to match */
    CHECK_INT(version_of(test, put(test, "ent_home", "If-Match: \"1\", \"2\"", PAGE("home", HERO))),
              3);
    reply = get(test, "/v1/entries/ent_home", NULL);
    CHECK_STR(json_str(json_get(test_json(test, reply), "state")), "draft");
    CHECK_STR(json_str(json_pointer(test_json(test, reply),
                                    STR("/document/blocks/0/variants/vip/headline"))),
              "For you");
    CHECK_INT(get(test, "/v1/entries/ent_none", NULL).status, 404);
    CHECK_INT(get(test, "/v1/published/home", NULL).status, 404);
    CHECK_INT(test_published(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE), 0);
}

static void test_slugs_are_taken_once(struct test_service *test)
{
    CHECK_INT(put(test, "ent_other", NULL, PAGE("home", "")).status, 409);
    CHECK_INT(
        put(test, "ent_other", NULL,
            "{\"kind\":\"page\",\"slug\":\"home\",\"locale\":\"de\",\"document\":{\"blocks\":[]}}")
            .status,
        200);
    CHECK_INT(put(test, "ent_snip", NULL,
                  "{\"kind\":\"snippet\",\"slug\":\"home\",\"document\":{\"any\":1}}")
                  .status,
              200);
    CHECK_INT(put(test, "ent_snip", NULL, PAGE("snip", "")).status, 409); /* a snippet stays one */
}

static void test_documents(struct test_service *test)
{
#define REFUSED(blocks) refusal(test, put(test, "ent_bad", NULL, PAGE("bad", blocks)))
    CHECK_STR(REFUSED(HERO "," HERO), "422 /document/blocks/1/id");
    CHECK_STR(
        REFUSED(HERO ",{\"id\":\"b\",\"kind\":\"text\",\"slot\":\"home-hero\",\"content\":{}}"),
        "422 /document/blocks/1/slot");
    CHECK_STR(REFUSED("{\"id\":\"b\",\"kind\":\"text\",\"content\":{},\"variants\":{\"a\":{}}}"),
              "422 /document/blocks/0/variants");
    CHECK_STR(
        REFUSED(
            "{\"id\":\"b\",\"kind\":\"text\",\"slot\":\"s\",\"content\":{},\"variants\":{\"a\":1}}"),
        "422 /document/blocks/0/variants");
    CHECK_STR(
        REFUSED(
            "{\"id\":\"b\",\"kind\":\"text\",\"slot\":\"s\",\"content\":{},\"variants\":{\"default\":{}}}"),
        "422 /document/blocks/0/variants");
    CHECK_STR(REFUSED("{\"id\":\"b\",\"kind\":\"text\"}"), "422 /document/blocks/0/content");
    CHECK_STR(REFUSED("{\"id\":\"b\",\"kind\":\"text\",\"content\":{},\"colour\":1}"),
              "422 /document/blocks/0/colour");
    CHECK_STR(refusal(test, put(test, "ent_bad", NULL,
                                "{\"kind\":\"page\",\"slug\":\"bad\",\"document\":{}}")),
              "422 /document/blocks");
    CHECK_STR(refusal(test, put(test, "ent_bad", NULL,
                                "{\"kind\":\"film\",\"slug\":\"bad\",\"document\":{}}")),
              "422 /kind");
    CHECK_STR(
        refusal(test, put(test, "ent_bad", NULL,
                          "{\"kind\":\"page\",\"slug\":\"B d\",\"document\":{\"blocks\":[]}}")),
        "422 /slug");
    CHECK_INT(put(test, "nope", NULL, PAGE("bad", "")).status, 422);
    CHECK_INT(get(test, "/v1/entries/ent_bad", NULL).status, 404);
}

static void test_large_documents(struct test_service *test)
{
    struct arena *arena = test_ctx(test)->arena;
    char *text = arena_alloc(arena, DOCUMENT_BYTES + 1);
    memset(text, 'x', DOCUMENT_BYTES);
    struct str body = arena_printf(
        arena, "{\"kind\":\"snippet\",\"slug\":\"big\",\"document\":{\"t\":\"%s\"}}", text);
    CHECK_INT(put(test, "ent_big", NULL, body.ptr).status, 413);
    text[DOCUMENT_BYTES - 100] = '\0';
    body = arena_printf(
        arena, "{\"kind\":\"snippet\",\"slug\":\"big\",\"document\":{\"t\":\"%s\"}}", text);
    CHECK_INT(put(test, "ent_big", NULL, body.ptr).status, 200);
    CHECK_INT(post(test, "/v1/entries/ent_big/publish", "{}").status,
              200); /* and it fits into an event */
}

static void test_too_many_products(struct test_service *test)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str list = STR("\"prd_0\"");
    for (int i = 1; i < 60; i++)
        list = arena_printf(arena, STR_FMT ",\"prd_%d\"", STR_ARG(list), i);
    struct str body = arena_printf(
        arena,
        PAGE("many", "{\"id\":\"a\",\"kind\":\"p\",\"content\":{},\"products\":[%s]},"
                     "{\"id\":\"b\",\"kind\":\"p\",\"content\":{},\"products\":[%s,\"prd_x\"]}"),
        list.ptr, list.ptr);
    CHECK_STR(refusal(test, put(test, "ent_many", NULL, body.ptr)),
              "422 /document/blocks/1/products");
}

static void test_publishing(struct test_service *test)
{
    struct reply reply = post(test, "/v1/entries/ent_home/publish", "{}");
    CHECK_INT(version_of(test, reply), 3);
    struct str etag = header_of(reply, "ETag");
    CHECK_INT(version_of(test, post(test, "/v1/entries/ent_home/publish", "{}")), 3);
    CHECK_INT(test_published(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE),
              2); /* with the large one; the same again: none */
    const struct json *event = test_published_data(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE, 1);
    CHECK_STR(json_str(json_get(event, "slug")), "home");
    CHECK_STR(json_str(json_pointer(event, STR("/document/blocks/0/id"))), "hero");
    reply = get(test, "/v1/published/home", NULL);
    CHECK(reply.status == 200 && str_eq(header_of(reply, "ETag"), etag));
    struct str have =
        arena_printf(test_ctx(test)->arena, "If-None-Match: W/" STR_FMT, STR_ARG(etag));
    CHECK_INT(get(test, "/v1/published/home", have.ptr).status, 304);
    CHECK_INT(get(test, "/v1/published/home", "If-None-Match: \"other\"").status, 200);
    CHECK_INT(post(test, "/v1/entries/ent_none/publish", "{}").status, 404);
    CHECK_INT(post(test, "/v1/entries/ent_home/publish", "{\"version\":9}").status, 404);
    CHECK_INT(post(test, "/v1/entries/ent_home/publish", "{\"version\":0}").status, 422);
}

static void test_the_draft_moves_on(struct test_service *test)
{
    CHECK_INT(version_of(test, put(test, "ent_home", NULL, PAGE("start", HERO))), 4);
    struct reply reply = get(test, "/v1/entries/ent_home", NULL);
    CHECK_STR(json_str(json_get(test_json(test, reply), "state")), "changed");
    CHECK_INT(version_of(test, get(test, "/v1/published/home", NULL)),
              3); /* still shown as it was */
    CHECK_INT(get(test, "/v1/published/start", NULL).status, 404);
    CHECK_INT(put(test, "ent_second", NULL, PAGE("home", "")).status,
              200); /* the slug is free for drafts ... */
    CHECK_INT(post(test, "/v1/entries/ent_second/publish", "{}").status,
              409); /* ... and not yet to be shown */
    CHECK_INT(version_of(test, post(test, "/v1/entries/ent_home/publish", "{}")), 4);
    CHECK_STR(text_at(test, get(test, "/v1/published/home", NULL), "/slug"),
              "start"); /* it moved */
    CHECK_INT(version_of(test, get(test, "/v1/published/start", NULL)), 4);
    const struct json *event = test_published_data(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE, 2);
    CHECK_STR(json_str(json_pointer(event, STR("/earlier/0/slug"))), "home");
    CHECK_INT(json_size(json_get(event, "earlier")), 1);
    CHECK_INT(post(test, "/v1/entries/ent_second/publish", "{}").status, 200);
    CHECK_INT(post(test, "/v1/entries/ent_home/publish", "{\"version\":3}").status,
              409); /* back: the slug is taken now */
}

static void test_versions(struct test_service *test)
{
    struct reply reply = get(test, "/v1/entries/ent_home/versions?limit=3", NULL);
    const struct json *list = test_json(test, reply);
    CHECK_INT(json_int(json_pointer(list, STR("/items/0/version"))), 4);
    CHECK(json_bool(json_pointer(list, STR("/items/0/published"))));
    struct str next = arena_printf(test_ctx(test)->arena,
                                   "/v1/entries/ent_home/versions?limit=3&cursor=" STR_FMT,
                                   STR_ARG(json_str(json_get(list, "next_cursor"))));
    reply = get(test, next.ptr, NULL);
    CHECK_INT(json_int(json_pointer(test_json(test, reply), STR("/items/0/version"))), 1);
    CHECK(!json_get(test_json(test, reply), "next_cursor"));
    CHECK_INT(get(test, "/v1/entries/ent_home/versions?cursor=x", NULL).status, 422);
    CHECK_INT(get(test, "/v1/entries/ent_none/versions", NULL).status, 404);
    reply = get(test, "/v1/entries/ent_home/versions/2", NULL);
    CHECK_INT(json_size(json_pointer(test_json(test, reply), STR("/document/blocks"))), 0);
    CHECK_INT(get(test, "/v1/entries/ent_home/versions/7", NULL).status, 404);
}

static void test_unpublishing(struct test_service *test)
{
    CHECK_INT(post(test, "/v1/entries/ent_home/unpublish", NULL).status, 200);
    CHECK_INT(post(test, "/v1/entries/ent_home/unpublish", NULL).status, 200); /* no event */
    CHECK_INT(test_published(test, &CONTENT_ENTRY_UNPUBLISHED_V1_TYPE), 1);
    CHECK_STR(json_str(json_get(test_published_data(test, &CONTENT_ENTRY_UNPUBLISHED_V1_TYPE, 0),
                                "slug")),
              "start");
    CHECK_INT(get(test, "/v1/published/start", NULL).status, 404);
    CHECK_INT(post(test, "/v1/entries/ent_none/unpublish", NULL).status, 404);
    CHECK_INT(version_of(test, post(test, "/v1/entries/ent_home/publish", "{}")),
              4); /* the same version, shown again */
}

static void test_locales(struct test_service *test)
{
    CHECK_INT(post(test, "/v1/entries/ent_other/publish", "{}").status,
              200); /* home in de; ent_second is for all */
#define SHOWN(query)                                                                               \
    json_str(json_get(test_json(test, get(test, "/v1/published/home" query, NULL)), "entry_id"))
    CHECK_STR(SHOWN(""), "ent_second");
    CHECK_STR(SHOWN("?locale=de"), "ent_other");
    CHECK_STR(SHOWN("?locale=de-AT"), "ent_other");
    CHECK_STR(SHOWN("?locale=fr-FR"), "ent_second");
    CHECK_INT(get(test, "/v1/published/home?kind=snippet", NULL).status, 404);
    CHECK_INT(get(test, "/v1/published/home?kind=film", NULL).status, 422);
    CHECK_INT(put(test, "ent_post", NULL, PAGE("blog/post", "")).status, 200);
    CHECK_INT(post(test, "/v1/entries/ent_post/publish", "{}").status, 200);
    CHECK_INT(get(test, "/v1/published/blog%2Fpost", NULL).status, 200);
}

static void test_lists(struct test_service *test)
{
    struct reply reply = get(test, "/v1/entries?kind=page&limit=1", NULL);
    CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/items/0/entry_id"))), "ent_home");
    CHECK(!json_pointer(test_json(test, reply), STR("/items/0/document")));
    struct str next =
        arena_printf(test_ctx(test)->arena, "/v1/entries?kind=page&cursor=" STR_FMT,
                     STR_ARG(json_str(json_get(test_json(test, reply), "next_cursor"))));
    CHECK_INT(json_size(json_get(test_json(test, get(test, next.ptr, NULL)), "items")), 3);
    CHECK_INT(json_size(json_get(test_json(test, get(test, "/v1/entries?state=published", NULL)),
                                 "items")),
              5);
    CHECK_INT(
        json_size(json_get(test_json(test, get(test, "/v1/entries?state=draft", NULL)), "items")),
        1);
    CHECK_INT(
        json_size(json_get(test_json(test, get(test, "/v1/entries?state=changed", NULL)), "items")),
        0);
    CHECK_INT(get(test, "/v1/entries?cursor=junk", NULL).status, 422);
}

static void test_who_may(struct test_service *test)
{
    CHECK_INT(
        test_call(test, "PUT", "/v1/entries/ent_x", "content:read", NULL, PAGE("x", "")).status,
        403);
    CHECK_INT(test_call(test, "POST", "/v1/entries/ent_home/publish", NULL, NULL, "{}").status,
              401);
    CHECK_INT(put(test, "ent_x", NULL, "{\"kind\":").status, 400);
}

static void test_room(struct test_service *test)
{
    test_drafts(test);
    test_slugs_are_taken_once(test);
    test_documents(test);
    test_large_documents(test);
    test_too_many_products(test);
    test_publishing(test);
    test_the_draft_moves_on(test);
    test_versions(test);
    test_unpublishing(test);
    test_locales(test);
    test_lists(test);
    test_who_may(test);
    test_reopen(test);
    CHECK_INT(version_of(test, get(test, "/v1/published/start", NULL)), 4);
}

int main(void)
{
    on_each_engine(test_room);
    return check_end();
}
