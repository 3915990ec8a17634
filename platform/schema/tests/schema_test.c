#include "base/macros.h"
#include "base/tests/check.h"
#include "platform/schema/schema.h"

static struct arena *arena;

static const struct json *parse(struct str text)
{
    struct ctx ctx = { .arena = arena };
    const struct json *value = json_parse(&ctx, text);
    if (!CHECK(value != NULL))
        fprintf(stderr, "  " STR_FMT ": " STR_FMT "\n", STR_ARG(text), STR_ARG(ctx.error.detail));
    return value;
}

static struct schema *compile_with(const char *text, const struct schema_options *options)
{
    struct ctx ctx = { .arena = arena };
    struct schema *schema = schema_compile(&ctx, parse(str_of(text)), options);
    if (!CHECK(schema != NULL)) {
        fprintf(stderr, "  %s: " STR_FMT "\n", text, STR_ARG(ctx.error.detail));
        exit(1);
    }
    return schema;
}

static struct schema *compile(const char *text)
{
    return compile_with(text, &(struct schema_options){ .assert_formats = true });
}

static void check_fits(const struct schema *schema, const char *instance)
{
    struct ctx ctx = { .arena = arena };
    bool fits = schema_validate(&ctx, schema, parse(str_of(instance)));
    if (!CHECK(fits && !ctx_failed(&ctx)))
        fprintf(stderr, "  %s: " STR_FMT ": " STR_FMT "\n", instance, STR_ARG(ctx.error.pointer),
                STR_ARG(ctx.error.detail));
}

static void check_refused(const struct schema *schema, struct str instance, const char *pointer,
                          const char *sentence)
{
    struct ctx ctx = { .arena = arena };
    CHECK(!schema_validate(&ctx, schema, parse(instance)));
    CHECK_INT(ctx.error.code, ERR_INVALID);
    CHECK_STR(ctx.error.pointer, pointer);
    CHECK_STR(ctx.error.detail, sentence);
}

