#include <math.h>

#include "platform/rules/program.h"

#define DEEPEST_RESULT 64

struct value value_of(const struct json *json)
{
    switch (json_type(json)) {
    case JSON_BOOL:
        return (struct value){ .kind = VALUE_BOOL, .boolean = json_bool(json) };
    case JSON_INTEGER:
    case JSON_NUMBER:
        return (struct value){ .kind = VALUE_NUMBER, .number = json_double(json) };
    case JSON_STRING:
        return (struct value){ .kind = VALUE_STRING, .str = json_str(json) };
    case JSON_ARRAY:
    case JSON_OBJECT:
        return (struct value){ .kind = VALUE_JSON, .json = json };
    default:
        return (struct value){ .kind = VALUE_NULL };
    }
}

bool too_many_steps(struct run *run)
{
    return ctx_fail(run->ctx, ERR_INVALID, "the rule takes more than %d steps", MOST_STEPS);
}

bool items_of(struct run *run, const struct value *value, const struct value **items, size_t *n)
{
    *items = value->kind == VALUE_ARRAY ? value->items : NULL;
    *n = value->kind == VALUE_ARRAY ? value->n_items : 0;
    if (value->kind != VALUE_JSON || !is_array(value))
        return true;
    size_t size = json_size(value->json);
    if (!take_steps(run, size))
        return false;
    struct value *copy = ARENA_ARRAY(run->ctx->arena, struct value, size);
    for (struct json_iter it = json_iter(value->json); json_next(&it);)
        copy[it.index] = value_of(it.value);
    *items = copy;
    *n = size;
    return true;
}

bool rule_truthy(const struct value *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        return false;
    case VALUE_BOOL:
        return value->boolean;
    case VALUE_NUMBER:
        return value->number != 0 && !isnan(value->number);
    case VALUE_STRING:
        return value->str.len > 0;
    case VALUE_ARRAY:
        return value->n_items > 0;
    case VALUE_JSON:
        return json_type(value->json) != JSON_ARRAY || json_size(value->json) > 0;
    }
    return false;
}

#define OPERATOR(name) static bool name(struct run *run, const struct node *node, struct value *out)

/* ---- names ---- */

OPERATOR(op_constant)
{
    *out = node->constant;
    return true;
}

OPERATOR(op_named)
{
    bool found;
    if (!look_up(run, node->path, node->number, out, &found))
        return false;
    if (found)
        return true;
    return node->n ? evaluate(run, &node->args[0], out) : give_null(out);
}

OPERATOR(op_var)
{
    struct value name;
    struct str text = STR("");
    bool found;
    if (!evaluate(run, &node->args[0], &name) ||
        (name.kind != VALUE_NULL && !text_of(run, &name, &text)) ||
        !look_up_name(run, text, out, &found))
        return false;
    if (found)
        return true;
    return node->n > 1 ? evaluate(run, &node->args[1], out) : give_null(out);
}

/* ---- choice ---- */

OPERATOR(op_if)
{
    uint32_t i = 0;
    for (; i + 1 < node->n; i += 2) {
        struct value condition;
        if (!evaluate(run, &node->args[i], &condition))
            return false;
        if (rule_truthy(&condition))
            return evaluate(run, &node->args[i + 1], out);
    }
    return i < node->n ? evaluate(run, &node->args[i], out) : give_null(out);
}

OPERATOR(op_and_or)
{
    for (uint32_t i = 0; i < node->n; i++) {
        if (!evaluate(run, &node->args[i], out))
            return false;
        bool yes = out->kind == VALUE_BOOL ? out->boolean
                                           : rule_truthy(out); /* mostly a comparison */
        if (yes == (node->op == OP_OR))
            return true;
    }
    return true;
}

OPERATOR(op_not)
{
    struct value value;
    return evaluate(run, &node->args[0], &value) &&
           give_bool(out, rule_truthy(&value) == (node->op == OP_TRUTH));
}

/* ---- comparison ---- */

static bool evaluate_two(struct run *run, const struct node *node, struct value *a, struct value *b)
{
    return evaluate(run, &node->args[0], a) && evaluate(run, &node->args[1], b);
}

OPERATOR(op_equal)
{
    struct value a, b;
    bool equal;
    return evaluate_two(run, node, &a, &b) && is_equal(run, &a, &b, &equal) &&
           give_bool(out, equal == (node->op == OP_EQUAL));
}

OPERATOR(op_same)
{
    struct value a, b;
    return evaluate_two(run, node, &a, &b) &&
           give_bool(out, is_same(&a, &b) == (node->op == OP_SAME));
}

static bool holds(enum operator op, int order)
{
    switch (op) {
    case OP_LESS:
        return order == -1;
    case OP_AT_MOST:
        return order == -1 || order == 0;
    case OP_MORE:
        return order == 1;
    default:
        return order == 1 || order == 0;
    }
}

