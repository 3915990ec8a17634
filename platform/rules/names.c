#include "platform/rules/program.h"

struct reading {
    rule_name *each;
    void *argument;
};

static bool read_names(const struct reading *reading, const struct node *node);

static bool read_args(const struct reading *reading, const struct node *node, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!read_names(reading, &node->args[i]))
            return false;
    return true;
}

static bool read_names(const struct reading *reading, const struct node *node)
{
    switch (node->op) {
    case OP_NAMED:
        return reading->each(reading->argument, node->path->name) &&
               read_args(reading, node, node->n);
    case OP_VAR:
    case OP_MISSING:
    case OP_MISSING_SOME:
        return false;
    case OP_MAP: /* inside, names are of the element */
    case OP_FILTER:
    case OP_ALL:
    case OP_SOME:
    case OP_NONE:
        return read_args(reading, node, 1);
    case OP_REDUCE:
        return read_args(reading, node, 1) && (node->n < 3 || read_names(reading, &node->args[2]));
    default:
        return read_args(reading, node, node->n);
    }
}

bool rule_names(const struct rule *rule, rule_name *each, void *argument)
{
    struct reading reading = { each, argument };
    return read_names(&reading, rule->root);
}
