/* Structs to JSON, and their check before they leave the program. */
#include "platform/contract/values.h"

static void encode_value(struct json_out *out, const struct field *field, const void *at)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_STR:
        json_put_str(out, *(const struct str *)at);
        break;
    case FIELD_INT:
        json_put_int(out, *(const int64_t *)at);
        break;
    case FIELD_DOUBLE:
        json_put_double(out, *(const double *)at);
        break;
    case FIELD_BOOL:
        json_put_bool(out, *(const bool *)at);
        break;
    case FIELD_TIME:
        json_put_time(out, *(const int64_t *)at);
        break;
    case FIELD_ENUM:
        json_put_str(out, str_of(contract_enum_name(field->members, *(const int *)at)));
        break;
    case FIELD_MONEY: {
        const struct money *money = at;
        json_object(out);
        json_key_raw(out, STR("\"amount\":"));
        json_put_int(out, money->amount);
        json_key_raw(out, STR("\"currency\":"));
        json_put_str(out, str_of(money->currency));
        json_object_end(out);
        break;
    }
    case FIELD_OBJECT:
        contract_encode(out, field->type, at);
        break;
    case FIELD_JSON:
        json_put(out, *(const struct json *const *)at);
        break;
    }
}

/* Where the value of a field is, or NULL when it is absent. */
static const void *value_at(const struct field *field, const char *base)
{
    const void *at = base + field->offset;
    bool optional = field->flags & FIELD_OPTIONAL;
    if (field->flags & FIELD_ARRAY || field->kind == FIELD_JSON)
        return *(const void *const *)at ? at : NULL;
    if (field->kind == FIELD_STR)
        return ((const struct str *)at)->ptr ? at : NULL;
    if (optional && (field->kind == FIELD_OBJECT || field->kind == FIELD_MONEY))
        return *(const void *const *)at;
    if (field->presence != UINT32_MAX && !*(const bool *)(base + field->presence))
        return NULL;
    return at;
}

static void encode_array(struct json_out *out, const struct field *field, const char *base)
{
    const char *elements = *(const char *const *)(base + field->offset);
    size_t n = *(const size_t *)(base + field->presence), size = field_size(field);
    json_array(out);
    for (size_t i = 0; elements && i < n; i++)
        encode_value(out, field, elements + i * size);
    json_array_end(out);
}

void contract_encode(struct json_out *out, const struct schema_type *type, const void *value)
{
    const char *base = value;
    json_object(out);
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct field *field = &type->fields[i];
        const void *at = value_at(field, base);
        if (!at && !(field->flags & FIELD_REQUIRED))
            continue;
        json_key_raw(out, (struct str){ field->key, field->name_length + 3u });
        if (!at && (field->flags & FIELD_NULLABLE))
            json_put_null(out);
        else if (field->flags & FIELD_ARRAY)
            encode_array(out, field, base);
        else if (at)
            encode_value(out, field, at);
        else
            json_put_null(out);
    }
    json_object_end(out);
}

struct str contract_encode_text(struct arena *arena, const struct schema_type *type,
                                const void *value)
{
    struct json_out out;
    json_out_init(&out, arena);
    contract_encode(&out, type, value);
    return json_out_str(&out);
}

/* ---- check ---- */

static bool check_object(struct walk *walk, const struct schema_type *type,
                         const struct place *place, const char *base);

static bool check_money(struct walk *walk, const struct place *place, const struct money *money)
{
    return value_currency(walk, &(struct place){ place, STR("currency"), 0 },
                          (struct str){ money->currency, strnlen(money->currency, 4) });
}

static bool check_value(struct walk *walk, const struct field *field, const struct place *place,
                        const void *at)
{
    switch ((enum field_kind)field->kind) {
    case FIELD_STR: {
        struct str text = *(const struct str *)at;
        if (!text.ptr)
            return value_fail(walk, place, "is required");
        if (!str_is_utf8(text))
            return value_fail(walk, place, "is not UTF-8");
        return value_text(walk, place, field->limits, text);
    }
    case FIELD_INT:
        return value_int(walk, place, field->limits, *(const int64_t *)at);
    case FIELD_DOUBLE:
        return value_double(walk, place, field->limits, *(const double *)at);
    case FIELD_ENUM:
        return contract_enum_name(field->members, *(const int *)at)[0] ||
               value_not_member(walk, place, field->members);
    case FIELD_MONEY:
        return check_money(walk, place, at);
    case FIELD_OBJECT:
        return check_object(walk, field->type, place, at);
    case FIELD_JSON:
        return value_json(walk, place, field->limits, *(const struct json *const *)at);
    case FIELD_BOOL:
    case FIELD_TIME:
        return true;
    }
    return false;
}

static bool check_array(struct walk *walk, const struct field *field, const struct place *place,
                        const char *base)
{
    const char *elements = *(const char *const *)(base + field->offset);
    size_t n = *(const size_t *)(base + field->presence), size = field_size(field);
    if (!value_count(walk, place, field->limits, elements ? n : 0))
        return false;
    for (size_t i = 0; elements && i < n; i++)
        if (!check_value(walk, field, &(struct place){ place, { NULL, 0 }, i },
                         elements + i * size))
            return false;
    return true;
}

static bool check_object(struct walk *walk, const struct schema_type *type,
                         const struct place *place, const char *base)
{
    for (size_t i = 0; i < type->n_fields; i++) {
        const struct field *field = &type->fields[i];
        struct place member = { place, { field->name, field->name_length }, 0 };
        const void *at = value_at(field, base);
        bool written = at || (field->flags & FIELD_REQUIRED);
        if (!written || (!at && (field->flags & FIELD_NULLABLE)))
            continue;
        if (field->flags & FIELD_ARRAY ? !check_array(walk, field, &member, base)
            : at                       ? !check_value(walk, field, &member, at)
                                       : !value_fail(walk, &member, "is required"))
            return false;
    }
    return true;
}

bool contract_check(struct ctx *ctx, const struct schema_type *type, const void *value)
{
    struct walk walk = { ctx, DECODE_STRICT, ERR_INTERNAL };
    return check_object(&walk, type, &(struct place){ NULL, STR(""), 0 }, value);
}
