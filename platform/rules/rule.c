#include <stdlib.h>

#include "platform/rules/program.h"

#define MANY UINT32_MAX
#define MOST_NUMBERED 1024 /* names of a set: a memo has a place for each */

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
    struct arena *arena; /* for texts */
    struct arena *nodes_arena; /* for what is run: close together, as it is read in a row */
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
    struct node *args = ARENA_ARRAY(c->nodes_arena, struct node, n);
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

/* A list that stands in the rule and is only looked into is read once. */
static void read_list(struct compiler *c, struct node *in)
{
    struct value *list = &((struct node *)(uintptr_t)in->args)[1].constant; /* made just now */
    if (in->args[1].op != OP_CONSTANT || list->kind != VALUE_JSON ||
        json_type(list->json) != JSON_ARRAY)
        return;
    const struct json *json = list->json;
    struct value *items = ARENA_ARRAY(c->nodes_arena, struct value, json_size(json));
    for (struct json_iter it = json_iter(json); json_next(&it);)
        items[it.index] = value_of(it.value);
    give_items(list, items, json_size(json));
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
        struct node *arg = ARENA_NEW(c->nodes_arena, struct node);
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
    if (out->op == OP_IN)
        read_list(c, out);
    if (!behaviour_compile(c->nodes_arena, out, &why))
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

/* Into the arena of `c`, which ctx need not be of. */
static const struct node *compile_all(struct compiler *c, const struct json *logic)
{
    struct ctx own = { .arena = c->arena };
    struct node *root = ARENA_NEW(c->nodes_arena, struct node);
    struct spot whole = { 0 };
    const struct json *copy = json_parse(&own, json_text(c->arena, logic));
    bool ok = copy ? compile(c, copy, &whole, root)
                   : ctx_fail_at(c->ctx, ERR_INVALID, STR(""), "the rule is too deep");
    return ok ? root : NULL;
}

struct rule *rule_compile(struct ctx *ctx, const struct json *logic)
{
    struct rule *rule = mem_alloc(sizeof(*rule));
    rule->arena = arena_new(0);
    struct compiler c = { ctx, rule->arena, rule->arena, 1 };
    rule->root = compile_all(&c, logic);
    if (rule->root)
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

/* ---- sets ---- */

struct rule_set {
    struct arena *arena, *nodes;
    struct str *names;
    uint32_t n, room;
};

static void nodes_free(void *nodes)
{
    arena_free(nodes);
}

struct rule_set *rule_set_new(struct arena *arena)
{
    struct rule_set *set = ARENA_NEW(arena, struct rule_set);
    set->arena = arena;
    set->nodes = arena_new(0);
    arena_at_end(arena, nodes_free, set->nodes);
    return set;
}

static uint32_t number_of_name(struct rule_set *set, struct str name)
{
    for (uint32_t i = 0; i < set->n; i++)
        if (str_eq(set->names[i], name))
            return i + 1;
    if (set->n == MOST_NUMBERED)
        return 0;
    if (set->n == set->room) {
        set->room = set->room ? set->room * 2 : 16;
        struct str *more = ARENA_ARRAY(set->arena, struct str, set->room);
        if (set->n)
            memcpy(more, set->names, set->n * sizeof(*more));
        set->names = more;
    }
    set->names[set->n++] = name;
    return set->n;
}

static void number_names(struct rule_set *set, const struct node *node)
{
    struct node *own = (struct node *)(uintptr_t)node; /* it was made just now */
    if (node->op == OP_NAMED)
        own->number = number_of_name(set, node->path->name);
    for (uint32_t i = 0; i < node->n; i++)
        number_names(set, &node->args[i]);
}

struct rule *rule_set_add(struct ctx *ctx, struct rule_set *set, const struct json *logic)
{
    struct rule *rule = ARENA_NEW(set->nodes, struct rule);
    struct compiler c = { ctx, set->arena, set->nodes, 1 };
    rule->root = compile_all(&c, logic);
    if (!rule->root)
        return NULL;
    number_names(set, rule->root);
    return rule;
}

struct rule_memo *rule_memo_new(struct arena *arena, const struct rule_set *set)
{
    struct rule_memo *memo = ARENA_NEW(arena, struct rule_memo);
    memo->n = set->n;
    memo->values = arena_alloc_raw(arena, set->n * sizeof(*memo->values) + 1);
    memo->states = arena_alloc(arena, set->n * sizeof(*memo->states) + 1);
    return memo;
}
