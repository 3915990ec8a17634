#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "platform/crypto/crypto.h"
#include "platform/json/json.h"
#include "platform/token/keyset.h"

#define LONGEST_TOKEN 4096
#define LONGEST_WRITE_KEY 256
#define API_KEY_PREFIX "ffk_" /* no JWT begins so: theirs is base64 of a JSON object */

bool principal_has(const struct principal *who, const char *scope)
{
    if (!who || !scope || !*scope)
        return false;
    struct str rest = who->scopes, one;
    while (str_split(&rest, ' ', &one))
        if (str_is(one, scope) || str_is(one, "*"))
            return true;
    return false;
}

/* ---- the cache ---- */

/* By its end: a part of the signature, which tells tokens apart as well as the whole. */
static struct verified **slot_of(struct token_keys *keys, struct str token)
{
    size_t bytes = MIN(token.len, 32);
    return &keys->cache[hash_fnv1a(token.ptr + token.len - bytes, bytes) % CACHE_SLOTS];
}

void token_cache_clear(struct token_keys *keys)
{
    for (size_t i = 0; i < CACHE_SLOTS; i++) {
        free(keys->cache[i]);
        keys->cache[i] = NULL;
    }
}

static void cache_put(struct token_keys *keys, const struct verified *from)
{
    size_t bytes = from->token.len + from->audience.len + from->subject.len + from->scopes.len;
    struct verified *entry = mem_alloc(sizeof(*entry) + bytes);
    char *at = entry->text;
    *entry = (struct verified){ .not_before_s = from->not_before_s, .expires_s = from->expires_s };
    entry->token = text_append(&at, from->token);
    entry->audience = text_append(&at, from->audience);
    entry->subject = text_append(&at, from->subject);
    entry->scopes = text_append(&at, from->scopes);
    struct verified **slot = slot_of(keys, from->token);
    free(*slot);
    *slot = entry;
}

static void give(struct ctx *ctx, const struct verified *from, struct principal *out)
{
    *out = (struct principal){ PRINCIPAL_TOKEN, arena_str(ctx->arena, from->subject),
                               arena_str(ctx->arena, from->scopes) };
}

static bool is_current(const struct verified *token)
{
    int64_t now_s = clock_now_us() / US_PER_S;
    return now_s < token->expires_s && now_s + CLOCK_LEEWAY_S >= token->not_before_s;
}

static bool cache_get(struct ctx *ctx, struct token_keys *keys, struct str token,
                      const char *audience, struct principal *out)
{
    pthread_rwlock_rdlock(&keys->lock);
    const struct verified *entry = *slot_of(keys, token);
    bool found = entry && str_eq(entry->token, token) && str_is(entry->audience, audience) &&
                 is_current(entry);
    if (found)
        give(ctx, entry, out);
    pthread_rwlock_unlock(&keys->lock);
    return found;
}

/* ---- one token ---- */

static bool refuse(struct ctx *ctx, const char *why)
{
    return ctx_fail(ctx, ERR_UNAUTHENTICATED, "%s", why);
}

/* base64url without padding, and nothing else (RFC 7515 section 2). */
static struct str decode_part(struct arena *arena, struct str part)
{
    for (size_t i = 0; i < part.len; i++)
        if (part.ptr[i] == '+' || part.ptr[i] == '/' || part.ptr[i] == '=')
            return (struct str){ NULL, 0 };
    return crypto_unbase64(arena, part);
}

static const struct json *json_part(struct ctx *ctx, struct str part)
{
    struct str text = decode_part(ctx->arena, part);
    const struct json *value = text.ptr ? json_parse(ctx, text) : NULL;
    ctx_clear(ctx);
    return json_type(value) == JSON_OBJECT ? value : NULL;
}

/* Three parts, of which *signed_part are the first two with the point between them. */
static bool split(struct str token, struct str parts[3], struct str *signed_part)
{
    struct str rest = token;
    for (int i = 0; i < 3; i++)
        if (!str_split(&rest, '.', &parts[i]) || parts[i].len == 0)
            return false;
    *signed_part = (struct str){ token.ptr, parts[0].len + 1 + parts[1].len };
    return rest.ptr == NULL;
}

static const struct public_key *key_of(const struct key_set *set, struct str kid)
{
    for (size_t i = 0; i < set->n_keys; i++)
        if (str_eq(set->keys[i].kid, kid) && clock_now_us() / US_PER_S < set->keys[i].until_s)
            return &set->keys[i];
    return NULL;
}

static bool check_signature(struct ctx *ctx, const struct key_set *set, struct str token,
                            struct str *claims)
{
    struct str parts[3], signed_part;
    if (!split(token, parts, &signed_part))
        return refuse(ctx, "this is not a token");
    const struct json *header = json_part(ctx, parts[0]);
    struct str signature = decode_part(ctx->arena, parts[2]);
    if (!header || signature.len != 64)
        return refuse(ctx, "this is not a token");
    if (!str_is(json_str(json_get(header, "alg")), "EdDSA"))
        return refuse(ctx, "the token's algorithm is not EdDSA");
    if (json_get(header, "crit"))
        return refuse(ctx, "the token asks for an extension that is not known");
    const struct public_key *key = key_of(set, json_str(json_get(header, "kid")));
    if (!key)
        return refuse(ctx, "the token's key is not known");
    if (!crypto_ed25519_verify(key->bytes, signed_part, (const uint8_t *)signature.ptr))
        return refuse(ctx, "the token's signature is wrong");
    *claims = parts[1];
    return true;
}

