/* Limits and defaults of fields. */
#include <math.h>

#include "base/clock.h"
#include "platform/contract/compiler/compiler.h"
#include "platform/contract/values.h"
#include "platform/schema/pattern.h"

void limits_neutral(struct field_limits *limits)
{
    *limits = (struct field_limits){ .least = INT64_MIN,
                                     .most = INT64_MAX,
                                     .least_d = -HUGE_VAL,
                                     .most_d = HUGE_VAL,
                                     .max_length = UINT32_MAX,
                                     .max_items = UINT32_MAX };
}

static bool count_read(struct compiler *c, struct spot spot, const char *keyword,
                       struct model_field *field, uint32_t *out)
{
    const struct json *value = json_get(spot.node, keyword);
    if (!value)
        return true;
    if (json_type(value) != JSON_INTEGER || json_int(value) < 0 || json_int(value) > INT32_MAX)
        return wrong(c, spot, "\"%s\" is a whole number that is not negative", keyword);
    *out = (uint32_t)json_int(value);
    field->limited = true;
    return true;
}

static bool integer_read(struct compiler *c, struct spot spot, const char *keyword,
                         struct model_field *field, int64_t *out)
{
    const struct json *value = json_get(spot.node, keyword);
    if (!value)
        return true;
    if (json_type(value) != JSON_INTEGER)
        return wrong(c, spot, "\"%s\" of an integer is an integer", keyword);
    *out = json_int(value);
    field->limited = true;
    return true;
}

static bool number_read(struct compiler *c, struct spot spot, const char *keyword,
                        struct model_field *field, double *out)
{
    const struct json *value = json_get(spot.node, keyword);
    if (!value)
        return true;
    if (json_type(value) != JSON_INTEGER && json_type(value) != JSON_NUMBER)
        return wrong(c, spot, "\"%s\" is a number", keyword);
    *out = json_double(value);
    field->limited = true;
    return true;
}

static bool format_read(struct compiler *c, struct spot spot, struct model_field *field)
{
    struct str name = json_str(json_get(spot.node, "format"));
    if (!json_get(spot.node, "format"))
        return true;
    field->limits.format = format_of_name(name);
    if (!field->limits.format)
        return wrong(c, spot, "the format \"" STR_FMT "\" is not supported", STR_ARG(name));
    return field->limited = true;
}

static bool pattern_read(struct compiler *c, struct spot spot, struct model_field *field)
{
    const struct json *value = json_get(spot.node, "pattern");
    if (!value)
        return true;
    if (json_type(value) != JSON_STRING)
        return wrong(c, spot, "\"pattern\" is a text");
    struct contract_pattern pattern = { .text = json_str(value).ptr };
    if (!pattern_is_one(c->arena, &pattern))
        return wrong(c, spot, "the pattern %s cannot be read", pattern.text);
    pattern_free(pattern.code);
    field->pattern = pattern.text;
    field->limited = true;
    return true;
}

static bool text_limits(struct compiler *c, struct spot spot, struct model_field *field)
{
    struct field_limits *limits = &field->limits;
    struct str prefix = json_str(json_get(spot.node, "x-id-prefix"));
    if (!count_read(c, spot, "minLength", field, &limits->min_length) ||
        !count_read(c, spot, "maxLength", field, &limits->max_length) ||
        !format_read(c, spot, field))
        return false;
    if (!prefix.ptr)
        return pattern_read(c, spot, field);
    if (!name_is_snake(prefix))
        return wrong(c, spot, "\"x-id-prefix\" is made of small letters");
    limits->id_prefix = prefix.ptr; /* its pattern is implied: see document.c */
    return field->limited = true;
}

static bool integer_format(struct compiler *c, struct spot spot, struct model_field *field)
{
    if (!json_get(spot.node, "format") || spot_is(spot, "format", "int64"))
        return true;
    if (!spot_is(spot, "format", "int32"))
        return wrong(c, spot, "the format of an integer is int32 or int64");
    field->limits.least = MAX(field->limits.least, INT32_MIN);
    field->limits.most = MIN(field->limits.most, INT32_MAX);
    return field->limited = true;
}

