#include "platform/crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/id.h"

#define SCRYPT_MOST_BYTES (256 << 20)

static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* What fails here is a broken installation or no memory; nothing can go on safely without hashes and signatures. */
static void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "libcrypto failed: %s\n", what);
    abort();
}

/* Fetched once: a fetch for every hash costs more than the hash. */
static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    need(sha256 != NULL, "no SHA-256");
}

void crypto_sha256(const void *data, size_t bytes, uint8_t out[32])
{
    pthread_once(&once, fetch);
    need(EVP_Digest(data, bytes, out, NULL, sha256, NULL) == 1, "SHA-256");
}

bool crypto_equal(const void *a, const void *b, size_t bytes)
{
    return CRYPTO_memcmp(a, b, bytes) == 0;
}

bool crypto_scrypt(struct str password, struct str salt, struct crypto_scrypt_cost cost,
                   uint8_t out[32])
{
    if (cost.log_n < 1 || cost.log_n > 24 || cost.r < 1 || cost.r > 64 || cost.p < 1 || cost.p > 64)
        return false;
    bool made = EVP_PBE_scrypt(password.len ? password.ptr : "", password.len,
                               (const uint8_t *)salt.ptr, salt.len, 1ULL << cost.log_n, cost.r,
                               cost.p, SCRYPT_MOST_BYTES, out, 32) == 1;
    if (!made)
        ERR_clear_error();
    return made;
}

static void key_freep(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void signing_freep(EVP_MD_CTX **signing)
{
    EVP_MD_CTX_free(*signing);
}

static EVP_PKEY *private_key(const uint8_t seed[32])
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
    need(key != NULL, "Ed25519 private key");
    return key;
}

void crypto_ed25519_new(uint8_t seed[32], uint8_t public_key[32])
{
    id_random(seed, 32);
    crypto_ed25519_public(seed, public_key);
}

void crypto_ed25519_public(const uint8_t seed[32], uint8_t public_key[32])
{
    CLEANUP(key_freep) EVP_PKEY *key = private_key(seed);
    size_t bytes = 32;
    need(EVP_PKEY_get_raw_public_key(key, public_key, &bytes) == 1, "Ed25519 public key");
}

void crypto_ed25519_sign(const uint8_t seed[32], struct str data, uint8_t signature[64])
{
    CLEANUP(key_freep) EVP_PKEY *key = private_key(seed);
    CLEANUP(signing_freep) EVP_MD_CTX *signing = EVP_MD_CTX_new();
    size_t bytes = 64;
    need(signing && EVP_DigestSignInit(signing, NULL, NULL, NULL, key) == 1 &&
             EVP_DigestSign(signing, signature, &bytes, (const uint8_t *)data.ptr, data.len) == 1,
         "Ed25519 signature");
}

bool crypto_ed25519_verify(const uint8_t public_key[32], struct str data,
                           const uint8_t signature[64])
{
    CLEANUP(key_freep)
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, 32);
    CLEANUP(signing_freep) EVP_MD_CTX *signing = EVP_MD_CTX_new();
    return key && signing && EVP_DigestVerifyInit(signing, NULL, NULL, NULL, key) == 1 &&
           EVP_DigestVerify(signing, signature, 64, (const uint8_t *)data.ptr, data.len) == 1;
}

void crypto_derive_id(struct str cause_id, struct str type, uint32_t index, char out[37])
{
    /* Lengths first, so that no two (cause, type) pairs run together into the same bytes. */
    uint32_t lengths[3] = { (uint32_t)cause_id.len, (uint32_t)type.len, index };
    uint8_t numbers[12], digest[32];
    for (int i = 0; i < 12; i++)
        numbers[i] = (uint8_t)(lengths[i / 4] >> (24 - 8 * (i % 4)));
    pthread_once(&once, fetch);
    CLEANUP(signing_freep) EVP_MD_CTX *hash = EVP_MD_CTX_new();
    need(hash && EVP_DigestInit_ex(hash, sha256, NULL) == 1 &&
             EVP_DigestUpdate(hash, numbers, sizeof(numbers)) == 1 &&
             EVP_DigestUpdate(hash, cause_id.ptr, cause_id.len) == 1 &&
             EVP_DigestUpdate(hash, type.ptr, type.len) == 1 &&
             EVP_DigestFinal_ex(hash, digest, NULL) == 1,
         "SHA-256");
    id_uuid_text(digest, 8, out);
}
