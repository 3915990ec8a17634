#include "cli/mapping.h"

/* Up to the next comma that has no backslash before it, without the backslashes. */
static struct str part_take(struct arena *arena, const char **at)
{
    char *out = arena_alloc(arena, strlen(*at) + 1);
    size_t n = 0;
    for (; **at && **at != ','; ++*at) {
        if (**at == '\\' && (*at)[1])
            ++*at;
        out[n++] = **at;
    }
    if (**at)
        ++*at;
    return (struct str){ out, n };
}

static bool pairs_read(struct ctx *ctx, const char *option, const char *text,
                       struct mapping_pair *out, size_t *n)
{
    for (const char *at = text; at && *at;) {
        struct str rest = part_take(ctx->arena, &at), from;
        if (*n == MAPPING_MOST)
            return ctx_fail(ctx, ERR_INVALID, "%s names more than %d", option, MAPPING_MOST);
        if (!str_split(&rest, '=', &from) || !from.len || !rest.ptr)
            return ctx_fail(ctx, ERR_INVALID, "%s: \"" STR_FMT "\" is no pair with = between",
                            option, STR_ARG(from));
        out[(*n)++] = (struct mapping_pair){ from, rest };
    }
    return true;
}

bool mapping_read(struct ctx *ctx, const char *map, const char *set, struct mapping *out)
{
    *out = (struct mapping){ 0 };
    return pairs_read(ctx, "--map", map, out->columns, &out->n_columns) &&
           pairs_read(ctx, "--set", set, out->set, &out->n_set);
}

static struct str find(const struct mapping_pair *pairs, size_t n, struct str from)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(pairs[i].from, from))
            return pairs[i].to;
    return (struct str){ NULL, 0 };
}

struct str mapping_member(const struct mapping *mapping, struct str column)
{
    return find(mapping->columns, mapping->n_columns, column);
}

struct str mapping_value(const struct mapping *mapping, struct str member)
{
    return mapping ? find(mapping->set, mapping->n_set, member) : (struct str){ NULL, 0 };
}
