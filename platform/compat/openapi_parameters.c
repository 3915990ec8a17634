/* Parameters: of the path, the query and headers. */
#include "platform/compat/openapi.h"

struct parameter {
    struct str in, name;
    struct node node;
    bool required;
};

struct parameters {
    struct parameter *items;
    size_t n;
};

/* ---- reading ---- */

static bool same_name(const struct parameter *a, const struct parameter *b)
{
    return str_eq(a->in, b->in) &&
           (str_is(a->in, "header") ? str_eq_nocase(a->name, b->name) : str_eq(a->name, b->name));
}

static struct parameter *parameter_find(const struct parameters *all,
                                        const struct parameter *wanted)
{
    for (size_t i = 0; i < all->n; i++)
        if (same_name(&all->items[i], wanted))
            return &all->items[i];
    return NULL;
}

/* Adds those of a list; one of the operation takes the place of the path's. */
static bool parameters_add(struct ctx *ctx, struct node list, struct parameters *all)
{
    size_t n = json_size(list.json);
    struct parameter *items = ARENA_ARRAY(ctx->arena, struct parameter, all->n + n);
    if (all->n)
        memcpy(items, all->items, all->n * sizeof(*items));
    all->items = items;
    for (size_t i = 0; i < n; i++) {
        struct parameter own = { 0 };
        if (!node_follow(ctx, node_at(ctx, list, i), &own.node))
            return false;
        own.in = json_str(json_get(own.node.json, "in"));
        own.name = json_str(json_get(own.node.json, "name"));
        own.required = json_bool(json_get(own.node.json, "required"));
        struct parameter *known = parameter_find(all, &own);
        *(known ? known : &items[all->n++]) = own;
    }
    return true;
}

static bool parameters_read(struct ctx *ctx, struct node path, struct node operation,
                            struct parameters *all)
{
    *all = (struct parameters){ 0 };
    return parameters_add(ctx, node_get(ctx, path, "parameters"), all) &&
           parameters_add(ctx, node_get(ctx, operation, "parameters"), all);
}

/* The n-th name in braces of a path; ptr NULL: there are fewer. */
static struct str braced(struct str path, size_t n)
{
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] != '{' || n-- > 0)
            continue;
        size_t end = i + 1;
        while (end < path.len && path.ptr[end] != '}')
            end++;
        return (struct str){ path.ptr + i + 1, end - i - 1 };
    }
    return (struct str){ NULL, 0 };
}

/* What a parameter of the old contract is called in the new one: of a path, its place counts, not
 * its name. */
static struct str name_now(const struct operation_pair *pair, const struct parameter *parameter)
{
    for (size_t i = 0; str_is(parameter->in, "path") && i <= pair->old_target.len; i++) {
        struct str name = braced(pair->old_target, i);
        if (!name.ptr)
            break;
        if (str_eq(name, parameter->name))
            return braced(pair->new_target, i);
    }
    return parameter->name;
}

/* ---- judging ---- */

static struct str head_of(const struct operation_pair *pair, const struct parameter *parameter)
{
    return arena_printf(pair->ctx->arena, STR_FMT " parameter " STR_FMT " of " STR_FMT,
                        STR_ARG(parameter->in), STR_ARG(parameter->name), STR_ARG(pair->name));
}

static struct str style_of(const struct parameter *parameter)
{
    struct str style = json_str(json_get(parameter->node.json, "style"));
    if (style.ptr)
        return style;
    return str_is(parameter->in, "query") || str_is(parameter->in, "cookie") ? STR("form")
                                                                             : STR("simple");
}

static bool explodes(const struct parameter *parameter)
{
    const struct json *said = json_get(parameter->node.json, "explode");
    return said ? json_bool(said) : str_is(style_of(parameter), "form");
}

