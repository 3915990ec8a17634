/* Finds the links of HTML as browsers do (HTML Living Standard, section 13.2.5, tokenization), and reads their addresses. */
#include "services/email/links.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* Index of `what` (in small letters) from `from` on, in any case; text.len without it. */
static size_t find(struct str text, size_t from, struct str what)
{
    for (; from + what.len <= text.len; from++)
        if (str_eq_nocase((struct str){ text.ptr + from, what.len }, what))
            return from;
    return text.len;
}

static size_t behind(struct str text, size_t from, struct str what)
{
    return MIN(find(text, from, what) + what.len, text.len);
}

struct tag {
    struct str name;
    bool ends, untracked;
    struct str href; /* ptr NULL without one */
};

/* Reads the attribute at `i`, which is neither blank nor '>'; gives where it ends. */
static size_t attribute_read(struct str html, size_t i, struct tag *tag)
{
    size_t from = i++; /* a '=' may stand first */
    while (i < html.len && !is_blank(html.ptr[i]) && html.ptr[i] != '=' && html.ptr[i] != '>' &&
           html.ptr[i] != '/')
        i++;
    struct str name = { html.ptr + from, i - from }, value = { html.ptr + i, 0 };
    while (i < html.len && is_blank(html.ptr[i]))
        i++;
    if (i < html.len && html.ptr[i] == '=') {
        for (i++; i < html.len && is_blank(html.ptr[i]);)
            i++;
        char quote = i < html.len ? html.ptr[i] : 0;
        bool quoted = quote == '"' || quote == '\'';
        size_t start = quoted ? ++i : i;
        const char *end = quoted ? memchr(html.ptr + i, quote, html.len - i) : NULL;
        if (quoted)
            i = end ? (size_t)(end - html.ptr) : html.len;
        else
            while (i < html.len && !is_blank(html.ptr[i]) && html.ptr[i] != '>')
                i++;
        value = (struct str){ html.ptr + start, i - start };
        i += quoted && i < html.len;
    }
    if (!tag->href.ptr && str_eq_nocase(name, STR("href")))
        tag->href = value;
    tag->untracked |= str_eq_nocase(name, STR("data-untracked"));
    return i;
}

/* Reads the tag at html[i] == '<', behind which is a letter, or '/' and a letter; gives where it ends, html.len + 1 when it
 * does not. */
static size_t tag_read(struct str html, size_t i, struct tag *tag)
{
    *tag = (struct tag){ .ends = html.ptr[i + 1] == '/' };
    size_t from = i += 1 + tag->ends;
    while (i < html.len && !is_blank(html.ptr[i]) && html.ptr[i] != '/' && html.ptr[i] != '>')
        i++;
    tag->name = (struct str){ html.ptr + from, i - from };
    for (;;) {
        while (i < html.len && (is_blank(html.ptr[i]) || html.ptr[i] == '/'))
            i++;
        if (i >= html.len)
            return html.len + 1;
        if (html.ptr[i] == '>')
            return i + 1;
        i = attribute_read(html, i, tag);
    }
}

/* Behind the comment, or what is passed over like one, at html[i] == '<'. */
static size_t comment_end(struct str html, size_t i)
{
    if (!str_starts((struct str){ html.ptr + i, html.len - i }, STR("<!--")))
        return behind(html, i, STR(">"));
    for (i += 4; i < html.len; i++) {
        struct str rest = { html.ptr + i, html.len - i };
        bool first = html.ptr[i - 1] == '-' && html.ptr[i - 2] == '-' && html.ptr[i - 3] == '!';
        if (str_starts(rest, STR("-->")) || (first && str_starts(rest, STR("->"))))
            return behind(html, i, STR(">"));
        if (str_starts(rest, STR("--!>")))
            return i + 4;
        if (first && html.ptr[i] == '>')
            return i + 1;
    }
    return html.len;
}

/* Elements whose content is text to browsers, whatever it looks like. */
static const struct str texts[] = { STR_INIT("script"),   STR_INIT("style"), STR_INIT("textarea"),
                                    STR_INIT("title"),    STR_INIT("xmp"),   STR_INIT("iframe"),
                                    STR_INIT("noembed"),  STR_INIT("noframes") };

