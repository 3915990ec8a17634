#include "platform/mail/mime_parse.h"

#define MOST_BOUNDARY 200 /* RFC 2046 allows 70 */

struct parser {
    struct arena *arena;
    size_t parts;
};

/* The next line without its end; false when there is none. */
static bool line_next(struct str *rest, struct str *line)
{
    if (rest->len == 0)
        return false;
    ptrdiff_t at = str_find_char(*rest, '\n');
    size_t bytes = at < 0 ? rest->len : (size_t)at + 1;
    *line = (struct str){ rest->ptr, at < 0 ? bytes : bytes - 1 };
    *rest = (struct str){ rest->ptr + bytes, rest->len - bytes };
    if (line->len && line->ptr[line->len - 1] == '\r')
        line->len--;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A line of blanks alone ends the headers: whoever sends one means that. */
static bool is_continuation(struct str line)
{
    return line.len && is_blank(line.ptr[0]) && str_trim(line).len > 0;
}

static bool is_header(struct str line, struct str *name)
{
    ptrdiff_t colon = str_find_char(line, ':');
    if (colon <= 0)
        return false;
    *name = str_trim((struct str){ line.ptr, (size_t)colon });
    for (size_t i = 0; i < name->len; i++)
        if (name->ptr[i] <= ' ' || name->ptr[i] >= 127)
            return false;
    return name->len > 0;
}

/* From the value's first line to behind its last continuation, in one line. */
static struct str unfold(struct arena *arena, struct str folded)
{
    char *out = arena_alloc_raw(arena, folded.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < folded.len; i++)
        if (folded.ptr[i] != '\r' && folded.ptr[i] != '\n')
            out[n++] = folded.ptr[i] == '\0' ? ' ' : folded.ptr[i];
    out[n] = '\0';
    return str_trim((struct str){ out, n });
}

size_t mime_headers(struct arena *arena, struct str *rest, struct mime_header **out)
{
    size_t n = 0, room = 16;
    struct str line, name, at = *rest, ahead;
    struct mime_header *headers = ARENA_ARRAY(arena, struct mime_header, room);
    if (str_starts(at, STR("From ")))
        line_next(&at, &line);
    for (*rest = at; line_next(&at, &line); *rest = at) {
        if (!is_header(line, &name))
            break;
        const char *value = memchr(line.ptr, ':', line.len) + 1, *end = line.ptr + line.len;
        for (ahead = at; line_next(&ahead, &line) && is_continuation(line); at = ahead)
            end = line.ptr + line.len;
        if (n == MIME_MOST_HEADERS)
            continue;
        if (n == room) {
            struct mime_header *more = ARENA_ARRAY(arena, struct mime_header, room * 2);
            memcpy(more, headers, n * sizeof *more);
            headers = more;
            room *= 2;
        }
        headers[n++] =
            (struct mime_header){ name,
                                  unfold(arena, (struct str){ value, (size_t)(end - value) }) };
    }
    if (line_next(&(struct str){ rest->ptr, rest->len }, &line) && str_trim(line).len == 0)
        line_next(rest, &line);
    *out = headers;
    return n;
}

struct str mime_find(const struct mime_header *headers, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(headers[i].name, str_of(name)))
            return headers[i].value;
    return (struct str){ 0 };
}

struct str mime_header(const struct mime_part *part, const char *name)
{
    return mime_find(part->headers, part->n_headers, name);
}

static struct str small(struct arena *arena, struct str text)
{
    char *out = arena_cstr(arena, text);
    for (size_t i = 0; i < text.len; i++)
        if (out[i] >= 'A' && out[i] <= 'Z')
            out[i] = (char)(out[i] + ('a' - 'A'));
    return (struct str){ out, text.len };
}

static struct str type_of(struct arena *arena, const struct mime_part *part, bool digest)
{
    struct str value = mime_header(part, "content-type"), type;
    if (!value.ptr)
        return digest ? STR("message/rfc822") : STR("text/plain");
    ptrdiff_t end = str_find_char(value, ';');
    type = str_trim((struct str){ value.ptr, end < 0 ? value.len : (size_t)end });
    for (size_t i = 0; i < type.len; i++)
        if (is_blank(type.ptr[i]))
            type.len = i;
    return str_find_char(type, '/') > 0 ? small(arena, type) : STR("text/plain");
}

