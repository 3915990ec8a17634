#include "platform/mail/mime_parse.h"

#define MOST_PARAMETERS 4096 /* bytes; what stands behind is not looked at */

/* The next parameter behind a ';' of *rest: its name, and its value without quotes. */
static bool parameter_next(struct arena *arena, struct str *rest, struct str *name,
                           struct str *value)
{
    size_t i = 0, n = 0;
    while (i < rest->len && (rest->ptr[i] == ';' || (unsigned char)rest->ptr[i] <= ' '))
        i++;
    size_t from = i;
    while (i < rest->len && rest->ptr[i] != '=' && rest->ptr[i] != ';')
        i++;
    *name = str_trim((struct str){ rest->ptr + from, i - from });
    char *out = arena_alloc_raw(arena, rest->len + 1);
    if (i < rest->len && rest->ptr[i] == '=')
        for (i++; i < rest->len && (rest->ptr[i] == ' ' || rest->ptr[i] == '\t');)
            i++;
    if (i < rest->len && rest->ptr[i] == '"') {
        for (i++; i < rest->len && rest->ptr[i] != '"'; i++) {
            if (rest->ptr[i] == '\\' && i + 1 < rest->len)
                i++;
            out[n++] = rest->ptr[i];
        }
        while (i < rest->len && rest->ptr[i] != ';')
            i++;
    } else {
        while (i < rest->len && rest->ptr[i] != ';')
            out[n++] = rest->ptr[i++];
        while (n && (out[n - 1] == ' ' || out[n - 1] == '\t'))
            n--;
    }
    out[n] = '\0';
    *value = (struct str){ out, n };
    *rest = (struct str){ rest->ptr + i, rest->len - i };
    return name->len > 0;
}

/* "utf-8'en'na%C3%AFve" (RFC 2231 section 4). */
static struct str extended(struct arena *arena, struct str value)
{
    struct str charset, language;
    if (!str_split(&value, '\'', &charset) || !str_split(&value, '\'', &language))
        return (struct str){ 0 };
    char *quoted = arena_cstr(arena, value);
    for (size_t i = 0; i < value.len; i++)
        if (quoted[i] == '%')
            quoted[i] = '=';
    return mime_utf8(arena, charset,
                     mime_unquote_printable(arena, (struct str){ quoted, value.len }, false));
}

struct str mime_parameter(struct arena *arena, struct str value, const char *wanted)
{
    struct str rest = value, name, content, found = { 0 };
    struct str starred = arena_printf(arena, "%s*", wanted);
    ptrdiff_t at = str_find_char(value, ';');
    if (at < 0)
        return found;
    rest = (struct str){ value.ptr + at, value.len - (size_t)at };
    rest.len = MIN(rest.len, MOST_PARAMETERS);
    for (int most = 30; most && parameter_next(arena, &rest, &name, &content); most--) {
        if (str_eq_nocase(name, starred) && (content = extended(arena, content)).ptr)
            return content;
        if (!found.ptr && str_eq_nocase(name, str_of(wanted)))
            found = content;
    }
    return found;
}

/* Reads "=?charset?B?text?=" at the start of `text`; its length, 0 when it is none. */
static size_t word_read(struct arena *arena, struct str text, struct str *out)
{
    struct str rest = { text.ptr + 2, text.len - 2 }, charset, encoding, content;
    if (!str_starts(text, STR("=?")) || !str_split(&rest, '?', &charset) ||
        !str_split(&rest, '?', &encoding) || encoding.len != 1 ||
        !str_split(&rest, '?', &content) || rest.len == 0 || rest.ptr[0] != '=')
        return 0;
    ptrdiff_t language = str_find_char(charset, '*');
    if (language > 0)
        charset.len = (size_t)language;
    struct str bytes;
    switch (encoding.ptr[0]) {
    case 'q':
    case 'Q':
        bytes = mime_unquote_printable(arena, content, true);
        break;
    case 'b':
    case 'B':
        bytes = mime_unbase64(arena, content);
        break;
    default:
        return 0;
    }
    *out = mime_utf8(arena, charset, bytes);
    return (size_t)(rest.ptr + 1 - text.ptr);
}

struct str mime_words(struct arena *arena, struct str value)
{
    struct str plain = mime_utf8(arena, STR("utf-8"), value), word;
    char *out = arena_alloc_raw(arena, plain.len * 3 + 1); /* a word's byte becomes three at most */
    size_t n = 0, end_of_word = SIZE_MAX, bytes;
    for (size_t i = 0; i < plain.len;) {
        bytes = plain.ptr[i] != '='
                    ? 0
                    : word_read(arena, (struct str){ plain.ptr + i, plain.len - i }, &word);
        if (!bytes) {
            out[n++] = plain.ptr[i++];
            continue;
        }
        if (end_of_word != SIZE_MAX &&
            str_trim((struct str){ out + end_of_word, n - end_of_word }).len == 0)
            n = end_of_word; /* blanks between two words are not shown */
        memcpy(out + n, word.ptr, word.len);
        n += word.len;
        end_of_word = n;
        i += bytes;
    }
    out[n] = '\0';
    return (struct str){ out, n };
}