/* Where the end tag of the element begins, whose start tag ends at `i`. */
static size_t text_end(struct str html, size_t i, struct str name)
{
    for (; i + 2 + name.len <= html.len; i++) {
        struct str there = { html.ptr + i + 2, name.len };
        size_t next = i + 2 + name.len;
        if (html.ptr[i] == '<' && html.ptr[i + 1] == '/' && str_eq_nocase(there, name) &&
            (next == html.len || is_blank(html.ptr[next]) || html.ptr[next] == '/' ||
             html.ptr[next] == '>'))
            return i;
    }
    return html.len;
}

static bool is_text(const struct tag *tag)
{
    for (size_t i = 0; i < COUNT(texts); i++)
        if (!tag->ends && str_eq_nocase(tag->name, texts[i]))
            return true;
    return false;
}

static bool is_plain(const struct tag *tag)
{
    return !tag->ends && str_eq_nocase(tag->name, STR("plaintext"));
}

static bool is_tag(struct str html, size_t i)
{
    size_t name = i + 1 + (i + 1 < html.len && html.ptr[i + 1] == '/');
    return name < html.len && is_letter(html.ptr[name]);
}

static bool is_comment(struct str html, size_t i)
{
    char next = i + 1 < html.len ? html.ptr[i + 1] : 0;
    return next == '!' || next == '?' || (next == '/' && i + 2 < html.len);
}

size_t link_hrefs(struct str html, struct str *out, size_t most, size_t *end)
{
    size_t n = 0, next;
    *end = html.len;
    for (size_t i = 0; i < html.len; i = next) {
        struct tag tag;
        next = i + 1;
        if (html.ptr[i] != '<') {
            const char *tag_at = memchr(html.ptr + i, '<', html.len - i);
            next = tag_at ? (size_t)(tag_at - html.ptr) : html.len;
            continue;
        }
        if (!is_tag(html, i)) {
            if (is_comment(html, i))
                next = comment_end(html, i);
            continue;
        }
        next = tag_read(html, i, &tag);
        if (next > html.len || is_plain(&tag)) { /* nothing behind it is HTML */
            *end = MIN(*end, i);
            break;
        }
        if (tag.ends && str_eq_nocase(tag.name, STR("body")))
            *end = i;
        if (!tag.ends && !tag.untracked && tag.href.ptr && n < most &&
            str_eq_nocase(tag.name, STR("a")))
            out[n++] = tag.href;
        if (is_text(&tag) && (next = text_end(html, next, tag.name)) == html.len)
            *end = MIN(*end, i);
    }
    return n;
}

/* ---- addresses ---- */

static const struct {
    const char *name;
    char c;
    bool bare; /* known without its ';' too */
} entities[] = {
    { "amp", '&', true },    { "lt", '<', true },      { "gt", '>', true },
    { "quot", '"', true },   { "apos", '\'', false },  { "equals", '=', false },
    { "quest", '?', false }, { "num", '#', false },    { "sol", '/', false },
    { "colon", ':', false }, { "period", '.', false }, { "percnt", '%', false },
};

/* "&#38;", "&#x26;": ASCII only, which is what addresses are made of; 0: none that we read. */
static uint32_t number_read(struct str text, size_t *bytes)
{
    bool hex = text.len > 2 && (text.ptr[2] == 'x' || text.ptr[2] == 'X');
    size_t from = hex ? 3 : 2, i = from;
    uint32_t code = 0;
    for (; i < text.len && i < from + 7; i++) {
        char c = text.ptr[i];
        int digit = is_digit(c)                   ? c - '0'
                    : hex && c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : hex && c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                  : -1;
        if (digit < 0)
            break;
        code = code * (hex ? 16 : 10) + (uint32_t)digit;
    }
    *bytes = i + (i < text.len && text.ptr[i] == ';');
    return i > from && code < 0x80 ? code : 0;
}

/* The character that the reference at the start of `text` stands for, and its length; '&' where it is none; 0: browsers know
 * more of them than we do, so this may be one. */