static bool is_for(const struct json *aud, const char *audience)
{
    struct str one = json_str(aud);
    if (one.ptr)
        return str_is(one, ISSUER) || str_is(one, audience);
    for (struct json_iter it = json_iter(json_type(aud) == JSON_ARRAY ? aud : NULL);
         json_next(&it);)
        if (str_is(json_str(it.value), ISSUER) || str_is(json_str(it.value), audience))
            return true;
    return false;
}

static bool is_revoked(const struct key_set *set, struct str id)
{
    for (size_t i = 0; i < set->n_revoked; i++)
        if (str_eq(set->revoked[i], id))
            return true;
    return false;
}

static bool read_claims(struct ctx *ctx, const struct key_set *set, const struct json *claims,
                        struct verified *out)
{
    const struct json *expires = json_get(claims, "exp"), *not_before = json_get(claims, "nbf");
    struct str id = json_str(json_get(claims, "jti"));
    out->subject = json_str(json_get(claims, "sub"));
    out->scopes = json_str(json_get(claims, "scope"));
    if (!claims || !json_is_integral(expires) || (not_before && !json_is_integral(not_before)) ||
        id.len == 0 || out->subject.len == 0)
        return refuse(ctx, "the token lacks a claim (exp, sub, jti)");
    if (!str_is(json_str(json_get(claims, "iss")), ISSUER))
        return refuse(ctx, "the token's issuer is not known");
    if (!is_for(json_get(claims, "aud"), out->audience.ptr))
        return refuse(ctx, "the token is for another audience");
    out->expires_s = json_int(expires);
    out->not_before_s = not_before ? json_int(not_before) : 0;
    int64_t now_s = clock_now_us() / US_PER_S;
    if (now_s >= out->expires_s)
        return refuse(ctx, "the token has expired");
    if (!is_current(out))
        return refuse(ctx, "the token is not valid yet");
    return is_revoked(set, id) ? refuse(ctx, "the token has been revoked") : true;
}

static bool verify_with(struct ctx *ctx, const struct key_set *set, struct verified *out)
{
    struct str claims;
    return check_signature(ctx, set, out->token, &claims) &&
           read_claims(ctx, set, json_part(ctx, claims), out);
}

static bool api_key(struct ctx *ctx, struct token_keys *keys, struct str key, struct principal *out)
{
    uint8_t hash[32];
    crypto_sha256(key.ptr, key.len, hash);
    return token_issued_find(ctx, keys, hash, false, out) ||
           refuse(ctx, "the API key is not known");
}

bool token_verify(struct ctx *ctx, struct token_keys *keys, struct str token, const char *audience,
                  struct principal *out)
{
    if (!audience)
        audience = ISSUER;
    if (!token.ptr || token.len == 0)
        return refuse(ctx, "a token is needed");
    if (token.len > LONGEST_TOKEN)
        return refuse(ctx, "the token is too long");
    if (str_starts(token, STR(API_KEY_PREFIX)))
        return api_key(ctx, keys, token, out);
    token_keys_look(keys);
    if (cache_get(ctx, keys, token, audience, out))
        return true;
    struct verified verified = { .token = token, .audience = str_of(audience) };
    pthread_rwlock_rdlock(&keys->lock);
    uint64_t reading = keys->reading;
    bool good = verify_with(ctx, keys->set, &verified);
    pthread_rwlock_unlock(&keys->lock);
    if (!good)
        return false;
    give(ctx, &verified, out);
    pthread_rwlock_wrlock(&keys->lock);
    if (reading == keys->reading)
        cache_put(keys, &verified);
    pthread_rwlock_unlock(&keys->lock);
    return true;
}

/* ---- write keys ---- */

bool token_write_key(struct ctx *ctx, struct token_keys *keys, struct str write_key,
                     struct principal *out)
{
    if (!write_key.ptr || write_key.len == 0 || write_key.len > LONGEST_WRITE_KEY)
        return refuse(ctx, "a write key is needed");
    uint8_t hash[32];
    crypto_sha256(write_key.ptr, write_key.len, hash);
    token_keys_look(keys);
    bool found = false;
    pthread_rwlock_rdlock(&keys->lock);
    for (size_t i = 0; i < keys->set->n_write_keys && !found; i++) {
        const struct write_key *key = &keys->set->write_keys[i];
        found = crypto_equal(key->hash, hash, 32);
        if (found)
            *out = (struct principal){ PRINCIPAL_WRITE_KEY, arena_str(ctx->arena, key->source),
                                       arena_str(ctx->arena, key->scopes) };
    }
    pthread_rwlock_unlock(&keys->lock);
    return found || token_issued_find(ctx, keys, hash, true, out) ||
           refuse(ctx, "the write key is not known");
}
