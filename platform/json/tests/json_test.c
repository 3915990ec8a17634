#include <math.h>

#include "base/tests/check.h"
#include "platform/json/json.h"

static struct arena *arena;

static struct ctx new_ctx(void)
{
    return (struct ctx){ .arena = arena };
}

static const struct json *parse(struct str text)
{
    struct ctx ctx = new_ctx();
    const struct json *value = json_parse(&ctx, text);
    if (!CHECK(value != NULL))
        fprintf(stderr, "  " STR_FMT "\n  " STR_FMT "\n", STR_ARG(text), STR_ARG(ctx.error.detail));
    return value;
}

#define PARSE(text) parse(str_of(text))

static void test_types(void)
{
    static const struct {
        const char *text;
        enum json_type type;
        bool integral;
    } cases[] = {
        { "null", JSON_NULL, false },
        { " true ", JSON_BOOL, false },
        { "0", JSON_INTEGER, true },
        { "-1", JSON_INTEGER, true },
        { "9223372036854775807", JSON_INTEGER, true },
        { "-9223372036854775808", JSON_INTEGER, true },
        { "9223372036854775808", JSON_NUMBER, true },
        { "18446744073709551615", JSON_NUMBER, true },
        { "-9223372036854775809", JSON_NUMBER, true },
        { "98249283749234923498293171823948729348710298301928331", JSON_NUMBER, true },
        { "1.0", JSON_NUMBER, true },
        { "1e2", JSON_NUMBER, true },
        { "1.5", JSON_NUMBER, false },
        { "1e-2", JSON_NUMBER, false },
        { "\"\"", JSON_STRING, false },
        { "[]", JSON_ARRAY, false },
        { "{}", JSON_OBJECT, false },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct json *value = PARSE(cases[i].text);
        if (json_type(value) != cases[i].type || json_is_integral(value) != cases[i].integral)
            CHECK_STR(STR("wrong type of"), cases[i].text);
    }
    CHECK_INT(json_type(NULL), JSON_ABSENT);
}

static void test_values(void)
{
    const struct json *value =
        PARSE("{\"a\":[1,2.9,true,\"x\\u0000y\",null,-7e0],\"b\":{\"\":3},\"big\":1e300}");
    const struct json *list = json_get(value, "a");
    CHECK_INT(json_size(value), 3);
    CHECK_INT(json_size(list), 6);
    CHECK_INT(json_int(json_at(list, 0)), 1);
    CHECK_INT(json_int(json_at(list, 1)), 2);
    CHECK(json_double(json_at(list, 1)) == 2.9);
    CHECK(json_bool(json_at(list, 2)));
    CHECK_INT(json_str(json_at(list, 3)).len, 3);
    CHECK(json_str(json_at(list, 3)).ptr[3] == '\0');
    CHECK_INT(json_type(json_at(list, 4)), JSON_NULL);
    CHECK_INT(json_int(json_at(list, 5)), -7);
    CHECK(json_at(list, 6) == NULL);
    CHECK_INT(json_int(json_get(json_get(value, "b"), "")), 3);
    CHECK_INT(json_int(json_get(value, "big")), INT64_MAX);
    CHECK_INT(json_int(PARSE("-1e300")), INT64_MIN);
    CHECK_INT(json_int(PARSE("9223372036854775808")), INT64_MAX);
    CHECK(json_double(PARSE("9223372036854775808")) == 0x1p63);
}

static void test_absent_is_neutral(void)
{
    const struct json *number = PARSE("1");
    CHECK(json_get(NULL, "a") == NULL && json_get(number, "a") == NULL);
    CHECK(json_at(NULL, 0) == NULL && json_at(number, 0) == NULL);
    CHECK(json_str(NULL).ptr == NULL && json_str(number).ptr == NULL);
    CHECK(!json_bool(NULL) && !json_bool(number));
    CHECK_INT(json_int(NULL), 0);
    CHECK_INT(json_int(PARSE("\"7\"")), 0);
    CHECK_INT(json_size(NULL), 0);
    CHECK_INT(json_size(PARSE("\"seven\"")), 0);
    CHECK(json_double(PARSE("true")) == 0);
    struct json_iter none = json_iter(number), absent = json_iter(NULL);
    CHECK(!json_next(&none) && !json_next(&absent));
}

