#include "platform/schema/compiler.h"
#include "platform/schema/uri.h"

/* ---- errors ---- */

static bool note(struct compiler *c, const struct source *source, struct str pointer,
                 const char *format, va_list args)
{
    struct str sentence = arena_vprintf(c->ctx->arena, format, args);
    c->failed = true;
    const struct source *document = source ? source->document : NULL;
    if (!document || document == c->base || document->uri.len == 0)
        return ctx_fail_at(c->ctx, ERR_INVALID, pointer, STR_FMT, STR_ARG(sentence));
    return ctx_fail_at(c->ctx, ERR_INVALID, pointer, STR_FMT " (in " STR_FMT ")", STR_ARG(sentence),
                       STR_ARG(document->uri));
}

bool compile_fail_at(struct compiler *c, const struct source *source, struct str pointer,
                     const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(c, source, pointer, format, args);
    va_end(args);
    return false;
}

static struct str pointer_to(struct compiler *c, struct str base, struct str key)
{
    char *out = arena_alloc_raw(c->ctx->arena, base.len + 2 * key.len + 2);
    size_t len = base.len;
    memcpy(out, base.ptr, base.len);
    out[len++] = '/';
    for (size_t i = 0; i < key.len; i++) {
        if (key.ptr[i] == '~' || key.ptr[i] == '/') {
            out[len++] = '~';
            out[len++] = key.ptr[i] == '~' ? '0' : '1';
        } else {
            out[len++] = key.ptr[i];
        }
    }
    out[len] = '\0';
    return (struct str){ out, len };
}

bool compile_fail(struct compiler *c, const struct place *at, const char *keyword,
                  const char *format, ...)
{
    va_list args;
    va_start(args, format);
    note(c, at->source, keyword ? pointer_to(c, at->pointer, str_of(keyword)) : at->pointer, format,
         args);
    va_end(args);
    return false;
}

/* ---- places ---- */

static struct place **slot_of(struct compiler *c, const struct json *schema)
{
    size_t at = (uintptr_t)schema / 16 * 0x9E3779B97F4A7C15u >> 20;
    while (c->places[at &= c->places_cap - 1] && c->places[at]->schema != schema)
        at++;
    return &c->places[at];
}

struct place *place_of(struct compiler *c, const struct json *schema)
{
    return c->places_cap ? *slot_of(c, schema) : NULL;
}

static void places_grow(struct compiler *c)
{
    struct place **old = c->places;
    size_t old_cap = c->places_cap;
    c->places_cap = MAX(old_cap * 2, 64);
    c->places = ARENA_ARRAY(c->ctx->arena, struct place *, c->places_cap);
    for (size_t i = 0; i < old_cap; i++)
        if (old[i])
            *slot_of(c, old[i]->schema) = old[i];
}

static void place_add(struct compiler *c, const struct json *schema, struct source *source,
                      struct str pointer)
{
    if (c->n_places * 2 >= c->places_cap)
        places_grow(c);
    struct place *place = ARENA_NEW(c->ctx->arena, struct place);
    *place = (struct place){ .schema = schema, .source = source, .pointer = pointer };
    *slot_of(c, schema) = place;
    c->n_places++;
    if (c->last)
        c->last->after = place;
    else
        c->first = place;
    c->last = place;
}

/* ---- sources: $id, $schema, anchors ---- */

static struct source *source_find(struct compiler *c, struct str uri)
{
    for (struct source *source = c->sources; source; source = source->next)
        if (str_eq(source->uri, uri))
            return source;
    return NULL;
}

static struct source *source_add(struct compiler *c, struct str uri, const struct json *root,
                                 struct str pointer, struct source *within)
{
    struct source *source = ARENA_NEW(c->ctx->arena, struct source);
    *source = (struct source){
        .uri = uri,
        .root = root,
        .pointer = pointer,
        .vocabularies = within ? within->vocabularies : VOCABULARY_STANDARD,
        .resource = ARENA_NEW(c->schema->arena, struct resource),
        .next = c->sources,
    };
    source->document = within ? within->document : source;
    source->resource->uri = arena_str(c->schema->arena, uri);
    c->sources = source;
    return source;
}

static bool read_vocabularies(struct compiler *c, struct source *source, const struct json *list)
{
    static const struct {
        struct str name;
        unsigned vocabulary;
    } known[] = {
        { STR_INIT("core"), VOCABULARY_CORE },
        { STR_INIT("applicator"), VOCABULARY_APPLICATOR },
        { STR_INIT("unevaluated"), VOCABULARY_UNEVALUATED },
        { STR_INIT("validation"), VOCABULARY_VALIDATION },
        { STR_INIT("format-annotation"), VOCABULARY_FORMAT },
        { STR_INIT("format-assertion"), VOCABULARY_FORMAT_ASSERTION },
        { STR_INIT("meta-data"), VOCABULARY_NOTES },
        { STR_INIT("content"), VOCABULARY_NOTES },
    };
    source->vocabularies = VOCABULARY_CORE;
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct str name = it.key;
        unsigned found = 0;
        if (str_starts(name, STR(META_URI "vocab/")))
            for (size_t i = 0; i < COUNT(known); i++)
                if (str_eq(known[i].name, (struct str){ name.ptr + sizeof(META_URI "vocab/") - 1,
                                                        name.len - sizeof(META_URI "vocab/") + 1 }))
                    found = known[i].vocabulary;
        if (!found && json_bool(it.value))
            return compile_fail_at(c, source, pointer_to(c, source->pointer, STR("$schema")),
                                   "the vocabulary " STR_FMT " is not known", STR_ARG(name));
        source->vocabularies |= found;
    }
    return true;
}

