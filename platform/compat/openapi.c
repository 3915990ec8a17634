#include "platform/compat/openapi.h"

#define MAX_BODY_BYTES (1024 * 1024) /* of operations that say no other (docs/contracts.md) */

static const char *const methods[] = { "get",     "put",  "post",  "delete",
                                       "options", "head", "patch", "trace" };

/* ---- findings ---- */

struct reading operation_reading(const struct operation_pair *pair, enum compat_use use,
                                 struct str head)
{
    return (struct reading){ .ctx = pair->ctx,
                             .use = use,
                             .old_reads = use == COMPAT_RESPONSE,
                             .head = head,
                             .operation = pair->name,
                             .findings = pair->findings };
}

void operation_found(const struct operation_pair *pair, enum compat_use use, enum rule rule,
                     struct str head, struct node node, struct words words)
{
    struct reading reading = operation_reading(pair, use, head);
    finding_add(&reading, rule, NULL, (struct spot){ node.pointer, node.side->is_old }, words);
}

/* ---- names ---- */

static struct str upper(struct arena *arena, const char *method)
{
    struct str out = arena_str(arena, str_of(method));
    char *text = (char *)(uintptr_t)out.ptr;
    for (; *text; text++)
        *text = (char)(*text - ('a' - 'A'));
    return out;
}

static struct str operation_name(struct arena *arena, const char *method, struct str path,
                                 struct node operation)
{
    struct str id = json_str(json_get(operation.json, "operationId"));
    if (id.ptr)
        return id;
    return arena_printf(arena, STR_FMT " " STR_FMT, STR_ARG(upper(arena, method)), STR_ARG(path));
}

/* Do two paths answer the same requests: equal but for the names of parameters? */
static bool paths_same(struct str a, struct str b)
{
    size_t i = 0, k = 0;
    while (i < a.len && k < b.len) {
        if (a.ptr[i] != b.ptr[k])
            return false;
        bool braces = a.ptr[i] == '{';
        while (braces && i < a.len && a.ptr[i] != '}')
            i++;
        while (braces && k < b.len && b.ptr[k] != '}')
            k++;
        i++;
        k++;
    }
    return i >= a.len && k >= b.len;
}

/* The path of `paths` that answers the same requests; ptr NULL: none. The same name goes first. */
static struct str path_find(const struct json *paths, struct str path)
{
    if (json_get_n(paths, path))
        return path;
    for (struct json_iter it = json_iter(paths); json_next(&it);)
        if (paths_same(it.key, path))
            return it.key;
    return (struct str){ NULL, 0 };
}

/* ---- one operation ---- */

static int64_t max_body_of(struct node operation)
{
    const struct json *given = json_get(operation.json, "x-max-body");
    struct str text = json_str(given);
    int64_t n = 0;
    if (!given)
        return MAX_BODY_BYTES;
    if (!text.ptr)
        return json_int(given);
    int64_t unit = str_ends(text, STR("KB")) ? 1024 : str_ends(text, STR("MB")) ? 1024 * 1024 : 0;
    return unit && str_to_int((struct str){ text.ptr, text.len - 2 }, &n) ? n * unit : 0;
}

static bool is_idempotent(struct node operation)
{
    const struct json *said = json_get(operation.json, "x-idempotent");
    return !said || json_bool(said);
}

static void compare_words(const struct operation_pair *pair)
{
    struct str was = json_str(json_get(pair->before.json, "operationId")),
               is = json_str(json_get(pair->after.json, "operationId"));
    int64_t most_before = max_body_of(pair->before), most = max_body_of(pair->after);
    struct arena *arena = pair->ctx->arena;
    if (!str_eq(was, is))
        operation_found(pair, COMPAT_REQUEST, RULE_OPERATION_RENAMED, pair->name, pair->after,
                        (struct words){ .r = is.ptr ? is : STR("nothing"),
                                        .w = was.ptr ? was : STR("nothing") });
    if (json_bool(json_get(pair->after.json, "deprecated")) &&
        !json_bool(json_get(pair->before.json, "deprecated")))
        operation_found(pair, COMPAT_REQUEST, RULE_OPERATION_DEPRECATED, pair->name, pair->after,
                        (struct words){ 0 });
    if (is_idempotent(pair->before) && !is_idempotent(pair->after))
        operation_found(pair, COMPAT_REQUEST, RULE_IDEMPOTENCY_LOST, pair->name, pair->after,
                        (struct words){ 0 });
    if (json_get(pair->after.json, "requestBody") && most < most_before)
        operation_found(pair, COMPAT_REQUEST, RULE_BODY_SMALLER,
                        arena_printf(arena, "request body of " STR_FMT, STR_ARG(pair->name)),
                        pair->after,
                        (struct words){ .r = arena_printf(arena, "%lld", (long long)most),
                                        .w = arena_printf(arena, "%lld", (long long)most_before) });
}

