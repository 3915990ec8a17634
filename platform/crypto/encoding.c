#include "platform/crypto/crypto.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

struct str crypto_hex(struct arena *arena, const void *data, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = data;
    char *out = arena_alloc_raw(arena, bytes * 2 + 1);
    for (size_t i = 0; i < bytes; i++) {
        out[2 * i] = digits[from[i] >> 4];
        out[2 * i + 1] = digits[from[i] & 15];
    }
    out[bytes * 2] = '\0';
    return (struct str){ out, bytes * 2 };
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

struct str crypto_unhex(struct arena *arena, struct str hex)
{
    if (!hex.ptr || hex.len % 2)
        return (struct str){ NULL, 0 };
    char *out = arena_alloc_raw(arena, hex.len / 2 + 1);
    for (size_t i = 0; i < hex.len; i += 2) {
        int high = hex_value(hex.ptr[i]), low = hex_value(hex.ptr[i + 1]);
        if (high < 0 || low < 0)
            return (struct str){ NULL, 0 };
        out[i / 2] = (char)(high << 4 | low);
    }
    out[hex.len / 2] = '\0';
    return (struct str){ out, hex.len / 2 };
}

static char base64_digit(unsigned value, const char last[2])
{
    return value < 62 ? alphabet[value] : last[value - 62];
}

static struct str encode(struct arena *arena, struct str data, const char last[2], bool padded)
{
    char *out = arena_alloc_raw(arena, (data.len + 2) / 3 * 4 + 1);
    const uint8_t *from = (const uint8_t *)data.ptr;
    size_t n = 0;
    for (size_t i = 0; i < data.len; i += 3) {
        size_t left = data.len - i;
        unsigned bits = (unsigned)from[i] << 16 | (left > 1 ? (unsigned)from[i + 1] << 8 : 0) |
                        (left > 2 ? from[i + 2] : 0);
        for (size_t digit = 0; digit < 4; digit++) {
            if (digit <= left)
                out[n++] = base64_digit(bits >> (18 - 6 * digit) & 63, last);
            else if (padded)
                out[n++] = '=';
        }
    }
    out[n] = '\0';
    return (struct str){ out, n };
}

struct str crypto_base64(struct arena *arena, struct str data)
{
    return encode(arena, data, "+/", true);
}

struct str crypto_base64url(struct arena *arena, struct str data)
{
    return encode(arena, data, "-_", false);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    if (c == '/' || c == '_')
        return 63;
    return -1;
}

/* Bits beyond the last byte must be zero, so that one value has one text. */
struct str crypto_unbase64(struct arena *arena, struct str text)
{
    const struct str malformed = { NULL, 0 };
    if (!text.ptr)
        return malformed;
    if (text.len % 4 == 0)
        for (int i = 0; i < 2 && text.len && text.ptr[text.len - 1] == '='; i++)
            text.len--;
    if (text.len % 4 == 1)
        return malformed;
    char *out = arena_alloc_raw(arena, text.len / 4 * 3 + 4);
    size_t n = 0;
    unsigned bits = 0, have = 0;
    for (size_t i = 0; i < text.len; i++) {
        int value = base64_value(text.ptr[i]);
        if (value < 0)
            return malformed;
        bits = (bits << 6 | (unsigned)value) & 0xFFFF;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (char)(bits >> have);
        }
    }
    if (bits & ((1u << have) - 1))
        return malformed;
    out[n] = '\0';
    return (struct str){ out, n };
}
