/* The room as a whole: events into the index, definitions in SQL on each engine, searches through the router. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/search/reactions.h"
#include "services/search/search.h"

static void event(struct test_service *test, const struct event_type *type, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str data = arena_vprintf(test_ctx(test)->arena, format, args);
    va_end(args);
    CHECK_INT(test_event(test, type, NULL, data.ptr), DONE);
}

static void product(struct test_service *test, const char *id, const char *name,
                    const char *category, int price, int version, bool active)
{
    event(
        test, &COMMERCE_PRODUCT_UPSERTED_V1_TYPE,
        "{\"product_id\":\"%s\",\"name\":\"%s\",\"category\":\"%s\",\"price\":{\"amount\":%d,"
        "\"currency\":\"USD\"},\"active\":%s,\"version\":%d,\"updated_at\":\"2026-01-01T00:00:00Z\"}",
        id, name, category, price, active ? "true" : "false", version);
}

static void page(struct test_service *test, const char *id, const char *slug, const char *locale,
                 const char *title, const char *headline, int second)
{
    event(test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE,
          "{\"entry_id\":\"%s\",\"kind\":\"page\",\"slug\":\"%s\"%s,\"title\":\"%s\",\"version\":1,"
          "\"document\":{\"blocks\":[{\"id\":\"b\",\"kind\":\"hero\",\"slot\":\"s\","
          "\"content\":{\"headline\":\"%s\"},\"variants\":{\"vip\":{\"headline\":\"secret\"}}}]},"
          "\"published_at\":\"2026-01-01T00:00:%02dZ\"}",
          id, slug, locale, title, headline, second);
}

static const struct json *ask(struct test_service *test, const char *target)
{
    struct reply reply = test_call(test, "GET", target, "search:read", NULL, NULL);
    if (reply.status != 200)
        fprintf(stderr, "%s: %d " STR_FMT "\n", target, reply.status, STR_ARG(reply.body));
    CHECK_INT(reply.status, 200);
    return test_json(test, reply);
}

/* The ids that are found, in their order, a space between two. */
static struct str ids(struct test_service *test, const struct json *result)
{
    struct str out = STR("");
    for (struct json_iter it = json_iter(json_get(result, "items")); json_next(&it);)
        out = arena_printf(test_ctx(test)->arena, STR_FMT "%s" STR_FMT, STR_ARG(out),
                           out.len ? " " : "",
                           STR_ARG(json_str(json_get(it.value, "document_id"))));
    return out;
}

static void finds(struct test_service *test, const char *query, const char *wanted)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/search?q=%s", query);
    struct str found = ids(test, ask(test, target.ptr));
    if (!CHECK_STR(found, wanted))
        fprintf(stderr, "  for %s\n", query);
}

static void refused(struct test_service *test, const char *target, const char *word)
{
    struct reply reply = test_call(test, "GET", target, "search:read", NULL, NULL);
    CHECK_INT(reply.status, 422);
    if (!CHECK(memmem(reply.body.ptr, reply.body.len, word, strlen(word))))
        fprintf(stderr, "  %s: " STR_FMT "\n", target, STR_ARG(reply.body));
}

static void fill(struct test_service *test)
{
    product(test, "prd_1", "Bush Somerset Collection Bookcase", "Furniture", 13098, 1, true);
    product(test, "prd_2", "Hon Deluxe Fabric Chair", "Furniture", 36597, 1, true);
    product(test, "prd_3", "Wireless Caf\\u00e9 Phone", "Technology", 5000, 1, true);
    product(test, "prd_4", "Phone Cover & <b>Case</b>", "Technology", 900, 1, true);
    page(test, "ent_1", "about", "", "About our chairs", "We make fine furniture since 1902", 1);
    page(test, "ent_2", "ueber", ",\"locale\":\"de\"", "\\u00dcber uns", "St\\u00fchle und mehr",
         1);
}

