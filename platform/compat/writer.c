/* All that is known of what is written. */
#include "platform/compat/compare.h"

#define REFS_AT_MOST 64   /* deeper is a circle */
#define VALUES_AT_MOST 64 /* more values are not looked at one by one */

struct writer writer_any(void)
{
    return (struct writer){ .types = TYPE_ALL };
}

static bool has_atom(const struct writer *writer, const struct json *schema)
{
    for (size_t i = 0; i < writer->n; i++)
        if (writer->atoms[i].node.json == schema)
            return true;
    return false;
}

/* ---- flattening ---- */

/* Keywords that say nothing of values by themselves. A default does: somebody may count on it. */
static bool is_silent(struct str keyword)
{
    static const char *const silent[] = {
        "$ref",        "$dynamicRef", "$recursiveRef",  "allOf",      "title",
        "description", "examples",    "example",        "deprecated", "readOnly",
        "writeOnly",   "$comment",    "$schema",        "$id",        "$anchor",
        "$defs",       "definitions", "$dynamicAnchor", "id",         "$vocabulary",
    };
    if (str_starts(keyword, STR("x-")))
        return !str_is(keyword, "x-id-prefix");
    for (size_t i = 0; i < COUNT(silent); i++)
        if (str_is(keyword, silent[i]))
            return true;
    return false;
}

static bool says_nothing(const struct json *schema)
{
    for (struct json_iter it = json_iter(schema); json_next(&it);)
        if (!is_silent(it.key))
            return false;
    return true;
}

static void add(struct compare *c, struct writer *writer, struct node node, int depth);

static void append(struct compare *c, struct writer *writer, struct node node)
{
    struct atom *atoms = ARENA_ARRAY(c->reading.ctx->arena, struct atom, writer->n + 1);
    if (writer->n)
        memcpy(atoms, writer->atoms, writer->n * sizeof(*atoms));
    atoms[writer->n].node = node;
    atoms[writer->n].silent = says_nothing(node.json);
    writer->atoms = atoms;
    writer->n++;
    const struct json *value = json_get(node.json, "const");
    writer->value = writer->value ? writer->value : value;
}

static void add_reference(struct compare *c, struct writer *writer, struct node node,
                          const char *keyword, int depth)
{
    struct str reference = json_str(json_get(node.json, keyword));
    struct node target;
    if (!reference.ptr)
        return;
    if (node_resolve(c->reading.ctx, node, reference, &target))
        add(c, writer, target, depth + 1);
    else
        c->failed = true;
}

static void add(struct compare *c, struct writer *writer, struct node node, int depth)
{
    if (json_type(node.json) == JSON_BOOL && !json_bool(node.json))
        writer->never = true;
    if (json_type(node.json) != JSON_OBJECT || depth > REFS_AT_MOST || c->failed)
        return;
    if (node.side->draft7 && json_get(node.json, "$ref")) {
        add_reference(c, writer, node, "$ref", depth);
        return;
    }
    if (has_atom(writer, node.json))
        return;
    append(c, writer, node);
    add_reference(c, writer, node, "$ref", depth);
    add_reference(c, writer, node, "$dynamicRef", depth);
    add_reference(c, writer, node, "$recursiveRef", depth);
    struct node all = node_get(c->reading.ctx, node, "allOf");
    for (size_t i = 0; i < json_size(all.json); i++)
        add(c, writer, node_at(c->reading.ctx, all, i), depth + 1);
}

struct writer writer_with(struct compare *c, const struct writer *writer, struct node node)
{
    struct writer out = *writer;
    add(c, &out, node, 0);
    return out;
}

struct writer writer_new(struct compare *c, struct node node)
{
    struct writer any = writer_any();
    return writer_with(c, &any, node);
}

/* Are the atoms of the one among those of the other? */
static bool within(const struct writer *inner, const struct writer *outer)
{
    for (size_t i = 0; i < inner->n; i++) {
        const struct atom *atom = &inner->atoms[i];
        bool found = atom->silent;
        for (size_t k = 0; k < outer->n && !found; k++)
            found = outer->atoms[k].node.json == atom->node.json &&
                    outer->atoms[k].apart == atom->apart && outer->atoms[k].part == atom->part;
        if (!found)
            return false;
    }
    return true;
}

bool writer_same(const struct writer *a, const struct writer *b)
{
    if (a->types != b->types || a->value != b->value || a->never != b->never)
        return false;
    return within(a, b) && within(b, a);
}

bool writer_is_any(const struct writer *writer)
{
    for (size_t i = 0; i < writer->n; i++)
        if (!writer->atoms[i].silent)
            return false;
    return writer->types == TYPE_ALL && !writer->value && !writer->never;
}

/* ---- types and values ---- */

static unsigned said_types(const struct writer *writer)
{
    unsigned types = writer->types;
    for (size_t i = 0; i < writer->n; i++)
        types &= types_of(&writer->atoms[i].node);
    return writer->value ? types & type_of_value(writer->value) : types;
}

/* Is it among those that each enum and const leaves? */
static bool is_left(const struct writer *writer, const struct json *value)
{
    for (size_t i = 0; i < writer->n; i++) {
        const struct json *schema = writer->atoms[i].node.json, *list = json_get(schema, "enum"),
                          *one = json_get(schema, "const");
        if ((list && !value_in(list, value)) || (one && !json_equal(one, value)))
            return false;
    }
    return true;
}