static const struct json *fetch(struct compiler *c, struct str uri)
{
    if (str_starts(uri, STR(META_URI)))
        return json_parse(c->ctx, str_of(schema_meta_text));
    return c->options->resolve ? c->options->resolve(c->ctx, uri, c->options->argument) : NULL;
}

/* What $schema says of the keywords: 2020-12 itself, OpenAPI's dialect of it, or a meta-schema that lists vocabularies. */
static bool read_dialect(struct compiler *c, struct source *source, const struct json *name)
{
    struct str at = pointer_to(c, source->pointer, STR("$schema"));
    struct str uri = uri_without_fragment(json_str(name));
    if (!name)
        return true; /* as the schema around it */
    source->vocabularies = VOCABULARY_STANDARD;
    if (str_is(uri, META_URI "schema") ||
        str_is(uri, "https://spec.openapis.org/oas/3.1/dialect/base"))
        return true;
    if (json_type(name) != JSON_STRING)
        return compile_fail_at(c, source, at, "must be a URI");
    if (str_starts(uri, STR("http://json-schema.org/")) ||
        str_starts(uri, STR("https://json-schema.org/")))
        return compile_fail_at(
            c, source, at, "only JSON Schema 2020-12 is understood, not " STR_FMT, STR_ARG(uri));
    const struct json *meta = fetch(c, uri);
    if (!meta)
        return compile_fail_at(c, source, at, "the meta-schema " STR_FMT " cannot be found",
                               STR_ARG(uri));
    const struct json *list = json_get(meta, "$vocabulary");
    return !list || read_vocabularies(c, source, list);
}

static bool is_anchor_name(struct str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
        if (!letter && c != '_' && (i == 0 || ((c < '0' || c > '9') && c != '-' && c != '.')))
            return false;
    }
    return name.len > 0;
}

static const struct anchor *anchor_find(const struct source *source, struct str name)
{
    for (const struct anchor *anchor = source->anchors; anchor; anchor = anchor->next)
        if (str_eq(anchor->name, name))
            return anchor;
    return NULL;
}

static bool read_anchor(struct compiler *c, struct source *source, const struct json *schema,
                        struct str pointer, const char *keyword)
{
    const struct json *value = json_get(schema, keyword);
    if (!value)
        return true;
    struct str name = json_str(value), at = pointer_to(c, pointer, str_of(keyword));
    if (!is_anchor_name(name))
        return compile_fail_at(c, source, at, "must be a name: letters, digits, - _ .");
    const struct anchor *other = anchor_find(source, name);
    if (other && other->schema != schema)
        return compile_fail_at(c, source, at, "the anchor " STR_FMT " is there twice",
                               STR_ARG(name));
    struct anchor *anchor = ARENA_NEW(c->ctx->arena, struct anchor);
    *anchor = (struct anchor){ name, schema, keyword[1] == 'd', source->anchors };
    source->anchors = anchor;
    return true;
}

/* A schema with an $id is a source of its own. */
static bool read_id(struct compiler *c, struct source **source, const struct json *schema,
                    struct str pointer)
{
    const struct json *id = json_get(schema, "$id");
    if (!id)
        return true;
    struct str at = pointer_to(c, pointer, STR("$id"));
    if (json_type(id) != JSON_STRING)
        return compile_fail_at(c, *source, at, "must be a URI reference");
    struct str uri = uri_resolve(c->ctx->arena, (*source)->uri, json_str(id));
    struct str fragment = uri_fragment(c->ctx->arena, uri);
    if (fragment.len)
        return compile_fail_at(c, *source, at,
                               "must have no fragment; $anchor names a place inside");
    uri = uri_without_fragment(uri);
    const struct source *other = source_find(c, uri);
    if (other && other->root != schema)
        return compile_fail_at(c, *source, at, "two schemas have the $id " STR_FMT, STR_ARG(uri));
    if (!other)
        *source = source_add(c, uri, schema, pointer, *source);
    return true;
}

/* ---- the schemas of a document ---- */

static bool scan(struct compiler *c, struct source *source, const struct json *schema,
                 struct str pointer);

static bool scan_all(struct compiler *c, struct source *source, const struct json *container,
                     struct str pointer)
{
    for (struct json_iter it = json_iter(container); json_next(&it);) {
        struct str key = it.key.ptr ? it.key : arena_printf(c->ctx->arena, "%zu", it.index);
        if (!scan(c, source, it.value, pointer_to(c, pointer, key)))
            return false;
    }
    return true;
}

enum shape { ONE, LIST, MAP };

