#include "platform/mail/mime_parse.h"

#include "base/sixteen.h"

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* Bytes of a soft line break at text[at] == '=': blanks and a line feed; 0 when it is none. */
static size_t soft_break(struct str text, size_t at)
{
    size_t i = at + 1;
    while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\t' || text.ptr[i] == '\r'))
        i++;
    return i == text.len ? i - at : text.ptr[i] == '\n' ? i + 1 - at : 0;
}

struct str mime_unquote_printable(struct arena *arena, struct str text, bool underscore_is_space)
{
    char *out = arena_alloc_raw(arena, text.len + 1);
    size_t n = 0, skip;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '=' && i + 2 < text.len && hex(text.ptr[i + 1]) >= 0 &&
            hex(text.ptr[i + 2]) >= 0) {
            out[n++] = (char)(hex(text.ptr[i + 1]) * 16 + hex(text.ptr[i + 2]));
            i += 2;
        } else if (c == '=' && !underscore_is_space && (skip = soft_break(text, i)) > 0) {
            i += skip - 1;
        } else {
            out[n++] = c == '_' && underscore_is_space ? ' ' : c;
        }
    }
    out[n] = '\0';
    return (struct str){ out, n };
}

static int base64_digit(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

struct str mime_unbase64(struct arena *arena, struct str text)
{
    char *out = arena_alloc_raw(arena, text.len / 4 * 3 + 4);
    size_t n = 0;
    uint32_t bits = 0, held = 0;
    for (size_t i = 0; i < text.len; i++) {
        int digit = base64_digit(text.ptr[i]);
        if (text.ptr[i] == '=')
            held = 0;
        if (digit < 0)
            continue;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[n++] = (char)(bits >> held);
        }
    }
    out[n] = '\0';
    return (struct str){ out, n };
}

/* What Windows-1252 has at 0x80 to 0x9f. */
static const uint16_t windows_1252[32] = {
    0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178,
};

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* Bytes of the character at `at`, 0 when it is not UTF-8. */
static size_t utf8_bytes(struct str text, size_t at)
{
    unsigned char c = (unsigned char)text.ptr[at];
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    return n && at + n <= text.len && str_is_utf8((struct str){ text.ptr + at, n }) ? n : 0;
}

enum charset { CHARSET_UTF8, CHARSET_LATIN1, CHARSET_OTHER };

static const struct {
    const char *name;
    enum charset charset;
} charsets[] = {
    { "utf-8",        CHARSET_UTF8   },
    { "utf8",         CHARSET_UTF8   },
    { "us-ascii",     CHARSET_UTF8   }, /* who says so and sends more, sends UTF-8 */
    { "ascii",        CHARSET_UTF8   },
    { "iso-8859-1",   CHARSET_LATIN1 }, /* read as Windows-1252, as browsers do */
    { "iso-8859-15",  CHARSET_LATIN1 },
    { "latin1",       CHARSET_LATIN1 },
    { "windows-1252", CHARSET_LATIN1 },
    { "cp1252",       CHARSET_LATIN1 },
};

static enum charset charset_of(struct str name)
{
    if (name.len == 0)
        return CHARSET_UTF8;
    for (size_t i = 0; i < COUNT(charsets); i++)
        if (str_eq_nocase(name, str_of(charsets[i].name)))
            return charsets[i].charset;
    return CHARSET_OTHER;
}

struct str mime_utf8(struct arena *arena, struct str charset, struct str bytes)
{
    enum charset from = charset_of(charset);
    char *out = arena_alloc_raw(arena, bytes.len * 3 + 1);
    size_t n = 0, whole;
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        if (c == 0) {
            n += put_utf8(out + n, 0xfffd);
        } else if (c < 0x80) {
            out[n++] = (char)c;
        } else if (from == CHARSET_LATIN1) {
            n += put_utf8(out + n, c < 0xa0 ? windows_1252[c - 0x80] : c);
        } else if (from == CHARSET_UTF8 && (whole = utf8_bytes(bytes, i)) > 0) {
            memcpy(out + n, bytes.ptr + i, whole);
            n += whole;
            i += whole - 1;
        } else {
            n += put_utf8(out + n, 0xfffd);
        }
    }
    out[n] = '\0';
    return (struct str){ out, n };
}

struct str mime_bytes(struct arena *arena, const struct mime_part *part)
{
    struct str encoding = mime_header(part, "content-transfer-encoding");
    if (str_eq_nocase(encoding, STR("quoted-printable")))
        return mime_unquote_printable(arena, part->content, false);
    if (str_eq_nocase(encoding, STR("base64")))
        return mime_unbase64(arena, part->content);
    return part->content;
}

struct str mime_text(struct arena *arena, const struct mime_part *part)
{
    struct str charset = mime_parameter(arena, mime_header(part, "content-type"), "charset");
    return mime_utf8(arena, charset, mime_bytes(arena, part));
}

static const struct {
    const char *name;
    uint16_t code;
} entities[] = {
    { "amp", '&' },  { "lt", '<' },      { "gt", '>' },        { "quot", '"' },
    { "apos", '\'' }, { "nbsp", ' ' },   { "copy", 0xa9 },     { "ndash", 0x2013 },
    { "mdash", 0x2014 }, { "hellip", 0x2026 }, { "euro", 0x20ac }, { "middot", 0xb7 },
};

