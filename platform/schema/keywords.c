#include "platform/schema/compiler.h"

/* ---- what is made once ---- */

static struct number_rules *numbers(struct compiler *c, struct node *node)
{
    if (!node->number)
        node->number = ARENA_NEW(c->schema->arena, struct number_rules);
    return (struct number_rules *)node->number;
}

static struct string_rules *strings(struct compiler *c, struct node *node)
{
    if (!node->string) {
        struct string_rules *rules = ARENA_NEW(c->schema->arena, struct string_rules);
        rules->max_length = SIZE_MAX;
        node->string = rules;
    }
    return (struct string_rules *)node->string;
}

static struct array_rules *arrays(struct compiler *c, struct node *node)
{
    if (!node->array) {
        struct array_rules *rules = ARENA_NEW(c->schema->arena, struct array_rules);
        rules->max_items = rules->max_contains = SIZE_MAX;
        rules->min_contains = 1;
        node->array = rules;
    }
    return (struct array_rules *)node->array;
}

static struct object_rules *objects(struct compiler *c, struct node *node)
{
    if (!node->object) {
        struct object_rules *rules = ARENA_NEW(c->schema->arena, struct object_rules);
        rules->max_members = SIZE_MAX;
        node->object = rules;
    }
    return (struct object_rules *)node->object;
}

static struct any_rules *any(struct compiler *c, struct node *node)
{
    if (!node->any)
        node->any = ARENA_NEW(c->schema->arena, struct any_rules);
    return (struct any_rules *)node->any;
}

/* ---- patterns ---- */

struct pattern_note {
    struct str text;
    struct pattern *pattern;
    struct pattern_note *next;
};

static void free_pattern(void *pattern)
{
    pattern_free(pattern);
}

/* The same text is compiled once. */
static const struct pattern *take_pattern(struct compiler *c, const struct place *at,
                                          const char *keyword, struct str text)
{
    for (const struct pattern_note *note = c->patterns; note; note = note->next)
        if (str_eq(note->text, text))
            return note->pattern;
    struct ctx trial = { .arena = c->ctx->arena };
    struct pattern *pattern = pattern_compile(&trial, text);
    if (!pattern) {
        compile_fail(c, at, keyword, STR_FMT ": " STR_FMT, STR_ARG(text),
                     STR_ARG(trial.error.detail));
        return NULL;
    }
    arena_at_end(c->schema->arena, free_pattern, pattern);
    struct pattern_note *note = ARENA_NEW(c->ctx->arena, struct pattern_note);
    *note = (struct pattern_note){ text, pattern, c->patterns };
    c->patterns = note;
    return pattern;
}

/* ---- keywords: each takes its value into the node ---- */

struct keyword {
    const char *name;
    unsigned vocabulary;
    bool (*take)(struct compiler *c, const struct place *at, struct node *node, const char *name,
                 const struct json *value);
};

#define TAKER(function)                                                                            \
    static bool function(struct compiler *c, const struct place *at, struct node *node,            \
                         const char *name, const struct json *value)

static bool take_size(struct compiler *c, const struct place *at, const char *name,
                      const struct json *value, size_t *out)
{
    if (!json_is_integral(value) || json_double(value) < 0)
        return compile_fail(c, at, name, "must be a whole number, 0 or more");
    *out = (size_t)json_int(value);
    return true;
}

TAKER(take_type)
{
    static const struct {
        const char *name;
        uint8_t bits;
    } types[] = {
        { "null", TYPE_NULL },       { "boolean", TYPE_BOOL },
        { "integer", TYPE_INTEGER }, { "number", TYPE_NUMBER | TYPE_INTEGER },
        { "string", TYPE_STRING },   { "array", TYPE_ARRAY },
        { "object", TYPE_OBJECT },
    };
    bool list = json_type(value) == JSON_ARRAY;
    uint8_t allowed = 0;
    for (size_t i = 0; i < (list ? json_size(value) : 1); i++) {
        const struct json *word = list ? json_at(value, i) : value;
        uint8_t bits = 0;
        for (size_t j = 0; j < COUNT(types); j++)
            if (str_is(json_str(word), types[j].name))
                bits = types[j].bits;
        if (!bits)
            return compile_fail(c, at, name,
                                "must be null, boolean, integer, number, string, array or object");
        allowed |= bits;
    }
    if (!allowed)
        return compile_fail(c, at, name, "must name a type");
    node->types = allowed;
    return true;
}

