#include "base/clock.h"
#include "base/hash.h"
#include "base/macros.h"
#include "base/tests/check.h"
#include "platform/rules/rules.h"

static struct arena *arena;

static const struct json *parse(struct str text)
{
    struct ctx ctx = { .arena = arena };
    const struct json *value = text.ptr ? json_parse(&ctx, text) : NULL;
    if (text.ptr && !CHECK(value != NULL))
        fprintf(stderr, "  " STR_FMT ": " STR_FMT "\n", STR_ARG(text), STR_ARG(ctx.error.detail));
    return value;
}

/* The result as JSON, or the error's sentence. */
static struct str evaluated(struct ctx *ctx, const struct rule *rule,
                            const struct rule_input *input)
{
    struct value value;
    struct json_out out;
    json_out_init(&out, arena);
    if (rule && rule_evaluate(ctx, rule, input, &value))
        rule_put_value(&out, &value);
    else
        CHECK_INT(ctx->error.code, ERR_INVALID);
    return ctx_failed(ctx) ? ctx->error.detail : json_out_str(&out);
}

/* As one of a set it gives the same, and again where names were looked up before. */
static void check_in_set(const struct json *logic, const struct rule_input *input,
                         struct str wanted)
{
    struct ctx ctx = { .arena = arena };
    struct rule_set *set = rule_set_new(arena);
    struct rule_input own = *input;
    rule_set_add(&ctx, set, parse(STR("{\"cat\":[{\"var\":\"before\"},1]}")));
    const struct rule *rule = rule_set_add(&ctx, set, logic);
    own.memo = rule_memo_new(arena, set);
    for (int i = 0; i < 2; i++) {
        CHECK_STR(evaluated(&ctx, rule, &own), wanted.ptr);
        if (rule)
            ctx_clear(&ctx);
    }
}

static struct str run_on(struct str logic, const struct rule_input *input)
{
    struct ctx ctx = { .arena = arena };
    const struct json *parsed = parse(logic);
    struct rule *rule = rule_compile(&ctx, parsed);
    struct str result = evaluated(&ctx, rule, input);
    check_in_set(parsed, input, result);
    rule_free(rule);
    return result;
}

static struct str run(const char *logic, const char *data)
{
    return run_on(str_of(logic), &(struct rule_input){ .data = parse(str_of(data)) });
}

struct row {
    const char *logic, *data, *result;
};

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!CHECK_STR(run(rows[i].logic, rows[i].data), rows[i].result))
            fprintf(stderr, "  %s\n", rows[i].logic);
}

