/* HMAC-SHA256 (RFC 2104), by hand: libcrypto's own looks its parts up by name each time, and what it offers instead of SHA256_CTX
 * takes memory from the system for each hash; both take many times as long as the hashes. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_CTX: hashes that are a few numbers, and can be begun once and copied */
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "platform/crypto/crypto.h"

#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

_Static_assert(sizeof(SHA256_CTX) == sizeof(((struct crypto_hmac_key *)NULL)->inner),
               "a hash that is begun is kept there");

/* The hash of a block of the key, each byte xor'ed with `pad`. */
static void begin(const uint8_t key[SHA256_CBLOCK], uint8_t pad, uint64_t *out)
{
    uint8_t block[SHA256_CBLOCK];
    SHA256_CTX hash;
    for (size_t i = 0; i < SHA256_CBLOCK; i++)
        block[i] = key[i] ^ pad;
    SHA256_Init(&hash);
    SHA256_Update(&hash, block, SHA256_CBLOCK);
    memcpy(out, &hash, sizeof hash);
    OPENSSL_cleanse(block, sizeof block);
    OPENSSL_cleanse(&hash, sizeof hash);
}

static void end(const uint64_t *begun, const void *data, size_t bytes, uint8_t out[32])
{
    SHA256_CTX hash;
    memcpy(&hash, begun, sizeof hash);
    SHA256_Update(&hash, data, bytes);
    SHA256_Final(out, &hash);
    OPENSSL_cleanse(&hash, sizeof hash);
}

void crypto_hmac_key(struct str key, struct crypto_hmac_key *out)
{
    uint8_t block[SHA256_CBLOCK] = { 0 };
    if (key.len > SHA256_CBLOCK)
        crypto_sha256(key.ptr, key.len, block);
    else if (key.len)
        memcpy(block, key.ptr, key.len);
    begin(block, INNER_PAD, out->inner);
    begin(block, OUTER_PAD, out->outer);
    OPENSSL_cleanse(block, sizeof block);
}

void crypto_hmac_sha256_by(const struct crypto_hmac_key *key, struct str data, uint8_t out[32])
{
    uint8_t inner[32];
    end(key->inner, data.ptr ? data.ptr : "", data.len, inner);
    end(key->outer, inner, sizeof inner, out);
}

void crypto_hmac_sha256(struct str key, struct str data, uint8_t out[32])
{
    struct crypto_hmac_key begun;
    crypto_hmac_key(key, &begun);
    crypto_hmac_sha256_by(&begun, data, out);
    OPENSSL_cleanse(&begun, sizeof begun);
}
