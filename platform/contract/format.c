/* Formats and patterns of text. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <arpa/inet.h>
#include <ctype.h>
#include <pcre2.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "platform/contract/values.h"

/* A pattern that needs more steps than this on one text counts as not matching: no text may hold a thread. */
#define MATCH_STEPS 100000

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* RFC 1123 section 2.1. */
static bool is_hostname(struct str text)
{
    struct str label;
    if (text.len == 0 || text.len > 253 || text.ptr[text.len - 1] == '.')
        return false;
    while (str_split(&text, '.', &label)) {
        if (label.len == 0 || label.len > 63 || !is_alnum(label.ptr[0]) ||
            !is_alnum(label.ptr[label.len - 1]))
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!is_alnum(label.ptr[i]) && label.ptr[i] != '-')
                return false;
    }
    return true;
}

/* RFC 5321 section 4.1.2: a dot-string and a domain; quoted local parts, which no mail list wants, are refused. */
static bool is_email(struct str text)
{
    ptrdiff_t at = str_find_char(text, '@');
    if (at < 1 || at > 64 || text.len > 254)
        return false;
    for (ptrdiff_t i = 0; i < at; i++) {
        char c = text.ptr[i];
        bool dot = c == '.' && i > 0 && i < at - 1 && text.ptr[i - 1] != '.';
        if (!is_alnum(c) && !dot && !strchr("!#$%&'*+-/=?^_`{|}~", c))
            return false;
    }
    return is_hostname((struct str){ text.ptr + at + 1, text.len - (size_t)at - 1 });
}

static bool is_uuid(struct str text)
{
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text.ptr[i] != '-' : !is_hex(text.ptr[i]))
            return false;
    }
    return true;
}

/* RFC 3986: the characters that a URI reference is made of, percents with their two digits. */
static bool is_uri_reference(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '%') {
            if (i + 2 >= text.len || !is_hex(text.ptr[i + 1]) || !is_hex(text.ptr[i + 2]))
                return false;
        } else if (!is_alnum(c) && !strchr("-._~:/?#[]@!$&'()*+,;=", c)) {
            return false;
        }
    }
    return true;
}

static bool is_uri(struct str text)
{
    ptrdiff_t colon = str_find_char(text, ':');
    if (colon < 1 || (size_t)colon + 1 == text.len || !isalpha((unsigned char)text.ptr[0]))
        return false;
    for (ptrdiff_t i = 0; i < colon; i++)
        if (!is_alnum(text.ptr[i]) && !strchr("+-.", text.ptr[i]))
            return false;
    return is_uri_reference(text);
}

static bool is_address(int family, struct str text)
{
    char address[INET6_ADDRSTRLEN], bytes[16];
    if (text.len >= sizeof(address))
        return false;
    memcpy(address, text.ptr, text.len);
    address[text.len] = '\0';
    return inet_pton(family, address, bytes) == 1;
}

static bool is_date(struct str text)
{
    int64_t us;
    return text.len == 10 && clock_parse(text, true, &us);
}

bool format_fits(enum text_format format, struct str text)
{
    switch (format) {
    case FORMAT_NONE:
        return true;
    case FORMAT_DATE:
        return is_date(text);
    case FORMAT_EMAIL:
        return is_email(text);
    case FORMAT_UUID:
        return is_uuid(text);
    case FORMAT_URI:
        return is_uri(text);
    case FORMAT_URI_REFERENCE:
        return is_uri_reference(text);
    case FORMAT_HOSTNAME:
        return is_hostname(text);
    case FORMAT_IPV4:
        return is_address(AF_INET, text);
    case FORMAT_IPV6:
        return is_address(AF_INET6, text);
    }
    return false;
}

const char *format_name(enum text_format format)
{
    static const char *const names[] = {
        [FORMAT_NONE] = "text",
        [FORMAT_DATE] = "a date (2026-01-31)",
        [FORMAT_EMAIL] = "an e-mail address",
        [FORMAT_UUID] = "a UUID",
        [FORMAT_URI] = "an absolute URI",
        [FORMAT_URI_REFERENCE] = "a URI reference",
        [FORMAT_HOSTNAME] = "a host name",
        [FORMAT_IPV4] = "an IPv4 address",
        [FORMAT_IPV6] = "an IPv6 address",
    };
    return names[format];
}

/* ECMA 262 with the u flag, as near as PCRE2 comes: '$' only at the very end, \uXXXX, [] matches nothing. */
static pcre2_code *pattern_compile(const char *text)
{
    int error;
    PCRE2_SIZE offset;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                                     PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS |
                                         PCRE2_MATCH_UNSET_BACKREF,
                                     &error, &offset, context);
    pcre2_compile_context_free(context);
    if (code)
        pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without JIT it is slower, not wrong */
    return code;
}

/* The code, compiled by whoever needs it first; a loser of the race frees its own. It stays for the process's life. */
static pcre2_code *pattern_code(struct contract_pattern *pattern)
{
    void *code = atomic_load_explicit(&pattern->code, memory_order_acquire);
    if (code)
        return code;
    void *mine = pattern_compile(pattern->text);
    if (mine && !atomic_compare_exchange_strong(&pattern->code, &code, mine)) {
        pcre2_code_free(mine);
        return code;
    }
    return mine;
}

static void *take(PCRE2_SIZE bytes, void *arena)
{
    return arena_alloc_raw(arena, bytes);
}

static void leave(void *memory, void *arena)
{
}

int pattern_fits(struct arena *arena, struct contract_pattern *pattern, struct str text)
{
    pcre2_code *code = pattern_code(pattern);
    if (!code)
        return -1;
    pcre2_general_context *general = pcre2_general_context_create(take, leave, arena);
    pcre2_match_context *context = pcre2_match_context_create(general);
    pcre2_set_match_limit(context, MATCH_STEPS);
    pcre2_match_data *match = pcre2_match_data_create(1, general);
    return pcre2_match(code, (PCRE2_SPTR)text.ptr, text.len, 0, PCRE2_NO_UTF_CHECK, match, context) >= 0;
}