/* What the common set leaves open: conversions as in JavaScript. */
static void test_conversions(void)
{
    static const struct row rows[] = {
        { "{\"==\":[null,0]}", NULL, "false" },
        { "{\"==\":[null,{\"var\":\"a\"}]}", NULL, "true" },
        { "{\"==\":[true,\"1\"]}", NULL, "true" },
        { "{\"==\":[\"\",0]}", NULL, "true" },
        { "{\"==\":[\"x\",0]}", NULL, "false" },
        { "{\"==\":[[1,2],\"1,2\"]}", NULL, "true" },
        { "{\"==\":[{\"var\":\"o\"},{\"var\":\"o\"}]}", "{\"o\":{}}", "true" },
        { "{\"==\":[{\"var\":\"o\"},{\"var\":\"p\"}]}", "{\"o\":{},\"p\":{}}", "false" },
        { "{\"<\":[\"10\",\"9\"]}", NULL, "true" },
        { "{\"<\":[\"10\",9]}", NULL, "false" },
        { "{\"<\":[\"x\",9]}", NULL, "false" },
        { "{\">=\":[\"x\",9]}", NULL, "false" },
        { "{\"<=\":[null,0]}", NULL, "true" },
        { "{\"<\":[1,{\"var\":\"t\"},3]}", "{\"t\":2}", "true" },
        { "{\"+\":[\"3.5 apples\",1]}", NULL, "4.5" },
        { "{\"+\":[\"x\"]}", NULL, "null" },
        { "{\"-\":[true,null]}", NULL, "1" },
        { "{\"/\":[1,0]}", NULL, "null" },
        { "{\"%\":[-7,3]}", NULL, "-1" },
        { "{\"%\":[7,0]}", NULL, "null" },
        { "{\"max\":[1,\"5\",null]}", NULL, "5" },
        { "{\"min\":[1,\"x\"]}", NULL, "null" },
        { "{\"*\":[\"2\",\"2.5\"]}", NULL, "5" },
        { "{\"cat\":[null,true,1.50,\"|\",[1,[2,null]],{\"var\":\"o\"}]}", "{\"o\":{}}",
          "\"true1.5|1,2,[object Object]\"" },
        { "{\"cat\":[]}", NULL, "\"\"" },
        { "{\"in\":[1,[1,2]]}", NULL, "true" },
        { "{\"in\":[\"1\",[1,2]]}", NULL, "false" },
        { "{\"in\":[1,\"a1\"]}", NULL, "true" },
        { "{\"in\":[\"a\",null]}", NULL, "false" },
        { "{\"in\":[\"\",\"\"]}", NULL, "true" },
        { "{\"!!\":{\"var\":\"o\"}}", "{\"o\":{}}", "true" },
        { "{\"!!\":[[0]]}", NULL, "true" },
        { "{\"substr\":[\"h\\u00e9llo\",1,2]}", NULL, "\"\xC3\xA9l\"" },
        { "{\"substr\":[\"abc\",-9,2]}", NULL, "\"ab\"" },
        { "{\"substr\":[\"abc\",1,-5]}", NULL, "\"\"" },
        { "{\"substr\":[\"abc\",7]}", NULL, "\"\"" },
        { "{\"substr\":[\"abc\",\"x\",1e300]}", NULL, "\"abc\"" },
        { "{\"substr\":[12345,1,3]}", NULL, "\"234\"" },
        { "{\"a\":1,\"b\":{\"+\":[1,2]}}", NULL, "{\"a\":1,\"b\":{\"+\":[1,2]}}" },
        { "{}", NULL, "{}" },
        { "[[1,[{\"+\":[1,2]}]],{\"x\":1,\"y\":2}]", NULL, "[[1,[3]],{\"x\":1,\"y\":2}]" },
    };
    check_rows(rows, COUNT(rows));
}

static void test_names(void)
{
    static const struct row rows[] = {
        { "{\"var\":\"a.1.b\"}", "{\"a\":[0,{\"b\":5}]}", "5" },
        { "{\"var\":[\"a.9\",\"none\"]}", "{\"a\":[0]}", "\"none\"" },
        { "{\"var\":[\"a.-1\",\"none\"]}", "{\"a\":[0]}", "\"none\"" },
        { "{\"var\":[\"a\",\"none\"]}", "{\"a\":null}", "null" },
        { "{\"var\":[\"a.b\",{\"+\":[1,1]}]}", "{\"a\":null}", "2" },
        { "{\"var\":{\"cat\":[\"a\",\".\",\"b\"]}}", "{\"a\":{\"b\":7}}", "7" },
        { "{\"var\":[{\"var\":\"which\"},8]}", "{\"which\":\"x\"}", "8" },
        { "{\"var\":{\"var\":\"no\"}}", "5", "5" },
        { "{\"map\":[{\"var\":\"l\"},{\"var\":\"x\"}]}", "{\"l\":[{\"x\":1},{\"y\":2},3]}",
          "[1,null,null]" },
        { "{\"map\":[{\"var\":\"l\"},{\"var\":\"outer\"}]}", "{\"l\":[1],\"outer\":2}", "[null]" },
        { "{\"map\":[[[1,2],[3]],{\"reduce\":[{\"var\":\"\"},{\"+\":[{\"var\":\"current\"},{\"var\":\"accumulator\"}]},0]}]}",
          NULL, "[3,3]" },
        { "{\"reduce\":[[1,2],{\"merge\":[{\"var\":\"accumulator\"},{\"var\":\"current\"}]},[]]}",
          NULL, "[1,2]" },
        { "{\"reduce\":[[1],{\"var\":\"other\"},5]}", "{\"other\":1}", "null" },
        { "{\"map\":[{\"filter\":[[1,2,3],{\">\":[{\"var\":\"\"},1]}]},{\"var\":\"\"}]}", NULL,
          "[2,3]" },
        { "{\"filter\":[\"text\",true]}", NULL, "[]" },
        { "{\"map\":[null,1]}", NULL, "[]" },
        { "{\"missing\":[[\"a\",\"b\"]]}", "{\"a\":\"\",\"b\":false}", "[\"a\"]" },
        { "{\"missing\":[1]}", "[5,null]", "[1]" },
        { "{\"var\":\"a.1.x\"}", "{\"a\":{\"1\":{\"x\":4}}}", "4" },
    };
    check_rows(rows, COUNT(rows));
}

