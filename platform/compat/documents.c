#include "platform/compat/documents.h"

#include "platform/compat/findings.h"
#include "platform/schema/uri.h"

#define REFS_AT_MOST 32 /* a longer chain of $ref goes in a circle */

/* Members whose values are data: an "$id" in there is nobody's. */
static bool is_data(struct str key)
{
    return str_is(key, "example") || str_is(key, "examples") || str_is(key, "default") ||
           str_is(key, "enum") || str_is(key, "const");
}

/* ---- what there is to refer to ---- */

static void note(struct ctx *ctx, struct side *side, const struct resource *in,
                 const struct json *node, struct str pointer);

static const struct resource *resource_add(struct ctx *ctx, struct side *side, struct str uri,
                                           const struct json *root, struct str pointer)
{
    struct resource *resource = ARENA_NEW(ctx->arena, struct resource);
    *resource = (struct resource){ uri, root, pointer, side->resources };
    side->resources = resource;
    return resource;
}

static void anchor_add(struct ctx *ctx, struct side *side, const struct resource *in,
                       struct str name, const struct json *schema, struct str pointer)
{
    struct anchor *anchor = ARENA_NEW(ctx->arena, struct anchor);
    *anchor = (struct anchor){ in, name, schema, pointer, side->anchors };
    side->anchors = anchor;
}

/* Notes an object's $id and anchors; gives the resource that what is below it belongs to. */
static const struct resource *note_names(struct ctx *ctx, struct side *side,
                                         const struct resource *in, const struct json *node,
                                         struct str pointer)
{
    struct str id = json_str(json_get(node, "$id"));
    if (!id.ptr && side->draft7)
        id = json_str(json_get(node, "id")); /* draft-04 */
    bool is_anchor = id.len && id.ptr[0] == '#';
    if (is_anchor)
        anchor_add(ctx, side, in, (struct str){ id.ptr + 1, id.len - 1 }, node, pointer);
    else if (id.len && node != in->root)
        in = resource_add(ctx, side, uri_without_fragment(uri_resolve(ctx->arena, in->uri, id)),
                          node, pointer);
    static const char *const keywords[] = { "$anchor", "$dynamicAnchor" };
    for (size_t i = 0; i < COUNT(keywords); i++) {
        struct str name = json_str(json_get(node, keywords[i]));
        if (name.len)
            anchor_add(ctx, side, in, name, node, pointer);
    }
    return in;
}

static void note(struct ctx *ctx, struct side *side, const struct resource *in,
                 const struct json *node, struct str pointer)
{
    bool object = json_type(node) == JSON_OBJECT;
    if (!object && json_type(node) != JSON_ARRAY)
        return;
    if (object)
        in = note_names(ctx, side, in, node, pointer);
    for (struct json_iter it = json_iter(node); json_next(&it);)
        if (!object)
            note(ctx, side, in, it.value, pointer_down_n(ctx->arena, pointer, it.index));
        else if (!is_data(it.key))
            note(ctx, side, in, it.value, pointer_down(ctx->arena, pointer, it.key));
}

static const struct resource *document_add(struct ctx *ctx, struct side *side, struct str uri,
                                           const struct json *root, struct str pointer)
{
    struct str id = json_str(json_get(root, "$id"));
    if (id.len && id.ptr[0] != '#')
        uri = uri_without_fragment(uri_resolve(ctx->arena, uri, id));
    const struct resource *resource = resource_add(ctx, side, uri, root, pointer);
    note(ctx, side, resource, root, pointer);
    return resource;
}

static bool is_draft7(const struct json *root)
{
    struct str name = json_str(json_get(root, "$schema"));
    static const struct str drafts[] = { STR_INIT("draft-04"), STR_INIT("draft-06"),
                                         STR_INIT("draft-07") };
    for (size_t i = 0; name.len && i < COUNT(drafts); i++)
        if (memmem(name.ptr, name.len, drafts[i].ptr, drafts[i].len))
            return true;
    return false;
}

struct side *side_new(struct ctx *ctx, const struct compat_document *document, bool is_old)
{
    struct side *side = ARENA_NEW(ctx->arena, struct side);
    side->given = document;
    side->is_old = is_old;
    side->draft7 = is_draft7(document->root);
    struct str uri = document->uri.ptr ? document->uri : STR("");
    document_add(ctx, side, uri, document->root, STR(""));
    return side;
}

struct node side_root(struct side *side)
{
    const struct resource *root = side->resources;
    while (root->root != side->given->root)
        root = root->next;
    return (struct node){ side->given->root, side, root, STR("") };
}

