/* Schemas into the model: structs, enums and their fields. */
#include <ctype.h>

#include "platform/contract/compiler/compiler.h"

#define FIELDS_AT_MOST 256 /* of one struct: the runtime's bits for what it has seen */
#define NESTED_AT_MOST 32

/* What a schema may say, by its type; all else is refused, so that nothing is promised that is not kept. */
static const struct {
    const char *type, *keywords;
} supported[] = {
    { "string", " minLength maxLength pattern format enum const " },
    { "integer", " minimum maximum format " },
    { "number", " minimum maximum format " },
    { "boolean", " " },
    { "array", " items minItems maxItems " },
    { "object", " properties required additionalProperties minProperties maxProperties " },
};
static const char everywhere[] =
    " type title description default example examples deprecated readOnly writeOnly "
    "$schema $id $defs $comment $ref ";

static bool is_word(const char *list, struct str word)
{
    char key[64];
    if (word.len + 3 > sizeof(key))
        return false;
    snprintf(key, sizeof(key), " " STR_FMT " ", STR_ARG(word));
    return strstr(list, key) != NULL;
}

static bool keywords_fit(struct compiler *c, struct spot spot, struct str type)
{
    const char *allowed = NULL;
    for (size_t i = 0; i < COUNT(supported); i++)
        if (str_is(type, supported[i].type))
            allowed = supported[i].keywords;
    if (!allowed)
        return wrong(c, spot, "type \"" STR_FMT "\" is not supported", STR_ARG(type));
    bool fine = true;
    for (struct json_iter it = json_iter(spot.node); json_next(&it);)
        if (!str_starts(it.key, STR("x-")) && !is_word(everywhere, it.key) &&
            !is_word(allowed, it.key))
            fine = wrong(c, spot, "\"" STR_FMT "\" is not supported for type " STR_FMT,
                         STR_ARG(it.key), STR_ARG(type));
    return fine;
}

/* `true`, `{}`, or only words about it: any JSON. */
static bool is_anything(const struct json *node)
{
    if (json_type(node) == JSON_BOOL)
        return json_bool(node);
    for (struct json_iter it = json_iter(node); json_next(&it);)
        if (!str_starts(it.key, STR("x-")) &&
            !is_word(" title description example examples $comment ", it.key))
            return false;
    return json_type(node) == JSON_OBJECT;
}

/* "string", or ["string", "null"]. */
static bool read_type(struct compiler *c, struct spot spot, struct str *type, bool *nullable)
{
    const struct json *node = json_get(spot.node, "type");
    *nullable = false;
    if (json_type(node) == JSON_STRING) {
        *type = json_str(node);
        return true;
    }
    if (json_type(node) == JSON_ARRAY && json_size(node) == 2 &&
        str_is(json_str(json_at(node, 1)), "null")) {
        *type = json_str(json_at(node, 0));
        *nullable = true;
        return true;
    }
    for (struct json_iter it = json_iter(spot.node); json_next(&it);)
        if (str_is(it.key, "oneOf") || str_is(it.key, "anyOf") || str_is(it.key, "allOf") ||
            str_is(it.key, "not") || str_is(it.key, "if"))
            return wrong(c, spot,
                         "\"" STR_FMT
                         "\" is not supported: a contract names one shape for each value",
                         STR_ARG(it.key));
    return wrong(c, spot, "\"type\" is required: a string, or [type, \"null\"]");
}

const char *model_ref_name(struct compiler *c, struct spot spot)
{
    if (!json_get(spot.node, "$ref"))
        return NULL;
    struct spot at = spot;
    if (!spot_follow(c, &at))
        return NULL;
    ptrdiff_t slash = -1;
    for (size_t i = 0; i < at.pointer.len; i++)
        if (at.pointer.ptr[i] == '/')
            slash = (ptrdiff_t)i;
    struct str last = { at.pointer.ptr + slash + 1, at.pointer.len - (size_t)(slash + 1) };
    return arena_printf(c->arena, "%s%s", spot.document->prefix, name_snake(c->arena, last)).ptr;
}

/* ---- enums ---- */

static bool enum_member(struct compiler *c, struct model_enum *made, struct spot spot,
                        const struct json *value)
{
    struct str text = json_str(value);
    if (json_type(value) != JSON_STRING || text.len == 0)
        return wrong(c, spot, "the members of an enum are texts");
    const char *upper = name_upper(c->arena, text.ptr);
    if (strcmp(upper, "UNKNOWN") == 0)
        return wrong(c, spot,
                     "\"" STR_FMT "\": what readers do not know is called that; choose another",
                     STR_ARG(text));
    const char *constant = arena_printf(c->arena, "%s_%s", made->upper, upper).ptr;
    for (size_t i = 0; i < made->n; i++)
        if (strcmp(made->constants[i], constant) == 0)
            return wrong(c, spot, "\"" STR_FMT "\" and \"" STR_FMT "\" have one name in C",
                         STR_ARG(text), STR_ARG(made->members[i]));
    made->members[made->n] = text;
    made->constants[made->n++] = constant;
    return true;
}