TAKER(take_const)
{
    any(c, node)->constant = value;
    return true;
}

TAKER(take_enum)
{
    if (json_type(value) != JSON_ARRAY)
        return compile_fail(c, at, name, "must be a list of values");
    any(c, node)->members = value;
    return true;
}

TAKER(take_bound)
{
    struct number_rules *rules = numbers(c, node);
    if (json_type(value) != JSON_INTEGER && json_type(value) != JSON_NUMBER)
        return compile_fail(c, at, name, "must be a number");
    if (strcmp(name, "minimum") == 0)
        rules->minimum = value;
    else if (strcmp(name, "maximum") == 0)
        rules->maximum = value;
    else if (strcmp(name, "exclusiveMinimum") == 0)
        rules->above = value;
    else
        rules->below = value;
    return true;
}

TAKER(take_multiple_of)
{
    struct number_rules *rules = numbers(c, node);
    if (json_double(value) <= 0)
        return compile_fail(c, at, name, "must be a number above 0");
    rules->multiple_of = value;
    rules->step = decimal_of(value);
    return true;
}

TAKER(take_min_length)
{
    return take_size(c, at, name, value, &strings(c, node)->min_length);
}

TAKER(take_max_length)
{
    return take_size(c, at, name, value, &strings(c, node)->max_length);
}

TAKER(take_pattern_keyword)
{
    struct string_rules *rules = strings(c, node);
    if (json_type(value) != JSON_STRING)
        return compile_fail(c, at, name, "must be a pattern");
    rules->pattern_text = json_str(value);
    rules->pattern = take_pattern(c, at, name, rules->pattern_text);
    return rules->pattern != NULL;
}

TAKER(take_format)
{
    if (json_type(value) != JSON_STRING)
        return compile_fail(c, at, name, "must be a name");
    bool asserted = at->source->vocabularies & VOCABULARY_FORMAT_ASSERTION;
    if (!asserted && !c->options->assert_formats)
        return true;
    format_predicate predicate = format_find(json_str(value));
    if (!predicate && (asserted || str_is(json_str(value), "idn-hostname")))
        return compile_fail(c, at, name, "the format " STR_FMT " cannot be checked",
                            STR_ARG(json_str(value)));
    if (predicate) {
        struct string_rules *rules = strings(c, node);
        rules->format = predicate;
        rules->format_name = json_str(value);
    }
    return true;
}

static const struct node *const *take_list(struct compiler *c, const struct json *value)
{
    const struct node **nodes =
        ARENA_ARRAY(c->schema->arena, const struct node *, json_size(value));
    for (struct json_iter it = json_iter(value); json_next(&it);)
        nodes[it.index] = node_for(c, it.value);
    return nodes;
}

TAKER(take_prefix_items)
{
    struct array_rules *rules = arrays(c, node);
    rules->prefix = take_list(c, value);
    rules->n_prefix = json_size(value);
    return true;
}

TAKER(take_items)
{
    arrays(c, node)->items = node_for(c, value);
    return true;
}

TAKER(take_contains)
{
    arrays(c, node)->contains = node_for(c, value);
    return true;
}

TAKER(take_min_items)
{
    return take_size(c, at, name, value, &arrays(c, node)->min_items);
}

TAKER(take_max_items)
{
    return take_size(c, at, name, value, &arrays(c, node)->max_items);
}

TAKER(take_min_contains)
{
    return take_size(c, at, name, value, &arrays(c, node)->min_contains);
}

TAKER(take_max_contains)
{
    return take_size(c, at, name, value, &arrays(c, node)->max_contains);
}

TAKER(take_unique_items)
{
    if (json_type(value) != JSON_BOOL)
        return compile_fail(c, at, name, "must be true or false");
    arrays(c, node)->unique = json_bool(value);
    return true;
}

TAKER(take_unevaluated_items)
{
    arrays(c, node)->unevaluated = node_for(c, value);
    node->unevaluated = true;
    return true;
}

TAKER(take_additional)
{
    objects(c, node)->additional = node_for(c, value);
    return true;
}

TAKER(take_names)
{
    objects(c, node)->names = node_for(c, value);
    return true;
}

TAKER(take_unevaluated_properties)
{
    objects(c, node)->unevaluated = node_for(c, value);
    node->unevaluated = true;
    return true;
}