static void test_words(struct test_service *test)
{
    finds(test, "bookcase", "prd_1");
    finds(test, "BOOK", "prd_1");
    finds(test, "b", "prd_4 prd_1"); /* "<b>" has the word itself */
    finds(test, "phone+cover", "prd_4");
    finds(test, "phone+chair", "");
    finds(test, "caf%C3%A9", "prd_3");
    finds(test, "cafe", "prd_3");
    finds(test, "uber", "ent_2");
    finds(test, "stuhle", "ent_2");
    finds(test, "secret", ""); /* variants are not for everybody */
    finds(test, "chair", "prd_2 ent_1");
    finds(test, "technology", "prd_3 prd_4"); /* the category is a keyword */
    CHECK_INT(json_int(json_get(ask(test, "/v1/search"), "total")), 6);
    CHECK_INT(json_int(json_get(ask(test, "/v1/search?q=%20,;"), "total")), 6);
}

static void test_typos(struct test_service *test)
{
    finds(test, "bokcase+some", "prd_1");
    finds(test, "bookcsae", "prd_1");
    finds(test, "somresst", "prd_1"); /* two edits from 8 letters on */
    finds(test, "chiar", "ent_1 prd_2");
    finds(test, "hcai", "ent_1 prd_2"); /* the beginning of a word */
    finds(test, "hno", "");             /* three letters are too few */
    /* A whole word before one that more documents have and that only begins so near. */
    product(test, "prd_7", "Bookcases", "Office", 100, 1, true);
    product(test, "prd_8", "Bookcases Large", "Office", 100, 1, true);
    CHECK_STR(
        json_str(json_pointer(ask(test, "/v1/search?q=bokcase"), STR("/corrections/0/instead/0"))),
        "bookcase");
    product(test, "prd_7", "Bookcases", "Office", 100, 2, false);
    product(test, "prd_8", "Bookcases Large", "Office", 100, 2, false);
    const struct json *found = ask(test, "/v1/search?q=deluxr+chair");
    CHECK_STR(json_str(json_pointer(found, STR("/corrections/0/word"))), "deluxr");
    CHECK_STR(json_str(json_pointer(found, STR("/corrections/0/instead/0"))), "deluxe");
    /* Both words are there, but not together: then other spellings are tried. */
    product(test, "prd_5", "Fine Coat", "Clothes", 100, 1, true);
    product(test, "prd_6", "Cost Planner", "Office", 100, 1, true);
    finds(test, "fine+cost", "prd_5");
    product(test, "prd_5", "Fine Coat", "Clothes", 100, 2, false);
    product(test, "prd_6", "Cost Planner", "Office", 100, 2, false);
    finds(test, "planner", "");
}

static void test_filters(struct test_service *test)
{
    finds(test, "&filter=category:Furniture", "prd_1 prd_2");
    finds(test, "&filter=category:Furniture&filter=category:Technology&filter=price:1000..20000",
          "prd_1 prd_3");
    finds(test, "&filter=category:None", "");
    finds(test, "&filter=price:..900", "prd_4"); /* pages have no price */
    finds(test, "&locale=de-AT&filter=type:page", "ent_1 ent_2");
    finds(test, "&locale=fr&filter=type:page", "ent_1");
    const struct json *found =
        ask(test, "/v1/search?filter=category:Furniture&facets=category&facets=type");
    CHECK_INT(json_int(json_get(found, "total")), 2);
    CHECK_INT(json_size(json_pointer(found, STR("/facets/0/values"))), 2);
    CHECK_INT(json_int(json_pointer(found, STR("/facets/0/values/1/count"))), 2); /* Technology */
    CHECK_STR(json_str(json_pointer(found, STR("/facets/1/values/0/value"))), "product");
    CHECK_INT(json_int(json_pointer(found, STR("/facets/1/values/0/count"))), 2);
}