/* `content` has one member, a media type, whose schema is the parameter's. */
static struct node schema_of(struct ctx *ctx, struct node parameter, struct str *media)
{
    struct node content = node_get(ctx, parameter, "content");
    struct json_iter it = json_iter(content.json);
    if (!content.json || !json_next(&it))
        return node_get(ctx, parameter, "schema");
    *media = it.key;
    return node_get(ctx, node_get_n(ctx, content, it.key), "schema");
}

static const struct json *default_of(struct ctx *ctx, struct node schema)
{
    const struct json *own = json_get(schema.json, "default");
    struct node target;
    if (own || !schema.json || !node_follow(ctx, schema, &target))
        return own;
    return json_get(target.json, "default");
}

static void compare_default(const struct operation_pair *pair, struct str head, struct node before,
                            struct node after)
{
    struct arena *arena = pair->ctx->arena;
    const struct json *was = default_of(pair->ctx, before), *is = default_of(pair->ctx, after);
    if ((!was && !is) || (was && is && json_equal(was, is)))
        return;
    operation_found(pair, COMPAT_REQUEST, RULE_DEFAULT_CHANGED, head, after,
                    (struct words){ .r = is ? json_text(arena, is) : STR("nothing"),
                                    .w = was ? json_text(arena, was) : STR("nothing") });
}

static bool compare_parameter(const struct operation_pair *pair, const struct parameter *before,
                              const struct parameter *after)
{
    struct ctx *ctx = pair->ctx;
    struct str head = head_of(pair, after), media_before = { NULL, 0 }, media = { NULL, 0 };
    struct node was = schema_of(ctx, before->node, &media_before),
                is = schema_of(ctx, after->node, &media);
    if (!str_eq(before->name, after->name) && str_is(before->in, "path"))
        operation_found(pair, COMPAT_REQUEST, RULE_PATH_RENAMED, head, after->node,
                        (struct words){ .r = after->name, .w = before->name });
    if (after->required && !before->required)
        operation_found(pair, COMPAT_REQUEST, RULE_PARAMETER_REQUIRED, head, after->node,
                        (struct words){ 0 });
    if (!str_eq(style_of(before), style_of(after)) || explodes(before) != explodes(after))
        operation_found(pair, COMPAT_REQUEST, RULE_PARAMETER_STYLE, head, after->node,
                        (struct words){ .x = style_of(after) });
    if (!str_eq(media_before, media))
        operation_found(pair, COMPAT_REQUEST, RULE_PARAMETER_STYLE, head, after->node,
                        (struct words){ .x = media.ptr ? media : STR("as text") });
    if (!after->required)
        compare_default(pair, head, was, is);
    return compare_schemas(operation_reading(pair, COMPAT_REQUEST, head), was, is);
}

bool compare_parameters(const struct operation_pair *pair)
{
    struct parameters before, after;
    if (!parameters_read(pair->ctx, pair->old_path, pair->before, &before) ||
        !parameters_read(pair->ctx, pair->new_path, pair->after, &after))
        return false;
    bool *known = ARENA_ARRAY(pair->ctx->arena, bool, after.n + 1);
    for (size_t i = 0; i < before.n; i++) {
        struct parameter wanted = before.items[i];
        wanted.name = name_now(pair, &before.items[i]);
        struct parameter *now = parameter_find(&after, &wanted);
        if (!now)
            operation_found(pair, COMPAT_REQUEST, RULE_PARAMETER_REMOVED,
                            head_of(pair, &before.items[i]), before.items[i].node,
                            (struct words){ 0 });
        else if (!compare_parameter(pair, &before.items[i], now))
            return false;
        if (now)
            known[now - after.items] = true;
    }
    for (size_t i = 0; i < after.n; i++)
        if (!known[i])
            operation_found(
                pair, COMPAT_REQUEST,
                after.items[i].required ? RULE_PARAMETER_REQUIRED : RULE_PARAMETER_ADDED,
                head_of(pair, &after.items[i]), after.items[i].node, (struct words){ 0 });
    return true;
}
