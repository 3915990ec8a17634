#include "services/gateway/misses.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"

#define SLOTS 1024
#define SECONDS_MASK                                                                               \
    0xfffffu /* the low bits of a slot: until which second; the others are of the hash */

struct misses {
    _Atomic uint64_t slots[SLOTS];
};

struct misses *misses_new(void)
{
    return mem_alloc(sizeof(struct misses));
}

void misses_free(struct misses *misses)
{
    free(misses);
}

static uint64_t hash_of(struct str slug, struct str locale)
{
    return hash_fnv1a(slug.ptr, slug.len) * 31 + hash_fnv1a(locale.ptr, locale.len);
}

static uint64_t second_of(int64_t us)
{
    return (uint64_t)(us / US_PER_S) & SECONDS_MASK;
}

void misses_note(struct misses *misses, struct str slug, struct str locale, int64_t now_us)
{
    uint64_t hash = hash_of(slug, locale);
    uint64_t slot = (hash & ~(uint64_t)SECONDS_MASK) | second_of(now_us + MISSES_S * US_PER_S);
    atomic_store_explicit(&misses->slots[hash % SLOTS], slot, memory_order_relaxed);
}

bool misses_has(const struct misses *misses, struct str slug, struct str locale, int64_t now_us)
{
    uint64_t hash = hash_of(slug, locale);
    uint64_t slot = atomic_load_explicit(&misses->slots[hash % SLOTS], memory_order_relaxed);
    uint64_t left = ((slot & SECONDS_MASK) - second_of(now_us)) & SECONDS_MASK;
    return ((slot ^ hash) & ~(uint64_t)SECONDS_MASK) == 0 && left > 0 && left <= MISSES_S;
}