static void test_bad_input(struct test_service *test)
{
    char longer[10100] = "/v1/search?q=";
    memset(longer + strlen(longer), 'x', 10000);
    refused(test, longer, "at most 200");
    struct reply bytes = test_call(test, "GET", "/v1/search?q=%ff", "search:read", NULL, NULL);
    CHECK_INT(bytes.status, 400);
    refused(test, "/v1/search?filter=colour:red", "\\\"colour\\\"");
    refused(test, "/v1/search?filter=red", "facet:value");
    refused(test, "/v1/search?filter=popularity:1..2", "popularity");
    refused(test, "/v1/search?filter=price:cheap", "range");
    refused(test, "/v1/search?filter=price:9..1", "range");
    refused(test, "/v1/search?filter=price:1..2&filter=price:1..3", "twice");
    refused(test, "/v1/search?facets=colour", "colour");
    refused(test, "/v1/search?facets=price", "price");
    refused(test, "/v1/search?facets=type&facets=type", "twice");
    refused(test, "/v1/search?limit=101", "limit");
    refused(test, "/v1/search?limit=0", "limit");
    refused(test, "/v1/search?cursor=made-up", "cursor");
    refused(test, "/v1/search?locale=*", "locale");
    refused(test, "/v1/suggest?q=", "q");
}

static void test_highlights(struct test_service *test)
{
    const struct json *found = ask(test, "/v1/search?q=cover+cas");
    CHECK_STR(json_str(json_pointer(found, STR("/items/0/highlights/title"))),
              "Phone <mark>Cover</mark> &amp; &lt;b&gt;<mark>Case</mark>&lt;/b&gt;");
    found = ask(test, "/v1/search?q=furniture&filter=type:page");
    CHECK_STR(json_str(json_pointer(found, STR("/items/0/highlights/text"))),
              "We make fine <mark>furniture</mark> since 1902");
}

static void test_pages(struct test_service *test)
{
    struct str all = STR(""), target = STR("/v1/search?q=&limit=1");
    for (int i = 0; i < 10 && target.ptr; i++) {
        const struct json *found = ask(test, target.ptr);
        CHECK_INT(json_int(json_get(found, "total")), 6);
        all = arena_printf(test_ctx(test)->arena, STR_FMT STR_FMT " ", STR_ARG(all),
                           STR_ARG(ids(test, found)));
        struct str cursor = json_str(json_get(found, "next_cursor"));
        target = cursor.ptr ? arena_printf(test_ctx(test)->arena,
                                           "/v1/search?q=&limit=1&cursor=" STR_FMT, STR_ARG(cursor))
                            : cursor;
    }
    const struct json *whole = ask(test, "/v1/search?q=");
    CHECK(str_eq(str_trim(all), ids(test, whole)));
}

static void test_suggestions(struct test_service *test)
{
    const struct json *found = ask(test, "/v1/suggest?q=phone+c");
    CHECK_STR(json_str(json_pointer(found, STR("/completions/0"))), "phone cafe");
    CHECK_STR(json_str(json_pointer(found, STR("/completions/1"))), "phone case");
    CHECK_STR(json_str(json_pointer(found, STR("/completions/2"))), "phone cover");
    CHECK_INT(json_size(json_get(found, "completions")), 3); /* no phone chair */
    CHECK_INT(json_size(json_get(found, "items")), 2);
}

static void test_changes(struct test_service *test)
{
    product(test, "prd_2", "Hon Deluxe Fabric Stool", "Furniture", 36597, 3, true);
    finds(test, "chair", "ent_1");
    finds(test, "stool", "prd_2");
    product(test, "prd_2", "Old Name", "Furniture", 1, 2, true); /* told late */
    finds(test, "stool", "prd_2");
    finds(test, "name", "");
    event(test, &CONTENT_ENTRY_UNPUBLISHED_V1_TYPE,
          "{\"entry_id\":\"ent_1\",\"kind\":\"page\",\"slug\":\"about\",\"version\":1,"
          "\"unpublished_at\":\"2026-01-01T00:00:05Z\"}");
    page(test, "ent_1", "about", "", "About us", "Late", 4);
    finds(test, "about", "");
    CHECK_INT(test_call(test, "GET", "/v1/documents/ent_1", "search:read", NULL, NULL).status, 404);
    page(test, "ent_1", "about", "", "About us", "Back", 6);
    finds(test, "about", "ent_1");
    CHECK_STR(json_str(json_get(ask(test, "/v1/documents/ent_1"), "text")), "Back");
}

