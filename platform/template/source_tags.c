/* The tags whose inside is not Liquid, or is Liquid without brackets. */
#include "platform/template/compiler.h"

/* A tag as it stands in the source, of which only the name counts. */
struct found {
    size_t open, close; /* of its brackets: where they begin, where they end */
    bool trims_before, trims_after;
    struct str name;
};

static struct str word_at(const struct compiler *c, size_t from, size_t to)
{
    struct str text = str_trim((struct str){ c->source.ptr + from, to - from });
    size_t n = 0;
    while (n < text.len && ((text.ptr[n] >= 'a' && text.ptr[n] <= 'z') || text.ptr[n] == '_'))
        n++;
    return (struct str){ text.ptr, n };
}

static const char *find(const char *from, const char *end, const char *pair)
{
    for (const char *at = from; at < end && (at = memchr(at, pair[0], (size_t)(end - at))); at++)
        if (at + 1 < end && at[1] == pair[1])
            return at;
    return NULL;
}

/* The next "{% ... %}" from `pos` on. */
static bool find_tag(const struct compiler *c, size_t pos, struct found *out)
{
    const char *text = c->source.ptr, *end = text + c->source.len;
    const char *open = find(text + pos, end, "{%"),
               *close = open ? find(open + 2, end, "%}") : NULL;
    if (!close)
        return false;
    out->open = (size_t)(open - text);
    out->close = (size_t)(close - text) + 2;
    out->trims_before = open[2] == '-';
    out->trims_after = close[-1] == '-' && close - 1 > open + 2;
    out->name = word_at(c, out->open + 2 + out->trims_before, out->close - 2 - out->trims_after);
    return true;
}

/* Past the brackets that open the tag at hand, whatever stands in it. */
static bool skip_opening(struct compiler *c, bool *trims)
{
    const char *text = c->source.ptr, *end = text + c->source.len;
    const char *close = find(text + c->pos, end, "%}");
    if (!close)
        return liquid_refuse(c, c->pos, "the template ends before %%}");
    *trims = close > text + c->pos && close[-1] == '-';
    c->pos = (size_t)(close - text) + 2;
    return true;
}

static bool not_closed(struct compiler *c, size_t at, const char *name)
{
    return liquid_refuse(c, at, "%s is not closed", name);
}

/* Where the line of `liquid` ends, or `liquid` itself. */
static size_t line_end(const struct compiler *c, size_t from)
{
    const char *text = c->source.ptr;
    size_t to = from;
    while (to < c->source.len && text[to] != '\n' && !(text[to] == '%' && text[to + 1] == '}'))
        to++;
    return to < c->source.len && text[to] == '%' && to > from && text[to - 1] == '-' ? to - 1 : to;
}

/* In `liquid`: to the line that begins with endcomment. */
static bool skip_comment_lines(struct compiler *c, size_t at)
{
    for (int open = 1; open;) {
        c->pos = line_end(c, c->pos);
        if (!next_line(c))
            return not_closed(c, at, "comment");
        struct str word = word_at(c, c->pos, line_end(c, c->pos));
        open += str_is(word, "comment") - str_is(word, "endcomment");
    }
    c->pos = line_end(c, c->pos);
    return true;
}

bool tag_comment(struct compiler *c, size_t at)
{
    if (c->lines)
        return skip_comment_lines(c, at);
    bool trims, raw = false;
    int open = 1;
    struct found tag = { 0 };
    if (!skip_opening(c, &trims))
        return false;
    for (; open; c->pos = tag.close) {
        if (!find_tag(c, c->pos, &tag))
            return not_closed(c, at, "comment");
        if (!raw)
            open += str_is(tag.name, "comment") - str_is(tag.name, "endcomment");
        raw = raw ? !str_is(tag.name, "endraw") : str_is(tag.name, "raw");
    }
    c->trims = tag.trims_after;
    return true;
}

static size_t after_space(const struct compiler *c, size_t at)
{
    while (at < c->source.len && is_space(c->source.ptr[at]))
        at++;
    return at;
}

/* Whether the tag `name`, alone in its brackets, stands at `open`. */
static bool is_tag(const struct compiler *c, size_t open, const char *name, struct found *out)
{
    const char *text = c->source.ptr; /* ends in NUL */
    size_t at = open + 2, n = strlen(name);
    out->open = open;
    out->trims_before = text[at] == '-';
    at = after_space(c, at + out->trims_before);
    if (strncmp(text + at, name, n) != 0)
        return false;
    at = after_space(c, at + n);
    out->trims_after = text[at] == '-';
    at += out->trims_after;
    out->close = at + 2;
    return text[at] == '%' && text[at + 1] == '}';
}

/* The next tag `name`, before `end`; what only begins like a tag is text. */
static bool find_end(struct compiler *c, const char *name, size_t end, struct found *out)
{
    const char *text = c->source.ptr, *at = text + c->pos;
    for (; (at = find(at, text + end, "{%")); at += 2)
        if (is_tag(c, (size_t)(at - text), name, out))
            return true;
    return false;
}

/* Past the tag `name` at hand, which takes no arguments, to the tag `end`. */
static bool find_inside(struct compiler *c, size_t at, const char *name, const char *end,
                        bool *trims, struct found *out)
{
    size_t from = c->pos;
    if (c->lines)
        return liquid_refuse(c, at, "%s does not stand in liquid", name);
    if (!skip_opening(c, trims))
        return false;
    if (str_trim((struct str){ c->source.ptr + from, c->pos - from - 2 - *trims }).len)
        return liquid_refuse(c, at, "%s takes no arguments", name);
    return find_end(c, end, c->source.len, out) || not_closed(c, at, name);
}

static void leave_inside(struct compiler *c, const struct found *end)
{
    c->trims = end->trims_after;
    c->pos = end->close;
}

bool tag_raw(struct compiler *c, size_t at)
{
    struct found end;
    if (!find_inside(c, at, "raw", "endraw", &c->trims, &end))
        return false;
    put_text(c, c->pos, end.open, end.trims_before);
    leave_inside(c, &end);
    return true;
}

bool tag_doc(struct compiler *c, size_t at)
{
    struct found end, nested;
    bool trims;
    if (!find_inside(c, at, "doc", "enddoc", &trims, &end))
        return false;
    if (find_end(c, "doc", end.open, &nested))
        return liquid_refuse(c, nested.open, "doc does not stand in doc");
    leave_inside(c, &end);
    return true;
}

/* Inside itself it is one more word before the first tag of the line. */
bool tag_liquid(struct compiler *c, size_t at)
{
    if (c->lines)
        return true;
    int which;
    c->lines = true;
    bool ok = compile_block(c, NULL, &which);
    c->lines = false;
    return ok && next_token(c) && close_tag(c);
}

bool skip_inline_comment(struct compiler *c, bool *comment)
{
    size_t from = after_space(c, c->pos);
    *comment = from < c->source.len && c->source.ptr[from] == '#';
    if (!*comment)
        return true;
    if (c->lines) {
        c->pos = line_end(c, c->pos);
        return true;
    }
    if (!skip_opening(c, &c->trims))
        return false;
    struct str line, rest = { c->source.ptr + from, c->pos - from - 2 - c->trims };
    while (str_split(&rest, '\n', &line)) {
        line = str_trim(line);
        if (line.len && line.ptr[0] != '#')
            return liquid_refuse(c, (size_t)(line.ptr - c->source.ptr),
                                 "a comment of several lines has a # before each");
    }
    return true;
}
