/* Import and export of many entries, on each engine. */
#include "services/content/import.h"
#include "services/content/tests/room.h"

#define LINE(id, slug, document, more)                                                             \
    "{\"entry_id\":\"" id "\",\"kind\":\"snippet\",\"slug\":\"" slug "\",\"document\":" document   \
    "" more "}\n"
#define SHOWN ",\"publish\":true"
#define TO(id) "{\"a\":{\"$entry\":\"" id "\"}}"

static struct reply import(struct test_service *test, const char *lines)
{
    return test_call(test, "POST", "/v1/import", "content:write",
                     "Content-Type: application/x-ndjson", lines);
}

/* "1 ent_a created 1 shown; 2 ent_b refused 0 /slug: ..." */
static struct str told(struct test_service *test, struct reply reply)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str all = STR("");
    CHECK_INT(reply.status, 200);
    for (struct json_iter it = json_iter(json_get(test_json(test, reply), "lines"));
         json_next(&it);) {
        struct str pointer = json_str(json_get(it.value, "pointer"));
        struct str detail = json_str(json_get(it.value, "detail"));
        all = arena_printf(
            arena, STR_FMT "%s%lld " STR_FMT " %lld%s%s" STR_FMT "%s" STR_FMT, STR_ARG(all),
            all.len ? "; " : "", (long long)json_int(json_get(it.value, "line")),
            STR_ARG(json_str(json_get(it.value, "outcome"))),
            (long long)json_int(json_get(it.value, "version")),
            json_bool(json_get(it.value, "published")) ? " shown" : "", pointer.len ? " " : "",
            STR_ARG(pointer), detail.len ? ": " : "", STR_ARG(detail));
    }
    return all;
}

static struct str shown_title(struct test_service *test, const char *id)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/entries/%s/published", id);
    return text_at(test, get(test, target.ptr, NULL), "/title");
}

static void test_lines_stand_by_themselves(struct test_service *test)
{
    struct reply reply = import(
        test, LINE("ent_a", "a", "{}", "") "\n"
                                           "{\"entry_id\":\n" LINE("ent_b", "B", "{}", "")
                                               LINE("ent_c", "a", "{}", "")
                                                   LINE("ent_a", "other", "{}", "")
                                                       LINE("ent_d", "d", "{\"$entry\":\"x\"}", "")
                                                           LINE("ent_e", "e", "{}", SHOWN));
    CHECK_INT(json_int(json_get(test_json(test, reply), "refused")), 5);
    CHECK_STR(told(test, reply),
              "1 created 1; 3 refused 0: JSON is malformed at byte 12: unexpected end of data; "
              "4 refused 0 /slug: /slug must match the pattern ^[a-z0-9][a-z0-9._/-]*$; "
              "5 refused 0: the slug is that of ent_a; "
              "6 refused 0 /entry_id: a line before has this id; "
              "7 refused 0 /document: a reference is {\"$entry\": \"ent_...\"} or {\"$media\": "
              "\"med_...\"}; 8 created 1 shown");
    CHECK_INT(get(test, "/v1/entries/ent_a/published", NULL).status, 404);
    CHECK_INT(get(test, "/v1/entries/ent_e/published", NULL).status, 200);
    CHECK_INT(get(test, "/v1/entries/ent_c", NULL).status, 404);
    CHECK_INT(import(test, "").status, 400);
    CHECK_INT(test_published(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE), 1);
}

static void test_the_same_again_changes_nothing(struct test_service *test)
{
    static const char lines[] = LINE("ent_a", "a", "{}", "") LINE("ent_e", "e", "{}", SHOWN);
    CHECK_STR(told(test, import(test, lines)), "1 unchanged 1; 2 unchanged 1 shown");
    CHECK_STR(told(test, import(test, LINE("ent_e", "e", "{\"x\":1}", ""))), "1 changed 2");
    CHECK_STR(told(test, import(test, lines)), "1 unchanged 1; 2 changed 3 shown");
    CHECK_STR(told(test, import(test, lines)), "1 unchanged 1; 2 unchanged 3 shown");
    CHECK_INT(test_published(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE), 2);
}

