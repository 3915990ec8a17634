#include <stdio.h>

#include "platform/template/compiler.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool begins_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static char char_at(const struct compiler *c, size_t pos)
{
    return pos < c->source.len ? c->source.ptr[pos] : '\0';
}

/* The length of the closing brackets at `pos`, their hyphen included; 0 where there are none. */
static size_t closing(const struct compiler *c, size_t pos)
{
    size_t hyphen = char_at(c, pos) == '-';
    bool closes = char_at(c, pos + hyphen) == (c->output ? '}' : '%') &&
                  char_at(c, pos + hyphen + 1) == '}';
    return closes ? hyphen + 2 : 0;
}

static void skip_space(struct compiler *c)
{
    while (c->pos < c->source.len && is_space(c->source.ptr[c->pos]) &&
           !(c->lines && c->source.ptr[c->pos] == '\n'))
        c->pos++;
}

bool next_line(struct compiler *c)
{
    while (c->pos < c->source.len && is_space(c->source.ptr[c->pos]))
        c->pos++;
    return c->pos < c->source.len && !closing(c, c->pos);
}

static struct str cut(const struct compiler *c, size_t from, size_t to)
{
    return (struct str){ c->source.ptr + from, to - from };
}

static bool lex_string(struct compiler *c, char quote)
{
    size_t from = c->pos + 1, to = from;
    while (to < c->source.len && c->source.ptr[to] != quote &&
           !(c->lines && c->source.ptr[to] == '\n'))
        to++;
    if (char_at(c, to) != quote)
        return liquid_refuse(c, c->pos, "a text without its closing %c", quote);
    c->token.type = TOKEN_STRING;
    c->token.text = cut(c, from, to);
    c->pos = to + 1;
    return true;
}

static bool lex_number(struct compiler *c)
{
    size_t from = c->pos, to = from + (c->source.ptr[from] == '-');
    while (is_digit(char_at(c, to)))
        to++;
    bool whole = char_at(c, to) != '.' || !is_digit(char_at(c, to + 1));
    for (to += !whole; !whole && is_digit(char_at(c, to));)
        to++;
    c->token.text = cut(c, from, to);
    c->token.type = whole ? TOKEN_INTEGER : TOKEN_FLOAT;
    c->pos = to;
    bool fits = whole ? str_to_int(c->token.text, &c->token.integer)
                      : str_to_double(c->token.text, &c->token.number);
    return fits || liquid_refuse(c, from, "the number " STR_FMT " is too large",
                                 (int)MIN(c->token.text.len, 40), c->token.text.ptr);
}

/* Hyphens belong to names, but not those of "-}}"; so does one question mark at the end. */
static bool lex_name(struct compiler *c)
{
    size_t from = c->pos, to = from;
    while (begins_name(char_at(c, to)) || is_digit(char_at(c, to)) ||
           (char_at(c, to) == '-' && !closing(c, to)))
        to++;
    to += char_at(c, to) == '?';
    c->token.type = TOKEN_NAME;
    c->token.text = cut(c, from, to);
    c->pos = to;
    return true;
}

static const struct {
    char text[3];
    enum comparison comparison;
} comparisons[] = {
    { "==", EQUAL }, { "!=", NOT_EQUAL }, { "<>", NOT_EQUAL }, { "<=", AT_MOST },
    { ">=", AT_LEAST }, { "<", LESS }, { ">", MORE },
};

static bool lex_sign(struct compiler *c)
{
    struct str rest = cut(c, c->pos, c->source.len);
    c->token.type = TOKEN_COMPARE;
    for (size_t i = 0; i < COUNT(comparisons); i++)
        if (str_starts(rest, str_of(comparisons[i].text))) {
            c->token.comparison = comparisons[i].comparison;
            c->token.text = cut(c, c->pos, c->pos + strlen(comparisons[i].text));
            c->pos += c->token.text.len;
            return true;
        }
    size_t length = 1 + str_starts(rest, STR(".."));
    c->token.type = length == 2 ? TOKEN_DOTS : TOKEN_SIGN;
    c->token.text = cut(c, c->pos, c->pos + length);
    if (!strchr(".:,|=[]()", rest.ptr[0])) {
        for (length = 1; (char_at(c, c->pos + length) & 0xC0) == 0x80;) /* a whole character */
            length++;
        return liquid_refuse(c, c->pos, "%.*s has no meaning here", (int)length, rest.ptr);
    }
    c->pos += length;
    return true;
}

bool next_token(struct compiler *c)
{
    skip_space(c);
    c->token = (struct token){ .type = TOKEN_END, .at = c->pos, .text = STR("") };
    if (c->pos >= c->source.len || closing(c, c->pos) || (c->lines && char_at(c, c->pos) == '\n'))
        return true;
    char first = c->source.ptr[c->pos];
    if (first == '\'' || first == '"')
        return lex_string(c, first);
    if (is_digit(first) || (first == '-' && is_digit(char_at(c, c->pos + 1))))
        return lex_number(c);
    return begins_name(first) ? lex_name(c)
           : first == '\0'    ? liquid_refuse(c, c->pos, "a NUL has no meaning here")
                              : lex_sign(c);
}

static const char *closing_of(const struct compiler *c)
{
    return c->output ? "}}" : "%}";
}

bool close_tag(struct compiler *c)
{
    if (c->token.type != TOKEN_END)
        return unexpected(c, c->lines ? "the end of the line" : closing_of(c));
    if (c->lines) { /* what closes `liquid` is left to it */
        c->pos += char_at(c, c->pos) == '\n';
        return true;
    }
    size_t length = closing(c, c->pos);
    if (!length)
        return liquid_refuse(c, c->pos, "the template ends before %s", closing_of(c));
    c->trims = length == 3;
    c->pos += length;
    return true;
}

bool skip_arguments(struct compiler *c)
{
    while (c->token.type != TOKEN_END)
        if (!next_token(c))
            return false;
    return close_tag(c);
}

bool is_sign(const struct compiler *c, char sign)
{
    return c->token.type == TOKEN_SIGN && c->token.text.ptr[0] == sign;
}

bool is_word(const struct compiler *c, const char *word)
{
    return c->token.type == TOKEN_NAME && str_is(c->token.text, word);
}

bool take_sign(struct compiler *c, char sign, bool *taken)
{
    *taken = is_sign(c, sign);
    return !*taken || next_token(c);
}

bool expect_sign(struct compiler *c, char sign)
{
    char wanted[2] = { sign, '\0' };
    return is_sign(c, sign) ? next_token(c) : unexpected(c, wanted);
}

bool take_name(struct compiler *c, const char *what, struct str *out)
{
    if (c->token.type != TOKEN_NAME && c->token.type != TOKEN_INTEGER)
        return unexpected(c, what);
    *out = c->token.text;
    return next_token(c);
}

bool unexpected(struct compiler *c, const char *wanted)
{
    if (c->token.type == TOKEN_END)
        return liquid_refuse(c, c->token.at, "%s is missing", wanted);
    return liquid_refuse(c, c->token.at, "%.*s stands where %s should",
                         (int)MIN(c->token.text.len, 40), c->token.text.ptr, wanted);
}
