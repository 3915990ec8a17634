/* Keys that identity has issued, by their hashes; beside those of the key folder. */
#include <stdlib.h>

#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "platform/token/keyset.h"

/* In one piece of memory; the texts of the key are behind it. */
struct issued {
    struct issued *next;
    struct issued_key key;
    char text[];
};

static struct issued **bucket_of(struct token_keys *keys, const uint8_t hash[32])
{
    return &keys->issued[hash[0]];
}

static void put(struct token_keys *keys, const struct issued_key *key)
{
    struct issued *one =
        mem_alloc(sizeof(*one) + key->key_id.len + key->name.len + key->scopes.len);
    struct issued **bucket = bucket_of(keys, key->hash);
    char *at = one->text;
    one->key = *key;
    one->key.key_id = text_append(&at, key->key_id);
    one->key.name = text_append(&at, key->name);
    one->key.scopes = text_append(&at, key->scopes);
    one->next = *bucket;
    *bucket = one;
}

/* Rare, so it looks at all of them. */
static void drop(struct token_keys *keys, struct str key_id)
{
    for (size_t i = 0; i < COUNT(keys->issued); i++)
        for (struct issued **at = &keys->issued[i]; *at;) {
            struct issued *one = *at;
            if (!str_eq(one->key.key_id, key_id)) {
                at = &one->next;
                continue;
            }
            *at = one->next;
            free(one);
        }
}

void token_issued_change(struct token_keys *keys, const struct issued_change *changes, size_t n)
{
    pthread_rwlock_wrlock(&keys->lock);
    for (size_t i = 0; i < n; i++) {
        drop(keys, changes[i].key.key_id);
        if (!changes[i].revoked)
            put(keys, &changes[i].key);
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

bool token_issued_find(struct ctx *ctx, struct token_keys *keys, const uint8_t hash[32], bool write,
                       struct principal *out)
{
    bool found = false;
    pthread_rwlock_rdlock(&keys->lock);
    for (const struct issued *one = *bucket_of(keys, hash); one && !found; one = one->next) {
        const struct issued_key *key = &one->key;
        found = crypto_equal(key->hash, hash, 32) && key->write == write &&
                (!key->expires_us || clock_now_us() < key->expires_us);
        if (found)
            *out = (struct principal){ write ? PRINCIPAL_WRITE_KEY : PRINCIPAL_TOKEN,
                                       arena_str(ctx->arena, write ? key->name : key->key_id),
                                       arena_str(ctx->arena, key->scopes) };
    }
    pthread_rwlock_unlock(&keys->lock);
    return found;
}
