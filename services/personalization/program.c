#include "services/personalization/program_internal.h"

#include <math.h>

#include "services/personalization/person.h"

#define MOST_PARTS 200 /* of and, or and not together */

struct compiler {
    struct ctx *ctx;
    size_t parts;
};

/* Where in the logic, for errors. */
struct spot {
    const struct spot *up;
    const char *key; /* NULL: an element */
    size_t index;
};

static struct str pointer_of(struct arena *arena, const struct spot *spot)
{
    if (!spot->up)
        return STR("");
    struct str up = pointer_of(arena, spot->up);
    return spot->key ? arena_printf(arena, STR_FMT "/%s", STR_ARG(up), spot->key)
                     : arena_printf(arena, STR_FMT "/%zu", STR_ARG(up), spot->index);
}

/* ---- names ---- */

static struct str tail_of(struct str name, char c)
{
    size_t at = name.len;
    while (at > 0 && name.ptr[at - 1] != c)
        at--;
    return (struct str){ name.ptr + at, name.len - at };
}

static bool is_metric(struct str name)
{
    double value;
    bool none;
    return (str_starts(name, STR("orders.")) || str_starts(name, STR("visits.")) ||
            str_starts(name, STR("events."))) &&
           history_metric(&(struct history){ 0 }, tail_of(name, '.'), 0, 1, &value, &none);
}

enum column_kind feature_kind(struct str name)
{
    if (str_is(name, "orders.total"))
        return COLUMN_AMOUNT;
    if (str_is(name, "visits"))
        return COLUMN_NUMBER;
    if (!is_metric(name))
        return COLUMN_VALUE;
    return str_starts(tail_of(name, '.'), STR("sum")) ? COLUMN_AMOUNT : COLUMN_NUMBER;
}

bool name_is_segment(struct str name)
{
    return str_starts(name, STR("segments."));
}

struct str name_segment(struct str name)
{
    size_t prefix = sizeof("segments.") - 1;
    return (struct str){ name.ptr + prefix, name.len - prefix };
}

bool name_is_now(struct str name)
{
    return str_is(name, "now");
}

bool name_is_percentile(struct str name)
{
    return str_is(name, "spend_percentile");
}

static bool name_is_of_request(struct str name)
{
    return str_starts(name, STR("context.")) || str_starts(name, STR("$flagd.")) ||
           str_is(name, "context") || str_is(name, "person.customer") ||
           str_is(name, "targetingKey");
}

static bool name_check(struct compiler *c, const struct spot *spot, struct str name)
{
    if (name_is_of_request(name))
        return ctx_fail_at(c->ctx, ERR_INVALID, pointer_of(c->ctx->arena, spot),
                           "a segment cannot read " STR_FMT
                           ": it belongs to a request, and who is in a segment is known without "
                           "one; the rule of an experience or a flag can read both",
                           STR_ARG(name));
    return name_is_segment(name) || name_is_now(name) || name_is_percentile(name) ||
           is_metric(name) || str_is(name, "visits") || str_is(name, "orders.total") ||
           str_is(name, "tier") || str_is(name, "person.known") ||
           str_starts(name, STR("traits.")) || str_starts(name, STR("consent.")) ||
           ctx_fail_at(c->ctx, ERR_INVALID, pointer_of(c->ctx->arena, spot),
                       "there is no feature " STR_FMT, (int)MIN(name.len, 100), name.ptr);
}

struct naming {
    struct compiler *compiler;
    const struct spot *spot;
    struct program *leaf;
    size_t room;
};

static bool note_name(void *argument, struct str name)
{
    struct naming *naming = argument;
    struct program *leaf = naming->leaf;
    struct arena *arena = naming->compiler->ctx->arena;
    if (!name_check(naming->compiler, naming->spot, name))
        return false;
    for (size_t i = 0; i < leaf->n; i++)
        if (str_eq(leaf->names[i], name))
            return true;
    if (leaf->n == naming->room) {
        struct str *more = ARENA_ARRAY(arena, struct str, naming->room = 2 * naming->room + 4);
        if (leaf->n)
            memcpy(more, leaf->names, leaf->n * sizeof *more);
        leaf->names = more;
    }
    leaf->names[leaf->n++] = name;
    return true;
}

