/* Subjects, versions, levels: the foreign protocol, on each engine. */
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/registry/registry.h"
#include "registry_contract.h"

#define ALL "schemas:read schemas:write schemas:delete schemas:configure"
#define MEDIA "application/vnd.schemaregistry.v1+json"

#define ID_ONLY                                                                                    \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"id\":{\"type\":\"string\"}}}"
#define ID_ONLY_OTHERWISE                                                                          \
    " {\"properties\": {\"id\": {\"type\": \"string\"}}, \"additionalProperties\": false, \"type\": \"object\"} "
#define ID_NOTE                                                                                    \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"id\":{\"type\":\"string\"}," \
    "\"note\":{\"type\":\"string\"}}}"
#define ID_NUMBER                                                                                  \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"id\":{\"type\":\"integer\"}}}"

static struct reply ask(struct test_service *test, const char *method, const char *target,
                        const char *body)
{
    struct reply reply =
        test_call(test, method, target, ALL, body ? "Content-Type: " MEDIA : NULL, body);
    CHECK(strcmp(reply.content_type, MEDIA) == 0);
    return reply;
}

/* The body of a request that brings this schema. */
static const char *bring(struct test_service *test, const char *schema, const char *more)
{
    struct json_out out;
    json_out_init(&out, test_ctx(test)->arena);
    json_put_str(&out, str_of(schema));
    return arena_printf(test_ctx(test)->arena, "{\"schemaType\":\"JSON\",\"schema\":%s%s}",
                        json_out_str(&out).ptr, more)
        .ptr;
}

/* The id that it has now, or minus the code of the refusal. */
static int64_t registered(struct test_service *test, const char *subject, const char *schema)
{
    const char *target = arena_printf(test_ctx(test)->arena, "/subjects/%s/versions", subject).ptr;
    const struct json *answer = test_json(test, ask(test, "POST", target, bring(test, schema, "")));
    return json_int(json_get(answer, "id")) - json_int(json_get(answer, "error_code"));
}

static int64_t code(struct test_service *test, const char *method, const char *target,
                    const char *body)
{
    struct reply reply = ask(test, method, target, body);
    int64_t given = json_int(json_get(test_json(test, reply), "error_code"));
    if (reply.status >= 400)
        CHECK_INT(given < 1000 ? given : given / 100, reply.status);
    return reply.status == 200 ? 200 : given;
}

static struct str text(struct test_service *test, const char *target)
{
    return ask(test, "GET", target, NULL).body;
}

/* ---- versions ---- */

static void test_one_schema_has_one_id(struct test_service *test)
{
    int64_t id = registered(test, "a", ID_ONLY);
    CHECK_INT(id, 1);
    CHECK_INT(registered(test, "a", ID_ONLY), id);
    CHECK_INT(registered(test, "a", ID_ONLY_OTHERWISE), id); /* the order of members says nothing */
    CHECK_INT(registered(test, "b%2Fc", ID_ONLY), id);
    CHECK_INT(registered(test, "a", ID_NOTE), 2);
    CHECK_STR(text(test, "/subjects"), "[\"a\",\"b/c\"]");
    CHECK_STR(text(test, "/subjects?subjectPrefix=b"), "[\"b/c\"]");
    CHECK_STR(text(test, "/subjects?offset=1&limit=5"), "[\"b/c\"]");
    CHECK_STR(text(test, "/subjects?limit=1"), "[\"a\"]");
    CHECK_STR(text(test, "/subjects/a/versions"), "[1,2]");
    CHECK_STR(text(test, "/schemas/ids/1/subjects"), "[\"a\",\"b/c\"]");
    CHECK_STR(text(test, "/schemas/ids/2/versions"), "[{\"subject\":\"a\",\"version\":2}]");
    CHECK_STR(text(test, "/schemas/types"), "[\"JSON\"]");
    CHECK_INT(test_published(test, &REGISTRY_SCHEMA_REGISTERED_V1_TYPE),
              3); /* one for each version */
    const struct json *event = test_published_data(test, &REGISTRY_SCHEMA_REGISTERED_V1_TYPE, 2);
    CHECK_STR(json_str(json_get(event, "subject")), "a");
    CHECK_INT(json_int(json_get(event, "version")), 2);
    CHECK_INT(json_int(json_get(event, "schema_id")), 2);
}