/* With three arguments the middle one is between the others. */
OPERATOR(op_order)
{
    struct value a, b;
    int order;
    if (!evaluate(run, &node->args[0], &a))
        return false;
    for (uint32_t i = 1; i < node->n; i++) {
        if (!evaluate(run, &node->args[i], &b) || !compare(run, &a, &b, &order))
            return false;
        if (!holds(node->op, order))
            return give_bool(out, false);
        a = b;
    }
    return give_bool(out, true);
}

OPERATOR(op_in)
{
    struct value needle, stack;
    const struct value *items;
    size_t n;
    if (!evaluate_two(run, node, &needle, &stack))
        return false;
    if (stack.kind == VALUE_STRING) {
        struct str text;
        if (!text_of(run, &needle, &text))
            return false;
        return give_bool(
            out, text.len == 0 ||
                     (stack.str.len && memmem(stack.str.ptr, stack.str.len, text.ptr, text.len)));
    }
    if (!items_of(run, &stack, &items, &n) || !take_steps(run, n))
        return false;
    bool found = false;
    for (size_t i = 0; i < n && !found; i++)
        found = is_same(&needle, &items[i]);
    return give_bool(out, found);
}

/* ---- arithmetic ---- */

OPERATOR(op_fold)
{
    bool convert = node->op == OP_MAX || node->op == OP_MIN;
    double total = node->op == OP_TIMES ? 1
                   : node->op == OP_MAX ? -INFINITY
                   : node->op == OP_MIN ? INFINITY
                                        : 0;
    for (uint32_t i = 0; i < node->n; i++) {
        struct value value;
        double number;
        if (!evaluate(run, &node->args[i], &value) ||
            !(convert ? number_of(run, &value, &number) : float_of(run, &value, &number)))
            return false;
        if (node->op == OP_PLUS)
            total += number;
        else if (node->op == OP_TIMES)
            total *= number;
        else if (isnan(number) || (node->op == OP_MAX ? number > total : number < total))
            total = isnan(total) ? total : number;
    }
    return give_number(out, total);
}

OPERATOR(op_minus)
{
    struct value value;
    double a, b;
    if (!evaluate(run, &node->args[0], &value) || !number_of(run, &value, &a))
        return false;
    if (node->n == 1)
        return give_number(out, -a);
    return evaluate(run, &node->args[1], &value) && number_of(run, &value, &b) &&
           give_number(out, a - b);
}

OPERATOR(op_divide)
{
    struct value left, right;
    double a, b;
    if (!evaluate_two(run, node, &left, &right) || !number_of(run, &left, &a) ||
        !number_of(run, &right, &b))
        return false;
    return give_number(out, node->op == OP_DIVIDE ? a / b : fmod(a, b));
}

/* ---- text ---- */

OPERATOR(op_cat)
{
    struct str *texts = ARENA_ARRAY(run->ctx->arena, struct str, node->n);
    size_t len = 0;
    for (uint32_t i = 0; i < node->n; i++) {
        struct value value;
        if (!evaluate(run, &node->args[i], &value))
            return false;
        texts[i] = STR("");
        if (value.kind != VALUE_NULL && !text_of(run, &value, &texts[i]))
            return false;
        len += texts[i].len;
    }
    char *text = arena_alloc_raw(run->ctx->arena, len + 1), *at = text;
    for (uint32_t i = 0; i < node->n; i++)
        at = mempcpy(at, texts[i].ptr, texts[i].len);
    *at = '\0';
    return give_str(out, (struct str){ text, len });
}

/* Byte offset of code point `n`. */
static size_t offset_of(struct str text, size_t n)
{
    size_t at = 0;
    for (; at < text.len; at++)
        if (((unsigned char)text.ptr[at] & 0xC0) != 0x80 && n-- == 0)
            break;
    return at;
}

static double whole(double number)
{
    return isnan(number) ? 0 : trunc(number);
}

/* In code points. A negative start counts from the end; a negative length leaves that many out at the end. */
OPERATOR(op_substr)
{
    struct value source, value;
    struct str text;
    double start, length = INFINITY;
    if (!evaluate(run, &node->args[0], &source) || !text_of(run, &source, &text) ||
        !evaluate(run, &node->args[1], &value) || !number_of(run, &value, &start))
        return false;
    if (node->n == 3 &&
        (!evaluate(run, &node->args[2], &value) || !number_of(run, &value, &length)))
        return false;
    double n = (double)str_utf8_length(text);
    start = whole(start);
    start = start < 0 ? fmax(0, n + start) : fmin(n, start);
    length = isinf(length) ? length : whole(length);
    double end = length < 0 ? n + length : fmin(n, start + length);
    if (end <= start)
        return give_str(out, STR(""));
    size_t from = offset_of(text, (size_t)start), to = offset_of(text, (size_t)end);
    return give_str(out, arena_str(run->ctx->arena, (struct str){ text.ptr + from, to - from }));
}

