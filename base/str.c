#include "base/str.h"

#include <errno.h>
#include <stdlib.h>

#include "base/macros.h"

int str_cmp(struct str a, struct str b)
{
    size_t common = MIN(a.len, b.len);
    int order = common ? memcmp(a.ptr, b.ptr, common) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool str_starts(struct str text, struct str prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.ptr, prefix.ptr, prefix.len) == 0);
}

bool str_ends(struct str text, struct str suffix)
{
    return text.len >= suffix.len && (suffix.len == 0 || memcmp(text.ptr + text.len - suffix.len,
                                                                suffix.ptr, suffix.len) == 0);
}

ptrdiff_t str_find_char(struct str text, char c)
{
    const char *found = text.len ? memchr(text.ptr, c, text.len) : NULL;
    return found ? found - text.ptr : -1;
}

bool str_split(struct str *rest, char c, struct str *part)
{
    if (!rest->ptr)
        return false;
    ptrdiff_t at = str_find_char(*rest, c);
    if (at < 0) {
        *part = *rest;
        *rest = (struct str){ NULL, 0 };
    } else {
        *part = (struct str){ rest->ptr, (size_t)at };
        *rest = (struct str){ rest->ptr + at + 1, rest->len - (size_t)at - 1 };
    }
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str text)
{
    while (text.len && is_space(text.ptr[0]))
        text.ptr++, text.len--;
    while (text.len && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

bool str_to_int(struct str text, int64_t *out)
{
    size_t at = text.len && text.ptr[0] == '-';
    if (at == text.len)
        return false;
    int64_t value = 0;
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10, &value))
            return false;
        if (__builtin_sub_overflow(value, c - '0', &value)) /* kept negative: INT64_MIN fits */
            return false;
    }
    if (text.ptr[0] != '-') {
        if (value == INT64_MIN)
            return false;
        value = -value;
    }
    *out = value;
    return true;
}

struct str str_of_int(int64_t value, char room[24])
{
    char *end = room + 24, *at = end;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + left % 10);
    } while (left /= 10);
    if (value < 0)
        *--at = '-';
    return (struct str){ at, (size_t)(end - at) };
}

bool str_to_double(struct str text, double *out)
{
    char copy[64];
    if (text.len == 0 || text.len >= sizeof(copy) || is_space(text.ptr[0]))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    if (strspn(copy, "+-0123456789.eE") != text.len)
        return false;
    char *end;
    double value = strtod(copy, &end);
    if (end != copy + text.len || !__builtin_isfinite(value))
        return false;
    *out = value;
    return true;
}

/* Bytes of the code point at p (of at most n), 0 if it is not well-formed. */
static size_t utf8_step(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    size_t length = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (n < length)
        return 0;
    unsigned char low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return length;
}

bool str_is_utf8(struct str text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    for (size_t at = 0; at < text.len;) {
        uint64_t eight;
        if (at + sizeof(eight) <= text.len) { /* most text is ASCII for long stretches */
            memcpy(&eight, p + at, sizeof(eight));
            if (!(eight & 0x8080808080808080u)) {
                at += sizeof(eight);
                continue;
            }
        }
        size_t step = utf8_step(p + at, text.len - at);
        if (!step)
            return false;
        at += step;
    }
    return true;
}

size_t str_utf8_length(struct str text)
{
    size_t points = 0;
    for (size_t i = 0; i < text.len; i++)
        points += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
    return points;
}
