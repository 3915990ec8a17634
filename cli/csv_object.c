/* From rows of text to an object, by the tables of the contract. */
#include "cli/csv.h"
#include "cli/csv_consents.h"
#include "cli/mapping.h"

struct maker {
    struct ctx *ctx;
    const struct csv_header *header;
    struct csv_row *const *rows;
    size_t first, end; /* of the rows: those that arrays take their elements from */
    const struct record_shape *shape;
    struct json_out out;
};

static bool object_put(struct maker *maker, const struct schema_type *type, struct str prefix,
                       size_t row);

static struct str cell(const struct maker *maker, size_t row, struct str name)
{
    int column = csv_column(maker->header, name);
    const struct csv_row *from = maker->rows[row];
    if (column < 0 || (size_t)column >= from->n || from->cells[column].len == 0)
        return mapping_value(maker->shape->mapping, name);
    return from->cells[column];
}

static struct str path_of(struct maker *maker, struct str prefix, const char *name)
{
    return arena_printf(maker->ctx->arena, STR_FMT "%s", STR_ARG(prefix), name);
}

static bool wrong(struct maker *maker, struct str path, struct str text, const char *wanted)
{
    return ctx_fail(maker->ctx, ERR_INVALID, "column " STR_FMT ": \"" STR_FMT "\" is not %s",
                    STR_ARG(path), STR_ARG(text), wanted);
}

static bool scalar_put(struct maker *maker, const struct field *field, struct str path,
                       struct str text)
{
    int64_t integer;
    double number;
    switch ((enum field_kind)field->kind) {
    case FIELD_INT:
        if (!str_to_int(text, &integer))
            return wrong(maker, path, text, "a whole number");
        json_put_int(&maker->out, integer);
        return true;
    case FIELD_DOUBLE:
        if (!str_to_double(text, &number))
            return wrong(maker, path, text, "a number");
        json_put_double(&maker->out, number);
        return true;
    case FIELD_BOOL:
        if (!str_is(text, "true") && !str_is(text, "false"))
            return wrong(maker, path, text, "true or false");
        json_put_bool(&maker->out, str_is(text, "true"));
        return true;
    default:
        if (!str_is_utf8(text))
            return wrong(maker, path, STR("..."), "UTF-8");
        json_put_str(&maker->out, text);
        return true;
    }
}

/* "price.amount" in minor units, or "price" as a decimal; the currency beside it, or the import's own. */
static bool money_put(struct maker *maker, const struct field *field, struct str path, size_t row)
{
    struct str minor = cell(maker, row, path_of(maker, path, ".amount")),
               decimal = cell(maker, row, path);
    struct str currency = cell(maker, row, path_of(maker, path, ".currency"));
    int64_t amount = 0;
    if (!minor.ptr && !decimal.ptr)
        return true;
    if (!currency.ptr)
        currency = str_of(maker->shape->currency);
    if (!currency.ptr)
        return ctx_fail(maker->ctx, ERR_INVALID,
                        "column " STR_FMT ".currency is missing, and no --currency is given",
                        STR_ARG(path));
    int exponent = money_exponent(arena_cstr(maker->ctx->arena, currency));
    if (minor.ptr ? !str_to_int(minor, &amount)
                  : !money_parse(decimal, exponent < 0 ? 2 : exponent, &amount))
        return wrong(maker, path, minor.ptr ? minor : decimal, "an amount");
    json_key(&maker->out, field->name);
    json_object(&maker->out);
    json_key(&maker->out, "amount");
    json_put_int(&maker->out, amount);
    json_key(&maker->out, "currency");
    json_put_str(&maker->out, currency);
    json_object_end(&maker->out);
    return true;
}

/* All columns "traits.*" as members of an open object, as text. */
static bool open_put(struct maker *maker, const struct field *field, struct str path, size_t row)
{
    struct str inside = path_of(maker, path, ".");
    bool any = false;
    for (size_t i = 0; i < maker->header->n; i++) {
        struct str name = maker->header->names[i], value = cell(maker, row, name);
        if (!str_starts(name, inside) || !value.ptr)
            continue;
        if (!str_is_utf8(value))
            return wrong(maker, name, STR("..."), "UTF-8");
        if (!any) {
            json_key(&maker->out, field->name);
            json_object(&maker->out);
        }
        any = true;
        json_key_n(&maker->out, (struct str){ name.ptr + inside.len, name.len - inside.len });
        json_put_str(&maker->out, value);
    }
    if (any)
        json_object_end(&maker->out);
    return true;
}

static bool has_columns(const struct maker *maker, struct str prefix)
{
    for (size_t i = 0; i < maker->header->n; i++)
        if (str_starts(maker->header->names[i], prefix))
            return true;
    return false;
}