static bool compare_operation(const struct operation_pair *pair)
{
    compare_words(pair);
    if (!json_equal(json_get(pair->before.json, "callbacks"),
                    json_get(pair->after.json, "callbacks")))
        operation_found(pair, COMPAT_REQUEST, RULE_NOT_COMPARABLE, pair->name, pair->after,
                        (struct words){ .x = STR("its callbacks have changed") });
    return compare_security(pair) && compare_parameters(pair) && compare_bodies(pair) &&
           compare_responses(pair);
}

/* ---- all operations ---- */

/* Where an operation with this id is, for whoever looks for it: ", put_level is PUT /v2/levels". */
static struct str moved_to(const struct operation_pair *pair, struct str id)
{
    struct arena *arena = pair->ctx->arena;
    const struct json *paths = json_get(pair->new_root.json, "paths");
    for (struct json_iter it = json_iter(paths); id.ptr && json_next(&it);)
        for (size_t i = 0; i < COUNT(methods); i++) {
            const struct json *operation = json_get(it.value, methods[i]);
            if (str_eq(json_str(json_get(operation, "operationId")), id))
                return arena_printf(arena, "; " STR_FMT " is " STR_FMT " " STR_FMT " now",
                                    STR_ARG(id), STR_ARG(upper(arena, methods[i])),
                                    STR_ARG(it.key));
        }
    return STR("");
}

static bool compare_method(struct operation_pair *pair, const char *method)
{
    struct ctx *ctx = pair->ctx;
    struct words words = { 0 };
    pair->before = node_get(ctx, pair->old_path, method);
    if (!pair->before.json)
        return true;
    pair->name = operation_name(ctx->arena, method, pair->old_target, pair->before);
    pair->after = pair->new_path.json ? node_get(ctx, pair->new_path, method) : (struct node){ 0 };
    if (pair->after.json)
        return compare_operation(pair);
    words.x = moved_to(pair, json_str(json_get(pair->before.json, "operationId")));
    operation_found(pair, COMPAT_REQUEST, RULE_OPERATION_REMOVED, pair->name, pair->before, words);
    return true;
}

static bool compare_path(struct operation_pair *pair, struct str path)
{
    struct ctx *ctx = pair->ctx;
    struct node paths = node_get(ctx, pair->new_root, "paths");
    struct node before = node_get_n(ctx, node_get(ctx, pair->old_root, "paths"), path);
    pair->old_target = path;
    pair->new_target = path_find(paths.json, path);
    pair->new_path = (struct node){ 0 };
    if (!node_follow(ctx, before, &pair->old_path))
        return false;
    if (pair->new_target.ptr &&
        !node_follow(ctx, node_get_n(ctx, paths, pair->new_target), &pair->new_path))
        return false;
    for (size_t i = 0; i < COUNT(methods); i++)
        if (!compare_method(pair, methods[i]))
            return false;
    return true;
}

static void tell_new(struct operation_pair *pair, struct str path)
{
    struct ctx *ctx = pair->ctx;
    const struct json *old_paths = json_get(pair->old_root.json, "paths");
    struct node item = node_get_n(ctx, node_get(ctx, pair->new_root, "paths"), path);
    const struct json *was = json_get_n(old_paths, path_find(old_paths, path));
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct node operation = node_get(ctx, item, methods[i]);
        if (!operation.json || json_get(was, methods[i]) || json_get(was, "$ref"))
            continue;
        pair->name = operation_name(ctx->arena, methods[i], path, operation);
        operation_found(pair, COMPAT_REQUEST, RULE_OPERATION_ADDED, pair->name, operation,
                        (struct words){ 0 });
    }
}

bool compat_openapi(struct ctx *ctx, const struct compat_document *old_contract,
                    const struct compat_document *new_contract, struct compat_findings *findings)
{
    struct operation_pair pair = { .ctx = ctx,
                                   .findings = findings,
                                   .old_root = side_root(side_new(ctx, old_contract, true)),
                                   .new_root = side_root(side_new(ctx, new_contract, false)) };
    const struct json *before = pair.old_root.json, *after = pair.new_root.json;
    for (struct json_iter it = json_iter(json_get(before, "paths")); json_next(&it);)
        if (!compare_path(&pair, it.key))
            return false;
    for (struct json_iter it = json_iter(json_get(after, "paths")); json_next(&it);)
        tell_new(&pair, it.key);
    if (json_get(before, "webhooks") &&
        !json_equal(json_get(before, "webhooks"), json_get(after, "webhooks"))) {
        pair.name = (struct str){ NULL, 0 };
        operation_found(&pair, COMPAT_REQUEST, RULE_NOT_COMPARABLE, STR("webhooks"), pair.new_root,
                        (struct words){ .x = STR("they have changed") });
    }
    return true;
}