static void viewed(struct test_service *test, const char *product_id, int times, const char *now)
{
    for (int i = 0; i < times; i++)
        event(
            test, &ANALYTICS_EVENT_RECORDED_V1_TYPE,
            "{\"message_id\":\"m\",\"kind\":\"track\",\"name\":\"Product Viewed\",\"person_id\":\"p\","
            "\"source\":\"s\",\"properties\":{\"product_id\":\"%s\"},\"occurred_at\":\"%s\","
            "\"received_at\":\"%s\"}",
            product_id, now, now);
}

static void test_popularity(struct test_service *test)
{
    char now[CLOCK_TEXT_BYTES];
    clock_format(clock_now_us(), now);
    product(test, "prd_10", "Lamp Alpha", "Furniture", 100, 1, true);
    product(test, "prd_11", "Lamp Bravo", "Furniture", 100, 1, true);
    finds(test, "lamp", "prd_10 prd_11");
    viewed(test, "prd_11", 3, now);
    finds(test, "lamp", "prd_11 prd_10");
    event(
        test, &COMMERCE_ORDER_PLACED_V1_TYPE,
        "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_1\",\"placed_at\":\"%s\",\"total\":{\"amount\":1,"
        "\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_10\",\"quantity\":1,"
        "\"amount\":{\"amount\":1,\"currency\":\"USD\"}}]}",
        now);
    finds(test, "lamp", "prd_10 prd_11");
    viewed(test, "prd_12", 20, now); /* heard before the product is */
    product(test, "prd_12", "Lamp Charlie", "Furniture", 100, 1, true);
    finds(test, "lamp", "prd_12 prd_10 prd_11");
    viewed(test, "prd_11", 100, "2025-01-01T00:00:00Z"); /* long ago */
    finds(test, "lamp", "prd_12 prd_10 prd_11");
    page(test, "ent_7", "one", "", "Guide One", "", 1);
    page(test, "ent_8", "two", "", "Guide Two", "", 1);
    finds(test, "guide", "ent_7 ent_8");
    event(test, &GATEWAY_PAGE_VIEWED_V1_TYPE,
          "{\"view_id\":\"v\",\"person_id\":\"p\",\"slug\":\"two\",\"viewed_at\":\"%s\"}", now);
    finds(test, "guide", "ent_8 ent_7");
}

static void put(struct test_service *test, const char *target, const char *body)
{
    struct reply reply = test_call(test, "PUT", target, "search:write", NULL, body);
    if (!CHECK_INT(reply.status, 200))
        fprintf(stderr, "%s: " STR_FMT "\n", target, STR_ARG(reply.body));
    test_work(test, "definitions");
}

static void put_refused(struct test_service *test, const char *target, const char *body,
                        const char *pointer)
{
    struct reply reply = test_call(test, "PUT", target, "search:write", NULL, body);
    CHECK_INT(reply.status, 422);
    CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/errors/0/pointer"))), pointer);
}

