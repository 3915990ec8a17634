/* Who may call: `security` is a list of alternatives, each a set of schemes with scopes. */
#include "platform/compat/openapi.h"

/* What holds for the operation: its own list, or the contract's. */
static struct node security_of(struct ctx *ctx, struct node root, struct node operation)
{
    struct node own = node_get(ctx, operation, "security");
    return own.json ? own : node_get(ctx, root, "security");
}

static bool is_public(const struct json *alternatives)
{
    if (json_size(alternatives) == 0)
        return true;
    for (struct json_iter it = json_iter(alternatives); json_next(&it);)
        if (json_size(it.value) == 0)
            return true;
    return false;
}

/* Does who has `held` meet what `wanted` asks for? */
static bool meets(const struct json *held, const struct json *wanted)
{
    for (struct json_iter it = json_iter(wanted); json_next(&it);) {
        const struct json *scopes = json_get_n(held, it.key);
        if (!scopes)
            return false;
        for (struct json_iter scope = json_iter(it.value); json_next(&scope);)
            if (!list_has(scopes, json_str(scope.value)))
                return false;
    }
    return true;
}

static bool any_met(const struct json *held, const struct json *alternatives)
{
    for (struct json_iter it = json_iter(alternatives); json_next(&it);)
        if (meets(held, it.value))
            return true;
    return is_public(alternatives);
}

/* Does whoever met the one meet the other? */
static bool all_meet(const struct json *before, const struct json *after)
{
    if (is_public(before))
        return is_public(after);
    for (struct json_iter it = json_iter(before); json_next(&it);)
        if (!any_met(it.value, after))
            return false;
    return true;
}

/* "token loyalty:read, or nothing" */
static struct str security_text(struct arena *arena, const struct json *alternatives)
{
    struct str out = { "", 0 };
    if (is_public(alternatives))
        return STR("nothing");
    for (struct json_iter it = json_iter(alternatives); json_next(&it);) {
        const char *between = out.len ? ", or " : "";
        for (struct json_iter scheme = json_iter(it.value); json_next(&scheme);) {
            out = arena_printf(arena, STR_FMT "%s" STR_FMT, STR_ARG(out), between,
                               STR_ARG(scheme.key));
            for (struct json_iter scope = json_iter(scheme.value); json_next(&scope);)
                out = arena_printf(arena, STR_FMT " " STR_FMT, STR_ARG(out),
                                   STR_ARG(json_str(scope.value)));
            between = " and ";
        }
    }
    return out;
}

/* Schemes that the operation uses, whose definition is another one now. */
static bool compare_schemes(const struct operation_pair *pair, const struct json *alternatives)
{
    static const char *const words[] = { "type", "scheme", "in", "name", "openIdConnectUrl" };
    struct ctx *ctx = pair->ctx;
    struct node before =
                    node_get(ctx, node_get(ctx, pair->old_root, "components"), "securitySchemes"),
                after =
                    node_get(ctx, node_get(ctx, pair->new_root, "components"), "securitySchemes");
    for (struct json_iter it = json_iter(alternatives); json_next(&it);)
        for (struct json_iter scheme = json_iter(it.value); json_next(&scheme);) {
            struct node was = node_get_n(ctx, before, scheme.key),
                        is = node_get_n(ctx, after, scheme.key);
            bool same = true;
            if (!was.json || !is.json)
                continue;
            if (!node_follow(ctx, was, &was) || !node_follow(ctx, is, &is))
                return false;
            for (size_t i = 0; i < COUNT(words); i++)
                same &= str_eq(json_str(json_get(was.json, words[i])),
                               json_str(json_get(is.json, words[i])));
            if (!same)
                operation_found(pair, COMPAT_REQUEST, RULE_SCHEME_CHANGED,
                                arena_printf(ctx->arena, STR_FMT " of " STR_FMT,
                                             STR_ARG(scheme.key), STR_ARG(pair->name)),
                                is, (struct words){ 0 });
        }
    return true;
}

bool compare_security(const struct operation_pair *pair)
{
    struct ctx *ctx = pair->ctx;
    struct node before = security_of(ctx, pair->old_root, pair->before),
                after = security_of(ctx, pair->new_root, pair->after);
    bool fits = all_meet(before.json, after.json);
    if (!fits || !all_meet(after.json, before.json))
        operation_found(pair, COMPAT_REQUEST, fits ? RULE_SCOPE_LIFTED : RULE_SCOPE_CHANGED,
                        pair->name, after.json ? after : pair->after,
                        (struct words){ .r = security_text(ctx->arena, after.json),
                                        .w = security_text(ctx->arena, before.json) });
    return compare_schemes(pair, before.json);
}
