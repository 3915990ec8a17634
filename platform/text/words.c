#include "platform/text/words.h"

#include <utf8proc.h>

#define MOST_DECOMPOSED 32 /* code points that one character may fold to (the longest has 18) */
#define RIGHT_QUOTE 0x2019

struct words words_of(struct str text)
{
    return (struct words){ .text = text };
}

/* Bytes of the character at `at`; *c is -1 for what is not UTF-8. */
static size_t char_at(struct str text, size_t at, int32_t *c)
{
    if ((unsigned char)text.ptr[at] < 0x80) {
        *c = text.ptr[at];
        return 1;
    }
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text.ptr + at,
                                          (utf8proc_ssize_t)(text.len - at), c);
    if (n > 0)
        return (size_t)n;
    *c = -1;
    return 1;
}

static bool is_mark(int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME;
}

static bool is_part(int32_t c)
{
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    utf8proc_category_t category = utf8proc_category(c);
    return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
           (category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_NO);
}

/* Han (and what belongs to it), kana. */
static bool stands_alone(int32_t c)
{
    return (c >= 0x2e80 && c <= 0x2fdf) || (c >= 0x3041 && c <= 0x30ff) ||
           (c >= 0x3400 && c <= 0x9fff) || (c >= 0xf900 && c <= 0xfaff) ||
           (c >= 0x20000 && c <= 0x323af);
}

static void append(struct words *words, struct word *out, int32_t c)
{
    if (out->chars == WORD_MOST_CHARS)
        return;
    out->folded.len +=
        (size_t)utf8proc_encode_char(c, (utf8proc_uint8_t *)words->folded + out->folded.len);
    out->chars++;
}

static void fold(struct words *words, struct word *out, int32_t c)
{
    int32_t parts[MOST_DECOMPOSED];
    int last_class = 0;
    if (c < 0x80) {
        append(words, out, c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
        return;
    }
    utf8proc_ssize_t n = utf8proc_decompose_char(
        c, parts, COUNT(parts), UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD,
        &last_class);
    for (utf8proc_ssize_t i = 0; i < n && i < (utf8proc_ssize_t)COUNT(parts); i++)
        if (is_part(parts[i]) && !is_mark(parts[i]))
            append(words, out, parts[i]);
}

/* An apostrophe that stands between two parts of one word. */
static bool joins(struct str text, size_t at, int32_t c)
{
    int32_t next;
    if ((c != '\'' && c != RIGHT_QUOTE) || at >= text.len)
        return false;
    char_at(text, at, &next);
    return is_part(next) && !stands_alone(next);
}

/* Over what belongs to no word, to the first character that does. */
static bool find_begin(struct words *words, size_t *n, int32_t *c)
{
    for (; words->at < words->text.len; words->at += *n) {
        *n = char_at(words->text, words->at, c);
        if (is_part(*c))
            return true;
    }
    return false;
}

static void take(struct words *words, struct word *out, size_t n, int32_t c)
{
    bool alone = stands_alone(c);
    fold(words, out, c);
    words->at += n;
    while (words->at < words->text.len) {
        n = char_at(words->text, words->at, &c);
        bool part = is_part(c) && !stands_alone(c) && (!alone || is_mark(c));
        if (!part && (alone || !joins(words->text, words->at + n, c)))
            break;
        if (part)
            fold(words, out, c);
        words->at += n;
    }
    out->to = words->at;
}

bool words_next(struct words *words, struct word *out)
{
    size_t n;
    int32_t c;
    while (find_begin(words, &n, &c)) {
        *out = (struct word){ .folded = { words->folded, 0 }, .from = words->at };
        take(words, out, n, c);
        words->folded[out->folded.len] = '\0';
        if (out->chars)
            return true; /* marks alone leave nothing */
    }
    return false;
}