static void test_references_in_any_order(struct test_service *test)
{
    CHECK_STR(told(test, import(test, LINE("ent_r1", "r1", TO("ent_r2"), SHOWN)
                                          LINE("ent_r2", "r2", TO("ent_r3"), SHOWN)
                                              LINE("ent_r3", "r3", "{}", SHOWN))),
              "1 created 1 shown; 2 created 1 shown; 3 created 1 shown");
    struct reply reply = import(test, LINE("ent_c1", "c1", TO("ent_c2"), SHOWN)
                                          LINE("ent_c2", "c2", TO("ent_c1"), SHOWN)
                                              LINE("ent_m", "m", TO("ent_missing"), SHOWN));
    CHECK_STR(told(test, reply),
              "1 created 1: its references go in a circle: ent_c2 leads back to it; "
              "2 created 1: its references go in a circle: ent_c1 leads back to it; "
              "3 created 1: it refers to ent_missing, which is not shown");
    CHECK_INT(get(test, "/v1/entries/ent_m/published", NULL).status, 404);
}

/* Each of 499 refers to the next: none can be shown before the last. */
static void test_a_long_chain(struct test_service *test)
{
    struct str lines = STR("");
    char *text = arena_alloc(test_ctx(test)->arena, IMPORT_LINES * 200), *at = text;
    for (int i = 0; i < IMPORT_LINES; i++)
        at += sprintf(at,
                      "{\"entry_id\":\"ent_l%d\",\"kind\":\"snippet\",\"slug\":\"l%d\","
                      "\"publish\":true,\"document\":{\"n\":{\"$entry\":\"ent_%s%d\"}}}\n",
                      i, i, i + 1 < IMPORT_LINES ? "l" : "e", i + 1);
    lines = (struct str){ text, (size_t)(at - text) };
    char *last = strstr(text, "{\"n\":{\"$entry\":\"ent_e500\"}}");
    REQUIRE(last != NULL);
    memcpy(last, "{\"n\":1}                     ", 27);
    struct reply reply = import(test, lines.ptr);
    CHECK_INT(reply.status, 200);
    CHECK_INT(json_int(json_get(test_json(test, reply), "refused")), 0);
    CHECK_INT(get(test, "/v1/entries/ent_l0/published", NULL).status, 200);
    lines = arena_printf(test_ctx(test)->arena, STR_FMT "%s", STR_ARG(lines),
                         LINE("ent_more", "more", "{}", ""));
    CHECK_INT(import(test, lines.ptr).status, 413);
    CHECK_INT(get(test, "/v1/entries/ent_more", NULL).status, 404);
}

/* What frees a slug may come after what takes it. */
static void test_slugs_move_within_an_import(struct test_service *test)
{
    CHECK_STR(
        told(test, import(test, LINE("ent_s1", "s1", "{}", "") LINE("ent_s2", "s2", "{}", ""))),
        "1 created 1; 2 created 1");
    CHECK_STR(
        told(test, import(test, LINE("ent_s1", "s2", "{}", "") LINE("ent_s2", "s3", "{}", ""))),
        "1 changed 2; 2 changed 2");
}

static void test_what_is_shown_is_not_the_draft(struct test_service *test)
{
    static const char lines[] = LINE(
        "ent_p", "p2", "{\"n\":2}",
        ",\"title\":\"New\",\"published\":{\"slug\":\"p1\",\"title\":\"Old\",\"document\":{\"n\":1}}");
    CHECK_STR(told(test, import(test, lines)), "1 created 2 shown");
    CHECK_STR(shown_title(test, "ent_p"), "Old");
    CHECK_STR(text_at(test, get(test, "/v1/entries/ent_p", NULL), "/title"), "New");
    CHECK_STR(told(test, import(test, lines)), "1 unchanged 2 shown");
    CHECK_STR(
        told(test, import(test, LINE("ent_q", "q", "{}",
                                     SHOWN ",\"published\":{\"slug\":\"q\",\"document\":{}}"))),
        "1 refused 0 /published: `publish` shows the draft itself");
}

/* ---- export ---- */

static struct str export_all(struct test_service *test, const char *query, size_t *pages)
{
    struct arena *arena = test_ctx(test)->arena;
    struct str all = STR(""), cursor = STR("");
    for (*pages = 0; cursor.ptr; ++*pages) {
        struct str target = arena_printf(arena, "/v1/export?%s%s" STR_FMT, query,
                                         cursor.len ? "&cursor=" : "", STR_ARG(cursor));
        struct reply reply = get(test, target.ptr, NULL);
        REQUIRE(reply.status == 200);
        all = arena_printf(arena, STR_FMT STR_FMT, STR_ARG(all), STR_ARG(reply.body));
        cursor = header_of(reply, "Fanfare-Next-Cursor");
    }
    return all;
}

