#include "platform/crypto/crypto.h"

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

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

/* What is left of the data behind its whole threes: one byte or two. */
static char *put_rest(char *out, const uint8_t *from, size_t left, const char *digits, bool padded)
{
    unsigned bits = (unsigned)from[0] << 16 | (left > 1 ? (unsigned)from[1] << 8 : 0);
    *out++ = digits[bits >> 18];
    *out++ = digits[bits >> 12 & 63];
    if (left > 1)
        *out++ = digits[bits >> 6 & 63];
    for (size_t i = left; padded && i < 3; i++)
        *out++ = '=';
    return out;
}

static struct str encode(struct arena *arena, struct str data, const char *digits, bool padded)
{
    char *text = arena_alloc_raw(arena, (data.len + 2) / 3 * 4 + 1), *out = text;
    const uint8_t *from = (const uint8_t *)data.ptr;
    size_t left = data.len;
    for (; left >= 3; left -= 3, from += 3, out += 4) {
        unsigned bits = (unsigned)from[0] << 16 | (unsigned)from[1] << 8 | from[2];
        out[0] = digits[bits >> 18];
        out[1] = digits[bits >> 12 & 63];
        out[2] = digits[bits >> 6 & 63];
        out[3] = digits[bits & 63];
    }
    if (left)
        out = put_rest(out, from, left, digits, padded);
    *out = '\0';
    return (struct str){ text, (size_t)(out - text) };
}

struct str crypto_base64(struct arena *arena, struct str data)
{
    return encode(arena, data, ALPHABET "+/", true);
}

struct str crypto_base64url(struct arena *arena, struct str data)
{
    return encode(arena, data, ALPHABET "-_", false);
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
