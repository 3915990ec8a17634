#include "platform/contract/values.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"
#include "platform/schema/format.h"

/* RFC 6901: '~' and '/' of a name are written ~0 and ~1. */
static void append_name(struct arena *arena, struct str *pointer, struct str name)
{
    char *text = arena_alloc_raw(arena, pointer->len + 2 * name.len + 2);
    char *at = text;
    if (pointer->len)
        memcpy(at, pointer->ptr, pointer->len);
    at += pointer->len;
    *at++ = '/';
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '~' || c == '/')
            *at++ = '~';
        *at++ = c == '~' ? '0' : c == '/' ? '1' : c;
    }
    *at = '\0';
    *pointer = (struct str){ text, (size_t)(at - text) };
}

static struct str pointer_of(struct arena *arena, const struct place *place)
{
    if (!place->up)
        return place->name;
    struct str pointer = pointer_of(arena, place->up);
    char digits[24];
    struct str name = place->name;
    if (!name.ptr)
        name =
            (struct str){ digits, (size_t)snprintf(digits, sizeof(digits), "%zu", place->index) };
    append_name(arena, &pointer, name);
    return pointer;
}

bool value_fail(struct walk *walk, const struct place *place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str sentence = arena_vprintf(walk->ctx->arena, format, args);
    va_end(args);
    struct str pointer = pointer_of(walk->ctx->arena, place);
    if (pointer.len == 0)
        return ctx_fail_at(walk->ctx, walk->code, pointer, "the document " STR_FMT,
                           STR_ARG(sentence));
    return ctx_fail_at(walk->ctx, walk->code, pointer, STR_FMT " " STR_FMT, STR_ARG(pointer),
                       STR_ARG(sentence));
}

static const char *plural(uint32_t n)
{
    return n == 1 ? "" : "s";
}

static bool text_length(struct walk *walk, const struct place *place,
                        const struct field_limits *limits, struct str text)
{
    /* A text of n bytes has n/4 to n code points: most need no counting. */
    bool may_be_short = text.len / 4 < limits->min_length,
         may_be_long = text.len > limits->max_length;
    if (!may_be_short && !may_be_long)
        return true;
    size_t n = str_utf8_length(text);
    if (n < limits->min_length)
        return value_fail(walk, place, "must have at least %u character%s", limits->min_length,
                          plural(limits->min_length));
    if (n > limits->max_length)
        return value_fail(walk, place, "must have at most %u character%s", limits->max_length,
                          plural(limits->max_length));
    return true;
}

bool value_text(struct walk *walk, const struct place *place, const struct field_limits *limits,
                struct str text)
{
    if (memchr(text.ptr, '\0', text.len))
        return value_fail(walk, place, "must not hold the character U+0000");
    if (!limits)
        return true;
    if (!text_length(walk, place, limits, text))
        return false;
    if (limits->id_prefix && !id_has_prefix(text, limits->id_prefix))
        return value_fail(walk, place, "must be an id that begins with \"%s_\"", limits->id_prefix);
    if (limits->format && !format_fits(limits->format, text))
        return value_fail(walk, place, "must be %s", format_sentence(limits->format));
    if (limits->pattern && !pattern_fits(walk->ctx->arena, limits->pattern, text))
        return value_fail(walk, place, "must match the pattern %s", limits->pattern->text);
    return true;
}

bool value_int(struct walk *walk, const struct place *place, const struct field_limits *limits,
               int64_t value)
{
    if (limits && value < limits->least)
        return value_fail(walk, place, "must be at least %lld", (long long)limits->least);
    if (limits && value > limits->most)
        return value_fail(walk, place, "must be at most %lld", (long long)limits->most);
    return true;
}

bool value_double(struct walk *walk, const struct place *place, const struct field_limits *limits,
                  double value)
{
    if (limits && !(value >= limits->least_d))
        return value_fail(walk, place, "must be at least %g", limits->least_d);
    if (limits && !(value <= limits->most_d))
        return value_fail(walk, place, "must be at most %g", limits->most_d);
    return true;
}

