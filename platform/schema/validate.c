#include <stdio.h>

#include "platform/schema/run.h"

/* ---- noting what is wrong ---- */

#define LONGEST_SHOWN 80 /* bytes of a value in a sentence */

static char *write_pointer(const struct spot *spot, char *out)
{
    if (!spot->up)
        return out;
    out = write_pointer(spot->up, out);
    *out++ = '/';
    if (!spot->key.ptr)
        return out + sprintf(out, "%zu", spot->index);
    for (size_t i = 0; i < spot->key.len; i++) {
        char c = spot->key.ptr[i];
        if (c == '~' || c == '/') {
            *out++ = '~';
            c = c == '~' ? '0' : '1';
        }
        *out++ = c;
    }
    return out;
}

static struct str pointer_of(struct arena *arena, const struct spot *spot)
{
    size_t most = 1;
    for (const struct spot *at = spot; at->up; at = at->up)
        most += 1 + (at->key.ptr ? 2 * at->key.len : 20);
    char *out = arena_alloc(arena, most);
    return (struct str){ out, (size_t)(write_pointer(spot, out) - out) };
}

bool refuse(struct run *run, const struct spot *spot, const char *format, ...)
{
    if (run->quiet || run->gave_up)
        return false;
    va_list args;
    va_start(args, format);
    struct str sentence = arena_vprintf(run->ctx->arena, format, args);
    va_end(args);
    return ctx_fail_at(run->ctx, ERR_INVALID, pointer_of(run->ctx->arena, spot), STR_FMT,
                       STR_ARG(sentence));
}

bool give_up(struct run *run)
{
    run->gave_up = true;
    run->steps = MOST_STEPS;
    return false;
}

static bool refuse_type(struct run *run, const struct node *node, const struct spot *spot)
{
    static const char *const names[] = { "null", "true or false", "a whole number", "a number",
                                         "text", "a list",        "an object" };
    if (run->quiet)
        return false;
    if (node->types == 0)
        return refuse(run, spot, spot->key.ptr ? "is not known here" : "is not allowed");
    unsigned types = node->types & TYPE_NUMBER ? node->types & ~TYPE_INTEGER : node->types;
    struct str sentence = STR("must be");
    for (int bit = 0, some = 0; bit < 7; bit++)
        if (types & 1u << bit)
            sentence = arena_printf(run->ctx->arena, STR_FMT "%s %s", STR_ARG(sentence),
                                    some++ ? " or" : "", names[bit]);
    return refuse(run, spot, STR_FMT, STR_ARG(sentence));
}

static struct str shown(struct run *run, const struct json *value)
{
    struct str text = json_text(run->ctx->arena, value);
    if (text.len <= LONGEST_SHOWN)
        return text;
    size_t cut = LONGEST_SHOWN;
    while (((unsigned char)text.ptr[cut] & 0xC0) == 0x80)
        cut--;
    return arena_printf(run->ctx->arena, STR_FMT "...", (int)cut, text.ptr);
}

static bool refuse_value(struct run *run, const struct any_rules *rules, const struct spot *spot)
{
    if (run->quiet)
        return false;
    if (rules->constant)
        return refuse(run, spot, "must be " STR_FMT, STR_ARG(shown(run, rules->constant)));
    struct str list = STR("");
    for (struct json_iter it = value_iter(rules->members); value_next(&it) && it.index < 10;)
        list = arena_printf(run->ctx->arena, STR_FMT "%s" STR_FMT, STR_ARG(list),
                            it.index ? ", " : "", STR_ARG(shown(run, it.value)));
    return refuse(run, spot, "must be one of " STR_FMT "%s", STR_ARG(list),
                  value_size(rules->members) > 10 ? ", ..." : "");
}

/* ---- what was spoken of ---- */

void seen_init(struct run *run, struct seen *seen, const struct json *value)
{
    *seen = (struct seen){ .n = (value_size(value) + 63) / 64, .bits = &seen->few };
    if (seen->n > 1)
        seen->bits = ARENA_ARRAY(run->ctx->arena, uint64_t, seen->n);
}

static void seen_merge(struct seen *into, const struct seen *from)
{
    for (size_t i = 0; i < from->n; i++)
        into->bits[i] |= from->bits[i];
}

bool fits(struct run *run, const struct node *node, const struct json *value,
          const struct spot *spot, struct seen *seen)
{
    struct seen trial;
    if (seen)
        seen_init(run, &trial, value);
    run->quiet++;
    bool ok = visit(run, node, value, spot, seen ? &trial : NULL);
    run->quiet--;
    if (ok && seen)
        seen_merge(seen, &trial);
    return ok;
}

static bool visit_unevaluated(struct run *run, const struct node *node, const struct json *value,
                              const struct spot *spot, const struct seen *seen)
{
    for (struct json_iter it = value_iter(value); value_next(&it);) {
        if (seen->bits[it.index / 64] >> it.index % 64 & 1)
            continue;
        struct spot below = { spot, it.key, it.index };
        if (!visit(run, node, it.value, &below, NULL))
            return false;
    }
    return true;
}

/* ---- nodes ---- */

static bool visit_value(struct run *run, const struct any_rules *rules, const struct json *value,
                        const struct spot *spot)
{
    if (rules->constant && !json_equal(rules->constant, value))
        return refuse_value(run, rules, spot);
    if (!rules->members)
        return true;
    for (struct json_iter it = value_iter(rules->members); value_next(&it);)
        if (json_equal(it.value, value))
            return true;
    return refuse_value(run, rules, spot);
}

