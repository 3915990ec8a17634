#include "platform/rules/program.h"

/* The list that the first argument gives, and the scope to come back to. */
static bool enter_list(struct run *run, const struct node *node, const struct value **items,
                       size_t *n)
{
    struct value *list = ARENA_NEW(run->ctx->arena, struct value);
    return evaluate(run, &node->args[0], list) && items_of(run, list, items, n);
}

/* Evaluates with one element as what `var` sees. */
static bool evaluate_for(struct run *run, const struct node *node, struct scope scope,
                         struct value *out)
{
    struct scope outer = run->scope;
    run->scope = scope;
    bool ok = evaluate(run, node, out);
    run->scope = outer;
    return ok;
}

bool op_list(struct run *run, const struct node *node, struct value *out)
{
    struct value *items = ARENA_ARRAY(run->ctx->arena, struct value, node->n);
    for (uint32_t i = 0; i < node->n; i++)
        if (!evaluate(run, &node->args[i], &items[i]))
            return false;
    return give_items(out, items, node->n);
}

bool op_map(struct run *run, const struct node *node, struct value *out)
{
    const struct value *items;
    size_t n;
    if (!enter_list(run, node, &items, &n) || !take_steps(run, n))
        return false;
    struct value *made = ARENA_ARRAY(run->ctx->arena, struct value, n);
    for (size_t i = 0; i < n; i++)
        if (!evaluate_for(run, &node->args[1], (struct scope){ .item = &items[i] }, &made[i]))
            return false;
    return give_items(out, made, n);
}

bool op_filter(struct run *run, const struct node *node, struct value *out)
{
    const struct value *items;
    size_t n, kept = 0;
    if (!enter_list(run, node, &items, &n) || !take_steps(run, n))
        return false;
    struct value *made = ARENA_ARRAY(run->ctx->arena, struct value, n), verdict;
    for (size_t i = 0; i < n; i++) {
        if (!evaluate_for(run, &node->args[1], (struct scope){ .item = &items[i] }, &verdict))
            return false;
        if (rule_truthy(&verdict))
            made[kept++] = items[i];
    }
    return give_items(out, made, kept);
}

bool op_reduce(struct run *run, const struct node *node, struct value *out)
{
    const struct value *items;
    size_t n;
    struct value total;
    give_null(&total);
    if (!enter_list(run, node, &items, &n) ||
        (node->n == 3 && !evaluate(run, &node->args[2], &total)))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct value next;
        if (!evaluate_for(run, &node->args[1], (struct scope){ &items[i], &total }, &next))
            return false;
        total = next;
    }
    *out = total;
    return true;
}

/* all (of none: false), some, none. */
bool op_quantifier(struct run *run, const struct node *node, struct value *out)
{
    const struct value *items;
    struct value verdict;
    size_t n;
    if (!enter_list(run, node, &items, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!evaluate_for(run, &node->args[1], (struct scope){ .item = &items[i] }, &verdict))
            return false;
        if (rule_truthy(&verdict) != (node->op == OP_ALL))
            return give_bool(out, node->op == OP_SOME);
    }
    return give_bool(out, node->op == OP_ALL ? n > 0 : node->op == OP_NONE);
}

bool op_merge(struct run *run, const struct node *node, struct value *out)
{
    struct value *parts = ARENA_ARRAY(run->ctx->arena, struct value, node->n);
    size_t total = 0;
    for (uint32_t i = 0; i < node->n; i++) {
        const struct value *items;
        size_t n;
        if (!evaluate(run, &node->args[i], &parts[i]))
            return false;
        if (!is_array(&parts[i])) {
            total++;
            continue;
        }
        if (!items_of(run, &parts[i], &items, &n))
            return false;
        give_items(&parts[i], (struct value *)(uintptr_t)items, n);
        total += n;
    }
    if (!take_steps(run, total))
        return false;
    struct value *made = ARENA_ARRAY(run->ctx->arena, struct value, total);
    size_t at = 0;
    for (uint32_t i = 0; i < node->n; i++) {
        if (parts[i].kind != VALUE_ARRAY) {
            made[at++] = parts[i];
            continue;
        }
        for (size_t j = 0; j < parts[i].n_items; j++)
            made[at++] = parts[i].items[j];
    }
    return give_items(out, made, total);
}

/* ---- missing names ---- */

/* Those of the names for which there is nothing, null or "". */
static bool gather_missing(struct run *run, const struct value *names, size_t n,
                           struct value *missing, size_t *n_missing)
{
    *n_missing = 0;
    for (size_t i = 0; i < n; i++) {
        struct str text;
        struct value value;
        bool found;
        if (!text_of(run, &names[i], &text) || !look_up_name(run, text, &value, &found))
            return false;
        if (!found || value.kind == VALUE_NULL ||
            (value.kind == VALUE_STRING && value.str.len == 0))
            missing[(*n_missing)++] = names[i];
    }
    return true;
}

/* The names are the arguments, or the first argument when that is a list. */
bool op_missing(struct run *run, const struct node *node, struct value *out)
{
    struct value all;
    if (!op_list(run, node, &all))
        return false;
    const struct value *names = all.items;
    size_t n = all.n_items, n_missing;
    if (n && is_array(&names[0]) && !items_of(run, &names[0], &names, &n))
        return false;
    struct value *missing = ARENA_ARRAY(run->ctx->arena, struct value, n);
    return gather_missing(run, names, n, missing, &n_missing) &&
           give_items(out, missing, n_missing);
}

/* [needed, names]: nothing when that many of them are there, else those that are missing. */
bool op_missing_some(struct run *run, const struct node *node, struct value *out)
{
    struct value needed, list;
    const struct value *names;
    double number;
    size_t n, n_missing;
    if (!evaluate(run, &node->args[0], &needed) || !number_of(run, &needed, &number) ||
        !evaluate(run, &node->args[1], &list) || !items_of(run, &list, &names, &n) ||
        !take_steps(run, n))
        return false;
    struct value *missing = ARENA_ARRAY(run->ctx->arena, struct value, n);
    if (!gather_missing(run, names, n, missing, &n_missing))
        return false;
    return give_items(out, missing, (double)(n - n_missing) >= number ? 0 : n_missing);
}
