/* Tokens and scopes (semantics.md: Tokens): 10-minute Ed25519 JWTs (RFC 7519, RFC 8037), API keys and write keys. */
#pragma once

#include "base/ctx.h"

enum principal_kind { PRINCIPAL_NOBODY, PRINCIPAL_TOKEN, PRINCIPAL_WRITE_KEY };

/* Who asks. Lives in the arena of the request. */
struct principal {
    enum principal_kind kind;
    struct str
        subject; /* "usr_ann", "svc:gateway", an API key's id, or the source name of a write key */
    struct str scopes;  /* separated by spaces */
};

bool principal_has(const struct principal *who, const char *scope); /* "*" holds all */

/* A key set: public keys by key id, and write keys by hash. Read from the key folder; re-read when files change.
 *   <folder>/signing.key     64 hex digits (seed), mode 0600, only where tokens are minted
 *   <folder>/signing.next    the seed that signs from the time on that is beside its public key, and is signing.key then
 *   <folder>/keys.json       {"keys":[{"kid":..., "kty":"OKP","crv":"Ed25519","x":..., "signs_from":seconds,
 *                             "until":seconds}], "write_keys":[{"hash":sha256 hex, "source":..., "scopes":"collect"}],
 *                             "revoked":[jti...]} */
struct token_keys;

struct token_keys *token_keys_open(struct ctx *ctx, const char *folder); /* NULL with a sentence */
void token_keys_close(struct token_keys *keys);
/* Reads the key set again if it changed; also done by itself, at most once a second, when something is verified. False
 * leaves the keys as they are. */
bool token_keys_refresh(struct ctx *ctx, struct token_keys *keys);

/* An API key ("ffk_..."): by its SHA-256. Otherwise checks alg EdDSA, kid, signature, exp, nbf, iss "fanfare", aud ("fanfare" or `audience`), revocation. Cached until it
 * expires. ERR_UNAUTHENTICATED with why otherwise. Thread-safe. */
bool token_verify(struct ctx *ctx, struct token_keys *keys, struct str token, const char *audience,
                  struct principal *out);

/* By its SHA-256, of the folder's or of the issued ones. ERR_UNAUTHENTICATED when unknown. */
bool token_write_key(struct ctx *ctx, struct token_keys *keys, struct str write_key,
                     struct principal *out);

/* ---- keys that identity has issued: they come by events, and hold no secret ---- */

struct issued_key {
    struct str key_id, name, scopes;
    uint8_t hash[32];
    bool write;         /* a write key, whose source is its name; else an API key */
    int64_t expires_us; /* 0: never */
};

struct issued_change {
    struct issued_key key; /* takes the place of the one with this id */
    bool revoked;          /* only the id is looked at: there is none any more */
};

/* All at once: nobody sees some of them and not the others. Copies. */
void token_issued_change(struct token_keys *keys, const struct issued_change *changes, size_t n);

/* `visit` must not call back. */
void token_issued_each(struct token_keys *keys,
                       void (*visit)(void *argument, const struct issued_key *key), void *argument);

/* The keys that were used since they were visited last; of each the first use, and then no two within an hour. `visit`
 * must not call back; false: it is told this use again the next time. One thread at a time. */
#define TOKEN_USE_GRAIN_US (3600 * US_PER_S)
void token_issued_uses(struct token_keys *keys,
                       bool (*visit)(void *argument, struct str key_id, int64_t used_us),
                       void *argument);

/* The place in the log up to which the issued keys are what it says. */
struct issued_place {
    struct str log; /* "<cluster>/<topic generation>" */
    int64_t next;
};

/* <folder>/<name>, whole or not at all. */
bool token_issued_save(struct ctx *ctx, struct token_keys *keys, const char *folder,
                       const char *name, const struct issued_place *place);
/* False with a sentence, and nothing taken, also when there is no such file. */
bool token_issued_load(struct ctx *ctx, struct token_keys *keys, const char *folder,
                       const char *name, struct issued_place *place);

/* Makes folder, signing key and key set where they are missing; gives a write key's text once, when it makes one. */
bool token_keys_create(struct ctx *ctx, const char *folder, struct str *write_key);

/* A signed token. NULL text with a sentence when the folder has no signing key. */
struct str token_mint(struct ctx *ctx, const char *folder, struct str subject, struct str scopes,
                      struct str audience, int64_t lifetime_s);

/* ---- another signing key ---- */

#define TOKEN_LONGEST_S 600 /* no token lives longer (semantics.md: Tokens) */

struct token_rotation {
    struct str kid;       /* of the next key */
    int64_t signs_from_s; /* it signs from then on */
    int64_t old_until_s;  /* what the old one has signed is good until then; 0: not any more */
};

/* Publishes the next key, which signs in `wait_s` seconds: all services have read the key set by then. What the old key has
 * signed stays good until the last of it has expired. `wait_s` negative: at once, and all keys before it are good for
 * nothing any more (somebody has one). CONFLICT while a next one waits for its time. */
bool token_key_rotate(struct ctx *ctx, const char *folder, int64_t wait_s,
                      struct token_rotation *out);

/* The public keys that are good now or will be, as a JWK set (RFC 7517). ptr NULL with a sentence. */
struct str token_key_set(struct ctx *ctx, const char *folder);