static const struct node *dynamic_target(const struct run *run, const struct any_rules *rules)
{
    const struct node *target = rules->dynamic_ref;
    for (const struct scope *scope = run->scope; rules->dynamic_name.ptr && scope;
         scope = scope->up)
        for (size_t i = 0; i < scope->resource->n_anchors; i++) /* the outermost is met last */
            if (str_eq(scope->resource->anchors[i].name, rules->dynamic_name))
                target = scope->resource->anchors[i].node;
    return target;
}

/* None of the alternatives fits: where only one takes a value of this type, what is wrong is what is wrong with it. */
static bool refuse_alternatives(struct run *run, const struct node_list *list,
                                const struct json *value, const struct spot *spot)
{
    const struct node *likely = NULL;
    size_t n = 0;
    if (run->quiet)
        return false;
    for (size_t i = 0; i < list->n; i++)
        if (list->nodes[i]->types & type_of(value))
            likely = list->nodes[i], n++;
    if (n == 1)
        return visit(run, likely, value, spot, NULL);
    return refuse(run, spot, "fits none of the %zu alternatives", list->n);
}

static bool visit_any_of(struct run *run, const struct node_list *list, const struct json *value,
                         const struct spot *spot, struct seen *seen)
{
    bool one = false;
    for (size_t i = 0; i < list->n && (!one || seen); i++)
        one |= fits(run, list->nodes[i], value, spot, seen);
    return one || refuse_alternatives(run, list, value, spot);
}

static bool visit_one_of(struct run *run, const struct node_list *list, const struct json *value,
                         const struct spot *spot, struct seen *seen)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n && n < 2; i++)
        n += fits(run, list->nodes[i], value, spot, seen);
    if (n > 1)
        return refuse(run, spot, "fits more than one of the alternatives");
    return n == 1 || refuse_alternatives(run, list, value, spot);
}

static bool visit_condition(struct run *run, const struct any_rules *rules,
                            const struct json *value, const struct spot *spot, struct seen *seen)
{
    const struct node *next = fits(run, rules->condition, value, spot, seen) ? rules->then
                                                                             : rules->otherwise;
    return !next || visit(run, next, value, spot, seen);
}

static bool visit_in_place(struct run *run, const struct any_rules *rules, const struct json *value,
                           const struct spot *spot, struct seen *seen)
{
    if (rules->ref && !visit(run, rules->ref, value, spot, seen))
        return false;
    if (rules->dynamic_ref && !visit(run, dynamic_target(run, rules), value, spot, seen))
        return false;
    for (size_t i = 0; i < rules->all_of.n; i++)
        if (!visit(run, rules->all_of.nodes[i], value, spot, seen))
            return false;
    if (rules->any_of.n && !visit_any_of(run, &rules->any_of, value, spot, seen))
        return false;
    if (rules->one_of.n && !visit_one_of(run, &rules->one_of, value, spot, seen))
        return false;
    if (rules->not &&fits(run, rules->not, value, spot, NULL))
        return refuse(run, spot, "is of a form that is excluded");
    return !rules->condition || visit_condition(run, rules, value, spot, seen);
}

static bool visit_rules(struct run *run, const struct node *node, const struct json *value,
                        unsigned type, const struct spot *spot, struct seen *seen)
{
    if (node->any && !visit_value(run, node->any, value, spot))
        return false;
    bool ok = true;
    if (type == TYPE_STRING)
        ok = !node->string || visit_string(run, node->string, value, spot);
    else if (type & (TYPE_INTEGER | TYPE_NUMBER))
        ok = !node->number || visit_number(run, node->number, value, spot);
    else if (type == TYPE_OBJECT)
        ok = !node->object || visit_object(run, node->object, value, spot, seen);
    else if (type == TYPE_ARRAY)
        ok = !node->array || visit_array(run, node->array, value, spot, seen);
    return ok && (!node->any || visit_in_place(run, node->any, value, spot, seen));
}

static bool visit_and_the_rest(struct run *run, const struct node *node, const struct json *value,
                               unsigned type, const struct spot *spot, struct seen *seen)
{
    struct seen mine;
    seen_init(run, &mine, value);
    if (!visit_rules(run, node, value, type, spot, &mine))
        return false;
    const struct node *rest = NULL;
    if (type == TYPE_OBJECT && node->object)
        rest = node->object->unevaluated;
    else if (type == TYPE_ARRAY && node->array)
        rest = node->array->unevaluated;
    if (rest && !visit_unevaluated(run, rest, value, spot, &mine))
        return false;
    if (seen && rest)
        memset(seen->bits, 0xFF, seen->n * sizeof(*seen->bits));
    else if (seen)
        seen_merge(seen, &mine);
    return true;
}

bool visit(struct run *run, const struct node *node, const struct json *value,
           const struct spot *spot, struct seen *seen)
{
    if (++run->steps > MOST_STEPS || run->depth == MOST_DEPTH)
        return give_up(run);
    unsigned type = type_of(value);
    if (!(node->types & type))
        return refuse_type(run, node, spot);
    struct scope scope = { node->resource, run->scope };
    if (run->schema->dynamic && (!run->scope || run->scope->resource != node->resource))
        run->scope = &scope;
    run->depth++;
    bool ok = node->unevaluated ? visit_and_the_rest(run, node, value, type, spot, seen)
                                : visit_rules(run, node, value, type, spot, seen);
    run->depth--;
    run->scope = scope.up;
    return ok && !run->gave_up;
}

bool schema_validate(struct ctx *ctx, const struct schema *schema, const struct json *instance)
{
    struct run run = { .ctx = ctx, .schema = schema };
    struct spot whole = { 0 };
    bool ok = visit(&run, schema->root, instance, &whole, NULL);
    if (run.gave_up)
        return ctx_fail_at(ctx, ERR_INVALID, STR(""), "takes too much work to validate");
    return ok;
}