struct model_enum *model_enum_of(struct compiler *c, struct model *model, const char *name,
                                 struct spot spot)
{
    for (struct model_enum *at = model->enums; at; at = at->next)
        if (strcmp(at->name, name) == 0 && str_eq(at->spot.pointer, spot.pointer))
            return at;
    if (!name_take(c, name, spot))
        return NULL;
    const struct json *list = json_get(spot.node, "enum"), *only = json_get(spot.node, "const");
    struct model_enum *made = ARENA_NEW(c->arena, struct model_enum);
    made->name = name;
    made->upper = name_upper(c->arena, name);
    made->spot = spot;
    made->description = json_str(json_get(spot.node, "description"));
    made->members = ARENA_ARRAY(c->arena, struct str, json_size(list) + 1);
    made->constants = ARENA_ARRAY(c->arena, const char *, json_size(list) + 1);
    if (only && !enum_member(c, made, spot, only))
        return NULL;
    for (struct json_iter it = json_iter(only ? NULL : list); json_next(&it);)
        if (json_type(it.value) != JSON_NULL && !enum_member(c, made, spot, it.value))
            return NULL;
    if (made->n == 0) {
        wrong(c, spot, "an enum has members");
        return NULL;
    }
    struct model_enum **last = &model->enums;
    while (*last)
        last = &(*last)->next;
    *last = made;
    return made;
}

/* ---- structs ---- */

static bool is_required(const struct json *object, struct str name)
{
    for (struct json_iter it = json_iter(json_get(object, "required")); json_next(&it);)
        if (str_eq(json_str(it.value), name))
            return true;
    return false;
}

/* How many of the C members that two fields make have one name? "has_x" and "n_x" count too. */
static bool fields_clash(const struct model_field *a, const struct model_field *b)
{
    const char *forms[] = { "", "has_", "n_" };
    for (size_t i = 0; i < COUNT(forms); i++) {
        size_t n = strlen(forms[i]);
        if (strncmp(a->name, forms[i], n) == 0 && strcmp(a->name + n, b->name) == 0)
            return true;
        if (strncmp(b->name, forms[i], n) == 0 && strcmp(b->name + n, a->name) == 0)
            return true;
    }
    return false;
}

/* Names go into C and JSON as they are. */
static bool name_fits(struct compiler *c, struct spot member, struct str name)
{
    bool fine = name.len > 0 && name.len <= 100;
    for (size_t i = 0; i < name.len; i++)
        fine &= isalnum((unsigned char)name.ptr[i]) || strchr("_-.$@:/ ", name.ptr[i]);
    return fine ||
           wrong(c, member, "a member's name is made of letters, digits and _-.$@:/ (100 at most)");
}

static bool struct_field(struct compiler *c, struct model *model, struct model_struct *made,
                         struct spot member, struct str name)
{
    struct model_field *field = &made->fields[made->n];
    if (!name_fits(c, member, name) || !model_field_of(c, model, made->name, name, member, field))
        return false;
    if (is_required(made->spot.node, name))
        field->flags |= FIELD_REQUIRED;
    if (field->flags & FIELD_REQUIRED && field->flags & FIELD_DEFAULT)
        return wrong(c, member, "a required member has no use for a default");
    bool maybe = !(field->flags & FIELD_REQUIRED) || field->flags & FIELD_NULLABLE;
    if (maybe && !(field->flags & FIELD_DEFAULT))
        field->flags |= FIELD_OPTIONAL;
    for (size_t i = 0; i < made->n; i++)
        if (fields_clash(field, &made->fields[i]))
            return wrong(c, member, "\"%s\" and \"%s\" clash as members of a C struct", field->name,
                         made->fields[i].name);
    made->n++;
    return true;
}

static bool struct_required(struct compiler *c, struct spot spot)
{
    const struct json *properties = json_get(spot.node, "properties");
    bool fine = true;
    for (struct json_iter it = json_iter(json_get(spot.node, "required")); json_next(&it);)
        if (!json_get_n(properties, json_str(it.value)))
            fine = wrong(c, spot, "\"" STR_FMT "\" is required but not among the properties",
                         STR_ARG(json_str(it.value)));
    return fine;
}

