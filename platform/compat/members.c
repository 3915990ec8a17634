/* What schemas say of the members of objects. */
#include "platform/compat/compare.h"
#include "platform/schema/pattern.h"

#define NESTED_AT_MOST 32

/* ---- patterns ---- */

struct known_pattern {
    struct str text;
    struct pattern *pattern; /* NULL: it does not compile, and matches nothing */
    struct known_pattern *next;
};

static void free_pattern(void *pattern)
{
    pattern_free(pattern);
}

static struct pattern *pattern_known(struct compare *c, struct str text)
{
    for (struct known_pattern *at = c->patterns; at; at = at->next)
        if (str_eq(at->text, text))
            return at->pattern;
    struct arena *arena = c->reading.ctx->arena;
    struct known_pattern *known = ARENA_NEW(arena, struct known_pattern);
    struct ctx own = { .arena = arena };
    *known = (struct known_pattern){ text, pattern_compile(&own, text), c->patterns };
    if (known->pattern)
        arena_at_end(arena, free_pattern, known->pattern);
    c->patterns = known;
    return known->pattern;
}

bool pattern_matches(struct compare *c, struct str pattern, struct str text)
{
    struct pattern *known = pattern_known(c, pattern);
    return known && pattern_find(known, text) == PATTERN_MATCHES;
}

/* ---- one schema ---- */

bool list_has(const struct json *array, struct str text)
{
    if (json_type(array) != JSON_ARRAY)
        return false;
    for (struct json_iter it = json_iter(array); json_next(&it);)
        if (json_type(it.value) == JSON_STRING && str_eq(json_str(it.value), text))
            return true;
    return false;
}

static bool matches_one(struct compare *c, const struct json *patterns, struct str name)
{
    for (struct json_iter it = json_iter(patterns); json_next(&it);)
        if (pattern_matches(c, it.key, name))
            return true;
    return false;
}

/* Which members a schema evaluates with all that is inside it. Of a reader only what is certain
 * counts, of a writer what may be. */
struct evaluation {
    struct compare *c;
    struct str name; /* ptr NULL: any that is not named */
    bool may_be;
};

static bool evaluates(const struct evaluation *of, struct node schema, bool alternative, int depth);

static bool list_evaluates(const struct evaluation *of, struct node list, bool alternative,
                           int depth)
{
    bool object = json_type(list.json) == JSON_OBJECT;
    size_t index = 0;
    for (struct json_iter it = json_iter(list.json); json_next(&it); index++)
        if (evaluates(of,
                      object ? node_get_n(of->c->reading.ctx, list, it.key)
                             : node_at(of->c->reading.ctx, list, index),
                      alternative, depth))
            return true;
    return false;
}

/* By the schema's own keywords. */
static bool evaluates_itself(const struct evaluation *of, const struct json *schema,
                             bool alternative)
{
    const struct json *properties = json_get(schema, "properties"),
                      *patterns = json_get(schema, "patternProperties");
    if (json_get(schema, "additionalProperties") || json_get(schema, "unevaluatedProperties"))
        return true;
    if (!of->name.ptr)
        return of->may_be && (json_size(patterns) || (alternative && json_size(properties)));
    return json_get_n(properties, of->name) || matches_one(of->c, patterns, of->name);
}

static bool alternatives_evaluate(const struct evaluation *of, struct node schema, int depth)
{
    static const char *const lists[] = { "anyOf", "oneOf", "dependentSchemas" };
    static const char *const parts[] = { "if", "then", "else" };
    struct ctx *ctx = of->c->reading.ctx;
    for (size_t i = 0; i < COUNT(lists); i++)
        if (list_evaluates(of, node_get(ctx, schema, lists[i]), true, depth + 1))
            return true;
    for (size_t i = 0; i < COUNT(parts); i++)
        if (evaluates(of, node_get(ctx, schema, parts[i]), true, depth + 1))
            return true;
    return json_get(schema.json, "$dynamicRef") || json_get(schema.json, "$recursiveRef");
}

static bool evaluates(const struct evaluation *of, struct node schema, bool alternative, int depth)
{
    struct ctx *ctx = of->c->reading.ctx;
    struct node target;
    if (json_type(schema.json) != JSON_OBJECT || depth > NESTED_AT_MOST)
        return false;
    if (depth > 0 && evaluates_itself(of, schema.json, alternative))
        return true;
    if (of->may_be && alternatives_evaluate(of, schema, depth))
        return true;
    if (list_evaluates(of, node_get(ctx, schema, "allOf"), alternative, depth + 1))
        return true;
    struct str reference = json_str(json_get(schema.json, "$ref"));
    if (!reference.ptr)
        return false;
    if (node_resolve(ctx, schema, reference, &target))
        return evaluates(of, target, alternative, depth + 1);
    of->c->failed = true;
    return false;
}

