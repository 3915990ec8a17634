#include "services/email/address.h"

#include "platform/crypto/crypto.h"
#include "platform/mail/message.h"

bool address_is_valid(struct str address)
{
    return !mail_address_fault(address);
}

static struct str lower(struct arena *arena, struct str text)
{
    char *copy = arena_cstr(arena, text);
    for (size_t i = 0; i < text.len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] + 'a' - 'A');
    return (struct str){ copy, text.len };
}

struct str address_domain(struct arena *arena, struct str address)
{
    size_t at = (size_t)(str_find_char(address, '@') + 1);
    return lower(arena, (struct str){ address.ptr + at, address.len - at });
}

struct str address_hash(struct arena *arena, const uint8_t secret[32], struct str address)
{
    uint8_t hash[32];
    crypto_hmac_sha256((struct str){ (const char *)secret, 32 }, lower(arena, address), hash);
    return crypto_hex(arena, hash, sizeof(hash));
}