struct model_struct *model_struct_of(struct compiler *c, struct model *model, const char *name,
                                     struct spot spot)
{
    for (struct model_struct *at = model->structs; at; at = at->next)
        if (strcmp(at->name, name) == 0 && str_eq(at->spot.pointer, spot.pointer))
            return at;
    struct spot properties = spot_member(c, spot, "properties");
    size_t n = json_size(properties.node);
    if (!name_take(c, name, spot) || !struct_required(c, spot))
        return NULL;
    if (n > FIELDS_AT_MOST) {
        wrong(c, spot, "has %zu properties; %d at most", n, FIELDS_AT_MOST);
        return NULL;
    }
    struct model_struct *made = ARENA_NEW(c->arena, struct model_struct);
    made->name = name;
    made->spot = spot;
    made->open = json_bool(json_get(spot.node, "additionalProperties"));
    made->description = json_str(json_get(spot.node, "description"));
    made->fields = ARENA_ARRAY(c->arena, struct model_field, n);
    struct model_struct **last = &model->structs;
    while (*last)
        last = &(*last)->next;
    *last = made;
    bool fine = true;
    for (struct json_iter it = json_iter(properties.node); json_next(&it);)
        fine &= struct_field(c, model, made, spot_member_n(c, properties, it.key), it.key);
    return fine ? made : NULL;
}

static bool order_visit(struct compiler *c, struct model_struct *at, struct model_struct ***last)
{
    if (at->state == WRITTEN)
        return true;
    if (at->state == WRITING)
        return wrong(c, at->spot, "holds itself; make a member on the way optional or an array");
    at->state = WRITING;
    for (size_t i = 0; i < at->n; i++) {
        const struct model_field *field = &at->fields[i];
        bool by_value = field->object && !(field->flags & (FIELD_ARRAY | FIELD_OPTIONAL));
        if (by_value && !order_visit(c, field->object, last))
            return false;
    }
    at->state = WRITTEN;
    **last = at;
    *last = &at->next;
    return true;
}

bool model_order(struct compiler *c, struct model *model)
{
    size_t n = 0;
    for (struct model_struct *at = model->structs; at; at = at->next)
        n++;
    struct model_struct **all = ARENA_ARRAY(c->arena, struct model_struct *, n + 1),
                        **last = &model->structs;
    size_t i = 0;
    for (struct model_struct *at = model->structs; at; at = at->next)
        all[i++] = at;
    bool fine = true;
    for (i = 0; i < n; i++)
        fine &= order_visit(c, all[i], &last);
    *last = NULL;
    return fine;
}

/* ---- fields ---- */

static bool field_string(struct compiler *c, struct model *model, const char *name,
                         struct spot spot, struct model_field *out)
{
    if (json_get(spot.node, "enum") || json_get(spot.node, "const")) {
        out->kind = FIELD_ENUM;
        out->enumeration = model_enum_of(c, model, name, spot);
        return out->enumeration != NULL;
    }
    out->kind = spot_is(spot, "format", "date-time") ? FIELD_TIME : FIELD_STR;
    return limits_read(c, spot, out);
}

static bool field_object(struct compiler *c, struct model *model, const char *name,
                         struct spot spot, struct model_field *out)
{
    const struct json *more = json_get(spot.node, "additionalProperties");
    if (more && json_type(more) != JSON_BOOL)
        return wrong(
            c, spot,
            "\"additionalProperties\" is true or false; a map is an object without properties and "
            "with additionalProperties: true");
    if (json_size(json_get(spot.node, "properties"))) {
        if (json_get(spot.node, "minProperties") || json_get(spot.node, "maxProperties"))
            return wrong(
                c, spot,
                "\"minProperties\" and \"maxProperties\" are for objects without properties");
        out->kind = FIELD_OBJECT;
        out->object = model_struct_of(c, model, name, spot);
        return out->object != NULL;
    }
    if (!json_bool(more))
        return wrong(c, spot, "an object has properties, or additionalProperties: true");
    out->kind = FIELD_JSON;
    out->limits.object = out->limited = true;
    return limits_read(c, spot, out);
}

static bool field_array(struct compiler *c, struct model *model, const char *owner,
                        struct spot spot, struct model_field *out)
{
    struct spot items = spot_member(c, spot, "items");
    struct model_field element;
    if (!items.node)
        return wrong(c, spot, "\"items\" is required");
    struct str name = str_of(name_single(c->arena, out->json_name.ptr));
    if (!model_field_of(c, model, owner, name, items, &element))
        return false;
    if (element.flags & (FIELD_ARRAY | FIELD_NULLABLE))
        return wrong(c, items, "an element is neither an array nor null; name an object for it");
    element.json_name = out->json_name;
    element.name = out->name;
    element.description = out->description;
    element.flags = out->flags | FIELD_ARRAY | (element.flags & FIELD_PERSONAL);
    *out = element;
    return limits_read(c, spot, out);
}

