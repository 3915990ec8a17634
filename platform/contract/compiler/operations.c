/* Operations of openapi.yaml into the model, and the rules that each must keep. */
#include <ctype.h>

#include "platform/contract/compiler/compiler.h"

static bool security_scope(struct compiler *c, struct spot spot, const struct json *scopes,
                           struct model_operation *operation)
{
    struct str scope = json_str(json_at(scopes, 0));
    if (json_type(scopes) != JSON_ARRAY || json_size(scopes) != 1 || scope.len == 0)
        return wrong(c, spot, "names exactly one scope: [{ token: ['orders:read'] }]");
    for (size_t i = 0; i < scope.len; i++)
        if (!islower((unsigned char)scope.ptr[i]) && !strchr(":_-", scope.ptr[i]))
            return wrong(c, spot,
                         "the scope \"" STR_FMT "\" is made of small letters, ':', '_' and '-'",
                         STR_ARG(scope));
    operation->scope = scope.ptr;
    return true;
}

enum way { WAY_TOKEN = 1, WAY_WRITE_KEY = 2, WAY_NOBODY = 4 };

/* One way in: { token: [scope] }, { write_key: [scope] }, or {} for those who say nothing of who they are. */
static bool security_way(struct compiler *c, struct spot security, const struct json *way,
                         struct model_operation *operation, unsigned *ways)
{
    const struct json *token = json_get(way, "token"), *write_key = json_get(way, "write_key");
    unsigned kind = token ? WAY_TOKEN : write_key ? WAY_WRITE_KEY : WAY_NOBODY;
    const char *before = operation->scope;
    if (json_type(way) != JSON_OBJECT || json_size(way) != (kind != WAY_NOBODY))
        return wrong(c, security, "is token or write_key");
    if (*ways & kind)
        return wrong(c, security, "names each way in once");
    *ways |= kind;
    if (kind == WAY_NOBODY)
        return operation->foreign ||
               wrong(c, security, "{} is for foreign protocols, whose clients may have no token");
    if (!security_scope(c, security, token ? token : write_key, operation))
        return false;
    return !before || strcmp(before, operation->scope) == 0 ||
           wrong(c, security, "all ways in have one scope");
}

static bool security_read(struct compiler *c, struct spot spot, struct model_operation *operation)
{
    static const enum operation_auth auths[] = { AUTH_PUBLIC, AUTH_TOKEN, AUTH_WRITE_KEY,
                                                 AUTH_EITHER };
    struct spot security = spot_member(c, spot, "security");
    unsigned ways = 0;
    if (!security.node)
        return wrong(
            c, spot,
            "\"security\" is required: [{ token: [scope] }], [{ write_key: [scope] }], or [] for "
            "everybody");
    if (json_type(security.node) != JSON_ARRAY)
        return wrong(c, security, "is a list of ways in");
    for (struct json_iter it = json_iter(security.node); json_next(&it);)
        if (!security_way(c, security, it.value, operation, &ways))
            return false;
    if (ways == WAY_NOBODY)
        return wrong(c, security, "is [] where everybody may");
    operation->auth = auths[ways & (WAY_TOKEN | WAY_WRITE_KEY)];
    operation->open = ways & WAY_NOBODY;
    return true;
}

static bool is_get(const struct model_operation *operation)
{
    return strcmp(operation->method, "GET") == 0 || strcmp(operation->method, "HEAD") == 0;
}

static bool run_read(struct compiler *c, struct spot spot, struct model_operation *operation)
{
    struct str run = json_str(json_get(spot.node, "x-run"));
    operation->run = is_get(operation) ? RUN_READ : RUN_WRITE;
    if (json_get(spot.node, "x-run")) {
        if (str_is(run, "read"))
            operation->run = RUN_READ;
        else if (str_is(run, "write"))
            operation->run = RUN_WRITE;
        else if (str_is(run, "pool"))
            operation->run = RUN_POOL;
        else
            return wrong(c, spot, "\"x-run\" is read, write or pool");
    }
    bool may = operation->run == RUN_WRITE && strcmp(operation->method, "POST") == 0;
    const struct json *wish = json_get(spot.node, "x-idempotent");
    if (wish && json_type(wish) != JSON_BOOL)
        return wrong(c, spot, "\"x-idempotent\" is true or false");
    if (wish && json_bool(wish) && !may)
        return wrong(c, spot, "\"x-idempotent\" is for POST operations that write");
    operation->idempotency_key = may && (!wish || json_bool(wish));
    return true;
}

static bool at_once_read(struct compiler *c, struct spot spot, struct model_operation *operation)
{
    const struct json *given = json_get(spot.node, "x-at-once");
    operation->at_once = json_bool(given);
    return !given || (operation->at_once && operation->run == RUN_READ) ||
           wrong(c, spot, "\"x-at-once\" is true, and for operations that read");
}

static bool priority_read(struct compiler *c, struct spot spot, struct model_operation *operation)
{
    static const char *const priorities[] = { "decision", "collect", "status", "search", "bulk" };
    const struct json *given = json_get(spot.node, "x-priority");
    operation->priority = "status";
    if (!given)
        return true;
    for (size_t i = 0; i < COUNT(priorities); i++)
        if (str_is(json_str(given), priorities[i])) {
            operation->priority = priorities[i];
            return true;
        }
    return wrong(c, spot, "\"x-priority\" is decision, collect, status, search or bulk");
}

