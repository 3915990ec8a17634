/* Filters that put text in the place of other text. */
#include <strings.h>

#include "platform/template/filters.h"

enum which { ALL, FIRST, LAST };

struct replacement {
    struct str text, from, to;
    enum which which;
};

static size_t find_last(struct str text, struct str part)
{
    if (part.len > text.len)
        return SIZE_MAX;
    for (size_t at = text.len - part.len + 1; at-- > 0;)
        if (memcmp(text.ptr + at, part.ptr, part.len) == 0)
            return at;
    return SIZE_MAX;
}

/* Where the next one is, from `at` on; an empty one is before each character and at the end. */
static size_t find_next(const struct replacement *r, size_t at, bool first)
{
    if (r->which != ALL && !first)
        return SIZE_MAX;
    if (r->which == LAST)
        return r->from.len ? find_last(r->text, r->from) : r->text.len;
    if (r->from.len || first)
        return liquid_find(r->text, r->from, at);
    for (at++; at < r->text.len && (r->text.ptr[at] & 0xC0) == 0x80;)
        at++;
    return at <= r->text.len ? at : SIZE_MAX;
}

static bool replace(struct run *run, const struct replacement *r, struct value *value)
{
    size_t n = 0, at = 0, after = 0;
    for (size_t found = 0; (found = find_next(r, at, !n)) != SIZE_MAX; n++)
        at = found + r->from.len;
    if (!liquid_steps(run, n))
        return false;
    char *room = liquid_room(run, r->text.len - n * r->from.len + n * r->to.len), *to = room;
    if (!room)
        return false;
    at = 0;
    for (size_t i = 0; i < n; i++) {
        size_t found = find_next(r, at, !i);
        to = put_bytes(to, (struct str){ r->text.ptr + after, found - after });
        to = put_bytes(to, r->to);
        at = after = found + r->from.len;
    }
    to = put_bytes(to, (struct str){ r->text.ptr + after, r->text.len - after });
    return give_text(value, (struct str){ room, (size_t)(to - room) });
}

static bool replaced(struct run *run, const struct filter_input *in, struct value *value,
                     enum which which)
{
    struct replacement r = { .which = which };
    if (!liquid_text(run, value, &r.text) || !liquid_text(run, &in->args[0], &r.from) ||
        !liquid_text(run, &in->args[1], &r.to))
        return false;
    if (which == LAST &&
        !liquid_steps(run, r.text.len / 64 * r.from.len / 64)) /* compared at worst */
        return false;
    return replace(run, &r, value);
}

FILTER(replace)
{
    return replaced(run, in, value, ALL);
}

FILTER(replace_first)
{
    return replaced(run, in, value, FIRST);
}

FILTER(replace_last)
{
    return replaced(run, in, value, LAST);
}

FILTER(remove)
{
    return replaced(run, in, value, ALL);
}

FILTER(remove_first)
{
    return replaced(run, in, value, FIRST);
}

FILTER(remove_last)
{
    return replaced(run, in, value, LAST);
}

/* ---- markup ---- */

static bool begins(struct str text, const char *word)
{
    size_t n = strlen(word);
    return text.len >= n && strncasecmp(text.ptr, word, n) == 0;
}

/* What is left out whole. */
static const struct {
    const char *from, *to;
} hidden[] = {
    { "<script", "</script>" },
    { "<style", "</style>" },
    { "<!--", "-->" },
    { "<", ">" },
};

/* The bytes of the tag, comment or script that text begins with; 0 where it is not closed. */
static size_t markup_length(struct str text, bool *open)
{
    for (size_t i = 0; i < COUNT(hidden); i++) {
        if (!open[i] || !begins(text, hidden[i].from))
            continue;
        size_t n = strlen(hidden[i].to);
        for (size_t at = strlen(hidden[i].from); at + n <= text.len; at++)
            if (strncasecmp(text.ptr + at, hidden[i].to, n) == 0)
                return at + n;
        open[i] = false;
    }
    return 0;
}

/* Each kind of ending is looked for once: where there is none after one place, there is none after the next. */
FILTER(strip_html)
{
    struct str text;
    if (!liquid_text(run, value, &text))
        return false;
    char *room = liquid_room(run, text.len);
    size_t n = 0;
    bool open[COUNT(hidden)];
    for (size_t i = 0; i < COUNT(hidden); i++)
        open[i] = true;
    for (size_t at = 0; room && at < text.len;) {
        struct str rest = { text.ptr + at, text.len - at };
        size_t length = rest.ptr[0] == '<' ? markup_length(rest, open) : 0;
        if (length)
            at += length;
        else
            room[n++] = text.ptr[at++];
    }
    return room && give_text(value, (struct str){ room, n });
}