static void test_definitions(struct test_service *test)
{
    put(test, "/v1/synonyms/syn_1", "{\"words\":[\"Handy\",\"phone\"]}");
    finds(test, "handy+cover", "prd_4");
    put(test, "/v1/synonyms/syn_2", "{\"words\":[\"seat\",\"stool\"],\"one_way\":true}");
    finds(test, "seat", "prd_2");
    CHECK_INT(json_size(json_get(ask(test, "/v1/search?q=seat"), "corrections")), 0);
    put_refused(test, "/v1/synonyms/syn_3", "{\"words\":[\"a\",\"--\"]}", "/words/1");
    CHECK_INT(test_call(test, "DELETE", "/v1/synonyms/syn_2", "search:write", NULL, NULL).status,
              204);
    test_work(test, "definitions");
    finds(test, "seat", "");
    CHECK_INT(json_size(json_get(ask(test, "/v1/synonyms"), "items")), 1);

    put(test, "/v1/stop-words", "{\"words\":[\"The\",\"for\"]}");
    finds(test, "the+stool", "prd_2");
    finds(test, "stool+for", "prd_2");
    finds(test, "the", ""); /* nothing else is asked for */

    put(test, "/v1/ranking",
        "{\"popularity\":0,\"boosts\":[{\"facet\":\"category\",\"value\":\"Furniture\",\"weight\":5}]}");
    put_refused(test, "/v1/ranking",
                "{\"boosts\":[{\"facet\":\"price\",\"value\":\"1\",\"weight\":1}]}",
                "/boosts/0/facet");
    product(test, "prd_9", "Phone Deluxe Stand", "Technology", 100, 1, true);
    finds(test, "deluxe", "prd_2 prd_9");
    put(test, "/v1/ranking",
        "{\"popularity\":0,\"boosts\":[{\"facet\":\"category\",\"value\":\"Furniture\",\"weight\":-1}]}");
    finds(test, "deluxe", "prd_9 prd_2");
}

/* Each is found by the words, and by the phrase where it has it. */
static void test_phrases(struct test_service *test)
{
    product(test, "prd_20", "Red Chair of Oak", "Seats", 100, 1, true);
    product(test, "prd_21", "Chair, red", "Seats", 100, 1, true);
    product(test, "prd_22", "Red Oak Chair", "Seats", 100, 1, true);
    page(test, "ent_20", "red", "", "Seats", "Sit on a red chair of ours", 1);
    finds(test, "red+chair&filter=type:product", "prd_21 prd_22 prd_20");
    finds(test, "%22red+chair%22", "prd_20 ent_20");
    finds(test, "%22Red,+CHAIR%22", "prd_20 ent_20"); /* it is of words, as all is */
    finds(test, "%22chair+red%22", "prd_21");
    finds(test, "%22red+chair+of%22+oa", "prd_20");
    finds(test, "oak+%22red+chair%22", "prd_20");
    finds(test, "%22red+chair%22+%22of+oak%22", "prd_20");
    finds(test, "%E2%80%9Cred+chair%E2%80%9D", "prd_20 ent_20"); /* as telephones type them */
    finds(test, "%22red+chai%22", "");                            /* nothing is begun in it */
    finds(test, "%22rad+chair%22", "");                           /* nor mistaken */
    finds(test, "%22chai%22", "");
    finds(test, "%22chair%22&filter=category:Seats", "prd_21 prd_22 prd_20");
    finds(test, "%22red+chair", "prd_21 prd_22 prd_20 ent_20"); /* not closed: words */
    finds(test, "red%22+chair%22", "prd_21 prd_22 prd_20 ent_20");
    finds(test, "%22%22+oak", "prd_22 prd_20");
    CHECK_INT(json_int(json_get(ask(test, "/v1/search?q=%22%22"), "total")),
              json_int(json_get(ask(test, "/v1/search"), "total")));
    const struct json *found =
        ask(test, "/v1/search?q=%22red+chair%22&facets=type&filter=type:product");
    CHECK_INT(json_int(json_get(found, "total")), 1);
    CHECK_INT(json_size(json_pointer(found, STR("/facets/0/values"))), 2);
    CHECK_STR(json_str(json_pointer(found, STR("/items/0/highlights/title"))),
              "<mark>Red Chair</mark> of Oak");
    found = ask(test, "/v1/suggest?q=%22red+chair%22+o");
    CHECK_INT(json_size(json_get(found, "completions")), 4);
    CHECK_STR(json_str(json_pointer(found, STR("/completions/0"))), "\"red chair\" oak");
    CHECK_INT(json_size(json_get(ask(test, "/v1/suggest?q=%22chair%22"), "completions")), 0);
    product(test, "prd_20", "Red Oak Chair", "Seats", 100, 2, true); /* it has it no more */
    finds(test, "%22red+chair%22", "ent_20");
}