static bool field_of_type(struct compiler *c, struct model *model, const char *owner,
                          const char *name, struct spot spot, struct model_field *out)
{
    struct str type;
    bool nullable;
    if (!read_type(c, spot, &type, &nullable) || !keywords_fit(c, spot, type))
        return false;
    if (nullable)
        out->flags |= FIELD_NULLABLE;
    if (str_is(type, "string"))
        return field_string(c, model, name, spot, out);
    if (str_is(type, "object"))
        return field_object(c, model, name, spot, out);
    if (str_is(type, "array"))
        return field_array(c, model, owner, spot, out);
    out->kind = str_is(type, "integer")  ? FIELD_INT
                : str_is(type, "number") ? FIELD_DOUBLE
                                         : FIELD_BOOL;
    return limits_read(c, spot, out);
}

/* Beside a $ref only words about the place where it stands. */
static bool ref_alone(struct compiler *c, struct spot spot)
{
    if (!json_get(spot.node, "$ref"))
        return true;
    for (struct json_iter it = json_iter(spot.node); json_next(&it);)
        if (!str_starts(it.key, STR("x-")) &&
            !is_word(" $ref title description default example examples deprecated ", it.key))
            return wrong(c, spot, "\"" STR_FMT "\" beside $ref is not supported", STR_ARG(it.key));
    return true;
}

bool model_field_of(struct compiler *c, struct model *model, const char *owner,
                    struct str json_name, struct spot spot, struct model_field *out)
{
    *out = (struct model_field){ .json_name = json_name, .name = name_field(c->arena, json_name) };
    limits_neutral(&out->limits);
    struct str own_name = json_str(json_get(spot.node, "x-name"));
    const char *name = model_ref_name(c, spot);
    struct spot target = spot;
    if (!ref_alone(c, spot) || !spot_follow(c, &target))
        return false;
    if (!name)
        name = arena_printf(c->arena, "%s_%s", owner,
                            own_name.ptr ? own_name.ptr : name_snake(c->arena, json_name))
                   .ptr;
    if (strlen(name) > 120)
        return wrong(c, spot, "is nested too deeply to be named; put it under a name of its own");
    out->description = json_str(json_get(spot.node, "description"));
    if (!out->description.ptr)
        out->description = json_str(json_get(target.node, "description"));
    if (json_bool(json_get(spot.node, "x-personal")) ||
        json_bool(json_get(target.node, "x-personal")))
        out->flags |= FIELD_PERSONAL;
    if (spot_is(target, "x-type", "money"))
        out->kind = FIELD_MONEY;
    else if (spot_is(target, "x-type", "problem"))
        return wrong(c, spot, "Problem is for the responses of errors");
    else if (is_anything(target.node))
        out->kind = FIELD_JSON;
    else if (!field_of_type(c, model, owner, name, target, out))
        return false;
    struct spot given = spot_member(c, json_get(spot.node, "default") ? spot : target, "default");
    return !given.node || fallback_read(c, given, out);
}

/* ---- components ---- */

static bool is_struct(struct compiler *c, struct spot spot)
{
    return spot_is(spot, "type", "object") && json_size(json_get(spot.node, "properties")) &&
           !json_get(spot.node, "x-type");
}

void model_components(struct compiler *c)
{
    struct spot schemas =
        spot_member(c, spot_member(c, spot_root(&c->openapi), "components"), "schemas");
    for (struct json_iter it = json_iter(schemas.node); json_next(&it);) {
        struct spot spot = spot_member_n(c, schemas, it.key);
        const char *name = name_snake(c->arena, it.key);
        struct str type;
        bool nullable;
        struct model_field field;
        if (is_struct(c, spot)) {
            if (keywords_fit(c, spot, STR("object")))
                model_struct_of(c, &c->types, name, spot);
        } else if (spot_is(spot, "type", "string") && json_get(spot.node, "enum")) {
            if (keywords_fit(c, spot, STR("string")))
                model_enum_of(c, &c->types, name, spot);
        } else if (!json_get(spot.node, "x-type") && !is_anything(spot.node) &&
                   !json_get(spot.node, "$ref") && read_type(c, spot, &type, &nullable)) {
            model_field_of(c, &c->types, name, it.key, spot,
                           &field); /* a name for a text or number: only checked */
        }
    }
}