static void test_iteration(void)
{
    size_t seen = 0;
    const struct json *value = PARSE("{\"a\":{\"x\":[1]},\"b\":[[],2],\"c\":3}");
    for (struct json_iter it = json_iter(value); json_next(&it); seen++) {
        CHECK_INT(it.index, seen);
        CHECK(it.key.len == 1 && it.key.ptr[0] == (char)('a' + seen));
        CHECK(it.value == json_get_n(value, it.key));
    }
    CHECK_INT(seen, 3);
    seen = 0;
    for (struct json_iter it = json_iter(json_get(value, "b")); json_next(&it); seen++)
        CHECK(it.key.ptr == NULL && it.value == json_at(json_get(value, "b"), it.index));
    CHECK_INT(seen, 2);
}

/* The examples of RFC 6901 section 5. */
static void test_pointer(void)
{
    const struct json *value =
        PARSE("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,"
              "\"i\\\\j\":5,\"k\\\"l\":6,\" \":7,\"m~n\":8}");
    static const char *const pointers[] = { "/",     "/a~1b", "/c%d", "/e^f", "/g|h",
                                            "/i\\j", "/k\"l", "/ ",   "/m~0n" };
    for (size_t i = 0; i < COUNT(pointers); i++)
        CHECK_INT(json_int(json_pointer(value, str_of(pointers[i]))), i);
    CHECK(json_pointer(value, STR("")) == value);
    CHECK_STR(json_str(json_pointer(value, STR("/foo/0"))), "bar");
    CHECK(json_pointer(value, STR("/foo/2")) == NULL);
    CHECK(json_pointer(value, STR("/foo/01")) == NULL);
    CHECK(json_pointer(value, STR("/foo/-")) == NULL);
    CHECK(json_pointer(value, STR("foo")) == NULL);
    CHECK(json_pointer(value, STR("/m~2n")) == NULL);
    CHECK(json_pointer(NULL, STR("/a")) == NULL);
}

static void test_equal(void)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        { "1", "1.0", true },
        { "1", "true", false },
        { "0", "false", false },
        { "\"1\"", "1", false },
        { "0", "-0.0", true },
        { "9007199254740993", "9007199254740992.0", false },
        { "9223372036854775807", "9223372036854775808", false },
        { "18446744073709551615", "18446744073709551616", false },
        { "[1,2]", "[2,1]", false },
        { "[1,2]", "[1,2,3]", false },
        { "[]", "{}", false },
        { "{\"a\":1,\"b\":[{}]}", "{\"b\":[{}],\"a\":1.0}", true },
        { "{\"a\":1}", "{\"b\":1}", false },
        { "{\"a\":null}", "{}", false },
        { "\"\\u00e9\"", "\"\xC3\xA9\"", true },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (json_equal(PARSE(cases[i].a), PARSE(cases[i].b)) != cases[i].same)
            CHECK_STR(STR("wrong for"), cases[i].a);
    CHECK(json_equal(NULL, NULL) && !json_equal(NULL, PARSE("null")));
    CHECK_INT(json_compare_numbers(PARSE("-1"), PARSE("18446744073709551615")), -1);
    CHECK_INT(json_compare_numbers(PARSE("1e300"), PARSE("5")), 1);
}

/* {"k0":0,"k1":1,...}, or from the last to the first. */
static struct str wide_object(size_t n, bool backwards, const char *extra)
{
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    for (size_t i = 0; i < n; i++) {
        size_t k = backwards ? n - 1 - i : i;
        json_key_n(&out, arena_printf(arena, "k%zu", k));
        json_put_int(&out, (int64_t)k);
    }
    if (extra) {
        json_key(&out, extra);
        json_put_null(&out);
    }
    json_object_end(&out);
    return json_out_str(&out);
}

static void test_wide_objects(void)
{
    const struct json *forwards = parse(wide_object(20000, false, NULL));
    CHECK(json_equal(forwards, parse(wide_object(20000, true, NULL))));
    CHECK(!json_equal(forwards, parse(wide_object(19999, true, "x"))));
    CHECK_INT(json_int(json_get(forwards, "k19999")), 19999);
}