/* 65536, "64KB" or "2MB". */
static bool max_body_read(struct compiler *c, struct spot spot, struct model_operation *operation)
{
    const struct json *given = json_get(spot.node, "x-max-body");
    if (!given)
        return true;
    operation->max_body_bytes = json_int(given);
    struct str text = json_str(given);
    int64_t unit = str_ends(text, STR("KB")) ? 1024 : str_ends(text, STR("MB")) ? 1024 * 1024 : 0;
    if (unit && str_to_int((struct str){ text.ptr, text.len - 2 }, &operation->max_body_bytes))
        operation->max_body_bytes *= unit;
    return operation->max_body_bytes > 0 ||
           wrong(c, spot, "\"x-max-body\" is a number of bytes, \"64KB\" or \"2MB\"");
}

static bool order_read(struct compiler *c, struct spot spot)
{
    const struct json *order = json_get(spot.node, "x-order");
    return !order || json_type(order) == JSON_INTEGER ||
           wrong(c, spot, "\"x-order\" is a whole number: when its example is sent");
}

static bool name_read(struct compiler *c, struct spot spot, struct model_operation *operation)
{
    struct str id = json_str(json_get(spot.node, "operationId"));
    operation->summary = json_str(json_get(spot.node, "summary"));
    if (!id.len)
        return wrong(c, spot, "\"operationId\" is required");
    if (!name_is_snake(id))
        return wrong(c, spot, "the operationId \"" STR_FMT "\" is not snake_case", STR_ARG(id));
    if (!operation->summary.len)
        return wrong(c, spot, "\"summary\" is required");
    operation->id = id.ptr;
    for (const struct model_operation *at = c->operations; at; at = at->next)
        if (strcmp(at->id, operation->id) == 0)
            return wrong(c, spot, "the operationId \"%s\" is taken by %s %s", at->id, at->method,
                         at->path);
    return name_take(c, arena_printf(c->arena, "%s_in", operation->id).ptr, spot);
}

static bool foreign_read(struct compiler *c, struct spot spot, struct model_operation *operation)
{
    const struct json *foreign = json_get(spot.node, "x-foreign");
    operation->foreign = foreign != NULL;
    if (foreign && json_type(foreign) != JSON_STRING)
        return wrong(c, spot, "\"x-foreign\" names the protocol");
    if (!foreign && !str_starts(str_of(operation->path), STR("/v1/")))
        return wrong(c, spot, "paths begin with /v1/, but for foreign protocols (\"x-foreign\")");
    return true;
}

static void operation_read(struct compiler *c, struct spot shared, struct spot spot,
                           struct str path, struct str method)
{
    struct model_operation *operation = ARENA_NEW(c->arena, struct model_operation);
    operation->path = path.ptr;
    operation->method = name_upper(c->arena, method.ptr);
    if (!name_read(c, spot, operation))
        return;
    struct model_operation **last = &c->operations;
    while (*last)
        last = &(*last)->next;
    *last = operation;
    foreign_read(c, spot, operation);
    security_read(c, spot, operation);
    run_read(c, spot, operation);
    at_once_read(c, spot, operation);
    priority_read(c, spot, operation);
    max_body_read(c, spot, operation);
    order_read(c, spot);
    if (params_read(c, shared, operation) &&
        params_read(c, spot_member(c, spot, "parameters"), operation))
        params_complete(c, spot, operation);
    body_read(c, spot, operation);
    responses_read(c, spot, operation);
}

static void path_read(struct compiler *c, struct spot spot, struct str path)
{
    static const char *const methods[] = { "get", "head", "post", "put", "patch", "delete" };
    struct spot shared = spot_member(c, spot, "parameters");
    for (struct json_iter it = json_iter(spot.node); json_next(&it);) {
        struct spot member = spot_member_n(c, spot, it.key);
        bool method = false;
        for (size_t i = 0; i < COUNT(methods); i++)
            method |= str_is(it.key, methods[i]);
        if (method)
            operation_read(c, shared, member, path, it.key);
        else if (!str_is(it.key, "parameters") && !str_is(it.key, "summary") &&
                 !str_is(it.key, "description") && !str_starts(it.key, STR("x-")))
            wrong(c, member, "is not a method that is supported");
    }
}

void operations_read(struct compiler *c)
{
    struct spot root = spot_root(&c->openapi), paths = spot_member(c, root, "paths");
    struct spot info = spot_member(c, root, "info");
    c->version = json_str(json_get(info.node, "version")).ptr;
    if (!str_starts(json_str(json_get(root.node, "openapi")), STR("3.1")))
        wrong(c, root, "\"openapi\" is 3.1.x");
    if (!c->version)
        wrong(c, info, "\"version\" is required");
    if (json_type(paths.node) != JSON_OBJECT)
        wrong(c, root, "\"paths\" is required");
    for (struct json_iter it = json_iter(paths.node); json_next(&it);)
        path_read(c, spot_member_n(c, paths, it.key), it.key);
}