/* Reads "&name;" or "&#N;" at the start of `text`: its code, and how long it is; 0 for what is none. */
static uint32_t entity(struct str text, size_t *bytes)
{
    size_t end = 1;
    while (end < text.len && end < 12 && text.ptr[end] != ';')
        end++;
    if (end >= text.len || text.ptr[end] != ';')
        return 0;
    struct str name = { text.ptr + 1, end - 1 };
    *bytes = end + 1;
    for (size_t i = 0; i < COUNT(entities); i++)
        if (str_is(name, entities[i].name))
            return entities[i].code;
    if (name.len < 2 || name.ptr[0] != '#')
        return 0;
    bool is_hex = name.ptr[1] == 'x' || name.ptr[1] == 'X';
    uint32_t code = 0;
    for (size_t i = is_hex ? 2 : 1; i < name.len; i++) {
        int digit = hex(name.ptr[i]);
        if (digit < 0 || (!is_hex && digit > 9))
            return 0;
        code = code * (is_hex ? 16 : 10) + (uint32_t)digit;
        if (code > 0x10ffff)
            return 0;
    }
    return code >= 0xd800 && code < 0xe000 ? 0 : code;
}

/* A name of at most four bytes, none of them a blank, in small letters. */
#define NAME(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

static bool ends_line(struct str tag)
{
    uint32_t name = 0;
    for (size_t i = 0; i < tag.len && tag.len <= 4; i++)
        name = name << 8 | (unsigned char)tag.ptr[i] | 0x20;
    switch (name) {
    case NAME(0, 0, 'b', 'r'):
    case NAME(0, 0, 0, 'p'):
    case NAME(0, 0, '/', 'p'):
    case NAME(0, 'd', 'i', 'v'):
    case NAME('/', 'd', 'i', 'v'):
    case NAME(0, 0, 't', 'r'):
    case NAME(0, '/', 't', 'r'):
    case NAME(0, 0, 'l', 'i'):
    case NAME(0, '/', 'l', 'i'):
    case NAME(0, 0, 'h', '1'):
    case NAME(0, '/', 'h', '1'):
    case NAME(0, 0, 'h', '2'):
    case NAME(0, '/', 'h', '2'):
    case NAME(0, 0, 'h', '3'):
    case NAME(0, '/', 'h', '3'):
    case NAME(0, 'p', 'r', 'e'):
    case NAME('/', 'p', 'r', 'e'):
        return true;
    }
    return false;
}

/* Index of `c` from `from` on; text.len without it. */
static size_t find_char(struct str text, size_t from, char c)
{
    const char *at = from < text.len ? memchr(text.ptr + from, c, text.len - from) : NULL;
    return at ? (size_t)(at - text.ptr) : text.len;
}

/* Index of `what`, which begins with no letter, in any case; text.len without it. */
static size_t find_nocase(struct str text, size_t from, struct str what)
{
    for (; (from = find_char(text, from, what.ptr[0])) + what.len <= text.len; from++)
        if (str_eq_nocase((struct str){ text.ptr + from, what.len }, what))
            return from;
    return text.len;
}

/* Behind the tag at text[at] == '<', and behind what is not text after it. */
static size_t tag_end(struct str text, size_t at, struct str *name)
{
    static const struct {
        struct str name, end;
    } hidden[] = { { STR_INIT("script"), STR_INIT("</script") },
                   { STR_INIT("style"), STR_INIT("</style") },
                   { STR_INIT("title"), STR_INIT("</title") } };
    if (str_starts((struct str){ text.ptr + at, text.len - at }, STR("<!--")))
        return MIN(find_nocase(text, at + 4, STR("-->")) + 3, text.len);
    size_t i = at + 1, end;
    while (i < text.len && text.ptr[i] != '>' && (unsigned char)text.ptr[i] > ' ')
        i++;
    *name = (struct str){ text.ptr + at + 1, i - at - 1 };
    if (name->len > 1 && name->ptr[name->len - 1] == '/')
        name->len--;
    end = find_char(text, i, '>');
    for (size_t h = 0; h < COUNT(hidden); h++)
        if (str_eq_nocase(*name, hidden[h].name))
            end = find_nocase(text, end, hidden[h].end);
    return MIN(find_char(text, end, '>') + 1, text.len);
}

/* How many bytes from `at` on are text as they stand: up to a tag, a reference or a control character. */
static size_t text_run(struct str html, size_t at)
{
    size_t i = at;
    for (size_t n; i + 16 <= html.len; i += 16) {
        sixteen bytes = sixteen_load(html.ptr + i);
        if ((n = sixteen_first((sixteen)((bytes < ' ') | (bytes == '<') | (bytes == '&')))) < 16)
            return i + n - at;
    }
    while (i < html.len && (unsigned char)html.ptr[i] >= ' ' && html.ptr[i] != '<' &&
           html.ptr[i] != '&')
        i++;
    return i - at;
}

struct str mime_html_text(struct arena *arena, struct str html)
{
    char *out =
        arena_alloc_raw(arena, html.len + 1); /* an entity is never shorter than its UTF-8 */
    size_t n = 0, i = 0, bytes;
    while (i < html.len) {
        char c = html.ptr[i];
        struct str name = STR("");
        uint32_t code;
        if ((bytes = text_run(html, i)) > 0) {
            memcpy(out + n, html.ptr + i, bytes);
            n += bytes;
            i += bytes;
        } else if (c == '<') {
            i = tag_end(html, i, &name);
            if (ends_line(name))
                out[n++] = '\n';
        } else if (c == '&' &&
                   (code = entity((struct str){ html.ptr + i, html.len - i }, &bytes)) > 0) {
            n += put_utf8(out + n, code);
            i += bytes;
        } else {
            out[n++] = c == '\r' || c == '\n' ? ' ' : c;
            i++;
        }
    }
    out[n] = '\0';
    return (struct str){ out, n };
}
