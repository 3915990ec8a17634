#include "platform/crypto/crypto.h"
#include "services/crm/crm.h"
#include "services/crm/erasures.h"

#define KEY_ID_BYTES 8 /* of the key's hash */

struct str certificate_key_id(struct ctx *ctx)
{
    const struct crm *app = ctx->app;
    uint8_t hash[32];
    crypto_sha256(app->public_key, sizeof(app->public_key), hash);
    return crypto_hex(ctx->arena, hash, KEY_ID_BYTES);
}

struct str certificate_sign(struct ctx *ctx, const struct erasure *erasure)
{
    const struct crm *app = ctx->app;
    uint8_t signature[64];
    struct str head = arena_printf(ctx->arena, "{\"alg\":\"EdDSA\",\"kid\":\"" STR_FMT "\"}",
                                   STR_ARG(certificate_key_id(ctx)));
    struct str text =
        arena_printf(ctx->arena, STR_FMT "." STR_FMT, STR_ARG(crypto_base64url(ctx->arena, head)),
                     STR_ARG(crypto_base64url(ctx->arena, erasure_encode(ctx, erasure))));
    crypto_ed25519_sign(app->seed, text, signature);
    struct str signed_text =
        crypto_base64url(ctx->arena, (struct str){ (const char *)signature, sizeof(signature) });
    return arena_printf(ctx->arena, STR_FMT "." STR_FMT, STR_ARG(text), STR_ARG(signed_text));
}
