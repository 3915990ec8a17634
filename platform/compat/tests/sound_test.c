/* What is told to be compatible is: pairs of schemas at random, and of the values that fit the one,
 * none that the other refuses. `sound_test [PAIRS [SEED]]` */
#include <stdio.h>
#include <stdlib.h>

#include "base/tests/check.h"
#include "platform/compat/compat.h"
#include "platform/schema/schema.h"

#define DEEPEST 3

static uint64_t state;

static unsigned pick(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 11) % n);
}

static const char *one_of(const char *const *words, unsigned n)
{
    return words[pick(n)];
}

/* ---- schemas ---- */

static void put_schema(struct json_out *out, int depth);

static void put_word(struct json_out *out, const char *key, const char *word)
{
    json_key(out, key);
    json_put_raw(out, str_of(word));
}

static void put_sub(struct json_out *out, const char *key, int depth)
{
    json_key(out, key);
    put_schema(out, depth + 1);
}

static void put_list(struct json_out *out, const char *key, int depth)
{
    json_key(out, key);
    json_array(out);
    for (unsigned n = 1 + pick(3); n; n--)
        put_schema(out, depth + 1);
    json_array_end(out);
}

static void put_map(struct json_out *out, const char *key, const char *const *names, unsigned n,
                    int depth)
{
    json_key(out, key);
    json_object(out);
    for (unsigned i = 0; i < n; i++)
        if (pick(2))
            put_sub(out, names[i], depth);
    json_object_end(out);
}

static const char *const types[] = { "\"string\"",  "\"integer\"",
                                     "\"number\"",  "\"object\"",
                                     "\"array\"",   "[\"string\",\"null\"]",
                                     "\"boolean\"", "[\"integer\",\"array\",\"object\"]" };
static const char *const enums[] = {
    "[\"a\",\"ab\"]", "[\"a\",1]", "[1,2,3]", "[null,true]",
    "[[],[1]]",       "[{}]",      "[2,2.5]", "[{\"a\":1},\"ab\"]"
};
static const char *const consts[] = { "\"a\"", "1", "true", "{\"a\":1}", "[1,\"a\"]", "2.5" };
static const char *const small[] = { "0", "1", "2", "3" };
static const char *const bounds[] = { "0", "1", "1.5", "2", "3" };
static const char *const patterns[] = { "\"^a\"", "\"b\"", "\"^.$\"" };
static const char *const lists[] = { "[]", "[\"a\"]", "[\"a\",\"b\"]", "[\"b\"]" };
static const char *const members[] = { "a", "b", "c" };
static const char *const member_patterns[] = { "^a", "b" };

#define ONE_OF(words) one_of(words, COUNT(words))

static void put_scalar_keyword(struct json_out *out)
{
    switch (pick(11)) {
    case 0:
        put_word(out, "enum", ONE_OF(enums));
        break;
    case 1:
        put_word(out, "const", ONE_OF(consts));
        break;
    case 2:
        put_word(out, "minLength", ONE_OF(small));
        break;
    case 3:
        put_word(out, "maxLength", ONE_OF(small));
        break;
    case 4:
        put_word(out, "pattern", ONE_OF(patterns));
        break;
    case 5:
        put_word(out, "minimum", ONE_OF(bounds));
        break;
    case 6:
        put_word(out, "maximum", ONE_OF(bounds));
        break;
    case 7:
        put_word(out, "exclusiveMinimum", ONE_OF(bounds));
        break;
    case 8:
        put_word(out, "exclusiveMaximum", ONE_OF(bounds));
        break;
    case 9:
        put_word(out, "multipleOf", pick(2) ? "2" : "0.5");
        break;
    default:
        break;
    }
}

static void put_object_keywords(struct json_out *out, int depth)
{
    if (pick(4))
        put_map(out, "properties", members, COUNT(members), depth);
    if (pick(3) == 0)
        put_map(out, "patternProperties", member_patterns, COUNT(member_patterns), depth);
    if (pick(2))
        put_sub(out, "additionalProperties", pick(3) ? DEEPEST : depth);
    else if (pick(4) == 0)
        put_sub(out, "unevaluatedProperties", DEEPEST);
    if (pick(2))
        put_word(out, "required", ONE_OF(lists));
    if (pick(6) == 0)
        put_word(out, pick(2) ? "minProperties" : "maxProperties", ONE_OF(small));
    if (pick(8) == 0)
        put_sub(out, "propertyNames", depth);
    if (pick(8) == 0) {
        json_key(out, "dependentRequired");
        json_object(out);
        put_word(out, ONE_OF(members), ONE_OF(lists));
        json_object_end(out);
    }
    if (pick(10) == 0)
        put_map(out, "dependentSchemas", members, 1, depth);
}