static bool limits_in_order(struct compiler *c, struct spot spot, const struct field_limits *limits)
{
    bool fine = limits->least <= limits->most && limits->least_d <= limits->most_d &&
                limits->min_length <= limits->max_length && limits->min_items <= limits->max_items;
    return fine || wrong(c, spot, "its least is more than its most");
}

bool limits_read(struct compiler *c, struct spot spot, struct model_field *field)
{
    struct field_limits *limits = &field->limits;
    bool fine = true;
    if (spot_is(spot, "type", "array") ||
        str_is(json_str(json_at(json_get(spot.node, "type"), 0)), "array"))
        fine = count_read(c, spot, "minItems", field, &limits->min_items) &&
               count_read(c, spot, "maxItems", field, &limits->max_items);
    else if (field->kind == FIELD_STR)
        fine = text_limits(c, spot, field);
    else if (field->kind == FIELD_INT)
        fine = integer_read(c, spot, "minimum", field, &limits->least) &&
               integer_read(c, spot, "maximum", field, &limits->most) &&
               integer_format(c, spot, field);
    else if (field->kind == FIELD_DOUBLE)
        fine = number_read(c, spot, "minimum", field, &limits->least_d) &&
               number_read(c, spot, "maximum", field, &limits->most_d);
    else if (field->kind == FIELD_JSON)
        fine = count_read(c, spot, "minProperties", field, &limits->min_length) &&
               count_read(c, spot, "maxProperties", field, &limits->max_length);
    else if (field->kind == FIELD_TIME &&
             (json_get(spot.node, "pattern") || json_get(spot.node, "minLength") ||
              json_get(spot.node, "maxLength")))
        return wrong(c, spot, "a time has no pattern and no length");
    return fine && limits_in_order(c, spot, limits);
}

/* ---- defaults ---- */

static bool fallback_enum(struct compiler *c, struct spot given, struct model_field *field)
{
    for (size_t i = 0; i < field->enumeration->n; i++)
        if (str_eq(field->enumeration->members[i], json_str(given.node))) {
            field->fallback.integer = (int64_t)i + 1;
            return true;
        }
    return wrong(c, given, "the default is not a member of the enum");
}

static bool fallback_scalar(struct compiler *c, struct spot given, struct model_field *field)
{
    struct walk walk = { &c->ctx, DECODE_STRICT, ERR_INVALID };
    struct place place = { NULL, STR(""), 0 };
    struct field_fallback *to = &field->fallback;
    enum json_type type = json_type(given.node);
    switch (field->kind) {
    case FIELD_STR:
        to->text = json_str(given.node);
        return type == JSON_STRING && value_text(&walk, &place, &field->limits, to->text);
    case FIELD_INT:
        to->integer = json_int(given.node);
        return type == JSON_INTEGER && value_int(&walk, &place, &field->limits, to->integer);
    case FIELD_DOUBLE:
        to->number = json_double(given.node);
        return (type == JSON_INTEGER || type == JSON_NUMBER) &&
               value_double(&walk, &place, &field->limits, to->number);
    case FIELD_BOOL:
        to->integer = json_bool(given.node);
        return type == JSON_BOOL;
    case FIELD_TIME:
        return type == JSON_STRING && clock_parse(json_str(given.node), false, &to->integer);
    case FIELD_ENUM:
        return fallback_enum(c, given, field);
    case FIELD_MONEY:
    case FIELD_OBJECT:
    case FIELD_JSON:
        break;
    }
    return false;
}

bool fallback_read(struct compiler *c, struct spot given, struct model_field *field)
{
    bool none = field->kind == FIELD_MONEY || field->kind == FIELD_OBJECT ||
                field->kind == FIELD_JSON;
    if (none || field->flags & (FIELD_ARRAY | FIELD_NULLABLE))
        return wrong(
            c, given,
            "only texts, numbers, booleans, times and enums that are not null have defaults");
    int before = c->errors;
    if (!fallback_scalar(c, given, field))
        return c->errors != before ? false : wrong(c, given, "the default does not fit its schema");
    field->flags |= FIELD_DEFAULT;
    return true;
}