static void test_versions_are_read(struct test_service *test)
{
    const struct json *latest =
        test_json(test, ask(test, "GET", "/subjects/a/versions/latest", NULL));
    CHECK_INT(json_int(json_get(latest, "version")), 2);
    CHECK_INT(json_int(json_get(latest, "id")), 2);
    CHECK_STR(json_str(json_get(latest, "schemaType")), "JSON");
    CHECK_STR(json_str(json_get(latest, "schema")), ID_NOTE);
    CHECK(!json_get(latest, "references") && !json_get(latest, "metadata"));
    CHECK(str_eq(text(test, "/subjects/a/versions/-1"), text(test, "/subjects/a/versions/2")));
    CHECK_STR(text(test, "/subjects/a/versions/1/schema"), ID_ONLY); /* as it came first */
    CHECK_STR(text(test, "/schemas/ids/1/schema"), ID_ONLY);
    CHECK_INT(
        json_int(json_get(test_json(test, ask(test, "GET", "/schemas/ids/1?fetchMaxId=true", NULL)),
                          "maxId")),
        2);
    CHECK_INT(code(test, "GET", "/schemas/ids/1?subject=a", NULL), 200);
    CHECK_INT(code(test, "GET", "/schemas/ids/2?subject=b%2Fc", NULL), 40403);
    CHECK_INT(code(test, "GET", "/schemas/ids/99", NULL), 40403);
    CHECK_INT(code(test, "GET", "/subjects/none/versions", NULL), 40401);
    CHECK_INT(code(test, "GET", "/subjects/none/versions/1", NULL), 40401);
    CHECK_INT(code(test, "GET", "/subjects/a/versions/3", NULL), 40402);
    CHECK_INT(code(test, "GET", "/subjects/a/versions/0", NULL), 42202);
    CHECK_INT(code(test, "GET", "/subjects/a/versions/first", NULL), 42202);
}

static void test_looking_up(struct test_service *test)
{
    const struct json *found = test_json(
        test, ask(test, "POST", "/subjects/a?normalize=False", bring(test, ID_ONLY_OTHERWISE, "")));
    CHECK_INT(json_int(json_get(found, "version")), 1);
    CHECK_STR(json_str(json_get(found, "subject")), "a");
    CHECK_INT(code(test, "POST", "/subjects/b%2Fc", bring(test, ID_NOTE, "")), 40403);
    CHECK_INT(code(test, "POST", "/subjects/none", bring(test, ID_ONLY, "")), 40401);
    CHECK_INT(code(test, "POST", "/subjects/a", bring(test, "{\"type\":\"nothing\"}", "")), 42201);
}

static void test_what_is_no_schema(struct test_service *test)
{
    const char *to = "/subjects/bad/versions";
    CHECK_INT(code(test, "POST", to, bring(test, "", "")), 42201);
    CHECK_INT(code(test, "POST", to, bring(test, "{", "")), 42201);
    CHECK_INT(code(test, "POST", to, bring(test, "[]", "")), 42201);
    CHECK_INT(code(test, "POST", to, bring(test, "{\"type\":\"nothing\"}", "")), 42201);
    CHECK_INT(code(test, "POST", to, bring(test, "{\"$ref\":\"elsewhere.json\"}", "")), 42201);
    CHECK_INT(code(test, "POST", to, "{\"schema\":\"{}\"}"),
              42201); /* that is Avro, by the protocol */
    CHECK_INT(code(test, "POST", to, "{\"schema\":\"{}\",\"schemaType\":\"PROTOBUF\"}"), 42201);
    CHECK_INT(code(test, "POST", to, "{\"schemaType\":\"JSON\"}"), 42201);
    CHECK_INT(code(test, "POST", to, "{\"schemaType\":\"JSON\",\"schema\":1}"), 42201);
    CHECK_INT(code(test, "POST", to, "{"), 400);
    char *huge = arena_alloc(test_ctx(test)->arena, 300001);
    memset(huge, 'x', 300000);
    CHECK_INT(registered(test, "bad",
                         arena_printf(test_ctx(test)->arena, "{\"title\":\"%s\"}", huge).ptr),
              -42201);
    CHECK_INT(code(test, "GET", "/subjects/bad/versions", NULL), 40401);
    CHECK_INT(registered(test, "bool", "true") > 0, 1);
}

