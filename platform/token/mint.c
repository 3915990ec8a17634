#include "base/clock.h"
#include "base/id.h"
#include "platform/crypto/crypto.h"
#include "platform/json/json.h"
#include "platform/token/keyset.h"

static void put(struct json_out *out, const char *key, struct str value)
{
    json_key(out, key);
    json_put_str(out, value);
}

static struct str header_json(struct arena *arena, const uint8_t seed[32])
{
    uint8_t public_key[32];
    crypto_ed25519_public(seed, public_key);
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    put(&out, "alg", STR("EdDSA"));
    put(&out, "typ", STR("JWT"));
    put(&out, "kid", token_key_id(arena, public_key));
    json_object_end(&out);
    return json_out_str(&out);
}

static struct str claims_json(struct arena *arena, struct str subject, struct str scopes,
                              struct str audience, int64_t lifetime_s)
{
    int64_t now_s = clock_now_us() / US_PER_S;
    char jti[ID_UUID_BYTES];
    id_uuid7(jti);
    struct json_out out;
    json_out_init(&out, arena);
    json_object(&out);
    put(&out, "iss", STR(ISSUER));
    put(&out, "sub", subject);
    put(&out, "aud", audience.len ? audience : STR(ISSUER));
    put(&out, "scope", scopes);
    put(&out, "jti", str_of(jti));
    json_key(&out, "iat");
    json_put_int(&out, now_s);
    json_key(&out, "nbf");
    json_put_int(&out, now_s);
    json_key(&out, "exp");
    json_put_int(&out, now_s + lifetime_s);
    json_object_end(&out);
    return json_out_str(&out);
}

struct str token_mint(struct ctx *ctx, const char *folder, struct str subject, struct str scopes,
                      struct str audience, int64_t lifetime_s)
{
    uint8_t seed[32], signature[64];
    if (!token_signing_seed(ctx, folder, seed))
        return (struct str){ NULL, 0 };
    struct str header = crypto_base64url(ctx->arena, header_json(ctx->arena, seed));
    struct str claims = crypto_base64url(
        ctx->arena, claims_json(ctx->arena, subject, scopes, audience, lifetime_s));
    struct str text = arena_printf(ctx->arena, "%s.%s", header.ptr, claims.ptr);
    crypto_ed25519_sign(seed, text, signature);
    explicit_bzero(seed, sizeof(seed));
    struct str encoded = crypto_base64url(ctx->arena, (struct str){ (const char *)signature, 64 });
    return arena_printf(ctx->arena, "%s.%s", text.ptr, encoded.ptr);
}
