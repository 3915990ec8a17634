#define PCRE2_CODE_UNIT_WIDTH 8

#include "platform/schema/pattern.h"

#include <pcre2.h>
#include <stdlib.h>

#include "platform/schema/ecma.h"

/* Ways to try before giving up: some milliseconds. An honest pattern needs a few per character. */
#define MOST_STEPS 500000
#define MOST_HEAP_KIB 32768

struct pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
};

static pcre2_code *compile(struct ctx *ctx, struct str pattern)
{
    int error;
    PCRE2_SIZE at;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len,
                                     PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_DOLLAR_ENDONLY |
                                         PCRE2_MATCH_UNSET_BACKREF,
                                     &error, &at, NULL);
    if (!code) {
        char why[160];
        pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof(why));
        ctx_fail(ctx, ERR_INVALID, "the pattern is wrong: %s", why);
    }
    return code;
}

struct pattern *pattern_compile(struct ctx *ctx, struct str text)
{
    struct str translated = ecma_to_pcre(ctx, text);
    if (!translated.ptr)
        return NULL;
    pcre2_code *code = compile(ctx, translated);
    if (!code)
        return NULL;
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* where it may not, matching is only slower */
    struct pattern *pattern = mem_alloc(sizeof(*pattern));
    pattern->code = code;
    pattern->limits = pcre2_match_context_create(NULL);
    if (!pattern->limits)
        abort();
    pcre2_set_match_limit(pattern->limits, MOST_STEPS);
    pcre2_set_heap_limit(pattern->limits, MOST_HEAP_KIB);
    return pattern;
}

void pattern_free(struct pattern *pattern)
{
    if (!pattern)
        return;
    pcre2_match_context_free(pattern->limits);
    pcre2_code_free(pattern->code);
    free(pattern);
}

enum pattern_result pattern_find(const struct pattern *pattern, struct str text)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    if (!match)
        abort();
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.len ? text.ptr : "");
    int found = pcre2_match(pattern->code, subject, text.len, 0, PCRE2_NO_UTF_CHECK, match,
                            pattern->limits);
    if (found ==
        PCRE2_ERROR_JIT_STACKLIMIT) /* compiled code has 32 KiB of stack; the interpreter has the heap */
        found = pcre2_match(pattern->code, subject, text.len, 0, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                            match, pattern->limits);
    pcre2_match_data_free(match);
    if (found >= 0)
        return PATTERN_MATCHES;
    return found == PCRE2_ERROR_NOMATCH ? PATTERN_DIFFERS : PATTERN_TOO_COSTLY;
}
