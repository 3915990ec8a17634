/* Content types, email templates and locales, on each engine. */
#include "base/locales.h"
#include "services/content/tests/room.h"

#define ARTICLE                                                                                    \
    "{\"schema\":{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"title\"],"    \
    "\"properties\":{\"title\":{\"type\":\"string\",\"maxLength\":20},\"teaser\":{\"$ref\":"       \
    "\"fanfare:entry\"},\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}%s}}}"
#define ITEM(type, slug, document)                                                                 \
    "{\"kind\":\"item\",\"type\":\"" type "\",\"slug\":\"" slug "\",\"document\":" document "}"

static struct reply put_at(struct test_service *test, const char *target, const char *headers,
                           const char *body)
{
    return test_call(test, "PUT", target, "content:write", headers, body);
}

static struct reply put_article(struct test_service *test, const char *more)
{
    return put_at(test, "/v1/types/article", NULL,
                  arena_printf(test_ctx(test)->arena, ARTICLE, more).ptr);
}

static void test_types_are_checked_when_stored(struct test_service *test)
{
    CHECK_STR(
        refusal(test, put_at(test, "/v1/types/bad", NULL, "{\"schema\":{\"type\":\"text\"}}")),
        "422 /schema/type");
    CHECK_STR(refusal(test, put_at(test, "/v1/types/bad", NULL,
                                   "{\"schema\":{\"properties\":{\"a\":{\"pattern\":\"(\"}}}}")),
              "422 /schema/properties/a/pattern");
    CHECK_STR(refusal(test, put_at(test, "/v1/types/bad", NULL,
                                   "{\"schema\":{\"$ref\":\"https://example.com/s\"}}")),
              "422 /schema/$ref");
    CHECK_INT(put_at(test, "/v1/types/page", NULL, "{\"schema\":{}}").status, 422);
    CHECK_INT(put_at(test, "/v1/types/Bad", NULL, "{\"schema\":{}}").status, 422);
    CHECK_INT(get(test, "/v1/types/bad", NULL).status, 404);
    struct reply reply = put_article(test, "");
    CHECK_INT(version_of(test, reply), 1);
    CHECK_STR(header_of(reply, "ETag"), "\"1\"");
    CHECK_INT(version_of(test, put_article(test, "")), 1); /* the same: no version */
    CHECK_INT(put_at(test, "/v1/types/article", "If-None-Match: *", "{\"schema\":{}}").status, 412);
    CHECK_INT(put_at(test, "/v1/types/article", "If-Match: \"7\"", "{\"schema\":{}}").status, 412);
}

static void test_documents_fit_their_type(struct test_service *test)
{
#define REFUSED(document)                                                                          \
    refusal(test, put(test, "ent_art", NULL, ITEM("article", "art", document)))
    CHECK_STR(REFUSED("{}"), "422 /document/title");
    CHECK_STR(REFUSED("{\"title\":1}"), "422 /document/title");
    CHECK_STR(REFUSED("{\"title\":\"T\",\"tags\":[\"a\",2]}"), "422 /document/tags/1");
    CHECK_STR(REFUSED("{\"title\":\"T\",\"colour\":1}"), "422 /document/colour");
    CHECK_STR(REFUSED("{\"title\":\"T\",\"teaser\":{\"$entry\":\"med_x\"}}"),
              "422 /document/teaser/$entry");
    CHECK_INT(get(test, "/v1/entries/ent_art", NULL).status, 404);
    CHECK_STR(refusal(test, put(test, "ent_art", NULL, ITEM("novel", "art", "{}"))), "422 /type");
    CHECK_STR(refusal(test, put(test, "ent_art", NULL,
                                "{\"kind\":\"item\",\"slug\":\"art\",\"document\":{}}")),
              "422 /type");
    CHECK_STR(refusal(test, put(test, "ent_art", NULL,
                                "{\"kind\":\"snippet\",\"type\":\"article\",\"slug\":\"art\","
                                "\"document\":{}}")),
              "422 /type");
    struct reply reply = put(test, "ent_art", NULL, ITEM("article", "art", "{\"title\":\"T\"}"));
    CHECK_INT(version_of(test, reply), 1);
    CHECK_STR(text_at(test, reply, "/kind"), "item");
    CHECK_STR(text_at(test, reply, "/type"), "article");
    CHECK_STR(ids_of(test, get(test, "/v1/entries?type=article", NULL)), "ent_art");
    CHECK_INT(json_int(json_get(test_json(test, get(test, "/v1/types/article", NULL)), "entries")),
              1);
}