/* ---- ranges ---- */

static bool give_null(struct ctx *ctx, struct str name, void *argument, struct value *out)
{
    *out = (struct value){ .kind = VALUE_NULL };
    return true;
}

static const struct {
    const char *name, *mirrored;
} comparisons[] = {
    { "<", ">" },   { "<=", ">=" },   { ">", "<" },   { ">=", "<=" },
    { "==", "==" }, { "===", "===" }, { "!=", "!=" }, { "!==", "!==" },
};

static void range_of(struct program *leaf, const char *op, double n)
{
    leaf->from = -INFINITY;
    leaf->to = INFINITY;
    leaf->outside = op[0] == '!';
    if (op[0] == '<')
        leaf->to = op[1] ? n : nextafter(n, -INFINITY);
    else if (op[0] == '>')
        leaf->from = op[1] ? n : nextafter(n, INFINITY);
    else
        leaf->from = leaf->to = n;
}

/* Something against a number, and what is something is a column of numbers. */
static bool range_compile(struct program *leaf, const struct json *logic)
{
    struct json_iter it = json_iter(logic);
    json_next(&it);
    const struct json *left = json_at(it.value, 0), *right = json_at(it.value, 1);
    if (leaf->n != 1 || json_type(it.value) != JSON_ARRAY || json_size(it.value) != 2)
        return false;
    bool mirrored = json_type(left) == JSON_INTEGER || json_type(left) == JSON_NUMBER;
    const struct json *constant = mirrored ? left : right, *named = mirrored ? right : left;
    if ((json_type(constant) != JSON_INTEGER && json_type(constant) != JSON_NUMBER) ||
        json_type(named) != JSON_OBJECT ||
        !(json_get(named, "var") || json_get(named, "times") || json_get(named, "total")) ||
        json_type(json_get(named, "var")) == JSON_ARRAY) /* with a default */
        return false;
    for (size_t i = 0; i < COUNT(comparisons); i++)
        if (str_is(it.key, comparisons[i].name)) {
            range_of(leaf, mirrored ? comparisons[i].mirrored : comparisons[i].name,
                     json_double(constant));
            return true;
        }
    return false;
}

/* `did` is at least so often; a name alone is anything but 0 and null. */
static bool range_short(struct program *leaf, const struct json *logic)
{
    const struct json *did = json_get(logic, "did"), *var = json_get(logic, "var");
    if (did) {
        range_of(leaf, ">=", json_size(did) > 1 ? json_double(json_at(did, 1)) : 1);
        return true;
    }
    if ((json_type(var) != JSON_STRING) && !json_get(logic, "times") && !json_get(logic, "total"))
        return false;
    range_of(leaf, "!=", 0);
    return true;
}

/* ---- compiling ---- */

static void rule_done(void *rule)
{
    rule_free(rule);
}

static struct program *leaf_compile(struct compiler *c, const struct json *logic,
                                    const struct spot *spot)
{
    struct ctx *ctx = c->ctx;
    struct program *leaf = ARENA_NEW(ctx->arena, struct program);
    leaf->shape = SHAPE_RULE;
    leaf->rule = rule_compile(ctx, logic);
    if (!leaf->rule) {
        ctx->error.pointer = arena_printf(ctx->arena, STR_FMT STR_FMT,
                                          STR_ARG(pointer_of(ctx->arena, spot)),
                                          STR_ARG(ctx->error.pointer));
        return NULL;
    }
    arena_at_end(ctx->arena, rule_done, leaf->rule);
    struct naming naming = { c, spot, leaf, 0 };
    if (!rule_names(leaf->rule, note_name, &naming)) {
        if (!ctx_failed(ctx))
            ctx_fail_at(ctx, ERR_INVALID, pointer_of(ctx->arena, spot),
                        "a segment's rule names the features that it reads");
        return NULL;
    }
    if (leaf->n == 1 && name_is_segment(leaf->names[0]) && json_get(logic, "var")) {
        leaf->shape = SHAPE_SEGMENT;
    } else if (leaf->n == 1 && !name_is_segment(leaf->names[0]) &&
               feature_kind(leaf->names[0]) != COLUMN_VALUE &&
               (range_compile(leaf, logic) || range_short(leaf, logic))) {
        struct rule_input input = { .lookup = give_null };
        struct value value;
        leaf->shape = SHAPE_RANGE;
        leaf->for_null = rule_evaluate(ctx, leaf->rule, &input, &value) && rule_truthy(&value);
        ctx_clear(ctx);
    }
    return leaf;
}