/* As the contract compiler closes objects. */
static bool is_closed_unsaid(struct node schema)
{
    return schema.side->given->closed && json_get(schema.json, "type") &&
           types_of(&schema) & TYPE_OBJECT;
}

struct node additional_of(struct compare *c, struct node schema, struct str name, bool writes,
                          bool *closed)
{
    struct evaluation of = { c, name, writes };
    struct node others = node_get(c->reading.ctx, schema, "additionalProperties");
    if (!others.json) {
        others = node_get(c->reading.ctx, schema, "unevaluatedProperties");
        if (others.json && evaluates(&of, schema, false, 0))
            others.json = NULL;
    }
    bool is_false = json_type(others.json) == JSON_BOOL && !json_bool(others.json);
    *closed = is_false || (!others.json && is_closed_unsaid(schema));
    return others;
}

/* ---- all schemas of a writer ---- */

static bool add_member(struct compare *c, struct writer *member, struct node schema,
                       struct str name, bool *named)
{
    struct ctx *ctx = c->reading.ctx;
    struct node own = node_get_n(ctx, node_get(ctx, schema, "properties"), name);
    struct node patterns = node_get(ctx, schema, "patternProperties");
    bool found = own.json != NULL;
    if (found)
        *member = writer_with(c, member, own);
    *named |= found;
    for (struct json_iter it = json_iter(patterns.json); json_next(&it);) {
        if (!pattern_matches(c, it.key, name))
            continue;
        *member = writer_with(c, member, node_get_n(ctx, patterns, it.key));
        found = true;
    }
    return found;
}

static void add_others(struct compare *c, struct writer *member, struct node schema,
                       struct str name)
{
    bool closed;
    struct node others = additional_of(c, schema, name, true, &closed);
    if (closed)
        member->never = true;
    else if (others.json)
        *member = writer_with(c, member, others);
}

struct writer writer_member(struct compare *c, const struct writer *writer, struct str name,
                            bool *named)
{
    struct writer member = writer_any();
    *named = false;
    for (size_t i = 0; i < writer->n; i++)
        if (!add_member(c, &member, writer->atoms[i].node, name, named))
            add_others(c, &member, writer->atoms[i].node, name);
    if (writer->value) {
        member.value = json_get_n(writer->value, name);
        member.never |= !member.value;
        *named |= member.value != NULL;
    }
    return member;
}

struct writer writer_others(struct compare *c, const struct writer *writer)
{
    struct writer member = writer_any();
    for (size_t i = 0; i < writer->n; i++)
        add_others(c, &member, writer->atoms[i].node, (struct str){ NULL, 0 });
    member.never |= writer->value != NULL;
    return member;
}

bool writer_requires(const struct writer *writer, struct str name)
{
    if (writer->value)
        return json_get_n(writer->value, name) != NULL;
    for (size_t i = 0; i < writer->n; i++)
        if (list_has(json_get(writer->atoms[i].node.json, "required"), name))
            return true;
    return false;
}

bool writer_is_listed(struct compare *c, const struct writer *writer)
{
    for (size_t i = 0; i < writer->n; i++) {
        bool closed;
        additional_of(c, writer->atoms[i].node, (struct str){ NULL, 0 }, true, &closed);
        if (closed && !json_size(json_get(writer->atoms[i].node.json, "patternProperties")))
            return true;
    }
    return writer->value != NULL;
}

static size_t add_names(struct str *names, size_t n, const struct json *object)
{
    for (struct json_iter it = json_iter(object); json_next(&it);) {
        size_t at = 0;
        while (at < n && !str_eq(names[at], it.key))
            at++;
        if (at == n)
            names[n++] = it.key;
    }
    return n;
}

size_t writer_names(struct compare *c, const struct writer *writer, struct str **names)
{
    const struct json *value = json_type(writer->value) == JSON_OBJECT ? writer->value : NULL;
    size_t most = json_size(value), n = 0;
    for (size_t i = 0; i < writer->n; i++)
        most += json_size(json_get(writer->atoms[i].node.json, "properties"));
    *names = ARENA_ARRAY(c->reading.ctx->arena, struct str, most + 1);
    for (size_t i = 0; i < writer->n; i++)
        n = add_names(*names, n, json_get(writer->atoms[i].node.json, "properties"));
    return value ? add_names(*names, n, value) : n;
}