static const struct {
    const char *keyword;
    enum shape shape;
} holders[] = {
    { "$defs", MAP },
    { "definitions", MAP }, /* what $defs was called before, and still common */
    { "properties", MAP },
    { "patternProperties", MAP },
    { "dependentSchemas", MAP },
    { "prefixItems", LIST },
    { "allOf", LIST },
    { "anyOf", LIST },
    { "oneOf", LIST },
    { "items", ONE },
    { "contains", ONE },
    { "additionalProperties", ONE },
    { "propertyNames", ONE },
    { "unevaluatedItems", ONE },
    { "unevaluatedProperties", ONE },
    { "not", ONE },
    { "if", ONE },
    { "then", ONE },
    { "else", ONE },
    { "contentSchema", ONE },
};

static bool scan_holder(struct compiler *c, struct source *source, const struct json *value,
                        struct str pointer, enum shape shape)
{
    if (shape == ONE)
        return scan(c, source, value, pointer);
    if (shape == MAP && json_type(value) != JSON_OBJECT)
        return compile_fail_at(c, source, pointer, "must be an object of schemas");
    if (shape == LIST && (json_type(value) != JSON_ARRAY || json_size(value) == 0))
        return compile_fail_at(c, source, pointer, "must be a list of schemas, at least one");
    return scan_all(c, source, value, pointer);
}

static bool scan(struct compiler *c, struct source *source, const struct json *schema,
                 struct str pointer)
{
    if (place_of(c, schema))
        return true;
    if (json_type(schema) == JSON_BOOL) {
        place_add(c, schema, source, pointer);
        return true;
    }
    if (json_type(schema) != JSON_OBJECT)
        return compile_fail_at(c, source, pointer, "must be a schema: an object, true or false");
    if (!read_id(c, &source, schema, pointer))
        return false;
    place_add(c, schema, source, pointer);
    if (schema == source->root && !read_dialect(c, source, json_get(schema, "$schema")))
        return false;
    if (!read_anchor(c, source, schema, pointer, "$anchor") ||
        !read_anchor(c, source, schema, pointer, "$dynamicAnchor"))
        return false;
    for (size_t i = 0; i < COUNT(holders); i++) {
        const struct json *value = json_get(schema, holders[i].keyword);
        if (value &&
            !scan_holder(c, source, value, pointer_to(c, pointer, str_of(holders[i].keyword)),
                         holders[i].shape))
            return false;
    }
    return true;
}

struct source *document_add(struct compiler *c, struct str uri, const struct json *document)
{
    const struct json *copy = json_parse(&c->own, json_text(c->schema->arena, document));
    if (!copy) { /* it was made by hand, deeper than what can be read */
        compile_fail_at(c, NULL, STR(""), "the schema is too deep");
        return NULL;
    }
    struct source *source = source_add(c, uri, copy, STR(""), NULL);
    return scan(c, source, copy, STR("")) ? source : NULL;
}

/* ---- references ---- */

static struct source *source_for(struct compiler *c, struct str uri)
{
    struct source *source = source_find(c, uri);
    if (!source) {
        const struct json *document = fetch(c, uri);
        bool meta = str_starts(uri, STR(META_URI));
        if (!document || !document_add(c, meta ? STR(META_URI "schema") : uri, document))
            return NULL;
        source = source_find(c, uri);
    }
    return source ? place_of(c, source->root)->source
                  : NULL; /* a root may have an $id of its own */
}

/* The schema at a JSON Pointer; one that no known keyword holds is noted now, in the innermost source on the way. */
static struct place *place_at(struct compiler *c, struct source *source, struct str pointer)
{
    const struct json *schema = json_pointer(source->root, pointer);
    if (!schema)
        return NULL;
    struct place *place = place_of(c, schema);
    for (size_t at = 1; !place && at < pointer.len; at++) {
        if (pointer.ptr[at] != '/')
            continue;
        struct place *above =
            place_of(c, json_pointer(source->root, (struct str){ pointer.ptr, at }));
        if (above)
            source = above->source;
    }
    if (place)
        return place;
    return scan(c, source, schema, pointer) ? place_of(c, schema) : NULL;
}

static struct place *place_in(struct compiler *c, struct source *source, struct str fragment,
                              const struct anchor **anchor)
{
    *anchor = NULL;
    if (fragment.len == 0)
        return place_of(c, source->root);
    if (fragment.ptr[0] == '/')
        return place_at(c, source, fragment);
    *anchor = anchor_find(source, fragment);
    return *anchor ? place_of(c, (*anchor)->schema) : NULL;
}

struct place *reference_resolve(struct compiler *c, const struct place *from, const char *keyword,
                                struct str reference, const struct anchor **anchor)
{
    struct str uri = uri_resolve(c->ctx->arena, from->source->uri, reference);
    struct str fragment = uri_fragment(c->ctx->arena, uri);
    struct source *source = source_for(c, uri_without_fragment(uri));
    struct place *to = source ? place_in(c, source, fragment, anchor) : NULL;
    if (!to && !c->failed)
        compile_fail(c, from, keyword, STR_FMT " cannot be found", STR_ARG(uri));
    return to;
}
