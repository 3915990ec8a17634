#include "services/broker/map.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"

/* Where the key is, or the free slot where it would go. The table is never full. */
static size_t find(const struct map *map, struct str key, uint64_t hash)
{
    size_t at = hash & (map->size - 1);
    while (map->slots[at].key.ptr &&
           (map->slots[at].hash != hash || !str_eq(map->slots[at].key, key)))
        at = (at + 1) & (map->size - 1);
    return at;
}

void *map_get(const struct map *map, struct str key)
{
    if (!map->n)
        return NULL;
    return map->slots[find(map, key, hash_fnv1a(key.ptr, key.len))].value;
}

static void grow(struct map *map)
{
    struct map old = *map;
    map->size = old.size ? old.size * 2 : 16;
    map->slots = mem_alloc(map->size * sizeof(struct map_slot));
    for (size_t i = 0; i < old.size; i++)
        if (old.slots[i].key.ptr)
            map->slots[find(map, old.slots[i].key, old.slots[i].hash)] = old.slots[i];
    free(old.slots);
}

void map_put(struct map *map, struct str key, void *value)
{
    if ((map->n + 1) * 4 > map->size * 3)
        grow(map);
    uint64_t hash = hash_fnv1a(key.ptr, key.len);
    size_t at = find(map, key, hash);
    map->n += !map->slots[at].key.ptr;
    map->slots[at] = (struct map_slot){ key, hash, value };
}

void *map_take(struct map *map, struct str key)
{
    if (!map->n)
        return NULL;
    size_t hole = find(map, key, hash_fnv1a(key.ptr, key.len)), mask = map->size - 1;
    void *value = map->slots[hole].value;
    if (!map->slots[hole].key.ptr)
        return NULL;
    map->n--;
    /* What follows moves back when its own place is not after the hole, so that every key stays
     * reachable. */
    for (size_t at = (hole + 1) & mask; map->slots[at].key.ptr; at = (at + 1) & mask) {
        size_t home = map->slots[at].hash & mask;
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole] = (struct map_slot){ 0 };
    return value;
}

void map_clear(struct map *map)
{
    free(map->slots);
    *map = (struct map){ 0 };
}

void *map_next(const struct map *map, size_t *at)
{
    while (*at < map->size) {
        const struct map_slot *slot = &map->slots[(*at)++];
        if (slot->key.ptr)
            return slot->value;
    }
    return NULL;
}
