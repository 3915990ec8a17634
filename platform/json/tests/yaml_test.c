#include "base/tests/check.h"
#include "platform/json/json.h"

static struct arena *arena;

static void check_reads(struct str yaml, const char *json)
{
    struct ctx ctx = { .arena = arena };
    const struct json *value = json_parse_yaml(&ctx, yaml);
    if (CHECK(value != NULL))
        CHECK_STR(json_text(arena, value), json);
    else
        fprintf(stderr, "  " STR_FMT "\n  " STR_FMT "\n", STR_ARG(yaml), STR_ARG(ctx.error.detail));
}

static void check_refused(struct str yaml, const char *sentence)
{
    struct ctx ctx = { .arena = arena };
    CHECK(json_parse_yaml(&ctx, yaml) == NULL);
    CHECK_INT(ctx.error.code, ERR_MALFORMED);
    CHECK_STR(ctx.error.detail, sentence);
}

/* YAML 1.2.2 section 10.3.2. */
static void test_core_schema(void)
{
    check_reads(STR("[null, Null, NULL, ~, nULL]"), "[null,null,null,null,\"nULL\"]");
    check_reads(STR("a:\nb: \"\"\nc: ''\n"), "{\"a\":null,\"b\":\"\",\"c\":\"\"}");
    check_reads(STR("[true, True, TRUE, false, False, FALSE, tRUE, yes, no, on, off, y]"),
                "[true,true,true,false,false,false,\"tRUE\",\"yes\",\"no\",\"on\",\"off\",\"y\"]");
    check_reads(STR("[0, -0, +7, 007, -12, 0o17, 0xfF, 0o18, 0x, 1_000, 12:30]"),
                "[0,0,7,7,-12,15,255,\"0o18\",\"0x\",\"1_000\",\"12:30\"]");
    check_reads(STR("[1.5, .5, 5., -1e3, +1.5E-3, 1e, e5, ., -, 1.2.3, 0.0.0]"),
                "[1.5,0.5,5,-1000.0,0.0015,\"1e\",\"e5\",\".\",\"-\",\"1.2.3\",\"0.0.0\"]");
    check_reads(STR("[9223372036854775807, 18446744073709551615, 36893488147419103232]"),
                "[9223372036854775807,18446744073709551615,36893488147419103000.0]");
    check_reads(STR("[\"1\", '2', \"true\", 'null', 2024-01-31, v1.0]"),
                "[\"1\",\"2\",\"true\",\"null\",\"2024-01-31\",\"v1.0\"]");
    check_refused(STR("a: .inf"), "YAML line 1:4: .inf has no place in JSON");
    check_refused(STR("- 1\n- .nan"), "YAML line 2:3: .nan has no place in JSON");
    check_refused(STR("- 1\n- 1e999"), "YAML line 2:3: 1e999 is too large a number");
}

static void test_structure(void)
{
    check_reads(
        STR("openapi: 3.1.0\npaths:\n  /a:\n    get:\n      responses:\n        200:\n          description: ok\n"
            "        '404': {}\n  # a comment\ntags: [a, b]\n"),
        "{\"openapi\":\"3.1.0\",\"paths\":{\"/a\":{\"get\":{\"responses\":{\"200\":{\"description\":\"ok\"},"
        "\"404\":{}}}}},\"tags\":[\"a\",\"b\"]}");
    check_reads(
        STR("a: |\n  one\n  two\nb: >-\n  folded\n  text\nc: 'it''s'\nd: \"t\\tab \\u00e9\"\n"),
        "{\"a\":\"one\\ntwo\\n\",\"b\":\"folded text\",\"c\":\"it's\",\"d\":\"t\\tab \xC3\xA9\"}");
    check_reads(STR("- - 1\n  - 2\n- a: 1\n  b: [x, {y: z}]\n-\n"),
                "[[1,2],{\"a\":1,\"b\":[\"x\",{\"y\":\"z\"}]},null]");
    check_reads(STR("{null: 1, true: 2, ~: 3}"), "{\"null\":1,\"true\":2,\"~\":3}");
    check_reads(STR("{\"json\": [1, 2.50, \"x\", null]}"), "{\"json\":[1,2.5,\"x\",null]}");
    check_reads(STR("--- text\n..."), "\"text\"");
    check_reads(STR("%YAML 1.2\n---\n7\n"), "7");
    check_reads(STR(""), "null");
    check_reads(STR("# nothing\n"), "null");
    check_reads((struct str){ NULL, 0 }, "null");
    check_reads(STR("\xEF\xBB\xBF"
                    "a: 1"),
                "{\"a\":1}");
}

static void test_refused(void)
{
    check_refused(STR("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n"),
                  "YAML line 5:3: the key \"c\" is there twice (first on line 3)");
    check_refused(STR("{a: 1, \"a\": 2}"),
                  "YAML line 1:8: the key \"a\" is there twice (first on line 1)");
    check_refused(STR("a: &x 1\nb: *x\n"), "YAML line 1:4: anchors are not taken");
    check_refused(STR("b: *x\n"), "YAML line 1:4: aliases are not taken");
    check_refused(STR("b: !!str 1\n"), "YAML line 1:4: tags are not taken");
    check_refused(STR("b: !x {}\n"), "YAML line 1:4: tags are not taken");
    check_refused(STR("[a]: 1\n"), "YAML line 1:1: a key must be text");
    check_refused(STR("{a: 1}: 1\n"), "YAML line 1:1: a key must be text");
    check_refused(STR("--- 1\n--- 2\n"), "YAML line 2:1: a second document begins");
    check_refused(STR("a: [1, 2\nb: 3\n"),
                  "YAML line 2:2: while parsing a flow sequence, did not find expected ',' or ']'");
    check_refused(STR("a: 1\n b: 2\n"),
                  "YAML line 2:3: mapping values are not allowed in this context");
    check_refused(
        STR("a:\n\t- 1\n"),
        "YAML line 2:1: while scanning for the next token, found character that cannot start any token");
    struct ctx ctx = { .arena = arena };
    CHECK(json_parse_yaml(&ctx, STR("a: \xFF")) == NULL && ctx.error.code == ERR_MALFORMED);
    ctx_clear(&ctx);
    CHECK(json_parse_yaml(&ctx, STR("a: \x01")) == NULL && ctx.error.code == ERR_MALFORMED);
}

static void test_depth(void)
{
    char text[3 * JSON_DEPTH];
    memset(text, '[', JSON_DEPTH);
    memset(text + JSON_DEPTH, ']', JSON_DEPTH);
    struct ctx ctx = { .arena = arena };
    CHECK(json_parse_yaml(&ctx, (struct str){ text, 2 * JSON_DEPTH }) != NULL);
    memset(text, '[', sizeof(text));
    check_refused((struct str){ text, sizeof(text) }, "YAML line 1:65: deeper than 64 levels");
}

int main(void)
{
    arena = arena_new(0);
    test_core_schema();
    test_structure();
    test_refused();
    test_depth();
    arena_free(arena);
    return check_end();
}