static void test_without(struct test_service *test)
{
    finds(test, "chair+-deluxe&filter=category:Seats", "prd_21 prd_20 prd_22");
    finds(test, "chair+-red&filter=category:Seats", "");
    finds(test, "red+chair+-oak", "prd_21 ent_20");
    finds(test, "red+chair+-%22oak+chair%22", "prd_21 ent_20");
    finds(test, "red+chair+-oak-chair", "prd_21 ent_20");
    finds(test, "red+chair+-chair-oak+-%22sit+on%22", "prd_21 prd_20 prd_22");
    finds(test, "-%22red+oak%22+-%22sit+on%22+red", "prd_21");
    finds(test, "red-chair+-+oa", "prd_20 prd_22"); /* inside, and alone, it is none */
    finds(test, "-oak&filter=category:Seats", "prd_21");
    finds(test, "red+-nothing+-&filter=category:Seats", "prd_21 prd_20 prd_22");
}

static void test_sort(struct test_service *test)
{
    product(test, "prd_40", "Stand Alpha", "Sorted", 300, 1, true);
    product(test, "prd_41", "Stand Brown", "Sorted", 100, 1, true);
    product(test, "prd_42", "Stand Charlie", "Sorted", 200, 1, true);
    page(test, "ent_40", "stand", "", "Stand", "", 1);
    event(
        test, &CONTENT_ENTRY_PUBLISHED_V1_TYPE,
        "{\"entry_id\":\"ent_41\",\"kind\":\"page\",\"slug\":\"stand-two\",\"title\":\"Stand Two\",\"version\":1,"
        "\"document\":{\"blocks\":[]},\"published_at\":\"2026-02-01T00:00:00Z\"}");
    put(test, "/v1/pins/pin_3",
        "{\"query\":\"stand\",\"pinned\":[\"prd_42\"],\"hidden\":[\"prd_9\"]}");
    finds(test, "stand&sort=price_asc", "prd_41 prd_42 prd_40 ent_40 ent_41");
    finds(test, "stand&sort=price_desc", "prd_40 prd_42 prd_41 ent_40 ent_41");
    finds(test, "stand&sort=newest&limit=2", "ent_41 ent_40"); /* a shorter title of the same day */
    finds(test, "stand&sort=relevance&limit=1", "prd_42");
    const struct json *found = ask(test, "/v1/search?q=stand&sort=price_desc&limit=2");
    CHECK_INT(json_int(json_get(found, "total")), 5);
    struct str cursor = json_str(json_get(found, "next_cursor"));
    struct arena *arena = test_ctx(test)->arena;
    finds(test,
          arena_printf(arena, "stand&sort=price_desc&limit=2&cursor=" STR_FMT, STR_ARG(cursor)).ptr,
          "prd_41 ent_40");
    refused(test, arena_printf(arena, "/v1/search?q=stand&cursor=" STR_FMT, STR_ARG(cursor)).ptr,
            "cursor");
    refused(
        test,
        arena_printf(arena, "/v1/search?q=stand&sort=newest&cursor=" STR_FMT, STR_ARG(cursor)).ptr,
        "cursor");
    refused(test, "/v1/search?q=stand&sort=price", "sort");
}

