#include <stdlib.h>

#include "platform/schema/compiler.h"

const struct node *node_for(struct compiler *c, const struct json *schema)
{
    struct place *place = place_of(c, schema);
    if (!place->node) {
        place->node = ARENA_NEW(c->schema->arena, struct node);
        *c->queue_end = place;
        c->queue_end = &place->next;
    }
    return place->node;
}

static bool compile_queued(struct compiler *c)
{
    while (c->queue) {
        struct place *place = c->queue;
        c->queue = place->next;
        if (!c->queue)
            c->queue_end = &c->queue;
        if (!keywords_compile(c, place))
            return false;
    }
    return true;
}

/* All that the caller's own document holds, so that nothing wrong in it goes unseen. */
static void queue_own(struct compiler *c, const struct source *own)
{
    for (struct place *place = c->first; place; place = place->after)
        if (place->source->document == own)
            node_for(c, place->schema);
}

/* The $dynamicAnchors of every source, where a $dynamicRef may lead. Compiling them may read more documents. */
static bool compile_dynamic_anchors(struct compiler *c)
{
    struct source *seen = NULL;
    while (c->schema->dynamic && c->sources != seen) {
        struct source *newest = c->sources;
        for (struct source *source = newest; source != seen; source = source->next)
            for (struct anchor *anchor = source->anchors; anchor; anchor = anchor->next)
                if (anchor->dynamic)
                    node_for(c, anchor->schema);
        if (!compile_queued(c))
            return false;
        seen = newest;
    }
    return true;
}

static void list_dynamic_anchors(struct compiler *c)
{
    for (struct source *source = c->sources; source; source = source->next) {
        size_t n = 0;
        for (struct anchor *anchor = source->anchors; anchor; anchor = anchor->next)
            n += anchor->dynamic;
        struct dynamic_anchor *list = ARENA_ARRAY(c->schema->arena, struct dynamic_anchor, n);
        source->resource->anchors = list;
        for (struct anchor *anchor = source->anchors; anchor; anchor = anchor->next)
            if (anchor->dynamic)
                list[source->resource->n_anchors++] =
                    (struct dynamic_anchor){ anchor->name, place_of(c, anchor->schema)->node };
    }
}

/* ---- schemas that lead to themselves without going deeper into the value ---- */

static bool ends(const struct node *node, int depth);

static bool list_ends(const struct node_list *list, int depth)
{
    for (size_t i = 0; i < list->n; i++)
        if (!ends(list->nodes[i], depth))
            return false;
    return true;
}

static bool all_below_end(const struct node *node, int depth)
{
    const struct any_rules *any = node->any;
    if (any) {
        const struct node *const single[] = { any->ref,       any->dynamic_ref, any->not,
                                              any->condition, any->then,        any->otherwise };
        for (size_t i = 0; i < COUNT(single); i++)
            if (single[i] && !ends(single[i], depth))
                return false;
        if (!list_ends(&any->all_of, depth) || !list_ends(&any->any_of, depth) ||
            !list_ends(&any->one_of, depth))
            return false;
    }
    for (size_t i = 0; node->object && i < node->object->n_dependents; i++)
        if (node->object->dependents[i].node && !ends(node->object->dependents[i].node, depth))
            return false;
    return true;
}

static bool ends(const struct node *node, int depth)
{
    struct node *marked = (struct node *)(uintptr_t)node; /* still the compiler's alone */
    if (marked->walk == WALK_DONE)
        return true;
    if (marked->walk == WALK_OPEN || depth == MOST_DEPTH)
        return false;
    marked->walk = WALK_OPEN;
    bool ok = all_below_end(node, depth + 1);
    marked->walk = WALK_DONE;
    return ok;
}

static bool all_end(struct compiler *c)
{
    for (struct place *place = c->first; place; place = place->after)
        if (place->node && !ends(place->node, 0))
            return compile_fail(c, place, NULL, "the schema leads to itself without end");
    return true;
}

static bool compile(struct compiler *c, const struct json *document)
{
    struct source *own = document_add(c, c->options->base_uri, document);
    if (!own)
        return false;
    c->base = own;
    c->schema->root = node_for(c, own->root);
    queue_own(c, own);
    if (!compile_queued(c) || !compile_dynamic_anchors(c) || !all_end(c))
        return false;
    list_dynamic_anchors(c);
    return true;
}

struct schema *schema_compile(struct ctx *ctx, const struct json *document,
                              const struct schema_options *options)
{
    static const struct schema_options plain;
    struct schema *schema = mem_alloc(sizeof(*schema));
    schema->arena = arena_new(0);
    struct compiler c = {
        .ctx = ctx,
        .own = { .arena = schema->arena },
        .schema = schema,
        .options = options ? options : &plain,
    };
    c.queue_end = &c.queue;
    if (compile(&c, document))
        return schema;
    schema_free(schema);
    return NULL;
}

void schema_free(struct schema *schema)
{
    if (!schema)
        return;
    arena_free(schema->arena);
    free(schema);
}