static void test_older_drafts(struct test_service *test)
{
    static const char *const good[] = {
        "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"$id\":\"http://example.com/a\",\"type\":\"object\","
        "\"definitions\":{\"n\":{\"type\":\"integer\"}},\"properties\":{\"n\":{\"$ref\":\"#/definitions/n\",\"type\":1},"
        "\"items\":{\"items\":[{\"type\":\"string\"}],\"additionalItems\":false}},"
        "\"dependencies\":{\"a\":[\"b\"],\"c\":{\"required\":[\"d\"]}}}",
        "{\"$schema\":\"http://json-schema.org/draft-04/schema#\",\"id\":\"http://example.com/b\",\"type\":\"number\","
        "\"minimum\":1,\"exclusiveMinimum\":true,\"maximum\":9,\"exclusiveMaximum\":false}",
        "{\"$schema\":\"https://json-schema.org/draft/2019-09/schema\",\"$recursiveAnchor\":true,"
        "\"properties\":{\"next\":{\"$recursiveRef\":\"#\"}}}",
    };
    static const char *const bad[] = {
        "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"properties\":{\"a\":{\"type\":\"nothing\"}}}",
        "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"properties\":{\"a\":{\"$ref\":\"#/definitions/b\"}}}",
        "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"required\":\"a\"}",
    };
    struct arena *arena = test_ctx(test)->arena;
    for (size_t i = 0; i < COUNT(good); i++)
        CHECK(registered(test, arena_printf(arena, "older-%zu", i).ptr, good[i]) > 0);
    CHECK_STR(text(test, "/subjects/older-1/versions/1/schema"), good[1]); /* as it came */
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK_INT(registered(test, "older-bad", bad[i]), -42201);
}

/* ---- levels ---- */

static int64_t level(struct test_service *test, const char *subject, const char *name)
{
    struct arena *arena = test_ctx(test)->arena;
    const char *target = arena_printf(arena, "/config%s%s", *subject ? "/" : "", subject).ptr;
    return code(test, "PUT", target, arena_printf(arena, "{\"compatibility\":\"%s\"}", name).ptr);
}

static void test_levels(struct test_service *test)
{
    CHECK_STR(text(test, "/config"), "{\"compatibilityLevel\":\"BACKWARD\"}");
    CHECK_INT(code(test, "GET", "/config/a", NULL), 40408);
    CHECK_STR(text(test, "/config/a?defaultToGlobal=true"),
              "{\"compatibilityLevel\":\"BACKWARD\"}");
    CHECK_INT(level(test, "", "FORWARD"), 200);
    CHECK_STR(text(test, "/config/a?defaultToGlobal=true"), "{\"compatibilityLevel\":\"FORWARD\"}");
    CHECK_INT(level(test, "a", "FULL"), 200);
    CHECK_STR(text(test, "/config/a"), "{\"compatibilityLevel\":\"FULL\"}");
    CHECK_INT(level(test, "a", "SOMEHOW"), 42203);
    CHECK_INT(level(test, "a", "full"), 42203);
    CHECK_INT(code(test, "PUT", "/config/a", "{}"), 42203);
    CHECK_STR(ask(test, "DELETE", "/config/a", NULL).body, "{\"compatibilityLevel\":\"FULL\"}");
    CHECK_INT(code(test, "DELETE", "/config/a", NULL), 40408);
    CHECK_STR(ask(test, "DELETE", "/config", NULL).body, "{\"compatibilityLevel\":\"FORWARD\"}");
    CHECK_STR(text(test, "/config"), "{\"compatibilityLevel\":\"BACKWARD\"}");
    CHECK_STR(text(test, "/mode"), "{\"mode\":\"READWRITE\"}");
    CHECK_STR(text(test, "/mode/a?defaultToGlobal=true"), "{\"mode\":\"READWRITE\"}");
    CHECK_INT(code(test, "GET", "/mode/a", NULL), 40409);
}