static uint32_t entity_read(struct str text, size_t *bytes)
{
    size_t end = 1;
    *bytes = 1;
    if (text.len > 1 && text.ptr[1] == '#')
        return number_read(text, bytes);
    while (end < text.len && (is_letter(text.ptr[end]) || is_digit(text.ptr[end])))
        end++;
    struct str name = { text.ptr + 1, end - 1 };
    bool closed = end < text.len && text.ptr[end] == ';';
    /* "&copy=1": without ';', nothing before '=' is a reference in an attribute. */
    if (!name.len || (!closed && end < text.len && text.ptr[end] == '='))
        return '&';
    for (size_t i = 0; i < COUNT(entities); i++)
        if (str_is(name, entities[i].name) && (closed || entities[i].bare)) {
            *bytes = end + closed;
            return (uint32_t)entities[i].c;
        }
    return 0;
}

/* What URLs may hold in themselves; all else is given in percents. */
static const bool url_characters[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true, ['.'] = true,
    ['_'] = true,         ['~'] = true,         [':'] = true,         ['/'] = true, ['?'] = true,
    ['#'] = true,         ['['] = true,         [']'] = true,         ['@'] = true, ['!'] = true,
    ['$'] = true,         ['&'] = true,         ['\''] = true,        ['('] = true, [')'] = true,
    ['*'] = true,         ['+'] = true,         [','] = true,         [';'] = true, ['='] = true,
    ['%'] = true,         ['|'] = true,
};

struct address {
    char *ptr;
    size_t len;
    bool
        slashes; /* a backslash, which browsers take for a slash, or something else that they would not leave as it is */
};

static bool address_put(struct address *out, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    if (c == '\t' || c == '\n' || c == '\r') /* they are taken out (URL Standard, section 4.4) */
        return true;
    if (c < ' ' || c == 0x7f || c == '\\' || out->len + 3 > LINKS_MOST_TARGET)
        return false;
    if (url_characters[c]) {
        out->ptr[out->len++] = (char)c;
        return true;
    }
    const char percents[] = { '%', hex[c >> 4], hex[c & 15] };
    memcpy(out->ptr + out->len, percents, sizeof(percents));
    out->len += sizeof(percents);
    return true;
}

/* "http://host" or "https://host" in ASCII, without a user: the host is what the part up to the first of "/?#" says. */
static bool is_web(struct str url)
{
    struct str scheme = { url.ptr, MIN(url.len, 7) };
    size_t from = str_eq_nocase(scheme, STR("http://")) ? 7 : 8, i;
    if (from == 8 && !str_eq_nocase((struct str){ url.ptr, MIN(url.len, 8) }, STR("https://")))
        return false;
    for (i = from; i < url.len && !strchr("/?#", url.ptr[i]); i++)
        if (!is_letter(url.ptr[i]) && !is_digit(url.ptr[i]) && !strchr("-._~:[]", url.ptr[i]))
            return false;
    return i > from && url.ptr[from] != ':';
}

struct str link_target(struct arena *arena, struct str value)
{
    struct address out = { 0 };
    while (value.len && (unsigned char)value.ptr[0] <= ' ')
        value = (struct str){ value.ptr + 1, value.len - 1 };
    while (value.len && (unsigned char)value.ptr[value.len - 1] <= ' ')
        value.len--;
    if (!str_is_utf8(value))
        return (struct str){ 0 };
    out.ptr = arena_alloc_raw(arena, MIN(value.len * 3, LINKS_MOST_TARGET) + 1);
    for (size_t i = 0, bytes; i < value.len; i += bytes) {
        struct str rest = { value.ptr + i, value.len - i };
        bytes = 1;
        uint32_t c = rest.ptr[0] == '&' ? entity_read(rest, &bytes) : (unsigned char)rest.ptr[0];
        if (!c || !address_put(&out, (unsigned char)c))
            return (struct str){ 0 };
    }
    out.ptr[out.len] = '\0';
    struct str url = { out.ptr, out.len };
    return is_web(url) ? url : (struct str){ 0 };
}