/* An element for each row; absent where the file has no columns for it. */
static bool array_put(struct maker *maker, const struct field *field, struct str path)
{
    struct str inside = path_of(maker, path, ".");
    if (!has_columns(maker, inside))
        return true;
    json_key(&maker->out, field->name);
    json_array(&maker->out);
    struct maker all = *maker;
    for (size_t row = all.first; row < all.end; row++) {
        maker->first = row; /* arrays inside an element are of its row */
        maker->end = row + 1;
        if (!object_put(maker, field->type, inside, row))
            return false;
    }
    maker->first = all.first;
    maker->end = all.end;
    json_array_end(&maker->out);
    return true;
}

/* The same of plain values: what the rows have in the column. */
static bool values_put(struct maker *maker, const struct field *field, struct str path)
{
    if (csv_column(maker->header, path) < 0)
        return true;
    json_key(&maker->out, field->name);
    json_array(&maker->out);
    for (size_t row = maker->first; row < maker->end; row++) {
        struct str text = cell(maker, row, path);
        if (text.ptr && !scalar_put(maker, field, path, text))
            return false;
    }
    json_array_end(&maker->out);
    return true;
}

static bool field_put(struct maker *maker, const struct field *field, struct str path, size_t row)
{
    if (field->kind == FIELD_MONEY)
        return money_put(maker, field, path, row);
    if (field->kind == FIELD_JSON)
        return open_put(maker, field, path, row);
    if (field->kind == FIELD_OBJECT)
        return (field->flags & FIELD_ARRAY) ? array_put(maker, field, path) : true;
    if (field->flags & FIELD_ARRAY)
        return values_put(maker, field, path);
    struct str text = cell(maker, row, path);
    if (!text.ptr)
        return true;
    json_key(&maker->out, field->name);
    return scalar_put(maker, field, path, text);
}

static bool object_put(struct maker *maker, const struct schema_type *type, struct str prefix,
                       size_t row)
{
    json_object(&maker->out);
    for (size_t i = 0; i < type->n_fields; i++)
        if (!field_put(maker, &type->fields[i], path_of(maker, prefix, type->fields[i].name), row))
            return false;
    json_object_end(&maker->out);
    return true;
}

struct str csv_object(struct ctx *ctx, const struct csv_header *header, struct csv_row *const *rows,
                      size_t n, const struct record_shape *shape)
{
    struct maker maker = { ctx, header, rows, 0, n, shape, { 0 } };
    json_out_init(&maker.out, ctx->arena);
    if (ctx_failed(ctx) || !object_put(&maker, shape->type, STR(""), 0))
        return (struct str){ NULL, 0 };
    return json_out_str(&maker.out);
}

/* ---- is there such a column? ---- */

static bool member_known(const struct field *field, struct str rest);

/* "lines.price.amount": a member of the type, and of what is inside. */
static bool path_known(const struct schema_type *type, struct str path)
{
    for (size_t i = 0; i < type->n_fields; i++) {
        struct str name = { type->fields[i].name, type->fields[i].name_length }, rest = path;
        if (!str_starts(path, name))
            continue;
        rest.ptr += name.len;
        rest.len -= name.len;
        if ((rest.len == 0 || rest.ptr[0] == '.') && member_known(&type->fields[i], rest))
            return true;
    }
    return false;
}

static bool member_known(const struct field *field, struct str rest)
{
    if (field->kind == FIELD_MONEY)
        return rest.len == 0 || str_is(rest, ".amount") || str_is(rest, ".currency");
    if (field->kind == FIELD_JSON)
        return rest.len > 1;
    if (field->kind == FIELD_OBJECT)
        return (field->flags & FIELD_ARRAY) && rest.len > 1 &&
               path_known(field->type, (struct str){ rest.ptr + 1, rest.len - 1 });
    return rest.len == 0;
}

bool csv_member_known(const struct record_shape *shape, struct str member)
{
    return (shape->id && str_is(member, shape->id)) || path_known(shape->type, member) ||
           (shape->consents && csv_consent_known(member));
}

bool csv_header_check(struct ctx *ctx, const struct csv_header *header,
                      const struct record_shape *shape)
{
    const char *id = shape->id_from_email ? "email" : shape->id;
    if (id && csv_column(header, str_of(id)) < 0)
        return ctx_fail(ctx, ERR_INVALID, "there is no column %s", id);
    for (size_t i = 0; shape->mapping && i < shape->mapping->n_set; i++)
        if (!csv_member_known(shape, shape->mapping->set[i].from))
            return ctx_fail(ctx, ERR_INVALID,
                            "\"" STR_FMT "\", which --set names, is not in the contract",
                            STR_ARG(shape->mapping->set[i].from));
    for (size_t i = 0; i < header->n; i++)
        if ((header->names[i].len || !shape->mapping) && !csv_member_known(shape, header->names[i]))
            return ctx_fail(ctx, ERR_INVALID, "the column \"" STR_FMT "\" is not in the contract",
                            STR_ARG(header->names[i]));
    return true;
}
