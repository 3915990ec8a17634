/* Types and values, and how they are told. */
#include "platform/compat/compare.h"

#define VALUES_TOLD 8 /* of a long list, so many */

static const struct {
    const char *name;
    unsigned bits;
} type_names[] = {
    { "null", TYPE_NULL },     { "boolean", TYPE_BOOL }, { "integer", TYPE_INTEGER },
    { "number", TYPE_NUMBER }, { "string", TYPE_STRING }, { "array", TYPE_ARRAY },
    { "object", TYPE_OBJECT },
};

static unsigned type_of_name(struct str name)
{
    for (size_t i = 0; i < COUNT(type_names); i++)
        if (str_is(name, type_names[i].name))
            return type_names[i].bits;
    return TYPE_ALL;
}

unsigned types_of(const struct node *schema)
{
    const struct json *type = json_get(schema->json, "type");
    unsigned types = 0;
    if (json_type(type) == JSON_STRING)
        types = type_of_name(json_str(type));
    else if (json_type(type) == JSON_ARRAY)
        for (struct json_iter it = json_iter(type); json_next(&it);)
            types |= type_of_name(json_str(it.value));
    else
        return TYPE_ALL;
    if (json_bool(json_get(schema->json, "nullable"))) /* OpenAPI 3.0 */
        types |= TYPE_NULL;
    return types;
}

unsigned type_of_value(const struct json *value)
{
    switch (json_type(value)) {
    case JSON_NULL:
        return TYPE_NULL;
    case JSON_BOOL:
        return TYPE_BOOL;
    case JSON_INTEGER:
        return TYPE_INTEGER;
    case JSON_NUMBER:
        return json_is_integral(value) ? TYPE_INTEGER : TYPE_FRACTION;
    case JSON_STRING:
        return TYPE_STRING;
    case JSON_ARRAY:
        return TYPE_ARRAY;
    case JSON_OBJECT:
        return TYPE_OBJECT;
    case JSON_ABSENT:
        break;
    }
    return 0;
}

struct str types_text(struct arena *arena, unsigned types)
{
    static const struct {
        unsigned bits;
        const char *text;
    } words[] = {
        { TYPE_STRING, "text" },
        { TYPE_NUMBER, "a number" },
        { TYPE_INTEGER, "a whole number" },
        { TYPE_FRACTION, "a number with a fraction" },
        { TYPE_BOOL, "true or false" },
        { TYPE_ARRAY, "an array" },
        { TYPE_OBJECT, "an object" },
        { TYPE_NULL, "null" },
    };
    if (types == TYPE_ALL)
        return STR("anything");
    struct str out = { "", 0 };
    for (size_t i = 0; i < COUNT(words); i++) {
        if ((types & words[i].bits) != words[i].bits)
            continue;
        types &= ~words[i].bits;
        out =
            arena_printf(arena, STR_FMT "%s%s", STR_ARG(out), out.len ? " or " : "", words[i].text);
    }
    return out;
}

struct str values_text(struct arena *arena, const struct json *array)
{
    struct str out = { "", 0 };
    for (struct json_iter it = json_iter(array); json_next(&it);) {
        if (it.index == VALUES_TOLD)
            return arena_printf(arena, STR_FMT ", ... (%zu)", STR_ARG(out), json_size(array));
        out = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(out), it.index ? ", " : "",
                           STR_ARG(json_text(arena, it.value)));
    }
    return out;
}

bool value_in(const struct json *array, const struct json *value)
{
    for (struct json_iter it = json_iter(array); json_next(&it);)
        if (json_equal(it.value, value))
            return true;
    return false;
}
