#include "platform/schema/ecma.h"

#include <stdio.h>
#include <stdlib.h>

/* ECMA's white space and line ends, and all the rest; PCRE2's \s is ASCII only. */
#define SPACE                                                                                      \
    "\\x09-\\x0d\\x20\\xa0\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACE                                                                                  \
    "\\x00-\\x08\\x0e-\\x1f\\x21-\\x9f\\xa1-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}" \
    "\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

#define LONGEST 8192 /* bytes of a pattern */

struct translation {
    struct ctx *ctx;
    const char *from, *at, *end;
    struct str out; /* grows in the arena */
    size_t cap;
    bool repeatable; /* what came last may be followed by a quantifier */
};

/* One character, or a set of them written as PCRE2 writes it inside brackets. */
struct atom {
    bool single;
    uint32_t code;
    struct str set;
};

static bool refuse(struct translation *t, const char *why)
{
    return ctx_fail(t->ctx, ERR_INVALID, "the pattern is wrong at byte %zu: %s",
                    (size_t)(t->at - t->from), why);
}

static void emit(struct translation *t, struct str text)
{
    if (t->out.len + text.len > t->cap) {
        t->cap = (t->out.len + text.len) * 2;
        char *bigger = arena_alloc_raw(t->ctx->arena, t->cap);
        if (t->out.len)
            memcpy(bigger, t->out.ptr, t->out.len);
        t->out.ptr = bigger;
    }
    memcpy((char *)(uintptr_t)t->out.ptr + t->out.len, text.ptr, text.len);
    t->out.len += text.len;
}

