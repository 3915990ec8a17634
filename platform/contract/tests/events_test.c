/* Event types, and the functions that publish them. */
#include "platform/contract/tests/room.h"

static struct {
    const struct event_type *type;
    struct str text, key;
    int64_t time_us;
} told;

/* The log's end of publishing, as the test needs it: notes what was published last. */
bool event_publish_at(struct ctx *ctx, const struct event_type *type, const void *data,
                      int64_t time_us)
{
    told.type = type;
    told.time_us = time_us;
    told.text = contract_encode_text(ctx->arena, type->data, data);
    told.key = *(const struct str *)((const char *)data + type->key->offset);
    return true;
}

bool event_publish(struct ctx *ctx, const struct event_type *type, const void *data)
{
    return event_publish_at(ctx, type, data, 0);
}

bool event_publish_tombstone(struct ctx *ctx, const struct event_type *type, struct str key)
{
    told.type = type;
    told.key = key;
    return true;
}

static void test_types(void)
{
    CHECK_STR(str_of(SAMPLE_THING_MADE_V1_TYPE.type), "fanfare.sample.thing.made.v1");
    CHECK_STR(str_of(SAMPLE_THING_MADE_V1_TYPE.topic), "fanfare.sample.thing");
    CHECK_STR(str_of(SAMPLE_THING_MADE_V1_TYPE.subject->name), "thing_id");
    CHECK_STR(str_of(SAMPLE_THING_MADE_V1_TYPE.key->name), "maker_id");
    CHECK(SAMPLE_THING_MADE_V1_TYPE.erasable &&
          SAMPLE_THING_MADE_V1_TYPE.keeping == KEEP_COMPACTED);
    CHECK_INT(SAMPLE_THING_MADE_V1_TYPE.partitions, 3);
    CHECK(SAMPLE_THING_MADE_V1_TYPE.data == &thing_made_type);
    CHECK_STR(str_of(SAMPLE_THING_PLACE_LOST_V2_TYPE.key->name), "thing_id");
    CHECK(SAMPLE_THING_PLACE_LOST_V2_TYPE.keeping == KEEP_DAYS &&
          SAMPLE_THING_PLACE_LOST_V2_TYPE.days == 30);
    CHECK_INT(SAMPLE_THING_PLACE_LOST_V2_TYPE.partitions, 6);
    CHECK_INT(sample_contract.n_publishes, 2);
    CHECK_INT(sample_contract.n_commands, 1);
    CHECK(sample_contract.commands[0] == &SAMPLE_MAKE_THING_V1_TYPE);
    CHECK(thing_made_type.fields[2].flags & FIELD_PERSONAL);
}

static void test_publish(void)
{
    struct ctx *ctx = fresh();
    struct thing_made_part parts[] = {
        { .name = STR("leg"), .has_grade = true, .grade = THING_MADE_PART_GRADE_FINE }
    };
    struct thing_made made = { .thing_id = STR("thg_1"),
                               .maker_id = STR("prf_1"),
                               .grade = THING_MADE_GRADE_PLAIN,
                               .parts = parts,
                               .n_parts = 1,
                               .price = &(struct money){ 5, "USD" } };
    CHECK(publish_thing_made(ctx, &made));
    CHECK(told.type == &SAMPLE_THING_MADE_V1_TYPE);
    CHECK_STR(told.key, "prf_1");
    CHECK_STR(
        told.text,
        "{\"thing_id\":\"thg_1\",\"maker_id\":\"prf_1\",\"grade\":\"plain\","
        "\"parts\":[{\"name\":\"leg\",\"grade\":\"fine\"}],\"price\":{\"amount\":5,\"currency\":\"USD\"}}");
    CHECK(publish_thing_place_lost_v2_at(
        ctx, &(SAMPLE_THING_PLACE_LOST_V2_DATA){ .thing_id = STR("thg_1") }, 77));
    CHECK_INT(told.time_us, 77);
    CHECK(publish_thing_made_tombstone(ctx, STR("prf_2")));
    CHECK_STR(told.key, "prf_2");
}

static void test_read(void)
{
    struct ctx *ctx = fresh();
    const struct thing_made *made = decoded(
        ctx, &thing_made_type, DECODE_TOLERANT,
        "{\"thing_id\":\"t\",\"maker_id\":\"m\",\"grade\":\"superb\",\"parts\":[{\"name\":\"n\",\"new\":1}],\"later\":true}");
    CHECK(made && made->grade == THING_MADE_GRADE_UNKNOWN && made->n_parts == 1 && !made->price);
    const struct thing_place_lost_v2 *lost =
        decoded(ctx, &thing_place_lost_v2_type, DECODE_TOLERANT, "{\"thing_id\":\"t\"}");
    CHECK(lost && str_is(lost->where, "?"));
}

/* The schema that is registered stands alone and is closed, its examples fit. */
static void test_schemas(void)
{
    struct ctx *ctx = fresh();
    const struct json *schema = json_parse(ctx, str_of(SAMPLE_THING_MADE_V1_TYPE.schema));
    REQUIRE(schema != NULL);
    CHECK(strstr(SAMPLE_THING_MADE_V1_TYPE.schema, "common.yaml") == NULL);
    CHECK_STR(json_str(json_pointer(schema, STR("/properties/price/$ref"))), "#/$defs/Money");
    CHECK(json_pointer(schema, STR("/$defs/Money/properties/amount")) != NULL);
    CHECK_INT(json_type(json_get(schema, "additionalProperties")), JSON_BOOL);
    CHECK_INT(json_type(json_pointer(schema, STR("/$defs/part/additionalProperties"))), JSON_BOOL);
    struct thing_made made;
    for (struct json_iter it = json_iter(json_get(schema, "examples")); json_next(&it);)
        CHECK(thing_made_decode(ctx, it.value, &made));
}

int main(void)
{
    test_types();
    test_publish();
    test_read();
    test_schemas();
    arena_free(fresh()->arena);
    return check_end();
}