static bool compute(struct ctx *ctx, struct str name, void *argument, struct value *out)
{
    if (str_is(name, "visits.7d"))
        *out = (struct value){ .kind = VALUE_NUMBER, .number = *(double *)argument };
    else if (str_is(name, "broken"))
        return ctx_fail(ctx, ERR_INVALID, "the features are away");
    return str_is(name, "visits.7d");
}

static void test_input(void)
{
    double visits = 12;
    struct rule_input input = { .data = parse(STR("{\"name\":\"Ann\",\"visits\":{\"7d\":1}}")),
                                .lookup = compute,
                                .argument = &visits,
                                .flag_key = STR("color"),
                                .targeting_key = STR("u1") };
    CHECK_STR(run_on(STR("{\"var\":\"visits.7d\"}"), &input), "12");
    CHECK_STR(run_on(STR("{\"var\":{\"cat\":[\"visits\",\".7d\"]}}"), &input), "12");
    CHECK_STR(run_on(STR("{\"missing\":[\"visits.7d\",\"visits.8d\"]}"), &input),
              "[\"visits.8d\"]");
    CHECK_STR(run_on(STR("{\"var\":\"name\"}"), &input), "\"Ann\"");
    CHECK_STR(run_on(STR("{\"var\":\"broken\"}"), &input), "the features are away");
    CHECK_STR(run_on(STR("{\"var\":\"$flagd.flagKey\"}"), &input), "\"color\"");
    CHECK_STR(run_on(STR("{\"var\":\"targetingKey\"}"), &input), "\"u1\"");
    clock_hold_us(1700000000 * US_PER_S);
    CHECK_STR(run_on(STR("{\"var\":\"$flagd.timestamp\"}"), &input), "1700000000");
    clock_hold_us(0);
    input.data = NULL;
    input.lookup = NULL;
    CHECK_STR(run_on(STR("{\"var\":[\"name\",\"nobody\"]}"), &input), "\"nobody\"");
}

