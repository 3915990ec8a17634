#include "services/analytics/idset.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"

#define GONE UINT64_MAX /* a removed entry: searching goes on beyond it */

struct generation {
    uint64_t *slots; /* 0: free */
    size_t size, used;
};

struct idset {
    struct generation now, before;
};

struct idset *idset_new(void)
{
    return mem_alloc(sizeof(struct idset));
}

void idset_free(struct idset *set)
{
    if (!set)
        return;
    free(set->now.slots);
    free(set->before.slots);
    free(set);
}

uint64_t idset_hash(struct str id)
{
    uint64_t hash = hash_fnv1a(id.ptr, id.len);
    hash ^= hash >> 32; /* FNV's low bits alone would cluster */
    return hash == 0 || hash == GONE ? 1 : hash;
}

static uint64_t *find(struct generation *generation, uint64_t hash)
{
    if (!generation->size)
        return NULL;
    for (size_t at = hash & (generation->size - 1);; at = (at + 1) & (generation->size - 1)) {
        if (generation->slots[at] == hash)
            return &generation->slots[at];
        if (generation->slots[at] == 0)
            return NULL;
    }
}

static void put(struct generation *generation, uint64_t hash)
{
    size_t at = hash & (generation->size - 1);
    while (generation->slots[at] != 0)
        at = (at + 1) & (generation->size - 1);
    generation->slots[at] = hash;
    generation->used++;
}

static void grow(struct generation *generation)
{
    struct generation larger = { .size = generation->size ? generation->size * 2 : 1024 };
    larger.slots = mem_alloc(larger.size * sizeof(uint64_t));
    for (size_t i = 0; i < generation->size; i++)
        if (generation->slots[i] != 0 && generation->slots[i] != GONE)
            put(&larger, generation->slots[i]);
    free(generation->slots);
    *generation = larger;
}

bool idset_add(struct idset *set, uint64_t hash)
{
    if (find(&set->now, hash) || find(&set->before, hash))
        return false;
    if (set->now.used >= IDSET_ROOM) {
        free(set->before.slots);
        set->before = set->now;
        set->now = (struct generation){ 0 };
    }
    if (2 * (set->now.used + 1) > set->now.size)
        grow(&set->now);
    put(&set->now, hash);
    return true;
}

void idset_remove(struct idset *set, uint64_t hash)
{
    uint64_t *slot = find(&set->now, hash);
    if (!slot)
        slot = find(&set->before, hash);
    if (slot)
        *slot = GONE;
}
