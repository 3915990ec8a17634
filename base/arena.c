#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT 16
#define FIRST_BYTES 4096
#define LARGEST_STEP (1u << 20) /* blocks double up to here, then grow evenly */
#define LARGEST_KEPT 65536      /* by clear */

struct block {
    struct block *next;
    size_t size, used;
    char data[] __attribute__((aligned(ALIGNMENT)));
};

struct end {
    struct end *next;
    void (*function)(void *);
    void *argument;
};

struct arena {
    struct block *now;   /* newest block; older ones follow by next */
    struct block *first; /* the one that clear may keep */
    struct end *ends;
    size_t bytes;
};

static void out_of_memory(size_t bytes)
{
    fprintf(stderr, "out of memory (%zu bytes wanted)\n", bytes);
    abort();
}

void *mem_alloc(size_t bytes)
{
    void *memory = calloc(1, bytes ? bytes : 1);
    if (!memory)
        out_of_memory(bytes);
    return memory;
}

void *mem_realloc(void *old, size_t bytes)
{
    void *memory = realloc(old, bytes ? bytes : 1);
    if (!memory)
        out_of_memory(bytes);
    return memory;
}

char *mem_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(mem_alloc(bytes), text, bytes);
}

static struct block *block_new(struct arena *arena, size_t bytes)
{
    struct block *block = malloc(sizeof(*block) + bytes);
    if (!block)
        out_of_memory(bytes);
    block->size = bytes;
    block->used = 0;
    block->next = arena->now;
    arena->now = block;
    arena->bytes += bytes;
    return block;
}

struct arena *arena_new(size_t first_bytes)
{
    struct arena *arena = mem_alloc(sizeof(*arena));
    arena->first = block_new(arena, first_bytes ? first_bytes : FIRST_BYTES);
    return arena;
}

void *arena_alloc_raw(struct arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        out_of_memory(bytes);
    bytes = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    struct block *block = arena->now;
    if (block->size - block->used < bytes)
        block = block_new(arena, MAX(bytes, MIN(block->size * 2, LARGEST_STEP)));
    void *memory = block->data + block->used;
    block->used += bytes;
    return memory;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    return memset(arena_alloc_raw(arena, bytes), 0, bytes);
}

void *arena_copy(struct arena *arena, const void *from, size_t bytes)
{
    void *memory = arena_alloc_raw(arena, bytes);
    if (bytes)
        memcpy(memory, from, bytes);
    return memory;
}

char *arena_cstr(struct arena *arena, struct str text)
{
    char *copy = arena_alloc_raw(arena, text.len + 1);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

struct str arena_str(struct arena *arena, struct str text)
{
    return (struct str){ arena_cstr(arena, text), text.len };
}

struct str arena_join(struct arena *arena, const struct str *parts, size_t n)
{
    size_t len = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    char *text = arena_alloc_raw(arena, len + 1);
    for (size_t i = 0; i < n; at += parts[i++].len)
        if (parts[i].len)
            memcpy(text + at, parts[i].ptr, parts[i].len);
    text[len] = '\0';
    return (struct str){ text, len };
}

struct str arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    char small[256];
    int length = vsnprintf(small, sizeof(small), format, args);
    if (length < 0)
        length = 0;
    char *text = arena_alloc_raw(arena, (size_t)length + 1);
    if ((size_t)length < sizeof(small))
        memcpy(text, small, (size_t)length + 1);
    else
        vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return (struct str){ text, (size_t)length };
}

struct str arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

void arena_at_end(struct arena *arena, void (*function)(void *), void *argument)
{
    struct end *end = ARENA_NEW(arena, struct end);
    *end = (struct end){ arena->ends, function, argument };
    arena->ends = end;
}

/* The largest that is not huge, so that an arena that is used again and again soon takes no more memory; its first
 * otherwise. */
static struct block *block_to_keep(const struct arena *arena)
{
    struct block *kept = arena->first;
    for (struct block *block = arena->now; block; block = block->next)
        if (block->size <= LARGEST_KEPT && block->size > kept->size)
            kept = block;
    return kept;
}

void arena_clear(struct arena *arena)
{
    while (arena->ends) {
        struct end *end = arena->ends;
        arena->ends = end->next;
        end->function(end->argument);
    }
    struct block *kept = block_to_keep(arena);
    while (arena->now) {
        struct block *block = arena->now;
        arena->now = block->next;
        if (block == kept)
            continue;
        arena->bytes -= block->size;
        free(block);
    }
    kept->next = NULL;
    kept->used = 0;
    arena->now = arena->first = kept;
}

void arena_free(struct arena *arena)
{
    if (!arena)
        return;
    arena_clear(arena);
    free(arena->first);
    free(arena);
}

void arena_freep(struct arena **arena)
{
    arena_free(*arena);
    *arena = NULL;
}

size_t arena_bytes(const struct arena *arena)
{
    return arena->bytes;
}