/* ---- from one to the next ---- */

static const struct resource *resource_of(const struct side *side, const struct json *root)
{
    for (const struct resource *at = side->resources; at; at = at->next)
        if (at->root == root)
            return at;
    return NULL;
}

/* A node below; an $id of its own begins another resource. */
static struct node down(struct node from, const struct json *json, struct str pointer)
{
    const struct resource *own = json ? resource_of(from.side, json) : NULL;
    return (struct node){ json, from.side, own ? own : from.resource, pointer };
}

struct node node_get_n(struct ctx *ctx, struct node node, struct str key)
{
    return down(node, json_get_n(node.json, key), pointer_down(ctx->arena, node.pointer, key));
}

struct node node_get(struct ctx *ctx, struct node node, const char *key)
{
    return node_get_n(ctx, node, str_of(key));
}

struct node node_at(struct ctx *ctx, struct node node, size_t index)
{
    return down(node, json_at(node.json, index), pointer_down_n(ctx->arena, node.pointer, index));
}

/* ---- references ---- */

static struct str unescaped(struct arena *arena, struct str token)
{
    char *text = arena_alloc_raw(arena, token.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < token.len; i++) {
        bool escape = token.ptr[i] == '~' && i + 1 < token.len;
        text[n++] = !escape ? token.ptr[i] : token.ptr[++i] == '1' ? '/' : '~';
    }
    text[n] = '\0';
    return (struct str){ text, n };
}

static struct node walk(struct ctx *ctx, struct node node, struct str pointer)
{
    struct str part;
    bool first = true;
    while (node.json && str_split(&pointer, '/', &part)) {
        int64_t index;
        if (!first && json_type(node.json) == JSON_ARRAY)
            node = str_to_int(part, &index) && index >= 0
                       ? node_at(ctx, node, (size_t)index)
                       : (struct node){ NULL, node.side, node.resource, node.pointer };
        else if (!first)
            node = node_get_n(ctx, node, unescaped(ctx->arena, part));
        first = false;
    }
    return node;
}

/* The resource of a URI without fragment; other documents are read when they are needed. */
static const struct resource *resource_find(struct ctx *ctx, struct side *side, struct str uri)
{
    for (const struct resource *at = side->resources; at; at = at->next)
        if (str_eq(at->uri, uri))
            return at;
    const struct compat_document *given = side->given;
    const struct json *root = given->resolve ? given->resolve(ctx, uri, given->argument) : NULL;
    if (!root)
        return NULL;
    const struct resource *at =
        document_add(ctx, side, uri, root, arena_printf(ctx->arena, STR_FMT "#", STR_ARG(uri)));
    if (!str_eq(at->uri, uri)) /* its $id says otherwise: it is known by both names */
        resource_add(ctx, side, uri, root, at->pointer);
    return at;
}

static struct node find(struct ctx *ctx, const struct resource *in, struct side *side,
                        struct str fragment)
{
    struct node root = { in->root, side, in, in->pointer };
    if (fragment.len == 0)
        return root;
    if (fragment.ptr[0] == '/')
        return walk(ctx, root, fragment);
    for (const struct anchor *at = side->anchors; at; at = at->next)
        if (at->resource == in && str_eq(at->name, fragment))
            return (struct node){ at->schema, side, in, at->pointer };
    return (struct node){ NULL, side, in, in->pointer };
}

bool node_resolve(struct ctx *ctx, struct node from, struct str reference, struct node *out)
{
    const struct resource *in = from.resource;
    if (reference.len && reference.ptr[0] != '#') {
        struct str uri = uri_resolve(ctx->arena, from.resource->uri, reference);
        in = resource_find(ctx, from.side, uri_without_fragment(uri));
    }
    struct node found = { 0 };
    if (in)
        found = find(ctx, in, from.side, uri_fragment(ctx->arena, reference));
    if (!found.json)
        return ctx_fail_at(ctx, ERR_INVALID, from.pointer,
                           "the reference \"" STR_FMT "\" of the %s contract leads nowhere",
                           STR_ARG(reference), from.side->is_old ? "old" : "new");
    *out = found;
    return true;
}

bool node_follow(struct ctx *ctx, struct node from, struct node *out)
{
    for (int i = 0; i < REFS_AT_MOST; i++) {
        struct str reference = json_str(json_get(from.json, "$ref"));
        if (!reference.ptr) {
            *out = from;
            return true;
        }
        if (!node_resolve(ctx, from, reference, &from))
            return false;
    }
    return ctx_fail_at(ctx, ERR_INVALID, from.pointer, "its references go in a circle");
}
