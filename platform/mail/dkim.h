/* DKIM signatures: RFC 6376, relaxed/relaxed, rsa-sha256 (2048 bits and more) and ed25519-sha256 (RFC 8463). */
#pragma once

#include "base/ctx.h"

#define DKIM_MOST_KEYS 4 /* of one message */

enum dkim_algorithm { DKIM_RSA, DKIM_ED25519 };

struct
    dkim_key; /* one thread at a time: each thread loads its own, once, and signs often with it */

/* A private key as PKCS #8 in PEM, in ctx's arena: RSA of 2048 bits. */
struct str dkim_generate(struct ctx *ctx, enum dkim_algorithm algorithm);

/* NULL with INVALID: a PEM that is none or wants a password, a key that is neither RSA of 2048 to 8192 bits nor Ed25519, a
 * domain or selector that cannot be a name in the DNS. */
struct dkim_key *dkim_key_load(struct ctx *ctx, struct str domain, struct str selector,
                               struct str pem);
void dkim_key_free(struct dkim_key *key);

enum dkim_algorithm dkim_key_algorithm(const struct dkim_key *key);

/* Where the public key must stand in the DNS, "selector._domainkey.example.com", and the text that must stand there
 * ("v=DKIM1; k=rsa; p=..."; longer than 255 bytes for RSA: a zone file needs it in several quoted pieces). */
struct str dkim_key_name(const struct dkim_key *key, struct arena *arena);
struct str dkim_key_text(const struct dkim_key *key, struct arena *arena);

/* The message with one DKIM-Signature per key in front, the first key's first, in ctx's arena. The message has CRLF line
 * ends, as mail_compose() gives it; what is signed of its headers is said in dkim.c. `now_us` becomes t=. False with INVALID
 * for a message without From, or that is none. */
bool dkim_sign(struct ctx *ctx, struct dkim_key *const *keys, size_t n, int64_t now_us,
               struct str message, struct str *out);