/* A line that ends a part: 1 another follows, 2 the last has ended, 0 it is none. */
static int delimits(struct str line, struct str boundary)
{
    if (line.len < boundary.len + 2 || memcmp(line.ptr, "--", 2) != 0 ||
        memcmp(line.ptr + 2, boundary.ptr, boundary.len) != 0)
        return 0;
    struct str after = { line.ptr + 2 + boundary.len, line.len - 2 - boundary.len };
    bool last = str_starts(after, STR("--"));
    if (last)
        after = (struct str){ after.ptr + 2, after.len - 2 };
    return str_trim(after).len > 0 ? 0 : last ? 2 : 1;
}

static void part_parse(struct parser *parser, struct str source, int depth, bool digest,
                       struct mime_part *out);

static struct mime_part *part_add(struct parser *parser, struct mime_part *part)
{
    if ((part->n_parts & (part->n_parts - 1)) == 0) { /* room for a power of two */
        size_t room = part->n_parts ? part->n_parts * 2 : 1;
        struct mime_part *more = ARENA_ARRAY(parser->arena, struct mime_part, room);
        if (part->n_parts)
            memcpy(more, part->parts, part->n_parts * sizeof *more);
        part->parts = more;
    }
    parser->parts++;
    return &part->parts[part->n_parts++];
}

static void multipart_parse(struct parser *parser, struct mime_part *part, struct str boundary,
                            int depth)
{
    struct str rest = part->content, line, from = { 0 };
    bool digest = str_is(part->type, "multipart/digest");
    for (;;) {
        const char *at = rest.ptr;
        bool end = !line_next(&rest, &line);
        int found = end ? 2 : delimits(line, boundary);
        if (found == 1 && from.ptr && parser->parts + 1 >= MIME_MOST_PARTS)
            continue;
        if (found && from.ptr) {
            const char *to = end ? part->content.ptr + part->content.len : at;
            from.len = (size_t)(to - from.ptr);
            if (!end && from.len && from.ptr[from.len - 1] == '\n')
                from.len--;
            if (!end && from.len && from.ptr[from.len - 1] == '\r')
                from.len--;
            part_parse(parser, from, depth + 1, digest, part_add(parser, part));
        }
        if (found == 2 || (found == 1 && parser->parts >= MIME_MOST_PARTS))
            return;
        if (found == 1)
            from.ptr = rest.ptr;
    }
}

static void part_parse(struct parser *parser, struct str source, int depth, bool digest,
                       struct mime_part *out)
{
    *out = (struct mime_part){ 0 };
    out->content = source;
    out->n_headers = mime_headers(parser->arena, &out->content, &out->headers);
    out->type = type_of(parser->arena, out, digest);
    if (depth == MIME_DEPTH || parser->parts >= MIME_MOST_PARTS)
        return;
    if (str_starts(out->type, STR("multipart/"))) {
        struct str boundary =
            mime_parameter(parser->arena, mime_header(out, "content-type"), "boundary");
        if (boundary.len > 0 && boundary.len <= MOST_BOUNDARY)
            multipart_parse(parser, out, boundary, depth);
    } else if (str_is(out->type, "message/rfc822") || str_is(out->type, "message/global")) {
        part_parse(parser, mime_bytes(parser->arena, out), depth + 1, false, part_add(parser, out));
    }
}

struct mime_part *mime_parse(struct arena *arena, struct str mail)
{
    struct parser parser = { .arena = arena, .parts = 1 };
    struct mime_part *part = ARENA_NEW(arena, struct mime_part);
    if (!mail.ptr)
        mail = STR("");
    part_parse(&parser, mail, 0, false, part);
    return part;
}

struct mime_part *mime_first(struct mime_walk *walk, struct mime_part *mail)
{
    *walk = (struct mime_walk){ .open = { mail } };
    return mail;
}

struct mime_part *mime_next(struct mime_walk *walk)
{
    for (;;) {
        struct mime_part *open = walk->open[walk->depth];
        if (walk->at[walk->depth] < open->n_parts) {
            struct mime_part *part = &open->parts[walk->at[walk->depth]++];
            if (part->n_parts) {
                walk->depth++;
                walk->open[walk->depth] = part;
                walk->at[walk->depth] = 0;
            }
            return part;
        }
        if (walk->depth == 0)
            return NULL;
        walk->depth--;
    }
}