static struct program *part_compile(struct compiler *c, const struct json *logic,
                                    const struct spot *spot);

static struct program *tree_compile(struct compiler *c, const struct json *args,
                                    const struct spot *spot, enum shape shape)
{
    struct program *tree = ARENA_NEW(c->ctx->arena, struct program);
    tree->shape = shape;
    bool list = json_type(args) == JSON_ARRAY;
    tree->n = list ? json_size(args) : 1;
    tree->parts = ARENA_ARRAY(c->ctx->arena, struct program *, tree->n);
    if (!list)
        return (tree->parts[0] = part_compile(c, args, spot)) ? tree : NULL;
    for (struct json_iter it = json_iter(args); json_next(&it);) {
        struct spot below = { spot, NULL, it.index };
        if (!(tree->parts[it.index] = part_compile(c, it.value, &below)))
            return NULL;
    }
    return tree;
}

static struct program *part_compile(struct compiler *c, const struct json *logic,
                                    const struct spot *spot)
{
    static const struct {
        const char *name;
        enum shape shape;
    } trees[] = {
        { "and", SHAPE_AND }, { "or", SHAPE_OR }, { "!", SHAPE_NOT }, { "!!", SHAPE_AND }
    };
    if (c->parts++ == MOST_PARTS) {
        ctx_fail_at(c->ctx, ERR_INVALID, pointer_of(c->ctx->arena, spot),
                    "a segment's rule has more than %d parts", MOST_PARTS);
        return NULL;
    }
    for (size_t i = 0; i < COUNT(trees); i++) {
        const struct json *args = json_get(logic, trees[i].name);
        size_t n = json_type(args) == JSON_ARRAY ? json_size(args) : 1;
        bool single = trees[i].name[0] == '!';
        struct spot below = { spot, trees[i].name, 0 };
        if (args && json_size(logic) == 1 && (single ? n == 1 : n > 0))
            return tree_compile(c, args, &below, trees[i].shape);
    }
    return leaf_compile(c, logic, spot);
}

struct program *program_compile(struct ctx *ctx, const struct json *logic)
{
    struct compiler c = { ctx, 0 };
    struct spot whole = { 0 };
    if (json_type(logic) != JSON_OBJECT && json_type(logic) != JSON_BOOL) {
        ctx_fail_at(ctx, ERR_INVALID, STR(""), "a segment's rule is JsonLogic, true or false");
        return NULL;
    }
    return part_compile(&c, logic, &whole);
}

static bool give_name(struct str name, program_name *each, void *argument)
{
    if (name_is_now(name))
        return true;
    if (name_is_percentile(name))
        return each(argument, NAME_SPENT, false) && each(argument, NAME_ORDERS, false);
    bool segment = name_is_segment(name);
    return each(argument, segment ? name_segment(name) : name, segment);
}

bool program_names(const struct program *program, program_name *each, void *argument)
{
    for (size_t i = 0; i < program->n; i++)
        if (!(program->parts ? program_names(program->parts[i], each, argument)
                             : give_name(program->names[i], each, argument)))
            return false;
    return true;
}

bool program_moves(const struct program *program)
{
    for (size_t i = 0; i < program->n; i++)
        if (program->parts
                ? program_moves(program->parts[i])
                : name_is_now(program->names[i]) || name_is_percentile(program->names[i]))
            return true;
    return false;
}
