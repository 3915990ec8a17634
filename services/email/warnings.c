#include "services/email/warnings.h"

#include <ctype.h>

#include "platform/json/json.h"

void warning_add(struct warnings *out, const char *kind, struct str detail)
{
    for (size_t i = 0; i < out->n; i++)
        if (str_is(str_of(kind), out->items[i].kind) && str_eq(out->items[i].detail, detail))
            return;
    if (out->n < WARNINGS_MOST)
        out->items[out->n++] = (struct warning){ kind, detail };
}

static ptrdiff_t find(struct str text, const char *part)
{
    const char *at = text.len ? memmem(text.ptr, text.len, part, strlen(part)) : NULL;
    return at ? at - text.ptr : -1;
}

static struct str rest_of(struct str text, size_t from)
{
    return (struct str){ text.ptr + from, text.len - from };
}

/* ---- fields ---- */

static bool is_path_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* "person.name" at the beginning; empty for anything else. */
static struct str path_of(struct str expression)
{
    static const char *const roots[] = { "person.", "campaign.", "data." };
    size_t n = 0;
    expression = str_trim(expression);
    while (n < expression.len && is_path_char(expression.ptr[n]))
        n++;
    for (size_t i = 0; i < COUNT(roots); i++)
        if (str_starts((struct str){ expression.ptr, n }, str_of(roots[i])))
            return (struct str){ expression.ptr, n };
    return STR("");
}

static bool is_there(struct arena *arena, const struct json *names, struct str path)
{
    char *pointer = arena_cstr(arena, arena_printf(arena, "/" STR_FMT, STR_ARG(path)));
    for (char *c = pointer; *c; c++)
        if (*c == '.')
            *c = '/';
    const struct json *value = json_pointer(names, str_of(pointer));
    enum json_type type = json_type(value);
    return type != JSON_ABSENT && type != JSON_NULL && (type != JSON_STRING || json_str(value).len);
}

static void missing_in(struct arena *arena, struct str source, const struct json *names,
                       struct warnings *out)
{
    ptrdiff_t begin, end;
    while (source.len && (begin = find(source, "{{")) >= 0) {
        source = rest_of(source, (size_t)begin + 2);
        if ((end = find(source, "}}")) < 0)
            return;
        struct str expression = { source.ptr, (size_t)end };
        if (expression.len && expression.ptr[0] == '-')
            expression = rest_of(expression, 1);
        struct str path = path_of(expression);
        if (path.len && find(expression, "default:") < 0 && !is_there(arena, names, path))
            warning_add(out, "missing", arena_str(arena, path));
        source = rest_of(source, (size_t)end + 2);
    }
}

void warnings_missing(struct arena *arena, const struct letter_text *sources,
                      const struct json *names, struct warnings *out)
{
    missing_in(arena, sources->subject, names, out);
    missing_in(arena, sources->preheader, names, out);
    missing_in(arena, sources->html, names, out);
    missing_in(arena, sources->text, names, out);
}

/* ---- HTML ---- */

/* The value of an attribute in a tag, quoted or not; ptr NULL without it. */
static struct str attribute(struct str tag, const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 1; i + length < tag.len; i++) {
        struct str here = { tag.ptr + i, length };
        if (!isspace((unsigned char)tag.ptr[i - 1]) || !str_eq_nocase(here, str_of(name)) ||
            tag.ptr[i + length] != '=')
            continue;
        struct str value = rest_of(tag, i + length + 1);
        char quote = value.len ? value.ptr[0] : '\0';
        if (quote != '"' && quote != '\'')
            return str_trim(value);
        value = rest_of(value, 1);
        ptrdiff_t end = str_find_char(value, quote);
        return (struct str){ value.ptr, end < 0 ? value.len : (size_t)end };
    }
    return (struct str){ NULL, 0 };
}

static bool is_tag(struct str tag, const char *name)
{
    size_t length = strlen(name);
    return tag.len >= length && str_eq_nocase((struct str){ tag.ptr, length }, str_of(name)) &&
           (tag.len == length || !isalnum((unsigned char)tag.ptr[length]));
}

struct link_open {
    bool is_open, has_text;
    struct str href;
};

static void tag_look(struct arena *arena, struct str tag, struct link_open *link,
                     struct warnings *out)
{
    if (is_tag(tag, "img")) {
        struct str alt = attribute(tag, "alt");
        if (!alt.ptr)
            warning_add(out, "picture_without_alt", arena_str(arena, attribute(tag, "src")));
        link->has_text |= str_trim(alt).len > 0;
    } else if (is_tag(tag, "a")) {
        *link = (struct link_open){ .is_open = true, .href = attribute(tag, "href") };
        struct str href = str_trim(link->href);
        if (!href.len || str_is(href, "#"))
            warning_add(out, "link_without_address", STR("a link leads nowhere"));
    } else if (is_tag(tag, "/a") && link->is_open) {
        struct str shown = { link->href.ptr, MIN(link->href.len, 300) };
        if (!link->has_text)
            warning_add(out, "link_without_text", shown.ptr ? arena_str(arena, shown) : STR(""));
        *link = (struct link_open){ 0 };
    }
}

void warnings_html(struct arena *arena, struct str html, struct warnings *out)
{
    struct link_open link = { 0 };
    ptrdiff_t begin, end;
    while (html.len && (begin = str_find_char(html, '<')) >= 0) {
        link.has_text |= str_trim((struct str){ html.ptr, (size_t)begin }).len > 0;
        html = rest_of(html, (size_t)begin + 1);
        bool comment = str_starts(html, STR("!--"));
        if ((end = comment ? find(html, "-->") : str_find_char(html, '>')) < 0)
            return;
        if (!comment)
            tag_look(arena, (struct str){ html.ptr, (size_t)end }, &link, out);
        html = rest_of(html, (size_t)end + (comment ? 3 : 1));
    }
}
