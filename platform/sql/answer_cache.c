#include "platform/sql/answer_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/hash.h"
#include "platform/sql/freshness.h"

#define BUCKETS 4096

struct slot {
    struct slot *next;
    uint64_t hash;
    struct str key;
    struct kept_answer answer;
};

struct generation {
    struct arena *arena; /* NULL: empty */
    struct slot *buckets[BUCKETS];
    size_t bytes;
};

/* Two generations: what is asked for moves to the young one; when that is full, the old one goes with what nobody asked for
 * meanwhile. */
struct answer_cache {
    pthread_mutex_t lock;
    size_t most_bytes;
    struct freshness fresh;
    struct generation *young, *old;
};

struct answer_cache *answer_cache_new(size_t most_bytes, bool shared)
{
    struct answer_cache *cache = mem_alloc(sizeof(*cache));
    pthread_mutex_init(&cache->lock, NULL);
    cache->most_bytes = most_bytes;
    freshness_init(&cache->fresh, shared);
    cache->young = mem_alloc(sizeof(*cache->young));
    cache->old = mem_alloc(sizeof(*cache->old));
    return cache;
}

static void generation_clear(struct generation *generation)
{
    arena_free(generation->arena);
    memset(generation, 0, sizeof(*generation));
}

void answer_cache_free(struct answer_cache *cache)
{
    if (!cache)
        return;
    generation_clear(cache->young);
    generation_clear(cache->old);
    free(cache->young);
    free(cache->old);
    pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* ---- is it what the database says? ---- */

void answer_cache_doubt(void *cache)
{
    freshness_doubt(&((struct answer_cache *)cache)->fresh);
}

int64_t answer_cache_mark(struct answer_cache *cache)
{
    return freshness_mark(&cache->fresh);
}

void answer_cache_meet(struct answer_cache *cache, int64_t mark, int64_t revision)
{
    pthread_mutex_lock(&cache->lock);
    if (freshness_meet(&cache->fresh, mark, revision)) {
        generation_clear(cache->young);
        generation_clear(cache->old);
    }
    pthread_mutex_unlock(&cache->lock);
}

/* ---- what is kept ---- */

static struct slot *slot_find(const struct generation *generation, uint64_t hash, struct str key)
{
    struct slot *slot = generation->buckets[hash % BUCKETS];
    while (slot && (slot->hash != hash || !str_eq(slot->key, key)))
        slot = slot->next;
    return slot;
}

static struct str kept(struct arena *arena, struct str text)
{
    return text.ptr ? arena_str(arena, text) : text;
}

/* The young generation grows old once it has half of what may be held. */
static void slot_add(struct answer_cache *cache, uint64_t hash, struct str key,
                     const struct kept_answer *answer)
{
    size_t bytes = sizeof(struct slot) + key.len + answer->etag.len + answer->body.len;
    if (cache->young->bytes + bytes > cache->most_bytes / 2) {
        struct generation *oldest = cache->old;
        generation_clear(oldest);
        cache->old = cache->young;
        cache->young = oldest;
    }
    struct generation *young = cache->young;
    if (bytes > cache->most_bytes / 2)
        return;
    if (!young->arena)
        young->arena = arena_new(0);
    struct slot *slot = ARENA_NEW(young->arena, struct slot);
    *slot = (struct slot){
        .next = young->buckets[hash % BUCKETS],
        .hash = hash,
        .key = arena_str(young->arena, key),
        .answer = { kept(young->arena, answer->etag), kept(young->arena, answer->body) },
    };
    young->buckets[hash % BUCKETS] = slot;
    young->bytes += bytes;
}

/* Copied before it moves: the old generation may end with that. */
static bool slot_take(struct ctx *ctx, struct answer_cache *cache, struct str key,
                      struct kept_answer *out)
{
    uint64_t hash = hash_fnv1a(key.ptr, key.len);
    const struct slot *young = slot_find(cache->young, hash, key);
    const struct slot *slot = young ? young : slot_find(cache->old, hash, key);
    if (!slot)
        return false;
    *out = (struct kept_answer){ kept(ctx->arena, slot->answer.etag),
                                 kept(ctx->arena, slot->answer.body) };
    if (!young)
        slot_add(cache, hash, key, out);
    return true;
}

bool answer_cache_get(struct ctx *ctx, struct answer_cache *cache, struct str key,
                      struct kept_answer *out)
{
    if (freshness_turn(&cache->fresh))
        return false;
    pthread_mutex_lock(&cache->lock);
    bool there = freshness_stands(&cache->fresh) && slot_take(ctx, cache, key, out);
    pthread_mutex_unlock(&cache->lock);
    return there;
}

void answer_cache_put(struct answer_cache *cache, int64_t revision, struct str key,
                      const struct kept_answer *answer)
{
    uint64_t hash = hash_fnv1a(key.ptr, key.len);
    pthread_mutex_lock(&cache->lock);
    if (revision == cache->fresh.revision && !slot_find(cache->young, hash, key))
        slot_add(cache, hash, key, answer);
    pthread_mutex_unlock(&cache->lock);
}