static void check_refused(struct str text, const char *sentence)
{
    struct ctx ctx = new_ctx();
    CHECK(json_parse(&ctx, text) == NULL);
    CHECK_INT(ctx.error.code, ERR_MALFORMED);
    CHECK_STR(ctx.error.detail, sentence);
}

static void test_duplicate_keys(void)
{
    check_refused(STR("{\"a\":1,\"b\":2,\"a\":3}"), "JSON has the key \"a\" twice at byte 13");
    check_refused(STR("[{\"x\":{\"\\u0061\":1,\"a\":2}}]"),
                  "JSON has the key \"a\" twice at byte 18");
    check_refused(STR("{\"\":1,\"\":2}"), "JSON has the key \"\" twice at byte 6");
    struct str wide = wide_object(1000, false, "k0");
    check_refused(
        wide, arena_printf(arena, "JSON has the key \"k0\" twice at byte %zu", wide.len - 10).ptr);
    PARSE("{\"a\":1,\"A\":2,\"a\\u0000\":3,\"\":{\"a\":4}}");
}

static struct str nested(size_t depth, const char *open, const char *close)
{
    struct str text = STR("");
    for (size_t i = 0; i < depth; i++)
        text = arena_printf(arena, STR_FMT "%s", STR_ARG(text), open);
    for (size_t i = 0; i < depth; i++)
        text = arena_printf(arena, STR_FMT "%s", STR_ARG(text), close);
    return text;
}

static void test_depth(void)
{
    parse(nested(JSON_DEPTH, "[", "]"));
    check_refused(nested(JSON_DEPTH + 1, "[", "]"), "JSON is deeper than 64 levels at byte 64");
    check_refused(nested(100, "[", ""), "JSON is deeper than 64 levels at byte 64");
    struct ctx ctx = new_ctx();
    CHECK(json_parse(&ctx, nested(JSON_DEPTH, "{\"a\":[", "]}")) == NULL);
    PARSE(
        "[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\\\\\"]");
    PARSE(
        "[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],"
        "[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]");
}

static void test_bad_input(void)
{
    static const struct str texts[] = {
        STR_INIT(" "),
        STR_INIT("{"),
        STR_INIT("[1,]"),
        STR_INIT("{\"a\"}"),
        STR_INIT("{a:1}"),
        STR_INIT("'a'"),
        STR_INIT("01"),
        STR_INIT("1."),
        STR_INIT(".5"),
        STR_INIT("+1"),
        STR_INIT("0x1"),
        STR_INIT("NaN"),
        STR_INIT("Infinity"),
        STR_INIT("1e999"),
        STR_INIT("nul"),
        STR_INIT("1 2"),
        STR_INIT("{}x"),
        STR_INIT("[1]//c"),
        STR_INIT("\"\x01\""),
        STR_INIT("\"a"),
        STR_INIT("\"\\"),
        STR_INIT("\"\\x\""),
        STR_INIT("\"\\ud800\""),
        STR_INIT("\"\\udc00\""),
        STR_INIT("\"\\u12\""),
        STR_INIT("\"\xC0\x80\""),
        STR_INIT("\"\xED\xA0\x80\""),
        STR_INIT("\"\xF5\x80\x80\x80\""),
        STR_INIT("\"\xFF\""),
        STR_INIT("\"\xC3"),
        STR_INIT("\xEF\xBB\xBF{}"),
        STR_INIT("1\0"),
        STR_INIT("\"\0\""),
        STR_INIT("]"),
        STR_INIT("}{"),
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct ctx ctx = new_ctx();
        if (json_parse(&ctx, texts[i]) || ctx.error.code != ERR_MALFORMED)
            CHECK_STR(STR("taken:"), texts[i].ptr);
        CHECK(strstr(ctx.error.detail.ptr, "at byte ") != NULL);
    }
    check_refused(STR(""), "JSON is expected, but there is nothing");
    check_refused((struct str){ NULL, 0 }, "JSON is expected, but there is nothing");
    check_refused(STR("[1,x]"),
                  "JSON is malformed at byte 3: unexpected character, expected a valid JSON value");
}

