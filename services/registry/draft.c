#include "services/registry/draft.h"

enum shape { SHAPE_VALUE, SHAPE_SCHEMA, SHAPE_SCHEMAS, SHAPE_MAP };

/* Where schemas stand inside a schema, by keyword. */
static const struct {
    const char *keyword;
    enum shape shape;
} shapes[] = {
    { "properties", SHAPE_MAP },
    { "patternProperties", SHAPE_MAP },
    { "definitions", SHAPE_MAP },
    { "$defs", SHAPE_MAP },
    { "dependentSchemas", SHAPE_MAP },
    { "additionalProperties", SHAPE_SCHEMA },
    { "propertyNames", SHAPE_SCHEMA },
    { "contains", SHAPE_SCHEMA },
    { "not", SHAPE_SCHEMA },
    { "if", SHAPE_SCHEMA },
    { "then", SHAPE_SCHEMA },
    { "else", SHAPE_SCHEMA },
    { "unevaluatedItems", SHAPE_SCHEMA },
    { "unevaluatedProperties", SHAPE_SCHEMA },
    { "allOf", SHAPE_SCHEMAS },
    { "anyOf", SHAPE_SCHEMAS },
    { "oneOf", SHAPE_SCHEMAS },
};

struct modern {
    struct json_out out;
    bool ref_alone; /* up to draft-07: what stands beside a $ref says nothing */
};

static void put_schema(struct modern *m, const struct json *schema);

static void put_shape(struct modern *m, enum shape shape, const struct json *value)
{
    struct json_out *out = &m->out;
    if (shape == SHAPE_SCHEMA) {
        put_schema(m, value);
    } else if (shape == SHAPE_SCHEMAS && json_type(value) == JSON_ARRAY) {
        json_array(out);
        for (struct json_iter it = json_iter(value); json_next(&it);)
            put_schema(m, it.value);
        json_array_end(out);
    } else if (shape == SHAPE_MAP && json_type(value) == JSON_OBJECT) {
        json_object(out);
        for (struct json_iter it = json_iter(value); json_next(&it);) {
            json_key_n(out, it.key);
            put_schema(m, it.value);
        }
        json_object_end(out);
    } else {
        json_put(out, value);
    }
}

static void put_items(struct modern *m, const struct json *schema, const struct json *items)
{
    const struct json *more = json_get(schema, "additionalItems");
    if (json_type(items) != JSON_ARRAY) {
        json_key(&m->out, "items");
        put_schema(m, items);
        return;
    }
    if (json_size(items)) {
        json_key(&m->out, "prefixItems");
        put_shape(m, SHAPE_SCHEMAS, items);
    }
    if (more) {
        json_key(&m->out, "items");
        put_schema(m, more);
    }
}

/* `dependencies` was two keywords in one. */
static void put_dependencies(struct modern *m, const struct json *value, bool names)
{
    json_key(&m->out, names ? "dependentRequired" : "dependentSchemas");
    json_object(&m->out);
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        if ((json_type(it.value) == JSON_ARRAY) != names)
            continue;
        json_key_n(&m->out, it.key);
        if (names)
            json_put(&m->out, it.value);
        else
            put_schema(m, it.value);
    }
    json_object_end(&m->out);
}

/* In draft-04 a flag beside the bound, now the bound itself. */
static bool put_bound(struct modern *m, const struct json *schema, struct str key,
                      const struct json *value)
{
    bool least = str_is(key, "minimum") || str_is(key, "exclusiveMinimum");
    const struct json *flag = json_get(schema, least ? "exclusiveMinimum" : "exclusiveMaximum");
    if (json_type(flag) != JSON_BOOL)
        return false;
    if (str_starts(key, STR("exclusive")))
        return true;
    json_key(&m->out,
             json_bool(flag) ? (least ? "exclusiveMinimum" : "exclusiveMaximum") : key.ptr);
    json_put(&m->out, value);
    return true;
}

static bool put_identity(struct modern *m, struct str key, const struct json *value)
{
    struct str id = json_str(value);
    if (str_is(key, "$schema") || str_is(key, "$recursiveAnchor"))
        return true;
    if ((!str_is(key, "id") && !str_is(key, "$id")) || !id.ptr)
        return false;
    if (id.len > 1 && id.ptr[0] == '#') {
        json_key(&m->out, "$anchor");
        json_put_str(&m->out, (struct str){ id.ptr + 1, id.len - 1 });
    } else {
        json_key(&m->out, "$id");
        json_put_str(&m->out, id);
    }
    return true;
}

static void put_keyword(struct modern *m, const struct json *schema, struct str key,
                        const struct json *value)
{
    static const char *const bounds[] = { "minimum", "maximum", "exclusiveMinimum",
                                          "exclusiveMaximum" };
    if (put_identity(m, key, value) || str_is(key, "additionalItems"))
        return;
    if (str_is(key, "items")) {
        put_items(m, schema, value);
        return;
    }
    if (str_is(key, "dependencies") && json_type(value) == JSON_OBJECT) {
        put_dependencies(m, value, true);
        put_dependencies(m, value, false);
        return;
    }
    for (size_t i = 0; i < COUNT(bounds); i++)
        if (str_is(key, bounds[i]) && put_bound(m, schema, key, value))
            return;
    enum shape shape = SHAPE_VALUE;
    for (size_t i = 0; i < COUNT(shapes); i++)
        if (str_is(key, shapes[i].keyword))
            shape = shapes[i].shape;
    if (str_is(key, "$recursiveRef"))
        json_key(&m->out, "$ref");
    else
        json_key_n(&m->out, key);
    put_shape(m, shape, value);
}

/* As deep as json_parse() lets a document be. */
static void put_schema(struct modern *m, const struct json *schema)
{
    if (json_type(schema) != JSON_OBJECT) {
        json_put(&m->out, schema);
        return;
    }
    bool alone = m->ref_alone && json_type(json_get(schema, "$ref")) == JSON_STRING;
    json_object(&m->out);
    for (struct json_iter it = json_iter(schema); json_next(&it);)
        if (!alone || str_is(it.key, "$ref") || str_is(it.key, "definitions"))
            put_keyword(m, schema, it.key, it.value);
    json_object_end(&m->out);
}

const struct json *schema_modern(struct ctx *ctx, const struct json *document)
{
    struct str name = json_str(json_get(document, "$schema"));
    bool early = str_starts(name, STR("http://json-schema.org/draft-0")) ||
                 str_starts(name, STR("https://json-schema.org/draft-0"));
    if (!early && !str_starts(name, STR("https://json-schema.org/draft/2019-09/")))
        return document;
    struct modern modern = { .ref_alone = early };
    json_out_init(&modern.out, ctx->arena);
    put_schema(&modern, document);
    return json_parse(ctx, json_out_str(&modern.out));
}
