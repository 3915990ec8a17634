/* Decoding by the tables: what is taken, what is refused, and what is said about it. */
#include "platform/contract/tests/room.h"

static const struct thing *thing_of(struct ctx *ctx, const char *text)
{
    return decoded(ctx, &thing_type, DECODE_STRICT, text);
}

static void test_everything(void)
{
    struct ctx *ctx = fresh();
    const struct thing *thing = thing_of(
        ctx,
        "{\"id\":\"thg_1\",\"name\":\"L\\u00e4mp\",\"grade\":\"7a\",\"count\":-2,"
        "\"price\":{\"currency\":\"EUR\",\"amount\":-5},\"size\":{\"width\":2,\"height\":1e2},"
        "\"made_at\":\"2026-01-31T13:00:00.5+01:00\",\"note\":\"x\",\"code\":\"AB12\",\"email\":\"a@example.com\","
        "\"website\":\"https://example.com/a?b\",\"weight\":3,\"sold\":true,\"other_grade\":\"very-fine\","
        "\"sold_at\":\"1969-12-31T23:59:59Z\",\"old_price\":{\"amount\":7,\"currency\":\"JPY\"},"
        "\"wrapped\":{\"width\":0.5},\"tags\":[\"a\",\"\\u20ac\\u20ac\\u20ac\\u20ac\"],\"scores\":[],"
        "\"prices\":[{\"amount\":1,\"currency\":\"USD\"}],\"parts\":[{\"kind\":\"nail\"},{\"kind\":\"screw\",\"amount\":4.0}],"
        "\"extras\":{\"a\":[1]},\"anything\":null,\"tree\":{\"label\":\"r\",\"child\":{\"label\":\"c\"},"
        "\"children\":[{\"label\":\"d\"}]},\"colour\":\"red\",\"depth\":8,\"share\":1,\"visible\":false,\"rank\":\"plain\","
        "\"customerId\":\"c1\",\"default\":9}");
    REQUIRE(thing != NULL);
    CHECK_STR(thing->id, "thg_1");
    CHECK_STR(thing->name, "L\xc3\xa4mp");
    CHECK_INT(thing->grade, GRADE_7A);
    CHECK_INT(thing->count, -2);
    CHECK_INT(thing->price.amount, -5);
    CHECK_STR(str_of(thing->price.currency), "EUR");
    CHECK(thing->size.width == 2.0 && thing->size.has_height && thing->size.height == 100.0);
    CHECK_INT(thing->made_at, 1769860800500000);
    CHECK_STR(thing->note, "x");
    CHECK(thing->has_weight && thing->weight == 3.0 && thing->has_sold && thing->sold);
    CHECK(thing->has_other_grade);
    CHECK_INT(thing->other_grade, GRADE_VERY_FINE);
    CHECK_INT(thing->sold_at, -1000000);
    CHECK_INT(thing->old_price->amount, 7);
    CHECK(thing->wrapped->width == 0.5 && !thing->wrapped->has_height);
    CHECK_INT(thing->n_tags, 2);
    CHECK(thing->scores != NULL && thing->n_scores == 0);
    CHECK_STR(str_of(thing->prices[0].currency), "USD");
    CHECK_INT(thing->parts[0].kind, THING_PART_KIND_NAIL);
    CHECK(thing->parts[1].has_amount && thing->parts[1].amount == 4);
    CHECK_STR(json_text(ctx->arena, thing->extras), "{\"a\":[1]}");
    CHECK_INT(json_type(thing->anything), JSON_NULL);
    CHECK_STR(thing->tree->child->label, "c");
    CHECK_STR(thing->tree->children[0].label, "d");
    CHECK_STR(thing->colour, "red");
    CHECK(thing->depth == 8 && thing->share == 1.0 && !thing->visible &&
          thing->rank == GRADE_PLAIN);
    CHECK_STR(thing->customer_id, "c1");
    CHECK(thing->has_default_ && thing->default_ == 9);
}

