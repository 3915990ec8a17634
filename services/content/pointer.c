#include "services/content/pointer.h"

struct str pointer_member(struct arena *arena, struct str pointer, struct str key)
{
    char *text = arena_alloc_raw(arena, pointer.len + 2 * key.len + 2), *at = text;
    if (pointer.len)
        at = mempcpy(at, pointer.ptr, pointer.len);
    *at++ = '/';
    for (size_t i = 0; i < key.len; i++) {
        bool escaped = key.ptr[i] == '~' || key.ptr[i] == '/';
        if (escaped)
            *at++ = '~';
        *at++ = key.ptr[i] == '~' ? '0' : key.ptr[i] == '/' ? '1' : key.ptr[i];
    }
    *at = '\0';
    return (struct str){ text, (size_t)(at - text) };
}

struct str pointer_element(struct arena *arena, struct str pointer, size_t index)
{
    return arena_printf(arena, STR_FMT "/%zu", STR_ARG(pointer), index);
}