static void test_synonyms_of_words(struct test_service *test)
{
    product(test, "prd_30", "Sofa Alpha", "Home", 100, 1, true);
    product(test, "prd_31", "Seating Furniture Bravo", "Home", 100, 1, true);
    product(test, "prd_32", "Furniture for Seating", "Home", 100, 1, true);
    product(test, "prd_33", "State of the Art Couch", "Home", 100, 1, true);
    put(test, "/v1/synonyms/syn_sofa", "{\"words\":[\"Sofa\",\"Seating Furniture\",\"couch\"]}");
    finds(test, "couch", "prd_30 prd_31 prd_33"); /* not 32: it has no phrase */
    finds(test, "sofa", "prd_30 prd_31 prd_33");
    finds(test, "seating+furniture",
          "prd_31 prd_32 prd_30 prd_33"); /* as typed, words are enough */
    finds(test, "seating+furniture+bravo", "prd_31");
    finds(test, "art+seating+furniture", "prd_33");
    finds(test, "furniture+seating", "prd_31 prd_32"); /* another order is no synonym */
    finds(test, "%22seating+furniture%22", "prd_31");
    CHECK_STR(json_str(json_pointer(ask(test, "/v1/search?q=couch&filter=category:Home"),
                                    STR("/items/1/highlights/title"))),
              "<mark>Seating Furniture</mark> Bravo");
    put(test, "/v1/synonyms/syn_art",
        "{\"words\":[\"state of the art\",\"bravo\"],\"one_way\":true}");
    finds(test, "state+of+the+art", "prd_31 prd_33 prd_11"); /* with a stop word in it */
    finds(test, "bravo+sofa", "prd_31");
    put(test, "/v1/synonyms/syn_art",
        "{\"words\":[\"bravo\",\"state of the art\"],\"one_way\":true}");
    finds(test, "bravo", "prd_31 prd_33 prd_11");
    finds(test, "state+of+the+art", "prd_33");
    put(test, "/v1/synonyms/syn_art",
        "{\"words\":[\"one two three four five six seven eight\",\"b\"]}");
    put_refused(test, "/v1/synonyms/syn_art",
                "{\"words\":[\"b\",\"one two three four five six seven eight nine\"]}", "/words/1");
    put_refused(test, "/v1/stop-words", "{\"words\":[\"of the\"]}", "/words/0");
}

static void test_pins(struct test_service *test)
{
    put(test, "/v1/pins/pin_1",
        "{\"query\":\"Phone\",\"pinned\":[\"ent_8\",\"prd_4\",\"prd_none\"],\"hidden\":[\"prd_9\"]}");
    finds(test, "phone", "ent_8 prd_4 prd_3");
    finds(test, "phone&filter=type:product", "prd_4 prd_3");
    finds(test, "phones", "prd_3 prd_9 prd_4"); /* another query, though it is corrected */
    const struct json *found = ask(test, "/v1/search?q=phone&limit=2");
    CHECK_INT(json_int(json_get(found, "total")), 3);
    CHECK_STR(ids(test, found), "ent_8 prd_4");
    struct str next = arena_printf(test_ctx(test)->arena,
                                   "/v1/search?q=phone&limit=2&cursor=" STR_FMT,
                                   STR_ARG(json_str(json_get(found, "next_cursor"))));
    CHECK_STR(ids(test, ask(test, next.ptr)), "prd_3");
    put_refused(test, "/v1/pins/pin_2", "{\"query\":\"!?\"}", "/query");
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&search_service, url, NULL);
    event(
        test, &CONTENT_ENTRY_UNPUBLISHED_V1_TYPE,
        "{\"entry_id\":\"ent_none\",\"kind\":\"page\",\"slug\":\"none\",\"version\":1,"
        "\"unpublished_at\":\"2026-01-01T00:00:05Z\"}"); /* it changes nothing, as the first of all */
    finds(test, "anything", "");
    fill(test);
    test_words(test);
    test_typos(test);
    test_filters(test);
    test_bad_input(test);
    test_highlights(test);
    test_pages(test);
    test_suggestions(test);
    test_changes(test);
    test_reopen(test);
    finds(test, "stool", "prd_2");
    test_popularity(test);
    test_definitions(test);
    test_reopen(test);
    finds(test, "handy+cover", "prd_4");
    test_pins(test);
    test_phrases(test);
    test_without(test);
    test_sort(test);
    test_synonyms_of_words(test);
    test_close(test);
}

int main(void)
{
    test_room(NULL);
    const char *postgresql = test_postgresql_url();
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