static void test_absent(void)
{
    struct ctx *ctx = fresh();
    const struct thing *thing = thing_of(ctx, thing_with(ctx, NULL, NULL));
    REQUIRE(thing != NULL);
    CHECK(!thing->note.ptr && !thing->code.ptr && !thing->has_weight && !thing->has_sold &&
          !thing->has_other_grade);
    CHECK(!thing->old_price && !thing->wrapped && !thing->tags && !thing->n_tags &&
          !thing->extras && !thing->anything);
    CHECK_STR(thing->colour, "blue");
    CHECK(thing->depth == 7 && thing->share == 0.25 && thing->visible &&
          thing->rank == GRADE_VERY_FINE);
}

static const struct {
    const char *member, *value, *pointer, *sentence;
} refused[] = {
    { "id", NULL, "/id", "/id is required" },
    { "note", NULL, "/note", "/note is required" },
    { "what", "1", "/what", "/what is not known here" },
    { "a/b~c", "1", "/a~1b~0c", "/a~1b~0c is not known here" },
    { "id", "\"ord_1\"", "/id", "/id must be an id that begins with \"thg_\"" },
    { "id", "1", "/id", "/id must be a string, not a number" },
    { "name", "\"L\"", "/name", "/name must have at least 2 characters" },
    { "name", "\"L\xc3\xa4mpchen\"", "/name", "/name must have at most 5 characters" },
    { "name", "\"a\\u0000b\"", "/name", "/name must not hold the character U+0000" },
    { "name", "null", "/name", "/name must be a string, not null" },
    { "grade", "\"fine\"", "/grade", "/grade must be one of plain, very-fine, 7a" },
    { "grade", "\"\"", "/grade", "/grade must be one of plain, very-fine, 7a" },
    { "grade", "7", "/grade", "/grade must be a string, not a number" },
    { "count", "-3", "/count", "/count must be at least -2" },
    { "count", "11", "/count", "/count must be at most 10" },
    { "count", "1.5", "/count", "/count must be a whole number" },
    { "count", "1e300", "/count", "/count is out of the range of 64-bit integers" },
    { "count", "9223372036854775808", "/count", "/count is out of the range of 64-bit integers" },
    { "count", "\"1\"", "/count", "/count must be an integer, not a string" },
    { "price", "1999", "/price",
      "/price must be an object with amount and currency, not a number" },
    { "price", "{\"amount\":1}", "/price/currency", "/price/currency is required" },
    { "price", "{\"currency\":\"USD\"}", "/price/amount", "/price/amount is required" },
    { "price", "{\"amount\":1.5,\"currency\":\"USD\"}", "/price/amount",
      "/price/amount must be a whole number" },
    { "price", "{\"amount\":1,\"currency\":\"usd\"}", "/price/currency",
      "/price/currency must be three capital letters (ISO 4217)" },
    { "price", "{\"amount\":1,\"currency\":\"USD\",\"x\":1}", "/price/x",
      "/price/x is not known here" },
    { "size", "{}", "/size/width", "/size/width is required" },
    { "size", "{\"width\":0.25}", "/size/width", "/size/width must be at least 0.5" },
    { "size", "{\"width\":101}", "/size/width", "/size/width must be at most 100" },
    { "size", "{\"width\":true}", "/size/width", "/size/width must be a number, not a boolean" },
    { "size", "[]", "/size", "/size must be an object, not an array" },
    { "made_at", "\"2026-02-30T00:00:00Z\"", "/made_at",
      "/made_at must be a time (RFC 3339, 2026-01-31T12:00:00Z)" },
    { "made_at", "\"2026-01-31\"", "/made_at",
      "/made_at must be a time (RFC 3339, 2026-01-31T12:00:00Z)" },
    { "made_at", "0", "/made_at", "/made_at must be a time (RFC 3339), not a number" },
    { "code", "\"AB12\\n\"", "/code", "/code must match the pattern ^[A-Z]{2}\\d+$" },
    { "email", "\"a@b@c\"", "/email", "/email must be an e-mail address" },
    { "website", "\"nowhere\"", "/website", "/website must be an absolute URI" },
    { "sold", "\"true\"", "/sold", "/sold must be a boolean, not a string" },
    { "weight", "null", "/weight", "/weight must be a number, not null" },
    { "tags", "[]", "/tags", "/tags must have at least 1 element" },
    { "tags", "[\"a\",\"b\",\"c\",\"d\"]", "/tags", "/tags must have at most 3 elements" },
    { "tags", "[\"a\",\"abcde\"]", "/tags/1", "/tags/1 must have at most 4 characters" },
    { "tags", "{}", "/tags", "/tags must be an array, not an object" },
    { "scores", "[1,6]", "/scores/1", "/scores/1 must be at most 5" },
    { "parts", "[{\"kind\":\"nail\"},{\"kind\":\"glue\"}]", "/parts/1/kind",
      "/parts/1/kind must be one of screw, nail" },
    { "extras", "[]", "/extras", "/extras must be an object" },
    { "extras", "{\"a\":1,\"b\":2,\"c\":3}", "/extras", "/extras must have at most 2 members" },
    { "tree", "{\"label\":\"r\",\"children\":[{\"label\":\"c\",\"x\":1}]}", "/tree/children/0/x",
      "/tree/children/0/x is not known here" },
};