static void test_items_are_shown_by_type(struct test_service *test)
{
    CHECK_INT(post(test, "/v1/entries/ent_art/publish", "{}").status, 200);
    CHECK_STR(text_at(test, get(test, "/v1/published/art?type=article", NULL), "/entry_id"),
              "ent_art");
    CHECK_INT(get(test, "/v1/published/art", NULL).status, 404); /* no page */
    CHECK_INT(get(test, "/v1/published/art?kind=item", NULL).status, 422);
    const struct json *event = test_published_data(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE, 0);
    CHECK_STR(json_str(json_get(event, "kind")), "item");
    CHECK_STR(json_str(json_get(event, "type")), "article");
    CHECK_INT(put_at(test, "/v1/types/other", NULL, "{\"schema\":{}}").status, 200);
    CHECK_INT(put(test, "ent_same", NULL, ITEM("other", "art", "{}")).status,
              200); /* a slug is taken once in a type */
    CHECK_INT(put(test, "ent_art2", NULL, ITEM("article", "art", "{\"title\":\"T\"}")).status, 409);
    CHECK_STR(sentence(test, put(test, "ent_art", NULL, ITEM("other", "art3", "{}"))),
              "409 the entry is a article and stays one");
}

static void test_types_change_with_what_is_stored(struct test_service *test)
{
    CHECK_INT(
        put(test, "ent_art", NULL, ITEM("article", "art", "{\"title\":\"A longer title here\"}"))
            .status,
        200); /* version 1 is still shown */
    CHECK_INT(version_of(test, put_article(test, ",\"author\":{\"type\":\"string\"}")), 2);
    static const char narrow[] =
        "{\"schema\":{\"properties\":{\"title\":{\"type\":\"string\",\"minLength\":2,\"maxLength\":9}}}}";
    struct reply reply = put_at(test, "/v1/types/article", NULL, narrow);
    CHECK_STR(sentence(test, reply),
              "409 2 of 2 documents of the type would not fit: ent_art version 1, /document/title: "
              "must have at least 2 characters; ent_art version 2, /document/title: must have at "
              "most 9 characters");
    CHECK_INT(version_of(test, get(test, "/v1/types/article", NULL)), 2);
    reply = test_call(test, "POST", "/v1/types/article/check", "content:read", NULL, narrow);
    CHECK_INT(json_int(json_get(test_json(test, reply), "documents")), 2);
    CHECK_INT(json_int(json_get(test_json(test, reply), "misfits")), 2);
    CHECK_STR(text_at(test, reply, "/first/1/pointer"), "/document/title");
    CHECK_INT(json_int(json_pointer(test_json(test, reply), STR("/first/1/version"))), 2);
    CHECK_INT(test_call(test, "POST", "/v1/types/none/check", "content:read", NULL, narrow).status,
              404);
}

static void test_restoring_asks_the_type_of_now(struct test_service *test)
{
    CHECK_INT(post(test, "/v1/entries/ent_art/publish", "{}").status, 200);
    CHECK_INT(put_at(test, "/v1/types/article", NULL,
                     "{\"schema\":{\"properties\":{\"title\":{\"minLength\":2}}}}")
                  .status,
              200); /* version 1, which is only history, does not stand in the way */
    struct reply reply = test_call(test, "POST", "/v1/entries/ent_art/versions/1/restore",
                                   "content:write", "If-Match: *", NULL);
    CHECK_STR(refusal(test, reply), "422 /document/title");
}

