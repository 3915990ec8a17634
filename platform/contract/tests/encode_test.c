/* Encoding by the tables, and the check before something leaves. */
#include "platform/contract/tests/room.h"

static struct thing a_thing(void)
{
    return (struct thing){
        .id = STR("thg_1"),
        .name = STR("Lamp"),
        .grade = GRADE_VERY_FINE,
        .count = 1,
        .price = { 1999, "USD" },
        .size = { .width = 1.5 },
        .made_at = 1769860800000000,
        .colour = STR("blue"),
        .rank = GRADE_PLAIN,
    };
}

static void test_least(void)
{
    struct ctx *ctx = fresh();
    struct thing thing = a_thing();
    CHECK_STR(
        thing_encode(ctx, &thing),
        "{\"id\":\"thg_1\",\"name\":\"Lamp\",\"grade\":\"very-fine\",\"count\":1,"
        "\"price\":{\"amount\":1999,\"currency\":\"USD\"},\"size\":{\"width\":1.5},"
        "\"made_at\":\"2026-01-31T12:00:00Z\",\"note\":null,\"colour\":\"blue\",\"depth\":0,\"share\":0,"
        "\"visible\":false,\"rank\":\"plain\"}");
}

/* What is decoded and encoded again says the same, whatever is in it. */
static void test_there_and_back(void)
{
    static const char *const members[][2] = {
        { "note", "\"x\"" },
        { "weight", "2.5" },
        { "sold", "false" },
        { "other_grade", "\"7a\"" },
        { "sold_at", "\"1969-12-31T23:59:59.000001Z\"" },
        { "old_price", "{\"amount\":-7,\"currency\":\"JPY\"}" },
        { "wrapped", "{\"width\":1,\"height\":2}" },
        { "tags", "[\"a\",\"b\"]" },
        { "scores", "[]" },
        { "scores", "[1,-2]" },
        { "prices", "[{\"amount\":1,\"currency\":\"USD\"},{\"amount\":2,\"currency\":\"EUR\"}]" },
        { "parts", "[{\"kind\":\"nail\"},{\"kind\":\"screw\",\"amount\":0}]" },
        { "extras", "{\"a\":{\"b\":[null]}}" },
        { "anything", "[1,\"two\"]" },
        { "tree", "{\"label\":\"\",\"children\":[{\"label\":\"x\"}]}" },
        { "customerId", "\"c\"" },
        { "default", "0" },
    };
    for (size_t i = 0; i < COUNT(members); i++) {
        struct ctx *ctx = fresh();
        const struct thing *thing =
            decoded(ctx, &thing_type, DECODE_STRICT, thing_with(ctx, members[i][0], members[i][1]));
        REQUIRE(thing != NULL);
        const struct json *again = json_parse(ctx, thing_encode(ctx, thing));
        CHECK(json_equal(json_get(again, members[i][0]), json_parse(ctx, str_of(members[i][1]))));
        CHECK(contract_check(ctx, &thing_type, thing));
    }
}

static void refused(const struct thing *thing, const char *sentence)
{
    struct ctx *ctx = fresh();
    CHECK(!contract_check(ctx, &thing_type, thing));
    CHECK_INT(ctx->error.code, ERR_INTERNAL);
    CHECK_STR(ctx->error.detail, sentence);
}

static void test_check(void)
{
    struct ctx *ctx = fresh();
    struct thing thing = a_thing();
    CHECK(contract_check(ctx, &thing_type, &thing));
    thing.id = (struct str){ NULL, 0 };
    refused(&thing, "/id is required");
    thing = a_thing();
    thing.name = STR("far too long");
    refused(&thing, "/name must have at most 5 characters");
    thing = a_thing();
    thing.name = STR("a\xff");
    refused(&thing, "/name is not UTF-8");
    thing = a_thing();
    thing.grade = GRADE_UNKNOWN;
    refused(&thing, "/grade must be one of plain, very-fine, 7a");
    thing = a_thing();
    thing.grade = (enum grade)99;
    refused(&thing, "/grade must be one of plain, very-fine, 7a");
    thing = a_thing();
    memset(thing.price.currency, 0, 4);
    refused(&thing, "/price/currency must be three capital letters (ISO 4217)");
    thing = a_thing();
    struct node twig = { .label = STR("x"),
                         .children = &(struct node){ .n_children = 0 },
                         .n_children = 1 };
    thing.tree = &twig;
    refused(&thing, "/tree/children/0/label is required");
    thing = a_thing();
    thing.size.width = 0.1;
    refused(&thing, "/size/width must be at least 0.5");
}

int main(void)
{
    test_least();
    test_there_and_back();
    test_check();
    arena_free(fresh()->arena);
    return check_end();
}
