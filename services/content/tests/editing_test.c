/* Versions, references, slugs that moved, deletion, lists: what editors do, on each engine. */
#include "services/content/tests/room.h"

#define SNIPPET(slug, document)                                                                    \
    "{\"kind\":\"snippet\",\"slug\":\"" slug "\",\"document\":" document "}"
#define TAKES(id) "{\"part\":[{\"$entry\":\"" id "\"}]}"

static struct reply publish(struct test_service *test, const char *id)
{
    return post(test, arena_printf(test_ctx(test)->arena, "/v1/entries/%s/publish", id).ptr, "{}");
}

static struct reply unpublish(struct test_service *test, const char *id)
{
    return post(test, arena_printf(test_ctx(test)->arena, "/v1/entries/%s/unpublish", id).ptr,
                NULL);
}

static struct reply del(struct test_service *test, const char *id, const char *headers)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/entries/%s", id);
    return test_call(test, "DELETE", target.ptr, "content:write", headers, NULL);
}

static struct reply restore(struct test_service *test, const char *version, const char *headers)
{
    struct str target =
        arena_printf(test_ctx(test)->arena, "/v1/entries/ent_a/versions/%s/restore", version);
    return test_call(test, "POST", target.ptr, "content:write", headers, NULL);
}

static void test_preconditions(struct test_service *test)
{
    CHECK_INT(version_of(test, put(test, "ent_a", "If-None-Match: *", SNIPPET("a", "{\"n\":1}"))),
              1);
    CHECK_STR(sentence(test, put(test, "ent_a", "If-None-Match: *", SNIPPET("a", "{\"n\":2}"))),
              "412 there is one already");
    CHECK_INT(version_of(test, put(test, "ent_a", "If-Match: \"1\"", SNIPPET("a", "{\"n\":2}"))),
              2);
    CHECK_STR(sentence(test, put(test, "ent_a", "If-Match: \"1\"", SNIPPET("a", "{\"n\":3}"))),
              "412 it is at version 2, not at the one that If-Match names");
    CHECK_INT(restore(test, "1", NULL).status, 428);
    CHECK_INT(restore(test, "1", "If-Match: \"1\"").status, 412);
    CHECK_INT(del(test, "ent_a", NULL).status, 428);
    CHECK_INT(del(test, "ent_a", "If-Match: \"1\"").status, 412);
    CHECK_INT(version_of(test, get(test, "/v1/entries/ent_a", NULL)), 2); /* nothing was done */
}

static void test_restoring(struct test_service *test)
{
    struct reply reply = restore(test, "1", "If-Match: \"2\"");
    CHECK_INT(version_of(test, reply), 3);
    CHECK_STR(header_of(reply, "ETag"), "\"3\"");
    CHECK_INT(json_int(json_pointer(test_json(test, reply), STR("/document/n"))), 1);
    CHECK_INT(version_of(test, restore(test, "3", "If-Match: *")), 3); /* as it is: no version */
    CHECK_INT(restore(test, "9", "If-Match: *").status, 404);
    CHECK_INT(restore(test, "0", "If-Match: *").status, 422);
    CHECK_INT(put(test, "ent_a", NULL, SNIPPET("a-moved", "{\"n\":1}")).status, 200);
    CHECK_INT(put(test, "ent_squat", NULL, SNIPPET("a", "{}")).status, 200);
    CHECK_STR(sentence(test, restore(test, "1", "If-Match: *")),
              "409 the slug is that of ent_squat");
}

static void test_diff(struct test_service *test)
{
    struct reply reply = get(test, "/v1/entries/ent_a/diff?from=2", NULL);
    CHECK_INT(reply.status, 200);
    CHECK_STR(text_at(test, reply, "/changes/0/path"), "/slug");
    CHECK_STR(text_at(test, reply, "/changes/0/value"), "a-moved");
    CHECK_STR(text_at(test, reply, "/changes/0/was"), "a");
    CHECK_STR(text_at(test, reply, "/changes/1/path"), "/document/n");
    CHECK_INT(json_size(json_get(test_json(test, reply), "changes")), 2);
    CHECK(json_bool(json_get(test_json(test, reply), "complete")));
    reply = get(test, "/v1/entries/ent_a/diff?from=1&to=3", NULL);
    CHECK_INT(json_size(json_get(test_json(test, reply), "changes")), 0);
    CHECK_INT(get(test, "/v1/entries/ent_a/diff?from=1&to=9", NULL).status, 404);
    CHECK_INT(get(test, "/v1/entries/ent_a/diff", NULL).status, 422);
}

static void test_references_have_a_form(struct test_service *test)
{
#define REFUSED(document) refusal(test, put(test, "ent_bad", NULL, SNIPPET("bad", document)))
    CHECK_STR(REFUSED("{\"a/b\":[0,{\"$entry\":\"prd_1\"}]}"), "422 /document/a~1b/1");
    CHECK_STR(REFUSED("{\"a\":{\"$entry\":\"ent_x\",\"b\":1}}"), "422 /document/a");
    CHECK_STR(REFUSED("{\"a\":{\"$media\":7}}"), "422 /document/a");
    CHECK_STR(REFUSED("{\"$entry\":\"ent_\"}"), "422 /document");
}