/* Cut at a line. */
static void import_in_halves(struct test_service *test, struct str lines)
{
    size_t n = lines.len / 2;
    while (lines.ptr[n - 1] != '\n')
        n++;
    struct str first = arena_str(test_ctx(test)->arena, (struct str){ lines.ptr, n });
    CHECK_INT(import(test, first.ptr).status, 200);
    CHECK_INT(import(test, lines.ptr + n).status, 200);
}

static void test_a_copy_of_all(struct test_service *test)
{
    size_t pages, one;
    struct str all = export_all(test, "kind=snippet&limit=3", &pages);
    CHECK_INT(pages, 4);
    CHECK(str_eq(all, export_all(test, "limit=1000", &one)));
    CHECK_INT(one, 1);
    CHECK_STR(export_all(test, "kind=page", &one), "");
    struct test_service *other = test_open(&content_service, NULL, NULL);
    import_in_halves(other, all);
    import_in_halves(other, all); /* what refers to the other half is shown now */
    CHECK_STR(export_all(other, "limit=1000", &one), all.ptr);
    test_close(other);
}

/* ---- a whole one ---- */

#define MEDIUM "med_14bcd090baf31edba64e9cbd8cdfc15f943344aa72cb3675ad8e91bfcbce03ad"
#define TYPE_LINE                                                                                  \
    "{\"type\":\"offer\",\"schema\":{\"properties\":{\"price\":{\"type\":\"integer\"}}},"          \
    "\"description\":\"What is cheap\"}\n"
#define LOCALE_LINE "{\"locale\":\"de-AT\",\"fallbacks\":[\"de-CH\",\"en\"]}\n"
#define MEDIA_LINE "{\"media_id\":\"" MEDIUM "\"}\n"
#define OFFER_LINE                                                                                 \
    "{\"entry_id\":\"ent_offer\",\"kind\":\"item\",\"type\":\"offer\",\"slug\":\"tea\",\"locale\":\"en\"," \
    "\"document\":{\"price\":5,\"picture\":{\"$media\":\"" MEDIUM "\"}},\"publish\":true,"         \
    "\"earlier\":[{\"slug\":\"old-tea\",\"locale\":\"en\"}]}\n"

static void upload(struct test_service *test)
{
    CHECK_INT(test_call(test, "POST", "/v1/media?name=terms.pdf", "content:write",
                        "Content-Type: application/pdf", "%PDF-1.4\n%%EOF\n")
                  .status,
              200);
}

static void test_lines_of_all_sorts(struct test_service *test)
{
    struct reply reply = import(test, OFFER_LINE MEDIA_LINE LOCALE_LINE TYPE_LINE);
    CHECK_STR(told(test, reply),
              "1 created 1: it refers to " MEDIUM
              ", which is not shown; 2 refused 0 /media_id: its "
              "bytes are not here: they are uploaded before; 3 created 0; 4 created 1");
    CHECK_STR(text_at(test, reply, "/lines/1/media_id"), MEDIUM);
    CHECK_STR(text_at(test, reply, "/lines/2/locale"), "de-AT");
    CHECK_STR(text_at(test, reply, "/lines/3/type"), "offer");
    upload(test);
    CHECK_STR(told(test, import(test, OFFER_LINE MEDIA_LINE LOCALE_LINE TYPE_LINE)),
              "1 unchanged 1 shown; 2 unchanged 0; 3 unchanged 0; 4 unchanged 1");
    CHECK_STR(
        told(test, import(test, "{\"type\":\"offer\",\"schema\":{\"required\":[\"stock\"]}}\n"
                                "{\"type\":\"page\",\"schema\":{}}\n"
                                "{\"type\":\"broken\",\"schema\":{\"type\":7}}\n"
                                "{\"locale\":\"!\",\"fallbacks\":[]}\n"
                                "{\"locale\":\"de-AT\",\"fallbacks\":[\"en\"],\"more\":1}\n"
                                "{\"locale\":\"nl\",\"fallbacks\":[]}\n")),
        "1 refused 0: 1 of 1 documents of the type would not fit: ent_offer version 1, "
        "/document/stock: is required; 2 refused 0 /type: this type is built in; "
        "3 refused 0 /schema/type: must be null, boolean, integer, number, string, array or object; "
        "4 refused 0 /locale: /locale must have at least 2 characters; "
        "5 refused 0 /more: /more is not known here; 6 created 0");
}

