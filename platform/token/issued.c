/* Keys that identity has issued, by their hashes; beside those of the key folder. */
#include <stdlib.h>

#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "platform/token/keyset.h"

/* Noted where a key is verified, without a lock; 0: never. */
struct use {
    _Atomic int64_t used_us;
    int64_t told_us; /* which use has been told */
};

/* In one piece of memory; the texts of the key are behind it. */
struct issued {
    struct issued *next;
    struct issued_key key;
    struct use use;
    char text[];
};

static struct issued **bucket_of(struct token_keys *keys, const uint8_t hash[32])
{
    return &keys->issued[hash[0]];
}

static void put(struct token_keys *keys, const struct issued_key *key, const struct use *use)
{
    struct issued *one =
        mem_alloc(sizeof(*one) + key->key_id.len + key->name.len + key->scopes.len);
    struct issued **bucket = bucket_of(keys, key->hash);
    char *at = one->text;
    one->key = *key;
    one->use = *use;
    one->key.key_id = text_append(&at, key->key_id);
    one->key.name = text_append(&at, key->name);
    one->key.scopes = text_append(&at, key->scopes);
    one->next = *bucket;
    *bucket = one;
}

/* Rare, so it looks at all of them. Gives how it was used. */
static struct use drop(struct token_keys *keys, struct str key_id)
{
    struct use use = { 0 };
    for (size_t i = 0; i < COUNT(keys->issued); i++)
        for (struct issued **at = &keys->issued[i]; *at;) {
            struct issued *one = *at;
            if (!str_eq(one->key.key_id, key_id)) {
                at = &one->next;
                continue;
            }
            *at = one->next;
            use = one->use;
            free(one);
        }
    return use;
}

void token_issued_change(struct token_keys *keys, const struct issued_change *changes, size_t n)
{
    pthread_rwlock_wrlock(&keys->lock);
    for (size_t i = 0; i < n; i++) {
        struct use use = drop(keys, changes[i].key.key_id);
        if (!changes[i].revoked)
            put(keys, &changes[i].key, &use);
    }
    pthread_rwlock_unlock(&keys->lock);
}

void token_issued_each(struct token_keys *keys,
                       void (*visit)(void *argument, const struct issued_key *key), void *argument)
{
    pthread_rwlock_rdlock(&keys->lock);
    for (size_t i = 0; i < COUNT(keys->issued); i++)
        for (const struct issued *one = keys->issued[i]; one; one = one->next)
            visit(argument, &one->key);
    pthread_rwlock_unlock(&keys->lock);
}

void token_issued_clear(struct token_keys *keys)
{
    for (size_t i = 0; i < COUNT(keys->issued); i++)
        while (keys->issued[i]) {
            struct issued *one = keys->issued[i];
            keys->issued[i] = one->next;
            free(one);
        }
}

void token_issued_uses(struct token_keys *keys,
                       bool (*visit)(void *argument, struct str key_id, int64_t used_us),
                       void *argument)
{
    pthread_rwlock_rdlock(&keys->lock);
    for (size_t i = 0; i < COUNT(keys->issued); i++)
        for (struct issued *one = keys->issued[i]; one; one = one->next) {
            int64_t used_us = atomic_load_explicit(&one->use.used_us, memory_order_relaxed);
            if (used_us != one->use.told_us && visit(argument, one->key.key_id, used_us))
                one->use.told_us = used_us;
        }
    pthread_rwlock_unlock(&keys->lock);
}

/* One write an hour: what is only read stays in every core's cache. */
static void note_use(struct use *use, int64_t now_us)
{
    int64_t used_us = atomic_load_explicit(&use->used_us, memory_order_relaxed);
    if (now_us - used_us >= TOKEN_USE_GRAIN_US)
        atomic_store_explicit(&use->used_us, now_us, memory_order_relaxed);
}

bool token_issued_find(struct ctx *ctx, struct token_keys *keys, const uint8_t hash[32], bool write,
                       struct principal *out)
{
    bool found = false;
    int64_t now_us = clock_now_us();
    pthread_rwlock_rdlock(&keys->lock);
    for (struct issued *one = *bucket_of(keys, hash); one && !found; one = one->next) {
        const struct issued_key *key = &one->key;
        found = crypto_equal(key->hash, hash, 32) && key->write == write &&
                (!key->expires_us || now_us < key->expires_us);
        if (!found)
            continue;
        note_use(&one->use, now_us);
        *out = (struct principal){ write ? PRINCIPAL_WRITE_KEY : PRINCIPAL_TOKEN,
                                   arena_str(ctx->arena, write ? key->name : key->key_id),
                                   arena_str(ctx->arena, key->scopes) };
    }
    pthread_rwlock_unlock(&keys->lock);
    return found;
}
