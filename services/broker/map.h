/* A hash table from text to pointers. The keys live in the values (or as long as they do). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct map_slot {
    struct str key; /* ptr NULL: free */
    uint64_t hash;
    void *value;
};

/* Zero is an empty map. */
struct map {
    struct map_slot *slots;
    size_t n, size; /* size is 0 or a power of two */
};

void *map_get(const struct map *map, struct str key); /* NULL when there is none */
void map_put(struct map *map, struct str key, void *value);
void *map_take(struct map *map, struct str key); /* removes and gives it, NULL when there is none */
void map_clear(struct map *map);                 /* frees the table, not the values */

/* for (size_t at = 0; (value = map_next(map, &at));) ... the map must not change meanwhile. */
void *map_next(const struct map *map, size_t *at);