static void test_sem_ver(void)
{
    static const struct {
        const char *a, *op, *b, *result;
    } cases[] = {
        { "1.2.3", "=", "1.2.3", "true" },
        { "v1.2.3", "=", "V1.2.3", "true" },
        { "1", "=", "1.0.0", "true" },
        { "1.2", "<", "1.2.1", "true" },
        { "1.2.3", "!=", "1.2.4", "true" },
        { "1.10.0", ">", "1.9.0", "true" },
        { "2.0.0", "<=", "1.9.9", "false" },
        { "1.0.0", ">=", "1.0.0-rc.1", "true" },
        { "1.0.0-alpha", "<", "1.0.0-alpha.1", "true" },
        { "1.0.0-alpha.1", "<", "1.0.0-alpha.beta", "true" },
        { "1.0.0-beta.2", "<", "1.0.0-beta.11", "true" },
        { "1.0.0-rc.1", "<", "1.0.0", "true" },
        { "1.0.0+a", "=", "1.0.0+b", "true" },
        { "1.0.0-x-y+z.1", "=", "1.0.0-x-y", "true" },
        { "1.2.3", "^", "1.9.0", "true" },
        { "1.2.3", "^", "2.0.0", "false" },
        { "1.2.3", "~", "1.2.9", "true" },
        { "1.2.3", "~", "1.3.0", "false" },
        { "99999999999999999999.0.0", ">", "99999999999999999998.9.9", "true" },
        { "1.2.3.4", "=", "1.2.3.4", "null" },
        { "1.2.x", "=", "1.2.0", "null" },
        { "", "=", "", "null" },
        { "01.0.0", "=", "1.0.0", "null" },
        { "1.0.0-01", "=", "1.0.0-01", "null" },
        { "1.0.0-", "=", "1.0.0", "null" },
        { "1.0.0", "~>", "1.0.0", "null" },
        { "vv1", "=", "1", "null" },
        { "1..2", "=", "1.0.2", "null" },
        { "1.0.0+", "=", "1.0.0", "null" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *logic = arena_printf(arena, "{\"sem_ver\":[\"%s\",\"%s\",{\"var\":\"v\"}]}",
                                         cases[i].a, cases[i].op)
                                .ptr;
        const char *data = arena_printf(arena, "{\"v\":\"%s\"}", cases[i].b).ptr;
        if (!CHECK_STR(run(logic, data), cases[i].result))
            fprintf(stderr, "  %s %s %s\n", cases[i].a, cases[i].op, cases[i].b);
    }
    CHECK_STR(run("{\"sem_ver\":[1,\"=\",\"1.0.0\"]}", NULL), "null");
}

static void test_starts_and_ends(void)
{
    static const struct row rows[] = {
        { "{\"starts_with\":[\"abc\",\"ab\"]}", NULL, "true" },
        { "{\"starts_with\":[\"abc\",\"bc\"]}", NULL, "false" },
        { "{\"starts_with\":[\"abc\",\"\"]}", NULL, "true" },
        { "{\"ends_with\":[{\"var\":\"email\"},\"@x.org\"]}", "{\"email\":\"a@x.org\"}", "true" },
        { "{\"ends_with\":[\"abc\",\"abcd\"]}", NULL, "false" },
        { "{\"ends_with\":[{\"var\":\"email\"},\"@x.org\"]}", "{}", "null" },
        { "{\"starts_with\":[1,\"1\"]}", NULL, "null" },
    };
    check_rows(rows, COUNT(rows));
}

static void check_bad_rule(struct str logic, const char *pointer, const char *sentence)
{
    struct ctx ctx = { .arena = arena };
    CHECK(rule_compile(&ctx, parse(logic)) == NULL);
    CHECK_INT(ctx.error.code, ERR_INVALID);
    CHECK_STR(ctx.error.pointer, pointer);
    CHECK_STR(ctx.error.detail, sentence);
}

static void test_behaviour(void)
{
    const char *data = "{\"orders\":{\"count\":3,\"count_30d\":2,\"sum\":900,\"sum_7d\":40},"
                       "\"a\":{\"b\":{\"count_1d\":1}}}";
    const struct row rows[] = {
        { "{\"did\":[\"orders\"]}", data, "true" },
        { "{\"did\":\"orders\"}", data, "true" },
        { "{\"did\":[\"orders\",3]}", data, "true" },
        { "{\"did\":[\"orders\",4]}", data, "false" },
        { "{\"did\":[\"orders\",2,30]}", data, "true" },
        { "{\"did\":[\"orders\",3,30]}", data, "false" },
        { "{\"did\":[\"a.b\",1,1]}", data, "true" },
        { "{\"did\":[\"visits\",1,90]}", data, "false" },
        { "{\"!\":{\"did\":[\"visits\",1,90]}}", data, "true" },
        { "{\"times\":\"orders\"}", data, "3" },
        { "{\"times\":[\"orders\",30]}", data, "2" },
        { "{\"total\":[\"orders\"]}", data, "900" },
        { "{\"total\":[\"orders\",7]}", data, "40" },
        { "{\">\":[{\"total\":[\"orders\",7]},{\"times\":[\"orders\"]}]}", data, "true" },
    };
    check_rows(rows, COUNT(rows));
    check_bad_rule(STR("{\"!\":[{\"did\":[\"orders\",1,31]}]}"), "/!/0/did",
                   "the window is a number of days: 1, 7, 30 or 90");
    check_bad_rule(STR("{\"times\":[\"orders\",\"30\"]}"), "/times",
                   "the window is a number of days: 1, 7, 30 or 90");
    check_bad_rule(STR("{\"did\":[\"orders\",0]}"), "/did",
                   "how often is a number from 1 on that is no logic");
    check_bad_rule(STR("{\"did\":[{\"var\":\"x\"}]}"), "/did",
                   "what was done is named by a text that is no logic");
    check_bad_rule(STR("{\"total\":[7]}"), "/total",
                   "what was done is named by a text that is no logic");
}

static bool note_name(void *argument, struct str name)
{
    struct str *names = argument;
    *names = arena_printf(arena, STR_FMT " " STR_FMT, STR_ARG(*names), STR_ARG(name));
    return !str_is(name, "stop");
}

static void check_names(const char *logic, bool all, const char *wanted)
{
    struct ctx ctx = { .arena = arena };
    struct rule *rule = rule_compile(&ctx, parse(str_of(logic)));
    struct str names = STR("");
    CHECK(rule_names(rule, note_name, &names) == all);
    CHECK_STR(names, wanted);
    rule_free(rule);
}

static void test_names_read(void)
{
    check_names(
        "{\"and\":[{\">\":[{\"var\":\"a.b\"},1]},{\"did\":[\"c\",2,7]},{\"var\":[\"d\",{\"var\":\"e\"}]}]}",
        true, " a.b c.count_7d d e");
    check_names("{\"some\":[{\"var\":\"list\"},{\"==\":[{\"var\":\"x\"},1]}]}", true, " list");
    check_names("{\"reduce\":[{\"var\":\"list\"},{\"var\":\"current\"},{\"var\":\"start\"}]}", true,
                " list start");
    check_names("{\"+\":[{\"var\":\"stop\"},{\"var\":\"b\"}]}", false, " stop");
    check_names("{\"var\":{\"cat\":[\"a\",\"b\"]}}", false, "");
    check_names("{\"!\":{\"missing\":[\"a\"]}}", false, "");
    check_names("true", true, "");
}

static void test_fractional(void)
{
    struct rule_input input = { .flag_key = STR("color"), .targeting_key = STR("u1") };
    static const struct {
        const char *logic, *result;
    } cases[] = {
        { "{\"fractional\":[[\"a\",0],[\"b\",1]]}", "\"b\"" },
        { "{\"fractional\":[[\"a\"]]}", "\"a\"" },
        { "{\"fractional\":[[\"a\",-5],[\"b\",1]]}", "\"b\"" },
        { "{\"fractional\":[[\"a\",1.5],[\"b\",1]]}", "null" },
        { "{\"fractional\":[[\"a\",\"1\"],[\"b\",1]]}", "null" },
        { "{\"fractional\":[[\"a\",null]]}", "null" },
        { "{\"fractional\":[[\"a\",2147483647]]}", "\"a\"" },
        { "{\"fractional\":[[\"a\",2147483647],[\"b\",1]]}", "null" },
        { "{\"fractional\":[[\"a\",2147483648]]}", "null" },
        { "{\"fractional\":[[\"a\",1e300]]}", "null" },
        { "{\"fractional\":[[\"a\",0]]}", "null" },
        { "{\"fractional\":[\"key\"]}", "null" },
        { "{\"fractional\":[[\"a\",1],5]}", "null" },
        { "{\"fractional\":[[]]}", "null" },
        { "{\"fractional\":[{\"var\":\"none\"},[\"a\",1]]}", "null" },
        { "{\"fractional\":[\"key\",[{\"if\":[true,\"yes\",\"no\"]},{\"+\":[1,1]}]]}", "\"yes\"" },
        { "{\"fractional\":[[{\"var\":\"targetingKey\"},1]]}", "\"u1\"" },
        { "{\"fractional\":[[true,1]]}", "true" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (!CHECK_STR(run_on(str_of(cases[i].logic), &input), cases[i].result))
            fprintf(stderr, "  %s\n", cases[i].logic);
    input.targeting_key = (struct str){ NULL, 0 };
    CHECK_STR(run_on(STR("{\"fractional\":[[\"a\",1]]}"), &input), "null");
    CHECK_STR(run_on(STR("{\"fractional\":[\"\",[\"a\",1]]}"), &input), "\"a\"");
}

/* Buckets are cut by the hash, evenly, and the default key is the flag's with the person's. */
static void test_fractional_shares(void)
{
    struct ctx ctx = { .arena = arena };
    struct rule *own =
        rule_compile(&ctx, parse(STR("{\"fractional\":[[\"a\",50],[\"b\",30],[\"c\",20]]}")));
    struct rule *named = rule_compile(
        &ctx,
        parse(STR(
            "{\"fractional\":[{\"cat\":[{\"var\":\"$flagd.flagKey\"},{\"var\":\"targetingKey\"}]},"
            "[\"a\",50],[\"b\",30],[\"c\",20]]}")));
    REQUIRE(own && named);
    size_t counts[3] = { 0 };
    for (int i = 0; i < 10000; i++) {
        struct rule_input input = { .flag_key = STR("flag"),
                                    .targeting_key = arena_printf(arena, "user-%d", i) };
        struct str key = arena_printf(arena, "flaguser-%d", i);
        uint64_t bucket = (uint64_t)hash_murmur3_32(key.ptr, key.len, 0) * 100 >> 32;
        const char *wanted = bucket < 50 ? "a" : bucket < 80 ? "b" : "c";
        struct value value, same;
        REQUIRE(rule_evaluate(&ctx, own, &input, &value) &&
                rule_evaluate(&ctx, named, &input, &same));
        CHECK_STR(value.str, wanted);
        CHECK_STR(same.str, wanted);
        counts[value.str.ptr[0] - 'a']++;
    }
    CHECK(counts[0] > 4800 && counts[0] < 5200);
    CHECK(counts[1] > 2800 && counts[1] < 3200);
    CHECK(counts[2] > 1800 && counts[2] < 2200);
    rule_free(own);
    rule_free(named);
}

static void test_bad_rules(void)
{
    check_bad_rule(STR("{\"nope\":[1]}"), "", "there is no operator nope");
    check_bad_rule(STR("{\"if\":[true,{\"/\":[1,{\"log\":1}]}]}"), "/if/1/~1/1",
                   "there is no operator log");
    check_bad_rule(STR("{\"==\":[1]}"), "/==", "== does not take 1 arguments");
    check_bad_rule(STR("{\"==\":1}"), "/==", "== does not take 1 arguments");
    check_bad_rule(STR("{\"!\":[1,2]}"), "/!", "! does not take 2 arguments");
    check_bad_rule(STR("[1,{\"sem_ver\":[\"1\",\"2\"]}]"), "/1/sem_ver",
                   "sem_ver does not take 2 arguments");
    check_bad_rule(STR("{\"fractional\":[]}"), "/fractional",
                   "fractional does not take 0 arguments");
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    json_key(&out, "+");
    json_array(&out);
    for (int i = 0; i < 10000; i++)
        json_put_int(&out, i);
    json_array_end(&out);
    json_object_end(&out);
    check_bad_rule(json_out_str(&out), "/+", "the rule has more than 10000 parts");
}

/* [1,...,n] */
static struct str numbers(int n)
{
    struct json_out out;
    json_out_init(&out, arena);
    json_array(&out);
    for (int i = 1; i <= n; i++)
        json_put_int(&out, i);
    json_array_end(&out);
    return json_out_str(&out);
}

static void check_too_much(struct str logic, struct str data, const char *sentence)
{
    struct arena *own = arena_new(0);
    struct rule_input input = { .data = parse(data) };
    CHECK_STR(run_on(logic, &input), sentence);
    struct ctx ctx = { .arena = own };
    struct rule *rule = rule_compile(&ctx, parse(logic));
    struct value value;
    CHECK(!rule_evaluate(&ctx, rule, &input, &value));
    if (!CHECK(arena_bytes(own) < 64 << 20))
        fprintf(stderr, "  %zu bytes for " STR_FMT "\n", arena_bytes(own), STR_ARG(logic));
    rule_free(rule);
    arena_free(own);
}

static void test_bounds(void)
{
    const char *steps = "the rule takes more than 100000 steps";
    struct str data = numbers(1000);
    /* Text and lists that double, loops in loops, and results that share their parts. */
    check_too_much(
        STR("{\"reduce\":[{\"var\":\"\"},{\"cat\":[{\"var\":\"accumulator\"},{\"var\":\"accumulator\"}]},\"x\"]}"),
        data, steps);
    check_too_much(
        STR("{\"reduce\":[{\"var\":\"\"},{\"merge\":[{\"var\":\"accumulator\"},{\"var\":\"accumulator\"}]},[1]]}"),
        data, steps);
    check_too_much(
        STR("{\"map\":[{\"var\":\"\"},{\"map\":[[1,2,3,4,5,6,7,8,9,10],{\"map\":[[1,2,3,4,5,6,7,8,9,10],1]}]}]}"),
        data, steps);
    check_too_much(
        STR("{\"reduce\":[[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30],"
            "[{\"var\":\"accumulator\"},{\"var\":\"accumulator\"}],1]}"),
        data, steps);
    check_too_much(
        STR("{\"cat\":{\"reduce\":[[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27],"
            "[{\"var\":\"accumulator\"},{\"var\":\"accumulator\"}],1]}}"),
        data, steps);
    check_too_much(STR("{\"reduce\":[{\"var\":\"\"},[{\"var\":\"accumulator\"}],1]}"), data,
                   "the rule's result is deeper than 64 levels");
    check_too_much(STR("{\"cat\":{\"reduce\":[{\"var\":\"\"},[{\"var\":\"accumulator\"}],1]}}"),
                   data, "the rule makes text of lists deeper than 64");
    check_too_much(STR("{\"map\":[{\"var\":\"\"},{\"var\":{\"var\":\"\"}}]}"), numbers(50000),
                   steps);
    check_too_much(STR("{\"var\":\"\"}"), numbers(100001), steps);

    /* Names as long as documents, dots only. */
    char *dots = arena_alloc(arena, 500003);
    memset(dots, '.', 500002);
    dots[0] = dots[500001] = '"';
    struct str logic = arena_printf(arena, "{\"map\":[" STR_FMT ",{\"missing\":[%s]}]}",
                                    STR_ARG(numbers(100)), dots);
    check_too_much(logic, STR("1"), steps);
}

static void test_many_at_once(void)
{
    /* Nothing is kept between evaluations. */
    struct ctx ctx = { .arena = arena };
    struct rule *rule = rule_compile(
        &ctx,
        parse(STR(
            "{\"and\":[{\">\":[{\"var\":\"n\"},2]},{\"in\":[{\"var\":\"s\"},[\"a\",\"b\"]]}]}")));
    for (int i = 0; i < 1000; i++) {
        struct rule_input input = { .data = parse(arena_printf(arena, "{\"n\":%d,\"s\":\"%c\"}",
                                                               i % 5, 'a' + i % 3)) };
        struct value value;
        REQUIRE(rule_evaluate(&ctx, rule, &input, &value));
        CHECK(rule_truthy(&value) == (i % 5 > 2 && i % 3 < 2));
    }
    rule_free(rule);
    rule_free(NULL);
}

static bool count_lookup(struct ctx *ctx, struct str name, void *argument, struct value *out)
{
    (void)ctx;
    ++*(int *)argument;
    *out = (struct value){ .kind = VALUE_NUMBER, .number = 20 };
    return str_is(name, "a");
}

/* Rules of a set look each name up once for an input, also one that is not there; not what is an element's. */
static void test_sets(void)
{
    static const struct {
        const char *logic, *result;
        int looked;
    } rules[] = {
        { "{\"+\":[{\"var\":\"a\"},{\"var\":\"a\"}]}", "40", 1 },
        { "{\"==\":[{\"var\":\"a\"},20]}", "true", 1 },
        { "{\"var\":[\"none\",7]}", "7", 2 },
        { "{\"+\":[{\"var\":[\"none\",8]},{\"var\":\"a\"}]}", "28", 2 },
        { "{\"map\":[{\"var\":\"list\"},{\"+\":[{\"var\":\"a\"},1]}]}", "[6,7]", 3 },
        { "{\"var\":{\"cat\":[\"\",\"a\"]}}", "20", 4 }, /* a name that is made is looked up anew */
    };
    struct ctx ctx = { .arena = arena };
    struct rule_set *set = rule_set_new(arena);
    struct rule *compiled[COUNT(rules)];
    int looked = 0;
    for (size_t i = 0; i < COUNT(rules); i++)
        compiled[i] = rule_set_add(&ctx, set, parse(str_of(rules[i].logic)));
    struct rule_input input = { .data = parse(STR("{\"list\":[{\"a\":5},{\"a\":6}]}")),
                                .lookup = count_lookup,
                                .argument = &looked,
                                .memo = rule_memo_new(arena, set) };
    for (size_t i = 0; i < COUNT(rules); i++) {
        CHECK_STR(evaluated(&ctx, compiled[i], &input), rules[i].result);
        CHECK_INT(looked, rules[i].looked);
    }
    input.memo = rule_memo_new(arena, set); /* another input */
    CHECK_STR(evaluated(&ctx, compiled[0], &input), "40");
    CHECK_INT(looked, 5);
}

int main(void)
{
    arena = arena_new(0);
    test_conversions();
    test_names();
    test_input();
    test_sem_ver();
    test_starts_and_ends();
    test_behaviour();
    test_names_read();
    test_fractional();
    test_fractional_shares();
    test_sets();
    test_bad_rules();
    test_bounds();
    test_many_at_once();
    arena_free(arena);
    return check_end();
}
