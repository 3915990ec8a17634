/* Arena: memory of one request or event, freed all at once. Not thread-safe: one owner at a time.
 * Out of memory ends the process (nothing accepted is lost: what was acknowledged is on disk). */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/macros.h"
#include "base/str.h"

struct arena;

/* A new arena whose first block holds `first_bytes` (0: 4 KiB). Owned by the caller. */
struct arena *arena_new(size_t first_bytes);

/* Zeroed memory, aligned to 16 bytes, alive until the arena is cleared or freed. */
void *arena_alloc(struct arena *arena, size_t bytes) __attribute__((malloc, returns_nonnull));

/* The same, not zeroed. */
void *arena_alloc_raw(struct arena *arena, size_t bytes) __attribute__((malloc, returns_nonnull));

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_alloc((arena), sizeof(type) * (size_t)(n)))

/* Copies that end in NUL. */
struct str arena_str(struct arena *arena, struct str text);
char *arena_cstr(struct arena *arena, struct str text);
void *arena_copy(struct arena *arena, const void *from, size_t bytes);

/* One text of several; what has no pointer is nothing. */
struct str arena_join(struct arena *arena, const struct str *parts, size_t n);

/* Formatted text; `.ptr` ends in NUL. */
struct str arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
struct str arena_vprintf(struct arena *arena, const char *format, va_list args);

/* `function(argument)` runs when the arena is cleared or freed, the last added first. */
void arena_at_end(struct arena *arena, void (*function)(void *), void *argument);

/* Everything allocated is gone; a block of memory is kept: the first, or a larger one up to 64 KiB. */
void arena_clear(struct arena *arena);

/* NULL-safe. */
void arena_free(struct arena *arena);

/* For CLEANUP(arena_freep). */
void arena_freep(struct arena **arena);

/* Bytes taken from the system so far. */
size_t arena_bytes(const struct arena *arena);

/* malloc, realloc that end the process when memory is out; for what outlives requests. */
void *mem_alloc(size_t bytes) __attribute__((malloc, returns_nonnull)); /* zeroed */
void *mem_realloc(void *old, size_t bytes);
char *mem_strdup(const char *text);
