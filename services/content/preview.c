#include "services/content/preview.h"

#include "platform/crypto/crypto.h"

/* The key signs nothing else. */
static struct str signature(struct arena *arena, struct str key, struct str payload)
{
    uint8_t mac[32];
    struct str signed_text = arena_printf(arena, "preview:" STR_FMT, STR_ARG(payload));
    crypto_hmac_sha256(key, signed_text, mac);
    return (struct str){ arena_copy(arena, mac, sizeof(mac)), sizeof(mac) };
}

struct str preview_sign(struct arena *arena, struct str key, const struct preview *preview)
{
    struct str payload = arena_printf(arena, "%lld|%lld|" STR_FMT, (long long)preview->expires_us,
                                      (long long)preview->version, STR_ARG(preview->entry_id));
    struct str first = crypto_base64url(arena, payload);
    struct str last = crypto_base64url(arena, signature(arena, key, payload));
    return arena_printf(arena, STR_FMT "." STR_FMT, STR_ARG(first), STR_ARG(last));
}

static bool payload_read(struct str payload, struct preview *out)
{
    struct str expires, version;
    if (!str_split(&payload, '|', &expires) || !str_split(&payload, '|', &version))
        return false;
    out->entry_id = payload;
    return str_to_int(expires, &out->expires_us) && str_to_int(version, &out->version);
}

bool preview_verify(struct ctx *ctx, struct str key, struct str token, int64_t now_us,
                    struct preview *out)
{
    struct str first, payload = { NULL, 0 }, mac = { NULL, 0 };
    struct preview preview;
    if (str_split(&token, '.', &first)) {
        payload = crypto_unbase64(ctx->arena, first);
        mac = crypto_unbase64(ctx->arena, token);
    }
    if (!payload.ptr || mac.len != 32 ||
        !crypto_equal(mac.ptr, signature(ctx->arena, key, payload).ptr, mac.len) ||
        !payload_read(payload, &preview))
        return ctx_fail(ctx, ERR_NOT_FOUND, "this is no preview");
    if (preview.expires_us <= now_us)
        return ctx_fail(ctx, ERR_NOT_FOUND, "this preview is over");
    *out = preview;
    return true;
}