static void test_incompatible_is_refused(struct test_service *test)
{
    CHECK_INT(registered(test, "a", ID_NUMBER), -409);
    struct reply refused = ask(test, "POST", "/subjects/a/versions", bring(test, ID_NUMBER, ""));
    struct str message = json_str(json_get(test_json(test, refused), "message"));
    CHECK(str_starts(
        message,
        STR("Schema being registered is incompatible with an earlier schema for subject \"a\"")));
    CHECK(memmem(message.ptr, message.len, "/properties/id", 14) != NULL); /* it says where */
    CHECK_STR(text(test, "/subjects/a/versions"), "[1,2]");
    CHECK_STR(
        ask(test, "POST", "/compatibility/subjects/a/versions/latest", bring(test, ID_NUMBER, ""))
            .body,
        "{\"is_compatible\":false}");
    const struct json *verdict =
        test_json(test, ask(test, "POST", "/compatibility/subjects/a/versions/1?verbose=true",
                            bring(test, ID_NUMBER, "")));
    CHECK(!json_bool(json_get(verdict, "is_compatible")) &&
          json_size(json_get(verdict, "messages")) == 1);
    CHECK_STR(ask(test, "POST", "/compatibility/subjects/a/versions?verbose=true",
                  bring(test, ID_NOTE, ""))
                  .body,
              "{\"is_compatible\":true,\"messages\":[]}");
    CHECK_STR(
        ask(test, "POST", "/compatibility/subjects/none/versions/latest", bring(test, ID_NOTE, ""))
            .body,
        "{\"is_compatible\":true}");
    CHECK_INT(
        code(test, "POST", "/compatibility/subjects/none/versions/1", bring(test, ID_NOTE, "")),
        40401);
    CHECK_INT(code(test, "POST", "/compatibility/subjects/a/versions/9", bring(test, ID_NOTE, "")),
              40402);
    CHECK_INT(code(test, "POST", "/compatibility/subjects/a/versions/x", bring(test, ID_NOTE, "")),
              42202);
    CHECK_INT(level(test, "a", "NONE"), 200);
    CHECK_STR(
        ask(test, "POST", "/compatibility/subjects/a/versions/latest", bring(test, ID_NUMBER, ""))
            .body,
        "{\"is_compatible\":true}");
    CHECK_INT(registered(test, "a", ID_NUMBER) > 0, 1);
}

/* What each level asks: of three versions, the third against the second, or the first too. */
static void test_each_level(struct test_service *test)
{
    static const struct {
        const char *level;
        bool adds_optional, drops_optional, back_to_first;
    } cases[] = {
        { "NONE", true, true, true },
        { "BACKWARD", true, false, true },  /* the latest does not have it */
        { "BACKWARD_TRANSITIVE", true, false, false },
        { "FORWARD", false, true, true },
        { "FORWARD_TRANSITIVE", false, true, false },
        { "FULL", false, false, true },
        { "FULL_TRANSITIVE", false, false, false },
    };
    struct arena *arena = test_ctx(test)->arena;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *one = arena_printf(arena, "adds-%s", cases[i].level).ptr;
        CHECK_INT(level(test, one, cases[i].level), 200);
        CHECK(registered(test, one, ID_ONLY) > 0);
        CHECK_INT(registered(test, one, ID_NOTE) > 0, cases[i].adds_optional);
        const char *two = arena_printf(arena, "drops-%s", cases[i].level).ptr;
        CHECK_INT(level(test, two, cases[i].level), 200);
        CHECK(registered(test, two, ID_NOTE) > 0);
        CHECK_INT(registered(test, two, ID_ONLY) > 0, cases[i].drops_optional);
        /* integer, then anything, then text: each fits its neighbour and not the one before that */
        const char *three = arena_printf(arena, "back-%s", cases[i].level).ptr;
        CHECK_INT(level(test, three, "NONE"), 200);
        CHECK(registered(test, three, "{\"type\":\"integer\"}") > 0);
        CHECK(registered(test, three, "{\"type\":\"string\",\"maxLength\":5}") > 0);
        CHECK_INT(level(test, three, cases[i].level), 200);
        CHECK_INT(registered(test, three, "{\"maxLength\":5,\"type\":\"string\",\"title\":\"t\"}") >
                      0,
                  cases[i].back_to_first);
    }
}