/* A document may lie in memory that does not end in NUL. */
static void test_slices(void)
{
    char *text = malloc(6);
    memcpy(text, "[\"ab\"]", 6);
    const struct json *value = parse((struct str){ text, 6 });
    free(text);
    CHECK_STR(json_str(json_at(value, 0)), "ab");
}

static void test_writing(void)
{
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    json_key(&out, "empty");
    json_array(&out);
    json_array_end(&out);
    json_key(&out, "list");
    json_array(&out);
    json_put_int(&out, INT64_MIN);
    json_put_int(&out, INT64_MAX);
    json_put_int(&out, 0);
    json_put_bool(&out, true);
    json_put_null(&out);
    json_put_str(&out, (struct str){ NULL, 0 });
    json_object(&out);
    json_object_end(&out);
    json_put_raw(&out, STR("[1]"));
    json_put_time(&out, 1700000000000000);
    json_array_end(&out);
    json_key(&out, "\"\\\n");
    json_put_str(&out, STR("\x01/\x7F\b\t\f\r \xC3\xA9 \xF0\x9F\x98\x80"));
    json_object_end(&out);
    CHECK_STR(
        json_out_str(&out),
        "{\"empty\":[],\"list\":[-9223372036854775808,9223372036854775807,0,true,null,null,{},[1],"
        "\"2023-11-14T22:13:20Z\"],\"\\\"\\\\\\n\":\"\\u0001/\x7F\\b\\t\\f\\r \xC3\xA9 \xF0\x9F\x98\x80\"}");
}

/* Texts are copied 16 bytes at a time: what cannot be is found wherever it stands. */
static void test_writing_at_each_place(void)
{
    static const char *const odd[] = { "\"", "\\", "\n", "\x1f", "\x7f", "\xC3\xA9" };
    for (size_t length = 0; length < 40; length++)
        for (size_t at = 0; at <= length; at++)
            for (size_t i = 0; i < COUNT(odd); i++) {
                struct json_out out;
                struct str text = arena_printf(
                    arena, "%.*s%s%.*s", (int)at,
                    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", odd[i],
                    (int)(length - at), "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZ");
                json_out_init(&out, arena);
                json_put_str(&out, text);
                CHECK(str_eq(json_str(parse(json_out_str(&out))), text));
            }
}

static void test_writing_bad_utf8(void)
{
    struct json_out out;
    json_out_init(&out, arena);
    json_put_str(&out, STR("a\xFFz \xC3\xA9\xC3 \xED\xA0\x80\xF0\x9F\x98"));
    CHECK_STR(json_out_str(&out),
              "\"a\xEF\xBF\xBDz \xC3\xA9\xEF\xBF\xBD \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
              "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    parse(json_out_str(&out));
}

static void test_doubles(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = { { 0.1, "0.1" },       { 3, "3" },
                  { -0.5, "-0.5" },     { -0.0, "-0.0" },
                  { 1e21, "1e21" },     { 1.0 / 3, "0.3333333333333333" },
                  { 5e-324, "5e-324" }, { NAN, "null" },
                  { INFINITY, "null" }, { 1.7976931348623157e308, "1.7976931348623157e308" } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_out out;
        json_out_init(&out, arena);
        json_put_double(&out, cases[i].value);
        CHECK_STR(json_out_str(&out), cases[i].text);
    }
}

static void test_round_trip(void)
{
    const char *text =
        "{\"a\":[1,-2,3.0,0.1,18446744073709551615,1e300,\"\\\"\xE2\x82\xAC\"],\"b\":{\"c\":null,\"d\":"
        "[true,false,[],{}]}}";
    CHECK_STR(json_text(arena, PARSE(text)), text);
    struct str wide = wide_object(5000, false, NULL);
    CHECK(str_eq(json_text(arena, parse(wide)), wide));
}

int main(void)
{
    arena = arena_new(0);
    test_types();
    test_values();
    test_absent_is_neutral();
    test_iteration();
    test_pointer();
    test_equal();
    test_wide_objects();
    test_duplicate_keys();
    test_depth();
    test_bad_input();
    test_slices();
    test_writing();
    test_writing_at_each_place();
    test_writing_bad_utf8();
    test_doubles();
    test_round_trip();
    arena_free(arena);
    return check_end();
}