/* All that a reader of the site may ask for. */
static void same_site(struct test_service *test, struct test_service *other)
{
    static const char *const asked[] = {
        "/v1/published/tea?kind=item&type=offer&locale=en",
        "/v1/published/tea?kind=item&type=offer&locale=de-AT",
        "/v1/published/old-tea?kind=item&type=offer&locale=de-AT",
        "/v1/published/tea?kind=item&type=offer&locale=fr",
        "/v1/published/p1?kind=snippet",
        "/v1/published/p2?kind=snippet",
        "/v1/published/e?kind=snippet",
    };
    for (size_t i = 0; i < COUNT(asked); i++) {
        struct reply here = get(test, asked[i], NULL), there = get(other, asked[i], NULL);
        CHECK_INT(there.status, here.status);
        CHECK(str_eq(
            json_text(test_ctx(test)->arena, json_get(test_json(test, here), "document")),
            json_text(test_ctx(test)->arena, json_get(test_json(other, there), "document"))));
        CHECK(str_eq(text_at(test, here, "/slug"), text_at(other, there, "/slug")));
        CHECK(str_eq(text_at(test, here, "/moved_from"), text_at(other, there, "/moved_from")));
    }
    CHECK_STR(text_at(test, get(test, asked[2], NULL), "/moved_from"), "old-tea");
    CHECK_INT(get(test, asked[3], NULL).status, 404);
}

static void test_a_whole_copy(struct test_service *test)
{
    size_t pages, one;
    struct str all = export_all(test, "whole=true&limit=3", &pages);
    CHECK(pages > 3);
    CHECK(str_eq(all, export_all(test, "whole=true&limit=1000", &one)));
    CHECK_INT(one, 1);
    CHECK(strstr(all.ptr, TYPE_LINE) != NULL);
    CHECK_INT(get(test, "/v1/export?whole=true&kind=page", NULL).status, 422);
    struct str cursor = header_of(get(test, "/v1/export?limit=1", NULL), "Fanfare-Next-Cursor");
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/export?whole=true&cursor=" STR_FMT,
                                     STR_ARG(cursor));
    CHECK_INT(get(test, target.ptr, NULL).status, 422);
    struct test_service *other = test_open(&content_service, NULL, NULL);
    upload(other);
    import_in_halves(other, all);
    import_in_halves(other, all);
    CHECK_STR(export_all(other, "whole=true&limit=1000", &one), all.ptr);
    same_site(test, other);
    test_close(other);
}

/* Documents of 200 KB: a page ends once it has a megabyte, whatever the limit. */
static void test_pages_are_bounded(struct test_service *test)
{
    struct arena *arena = test_ctx(test)->arena;
    char *filler = arena_alloc(arena, 200 * 1024 + 1);
    size_t pages;
    memset(filler, 'x', 200 * 1024);
    for (int i = 0; i < 10; i++)
        CHECK_STR(
            told(test, import(test, arena_printf(arena,
                                                 "{\"entry_id\":\"ent_z%d\",\"kind\":\"item\","
                                                 "\"type\":\"big\",\"slug\":\"z%d\","
                                                 "\"document\":{\"t\":\"%s\"}}",
                                                 i, i, filler)
                                        .ptr)),
            "1 created 1");
    export_all(test, "type=big&limit=1000", &pages);
    CHECK_INT(pages, 2);
}

static void test_bulk(struct test_service *test)
{
    test_lines_stand_by_themselves(test);
    test_the_same_again_changes_nothing(test);
    test_references_in_any_order(test);
    test_slugs_move_within_an_import(test);
    test_what_is_shown_is_not_the_draft(test);
    test_a_copy_of_all(test);
    test_lines_of_all_sorts(test);
    test_a_whole_copy(test);
    test_a_long_chain(test);
    CHECK_INT(
        test_call(test, "PUT", "/v1/types/big", "content:write", NULL, "{\"schema\":{}}").status,
        200);
    test_pages_are_bounded(test);
}

int main(void)
{
    on_each_engine(test_bulk);
    return check_end();
}