TAKER(take_min_members)
{
    return take_size(c, at, name, value, &objects(c, node)->min_members);
}

TAKER(take_max_members)
{
    return take_size(c, at, name, value, &objects(c, node)->max_members);
}

TAKER(take_pattern_properties)
{
    struct object_rules *rules = objects(c, node);
    struct pattern_member *members =
        ARENA_ARRAY(c->schema->arena, struct pattern_member, json_size(value));
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        members[it.index] =
            (struct pattern_member){ take_pattern(c, at, name, it.key), node_for(c, it.value) };
        if (!members[it.index].pattern)
            return false;
    }
    rules->patterns = members;
    rules->n_patterns = json_size(value);
    return true;
}

static bool are_names(const struct json *value)
{
    if (json_type(value) != JSON_ARRAY)
        return false;
    for (struct json_iter it = json_iter(value); json_next(&it);)
        if (json_type(it.value) != JSON_STRING)
            return false;
    return true;
}

/* dependentRequired and dependentSchemas together; the second that comes copies what the first made. */
TAKER(take_dependents)
{
    struct object_rules *rules = objects(c, node);
    bool names = strcmp(name, "dependentRequired") == 0;
    if (json_type(value) != JSON_OBJECT)
        return compile_fail(c, at, name, "must be an object");
    struct dependent *all =
        ARENA_ARRAY(c->schema->arena, struct dependent, rules->n_dependents + json_size(value));
    if (rules->n_dependents)
        memcpy(all, rules->dependents, rules->n_dependents * sizeof(*all));
    for (struct json_iter it = json_iter(value); json_next(&it);) {
        if (names && !are_names(it.value))
            return compile_fail(c, at, name, STR_FMT " must have a list of names", STR_ARG(it.key));
        all[rules->n_dependents++] = (struct dependent){ it.key, names ? it.value : NULL,
                                                         names ? NULL : node_for(c, it.value) };
    }
    rules->dependents = all;
    return true;
}

TAKER(take_all_of)
{
    any(c, node)->all_of = (struct node_list){ take_list(c, value), json_size(value) };
    return true;
}

TAKER(take_any_of)
{
    any(c, node)->any_of = (struct node_list){ take_list(c, value), json_size(value) };
    return true;
}

TAKER(take_one_of)
{
    any(c, node)->one_of = (struct node_list){ take_list(c, value), json_size(value) };
    return true;
}

TAKER(take_not)
{
    any(c, node)->not = node_for(c, value);
    return true;
}

TAKER(take_if)
{
    any(c, node)->condition = node_for(c, value);
    return true;
}

TAKER(take_then)
{
    any(c, node)->then = node_for(c, value);
    return true;
}

TAKER(take_else)
{
    any(c, node)->otherwise = node_for(c, value);
    return true;
}

static struct place *take_reference(struct compiler *c, const struct place *at, const char *name,
                                    const struct json *value, const struct anchor **anchor)
{
    if (json_type(value) == JSON_STRING)
        return reference_resolve(c, at, name, json_str(value), anchor);
    compile_fail(c, at, name, "must be a URI reference");
    return NULL;
}

TAKER(take_ref)
{
    const struct anchor *anchor;
    const struct place *to = take_reference(c, at, name, value, &anchor);
    if (to)
        any(c, node)->ref = node_for(c, to->schema);
    return to != NULL;
}

/* Only one that leads to a $dynamicAnchor looks at the way it came (Core, section 8.2.3.2). */
TAKER(take_dynamic_ref)
{
    const struct anchor *anchor;
    const struct place *to = take_reference(c, at, name, value, &anchor);
    if (!to)
        return false;
    struct any_rules *rules = any(c, node);
    rules->dynamic_ref = node_for(c, to->schema);
    if (anchor && anchor->dynamic) {
        rules->dynamic_name = anchor->name;
        c->schema->dynamic = true;
    }
    return true;
}

/* `properties`, `required`: see members_compile(). Here only their form. */
TAKER(take_properties)
{
    objects(c, node);
    return true;
}

TAKER(take_required)
{
    objects(c, node);
    return are_names(value) || compile_fail(c, at, name, "must be a list of names");
}

TAKER(refuse_old)
{
    return compile_fail(c, at, name, "this keyword is not of JSON Schema 2020-12");
}

