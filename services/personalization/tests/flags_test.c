/* Flags: definitions through the API, evaluations by OFREP, each reason and each error. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/service/testing.h"
#include "services/personalization/personalization.h"
#include "services/personalization/reactions.h"

#define BOOLEANS                                                                                   \
    "\"variants\":[{\"variant\":\"on\",\"value\":true},{\"variant\":\"off\",\"value\":false}],"

static struct reply put(struct test_service *test, const char *key, const char *definition)
{
    struct str target = arena_printf(test_ctx(test)->arena, "/v1/flags/%s", key);
    return test_call(test, "PUT", target.ptr, "flags:write", NULL, definition);
}

static void put_boolean(struct test_service *test, const char *key, const char *more)
{
    struct str text =
        arena_printf(test_ctx(test)->arena,
                     "{\"type\":\"boolean\"," BOOLEANS "\"default_variant\":\"off\"%s}", more);
    CHECK_INT(put(test, key, text.ptr).status, 200);
}

static void put_rule(struct test_service *test, const char *key, const char *rule)
{
    put_boolean(test, key, arena_printf(test_ctx(test)->arena, ",\"targeting\":%s", rule).ptr);
}

static const struct json *evaluate(struct test_service *test, const char *key, const char *context,
                                   int status)
{
    struct arena *arena = test_ctx(test)->arena;
    struct reply reply =
        test_call(test, "POST", arena_printf(arena, "/ofrep/v1/evaluate/flags/%s", key).ptr,
                  "flags:evaluate", NULL, arena_printf(arena, "{\"context\":%s}", context).ptr);
    CHECK_INT(reply.status, status);
    CHECK_STR(str_of(reply.content_type), "application/json");
    return test_json(test, reply);
}

static void gives(struct test_service *test, const char *key, const char *context,
                  const char *variant, const char *reason)
{
    const struct json *json = evaluate(test, key, context, 200);
    CHECK_STR(json_str(json_get(json, "key")), key);
    CHECK_STR(json_str(json_get(json, "variant")), variant);
    CHECK_STR(json_str(json_get(json, "reason")), reason);
    CHECK(json_get(json, "value") != NULL);
}

static void fails(struct test_service *test, const char *key, const char *context, int status,
                  const char *error)
{
    const struct json *json = evaluate(test, key, context, status);
    CHECK_STR(json_str(json_get(json, "key")), key);
    CHECK_STR(json_str(json_get(json, "errorCode")), error);
    CHECK(json_str(json_get(json, "errorDetails")).len > 0);
}

static void test_definitions(struct test_service *test)
{
    put_boolean(test, "plain", ",\"description\":\"A switch\",\"metadata\":{\"team\":\"shop\"}");
    put_boolean(test, "plain", ",\"description\":\"A switch\",\"metadata\":{\"team\":\"shop\"}");
    struct reply reply = test_call(test, "GET", "/v1/flags/plain", "flags:read", NULL, NULL);
    CHECK_INT(json_int(json_get(test_json(test, reply), "version")),
              1); /* the same again is none */
    CHECK_STR(json_str(json_get(test_json(test, reply), "state")), "enabled");
    reply = test_call(test, "GET", "/v1/flags?limit=1", "flags:read", NULL, NULL);
    CHECK_INT(json_size(json_get(test_json(test, reply), "items")), 1);
    CHECK_INT(test_call(test, "GET", "/v1/flags/none", "flags:read", NULL, NULL).status, 404);
    CHECK_INT(test_call(test, "DELETE", "/v1/flags/none", "flags:write", NULL, NULL).status, 404);
    put_boolean(test, "gone", "");
    CHECK_INT(
        test_call(test, "DELETE", "/v1/flags/gone", "flags:write", "If-Match: \"2\"", NULL).status,
        412);
    CHECK_INT(
        test_call(test, "DELETE", "/v1/flags/gone", "flags:write", "If-Match: \"1\"", NULL).status,
        204);
    CHECK_INT(test_call(test, "PUT", "/v1/flags/gone", "flags:write", "If-Match: \"1\"",
                        "{\"type\":\"boolean\"," BOOLEANS "\"default_variant\":\"off\"}")
                  .status,
              412);
}

