#include "services/identity/scopes.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

struct str scopes_of(struct arena *arena, const struct str *list, size_t n)
{
    struct str *sorted = ARENA_ARRAY(arena, struct str, n + 1);
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        sorted[i] = list[i];
        bytes += list[i].len + 1;
    }
    qsort(sorted, n, sizeof(*sorted), compare);
    char *text = arena_alloc(arena, bytes + 1), *at = text;
    for (size_t i = 0; i < n; i++) {
        if (i && str_eq(sorted[i], sorted[i - 1]))
            continue;
        if (at != text)
            *at++ = ' ';
        memcpy(at, sorted[i].ptr, sorted[i].len);
        at += sorted[i].len;
    }
    return (struct str){ text, (size_t)(at - text) };
}

const struct str *scopes_list(struct arena *arena, struct str scopes, size_t *n)
{
    size_t most = 1;
    for (size_t i = 0; i < scopes.len; i++)
        most += scopes.ptr[i] == ' ';
    struct str *list = ARENA_ARRAY(arena, struct str, most), one;
    for (*n = 0; scopes.len && str_split(&scopes, ' ', &one);)
        list[(*n)++] = one;
    return list;
}

struct str scopes_union(struct arena *arena, struct str a, struct str b)
{
    size_t n;
    struct str both = arena_printf(arena, STR_FMT " " STR_FMT, STR_ARG(a), STR_ARG(b));
    const struct str *list = scopes_list(arena, str_trim(both), &n);
    return scopes_of(arena, list, n);
}