static void test_references_are_shown_first(struct test_service *test)
{
    CHECK_INT(put(test, "ent_outer", NULL, SNIPPET("outer", TAKES("ent_inner"))).status, 200);
    CHECK_STR(sentence(test, publish(test, "ent_outer")),
              "409 it refers to ent_inner, which is not shown");
    CHECK_INT(put(test, "ent_inner", NULL, SNIPPET("inner", "{\"text\":\"x\"}")).status, 200);
    CHECK_INT(publish(test, "ent_outer").status, 409);
    CHECK_INT(publish(test, "ent_inner").status, 200);
    CHECK_INT(publish(test, "ent_outer").status, 200);
    CHECK_STR(ids_of(test, get(test, "/v1/entries?refers_to=ent_inner", NULL)), "ent_outer");
}

static void test_references_go_in_no_circle(struct test_service *test)
{
    CHECK_INT(put(test, "ent_inner", NULL, SNIPPET("inner", TAKES("ent_outer"))).status, 200);
    CHECK_STR(sentence(test, publish(test, "ent_inner")),
              "409 its references go in a circle: ent_outer leads back to it");
    CHECK_INT(put(test, "ent_self", NULL, SNIPPET("self", TAKES("ent_self"))).status, 200);
    CHECK_STR(sentence(test, publish(test, "ent_self")),
              "409 its references go in a circle: ent_self leads back to it");
    CHECK_INT(put(test, "ent_c1", NULL, SNIPPET("c1", TAKES("ent_c2"))).status, 200);
    CHECK_INT(put(test, "ent_c2", NULL, SNIPPET("c2", TAKES("ent_c3"))).status, 200);
    CHECK_INT(put(test, "ent_c3", NULL, SNIPPET("c3", TAKES("ent_c1"))).status, 200);
    CHECK_STR(sentence(test, publish(test, "ent_c1")),
              "409 its references go in a circle: ent_c3 leads back to it");
    CHECK_INT(get(test, "/v1/published/inner?kind=snippet", NULL).status, 200); /* as it was */
    CHECK_INT(put(test, "ent_inner", NULL, SNIPPET("inner", "{}")).status, 200);
}

static void test_deleting(struct test_service *test)
{
    CHECK_STR(sentence(test, del(test, "ent_inner", "If-Match: *")),
              "409 it is shown: unpublish it first");
    CHECK_INT(unpublish(test, "ent_inner").status, 200); /* always: the law may want it */
    CHECK_STR(sentence(test, del(test, "ent_inner", "If-Match: *")),
              "409 1 refer to it: ent_outer");
    CHECK_INT(put(test, "ent_outer", NULL, SNIPPET("outer", "{}")).status, 200);
    CHECK_STR(sentence(test, del(test, "ent_inner", "If-Match: *")),
              "409 1 refer to it: ent_outer"); /* as it is shown, still */
    CHECK_INT(publish(test, "ent_outer").status, 200);
    int64_t last = version_of(test, get(test, "/v1/entries/ent_inner", NULL));
    CHECK_INT(del(test, "ent_inner", "If-Match: *").status, 204);
    CHECK_INT(get(test, "/v1/entries/ent_inner", NULL).status, 404);
    CHECK_INT(get(test, "/v1/entries/ent_inner/versions", NULL).status, 404);
    CHECK_INT(del(test, "ent_inner", "If-Match: *").status, 404);
    CHECK_INT(version_of(test, put(test, "ent_inner", NULL, SNIPPET("inner", "{}"))), last + 1);
    CHECK_INT(get(test, "/v1/entries/ent_inner/versions/1", NULL).status,
              404);                                              /* not of this one */
    CHECK_INT(del(test, "ent_self", "If-Match: *").status, 204); /* its own word does not count */
}

static void test_events_go_on_after_a_deletion(struct test_service *test)
{
    int64_t told_us = 4000000000LL * US_PER_S;
    clock_hold_us(told_us);
    CHECK_INT(publish(test, "ent_inner").status, 200);
    CHECK_INT(unpublish(test, "ent_inner").status, 200);
    CHECK_INT(del(test, "ent_inner", "If-Match: *").status, 204);
    clock_hold_us(0); /* back by decades */
    CHECK_INT(put(test, "ent_inner", NULL, SNIPPET("inner", "{}")).status, 200);
    int64_t at_us = 0;
    CHECK(clock_parse(text_at(test, publish(test, "ent_inner"), "/published_at"), false, &at_us));
    CHECK(at_us > told_us);
}

