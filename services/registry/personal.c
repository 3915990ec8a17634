/* What of an event's data is about a person. */
#include "services/registry/catalog.h"

#define REFS_AT_MOST 16 /* on one way down: a schema that holds itself has no end */

struct found {
    struct ctx *ctx;
    const struct json *root;
    struct str *pointers;
    size_t n;
};

static void found_add(struct found *found, struct str pointer)
{
    if ((found->n & (found->n - 1)) == 0) { /* doubles */
        struct str *grown = ARENA_ARRAY(found->ctx->arena, struct str, MAX(found->n * 2, 1));
        if (found->n)
            memcpy(grown, found->pointers, found->n * sizeof(*grown));
        found->pointers = grown;
    }
    found->pointers[found->n++] = pointer;
}

static void walk(struct found *found, const struct json *schema, struct str pointer, int refs)
{
    struct str ref = json_str(json_get(schema, "$ref"));
    if (json_bool(json_get(schema, "x-personal"))) {
        found_add(found, pointer);
        return;
    }
    if (ref.len > 1 && ref.ptr[0] == '#' && refs < REFS_AT_MOST)
        walk(found, json_pointer(found->root, (struct str){ ref.ptr + 1, ref.len - 1 }), pointer,
             refs + 1);
    for (struct json_iter it = json_iter(json_get(schema, "properties")); json_next(&it);)
        walk(
            found, it.value,
            arena_printf(found->ctx->arena, STR_FMT "/" STR_FMT, STR_ARG(pointer), STR_ARG(it.key)),
            refs);
    if (json_get(schema, "items"))
        walk(found, json_get(schema, "items"),
             arena_printf(found->ctx->arena, STR_FMT "/*", STR_ARG(pointer)), refs);
}

void personal_members(struct ctx *ctx, const struct json *schema, struct str **out, size_t *n)
{
    struct found found = { .ctx = ctx,
                           .root = schema,
                           .pointers = ARENA_NEW(ctx->arena, struct str) };
    walk(&found, schema, STR(""), 0);
    *out = found.pointers;
    *n = found.n;
}
