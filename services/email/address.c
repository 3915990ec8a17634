#include "services/email/address.h"

#include "platform/crypto/crypto.h"

#define ADDRESS_MOST 254 /* RFC 5321 section 4.5.3.1.3, without the angle brackets */
#define LOCAL_MOST 64

static bool is_atom(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c >= 0x80 || (c > ' ' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_letter_or_digit(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
}

static bool local_is_valid(struct str local)
{
    if (local.len == 0 || local.len > LOCAL_MOST || local.ptr[0] == '.' ||
        local.ptr[local.len - 1] == '.')
        return false;
    for (size_t i = 0; i < local.len; i++)
        if (!is_atom((unsigned char)local.ptr[i]) &&
            (local.ptr[i] != '.' || local.ptr[i - 1] == '.'))
            return false;
    return true;
}

static bool domain_is_valid(struct str domain)
{
    struct str part;
    if (domain.len == 0 || domain.ptr[domain.len - 1] == '.' || str_find_char(domain, '.') < 0)
        return false;
    while (str_split(&domain, '.', &part)) {
        if (part.len == 0 || part.len > 63 || part.ptr[0] == '-' || part.ptr[part.len - 1] == '-')
            return false;
        for (size_t i = 0; i < part.len; i++)
            if (!is_letter_or_digit((unsigned char)part.ptr[i]) && part.ptr[i] != '-')
                return false;
    }
    return true;
}

bool address_is_valid(struct str address)
{
    ptrdiff_t at = str_find_char(address, '@');
    if (at < 0 || address.len > ADDRESS_MOST || !str_is_utf8(address))
        return false;
    struct str local = { address.ptr, (size_t)at },
               domain = { address.ptr + at + 1, address.len - (size_t)at - 1 };
    return local_is_valid(local) && domain_is_valid(domain);
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