/* ---- running ---- */

static bool (*const operators[N_OPERATORS])(struct run *run, const struct node *node,
                                            struct value *out) = {
    [OP_CONSTANT] = op_constant,
    [OP_LIST] = op_list,
    [OP_NAMED] = op_named,
    [OP_VAR] = op_var,
    [OP_MISSING] = op_missing,
    [OP_MISSING_SOME] = op_missing_some,
    [OP_IF] = op_if,
    [OP_TERNARY] = op_if,
    [OP_EQUAL] = op_equal,
    [OP_SAME] = op_same,
    [OP_NOT_EQUAL] = op_equal,
    [OP_NOT_SAME] = op_same,
    [OP_NOT] = op_not,
    [OP_TRUTH] = op_not,
    [OP_OR] = op_and_or,
    [OP_AND] = op_and_or,
    [OP_MORE] = op_order,
    [OP_AT_LEAST] = op_order,
    [OP_LESS] = op_order,
    [OP_AT_MOST] = op_order,
    [OP_MAX] = op_fold,
    [OP_MIN] = op_fold,
    [OP_PLUS] = op_fold,
    [OP_MINUS] = op_minus,
    [OP_TIMES] = op_fold,
    [OP_DIVIDE] = op_divide,
    [OP_REMAINDER] = op_divide,
    [OP_MAP] = op_map,
    [OP_FILTER] = op_filter,
    [OP_REDUCE] = op_reduce,
    [OP_ALL] = op_quantifier,
    [OP_SOME] = op_quantifier,
    [OP_NONE] = op_quantifier,
    [OP_MERGE] = op_merge,
    [OP_IN] = op_in,
    [OP_CAT] = op_cat,
    [OP_SUBSTR] = op_substr,
    [OP_FRACTIONAL] = op_fractional,
    [OP_SEM_VER] = op_sem_ver,
    [OP_STARTS_WITH] = op_starts_with,
    [OP_ENDS_WITH] = op_ends_with,
};

/* Text costs by its length, here where every text passes: what is done with it takes time like that, and memory. */
bool evaluate(struct run *run, const struct node *node, struct value *out)
{
    if (node->op == OP_CONSTANT && node->constant.kind != VALUE_STRING) { /* half of all nodes */
        *out = node->constant;
        return take_steps(run, 1);
    }
    return take_steps(run, 1) && operators[node->op](run, node, out) &&
           (out->kind != VALUE_STRING || take_steps(run, out->str.len / BYTES_PER_STEP));
}

static bool measure_json(struct run *run, const struct json *json)
{
    if (!take_steps(run, 1 + json_str(json).len / BYTES_PER_STEP))
        return false;
    for (struct json_iter it = json_iter(json); json_next(&it);)
        if (!measure_json(run, it.value))
            return false;
    return true;
}

/* A result that is written out must be of bounded size, though its parts may be shared. */
static bool measure(struct run *run, const struct value *value, int depth)
{
    if (depth > DEEPEST_RESULT)
        return ctx_fail(run->ctx, ERR_INVALID, "the rule's result is deeper than %d levels",
                        DEEPEST_RESULT);
    if (value->kind == VALUE_JSON)
        return measure_json(run, value->json);
    if (!take_steps(run, value->kind == VALUE_STRING ? value->str.len / BYTES_PER_STEP : 0))
        return false;
    for (size_t i = 0; value->kind == VALUE_ARRAY && i < value->n_items; i++)
        if (!take_steps(run, 1) || !measure(run, &value->items[i], depth + 1))
            return false;
    return true;
}

bool rule_evaluate(struct ctx *ctx, const struct rule *rule, const struct rule_input *input,
                   struct value *out)
{
    struct run run = { .ctx = ctx, .input = input };
    struct value result;
    if (!evaluate(&run, rule->root, &result) ||
        (result.kind != VALUE_BOOL && !measure(&run, &result, 0)))
        return false;
    *out = result;
    return true;
}

void rule_put_value(struct json_out *out, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        json_put_null(out);
        break;
    case VALUE_BOOL:
        json_put_bool(out, value->boolean);
        break;
    case VALUE_NUMBER:
        json_put_double(out, value->number);
        break;
    case VALUE_STRING:
        json_put_str(out, value->str.ptr ? value->str : STR(""));
        break;
    case VALUE_ARRAY:
        json_array(out);
        for (size_t i = 0; i < value->n_items; i++)
            rule_put_value(out, &value->items[i]);
        json_array_end(out);
        break;
    case VALUE_JSON:
        json_put(out, value->json);
        break;
    }
}
