#include "platform/schema/format.h"

#include <arpa/inet.h>

#include "base/macros.h"
#include "platform/schema/pattern.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_hex(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static struct str after(struct str text, size_t n)
{
    return (struct str){ text.ptr + n, text.len - n };
}

static size_t digits(struct str text)
{
    size_t n = 0;
    while (n < text.len && is_digit(text.ptr[n]))
        n++;
    return n;
}

/* ---- time ---- */

/* Exactly `n` digits and then `next` (0: whatever follows); cut from *text. */
static bool take_number(struct str *text, size_t n, char next, int *out)
{
    if (text->len < n || digits((struct str){ text->ptr, n }) != n)
        return false;
    int value = 0;
    for (size_t i = 0; i < n; i++)
        value = value * 10 + text->ptr[i] - '0';
    if (next && (text->len == n || text->ptr[n] != next))
        return false;
    *out = value;
    *text = after(*text, n + (next != 0));
    return true;
}

static bool take_date(struct str *text)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    int year, month, day;
    if (!take_number(text, 4, '-', &year) || !take_number(text, 2, '-', &month) ||
        !take_number(text, 2, 0, &day))
        return false;
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return day <= days[month - 1] + (month == 2 && leap);
}

bool format_date(struct str text)
{
    return take_date(&text) && text.len == 0;
}

/* Z or +hh:mm, as minutes. */
static bool read_offset(struct str text, int *minutes)
{
    int hour, minute;
    *minutes = 0;
    if (text.len == 1 && (text.ptr[0] | 0x20) == 'z')
        return true;
    if (text.len != 6 || (text.ptr[0] != '+' && text.ptr[0] != '-'))
        return false;
    struct str rest = after(text, 1);
    if (!take_number(&rest, 2, ':', &hour) || !take_number(&rest, 2, 0, &minute) || hour > 23 ||
        minute > 59)
        return false;
    *minutes = (hour * 60 + minute) * (text.ptr[0] == '-' ? -1 : 1);
    return true;
}

bool format_time(struct str text)
{
    int hour, minute, second, offset;
    if (!take_number(&text, 2, ':', &hour) || !take_number(&text, 2, ':', &minute) ||
        !take_number(&text, 2, 0, &second))
        return false;
    if (text.len && text.ptr[0] == '.') {
        size_t n = digits(after(text, 1));
        if (n == 0)
            return false;
        text = after(text, n + 1);
    }
    if (hour > 23 || minute > 59 || second > 60 || !read_offset(text, &offset))
        return false;
    int utc = ((hour * 60 + minute - offset) % 1440 + 1440) % 1440;
    return second < 60 || utc == 23 * 60 + 59;
}

bool format_date_time(struct str text)
{
    return take_date(&text) && text.len && (text.ptr[0] | 0x20) == 't' &&
           format_time(after(text, 1));
}

/* Numbers with units, of which none may be left out between two (RFC 3339 appendix A). */
static bool take_units(struct str *text, const char *units)
{
    const char *last = NULL;
    for (size_t n; (n = digits(*text)) > 0 && n < text->len;) {
        const char *unit = strchr(units, text->ptr[n]);
        if (!unit || text->ptr[n] == '\0' || (last && unit != last + 1))
            break;
        last = unit;
        *text = after(*text, n + 1);
    }
    return last != NULL;
}

bool format_duration(struct str text)
{
    if (text.len < 3 || text.ptr[0] != 'P')
        return false;
    text = after(text, 1);
    if (take_units(&text, "W"))
        return text.len == 0;
    bool dated = take_units(&text, "YMD");
    if (text.len == 0)
        return dated;
    if (text.ptr[0] != 'T')
        return false;
    text = after(text, 1);
    return take_units(&text, "HMS") && text.len == 0;
}

/* ---- names and addresses ---- */

bool format_hostname(struct str text)
{
    if (text.len == 0 || text.len > 253)
        return false;
    struct str label;
    while (str_split(&text, '.', &label)) {
        if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' ||
            label.ptr[label.len - 1] == '-')
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!is_alpha(label.ptr[i]) && !is_digit(label.ptr[i]) && label.ptr[i] != '-')
                return false;
    }
    return true;
}