static void put_array_keywords(struct json_out *out, int depth)
{
    if (pick(3) == 0)
        put_list(out, "prefixItems", depth);
    if (pick(2))
        put_sub(out, "items", depth);
    else if (pick(5) == 0)
        put_sub(out, "unevaluatedItems", DEEPEST);
    if (pick(3) == 0)
        put_word(out, "minItems", ONE_OF(small));
    if (pick(3) == 0)
        put_word(out, "maxItems", ONE_OF(small));
    if (pick(4) == 0)
        put_word(out, "uniqueItems", "true");
    if (pick(5) == 0) {
        put_sub(out, "contains", depth);
        if (pick(2))
            put_word(out, pick(2) ? "minContains" : "maxContains", ONE_OF(small));
    }
}

static void put_alternatives(struct json_out *out, int depth)
{
    switch (pick(6)) {
    case 0:
        put_list(out, "anyOf", depth);
        break;
    case 1:
        put_list(out, "oneOf", depth);
        break;
    case 2:
        put_list(out, "allOf", depth);
        break;
    case 3:
        put_sub(out, "not", depth);
        break;
    case 4:
        put_sub(out, "if", depth);
        put_sub(out, "then", depth);
        if (pick(2))
            put_sub(out, "else", depth);
        break;
    default:
        put_word(out, "$ref", pick(2) ? "\"#/$defs/x\"" : "\"#/$defs/y\"");
    }
}

static void put_schema(struct json_out *out, int depth)
{
    if (depth >= DEEPEST && pick(2)) {
        json_put_bool(out, pick(3) != 0);
        return;
    }
    json_object(out);
    if (pick(3))
        put_word(out, "type", ONE_OF(types));
    if (pick(2))
        put_scalar_keyword(out);
    if (depth < DEEPEST && pick(2))
        put_object_keywords(out, depth);
    if (depth < DEEPEST && pick(4) == 0)
        put_array_keywords(out, depth);
    if (depth < DEEPEST && pick(3) == 0)
        put_alternatives(out, depth);
    json_object_end(out);
}

static struct str schema_text(struct arena *arena)
{
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    json_key(&out, "$defs");
    json_object(&out);
    put_sub(&out, "x", 1);
    put_sub(&out, "y", 1);
    json_object_end(&out);
    put_list(&out, "allOf", 0);
    json_object_end(&out);
    return json_out_str(&out);
}

/* Another one that differs in little: one value, keyword or schema of it is made anew. */
static void put_changed(struct json_out *out, const struct json *value, int *at)
{
    if ((*at)-- == 0 && json_type(value) != JSON_STRING && json_type(value) != JSON_ARRAY) {
        if (json_type(value) == JSON_INTEGER)
            json_put_int(out, json_int(value) + (pick(2) ? 1 : json_int(value) ? -1 : 0));
        else if (json_type(value) == JSON_OBJECT || json_type(value) == JSON_BOOL)
            put_schema(out, 2);
        else
            json_put(out, value);
        return;
    }
    if (json_type(value) == JSON_OBJECT) {
        json_object(out);
        for (struct json_iter it = json_iter(value); json_next(&it);) {
            bool data = str_is(it.key, "enum") || str_is(it.key, "const");
            bool map = str_is(it.key, "$defs") || str_is(it.key, "properties") ||
                       str_is(it.key, "patternProperties") || str_is(it.key, "dependentSchemas") ||
                       str_is(it.key, "dependentRequired");
            if (*at == 0 && !map && !str_is(it.key, "allOf")) {
                (*at)--; /* left out */
                continue;
            }
            json_key_n(out, it.key);
            if (data || map || json_type(it.value) == JSON_BOOL)
                json_put(out, it.value);
            else
                put_changed(out, it.value, at);
        }
        json_object_end(out);
    } else if (json_type(value) == JSON_ARRAY) {
        json_array(out);
        for (struct json_iter it = json_iter(value); json_next(&it);)
            if (json_type(it.value) == JSON_STRING)
                json_put(out, it.value);
            else
                put_changed(out, it.value, at);
        json_array_end(out);
    } else {
        json_put(out, value);
    }
}

static struct str changed_text(struct arena *arena, const struct json *schema)
{
    struct json_out out;
    int at = (int)pick(20);
    json_out_init(&out, arena);
    put_changed(&out, schema, &at);
    return json_out_str(&out);
}

/* ---- values ---- */