/* The rules for JSON Schema that clients of the protocol know. */
static void test_rules(struct test_service *test)
{
    static const struct {
        const char *before, *after;
        bool fits;
    } cases[] = {
#define OPEN(p) "{\"type\":\"object\",\"properties\":{" p "}}"
#define CLOSED(p, more)                                                                            \
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{" p "}" more "}"
#define A "\"a\":{\"type\":\"string\"}"
        { OPEN(A), OPEN(A ",\"b\":{\"type\":\"string\"}"), false },
        { OPEN(A), OPEN(A ",\"b\":true"), true },
        { OPEN(A), OPEN(A ",\"b\":{}"), true },
        { CLOSED(A, ""), CLOSED(A ",\"b\":{\"type\":\"string\"}", ""), true },
        { CLOSED(A, ""), CLOSED(A ",\"b\":{\"type\":\"string\"}", ",\"required\":[\"b\"]"), false },
        { CLOSED(A, ""),
          CLOSED(A ",\"b\":{\"type\":\"string\",\"default\":\"x\"}", ",\"required\":[\"b\"]"),
          true },
        { OPEN(A ",\"b\":{\"type\":\"string\"}"), OPEN(A), true },
        { CLOSED(A ",\"b\":{\"type\":\"string\"}", ""), CLOSED(A, ""), false },
        { "{\"maxLength\":5}", "{\"maxLength\":9}", true },
        { "{\"maxLength\":9}", "{\"maxLength\":5}", false },
        { "{\"minimum\":5}", "{\"minimum\":1}", true },
        { "{\"minimum\":1}", "{\"minimum\":5}", false },
        { CLOSED(A, ",\"required\":[\"a\"]"), CLOSED(A, ""), true },
        { CLOSED(A, ""), CLOSED(A, ",\"required\":[\"a\"]"), false },
        { "{\"pattern\":\"^a\"}", "{}", true },
        { "{}", "{\"pattern\":\"^a\"}", false },
        { "{\"type\":\"array\",\"uniqueItems\":true}", "{\"type\":\"array\"}", true },
        { "{\"type\":\"array\"}", "{\"type\":\"array\",\"uniqueItems\":true}", false },
        { "{\"type\":\"integer\"}", "{\"type\":\"number\"}", true },
        { "{\"type\":\"number\"}", "{\"type\":\"integer\"}", false },
        { "{\"enum\":[\"a\"]}", "{\"enum\":[\"a\",\"b\"]}", true },
        { "{\"enum\":[\"a\",\"b\"]}", "{\"enum\":[\"a\"]}", false },
        { "{\"anyOf\":[{\"type\":\"string\"}]}",
          "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", true },
        { "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}",
          "{\"anyOf\":[{\"type\":\"string\"}]}", false },
        { "{\"type\":\"string\",\"title\":\"a\"}", "{\"type\":\"string\",\"title\":\"b\"}", true },
    };
    struct arena *arena = test_ctx(test)->arena;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *subject = arena_printf(arena, "rule-%zu", i).ptr;
        CHECK(registered(test, subject, cases[i].before) > 0);
        if (!CHECK_INT(registered(test, subject, cases[i].after) > 0, cases[i].fits))
            fprintf(stderr, "  %s -> %s\n", cases[i].before, cases[i].after);
        /* the reverse question is answered by the level FORWARD */
        const char *other = arena_printf(arena, "forward-%zu", i).ptr;
        CHECK(registered(test, other, cases[i].after) > 0 && level(test, other, "FORWARD") == 200);
        CHECK_INT(registered(test, other, cases[i].before) > 0, cases[i].fits);
    }
}

/* ---- references ---- */

#define REFERS(version)                                                                            \
    ",\"references\":[{\"name\":\"money.json\",\"subject\":\"money\",\"version\":" version "}]"