bool format_ipv4(struct str text)
{
    struct str part;
    int parts = 0;
    for (; str_split(&text, '.', &part); parts++) {
        int value = 0;
        if (part.len == 0 || part.len > 3 || digits(part) != part.len ||
            (part.len > 1 && part.ptr[0] == '0'))
            return false;
        for (size_t i = 0; i < part.len; i++)
            value = value * 10 + part.ptr[i] - '0';
        if (value > 255)
            return false;
    }
    return parts == 4;
}

bool format_ipv6(struct str text)
{
    char copy[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.ptr, 0, text.len))
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return inet_pton(AF_INET6, copy, &address) == 1;
}

static bool is_mail_domain(struct str domain, bool wide)
{
    if (domain.len > 2 && domain.ptr[0] == '[' && domain.ptr[domain.len - 1] == ']') {
        struct str literal = { domain.ptr + 1, domain.len - 2 };
        return str_starts(literal, STR("IPv6:")) ? format_ipv6(after(literal, 5))
                                                 : format_ipv4(literal);
    }
    if (!wide)
        return format_hostname(domain);
    struct str label;
    while (str_split(&domain, '.', &label)) {
        if (label.len == 0 || label.len > 252)
            return false;
        for (size_t i = 0; i < label.len; i++)
            if ((unsigned char)label.ptr[i] < 0x80 && !is_alpha(label.ptr[i]) &&
                !is_digit(label.ptr[i]) && label.ptr[i] != '-')
                return false;
    }
    return true;
}

/* After the opening quote: printable ASCII, with \ before " and \. */
static bool is_quoted(struct str text, bool wide)
{
    for (size_t i = 0; i + 1 < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\\' && i + 2 < text.len)
            c = (unsigned char)text.ptr[++i];
        else if (c == '"' || c == '\\')
            return false;
        if (c < 0x20 || c == 0x7F || (c >= 0x80 && !wide))
            return false;
    }
    return text.len > 1 && text.ptr[text.len - 1] == '"';
}

static bool is_dotted(struct str text, bool wide)
{
    struct str atom;
    while (str_split(&text, '.', &atom)) {
        if (atom.len == 0)
            return false;
        for (size_t i = 0; i < atom.len; i++) {
            char c = atom.ptr[i];
            if ((unsigned char)c >= 0x80 ? !wide
                                         : c == '\0' || (!is_alpha(c) && !is_digit(c) &&
                                                         !strchr("!#$%&'*+-/=?^_`{|}~", c)))
                return false;
        }
    }
    return true;
}

static bool is_mailbox(struct str text, bool wide)
{
    size_t at = text.len;
    while (at && text.ptr[at - 1] != '@')
        at--;
    if (at < 2 || at - 1 > 64 || text.len > 254)
        return false;
    struct str local = { text.ptr, at - 1 };
    bool ok = local.ptr[0] == '"' ? is_quoted(after(local, 1), wide) : is_dotted(local, wide);
    return ok && at < text.len && is_mail_domain(after(text, at), wide);
}

bool format_email(struct str text)
{
    return is_mailbox(text, false);
}

bool format_idn_email(struct str text)
{
    return is_mailbox(text, true);
}

/* Without a branch for each character: letters and digits come at random, which branches guess badly. */
static inline bool all_hex(const char *at, size_t n)
{
    unsigned wrong = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned c = (unsigned char)at[i];
        wrong |= (unsigned)(c - '0' > 9) & (unsigned)((c | 0x20) - 'a' > 5);
    }
    return !wrong;
}

bool format_uuid(struct str text)
{
    if (text.len != 36)
        return false;
    const char *at = text.ptr;
    if (at[8] != '-' || at[13] != '-' || at[18] != '-' || at[23] != '-')
        return false;
    return all_hex(at, 8) && all_hex(at + 9, 4) && all_hex(at + 14, 4) && all_hex(at + 19, 4) &&
           all_hex(at + 24, 12);
}

/* ---- URIs ---- */

