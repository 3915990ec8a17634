#include "platform/schema/uri.h"

/* The five components of RFC 3986 section 3, each with its mark ("https:", "//host", "/path", "?query", "#part"). */
struct parts {
    struct str scheme, authority, path, query, fragment;
};

static struct str slice(struct str text, size_t from, size_t to)
{
    return (struct str){ text.ptr ? text.ptr + from : NULL, to - from };
}

static size_t find_any(struct str text, size_t from, const char *marks)
{
    while (from < text.len && (text.ptr[from] == '\0' || !strchr(marks, text.ptr[from])))
        from++;
    return from;
}

static struct parts split(struct str uri)
{
    struct parts parts = { 0 };
    size_t at = 0, end = find_any(uri, 0, ":/?#");
    if (end > 0 && end < uri.len && uri.ptr[end] == ':') {
        parts.scheme = slice(uri, 0, end + 1);
        at = end + 1;
    }
    if (uri.len - at >= 2 && uri.ptr[at] == '/' && uri.ptr[at + 1] == '/') {
        end = find_any(uri, at + 2, "/?#");
        parts.authority = slice(uri, at, end);
        at = end;
    }
    end = find_any(uri, at, "?#");
    parts.path = slice(uri, at, end);
    at = end;
    if (at < uri.len && uri.ptr[at] == '?') {
        end = find_any(uri, at, "#");
        parts.query = slice(uri, at, end);
        at = end;
    }
    parts.fragment = slice(uri, at, uri.len);
    return parts;
}

/* Cuts the last segment of the path written so far, its slash too. */
static size_t drop_segment(const char *out, size_t len)
{
    while (len && out[--len] != '/') {}
    return len;
}

/* Section 5.2.4. */
static struct str remove_dots(struct arena *arena, struct str path)
{
    char *out = arena_alloc_raw(arena, path.len + 1);
    size_t len = 0;
    while (path.len) {
        if (str_starts(path, STR("../"))) {
            path = slice(path, 3, path.len);
        } else if (str_starts(path, STR("./"))) {
            path = slice(path, 2, path.len);
        } else if (str_starts(path, STR("/./"))) {
            path = slice(path, 2, path.len);
        } else if (str_is(path, "/.")) {
            path.len = 1;
        } else if (str_starts(path, STR("/../"))) {
            path = slice(path, 3, path.len);
            len = drop_segment(out, len);
        } else if (str_is(path, "/..")) {
            path.len = 1;
            len = drop_segment(out, len);
        } else if (str_is(path, ".") || str_is(path, "..")) {
            path.len = 0;
        } else {
            size_t end = find_any(path, 1, "/");
            memcpy(out + len, path.ptr, end);
            len += end;
            path = slice(path, end, path.len);
        }
    }
    out[len] = '\0';
    return (struct str){ out, len };
}

/* Section 5.2.3. */
static struct str merge(struct arena *arena, const struct parts *base, struct str path)
{
    if (base->authority.len && base->path.len == 0)
        return arena_printf(arena, "/" STR_FMT, STR_ARG(path));
    size_t keep = base->path.len;
    while (keep && base->path.ptr[keep - 1] != '/')
        keep--;
    return arena_printf(arena, STR_FMT STR_FMT, (int)keep, base->path.ptr ? base->path.ptr : "",
                        STR_ARG(path));
}

struct str uri_resolve(struct arena *arena, struct str base_uri, struct str reference)
{
    if (base_uri.len == 0)
        return reference;
    struct parts base = split(base_uri), to = split(reference);
    if (to.scheme.len) {
        to.path = remove_dots(arena, to.path);
    } else {
        to.scheme = base.scheme;
        if (to.authority.len) {
            to.path = remove_dots(arena, to.path);
        } else {
            to.authority = base.authority;
            if (to.path.len == 0) {
                to.path = base.path;
                to.query = to.query.len ? to.query : base.query;
            } else {
                bool rooted = to.path.ptr[0] == '/';
                to.path = remove_dots(arena, rooted ? to.path : merge(arena, &base, to.path));
            }
        }
    }
    return arena_printf(arena, STR_FMT STR_FMT STR_FMT STR_FMT STR_FMT, STR_ARG(to.scheme),
                        STR_ARG(to.authority), STR_ARG(to.path), STR_ARG(to.query),
                        STR_ARG(to.fragment));
}

struct str uri_without_fragment(struct str uri)
{
    return slice(uri, 0, find_any(uri, 0, "#"));
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct str uri_fragment(struct arena *arena, struct str uri)
{
    size_t mark = find_any(uri, 0, "#");
    if (mark == uri.len)
        return (struct str){ NULL, 0 };
    struct str from = slice(uri, mark + 1, uri.len);
    char *out = arena_alloc_raw(arena, from.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < from.len; i++) {
        bool escaped = from.ptr[i] == '%' && from.len - i > 2 && hex(from.ptr[i + 1]) >= 0 &&
                       hex(from.ptr[i + 2]) >= 0;
        out[len++] = escaped ? (char)(hex(from.ptr[i + 1]) << 4 | hex(from.ptr[i + 2]))
                             : from.ptr[i];
        i += escaped ? 2 : 0;
    }
    out[len] = '\0';
    return (struct str){ out, len };
}
