/* What somebody did: `did`, `times` and `total` are names of counts and sums, cut once, so they cost what a `var` does. */
#include "platform/rules/program.h"

static const int windows[] = { 1, 7, 30, 90 }; /* days */

static bool is_window(double days)
{
    for (size_t i = 0; i < COUNT(windows); i++)
        if (days == windows[i])
            return true;
    return false;
}

/* "orders.count_30d" of the first argument and that of the days, if there is one. */
static bool name_metric(struct arena *arena, const struct node *node, const char *metric,
                        uint32_t days_at, struct node *out, const char **why)
{
    const struct value *what = &node->args[0].constant;
    *why = "what was done is named by a text that is no logic";
    if (node->args[0].op != OP_CONSTANT || what->kind != VALUE_STRING || what->str.len == 0)
        return false;
    struct str name = arena_printf(arena, STR_FMT ".%s", STR_ARG(what->str), metric);
    if (node->n > days_at) {
        const struct value *days = &node->args[days_at].constant;
        *why = "the window is a number of days: 1, 7, 30 or 90";
        if (node->args[days_at].op != OP_CONSTANT || days->kind != VALUE_NUMBER ||
            !is_window(days->number))
            return false;
        name = arena_printf(arena, STR_FMT "_%dd", STR_ARG(name), (int)days->number);
    }
    *out = (struct node){ .op = OP_NAMED, .path = path_cut(arena, name) };
    return true;
}

/* [what, times, days]: times 1 when they are not said. */
static bool compile_did(struct arena *arena, struct node *node, const char **why)
{
    struct node *args = ARENA_ARRAY(arena, struct node, 2);
    give_number(&args[1].constant, 1);
    if (node->n > 1)
        args[1] = node->args[1];
    if (!name_metric(arena, node, "count", 2, &args[0], why))
        return false;
    *why = "how often is a number from 1 on that is no logic";
    if (args[1].op != OP_CONSTANT || args[1].constant.kind != VALUE_NUMBER ||
        !(args[1].constant.number >= 1))
        return false;
    *node = (struct node){ .op = OP_AT_LEAST, .n = 2, .args = args };
    return true;
}

bool behaviour_compile(struct arena *arena, struct node *node, const char **why)
{
    switch (node->op) {
    case OP_DID:
        return compile_did(arena, node, why);
    case OP_TIMES_DONE:
        return name_metric(arena, node, "count", 1, node, why);
    case OP_TOTAL:
        return name_metric(arena, node, "sum", 1, node, why);
    default:
        return true;
    }
}