static void test_references(struct test_service *test)
{
    const char *order =
        "{\"type\":\"object\",\"properties\":{\"total\":{\"$ref\":\"money.json\"}}}";
    CHECK(registered(test, "money", "{\"type\":\"integer\"}") > 0);
    CHECK_INT(code(test, "POST", "/subjects/order/versions", bring(test, order, REFERS("9"))),
              42201);
    CHECK_INT(code(test, "POST", "/subjects/order/versions", bring(test, order, REFERS("-1"))),
              200);
    const struct json *stored =
        test_json(test, ask(test, "GET", "/subjects/order/versions/1", NULL));
    CHECK_INT(json_int(json_pointer(stored, STR("/references/0/version"))),
              1); /* the latest, as it was then */
    CHECK_STR(json_str(json_pointer(stored, STR("/references/0/subject"))), "money");
    CHECK_INT(code(test, "POST", "/subjects/order?deleted=true", bring(test, order, REFERS("1"))),
              200);
    struct str referring = text(test, "/subjects/money/versions/1/referencedby");
    CHECK(referring.len > 2);
    CHECK_INT(code(test, "DELETE", "/subjects/money/versions/1", NULL), 42206);
    CHECK_INT(code(test, "DELETE", "/subjects/money", NULL), 42206);
    /* what is referred to has changed: seen through the reference */
    CHECK(registered(test, "money", "{\"type\":\"number\"}") > 0);
    CHECK_INT(code(test, "POST", "/subjects/order/versions", bring(test, order, REFERS("2"))), 200);
    CHECK_INT(code(test, "POST", "/subjects/order/versions", bring(test, order, REFERS("1"))),
              200); /* known: no new one */
    CHECK_STR(text(test, "/subjects/order/versions"), "[1,2]");
    const char *narrow =
        "{\"title\":\"n\",\"type\":\"object\",\"properties\":{\"total\":{\"$ref\":\"money.json\"}}}";
    CHECK_INT(code(test, "POST", "/subjects/order/versions", bring(test, narrow, REFERS("1"))),
              409);
    CHECK_INT(code(test, "DELETE", "/subjects/order", NULL), 200);
    CHECK_INT(code(test, "DELETE", "/subjects/money", NULL),
              200); /* nobody refers to it any more */
}

static void test_metadata_is_kept(struct test_service *test)
{
    const char *more =
        ",\"metadata\":{\"properties\":{\"owner\":\"me\"}},\"ruleSet\":{\"domainRules\":[]},\"surprise\":1";
    CHECK_INT(code(test, "POST", "/subjects/meta/versions", bring(test, ID_ONLY, more)), 200);
    const struct json *stored =
        test_json(test, ask(test, "GET", "/subjects/meta/versions/1", NULL));
    CHECK_STR(json_str(json_pointer(stored, STR("/metadata/properties/owner"))), "me");
    CHECK(json_pointer(stored, STR("/ruleSet/domainRules")) != NULL);
    CHECK(json_int(json_get(stored, "id")) != 1); /* it is not the same without */
    CHECK_INT(code(test, "POST", "/subjects/meta",
                   bring(test, ID_ONLY, ",\"references\":null,\"metadata\":null")),
              40403);
}

/* ---- deleting ---- */

static void test_deleting_is_soft_first(struct test_service *test)
{
    int64_t id = registered(test, "gone", "{\"const\":\"gone\"}");
    const char *schema =
        arena_printf(test_ctx(test)->arena, "/schemas/ids/%lld", (long long)id).ptr;
    CHECK(level(test, "gone", "NONE") == 200 &&
          registered(test, "gone", "{\"const\":\"gone too\"}") > id);
    CHECK_INT(code(test, "DELETE", "/subjects/none", NULL), 40401);
    CHECK_INT(code(test, "DELETE", "/subjects/gone?permanent=true", NULL), 40405);
    CHECK_INT(code(test, "DELETE", "/subjects/gone/versions/1?permanent=true", NULL), 40407);
    CHECK_STR(ask(test, "DELETE", "/subjects/gone/versions/1", NULL).body, "1");
    CHECK_INT(code(test, "DELETE", "/subjects/gone/versions/1", NULL), 40406);
    CHECK_INT(code(test, "GET", "/subjects/gone/versions/1", NULL), 40402);
    CHECK_INT(code(test, "GET", "/subjects/gone/versions/1?deleted=true", NULL), 200);
    CHECK_STR(text(test, "/subjects/gone/versions"), "[2]");
    CHECK_STR(text(test, "/subjects/gone/versions?deletedOnly=true"), "[1]");
    CHECK_INT(code(test, "GET", schema, NULL), 200); /* what was written with it is still read */
    CHECK_STR(ask(test, "DELETE", "/subjects/gone", NULL).body, "[2]");
    CHECK_INT(code(test, "DELETE", "/subjects/gone", NULL), 40404);
    CHECK_INT(code(test, "GET", "/subjects/gone/versions", NULL), 40401);
    CHECK_STR(text(test, "/subjects/gone/versions?deleted=true"), "[1,2]");
    CHECK_STR(text(test, "/subjects?deletedOnly=true&subjectPrefix=gone"), "[\"gone\"]");
    /* again: the same id, the next number */
    CHECK_INT(registered(test, "gone", "{\"const\":\"gone\"}"), id);
    CHECK_STR(text(test, "/subjects/gone/versions"), "[3]");
}

