/* The key folder as it is read; for keys.c, mint.c and verify.c. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "platform/token/token.h"

#define KEY_SET_FILE "keys.json"
#define SIGNING_FILE "signing.key"
#define NEXT_FILE                                                                                  \
    "signing.next" /* signs from the time on that keys.json has beside its public key */
#define ISSUER "fanfare"
#define CACHE_SLOTS 1024
#define CLOCK_LEEWAY_S 5 /* clocks of two machines: for "not before", and for the end of a key */

struct public_key {
    struct str kid;
    uint8_t bytes[32];
    int64_t
        until_s; /* what it has signed is good until then at most; INT64_MAX: it signs now, or will */
};

struct write_key {
    uint8_t hash[32];
    struct str source, scopes;
};

/* One reading of keys.json; it and all its text live in its arena. */
struct key_set {
    struct arena *arena;
    struct public_key *keys;
    struct write_key *write_keys;
    struct str *revoked;
    size_t n_keys, n_write_keys, n_revoked;
};

/* A token that was verified: its text, and what it said. In one piece of memory. */
struct verified {
    struct str token, audience, subject, scopes;
    int64_t not_before_s, expires_s;
    char text[];
};

/* Copies the text to *at, which goes on behind it: what is in one piece of memory with its texts. */
static inline struct str text_append(char **at, struct str text)
{
    char *start = *at;
    if (text.len)
        memcpy(start, text.ptr, text.len);
    *at += text.len;
    return (struct str){ start, text.len };
}

struct token_keys {
    char *folder;
    pthread_rwlock_t lock; /* the set, the cache, the issued ones */
    struct key_set *set;
    uint64_t reading; /* grows with each set */
    struct stat seen; /* of keys.json when it was read */
    _Atomic int64_t look_at_us;
    struct verified *cache[CACHE_SLOTS];
    struct issued *issued[256]; /* by the first byte of the hash */
};

/* Looks for a changed keys.json, at most once a second. What cannot be read leaves the keys as they are. */
void token_keys_look(struct token_keys *keys);

/* With the lock held for writing. */
void token_cache_clear(struct token_keys *keys);

/* RFC 7638 thumbprint of an Ed25519 key. */
struct str token_key_id(struct arena *arena, const uint8_t public_key[32]);

/* NULL with a sentence. */
struct str token_read_file(struct ctx *ctx, const char *folder, const char *name);
/* Whole or not at all: a new file takes the old one's place. */
bool token_write_file(struct ctx *ctx, const char *folder, const char *name, struct str text,
                      mode_t mode);

/* ---- issued.c ---- */

/* Is there one of this kind that is good now? */
bool token_issued_find(struct ctx *ctx, struct token_keys *keys, const uint8_t hash[32], bool write,
                       struct principal *out);
void token_issued_clear(struct token_keys *keys);

/* ---- folder.c ---- */

/* The seed that signs now; a next one whose time has come takes the place of the one before. */
bool token_signing_seed(struct ctx *ctx, const char *folder, uint8_t seed[32]);
