#include "platform/mail/verp.h"

#include "platform/crypto/crypto.h"

#define MAC_BYTES 8 /* 2^63 mails to guess one */
#define MAC_DIGITS 16

static struct str mac(struct arena *arena, struct str key, struct str message_id)
{
    uint8_t digest[32];
    struct str named = arena_printf(arena, "verp " STR_FMT, STR_ARG(message_id));
    crypto_hmac_sha256(key, named, digest);
    return crypto_hex(arena, digest, MAC_BYTES);
}

static bool is_id(struct str id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return id.len > 0 && id.len <= VERP_MOST_ID;
}

struct str verp_address(struct arena *arena, struct str key, struct str message_id,
                        struct str domain)
{
    if (!is_id(message_id))
        return (struct str){ 0 };
    return arena_printf(arena, "b-" STR_FMT "-" STR_FMT "@" STR_FMT, STR_ARG(message_id),
                        STR_ARG(mac(arena, key, message_id)), STR_ARG(domain));
}

struct str verp_read(struct arena *arena, struct str key, struct str address)
{
    ptrdiff_t at = str_find_char(address, '@');
    if (at < 2 + 1 + 1 + MAC_DIGITS || at > 64)
        return (struct str){ 0 };
    char *local = arena_cstr(arena, (struct str){ address.ptr, (size_t)at });
    for (ptrdiff_t i = 0; i < at; i++)
        if (local[i] >= 'A' && local[i] <= 'Z')
            local[i] = (char)(local[i] + ('a' - 'A'));
    struct str id = { local + 2, (size_t)at - 2 - 1 - MAC_DIGITS };
    if (local[0] != 'b' || local[1] != '-' || id.ptr[id.len] != '-' || !is_id(id) ||
        !crypto_equal(id.ptr + id.len + 1, mac(arena, key, id).ptr, MAC_DIGITS))
        return (struct str){ 0 };
    return arena_str(arena, id);
}
