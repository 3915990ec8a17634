/* A rule over a column is what the rule is over each of its values; a rule that takes too long is given up. */
#include "services/personalization/program.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/tests/check.h"

static struct arena *arena;
static struct column *columns[3]; /* a number, an amount, a value */
static int pauses;

static struct column *column_of(void *argument, struct str name)
{
    for (size_t i = 0; i < COUNT(columns); i++)
        if (str_eq(columns[i]->name, name))
            return columns[i];
    return NULL;
}

static const struct bits *no_segment(void *argument, struct str segment_id)
{
    return NULL;
}

static void count_pause(void *argument)
{
    pauses++;
}

static struct program_input input_until(int64_t until_us)
{
    return (struct program_input){
        .column = column_of, .segment = no_segment, .pause = count_pause, .until_us = until_us
    };
}

static const struct json *parse(const char *text)
{
    struct ctx ctx = { .arena = arena };
    return json_parse(&ctx, str_of(text));
}

static struct value number(double n)
{
    return (struct value){ .kind = VALUE_NUMBER, .number = n };
}

static void fill(void)
{
    static const double numbers[] = { 0, 1, 2, 3, 100, 2147483647, 2147483648, 4294967293 };
    static const double amounts[] = { 0, -0.5, 0.5, 2, 2.000001, -1e15, 1e15, 3 };
    static const char *const values[] = { "null", "\"a\"", "\"b\"",   "2",  "\"2\"",
                                          "true", "0",     "[\"a\"]", "{}", "{\"x\":1,\"y\":2}" };
    struct ctx ctx = { .arena = arena };
    struct rule *whole = rule_compile(&ctx, parse("{\"var\":\"\"}"));
    columns[0] = column_new(STR("visits.last_at"), feature_kind(STR("visits.last_at")));
    columns[1] = column_new(STR("orders.total"), feature_kind(STR("orders.total")));
    columns[2] = column_new(STR("traits.x"), feature_kind(STR("traits.x")));
    for (uint32_t row = 0; row < ROWS_PER_CHUNK + 1000; row++) {
        const struct json *json = parse(values[(size_t)rand() % COUNT(values)]);
        struct value one = number(numbers[(size_t)rand() % COUNT(numbers)]),
                     two = number(amounts[(size_t)rand() % COUNT(amounts)]), three = { 0 };
        struct rule_input input = { .data = json };
        rule_evaluate(&ctx, whole, &input, &three);
        if (rand() % 5 == 0)
            one = (struct value){ .kind = VALUE_NULL };
        column_set(columns[0], row, &one, false);
        column_set(columns[1], row, &two, false);
        column_set(columns[2], row, &three, false);
    }
    rule_free(whole);
}

static bool look_up(struct ctx *ctx, struct str name, void *argument, struct value *out)
{
    struct column *column = column_of(NULL, name);
    if (column)
        *out = column_get(column, *(const uint32_t *)argument);
    return column != NULL;
}

static void check_rule(const char *text)
{
    CLEANUP(arena_freep) struct arena *own = arena_new(0);
    struct ctx ctx = { .arena = own };
    struct program_input input = input_until(INT64_MAX);
    struct program *program = program_compile(&ctx, parse(text));
    struct rule *rule = rule_compile(&ctx, parse(text));
    REQUIRE(program && rule);
    struct bound *bound = program_bind(&ctx, program, &input);
    uint64_t mask[WORDS_PER_CHUNK], out[WORDS_PER_CHUNK];
    int wrong = 0;
    memset(mask, 0xff, sizeof mask);
    mask[7] = 0;
    bound_run(&ctx, bound, 0, mask, out);
    for (uint32_t row = 0; row < 6400; row++) {
        struct rule_input one = { .lookup = look_up, .argument = &row };
        struct value value;
        bool wanted = rule_evaluate(&ctx, rule, &one, &value) && rule_truthy(&value) &&
                      row / 64 != 7;
        wrong += (out[row / 64] >> (row % 64) & 1) != wanted;
        ctx_clear(&ctx);
    }
    if (!CHECK_INT(wrong, 0))
        fprintf(stderr, "  %s\n", text);
    rule_free(rule);
}

static void test_ranges(void)
{
    static const char *const names[] = { "visits.last_at", "orders.total", "traits.x" };
    static const char *const operators[] = { "<", "<=", ">", ">=", "==", "===", "!=", "!==" };
    static const char *const constants[] = { "0",          "1",          "2",         "2.5",
                                             "-1",         "1e300",      "-0.5",      "3",
                                             "2147483648", "4294967294", "4294967293" };
    for (size_t n = 0; n < COUNT(names); n++)
        for (size_t o = 0; o < COUNT(operators); o++)
            for (size_t c = 0; c < COUNT(constants); c++) {
                check_rule(arena_printf(arena, "{\"%s\":[{\"var\":\"%s\"},%s]}", operators[o],
                                        names[n], constants[c])
                               .ptr);
                check_rule(arena_printf(arena, "{\"!\":{\"%s\":[%s,{\"var\":\"%s\"}]}}",
                                        operators[o], constants[c], names[n])
                               .ptr);
            }
}

static void test_others(void)
{
    static const char *const rules[] = {
        "{\"var\":\"visits.last_at\"}",
        "{\"!\":{\"var\":\"orders.total\"}}",
        "{\"var\":\"traits.x\"}",
        "{\"var\":[\"visits.last_at\",7]}",
        "{\"<\":[0,{\"var\":\"visits.last_at\"},3]}",
        "{\"in\":[{\"var\":\"traits.x\"},[\"a\",2]]}",
        "{\"in\":[\"a\",{\"var\":\"traits.x\"}]}",
        "{\">\":[{\"var\":\"visits.last_at\"},{\"var\":\"orders.total\"}]}",
        "{\"and\":[{\"var\":\"traits.x\"},{\"or\":[{\">\":[{\"var\":\"orders.total\"},1]},false]}]}",
        "{\"or\":[{\"==\":[{\"var\":\"traits.x\"},\"a\"]},{\"var\":\"segments.seg_x\"}]}",
        "{\"!!\":[true]}",
        "false",
    };
    for (size_t i = 0; i < COUNT(rules); i++)
        check_rule(rules[i]);
}

/* Some people are asked at a time, others have their turn in between, and at the end of its time it stops. */
static void test_late(void)
{
    struct ctx ctx = { .arena = arena };
    struct program_input input = input_until(clock_mono_us() - 1);
    uint64_t mask[WORDS_PER_CHUNK], out[WORDS_PER_CHUNK], any = 0;
    const char *text = "{\">\":[{\"var\":\"visits.last_at\"},{\"var\":\"orders.total\"}]}";
    memset(mask, 0xff, sizeof mask);
    struct bound *bound = program_bind(&ctx, program_compile(&ctx, parse(text)), &input);
    pauses = 0;
    bound_run(&ctx, bound, 0, mask, out);
    for (size_t i = 0; i < WORDS_PER_CHUNK; i++)
        any |= out[i];
    CHECK(input.late && any == 0 && pauses == 1);
    input = input_until(INT64_MAX);
    bound_run(&ctx, bound, 0, mask, out);
    CHECK(!input.late && pauses == 1 + WORDS_PER_CHUNK);
}

int main(void)
{
    arena = arena_new(0);
    srand(20261124);
    fill();
    test_ranges();
    test_others();
    test_late();
    for (size_t i = 0; i < COUNT(columns); i++)
        column_free(columns[i]);
    arena_free(arena);
    return check_end();
}