static void test_slugs_that_moved(struct test_service *test)
{
    CHECK_INT(put(test, "ent_m", NULL, SNIPPET("m/old", "{}")).status, 200);
    CHECK_INT(publish(test, "ent_m").status, 200);
    CHECK_INT(put(test, "ent_m", NULL, SNIPPET("m/new", "{}")).status, 200);
    struct reply reply = get(test, "/v1/published/m%2Fold?kind=snippet", NULL);
    CHECK(!text_at(test, reply, "/moved_from").ptr); /* still shown there */
    CHECK_INT(publish(test, "ent_m").status, 200);
    reply = get(test, "/v1/published/m%2Fold?kind=snippet", NULL);
    CHECK_STR(text_at(test, reply, "/slug"), "m/new");
    CHECK_STR(text_at(test, reply, "/moved_from"), "m/old");
    CHECK_STR(
        text_at(test, get(test, "/v1/published/m%2Fold?kind=snippet&locale=de-AT", NULL), "/slug"),
        "m/new");
    CHECK_INT(put(test, "ent_n", NULL, SNIPPET("m/old", "{}")).status, 200);
    CHECK_INT(publish(test, "ent_n").status, 200);
    reply = get(test, "/v1/published/m%2Fold?kind=snippet", NULL);
    CHECK_STR(text_at(test, reply, "/entry_id"), "ent_n"); /* who is there goes first */
    CHECK_INT(unpublish(test, "ent_m").status, 200);
    CHECK_INT(unpublish(test, "ent_n").status, 200);
    CHECK_INT(get(test, "/v1/published/m%2Fold?kind=snippet", NULL).status, 404);
}

/* Each page of the list, one entry at a time, until it ends. */
static struct str walked(struct test_service *test, const char *query)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str all = STR(""), cursor = STR("");
    for (int pages = 0; pages < 20; pages++) {
        struct str target = arena_printf(arena, "/v1/entries?limit=1&slug_prefix=list-%s" STR_FMT,
                                         query, STR_ARG(cursor));
        struct reply reply = get(test, target.ptr, NULL);
        all = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(all), all.len ? " " : "",
                           STR_ARG(ids_of(test, reply)));
        struct str next = json_str(json_get(test_json(test, reply), "next_cursor"));
        if (!next.ptr)
            break;
        cursor = arena_printf(arena, "&cursor=" STR_FMT, STR_ARG(next));
    }
    return all;
}

static void test_lists(struct test_service *test)
{
#define LISTED(slug, locale)                                                                       \
    "{\"kind\":\"snippet\",\"slug\":\"list-" slug "\"" locale ",\"document\":{}}"
    int64_t now_us = clock_now_us();
    clock_hold_us(now_us);
    CHECK_INT(put(test, "ent_l1", NULL, LISTED("c", "")).status, 200);
    CHECK_INT(put(test, "ent_l2", NULL, LISTED("a", "")).status, 200); /* at the same moment */
    clock_hold_us(now_us + US_PER_S);
    CHECK_INT(put(test, "ent_l3", NULL, LISTED("b", ",\"locale\":\"de\"")).status, 200);
    clock_hold_us(0);
    CHECK_STR(walked(test, ""), "ent_l1 ent_l2 ent_l3");
    CHECK_STR(walked(test, "&sort=slug"), "ent_l2 ent_l3 ent_l1");
    CHECK_STR(walked(test, "&sort=newest"), "ent_l3 ent_l2 ent_l1");
    CHECK_STR(walked(test, "&sort=oldest"), "ent_l1 ent_l2 ent_l3");
    CHECK_STR(walked(test, "&locale=de"), "ent_l3");
    CHECK_STR(walked(test, "&locale="), "ent_l1 ent_l2");
    char since[CLOCK_TEXT_BYTES];
    clock_format(now_us + 1, since);
    CHECK_STR(walked(test, arena_printf(test_ctx(test)->arena, "&changed_since=%s", since).ptr),
              "ent_l3");
    struct reply reply = get(test, "/v1/entries?limit=1&sort=slug", NULL);
    struct str other =
        arena_printf(test_ctx(test)->arena, "/v1/entries?sort=newest&cursor=" STR_FMT,
                     STR_ARG(json_str(json_get(test_json(test, reply), "next_cursor"))));
    CHECK_INT(get(test, other.ptr, NULL).status, 422); /* a cursor of another order */
    CHECK_INT(get(test, "/v1/entries?limit=201", NULL).status, 422);
    CHECK_INT(get(test, "/v1/entries?sort=colour", NULL).status, 422);
}

static void test_room(struct test_service *test)
{
    test_preconditions(test);
    test_restoring(test);
    test_diff(test);
    test_references_have_a_form(test);
    test_references_are_shown_first(test);
    test_references_go_in_no_circle(test);
    test_deleting(test);
    test_events_go_on_after_a_deletion(test);
    test_slugs_that_moved(test);
    test_lists(test);
}

int main(void)
{
    on_each_engine(test_room);
    return check_end();
}