static const char *const leaves[] = { "null",  "true",   "false",   "0",  "1",    "2",
                                      "3",     "1.5",    "2.5",     "-1", "\"\"", "\"a\"",
                                      "\"b\"", "\"ab\"", "\"abc\"", "[]", "{}" };

static void put_value(struct json_out *out, int depth)
{
    unsigned kind = depth < 2 ? pick(3) : 2;
    if (kind == 0) {
        static const char *const names[] = { "a", "b", "c", "ab", "x" };
        json_object(out);
        for (unsigned i = 0; i < COUNT(names); i++) {
            if (pick(3))
                continue;
            json_key(out, names[i]);
            put_value(out, depth + 1);
        }
        json_object_end(out);
    } else if (kind == 1) {
        json_array(out);
        for (unsigned n = pick(4); n; n--)
            put_value(out, depth + 1);
        json_array_end(out);
    } else {
        json_put_raw(out, str_of(ONE_OF(leaves)));
    }
}

#define VALUES 400

static const struct json *values[VALUES];

static void make_values(struct arena *arena)
{
    for (size_t i = 0; i < VALUES; i++) {
        struct ctx ctx = { .arena = arena };
        struct json_out out;
        json_out_init(&out, arena);
        if (i < COUNT(leaves))
            json_put_raw(&out, str_of(leaves[i]));
        else
            put_value(&out, 0);
        values[i] = json_parse(&ctx, json_out_str(&out));
        REQUIRE(values[i] != NULL);
    }
}

/* ---- judging ---- */

static bool fits(struct arena *arena, const struct schema *schema, const struct json *value)
{
    struct ctx ctx = { .arena = arena };
    return schema_validate(&ctx, schema, value);
}

/* What a registry takes although it is not certain. */
static bool is_certain(const struct compat_findings *findings)
{
    for (size_t i = 0; i < findings->n; i++)
        if (findings->items[i].severity == COMPAT_BREAKING ||
            strcmp(findings->items[i].rule, "alternatives-overlap") == 0)
            return false;
    return true;
}

struct side {
    struct str text;
    const struct json *json;
    struct schema *schema;
};

static bool side_make(struct arena *arena, struct str text, struct side *out)
{
    struct ctx ctx = { .arena = arena };
    out->text = text;
    out->json = json_parse(&ctx, text);
    out->schema = out->json ? schema_compile(&ctx, out->json, &(struct schema_options){ 0 }) : NULL;
    return out->schema != NULL;
}

static bool check_direction(struct arena *arena, const struct side *old, const struct side *new,
                            enum compat_direction direction)
{
    struct ctx ctx = { .arena = arena };
    struct compat_findings findings = { 0 };
    const struct side *writer = direction == COMPAT_BACKWARD ? old : new,
                      *reader = direction == COMPAT_BACKWARD ? new : old;
    bool judged = compat_json_schema(&ctx, &(struct compat_document){ .root = old->json },
                                     &(struct compat_document){ .root = new->json }, direction,
                                     &findings);
    CHECK(judged);
    if (!is_certain(&findings))
        return false;
    for (size_t i = 0; i < VALUES; i++) {
        if (!fits(arena, writer->schema, values[i]) || fits(arena, reader->schema, values[i]))
            continue;
        CHECK(!"a value of the one is refused by the other");
        fprintf(stderr,
                "  written by " STR_FMT "\n  read by    " STR_FMT "\n  value      " STR_FMT "\n",
                STR_ARG(writer->text), STR_ARG(reader->text), STR_ARG(json_text(arena, values[i])));
        break;
    }
    return true;
}

int main(int argc, char **argv)
{
    int pairs = argc > 1 ? atoi(argv[1]) : 4000, compatible = 0, made = 0;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 88172645463325252ull;
    CLEANUP(arena_freep) struct arena *kept = arena_new(0);
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    make_values(kept);
    for (int i = 0; i < pairs; i++) {
        struct side old = { 0 }, new = { 0 };
        if (side_make(arena, schema_text(arena), &old) &&
            side_make(arena, pick(4) ? changed_text(arena, old.json) : schema_text(arena), &new)) {
            made++;
            compatible += check_direction(arena, &old, &new, COMPAT_BACKWARD);
            compatible += check_direction(arena, &old, &new, COMPAT_FORWARD);
        }
        schema_free(old.schema);
        schema_free(new.schema);
        arena_clear(arena);
        if (checks_failed > 5)
            break;
    }
    printf("%d pairs, %d of %d directions told to be compatible\n", made, compatible, 2 * made);
    CHECK(compatible > made / 10); /* what takes nothing proves nothing */
    return check_end();
}