bool value_count(struct walk *walk, const struct place *place, const struct field_limits *limits,
                 size_t n)
{
    if (limits && n < limits->min_items)
        return value_fail(walk, place, "must have at least %u element%s", limits->min_items,
                          plural(limits->min_items));
    if (limits && n > limits->max_items)
        return value_fail(walk, place, "must have at most %u element%s", limits->max_items,
                          plural(limits->max_items));
    return true;
}

bool value_json(struct walk *walk, const struct place *place, const struct field_limits *limits,
                const struct json *value)
{
    if (!limits || !limits->object)
        return true;
    if (json_type(value) != JSON_OBJECT)
        return value_fail(walk, place, "must be an object");
    size_t n = json_size(value);
    if (n < limits->min_length)
        return value_fail(walk, place, "must have at least %u member%s", limits->min_length,
                          plural(limits->min_length));
    if (n > limits->max_length)
        return value_fail(walk, place, "must have at most %u member%s", limits->max_length,
                          plural(limits->max_length));
    return true;
}

bool value_time(struct walk *walk, const struct place *place, struct str text, int64_t *us)
{
    return (format_date_time(text) && clock_parse(text, false, us)) ||
           value_fail(walk, place, "must be a time (RFC 3339, 2026-01-31T12:00:00Z)");
}

bool value_currency(struct walk *walk, const struct place *place, struct str currency)
{
    bool fits = currency.len == 3;
    for (size_t i = 0; fits && i < 3; i++)
        fits = currency.ptr[i] >= 'A' && currency.ptr[i] <= 'Z';
    return fits || value_fail(walk, place, "must be three capital letters (ISO 4217)");
}

bool value_not_member(struct walk *walk, const struct place *place, const char *const *members)
{
    struct str list = { "", 0 };
    for (size_t i = 1; members[i]; i++)
        list = arena_printf(walk->ctx->arena, STR_FMT "%s%s", STR_ARG(list), i > 1 ? ", " : "",
                            members[i]);
    bool one = !members[1] || !members[2];
    return value_fail(walk, place, "must be %s" STR_FMT, one ? "" : "one of ", STR_ARG(list));
}

const char *contract_enum_name(const char *const *members, int value)
{
    for (int i = 0; i < value; i++)
        if (!members[i])
            return "";
    return value > 0 && members[value] ? members[value] : "";
}

int contract_enum_parse(const char *const *members, struct str text)
{
    for (int i = 1; members[i]; i++)
        if (str_is(text, members[i]))
            return i;
    return 0;
}

size_t field_size(const struct field *field)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        return sizeof(struct str);
    case FIELD_INT:
    case FIELD_TIME:
        return sizeof(int64_t);
    case FIELD_DOUBLE:
        return sizeof(double);
    case FIELD_BOOL:
        return sizeof(bool);
    case FIELD_ENUM:
        return sizeof(int);
    case FIELD_MONEY:
        return sizeof(struct money);
    case FIELD_OBJECT:
        return field->type->size;
    case FIELD_JSON:
        return sizeof(const struct json *);
    }
    return 0;
}

void field_set_fallback(const struct field *field, char *out)
{
    void *at = out + field->offset;
    const struct field_fallback *fallback = field->fallback;
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        *(struct str *)at = fallback->text;
        break;
    case FIELD_INT:
    case FIELD_TIME:
        *(int64_t *)at = fallback->integer;
        break;
    case FIELD_DOUBLE:
        *(double *)at = fallback->number;
        break;
    case FIELD_BOOL:
        *(bool *)at = fallback->integer != 0;
        break;
    case FIELD_ENUM:
        *(int *)at = (int)fallback->integer;
        break;
    case FIELD_MONEY:
    case FIELD_OBJECT:
    case FIELD_JSON:
        break; /* the compiler gives them none */
    }
}