/* Characters of `allowed`, letters, digits, -._~ and %HH; from U+0080 on where `wide`. */
static bool only_uri_chars(struct str text, const char *allowed, bool wide)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            if (text.len - i < 3 || !is_hex(text.ptr[i + 1]) || !is_hex(text.ptr[i + 2]))
                return false;
            i += 2;
        } else if ((unsigned char)c >= 0x80
                       ? !wide
                       : c == '\0' || (!is_alpha(c) && !is_digit(c) && !strchr("-._~", c) &&
                                       !strchr(allowed, c))) {
            return false;
        }
    }
    return true;
}

#define SUB_DELIMS "!$&'()*+,;="
#define PATH_CHARS SUB_DELIMS ":@/"

static bool is_ip_future(struct str text)
{
    if (text.len < 4 || (text.ptr[0] | 0x20) != 'v')
        return false;
    size_t n = 1;
    while (n < text.len && is_hex(text.ptr[n]))
        n++;
    return n > 1 && n + 1 < text.len && text.ptr[n] == '.' && !memchr(text.ptr, '%', text.len) &&
           only_uri_chars(after(text, n + 1), SUB_DELIMS ":", false);
}

static bool is_authority(struct str text, bool wide)
{
    ptrdiff_t user = str_find_char(text, '@');
    if (user >= 0) {
        if (!only_uri_chars((struct str){ text.ptr, (size_t)user }, SUB_DELIMS ":", wide))
            return false;
        text = after(text, (size_t)user + 1);
    }
    if (text.len && text.ptr[0] == '[') {
        ptrdiff_t end = str_find_char(text, ']');
        struct str address = { text.ptr + 1, end > 0 ? (size_t)end - 1 : 0 };
        if (!format_ipv6(address) && !is_ip_future(address))
            return false;
        text = after(text, (size_t)end + 1);
    } else {
        ptrdiff_t colon = str_find_char(text, ':');
        size_t host = colon >= 0 ? (size_t)colon : text.len;
        if (!only_uri_chars((struct str){ text.ptr, host }, SUB_DELIMS, wide))
            return false;
        text = after(text, host);
    }
    return text.len == 0 || (text.ptr[0] == ':' && digits(after(text, 1)) == text.len - 1);
}

static struct str cut_after(struct str *text, char mark)
{
    ptrdiff_t at = str_find_char(*text, mark);
    if (at < 0)
        return (struct str){ "", 0 };
    struct str tail = after(*text, (size_t)at + 1);
    text->len = (size_t)at;
    return tail;
}

/* Bytes of "scheme:" at the start; 0 when there is none. */
static size_t scheme_bytes(struct str text)
{
    size_t n = 0;
    for (; n < text.len; n++) {
        char c = text.ptr[n];
        if (!is_alpha(c) && (n == 0 || (!is_digit(c) && c != '+' && c != '-' && c != '.')))
            break;
    }
    return n && n < text.len && text.ptr[n] == ':' ? n + 1 : 0;
}

static bool is_reference(struct str text, bool absolute, bool wide)
{
    struct str fragment = cut_after(&text, '#');
    struct str query = cut_after(&text, '?');
    if (!only_uri_chars(fragment, PATH_CHARS "?", wide) ||
        !only_uri_chars(query, PATH_CHARS "?", wide))
        return false;
    size_t scheme = scheme_bytes(text);
    if (absolute && !scheme)
        return false;
    text = after(text, scheme);
    if (str_starts(text, STR("//"))) {
        text = after(text, 2);
        ptrdiff_t slash = str_find_char(text, '/');
        size_t n = slash >= 0 ? (size_t)slash : text.len;
        if (!is_authority((struct str){ text.ptr, n }, wide))
            return false;
        text = after(text, n);
    } else if (!scheme) { /* the first segment of a relative path has no colon */
        ptrdiff_t colon = str_find_char(text, ':'), slash = str_find_char(text, '/');
        if (colon >= 0 && (slash < 0 || colon < slash))
            return false;
    }
    return only_uri_chars(text, PATH_CHARS, wide);
}

bool format_uri(struct str text)
{
    return is_reference(text, true, false);
}

bool format_uri_reference(struct str text)
{
    return is_reference(text, false, false);
}