static void test_sentences(void)
{
    static const struct {
        const char *schema, *instance, *pointer, *sentence;
    } cases[] = {
        { "{\"type\":\"string\"}", "1", "", "must be text" },
        { "{\"type\":[\"integer\",\"null\"]}", "1.5", "", "must be null or a whole number" },
        { "{\"type\":\"number\"}", "{}", "", "must be a number" },
        { "{\"items\":{\"type\":\"boolean\"}}", "[true,0]", "/1", "must be true or false" },
        { "{\"properties\":{\"a/b~c\":{\"items\":{\"const\":{\"x\":1}}}}}",
          "{\"a/b~c\":[{\"x\":2}]}", "/a~1b~0c/0", "must be {\"x\":1}" },
        { "{\"enum\":[\"red\",\"green\",3]}", "\"blue\"", "",
          "must be one of \"red\", \"green\", 3" },
        { "{\"enum\":[1,2,3,4,5,6,7,8,9,10,11]}", "0", "",
          "must be one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, ..." },
        { "{\"minimum\":1.5}", "1", "", "must be at least 1.5" },
        { "{\"maximum\":9007199254740992}", "9007199254740993", "",
          "must be at most 9007199254740992" },
        { "{\"exclusiveMinimum\":0}", "0", "", "must be more than 0" },
        { "{\"exclusiveMaximum\":0}", "0.0", "", "must be less than 0" },
        { "{\"multipleOf\":0.01}", "0.005", "", "must be a multiple of 0.01" },
        { "{\"minLength\":3}", "\"\\u00e9\\u00e9\"", "", "must have at least 3 characters" },
        { "{\"maxLength\":1}", "\"ab\"", "", "must have at most 1 characters" },
        { "{\"pattern\":\"^a\"}", "\"b\"", "", "does not match the pattern ^a" },
        { "{\"format\":\"date\"}", "\"b\"", "", "is not a valid date" },
        { "{\"minItems\":1}", "[]", "", "must have at least 1 elements" },
        { "{\"maxItems\":1}", "[1,2]", "", "must have at most 1 elements" },
        { "{\"uniqueItems\":true}", "[1,{\"a\":1,\"b\":2},3,{\"b\":2,\"a\":1.0}]", "/3",
          "is the same as element 1" },
        { "{\"contains\":{\"type\":\"null\"}}", "[1]", "",
          "must hold at least 1 fitting elements, not 0" },
        { "{\"contains\":{\"type\":\"null\"},\"maxContains\":1}", "[null,null]", "",
          "must hold at most 1 fitting elements, not 2" },
        { "{\"minProperties\":1}", "{}", "", "must have at least 1 members" },
        { "{\"maxProperties\":1}", "{\"a\":1,\"b\":2}", "", "must have at most 1 members" },
        { "{\"properties\":{\"o\":{\"required\":[\"a\",\"b\"]}}}", "{\"o\":{\"a\":1}}", "/o/b",
          "is required" },
        { "{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"a\":1,\"b\":2}", "/b",
          "is not known here" },
        { "{\"properties\":{\"a\":false}}", "{\"a\":1}", "/a", "is not known here" },
        { "{\"prefixItems\":[{}],\"items\":false}", "[1,2]", "/1", "is not allowed" },
        { "{\"propertyNames\":{\"maxLength\":1}}", "{\"ab\":1}", "/ab",
          "must have at most 1 characters" },
        { "{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", "/b", "is required beside a" },
        { "{\"dependentSchemas\":{\"a\":{\"required\":[\"b\"]}}}", "{\"a\":1}", "/b",
          "is required" },
        { "{\"allOf\":[{},{\"type\":\"null\"}]}", "1", "", "must be null" },
        { "{\"anyOf\":[{\"type\":\"null\"},{\"type\":\"string\",\"minLength\":2}]}", "\"a\"", "",
          "must have at least 2 characters" },
        { "{\"anyOf\":[{\"minimum\":1},{\"multipleOf\":2}]}", "-1", "",
          "fits none of the 2 alternatives" },
        { "{\"oneOf\":[{\"minimum\":1},{\"multipleOf\":2}]}", "2", "",
          "fits more than one of the alternatives" },
        { "{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", "2", "",
          "fits none of the 2 alternatives" },
        { "{\"not\":{\"type\":\"null\"}}", "null", "", "is of a form that is excluded" },
        { "{\"if\":{\"properties\":{\"k\":{\"const\":1}}},\"then\":{\"required\":[\"x\"]}}",
          "{\"k\":1}", "/x", "is required" },
        { "{\"unevaluatedProperties\":false,\"allOf\":[{\"properties\":{\"a\":{}}}]}",
          "{\"a\":1,\"b\":1}", "/b", "is not known here" },
        { "{\"unevaluatedItems\":{\"type\":\"null\"},\"prefixItems\":[{}]}", "[1,2]", "/1",
          "must be null" },
        { "{\"$ref\":\"#/$defs/x\",\"$defs\":{\"x\":{\"properties\":{\"n\":{\"$ref\":\"#/$defs/x\"}},\"type\":\"object\"}}}",
          "{\"n\":{\"n\":0}}", "/n/n", "must be an object" },
        { "false", "1", "", "is not allowed" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct schema *schema = compile(cases[i].schema);
        check_refused(schema, str_of(cases[i].instance), cases[i].pointer, cases[i].sentence);
        schema_free(schema);
    }
}

static void check_bad_schema(const char *text, const char *pointer, const char *sentence)
{
    struct ctx ctx = { .arena = arena };
    struct schema *schema = schema_compile(&ctx, parse(str_of(text)),
                                           &(struct schema_options){ .assert_formats = true });
    CHECK(schema == NULL);
    CHECK_INT(ctx.error.code, ERR_INVALID);
    CHECK_STR(ctx.error.pointer, pointer);
    CHECK_STR(ctx.error.detail, sentence);
    schema_free(schema);
}

static void test_bad_schemas(void)
{
    check_bad_schema("1", "", "must be a schema: an object, true or false");
    check_bad_schema("{\"properties\":{\"a\":1}}", "/properties/a",
                     "must be a schema: an object, true or false");
    check_bad_schema("{\"properties\":[]}", "/properties", "must be an object of schemas");
    check_bad_schema("{\"items\":[{}]}", "/items", "must be a schema: an object, true or false");
    check_bad_schema("{\"allOf\":[]}", "/allOf", "must be a list of schemas, at least one");
    check_bad_schema("{\"$defs\":{\"x\":{\"type\":\"int\"}}}", "/$defs/x/type",
                     "must be null, boolean, integer, number, string, array or object");
    check_bad_schema("{\"type\":[]}", "/type", "must name a type");
    check_bad_schema("{\"minLength\":-1}", "/minLength", "must be a whole number, 0 or more");
    check_bad_schema("{\"maxItems\":\"1\"}", "/maxItems", "must be a whole number, 0 or more");
    check_bad_schema("{\"minimum\":\"1\"}", "/minimum", "must be a number");
    check_bad_schema("{\"multipleOf\":0}", "/multipleOf", "must be a number above 0");
    check_bad_schema("{\"pattern\":\"(\"}", "/pattern",
                     "(: the pattern is wrong: missing closing parenthesis");
    check_bad_schema("{\"patternProperties\":{\"\\\\q\":{}}}", "/patternProperties",
                     "\\q: the pattern is wrong at byte 1: an unknown escape");
    check_bad_schema("{\"required\":[1]}", "/required", "must be a list of names");
    check_bad_schema("{\"required\":\"a\"}", "/required", "must be a list of names");
    check_bad_schema("{\"dependentRequired\":{\"a\":\"b\"}}", "/dependentRequired",
                     "a must have a list of names");
    check_bad_schema("{\"enum\":1}", "/enum", "must be a list of values");
    check_bad_schema("{\"uniqueItems\":1}", "/uniqueItems", "must be true or false");
    check_bad_schema("{\"format\":\"idn-hostname\"}", "/format",
                     "the format idn-hostname cannot be checked");
    check_bad_schema("{\"dependencies\":{}}", "/dependencies",
                     "this keyword is not of JSON Schema 2020-12");
    check_bad_schema("{\"additionalItems\":false}", "/additionalItems",
                     "this keyword is not of JSON Schema 2020-12");
    check_bad_schema(
        "{\"$schema\":\"http://json-schema.org/draft-07/schema#\"}", "/$schema",
        "only JSON Schema 2020-12 is understood, not http://json-schema.org/draft-07/schema");
    check_bad_schema("{\"$schema\":\"http://x/y\"}", "/$schema",
                     "the meta-schema http://x/y cannot be found");
    check_bad_schema("{\"$id\":\"a#b\"}", "/$id",
                     "must have no fragment; $anchor names a place inside");
    check_bad_schema("{\"allOf\":[{\"$id\":\"a\"},{\"$id\":\"a\"}]}", "/allOf/1/$id",
                     "two schemas have the $id a");
    check_bad_schema("{\"allOf\":[{\"$anchor\":\"a\"},{\"$anchor\":\"a\"}]}", "/allOf/1/$anchor",
                     "the anchor a is there twice");
    check_bad_schema("{\"$anchor\":\"1\"}", "/$anchor", "must be a name: letters, digits, - _ .");
    check_bad_schema("{\"$ref\":1}", "/$ref", "must be a URI reference");
    check_bad_schema("{\"$ref\":\"#/$defs/a\"}", "/$ref", "#/$defs/a cannot be found");
    check_bad_schema("{\"$ref\":\"#a\"}", "/$ref", "#a cannot be found");
    check_bad_schema("{\"$ref\":\"other\"}", "/$ref", "other cannot be found");
    check_bad_schema("{\"$ref\":\"#/title\",\"title\":\"x\"}", "/title",
                     "must be a schema: an object, true or false");
    check_bad_schema("{\"$ref\":\"#\"}", "", "the schema leads to itself without end");
    check_bad_schema(
        "{\"$defs\":{\"a\":{\"allOf\":[{\"$ref\":\"#/$defs/b\"}]},\"b\":{\"not\":{\"$ref\":\"#/$defs/a\"}}}}",
        "/$defs/a", "the schema leads to itself without end");
}

static const struct json *give_document(struct ctx *ctx, struct str uri, void *argument)
{
    *(int *)argument += 1;
    if (str_is(uri, "http://x/money"))
        return parse(STR(
            "{\"$id\":\"http://x/v1/money\",\"$ref\":\"#m\",\"$defs\":{\"m\":{\"$anchor\":\"m\",\"type\":\"integer\"}}}"));
    if (str_is(uri, "http://x/bad"))
        return parse(STR("{\"type\":\"x\"}"));
    if (str_is(uri, "http://x/gone"))
        ctx_fail(ctx, ERR_UNAVAILABLE, "the store is away");
    return NULL;
}

static void test_other_documents(void)
{
    int asked = 0;
    struct schema_options options = { .base_uri = STR("http://x/order"),
                                      .resolve = give_document,
                                      .argument = &asked };
    struct schema *schema =
        compile_with("{\"items\":{\"$ref\":\"money\"},\"contains\":{\"$ref\":\"v1/money#m\"},"
                     "\"prefixItems\":[{\"$ref\":\"http://x/money#m\"}]}",
                     &options);
    CHECK_INT(asked, 1);
    check_fits(schema, "[1,2]");
    check_refused(schema, STR("[1,\"a\"]"), "/1", "must be a whole number");
    schema_free(schema);

    struct ctx ctx = { .arena = arena };
    CHECK(!schema_compile(&ctx, parse(STR("{\"$ref\":\"bad\"}")), &options));
    CHECK_STR(ctx.error.detail,
              "must be null, boolean, integer, number, string, array or object (in http://x/bad)");
    CHECK_STR(ctx.error.pointer, "/type");
    ctx_clear(&ctx);
    CHECK(!schema_compile(&ctx, parse(STR("{\"$ref\":\"gone\"}")), &options));
    CHECK_STR(ctx.error.detail, "http://x/gone cannot be found: the store is away");
    CHECK_INT(ctx.error.code, ERR_UNAVAILABLE);
}

/* What was read to compile may go: the program holds its own copy. */
static void test_outlives_its_source(void)
{
    struct arena *own = arena_new(0);
    struct ctx ctx = { .arena = own };
    const struct json *document = json_parse(
        &ctx,
        STR("{\"properties\":{\"kind\":{\"enum\":[\"a\",\"b\"]},\"n\":{\"pattern\":\"^x\"}}}"));
    struct schema *schema = schema_compile(&ctx, document, NULL);
    arena_free(own);
    check_fits(schema, "{\"kind\":\"b\",\"n\":\"x\"}");
    check_refused(schema, STR("{\"kind\":\"c\"}"), "/kind", "must be one of \"a\", \"b\"");
    schema_free(schema);
    schema_free(NULL);
}

static void test_formats_are_notes_by_default(void)
{
    struct schema *schema = compile_with("{\"format\":\"date\"}", NULL);
    check_fits(schema, "\"no date\"");
    schema_free(schema);
}

static int common_divisor(int a, int b)
{
    return b ? common_divisor(b, a % b) : a;
}

/* The order of members, absent ones and many of them do not matter to the look-up. */
static void test_many_members(void)
{
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    json_key(&out, "additionalProperties");
    json_put_bool(&out, false);
    json_key(&out, "required");
    json_array(&out);
    for (int i = 0; i < 300; i += 3)
        json_put_str(&out, arena_printf(arena, "member_%d", i));
    json_array_end(&out);
    json_key(&out, "properties");
    json_object(&out);
    for (int i = 0; i < 300; i++) {
        json_key_n(&out, arena_printf(arena, "member_%d", i));
        json_put_raw(&out, arena_printf(arena, "{\"const\":%d}", i));
    }
    json_object_end(&out);
    json_object_end(&out);
    struct schema *schema = compile(json_out_str(&out).ptr);
    for (int step = 1; step < 300; step += 7) {
        json_out_init(&out, arena);
        json_object(&out);
        for (int i = 0, k = 0; i < 300; i++, k = (k + step) % 300) {
            if (k == 0 && i)
                break;
            json_key_n(&out, arena_printf(arena, "member_%d", k));
            json_put_int(&out, k);
        }
        json_object_end(&out);
        struct ctx ctx = { .arena = arena };
        int divisor = common_divisor(
            step, 300); /* every divisor-th member is there; each third is required */
        CHECK(schema_validate(&ctx, schema, parse(json_out_str(&out))) ==
              (divisor == 1 || divisor == 3));
    }
    check_refused(schema, STR("{\"member_300\":1}"), "/member_300", "is not known here");
    check_refused(schema, STR("{\"member_0\":0}"), "/member_3", "is required");
    schema_free(schema);
}

/* Whether the names are few and looked for, or the object is walked, must not be seen. */
static void test_names_that_must_be_there(void)
{
    static const struct {
        const char *schema, *fits, *misses, *pointer;
    } cases[] = {
        { "{\"required\":[\"a\"]}", "{\"b\":1,\"a\":null}", "{\"b\":1}", "/a" },
        { "{\"required\":[\"a\",\"b\"]}", "{\"c\":1,\"b\":1,\"a\":1}", "{\"a\":1}", "/b" },
        { "{\"required\":[\"a\",\"b\",\"c\"]}", "{\"c\":1,\"b\":1,\"a\":1}", "{\"a\":1,\"b\":2}",
          "/c" },
        { "{\"required\":[\"a\"],\"properties\":{\"b\":{\"type\":\"integer\"}}}",
          "{\"b\":1,\"a\":1}", "{\"a\":1,\"b\":1.5}", "/b" },
        { "{\"required\":[\"a\"],\"additionalProperties\":{\"type\":\"null\"}}",
          "{\"b\":null,\"a\":null}", "{\"a\":null,\"b\":1}", "/b" },
        { "{\"required\":[\"a\"],\"propertyNames\":{\"maxLength\":1}}", "{\"b\":1,\"a\":1}",
          "{\"a\":1,\"bb\":1}", "/bb" },
        { "{\"required\":[\"a\"],\"unevaluatedProperties\":false,\"properties\":{\"a\":true}}",
          "{\"a\":1}", "{\"a\":1,\"b\":1}", "/b" },
        { "{\"required\":[\"a\"],\"unevaluatedProperties\":false}", "1", "{\"a\":1}", "/a" },
        { "{\"required\":[\"a\"],\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"b\":1,\"a\":1}",
          "{\"a\":1}", "/b" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct schema *schema = compile(cases[i].schema);
        struct ctx ctx = { .arena = arena };
        check_fits(schema, cases[i].fits);
        CHECK(!schema_validate(&ctx, schema, parse(str_of(cases[i].misses))));
        CHECK_STR(ctx.error.pointer, cases[i].pointer);
        schema_free(schema);
    }
}

static void test_decimals(void)
{
    static const struct {
        const char *step, *number;
        bool fits;
    } cases[] = {
        { "0.01", "0.07", true },
        { "0.1", "0.3", true },
        { "0.1", "4.35", false },
        { "1e-8", "12391239123", true },
        { "1e300", "1e301", true },
        { "3", "1e300", false },
        { "0.5", "1e308", true },
        { "1e-308", "1", true },
        { "2.5", "-7.5", true },
        { "7", "9223372036854775807", true },
        { "10", "9223372036854775807", false },
        { "1e-300", "1e-301", false },
        { "0.3", "0", true },
        { "4", "2.0", false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ctx ctx = { .arena = arena };
        struct schema *schema =
            compile(arena_printf(arena, "{\"multipleOf\":%s}", cases[i].step).ptr);
        if (schema_validate(&ctx, schema, parse(str_of(cases[i].number))) != cases[i].fits)
            CHECK_STR(str_of(cases[i].step), cases[i].number);
        schema_free(schema);
    }
}

/* Alternatives inside alternatives: 2^60 ways without a bound. */
static void test_effort(void)
{
    struct schema *schema =
        compile("{\"$ref\":\"#/$defs/n\",\"$defs\":{\"n\":{\"anyOf\":["
                "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/n\"}},\"required\":[\"x\"]},"
                "{\"properties\":{\"a\":{\"$ref\":\"#/$defs/n\"}},\"required\":[\"y\"]}]}}}");
    struct str deep = STR("{}");
    for (int i = 0; i < 60; i++)
        deep = arena_printf(arena, "{\"a\":" STR_FMT "}", STR_ARG(deep));
    check_refused(schema, deep, "", "takes too much work to validate");
    schema_free(schema);

    /* `not` must not turn giving up into fitting. */
    schema = compile("{\"not\":{\"pattern\":\"^(a+)+$\"}}");
    check_refused(schema, STR("\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\""), "",
                  "takes too much work to validate");
    schema_free(schema);

    /* A loop that only the way there shows. */
    schema = compile(
        "{\"$id\":\"http://x/a\",\"$dynamicAnchor\":\"n\",\"$ref\":\"b\",\"$defs\":{\"b\":{\"$id\":\"b\","
        "\"$dynamicRef\":\"#n\",\"$defs\":{\"n\":{\"$dynamicAnchor\":\"n\"}}}}}");
    check_refused(schema, STR("1"), "", "takes too much work to validate");
    schema_free(schema);
}

static void test_many_unique_items(void)
{
    struct schema *schema = compile("{\"uniqueItems\":true}");
    struct json_out out;
    json_out_init(&out, arena);
    json_array(&out);
    for (int i = 0; i < 50000; i++)
        json_put_raw(&out, arena_printf(arena, "{\"k\":[%d],\"l\":\"%d\"}", i, -i));
    struct str head = arena_str(arena, json_out_str(&out));
    check_fits(schema, arena_printf(arena, STR_FMT "]", STR_ARG(head)).ptr);
    check_refused(schema,
                  arena_printf(arena, STR_FMT ",{\"l\":\"-7\",\"k\":[7.0]}]", STR_ARG(head)),
                  "/50000", "is the same as element 7");
    schema_free(schema);
}

/* The meta-schema as its own instance, and as a judge of others. */
static void test_meta_schema(void)
{
    struct schema *meta = compile("{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}");
    check_fits(meta, "{\"$defs\":{\"a\":{\"properties\":{\"b\":{\"minLength\":2,\"x-note\":1}}}}}");
    check_refused(meta, STR("{\"$defs\":{\"a\":{\"properties\":{\"b\":{\"minLength\":-2}}}}}"),
                  "/$defs/a/properties/b/minLength", "must be at least 0");
    check_refused(meta, STR("{\"items\":[{}]}"), "/items", "must be true or false or an object");
    schema_free(meta);
}

int main(void)
{
    arena = arena_new(0);
    test_sentences();
    test_bad_schemas();
    test_other_documents();
    test_outlives_its_source();
    test_formats_are_notes_by_default();
    test_many_members();
    test_names_that_must_be_there();
    test_decimals();
    test_effort();
    test_many_unique_items();
    test_meta_schema();
    arena_free(arena);
    return check_end();
}
