/* Patterns of JSON Schema: ECMA 262 regular expressions in Unicode mode, run by PCRE2 with bounded effort. */
#pragma once

#include "base/ctx.h"

struct pattern;

enum pattern_result {
    PATTERN_DIFFERS,
    PATTERN_MATCHES,
    PATTERN_TOO_COSTLY, /* given up: the text makes this pattern try too many ways */
};

/* Owned by the caller; immutable and thread-safe. NULL with ERR_INVALID and what is wrong where: bad syntax, and what
 * PCRE2 cannot do as ECMA 262 means it. Taken beyond the standard: escaped ASCII punctuation, `{`, `}` and `]` that
 * stand for themselves, `-` after a class escape inside brackets. */
struct pattern *pattern_compile(struct ctx *ctx, struct str text);

/* NULL-safe. */
void pattern_free(struct pattern *pattern);

/* Does it match anywhere in `text`? The text must be well-formed UTF-8; it may hold U+0000. */
enum pattern_result pattern_find(const struct pattern *pattern, struct str text);