static void test_refused(void)
{
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct ctx *ctx = fresh();
        CHECK(thing_of(ctx, thing_with(ctx, refused[i].member, refused[i].value)) == NULL);
        CHECK_INT(ctx->error.code, ERR_INVALID);
        CHECK_STR(ctx->error.pointer, refused[i].pointer);
        CHECK_STR(ctx->error.detail, refused[i].sentence);
    }
    struct ctx *ctx = fresh();
    CHECK(thing_of(ctx, "[]") == NULL);
    CHECK_STR(ctx->error.pointer, "");
    CHECK_STR(ctx->error.detail, "the document must be an object, not an array");
}

static void test_untouched_on_failure(void)
{
    struct ctx *ctx = fresh();
    struct size size = { .width = 42 };
    CHECK(!size_decode(ctx, json_parse(ctx, STR("{\"width\":1,\"x\":2}")), &size));
    CHECK(size.width == 42);
}

static void test_tolerant(void)
{
    struct ctx *ctx = fresh();
    const struct thing *thing =
        decoded(ctx, &thing_type, DECODE_TOLERANT, thing_with(ctx, "grade", "\"new\""));
    CHECK(thing && thing->grade == GRADE_UNKNOWN);
    CHECK(decoded(ctx, &thing_type, DECODE_TOLERANT, thing_with(ctx, "new_member", "{}")) != NULL);
    CHECK(decoded(ctx, &thing_type, DECODE_TOLERANT,
                  thing_with(ctx, "price", "{\"amount\":1,\"currency\":\"USD\",\"exact\":true}")) !=
          NULL);
    CHECK(decoded(ctx, &thing_type, DECODE_TOLERANT, thing_with(ctx, "id", NULL)) == NULL);
}

static void test_open(void)
{
    struct ctx *ctx = fresh();
    const struct open *open =
        decoded(ctx, &open_type, DECODE_STRICT, "{\"more\":1,\"kind\":\"open\"}");
    CHECK(open && open->kind == OPEN_KIND_OPEN);
    CHECK(decoded(ctx, &open_type, DECODE_STRICT, "{\"kind\":\"closed\"}") == NULL);
    CHECK_STR(ctx->error.detail, "/kind must be open");
}

static void test_any_order(void)
{
    struct ctx *ctx = fresh();
    const struct node *node =
        decoded(ctx, &node_type, DECODE_STRICT, "{\"children\":[],\"label\":\"x\"}");
    CHECK(node && str_is(node->label, "x") && node->children);
}

static void test_enums(void)
{
    CHECK_INT(grade_parse(STR("very-fine")), GRADE_VERY_FINE);
    CHECK_INT(grade_parse(STR("")), GRADE_UNKNOWN);
    CHECK_INT(grade_parse(STR("other")), GRADE_UNKNOWN);
    CHECK(strcmp(grade_name(GRADE_7A), "7a") == 0);
    CHECK(strcmp(grade_name(GRADE_UNKNOWN), "") == 0);
    CHECK(strcmp(grade_name((enum grade)17), "") == 0);
}

int main(void)
{
    test_everything();
    test_absent();
    test_refused();
    test_untouched_on_failure();
    test_tolerant();
    test_open();
    test_any_order();
    test_enums();
    arena_free(fresh()->arena);
    return check_end();
}