static void test_refused_definitions(struct test_service *test)
{
    static const struct {
        const char *definition, *pointer;
    } cases[] = {
        { "{\"type\":\"string\"," BOOLEANS "\"default_variant\":\"off\"}", "/variants/0/value" },
        { "{\"type\":\"boolean\",\"variants\":[{\"variant\":\"a\",\"value\":true},"
          "{\"variant\":\"a\",\"value\":false}],\"default_variant\":\"a\"}",
          "/variants/1/variant" },
        { "{\"type\":\"boolean\"," BOOLEANS "\"default_variant\":\"maybe\"}", "/default_variant" },
        { "{\"type\":\"boolean\"," BOOLEANS "\"default_variant\":\"off\",\"metadata\":{\"a\":[1]}}",
          "/metadata" },
        { "{\"type\":\"boolean\"," BOOLEANS "\"default_variant\":\"off\",\"targeting\":"
          "{\"if\":[{\"nonsense\":[1]},\"on\",\"off\"]}}",
          "/targeting/if/0" },
        { "{\"type\":\"boolean\"," BOOLEANS
          "\"default_variant\":\"off\",\"targeting\":{\"sem_ver\":[1,2]}}",
          "/targeting/sem_ver" },
        { "{\"type\":\"boolean\",\"variants\":[],\"default_variant\":\"a\"}", "/variants" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct reply reply = put(test, "wrong", cases[i].definition);
        CHECK_INT(reply.status, 422);
        CHECK_STR(json_str(json_pointer(test_json(test, reply), STR("/errors/0/pointer"))),
                  cases[i].pointer);
    }
}

static void define_all(struct test_service *test)
{
    put_boolean(test, "disabled", ",\"state\":\"disabled\",\"targeting\":true");
    put_rule(test, "country", "{\"if\":[{\"==\":[{\"var\":\"country\"},\"DE\"]},\"on\",null]}");
    put_rule(test, "shoppers", "{\"if\":[{\">\":[{\"var\":\"orders.count\"},0]},\"on\",\"off\"]}");
    put_rule(test, "half", "{\"fractional\":[[\"on\",50],[\"off\",50]]}");
    put_rule(test, "half-of-emails",
             "{\"fractional\":[{\"var\":\"email\"},[\"on\",50],[\"off\",50]]}");
    put_rule(test, "version",
             "{\"if\":[{\"sem_ver\":[{\"var\":\"version\"},\">=\",\"1.2.0\"]},\"on\",null]}");
    put_rule(test, "staff",
             "{\"if\":[{\"ends_with\":[{\"var\":\"email\"},\"@shop.test\"]},\"on\",null]}");
    put_rule(test, "beta",
             "{\"if\":[{\"starts_with\":[{\"var\":\"targetingKey\"},\"beta-\"]},\"on\",null]}");
    put_rule(test, "itself",
             "{\"if\":[{\"==\":[{\"var\":\"$flagd.flagKey\"},\"itself\"]},\"on\",null]}");
    put_rule(test, "stranger", "\"sideways\"");
    put_rule(
        test, "endless",
        "{\"if\":[{\"some\":[{\"var\":\"rows\"},{\"none\":[{\"var\":\"\"},{\"==\":[{\"var\":\"\"},1]}]}]},"
        "\"on\",null]}");
    CHECK_INT(put(test, "limits",
                  "{\"type\":\"object\",\"default_variant\":\"small\",\"variants\":["
                  "{\"variant\":\"small\",\"value\":{\"items\":3,\"deep\":{\"a\":[1]}}}]}")
                  .status,
              200);
    CHECK_INT(put(test, "true-or-false",
                  "{\"type\":\"number\",\"default_variant\":\"true\",\"variants\":["
                  "{\"variant\":\"true\",\"value\":1},{\"variant\":\"false\",\"value\":0.5}],"
                  "\"targeting\":{\"==\":[{\"var\":\"country\"},\"DE\"]}}")
                  .status,
              200);
    test_work(test, "definitions");
}

static void test_reasons(struct test_service *test)
{
    gives(test, "plain", "{}", "off", "STATIC");
    gives(test, "disabled", "{\"targetingKey\":\"a\"}", "off", "DISABLED");
    gives(test, "country", "{\"country\":\"DE\"}", "on", "TARGETING_MATCH");
    gives(test, "country", "{\"country\":\"FR\"}", "off", "DEFAULT");
    gives(test, "half-of-emails", "{\"email\":\"c@d.test\"}", "on", "SPLIT"); /* 0x71a17a78 */
    gives(test, "half-of-emails", "{\"email\":\"a@b.test\"}", "off", "SPLIT"); /* 0xd5a8c35e */
    gives(test, "version", "{\"version\":\"v1.10\"}", "on", "TARGETING_MATCH");
    gives(test, "version", "{\"version\":\"1.2.3.4\"}", "off", "DEFAULT");
    gives(test, "staff", "{\"email\":\"me@shop.test\"}", "on", "TARGETING_MATCH");
    gives(test, "beta", "{\"targetingKey\":\"beta-1\"}", "on", "TARGETING_MATCH");
    gives(test, "itself", "{}", "on", "TARGETING_MATCH");
    gives(test, "true-or-false", "{\"country\":\"FR\"}", "false", "TARGETING_MATCH");
    gives(test, "limits", "{}", "small", "STATIC");
    CHECK_STR(
        json_text(test_ctx(test)->arena, json_get(evaluate(test, "limits", "{}", 200), "value")),
        "{\"items\":3,\"deep\":{\"a\":[1]}}");
    CHECK_STR(json_str(json_pointer(evaluate(test, "plain", "{}", 200), STR("/metadata/team"))),
              "shop");
}

/* MurmurHash3 of "halfuser-1" is 0x6042651a, in the lower half, of "halfuser-2" 0xa6f88c8d. */
static void test_split(struct test_service *test)
{
    gives(test, "half", "{\"targetingKey\":\"user-1\"}", "on", "SPLIT");
    gives(test, "half", "{\"targetingKey\":\"user-2\"}", "off", "SPLIT");
    int on = 0;
    for (int i = 0; i < 1000; i++) {
        struct str context =
            arena_printf(test_ctx(test)->arena, "{\"targetingKey\":\"person-%d\"}", i);
        const struct json *json = evaluate(test, "half", context.ptr, 200);
        CHECK_STR(json_str(json_get(json, "reason")), "SPLIT");
        on += json_bool(json_get(json, "value"));
    }
    CHECK(on > 450 && on < 550); /* three standard deviations of a fair coin */
}

static void test_features(struct test_service *test)
{
    gives(test, "shoppers", "{\"targetingKey\":\"prf_f\"}", "off", "TARGETING_MATCH");
    CHECK_INT(
        test_event(
            test, &COMMERCE_ORDER_PLACED_V1_TYPE, "f1",
            "{\"order_id\":\"ord_1\",\"customer_id\":\"prf_f\",\"placed_at\":\"2026-11-01T00:00:00Z\","
            "\"total\":{\"amount\":100,\"currency\":\"USD\"},\"lines\":[{\"product_id\":\"prd_1\","
            "\"quantity\":1,\"amount\":{\"amount\":100,\"currency\":\"USD\"}}]}"),
        DONE);
    gives(test, "shoppers", "{\"targetingKey\":\"prf_f\"}", "on", "TARGETING_MATCH");
    gives(test, "shoppers", "{\"orders\":{\"count\":1}}", "on", "TARGETING_MATCH");
    fails(test, "shoppers", "{}", 400, "TARGETING_KEY_MISSING");
}

static void test_errors(struct test_service *test)
{
    fails(test, "none", "{}", 404, "FLAG_NOT_FOUND");
    fails(test, "half", "{}", 400, "TARGETING_KEY_MISSING");
    fails(test, "half", "{\"targetingKey\":\"\"}", 400, "TARGETING_KEY_MISSING");
    fails(test, "half", "{\"targetingKey\":7}", 400, "INVALID_CONTEXT");
    fails(test, "plain", "[]", 400, "INVALID_CONTEXT");
    fails(test, "plain", "{", 400, "INVALID_CONTEXT");
    fails(test, "stranger", "{}", 400, "GENERAL");
    struct arena *arena = test_ctx(test)->arena;
    char *key = arena_alloc(arena, 202);
    memset(key, 'k', 201);
    fails(test, "half", arena_printf(arena, "{\"targetingKey\":\"%s\"}", key).ptr, 400,
          "INVALID_CONTEXT");
    struct json_out rows; /* 400 rows of 400: more steps than a rule may take */
    json_out_init(&rows, arena);
    json_object(&rows);
    json_key(&rows, "rows");
    json_array(&rows);
    for (int i = 0; i < 400 * 400; i++) {
        if (i % 400 == 0)
            json_array(&rows);
        json_put_int(&rows, i % 400 == 399);
        if (i % 400 == 399)
            json_array_end(&rows);
    }
    json_array_end(&rows);
    json_object_end(&rows);
    gives(test, "endless", "{\"rows\":[[2]]}", "on", "TARGETING_MATCH");
    fails(test, "endless", json_out_str(&rows).ptr, 400, "PARSE_ERROR");
}

static void test_explained(struct test_service *test)
{
    struct reply reply = test_call(test, "GET", "/v1/people/prf_f/flags/shoppers/explain",
                                   "people:read", NULL, NULL);
    const struct json *json = test_json(test, reply);
    CHECK_STR(json_str(json_get(json, "variant")), "on");
    CHECK_STR(json_str(json_get(json, "reason")), "TARGETING_MATCH");
    CHECK_STR(json_text(test_ctx(test)->arena, json_get(json, "read")), "{\"orders.count\":1}");
    CHECK(json_get(json, "targeting") != NULL);
    reply = test_call(test, "GET",
                      "/v1/people/prf_f/flags/country/explain?context=%7B%22country%22:%22DE%22%7D",
                      "people:read", NULL, NULL);
    json = test_json(test, reply);
    CHECK_STR(json_str(json_get(json, "variant")), "on");
    CHECK_STR(json_text(test_ctx(test)->arena, json_get(json, "read")), "{\"country\":\"DE\"}");
    reply = test_call(test, "GET", "/v1/people/prf_f/flags/stranger/explain", "people:read", NULL,
                      NULL);
    CHECK_STR(json_str(json_get(test_json(test, reply), "error_code")), "GENERAL");
    CHECK_INT(
        test_call(test, "GET", "/v1/people/prf_f/flags/none/explain", "people:read", NULL, NULL)
            .status,
        404);
}

static bool spoil(struct ctx *ctx, void *argument)
{
    (void)argument;
    return sql_exec(ctx, NULL,
                    "UPDATE definitions SET definition = replace(definition, 'ends_with', 'begins')"
                    " WHERE id = 'staff'") &&
           sql_exec(ctx, NULL, "UPDATE revision SET value = value + 1");
}

/* A rule that another version of the program stored, and this one does not know. */
static void test_broken(struct test_service *test)
{
    CHECK(test_write(test, spoil, NULL));
    test_work(test, "definitions");
    fails(test, "staff", "{\"email\":\"me@shop.test\"}", 400, "PARSE_ERROR");
    gives(test, "country", "{\"country\":\"DE\"}", "on", "TARGETING_MATCH");
}

static const char *tag_of(struct reply reply)
{
    for (const struct reply_header *at = reply.headers; at; at = at->next)
        if (strcmp(at->name, "ETag") == 0)
            return at->value.ptr;
    return "none";
}

static struct reply all(struct test_service *test, const char *known, const char *key)
{
    struct arena *arena = test_ctx(test)->arena;
    return test_call(test, "POST", "/ofrep/v1/evaluate/flags", "flags:evaluate",
                     known ? arena_printf(arena, "If-None-Match: %s", known).ptr : NULL,
                     arena_printf(arena, "{\"context\":{\"targetingKey\":\"%s\"}}", key).ptr);
}

static void test_bulk(struct test_service *test)
{
    struct reply first = all(test, NULL, "prf_f");
    const struct json *flags = json_get(test_json(test, first), "flags");
    CHECK_INT(first.status, 200);
    CHECK_INT(json_size(flags), 14);
    size_t failed = 0;
    for (struct json_iter it = json_iter(flags); json_next(&it);)
        failed += json_get(it.value, "errorCode") != NULL;
    CHECK_INT(failed, 2); /* the broken one, and the one of a strange variant */
    CHECK_INT(all(test, tag_of(first), "prf_f").status, 304);
    CHECK_INT(all(test, tag_of(first), "prf_stranger").status, 200);
    put_boolean(test, "plain", ",\"state\":\"disabled\"");
    test_work(test, "definitions");
    CHECK_INT(all(test, tag_of(first), "prf_f").status, 200);
    CHECK_INT(
        test_call(test, "POST", "/ofrep/v1/evaluate/flags", "flags:evaluate", NULL, "{}").status,
        400);
}

static void test_room(const char *url)
{
    struct test_service *test = test_open(&personalization_service, url, NULL);
    test_definitions(test);
    test_refused_definitions(test);
    define_all(test);
    test_reasons(test);
    test_split(test);
    test_features(test);
    test_explained(test);
    test_errors(test);
    test_broken(test);
    test_bulk(test);
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
