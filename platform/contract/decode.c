/* JSON values into the structs that the compiler wrote, by their tables. */
#include "platform/contract/values.h"

#define FIELDS_AT_MOST 256 /* the compiler refuses more */

static bool decode_object(struct walk *walk, const struct schema_type *type,
                          const struct json *value, const struct place *place, char *out);

static const char *type_name(const struct json *value)
{
    static const char *const names[] = {
        [JSON_ABSENT] = "nothing",  [JSON_NULL] = "null",      [JSON_BOOL] = "a boolean",
        [JSON_INTEGER] = "a number", [JSON_NUMBER] = "a number", [JSON_STRING] = "a string",
        [JSON_ARRAY] = "an array",  [JSON_OBJECT] = "an object",
    };
    return names[json_type(value)];
}

static bool wrong_type(struct walk *walk, const struct place *place, const char *wanted,
                       const struct json *value)
{
    return value_fail(walk, place, "must be %s, not %s", wanted, type_name(value));
}

static bool decode_str(struct walk *walk, const struct field *field, const struct json *value,
                       const struct place *place, struct str *out)
{
    if (json_type(value) != JSON_STRING)
        return wrong_type(walk, place, "a string", value);
    *out = json_str(value);
    return value_text(walk, place, field->limits, *out);
}

static bool decode_int(struct walk *walk, const struct field_limits *limits,
                       const struct json *value, const struct place *place, int64_t *out)
{
    enum json_type type = json_type(value);
    if (type != JSON_INTEGER) {
        if (type != JSON_NUMBER)
            return wrong_type(walk, place, "an integer", value);
        double number = json_double(value);
        if (!(number >= -0x1p63 && number < 0x1p63))
            return value_fail(walk, place, "is out of the range of 64-bit integers");
        if (!json_is_integral(value))
            return value_fail(walk, place, "must be a whole number");
    }
    *out = json_int(value);
    return value_int(walk, place, limits, *out);
}

static bool decode_double(struct walk *walk, const struct field *field, const struct json *value,
                          const struct place *place, double *out)
{
    if (json_type(value) != JSON_INTEGER && json_type(value) != JSON_NUMBER)
        return wrong_type(walk, place, "a number", value);
    *out = json_double(value);
    return value_double(walk, place, field->limits, *out);
}

static bool decode_time(struct walk *walk, const struct json *value, const struct place *place,
                        int64_t *out)
{
    if (json_type(value) != JSON_STRING)
        return wrong_type(walk, place, "a time (RFC 3339)", value);
    return value_time(walk, place, json_str(value), out);
}

static bool decode_enum(struct walk *walk, const struct field *field, const struct json *value,
                        const struct place *place, int *out)
{
    if (json_type(value) != JSON_STRING)
        return wrong_type(walk, place, "a string", value);
    *out = contract_enum_parse(field->members, json_str(value));
    if (*out == 0 && walk->mode == DECODE_STRICT)
        return value_not_member(walk, place, field->members);
    return true;
}

static bool decode_money(struct walk *walk, const struct json *value, const struct place *place,
                         struct money *out)
{
    if (json_type(value) != JSON_OBJECT)
        return wrong_type(walk, place, "an object with amount and currency", value);
    const struct json *amount = NULL, *currency = NULL;
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        if (str_eq(it.key, STR("amount")))
            amount = it.value;
        else if (str_eq(it.key, STR("currency")))
            currency = it.value;
        else if (walk->mode == DECODE_STRICT)
            return value_fail(walk, &(struct place){ place, it.key, 0 }, "is not known here");
    }
    struct place at_amount = { place, STR("amount"), 0 },
                 at_currency = { place, STR("currency"), 0 };
    if (!amount || !currency)
        return value_fail(walk, amount ? &at_currency : &at_amount, "is required");
    if (!decode_int(walk, NULL, amount, &at_amount, &out->amount))
        return false;
    if (json_type(currency) != JSON_STRING)
        return wrong_type(walk, &at_currency, "a string", currency);
    if (!value_currency(walk, &at_currency, json_str(currency)))
        return false;
    memcpy(out->currency, json_str(currency).ptr, 3);
    out->currency[3] = '\0';
    return true;
}

static bool decode_bool(struct walk *walk, const struct json *value, const struct place *place,
                        bool *out)
{
    if (json_type(value) != JSON_BOOL)
        return wrong_type(walk, place, "a boolean", value);
    *out = json_bool(value);
    return true;
}

static bool decode_value(struct walk *walk, const struct field *field, const struct json *value,
                         const struct place *place, void *out)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        return decode_str(walk, field, value, place, out);
    case FIELD_INT:
        return decode_int(walk, field->limits, value, place, out);
    case FIELD_DOUBLE:
        return decode_double(walk, field, value, place, out);
    case FIELD_BOOL:
        return decode_bool(walk, value, place, out);
    case FIELD_TIME:
        return decode_time(walk, value, place, out);
    case FIELD_ENUM:
        return decode_enum(walk, field, value, place, out);
    case FIELD_MONEY:
        return decode_money(walk, value, place, out);
    case FIELD_OBJECT:
        return decode_object(walk, field->type, value, place, out);
    case FIELD_JSON:
        *(const struct json **)out = value;
        return value_json(walk, place, field->limits, value);
    }
    return false;
}

