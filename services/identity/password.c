#include "services/identity/password.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "platform/crypto/crypto.h"

#define SALT_BYTES 16
#define HASH_BYTES 32

/* 32 MiB three times: what OWASP's Password Storage Cheat Sheet counts equal to 128 MiB once, in less memory. */
static const struct crypto_scrypt_cost cost_now = { .log_n = 15, .r = 8, .p = 3 };

/* The memory of one is bounded; that of all who ask at once would not be. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static bool hash(struct str password, struct str salt, struct crypto_scrypt_cost cost,
                 uint8_t out[HASH_BYTES])
{
    pthread_mutex_lock(&one_at_a_time);
    bool made = crypto_scrypt(password, salt, cost, out);
    pthread_mutex_unlock(&one_at_a_time);
    return made;
}

struct str password_keep(struct arena *arena, struct str password)
{
    uint8_t salt[SALT_BYTES], hashed[HASH_BYTES];
    id_random(salt, sizeof(salt));
    struct str salt_text = { (const char *)salt, sizeof(salt) };
    if (!hash(password, salt_text, cost_now, hashed))
        return (struct str){ NULL, 0 };
    struct str hash_text = { (const char *)hashed, sizeof(hashed) };
    return arena_printf(arena, "$scrypt$ln=%u,r=%u,p=%u$%s$%s", cost_now.log_n, cost_now.r,
                        cost_now.p, crypto_base64url(arena, salt_text).ptr,
                        crypto_base64url(arena, hash_text).ptr);
}

struct kept {
    struct crypto_scrypt_cost cost;
    struct str salt, hash;
};

static bool read_kept(struct arena *arena, struct str text, struct kept *out)
{
    struct str parts[5];
    for (size_t i = 0; i < COUNT(parts); i++)
        if (!str_split(&text, '$', &parts[i]))
            return false;
    out->salt = crypto_unbase64(arena, parts[3]);
    out->hash = crypto_unbase64(arena, parts[4]);
    return str_is(parts[1], "scrypt") && out->salt.len && out->hash.len == HASH_BYTES &&
           sscanf(arena_cstr(arena, parts[2]), "ln=%u,r=%u,p=%u", &out->cost.log_n, &out->cost.r,
                  &out->cost.p) == 3;
}

bool password_is(struct arena *arena, struct str kept, struct str password)
{
    static const char nobody[SALT_BYTES + HASH_BYTES];
    struct kept known;
    uint8_t hashed[HASH_BYTES];
    bool somebody = kept.ptr && read_kept(arena, kept, &known);
    if (!somebody)
        known =
            (struct kept){ cost_now, { nobody, SALT_BYTES }, { nobody + SALT_BYTES, HASH_BYTES } };
    bool made = hash(password, known.salt, known.cost, hashed);
    return made && crypto_equal(hashed, known.hash.ptr, HASH_BYTES) && somebody;
}
