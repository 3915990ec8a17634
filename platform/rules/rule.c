#include <stdlib.h>

#include "platform/rules/program.h"

#define MANY UINT32_MAX

static const struct {
    const char *name;
    uint32_t least, most;
} operators[N_OPERATORS] = {
#define X(id, name, least, most) [OP_##id] = { name, least, most },
    OPERATOR_TABLE(X)
#undef X
};

struct compiler {
    struct ctx *ctx;
    struct arena *arena; /* the rule's */
    size_t nodes;
};

/* Where in the logic, for errors. */
struct spot {
    const struct spot *up;
    struct str key; /* ptr NULL: an element */
    size_t index;
};

static struct str pointer_of(struct arena *arena, const struct spot *spot)
{
    if (!spot->up)
        return STR("");
    struct str up = pointer_of(arena, spot->up);
    if (!spot->key.ptr)
        return arena_printf(arena, STR_FMT "/%zu", STR_ARG(up), spot->index);
    struct str key = STR(""); /* operators have a slash, and no tilde */
    for (size_t i = 0; i < spot->key.len; i++)
        key = spot->key.ptr[i] == '/'
                  ? arena_printf(arena, STR_FMT "~1", STR_ARG(key))
                  : arena_printf(arena, STR_FMT "%c", STR_ARG(key), spot->key.ptr[i]);
    return arena_printf(arena, STR_FMT "/" STR_FMT, STR_ARG(up), STR_ARG(key));
}

#define FAIL(c, spot, ...)                                                                         \
    ctx_fail_at((c)->ctx, ERR_INVALID, pointer_of((c)->ctx->arena, (spot)), __VA_ARGS__)

static bool compile(struct compiler *c, const struct json *logic, const struct spot *spot,
                    struct node *out);

/* Only an object with one member is logic; others are values. */
static bool is_logic(const struct json *value)
{
    return json_type(value) == JSON_OBJECT && json_size(value) == 1;
}

static bool has_logic(const struct json *value)
{
    if (is_logic(value))
        return true;
    if (json_type(value) == JSON_ARRAY)
        for (struct json_iter it = json_iter(value); json_next(&it);)
            if (has_logic(it.value))
                return true;
    return false;
}

static bool compile_args(struct compiler *c, const struct json *list, const struct spot *spot,
                         struct node *out)
{
    size_t n = json_size(list);
    if (n > MOST_NODES - c->nodes)
        return FAIL(c, spot, "the rule has more than %d parts", MOST_NODES);
    c->nodes += n;
    struct node *args = ARENA_ARRAY(c->arena, struct node, n);
    out->args = args;
    out->n = (uint32_t)n;
    for (struct json_iter it = json_iter(list); json_next(&it);) {
        struct spot below = { spot, { NULL, 0 }, it.index };
        if (!compile(c, it.value, &below, &args[it.index]))
            return false;
    }
    return true;
}

/* A `var` whose name stands in the rule is cut once. */
static void name_var(struct compiler *c, struct node *node)
{
    struct str name = STR("");
    if (node->n > 0) {
        const struct node *first = &node->args[0];
        if (first->op != OP_CONSTANT)
            return;
        if (first->constant.kind == VALUE_STRING)
            name = first->constant.str;
        else if (first->constant.kind == VALUE_NUMBER && first->constant.number >= 0 &&
                 first->constant.number < 1e9)
            name = arena_printf(c->arena, "%.15g", first->constant.number);
        else if (first->constant.kind != VALUE_NULL)
            return;
        node->args++;
        node->n--;
    }
    node->op = OP_NAMED;
    node->path = path_cut(c->arena, name);
}

static bool compile_logic(struct compiler *c, const struct json *logic, const struct spot *spot,
                          struct node *out)
{
    struct json_iter it = json_iter(logic);
    json_next(&it);
    struct spot below = { spot, it.key, 0 };
    for (int op = OP_VAR; op < N_OPERATORS && out->op == OP_CONSTANT; op++)
        if (str_is(it.key, operators[op].name))
            out->op = (enum operator)op;
    if (out->op == OP_CONSTANT)
        return FAIL(c, spot, "there is no operator " STR_FMT, (int)MIN(it.key.len, 40), it.key.ptr);
    if (json_type(it.value) == JSON_ARRAY) {
        if (!compile_args(c, it.value, &below, out))
            return false;
    } else { /* one argument needs no brackets */
        if (c->nodes++ == MOST_NODES)
            return FAIL(c, spot, "the rule has more than %d parts", MOST_NODES);
        struct node *arg = ARENA_NEW(c->arena, struct node);
        out->args = arg;
        out->n = 1;
        if (!compile(c, it.value, &below, arg))
            return false;
    }
    if (out->n < operators[out->op].least || out->n > operators[out->op].most)
        return FAIL(c, &below, "%s does not take %u arguments", operators[out->op].name, out->n);
    const char *why;
    if (out->op == OP_VAR)
        name_var(c, out);
    if (!behaviour_compile(c->arena, out, &why))
        return FAIL(c, &below, "%s", why);
    return true;
}

static bool compile(struct compiler *c, const struct json *logic, const struct spot *spot,
                    struct node *out)
{
    out->op = OP_CONSTANT;
    if (is_logic(logic))
        return compile_logic(c, logic, spot, out);
    if (has_logic(logic)) {
        out->op = OP_LIST;
        return compile_args(c, logic, spot, out);
    }
    out->constant = value_of(logic);
    return true;
}

struct rule *rule_compile(struct ctx *ctx, const struct json *logic)
{
    struct rule *rule = mem_alloc(sizeof(*rule));
    rule->arena = arena_new(0);
    struct ctx own = { .arena = rule->arena };
    struct compiler c = { ctx, rule->arena, 1 };
    struct node *root = ARENA_NEW(rule->arena, struct node);
    struct spot whole = { 0 };
    const struct json *copy = json_parse(&own, json_text(rule->arena, logic));
    rule->root = root;
    if (copy ? compile(&c, copy, &whole, root)
             : ctx_fail_at(ctx, ERR_INVALID, STR(""), "the rule is too deep"))
        return rule;
    rule_free(rule);
    return NULL;
}

void rule_free(struct rule *rule)
{
    if (!rule)
        return;
    arena_free(rule->arena);
    free(rule);
}