bool format_iri(struct str text)
{
    return is_reference(text, true, true);
}

bool format_iri_reference(struct str text)
{
    return is_reference(text, false, true);
}

static bool is_template_variable(struct str text)
{
    if (text.len && text.ptr[text.len - 1] == '*') {
        text.len--;
    } else {
        ptrdiff_t colon = str_find_char(text, ':');
        if (colon >= 0) {
            struct str length = after(text, (size_t)colon + 1);
            if (length.len == 0 || length.len > 4 || digits(length) != length.len ||
                length.ptr[0] == '0')
                return false;
            text.len = (size_t)colon;
        }
    }
    struct str part;
    while (str_split(&text, '.', &part)) {
        if (part.len == 0 || !only_uri_chars(part, "_", false))
            return false;
        if (memchr(part.ptr, '-', part.len) || memchr(part.ptr, '~', part.len))
            return false;
    }
    return true;
}

static bool is_template_expression(struct str text)
{
    struct str variable;
    if (text.len && text.ptr[0] && strchr("+#./;?&=,!@|", text.ptr[0]))
        text = after(text, 1);
    if (text.len == 0)
        return false;
    while (str_split(&text, ',', &variable))
        if (!is_template_variable(variable))
            return false;
    return true;
}

bool format_uri_template(struct str text)
{
    while (text.len) {
        unsigned char c = (unsigned char)text.ptr[0];
        size_t n = 1;
        if (c == '{') {
            ptrdiff_t end = str_find_char(text, '}');
            if (end < 0 || !is_template_expression((struct str){ text.ptr + 1, (size_t)end - 1 }))
                return false;
            n = (size_t)end + 1;
        } else if (c == '%') {
            if (text.len < 3 || !is_hex(text.ptr[1]) || !is_hex(text.ptr[2]))
                return false;
            n = 3;
        } else if (c <= 0x20 || c == 0x7F || strchr("\"'<>\\^`|}", c)) {
            return false;
        }
        text = after(text, n);
    }
    return true;
}

/* ---- pointers and patterns ---- */

bool format_json_pointer(struct str text)
{
    if (text.len && text.ptr[0] != '/')
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '~' &&
            (i + 1 == text.len || (text.ptr[i + 1] != '0' && text.ptr[i + 1] != '1')))
            return false;
    return true;
}

bool format_relative_json_pointer(struct str text)
{
    size_t n = digits(text);
    if (n == 0 || (n > 1 && text.ptr[0] == '0'))
        return false;
    text = after(text, n);
    return (text.len == 1 && text.ptr[0] == '#') || format_json_pointer(text);
}

bool format_regex(struct str text)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(1024);
    struct ctx ctx = { .arena = arena };
    struct pattern *pattern = pattern_compile(&ctx, text);
    pattern_free(pattern);
    return pattern != NULL;
}

format_predicate format_find(struct str name)
{
    static const struct {
        struct str name;
        format_predicate predicate;
    } formats[] = {
        { STR_INIT("date-time"), format_date_time },
        { STR_INIT("date"), format_date },
        { STR_INIT("time"), format_time },
        { STR_INIT("duration"), format_duration },
        { STR_INIT("email"), format_email },
        { STR_INIT("idn-email"), format_idn_email },
        { STR_INIT("hostname"), format_hostname },
        { STR_INIT("ipv4"), format_ipv4 },
        { STR_INIT("ipv6"), format_ipv6 },
        { STR_INIT("uri"), format_uri },
        { STR_INIT("uri-reference"), format_uri_reference },
        { STR_INIT("iri"), format_iri },
        { STR_INIT("iri-reference"), format_iri_reference },
        { STR_INIT("uri-template"), format_uri_template },
        { STR_INIT("uuid"), format_uuid },
        { STR_INIT("json-pointer"), format_json_pointer },
        { STR_INIT("relative-json-pointer"), format_relative_json_pointer },
        { STR_INIT("regex"), format_regex },
    };
    for (size_t i = 0; i < COUNT(formats); i++)
        if (str_eq(name, formats[i].name))
            return formats[i].predicate;
    return NULL;
}