static const struct json **keep(struct compare *c, const struct writer *writer,
                                const struct json *array, size_t *n)
{
    unsigned types = said_types(writer);
    const struct json **values =
        ARENA_ARRAY(c->reading.ctx->arena, const struct json *, json_size(array) + 1);
    *n = 0;
    for (struct json_iter it = json_iter(array); json_next(&it);)
        if ((type_of_value(it.value) & types) && is_left(writer, it.value))
            values[(*n)++] = it.value;
    return values;
}

const struct json **writer_values(struct compare *c, const struct writer *writer, size_t *n)
{
    const struct json **one = ARENA_ARRAY(c->reading.ctx->arena, const struct json *, 1);
    if ((*one = writer->value)) {
        *n = (type_of_value(*one) & said_types(writer)) && is_left(writer, *one);
        return one;
    }
    for (size_t i = 0; i < writer->n; i++) {
        const struct json *list = json_get(writer->atoms[i].node.json, "enum");
        if (list)
            return keep(c, writer, list, n);
    }
    if (!(said_types(writer) & ~(TYPE_BOOL | TYPE_NULL)))
        return keep(c, writer, c->words, n);
    *n = 0;
    return NULL;
}

unsigned writer_types(struct compare *c, const struct writer *writer)
{
    size_t n;
    const struct json **values = writer_values(c, writer, &n);
    if (writer->never)
        return 0;
    if (!values)
        return said_types(writer);
    unsigned types = 0;
    for (size_t i = 0; i < n; i++)
        types |= type_of_value(values[i]);
    return types;
}

/* ---- parts ---- */

static struct writer apart(struct compare *c, const struct writer *writer, size_t atom,
                           unsigned what, struct node node)
{
    struct writer part = *writer;
    part.atoms = ARENA_ARRAY(c->reading.ctx->arena, struct atom, writer->n);
    memcpy(part.atoms, writer->atoms, writer->n * sizeof(*part.atoms));
    part.atoms[atom].apart |= what;
    return node.json ? writer_with(c, &part, node) : part;
}

static size_t parts_of_list(struct compare *c, const struct writer *writer, size_t atom,
                            const char *keyword, unsigned what, struct writer **parts)
{
    struct node list = node_get(c->reading.ctx, writer->atoms[atom].node, keyword);
    size_t n = json_size(list.json);
    if (!n || writer->atoms[atom].apart & what)
        return 0;
    *parts = ARENA_ARRAY(c->reading.ctx->arena, struct writer, n);
    for (size_t i = 0; i < n; i++) {
        (*parts)[i] = apart(c, writer, atom, what, node_at(c->reading.ctx, list, i));
        if (what == APART_ONE)
            (*parts)[i].atoms[atom].part = (unsigned)i;
    }
    return n;
}

/* Where the condition holds, `then` holds too; elsewhere `else` does. */
static size_t parts_of_condition(struct compare *c, const struct writer *writer, size_t atom,
                                 struct writer **parts)
{
    struct ctx *ctx = c->reading.ctx;
    struct node node = writer->atoms[atom].node, then = node_get(ctx, node, "then"),
                other = node_get(ctx, node, "else"), condition = node_get(ctx, node, "if");
    if (!condition.json || (!then.json && !other.json) || writer->atoms[atom].apart & APART_IF)
        return 0;
    *parts = ARENA_ARRAY(ctx->arena, struct writer, 2);
    (*parts)[0] = apart(c, writer, atom, APART_IF, condition);
    if (then.json)
        (*parts)[0] = writer_with(c, &(*parts)[0], then);
    (*parts)[1] = apart(c, writer, atom, APART_IF, other);
    return 2;
}

static size_t parts_by_type(struct compare *c, const struct writer *writer, struct writer **parts)
{
    static const unsigned kinds[] = { TYPE_NULL,   TYPE_BOOL,  TYPE_NUMBER,
                                      TYPE_STRING, TYPE_ARRAY, TYPE_OBJECT };
    unsigned types = writer_types(c, writer);
    size_t n = 0;
    *parts = ARENA_ARRAY(c->reading.ctx->arena, struct writer, COUNT(kinds));
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if (!(types & kinds[i]))
            continue;
        (*parts)[n] = *writer;
        (*parts)[n++].types &= kinds[i];
    }
    return n > 1 ? n : 0;
}

static size_t parts_by_value(struct compare *c, const struct writer *writer, struct writer **parts)
{
    size_t n;
    const struct json **values = writer_values(c, writer, &n);
    if (!values || n < 2 || n > VALUES_AT_MOST)
        return 0;
    *parts = ARENA_ARRAY(c->reading.ctx->arena, struct writer, n);
    for (size_t i = 0; i < n; i++) {
        (*parts)[i] = *writer;
        (*parts)[i].value = values[i];
    }
    return n;
}

size_t writer_parts(struct compare *c, const struct writer *writer, struct writer **parts,
                    bool *alternatives)
{
    size_t n = 0;
    for (size_t i = 0; i < writer->n && !n; i++) {
        n = parts_of_list(c, writer, i, "anyOf", APART_ANY, parts);
        if (!n)
            n = parts_of_list(c, writer, i, "oneOf", APART_ONE, parts);
        if (!n)
            n = parts_of_condition(c, writer, i, parts);
    }
    *alternatives = n > 0;
    if (!n)
        n = parts_by_type(c, writer, parts);
    if (!n)
        n = parts_by_value(c, writer, parts);
    return n;
}