static bool decode_array(struct walk *walk, const struct field *field, const struct json *value,
                         const struct place *place, char *out)
{
    if (json_type(value) != JSON_ARRAY)
        return wrong_type(walk, place, "an array", value);
    size_t n = json_size(value), size = field_size(field);
    if (!value_count(walk, place, field->limits, n))
        return false;
    /* One byte at least: an empty array is not an absent one. */
    char *elements = arena_alloc(walk->ctx->arena, MAX(n * size, 1));
    for (struct json_iter it = json_iter(value); json_next(&it);)
        if (!decode_value(walk, field, it.value, &(struct place){ place, { NULL, 0 }, it.index },
                          elements + it.index * size))
            return false;
    *(void **)(out + field->offset) = elements;
    *(size_t *)(out + field->presence) = n;
    return true;
}

static bool is_pointer(const struct field *field)
{
    return (field->flags & FIELD_OPTIONAL) &&
           (field->kind == FIELD_OBJECT || field->kind == FIELD_MONEY);
}

static bool decode_member(struct walk *walk, const struct field *field, const struct json *value,
                          const struct place *place, char *out)
{
    if ((field->flags & FIELD_NULLABLE) && json_type(value) == JSON_NULL)
        return true;
    if (field->flags & FIELD_ARRAY)
        return decode_array(walk, field, value, place, out);
    void *at = out + field->offset;
    if (is_pointer(field))
        at = *(void **)at = arena_alloc(walk->ctx->arena, field_size(field));
    else if (field->presence != UINT32_MAX)
        *(bool *)(out + field->presence) = true;
    return decode_value(walk, field, value, place, at);
}

/* The field of that name. Writers mostly keep the order of the contract, so the search starts where it is due. */
static size_t find_field(const struct schema_type *type, struct str name, size_t due)
{
    for (size_t i = 0, at = due; i < type->n_fields; i++, at++) {
        if (at >= type->n_fields)
            at = 0;
        const struct field *field = &type->fields[at];
        if (field->name_length == name.len && memcmp(field->name, name.ptr, name.len) == 0)
            return at;
    }
    return SIZE_MAX;
}

static bool fill_absent(struct walk *walk, const struct schema_type *type, const uint64_t *seen,
                        const struct place *place, char *out)
{
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct field *field = &type->fields[i];
        if (seen[i / 64] & (1ull << (i % 64)))
            continue;
        if (field->flags & FIELD_REQUIRED) {
            struct str name = { field->name, field->name_length };
            return value_fail(walk, &(struct place){ place, name, 0 }, "is required");
        }
        if (field->flags & FIELD_DEFAULT)
            field_set_fallback(field, out);
    }
    return true;
}

static bool decode_object(struct walk *walk, const struct schema_type *type,
                          const struct json *value, const struct place *place, char *out)
{
    if (json_type(value) != JSON_OBJECT)
        return wrong_type(walk, place, "an object", value);
    uint64_t seen[FIELDS_AT_MOST / 64] = { 0 };
    size_t due = 0;
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        struct place member = { place, it.key, 0 };
        size_t at = find_field(type, it.key, due);
        if (at == SIZE_MAX) {
            if (walk->mode == DECODE_STRICT && !type->open)
                return value_fail(walk, &member, "is not known here");
            continue;
        }
        seen[at / 64] |= 1ull << (at % 64);
        due = at + 1;
        if (!decode_member(walk, &type->fields[at], it.value, &member, out))
            return false;
    }
    return fill_absent(walk, type, seen, place, out);
}

bool contract_decode(struct ctx *ctx, const struct schema_type *type, const struct json *value,
                     enum decode_mode mode, void *out)
{
    struct walk walk = { ctx, mode, ERR_INVALID };
    struct place root = { NULL, STR(""), 0 };
    char *filled = arena_alloc(ctx->arena, type->size);
    if (!decode_object(&walk, type, value, &root, filled))
        return false;
    memcpy(out, filled, type->size);
    return true;
}

bool contract_body(struct ctx *ctx, const struct operation *operation, struct str text, void *in)
{
    char *base = in;
    if (operation->body_raw_offset != UINT32_MAX)
        *(struct str *)(base + operation->body_raw_offset) = text;
    bool json = operation->body || operation->body_json_offset != UINT32_MAX;
    if (text.ptr == NULL || (text.len == 0 && json))
        return !operation->body_required || ctx_fail(ctx, ERR_MALFORMED, "a body is required");
    if (!json)
        return true;
    const struct json *value = json_parse(ctx, text);
    if (!value)
        return false;
    if (!operation->body) {
        *(const struct json **)(base + operation->body_json_offset) = value;
        return !operation->body_object || json_type(value) == JSON_OBJECT ||
               ctx_fail_at(ctx, ERR_INVALID, STR(""), "the document must be an object, not %s",
                           type_name(value));
    }
    void *body = arena_alloc(ctx->arena, operation->body->size);
    if (!contract_decode(ctx, operation->body, value, DECODE_STRICT, body))
        return false;
    *(const void **)(base + operation->body_offset) = body;
    return true;
}