static void test_types_in_use_stay(struct test_service *test)
{
#define DELETE(headers) test_call(test, "DELETE", "/v1/types/other", "content:write", headers, NULL)
    CHECK_STR(sentence(test, DELETE("If-Match: *")), "409 1 entries are of this type");
    CHECK_INT(
        test_call(test, "DELETE", "/v1/entries/ent_same", "content:write", "If-Match: *", NULL)
            .status,
        204);
    CHECK_INT(DELETE(NULL).status, 428);
    CHECK_INT(DELETE("If-Match: \"4\"").status, 412);
    CHECK_INT(DELETE("If-Match: \"1\"").status, 204);
    CHECK_INT(DELETE("If-Match: *").status, 404);
    CHECK_INT(json_size(json_get(test_json(test, get(test, "/v1/types", NULL)), "items")), 1);
}

static void test_email_templates(struct test_service *test)
{
#define EMAIL(document)                                                                            \
    put(test, "ent_mail", NULL,                                                                    \
        "{\"kind\":\"email_template\",\"slug\":\"mail\",\"document\":" document "}")
    CHECK_STR(refusal(test, EMAIL("{\"html\":\"x\"}")), "422 /document/subject");
    CHECK_STR(refusal(test, EMAIL("{\"subject\":\"a\\nBcc: b\",\"html\":\"x\"}")),
              "422 /document/subject");
    CHECK_STR(refusal(test, EMAIL("{\"subject\":\"a\",\"html\":\"x\",\"from\":\"b\"}")),
              "422 /document/from");
    CHECK_INT(EMAIL("{\"subject\":\"a\",\"preheader\":\"b\",\"html\":\"<p>c</p>\",\"text\":\"c\"}")
                  .status,
              200);
    CHECK_INT(post(test, "/v1/entries/ent_mail/publish", "{}").status, 200);
    CHECK_STR(text_at(test, get(test, "/v1/published/mail?kind=email_template", NULL),
                      "/document/subject"),
              "a");
}

static void test_email_templates_are_liquid(struct test_service *test)
{
    static const struct {
        const char *part, *source, *pointer, *sentence;
    } bad[] = {
        { "subject", "{{ a | shout }}", "422 /document/subject",
          "line 1, column 8: there is no filter shout" },
        { "preheader", "{{ a", "422 /document/preheader",
          "line 1, column 5: the template ends before }}" },
        { "html", "<p>\\n {% if a %}b", "422 /document/html",
          "line 2, column 4: if is not closed" },
        { "text", "a\\n{% include 'b' %}", "422 /document/text",
          "line 2, column 3: there is no tag include here" },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct str body = arena_printf(
            test_ctx(test)->arena,
            "{\"kind\":\"email_template\",\"slug\":\"liquid\",\"document\":"
            "{\"subject\":\"%s\",\"preheader\":\"%s\",\"html\":\"%s\",\"text\":\"%s\"}}",
            i == 0 ? bad[i].source : "s", i == 1 ? bad[i].source : "p",
            i == 2 ? bad[i].source : "h", i == 3 ? bad[i].source : "t");
        struct reply reply = put(test, "ent_liquid", NULL, body.ptr);
        CHECK_STR(refusal(test, reply), bad[i].pointer);
        CHECK_STR(text_at(test, reply, "/errors/0/detail"), bad[i].sentence);
    }
    CHECK_INT(get(test, "/v1/entries/ent_liquid", NULL).status, 404);
}

