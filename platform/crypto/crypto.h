/* Hashes, signatures and encodings of bytes. Stands on OpenSSL's libcrypto (not seen by callers). Thread-safe. */
#pragma once

#include "base/ctx.h"

void crypto_sha256(const void *data, size_t bytes, uint8_t out[32]);
void crypto_hmac_sha256(struct str key, struct str data, uint8_t out[32]);

/* A key for many HMACs: what of each the key alone decides is hashed once. As secret as the key; it may be copied. */
struct crypto_hmac_key {
    uint64_t inner[14], outer[14];
};
void crypto_hmac_key(struct str key, struct crypto_hmac_key *out);
void crypto_hmac_sha256_by(const struct crypto_hmac_key *key, struct str data, uint8_t out[32]);

bool crypto_equal(const void *a, const void *b, size_t bytes); /* in constant time */

/* What scrypt (RFC 7914) takes: 128 * 2^log_n * r bytes of memory, p times over. */
struct crypto_scrypt_cost {
    unsigned log_n, r, p;
};
/* False: a cost that RFC 7914 has not, or that would take more than 256 MiB. */
bool crypto_scrypt(struct str password, struct str salt, struct crypto_scrypt_cost cost,
                   uint8_t out[32]);

/* Ed25519 (RFC 8032). A key pair is 32 bytes of seed and 32 bytes of public key. */
void crypto_ed25519_new(uint8_t seed[32], uint8_t public_key[32]);
void crypto_ed25519_public(const uint8_t seed[32], uint8_t public_key[32]);
void crypto_ed25519_sign(const uint8_t seed[32], struct str data, uint8_t signature[64]);
bool crypto_ed25519_verify(const uint8_t public_key[32], struct str data,
                           const uint8_t signature[64]);

/* Signatures of others: RSA (PKCS #1 v1.5, 2048 bits and more) or ECDSA (P-256 and more, DER). The key is a certificate or a public key in
 * PEM, or a public key (SubjectPublicKeyInfo) in base64; whether a certificate is to be trusted is the caller's to know. */
#define CRYPTO_MOST_KEY 16384 /* bytes of such a text */
enum crypto_digest { CRYPTO_SHA1, CRYPTO_SHA256 };
bool crypto_is_key(struct arena *arena, struct str text);
bool crypto_verify(struct arena *arena, struct str key, enum crypto_digest digest, struct str data,
                   struct str signature);

/* Text encodings, in the arena. Decoders give ptr NULL on anything malformed. */
struct str crypto_hex(struct arena *arena, const void *data, size_t bytes);
struct str crypto_unhex(struct arena *arena, struct str hex);
/* RFC 4648 section 4, padded; section 5, not padded; and back from either, padding optional. */
struct str crypto_base64(struct arena *arena, struct str data);
struct str crypto_base64url(struct arena *arena, struct str data);
struct str crypto_unbase64(struct arena *arena, struct str text);

/* UUIDv8 of an event that a reaction emits: from the cause's id, the new event's type and its index, so that doing it
 * again makes the same event (semantics.md: Events). */
void crypto_derive_id(struct str cause_id, struct str type, uint32_t index, char out[37]);