static void test_deleting_for_good(struct test_service *test)
{
    int64_t id = registered(test, "gone", "{\"const\":\"gone\"}");
    const char *schema =
        arena_printf(test_ctx(test)->arena, "/schemas/ids/%lld", (long long)id).ptr;
    CHECK_STR(ask(test, "DELETE", "/subjects/gone/versions/1?permanent=true", NULL).body, "1");
    CHECK_INT(code(test, "GET", schema, NULL), 200); /* version 3 is it, too */
    CHECK_STR(ask(test, "DELETE", "/subjects/gone/versions/latest", NULL).body, "3");
    CHECK_STR(ask(test, "DELETE", "/subjects/gone?permanent=true", NULL).body, "[2,3]");
    CHECK_INT(code(test, "GET", schema, NULL), 40403);
    CHECK_INT(code(test, "GET", "/subjects/gone/versions?deleted=true", NULL), 40401);
    CHECK_INT(code(test, "GET", "/config/gone", NULL), 40408);
    CHECK(registered(test, "gone", "{\"const\":\"gone\"}") > id); /* no id is used again */
    CHECK_STR(text(test, "/subjects/gone/versions"), "[1]");
    CHECK_INT(code(test, "GET", "/schemas/ids/1", NULL), 200);
}

/* ---- who may ---- */

static int status(struct test_service *test, const char *method, const char *target,
                  const char *scopes)
{
    const char *body = strcmp(method, "POST") == 0 ? bring(test, ID_ONLY, "") : NULL;
    return test_call(test, method, target, scopes, NULL, body).status;
}

static void test_scopes(struct test_service *test)
{
    struct reply refused = test_call(test, "GET", "/subjects", NULL, NULL, NULL);
    CHECK_INT(refused.status, 401);
    CHECK_STR(str_of(refused.content_type), MEDIA);
    CHECK_INT(json_int(json_get(test_json(test, refused), "error_code")), 401);
    CHECK_INT(status(test, "GET", "/subjects", "schemas:write"), 403);
    CHECK_INT(status(test, "POST", "/subjects/a/versions", "schemas:read"), 403);
    CHECK_INT(status(test, "DELETE", "/subjects/a", "schemas:read schemas:write"), 403);
    CHECK_INT(status(test, "POST", "/subjects/a", "schemas:read"), 200);
}

static void test_open_reads(void)
{
    struct test_service *test =
        test_open(&registry_service, NULL, (const char *const[]){ "open_reads=true", NULL });
    CHECK_INT(status(test, "GET", "/subjects", NULL), 200);
    CHECK_INT(status(test, "POST", "/compatibility/subjects/a/versions/latest", NULL), 200);
    CHECK_INT(status(test, "POST", "/subjects/a/versions", NULL), 401);
    CHECK_INT(status(test, "GET", "/v1/catalog", NULL), 401);
    CHECK_INT(test_call(test, "GET", "/subjects", NULL, "Authorization: Bearer bad", NULL).status,
              401);
    test_close(test);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&registry_service, url, NULL);
    test_one_schema_has_one_id(test);
    test_versions_are_read(test);
    test_looking_up(test);
    test_what_is_no_schema(test);
    test_older_drafts(test);
    test_levels(test);
    test_incompatible_is_refused(test);
    test_each_level(test);
    test_rules(test);
    test_references(test);
    test_reopen(test);
    test_metadata_is_kept(test);
    test_deleting_is_soft_first(test);
    test_deleting_for_good(test);
    test_scopes(test);
    test_close(test);
}

int main(void)
{
    test_room(NULL);
    test_open_reads();
    const char *postgresql = test_postgresql_url();
    if (postgresql)
        test_room(postgresql);
    return check_end();
}