static void test_fallbacks(struct test_service *test)
{
#define IN(locale, id)                                                                             \
    do {                                                                                           \
        CHECK_INT(put(test, id, NULL,                                                              \
                      "{\"kind\":\"snippet\",\"slug\":\"l\",\"locale\":\"" locale                  \
                      "\",\"document\":{}}")                                                       \
                      .status,                                                                     \
                  200);                                                                            \
        CHECK_INT(post(test, "/v1/entries/" id "/publish", "{}").status, 200);                     \
    } while (0)
#define SHOWN(locale)                                                                              \
    text_at(test, get(test, "/v1/published/l?kind=snippet&locale=" locale, NULL), "/entry_id")
    IN("fr", "ent_fr");
    CHECK_INT(get(test, "/v1/published/l?kind=snippet&locale=de-CH", NULL).status, 404);
    CHECK_INT(
        put_at(test, "/v1/locales/de", NULL, "{\"fallbacks\":[\"it\",\"fr-CH\",\"de\"]}").status,
        200);
    CHECK_STR(SHOWN("de-CH"), "ent_fr"); /* de-CH, de, it, fr-CH, fr */
    CHECK_INT(put_at(test, "/v1/locales/fr", NULL, "{\"fallbacks\":[\"de\"]}").status, 200);
    CHECK_INT(put_at(test, "/v1/locales/it", NULL, "{\"fallbacks\":[\"en\"]}").status, 200);
    IN("en", "ent_en");
    CHECK_STR(SHOWN("de-CH"), "ent_fr"); /* the fallbacks of fallbacks are not asked: no circle */
    CHECK_STR(SHOWN("it"), "ent_en");
    IN("de", "ent_de");
    CHECK_STR(SHOWN("de-CH"), "ent_de");
    CHECK_STR(SHOWN("fr-FR"), "ent_fr");
    CHECK_INT(put_at(test, "/v1/locales/de", NULL, "{\"fallbacks\":[\"not a locale\"]}").status,
              422);
    struct reply reply = get(test, "/v1/locales?limit=2", NULL);
    CHECK_STR(text_at(test, reply, "/items/0/fallbacks/1"), "fr-CH");
    CHECK(text_at(test, reply, "/next_cursor").ptr);
    CHECK_INT(test_call(test, "DELETE", "/v1/locales/it", "content:write", NULL, NULL).status, 204);
    CHECK_INT(get(test, "/v1/published/l?kind=snippet&locale=it", NULL).status, 404);
}

static void test_chains(struct test_service *test)
{
    static const char *const chains[][2] = {
        { NULL, "[]" },
        { "de", "[de][]" },
        { "de-AT", "[de-AT][de][]" },
        { "zh-Hant-CN-x-private", "[zh-Hant-CN-x-private][zh-Hant-CN][zh-Hant][zh][]" },
    };
    for (size_t i = 0; i < COUNT(chains); i++) {
        struct locales locales = { .n = 0 };
        struct str text = STR("");
        locales_add(&locales, str_of(chains[i][0]));
        locales_end(&locales);
        for (size_t j = 0; j < locales.n; j++)
            text = arena_printf(test_ctx(test)->arena, STR_FMT "[" STR_FMT "]", STR_ARG(text),
                                STR_ARG(locales.names[j]));
        CHECK_STR(text, chains[i][1]);
    }
    struct locales many = { .n = 0 };
    for (int i = 0; i < 3 * LOCALES_MOST; i++)
        locales_add(&many, arena_printf(test_ctx(test)->arena, "l%d", i));
    locales_end(&many);
    CHECK_INT(many.n, LOCALES_MOST);
    CHECK_STR(many.names[LOCALES_MOST - 1], ""); /* there is always room for it */
}

static void test_room(struct test_service *test)
{
    test_types_are_checked_when_stored(test);
    test_documents_fit_their_type(test);
    test_items_are_shown_by_type(test);
    test_types_change_with_what_is_stored(test);
    test_restoring_asks_the_type_of_now(test);
    test_types_in_use_stay(test);
    test_email_templates(test);
    test_email_templates_are_liquid(test);
    test_fallbacks(test);
    test_chains(test);
}

int main(void)
{
    on_each_engine(test_room);
    return check_end();
}
