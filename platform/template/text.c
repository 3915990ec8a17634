/* Filters of text: what they are given counts as text, whatever it is. */
#include <locale.h>
#include <threads.h>
#include <wctype.h>

#include "platform/template/filters.h"

/* The length of the character that text begins with; it is UTF-8. */
static size_t char_length(struct str text)
{
    unsigned char first = text.len ? (unsigned char)text.ptr[0] : 0;
    size_t length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    return MIN(length, text.len);
}

static struct str skip(struct str text, size_t bytes)
{
    return (struct str){ text.ptr + bytes, text.len - bytes };
}

/* The bytes of its first `chars` characters. */
static size_t bytes_of_chars(struct str text, size_t chars)
{
    size_t bytes = 0;
    while (chars-- && bytes < text.len)
        bytes += char_length(skip(text, bytes));
    return bytes;
}

static struct str strip(struct str text, bool left, bool right)
{
    while (left && text.len && is_space(text.ptr[0]))
        text = skip(text, 1);
    while (right && text.len && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static bool stripped(struct run *run, struct value *value, bool left, bool right)
{
    struct str text;
    return liquid_text(run, value, &text) && give_text(value, strip(text, left, right));
}

FILTER(strip)
{
    return stripped(run, value, true, true);
}

FILTER(lstrip)
{
    return stripped(run, value, true, false);
}

FILTER(rstrip)
{
    return stripped(run, value, false, true);
}

FILTER(strip_newlines)
{
    struct str text;
    if (!liquid_text(run, value, &text))
        return false;
    char *room = liquid_room(run, text.len);
    size_t n = 0;
    for (size_t i = 0; room && i < text.len; i++)
        if (text.ptr[i] != '\n' &&
            !(text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n'))
            room[n++] = text.ptr[i];
    return room && give_text(value, (struct str){ room, n });
}

/* ---- two texts ---- */

/* Where one of the two is markup, the other is escaped and the result is markup. */
static bool put_together(struct run *run, struct value first, struct value second,
                         struct value *out)
{
    struct str parts[2];
    bool safe = run->escapes && ((first.kind == KIND_TEXT && first.safe) ||
                                 (second.kind == KIND_TEXT && second.safe));
    if (!liquid_text(run, &first, &parts[0]) || !liquid_text(run, &second, &parts[1]))
        return false;
    if (safe && !(first.safe || liquid_escape(run, parts[0], &parts[0])))
        return false;
    if (safe && !(second.safe || liquid_escape(run, parts[1], &parts[1])))
        return false;
    *out = text_value(STR(""));
    out->safe = safe;
    return liquid_join(run, parts, 2, STR(""), &out->text);
}

FILTER(append)
{
    return put_together(run, *value, in->args[0], value);
}

FILTER(prepend)
{
    return put_together(run, in->args[0], *value, value);
}

/* ---- upper and lower case ---- */

static locale_t letters; /* Unicode's */
static once_flag letters_once = ONCE_FLAG_INIT;

static void open_letters(void)
{
    letters = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0); /* glibc has it built in */
}

static uint32_t decode(struct str text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    switch (char_length(text)) {
    case 1:
        return p[0];
    case 2:
        return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
    case 3:
        return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    default:
        return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    }
}

static char *encode(char *at, uint32_t c)
{
    if (c < 0x80) {
        *at++ = (char)c;
    } else if (c < 0x800) {
        *at++ = (char)(0xC0 | c >> 6);
        *at++ = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        *at++ = (char)(0xE0 | c >> 12);
        *at++ = (char)(0x80 | (c >> 6 & 0x3F));
        *at++ = (char)(0x80 | (c & 0x3F));
    } else {
        *at++ = (char)(0xF0 | c >> 18);
        *at++ = (char)(0x80 | (c >> 12 & 0x3F));
        *at++ = (char)(0x80 | (c >> 6 & 0x3F));
        *at++ = (char)(0x80 | (c & 0x3F));
    }
    return at;
}

static uint32_t change_case(uint32_t c, bool up)
{
    if (c < 0x80)
        return up ? (c >= 'a' && c <= 'z' ? c - 32 : c) : (c >= 'A' && c <= 'Z' ? c + 32 : c);
    return letters
               ? (uint32_t)(up ? towupper_l((wint_t)c, letters) : towlower_l((wint_t)c, letters))
               : c;
}

/* A character may need one byte more in the other case, never two. */
static bool cased(struct run *run, struct value *value, bool up_first, bool up_rest)
{
    struct str text;
    if (!liquid_text(run, value, &text))
        return false;
    call_once(&letters_once, open_letters);
    char *room = liquid_room(run, text.len * 2), *at = room;
    if (!room)
        return false;
    for (bool first = true; text.len; first = false) {
        at = encode(at, change_case(decode(text), first ? up_first : up_rest));
        text = skip(text, char_length(text));
    }
    return give_text(value, (struct str){ room, (size_t)(at - room) });
}

FILTER(upcase)
{
    return cased(run, value, true, true);
}

FILTER(downcase)
{
    return cased(run, value, false, false);
}

FILTER(capitalize)
{
    return cased(run, value, true, false);
}

/* ---- parts ---- */

/* A number without fraction, or a text that is one. */
static bool strict_integer(struct run *run, const struct value *value, const char *what,
                           int64_t *out)
{
    if (value->kind == KIND_INTEGER) {
        *out = value->integer;
        return true;
    }
    if (value->kind == KIND_TEXT && str_to_int(str_trim(value->text), out))
        return true;
    return liquid_fail(run, "%s is %s, not a whole number", what, liquid_kind(value));
}

FILTER(slice)
{
    int64_t from, length = 1, size;
    struct str text;
    if (!strict_integer(run, &in->args[0], "where slice begins", &from) ||
        (in->n > 1 && in->args[1].kind != KIND_NIL &&
         !strict_integer(run, &in->args[1], "the length of slice", &length)))
        return false;
    bool list = is_list(value);
    struct value items = *value, all;
    if (list ? !liquid_size(run, &items, &all) : !liquid_text(run, value, &text))
        return false;
    size = list ? all.integer : (int64_t)str_utf8_length(text);
    from += from < 0 ? size : 0;
    bool none = from < 0 || from > size || length < 0;
    size_t first = none ? 0 : (size_t)from, n = none ? 0 : (size_t)MIN(length, size - from);
    if (list)
        return liquid_items(run, &items, first, n, value);
    text = skip(text, bytes_of_chars(text, first));
    text.len = bytes_of_chars(text, n);
    return give_text(value, text);
}

FILTER(truncate)
{
    int64_t most = 50;
    struct str text, end = STR("...");
    if ((in->n && !strict_integer(run, &in->args[0], "the length of truncate", &most)) ||
        (in->n > 1 && !liquid_text(run, &in->args[1], &end)) || !liquid_text(run, value, &text))
        return false;
    int64_t size = (int64_t)str_utf8_length(text), ending = (int64_t)str_utf8_length(end);
    if (size <= most)
        return give_text(value, text);
    text.len = bytes_of_chars(text, (size_t)MAX(MAX(most, 0) - ending, 0));
    return liquid_join(run, (struct str[]){ text, end }, 2, STR(""), &text) &&
           give_text(value, text);
}

static struct str next_word(struct str *rest)
{
    *rest = strip(*rest, true, false);
    size_t n = 0;
    while (n < rest->len && !is_space(rest->ptr[n]))
        n++;
    struct str word = { rest->ptr, n };
    *rest = skip(*rest, n);
    return word;
}

FILTER(truncatewords)
{
    int64_t most = 15;
    struct str text, end = STR("..."), word;
    if ((in->n && !strict_integer(run, &in->args[0], "the length of truncatewords", &most)) ||
        (in->n > 1 && !liquid_text(run, &in->args[1], &end)) || !liquid_text(run, value, &text))
        return false;
    struct str rest = text;
    char *room = liquid_room(run, text.len + end.len), *at = room;
    if (!room)
        return false;
    most = MAX(most, 1);
    for (; (word = next_word(&rest)).len && most; most--) {
        at = put_bytes(at, at == room ? STR("") : STR(" "));
        at = put_bytes(at, word);
    }
    if (!word.len)
        return give_text(value, text);
    at = put_bytes(at, end);
    return give_text(value, (struct str){ room, (size_t)(at - room) });
}

/* ---- split ---- */

/* A space stands for white space of any length, nothing for every place between characters. */
static bool next_part(struct str *rest, struct str between, struct str *part)
{
    if (str_is(between, " ")) {
        *part = next_word(rest);
        return part->len > 0;
    }
    if (!rest->len)
        return false;
    size_t n = between.len ? liquid_find(*rest, between, 0) : char_length(*rest);
    bool last = n == SIZE_MAX;
    *part = (struct str){ rest->ptr, last ? rest->len : n };
    *rest = skip(*rest, last ? rest->len : n + between.len);
    return true;
}

/* Empty parts at the end are not kept. */
FILTER(split)
{
    struct builder builder = { 0 };
    struct str rest, between, part;
    if (!liquid_text(run, value, &rest) || !liquid_text(run, &in->args[0], &between))
        return false;
    while (next_part(&rest, between, &part))
        if (!liquid_push(run, &builder, text_value(part)))
            return false;
    while (builder.n && !builder.items[builder.n - 1].text.len)
        builder.n--;
    *value = list_value(builder.items, builder.n);
    return true;
}
