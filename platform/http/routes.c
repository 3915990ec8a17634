#include "platform/http/routes.h"

#include <stdlib.h>

struct node {
    struct str segment;
    struct node *next;     /* sibling */
    struct node *children; /* segments that templates name */
    struct node *any;      /* a parameter */
    struct route *route;   /* of the path that ends here */
};

struct routes {
    struct arena *arena;
    struct node root;
};

static const char *const method_names[N_ROUTED] = { "GET", "POST", "PUT", "DELETE", "PATCH" };

enum method method_of(struct str name)
{
    for (int i = 0; i < N_ROUTED; i++)
        if (str_is(name, method_names[i]))
            return (enum method)i;
    return str_is(name, "HEAD")      ? METHOD_HEAD
           : str_is(name, "OPTIONS") ? METHOD_OPTIONS
                                     : METHOD_OTHER;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(struct arena *arena, struct str text, bool plus, struct str *out)
{
    if (!text.len ||
        (!memchr(text.ptr, '%', text.len) && !(plus && memchr(text.ptr, '+', text.len)))) {
        *out = text;
        return true;
    }
    char *decoded = arena_alloc_raw(arena, text.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            int high = i + 2 < text.len ? hex_digit(text.ptr[i + 1]) : -1;
            int low = i + 2 < text.len ? hex_digit(text.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        decoded[n++] = c;
    }
    decoded[n] = '\0';
    *out = (struct str){ decoded, n };
    return true;
}

/* ---- making ---- */

static bool is_param(struct str segment)
{
    return segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

static struct node *child_of(struct routes *routes, struct node *node, struct str segment)
{
    if (is_param(segment)) {
        if (!node->any)
            node->any = ARENA_NEW(routes->arena, struct node);
        return node->any;
    }
    for (struct node *child = node->children; child; child = child->next)
        if (str_eq(child->segment, segment))
            return child;
    struct node *child = ARENA_NEW(routes->arena, struct node);
    *child = (struct node){ .segment = segment, .next = node->children };
    node->children = child;
    return child;
}

/* The node where `path` ends, made where it is missing; NULL for a template that is not understood. */
static struct node *node_of(struct routes *routes, const char *path)
{
    if (path[0] != '/')
        return NULL;
    struct node *node = &routes->root;
    struct str rest = str_of(path + 1), segment;
    size_t params = 0;
    while (str_split(&rest, '/', &segment)) {
        params += is_param(segment);
        if (!is_param(segment) &&
            (str_find_char(segment, '{') >= 0 || str_find_char(segment, '%') >= 0))
            return NULL;
        node = child_of(routes, node, segment);
    }
    return params <= ROUTE_PARAMS ? node : NULL;
}

static const char *allow_of(struct arena *arena, const struct route *route)
{
    struct str allow = STR("");
    for (int i = 0; i < N_ROUTED; i++)
        if (route->operations[i] >= 0)
            allow = arena_printf(arena, STR_FMT "%s, %s", STR_ARG(allow), method_names[i],
                                 i == METHOD_GET ? "HEAD, " : "");
    return arena_printf(arena, STR_FMT "OPTIONS", STR_ARG(allow)).ptr;
}

static bool route_add(struct ctx *ctx, struct routes *routes, const struct operation *operation,
                      int index)
{
    struct node *node = node_of(routes, operation->path);
    enum method method = method_of(str_of(operation->method));
    if (!node || method >= N_ROUTED)
        return ctx_fail(ctx, ERR_INTERNAL, "operation %s: %s %s cannot be routed", operation->id,
                        operation->method, operation->path);
    if (!node->route) {
        node->route = ARENA_NEW(routes->arena, struct route);
        node->route->path = operation->path;
        for (int i = 0; i < N_ROUTED; i++)
            node->route->operations[i] = -1;
    }
    if (node->route->operations[method] >= 0)
        return ctx_fail(ctx, ERR_INTERNAL, "operation %s: %s %s is there already", operation->id,
                        operation->method, operation->path);
    node->route->operations[method] = index;
    node->route->allow = allow_of(routes->arena, node->route);
    return true;
}

struct routes *routes_new(struct ctx *ctx, const struct operation *operations, size_t n)
{
    struct routes *routes = mem_alloc(sizeof(*routes));
    routes->arena = arena_new(0);
    for (size_t i = 0; i < n; i++) {
        if (!route_add(ctx, routes, &operations[i], (int)i)) {
            routes_free(routes);
            return NULL;
        }
    }
    return routes;
}

void routes_free(struct routes *routes)
{
    if (!routes)
        return;
    arena_free(routes->arena);
    free(routes);
}

int route_param_index(const char *path, const char *name)
{
    struct str rest = str_of(path), segment;
    for (int index = 0; str_split(&rest, '/', &segment);) {
        if (!is_param(segment))
            continue;
        if (str_is((struct str){ segment.ptr + 1, segment.len - 2 }, name))
            return index;
        index++;
    }
    return -1;
}

/* ---- finding ---- */

/* Is the segment as sent this one? Decoded in place: a named segment is short. */
static bool segment_is(struct str sent, struct str wanted)
{
    if (sent.len < wanted.len || !memchr(sent.ptr, '%', sent.len))
        return str_eq(sent, wanted);
    size_t at = 0;
    for (size_t i = 0; i < wanted.len; i++) {
        int c = at < sent.len ? (unsigned char)sent.ptr[at++] : -1;
        if (c == '%') {
            int high = at + 1 < sent.len ? hex_digit(sent.ptr[at]) : -1;
            int low = at + 1 < sent.len ? hex_digit(sent.ptr[at + 1]) : -1;
            c = high < 0 || low < 0 ? -1 : high << 4 | low;
            at += 2;
        }
        if (c != (unsigned char)wanted.ptr[i])
            return false;
    }
    return at == sent.len;
}

/* Depth is bounded by the templates, so that a long path cannot cost more than they have segments. */
static const struct route *walk(const struct node *node, struct str rest, struct route_match *match)
{
    struct str segment;
    if (!str_split(&rest, '/', &segment))
        return node->route;
    for (const struct node *child = node->children; child; child = child->next) {
        if (!segment_is(segment, child->segment))
            continue;
        const struct route *route = walk(child, rest, match);
        if (route)
            return route;
        break;
    }
    if (!node->any || segment.len == 0)
        return NULL;
    size_t before = match->n_params;
    match->params[match->n_params++] = segment;
    const struct route *route = walk(node->any, rest, match);
    if (!route)
        match->n_params = before;
    return route;
}

bool routes_find(const struct routes *routes, struct str path, struct route_match *out)
{
    out->n_params = 0;
    out->route = NULL;
    if (path.len && path.ptr[0] == '/')
        out->route = walk(&routes->root, (struct str){ path.ptr + 1, path.len - 1 }, out);
    return out->route != NULL;
}