static const struct keyword keywords[] = {
    { "$ref", VOCABULARY_CORE, take_ref },
    { "$dynamicRef", VOCABULARY_CORE, take_dynamic_ref },
    { "$recursiveRef", VOCABULARY_CORE, refuse_old },
    { "$recursiveAnchor", VOCABULARY_CORE, refuse_old },
    { "type", VOCABULARY_VALIDATION, take_type },
    { "const", VOCABULARY_VALIDATION, take_const },
    { "enum", VOCABULARY_VALIDATION, take_enum },
    { "multipleOf", VOCABULARY_VALIDATION, take_multiple_of },
    { "minimum", VOCABULARY_VALIDATION, take_bound },
    { "maximum", VOCABULARY_VALIDATION, take_bound },
    { "exclusiveMinimum", VOCABULARY_VALIDATION, take_bound },
    { "exclusiveMaximum", VOCABULARY_VALIDATION, take_bound },
    { "minLength", VOCABULARY_VALIDATION, take_min_length },
    { "maxLength", VOCABULARY_VALIDATION, take_max_length },
    { "pattern", VOCABULARY_VALIDATION, take_pattern_keyword },
    { "format", VOCABULARY_FORMAT | VOCABULARY_FORMAT_ASSERTION, take_format },
    { "prefixItems", VOCABULARY_APPLICATOR, take_prefix_items },
    { "items", VOCABULARY_APPLICATOR, take_items },
    { "additionalItems", VOCABULARY_APPLICATOR, refuse_old },
    { "contains", VOCABULARY_APPLICATOR, take_contains },
    { "minContains", VOCABULARY_VALIDATION, take_min_contains },
    { "maxContains", VOCABULARY_VALIDATION, take_max_contains },
    { "minItems", VOCABULARY_VALIDATION, take_min_items },
    { "maxItems", VOCABULARY_VALIDATION, take_max_items },
    { "uniqueItems", VOCABULARY_VALIDATION, take_unique_items },
    { "unevaluatedItems", VOCABULARY_UNEVALUATED, take_unevaluated_items },
    { "properties", VOCABULARY_APPLICATOR, take_properties },
    { "patternProperties", VOCABULARY_APPLICATOR, take_pattern_properties },
    { "additionalProperties", VOCABULARY_APPLICATOR, take_additional },
    { "propertyNames", VOCABULARY_APPLICATOR, take_names },
    { "minProperties", VOCABULARY_VALIDATION, take_min_members },
    { "maxProperties", VOCABULARY_VALIDATION, take_max_members },
    { "required", VOCABULARY_VALIDATION, take_required },
    { "dependentRequired", VOCABULARY_VALIDATION, take_dependents },
    { "dependentSchemas", VOCABULARY_APPLICATOR, take_dependents },
    { "dependencies", VOCABULARY_APPLICATOR, refuse_old },
    { "unevaluatedProperties", VOCABULARY_UNEVALUATED, take_unevaluated_properties },
    { "allOf", VOCABULARY_APPLICATOR, take_all_of },
    { "anyOf", VOCABULARY_APPLICATOR, take_any_of },
    { "oneOf", VOCABULARY_APPLICATOR, take_one_of },
    { "not", VOCABULARY_APPLICATOR, take_not },
    { "if", VOCABULARY_APPLICATOR, take_if },
    { "then", VOCABULARY_APPLICATOR, take_then },
    { "else", VOCABULARY_APPLICATOR, take_else },
};

/* ---- a schema's keywords ---- */

bool keywords_compile(struct compiler *c, struct place *place)
{
    struct node *node = place->node;
    node->types = TYPE_ANY;
    node->resource = place->source->resource;
    if (json_type(place->schema) == JSON_BOOL) {
        node->types = json_bool(place->schema) ? TYPE_ANY : 0;
        return true;
    }
    for (struct json_iter it = json_iter(place->schema); json_next(&it);)
        for (size_t i = 0; i < COUNT(keywords); i++)
            if (str_is(it.key, keywords[i].name)) {
                if ((place->source->vocabularies & keywords[i].vocabulary) &&
                    !keywords[i].take(c, place, node, keywords[i].name, it.value))
                    return false;
                break;
            }
    if (node->object)
        members_compile(c, place, (struct object_rules *)node->object);
    node->only_type = node->types && !node->number && !node->string && !node->array &&
                      !node->object && !node->any;
    return true;
}