static void emit_code(struct translation *t, uint32_t code)
{
    char text[16];
    int n = snprintf(text, sizeof(text), "\\x{%x}", code);
    emit(t, (struct str){ text, (size_t)n });
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_name_char(char c)
{
    return is_digit(c) || is_letter(c) || c == '_';
}

static bool next_is(const struct translation *t, const char *text)
{
    return str_starts((struct str){ t->at, (size_t)(t->end - t->at) }, str_of(text));
}

/* Reads `least` to `most` hexadecimal digits. */
static bool take_hex(struct translation *t, int least, int most, uint32_t *out)
{
    uint32_t value = 0;
    int n = 0;
    for (; n < most && t->at < t->end; n++, t->at++) {
        char c = *t->at, low = c | 0x20;
        if (is_digit(c))
            value = value * 16 + (uint32_t)(c - '0');
        else if (low >= 'a' && low <= 'f')
            value = value * 16 + (uint32_t)(low - 'a' + 10);
        else
            break;
    }
    *out = value;
    return n >= least || refuse(t, "hexadecimal digits are missing");
}

/* After \u: HHHH, a surrogate pair of two escapes, or {H...}. */
static bool take_unicode(struct translation *t, uint32_t *code)
{
    if (next_is(t, "{")) {
        t->at++;
        if (!take_hex(t, 1, 6, code))
            return false;
        if (*code > 0x10FFFF || !next_is(t, "}"))
            return refuse(t, "no such code point");
        t->at++;
    } else if (!take_hex(t, 4, 4, code)) {
        return false;
    }
    uint32_t low;
    if (*code >= 0xD800 && *code <= 0xDBFF && next_is(t, "\\u")) {
        t->at += 2;
        if (!take_hex(t, 4, 4, &low))
            return false;
        if (low >= 0xDC00 && low <= 0xDFFF)
            *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    }
    if (*code >= 0xD800 && *code <= 0xDFFF)
        return refuse(t, "half of a surrogate pair matches nothing");
    return true;
}

/* ---- \p{...} ---- */

/* General categories by their long names (Unicode's PropertyValueAliases). */
static struct str category(struct str name)
{
    static const struct {
        struct str name, code;
    } categories[] = {
        { STR_INIT("Letter"), STR_INIT("L") },
        { STR_INIT("Cased_Letter"), STR_INIT("L&") },
        { STR_INIT("LC"), STR_INIT("L&") },
        { STR_INIT("Uppercase_Letter"), STR_INIT("Lu") },
        { STR_INIT("Lowercase_Letter"), STR_INIT("Ll") },
        { STR_INIT("Titlecase_Letter"), STR_INIT("Lt") },
        { STR_INIT("Modifier_Letter"), STR_INIT("Lm") },
        { STR_INIT("Other_Letter"), STR_INIT("Lo") },
        { STR_INIT("Mark"), STR_INIT("M") },
        { STR_INIT("Combining_Mark"), STR_INIT("M") },
        { STR_INIT("Nonspacing_Mark"), STR_INIT("Mn") },
        { STR_INIT("Spacing_Mark"), STR_INIT("Mc") },
        { STR_INIT("Enclosing_Mark"), STR_INIT("Me") },
        { STR_INIT("Number"), STR_INIT("N") },
        { STR_INIT("Decimal_Number"), STR_INIT("Nd") },
        { STR_INIT("digit"), STR_INIT("Nd") },
        { STR_INIT("Letter_Number"), STR_INIT("Nl") },
        { STR_INIT("Other_Number"), STR_INIT("No") },
        { STR_INIT("Punctuation"), STR_INIT("P") },
        { STR_INIT("punct"), STR_INIT("P") },
        { STR_INIT("Connector_Punctuation"), STR_INIT("Pc") },
        { STR_INIT("Dash_Punctuation"), STR_INIT("Pd") },
        { STR_INIT("Open_Punctuation"), STR_INIT("Ps") },
        { STR_INIT("Close_Punctuation"), STR_INIT("Pe") },
        { STR_INIT("Initial_Punctuation"), STR_INIT("Pi") },
        { STR_INIT("Final_Punctuation"), STR_INIT("Pf") },
        { STR_INIT("Other_Punctuation"), STR_INIT("Po") },
        { STR_INIT("Symbol"), STR_INIT("S") },
        { STR_INIT("Math_Symbol"), STR_INIT("Sm") },
        { STR_INIT("Currency_Symbol"), STR_INIT("Sc") },
        { STR_INIT("Modifier_Symbol"), STR_INIT("Sk") },
        { STR_INIT("Other_Symbol"), STR_INIT("So") },
        { STR_INIT("Separator"), STR_INIT("Z") },
        { STR_INIT("Space_Separator"), STR_INIT("Zs") },
        { STR_INIT("Line_Separator"), STR_INIT("Zl") },
        { STR_INIT("Paragraph_Separator"), STR_INIT("Zp") },
        { STR_INIT("Other"), STR_INIT("C") },
        { STR_INIT("Control"), STR_INIT("Cc") },
        { STR_INIT("cntrl"), STR_INIT("Cc") },
        { STR_INIT("Format"), STR_INIT("Cf") },
        { STR_INIT("Surrogate"), STR_INIT("Cs") },
        { STR_INIT("Private_Use"), STR_INIT("Co") },
        { STR_INIT("Unassigned"), STR_INIT("Cn") },
    };
    for (size_t i = 0; i < COUNT(categories); i++)
        if (str_eq(name, categories[i].name))
            return categories[i].code;
    return name;
}

static struct str take_name(struct translation *t)
{
    const char *from = t->at;
    while (t->at < t->end && is_name_char(*t->at))
        t->at++;
    return (struct str){ from, (size_t)(t->at - from) };
}

/* After \p or \P. A name that PCRE2 does not know is refused when it compiles. */
static bool take_property(struct translation *t, bool negated, struct atom *atom)
{
    if (!next_is(t, "{"))
        return refuse(t, "\\p needs {Property}");
    t->at++;
    struct str name = take_name(t), value = { NULL, 0 };
    if (next_is(t, "=")) {
        t->at++;
        value = take_name(t);
    }
    if (!next_is(t, "}") || name.len == 0 || (value.ptr && value.len == 0))
        return refuse(t, "\\p needs {Property}");
    t->at++;
    const char *kind = "";
    if (value.ptr) {
        if (str_is(name, "Script") || str_is(name, "sc"))
            kind = "sc:";
        else if (str_is(name, "Script_Extensions") || str_is(name, "scx"))
            kind = "scx:";
        else if (str_is(name, "General_Category") || str_is(name, "gc"))
            value = category(value);
        else
            return refuse(t, "no such property");
        name = value;
    } else if (str_is(name, "ASCII")) {
        atom->set = negated ? STR("\\x{80}-\\x{10ffff}") : STR("\\x00-\\x7f");
        return true;
    } else if (str_is(name, "Assigned")) {
        negated = !negated;
        name = STR("Cn");
    } else {
        name = category(name);
    }
    atom->set = arena_printf(t->ctx->arena, "\\%c{%s" STR_FMT "}", negated ? 'P' : 'p', kind,
                             STR_ARG(name));
    return true;
}

/* ---- escapes ---- */

static bool single(struct atom *atom, uint32_t code)
{
    *atom = (struct atom){ true, code, { NULL, 0 } };
    return true;
}

/* After the backslash: what means a character or a set, inside brackets and outside. */
static bool take_escape(struct translation *t, struct atom *atom)
{
    char c = *t->at++;
    *atom = (struct atom){ 0 };
    uint32_t code;
    switch (c) {
    case 'd':
    case 'D':
    case 'w':
    case 'W':
        atom->set = (struct str){ t->at - 2, 2 };
        return true;
    case 's':
        atom->set = STR(SPACE);
        return true;
    case 'S':
        atom->set = STR(NOT_SPACE);
        return true;
    case 'p':
    case 'P':
        return take_property(t, c == 'P', atom);
    case 't':
        return single(atom, '\t');
    case 'n':
        return single(atom, '\n');
    case 'v':
        return single(atom, '\v');
    case 'f':
        return single(atom, '\f');
    case 'r':
        return single(atom, '\r');
    case '0':
        if (t->at < t->end && is_digit(*t->at))
            return refuse(t, "octal escapes are not taken");
        return single(atom, 0);
    case 'c':
        if (t->at == t->end || !is_letter(*t->at))
            return refuse(t, "\\c needs a letter");
        return single(atom, (uint32_t)*t->at++ & 31);
    case 'x':
        return take_hex(t, 2, 2, &code) && single(atom, code);
    case 'u':
        return take_unicode(t, &code) && single(atom, code);
    default:
        if (c > 0x20 && c < 0x7F && !is_name_char(c))
            return single(atom, (uint32_t)c);
        t->at--;
        return refuse(t, "an unknown escape");
    }
}

/* Escapes that are no character: assertions and references back. */
static bool take_outside_escape(struct translation *t)
{
    if (++t->at == t->end)
        return refuse(t, "a backslash at the end");
    if (*t->at == 'b' || *t->at == 'B') {
        emit(t, (struct str){ t->at++ - 1, 2 });
        t->repeatable = false;
        return true;
    }
    t->repeatable = true;
    if (*t->at >= '1' && *t->at <= '9') {
        char *end;
        unsigned long group = strtoul(t->at, &end, 10); /* the copy ends in NUL */
        if (group > 999)
            return refuse(t, "no such group");
        t->at = end;
        emit(t, arena_printf(t->ctx->arena, "\\g{%lu}", group));
        return true;
    }
    if (*t->at == 'k') {
        t->at++;
        if (!next_is(t, "<"))
            return refuse(t, "\\k needs <name>");
        t->at++;
        struct str name = take_name(t);
        if (!next_is(t, ">") || name.len == 0)
            return refuse(t, "\\k needs <name>");
        t->at++;
        emit(t, arena_printf(t->ctx->arena, "\\k<" STR_FMT ">", STR_ARG(name)));
        return true;
    }
    struct atom atom;
    if (!take_escape(t, &atom))
        return false;
    if (atom.single) {
        emit_code(t, atom.code);
    } else {
        emit(t, STR("["));
        emit(t, atom.set);
        emit(t, STR("]"));
    }
    return true;
}

/* ---- [...] ---- */

static uint32_t take_code_point(struct translation *t)
{
    unsigned char c = (unsigned char)*t->at++;
    if (c < 0x80)
        return c;
    int more = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    uint32_t code = c & (0x3Fu >> more);
    while (more--)
        code = code << 6 | ((unsigned char)*t->at++ & 0x3F);
    return code;
}

static bool take_class_atom(struct translation *t, struct atom *atom)
{
    if (*t->at != '\\')
        return single(atom, take_code_point(t));
    if (++t->at == t->end)
        return refuse(t, "a backslash at the end");
    if (*t->at == 'b') {
        t->at++;
        return single(atom, '\b');
    }
    return take_escape(t, atom);
}

static bool take_class_member(struct translation *t)
{
    struct atom first, last;
    if (!take_class_atom(t, &first))
        return false;
    if (!first.single) {
        emit(t, first.set);
        return true;
    }
    emit_code(t, first.code);
    if (!next_is(t, "-") || t->at + 1 == t->end || t->at[1] == ']')
        return true;
    t->at++;
    if (!take_class_atom(t, &last))
        return false;
    if (!last.single) {
        emit_code(t, '-');
        emit(t, last.set);
        return true;
    }
    if (last.code < first.code)
        return refuse(t, "a range that ends before it begins");
    emit(t, STR("-"));
    emit_code(t, last.code);
    return true;
}

static bool take_class(struct translation *t)
{
    t->at++;
    t->repeatable = true;
    bool negated = next_is(t, "^");
    if (negated)
        t->at++;
    if (next_is(t, "]")) { /* nothing, or anything */
        t->at++;
        emit(t, negated ? STR("(?s:.)") : STR("(?:(?!))"));
        return true;
    }
    emit(t, negated ? STR("[^") : STR("["));
    while (t->at < t->end && *t->at != ']')
        if (!take_class_member(t))
            return false;
    if (t->at == t->end)
        return refuse(t, "the bracket is not closed");
    t->at++;
    emit(t, STR("]"));
    return true;
}

/* ---- groups and quantifiers ---- */

static bool take_group(struct translation *t)
{
    static const char *const kinds[] = { "(?:", "(?=", "(?!", "(?<=", "(?<!" };
    t->repeatable = false;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (next_is(t, kinds[i])) {
            emit(t, str_of(kinds[i]));
            t->at += strlen(kinds[i]);
            return true;
        }
    if (next_is(t, "(?<")) {
        t->at += 3;
        struct str name = take_name(t);
        if (!next_is(t, ">") || name.len == 0 || is_digit(name.ptr[0]))
            return refuse(t, "a group's name is letters, digits and _");
        t->at++;
        emit(t, arena_printf(t->ctx->arena, "(?<" STR_FMT ">", STR_ARG(name)));
        return true;
    }
    if (next_is(t, "(?"))
        return refuse(t, "an unknown kind of group");
    emit(t, STR("("));
    t->at++;
    return true;
}

/* Bytes of {n}, {n,} or {n,m} at `at`; 0 when it is none. */
static size_t braces(const struct translation *t)
{
    const char *at = t->at + 1, *digits = at;
    while (at < t->end && is_digit(*at))
        at++;
    if (at == digits)
        return 0;
    if (at < t->end && *at == ',')
        for (at++; at < t->end && is_digit(*at); at++) {}
    return at < t->end && *at == '}' ? (size_t)(at + 1 - t->at) : 0;
}

static bool take_quantifier(struct translation *t, size_t bytes)
{
    if (!t->repeatable)
        return refuse(t, "nothing to repeat");
    emit(t, (struct str){ t->at, bytes });
    t->at += bytes;
    if (next_is(t, "?")) {
        emit(t, STR("?"));
        t->at++;
    }
    t->repeatable = false;
    return true;
}

static void take_literal(struct translation *t)
{
    const char *from = t->at;
    take_code_point(t);
    if (strchr("{}]", *from))
        emit(t, STR("\\"));
    emit(t, (struct str){ from, (size_t)(t->at - from) });
    t->repeatable = true;
}

static bool take_term(struct translation *t)
{
    size_t bytes;
    switch (*t->at) {
    case '\\':
        return take_outside_escape(t);
    case '[':
        return take_class(t);
    case '(':
        return take_group(t);
    case '*':
    case '+':
    case '?':
        return take_quantifier(t, 1);
    case '{':
        bytes = braces(t);
        if (bytes)
            return take_quantifier(t, bytes);
        take_literal(t);
        return true;
    case '^':
    case '$':
    case '|':
    case ')':
        t->repeatable = *t->at == ')';
        emit(t, (struct str){ t->at++, 1 });
        return true;
    case '.':
        t->at++;
        t->repeatable = true;
        emit(t, STR("[^\\n\\r\\x{2028}\\x{2029}]"));
        return true;
    case '\0':
        t->at++;
        t->repeatable = true;
        emit_code(t, 0);
        return true;
    default:
        take_literal(t);
        return true;
    }
}

struct str ecma_to_pcre(struct ctx *ctx, struct str text)
{
    const struct str none = { NULL, 0 };
    struct translation t = { .ctx = ctx };
    t.from = t.at = arena_cstr(ctx->arena, text);
    t.end = t.from + text.len;
    if (text.len > LONGEST || !str_is_utf8(text)) {
        refuse(&t, text.len > LONGEST ? "it is too long" : "it is not UTF-8");
        return none;
    }
    emit(&t, STR("(?:)")); /* also keeps PCRE2 from reading a (*VERB) */
    while (t.at < t.end)
        if (!take_term(&t))
            return none;
    return t.out;
}
