/* Text with a length. Values from an arena, from STR() and from decoded JSON also end in NUL at ptr[len];
 * slices do not. Absent optional text has ptr == NULL. Never owned: it lives where its bytes live. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){ "" literal, sizeof(literal) - 1 })
#define STR_INIT(literal) { "" literal, sizeof(literal) - 1 } /* in static tables */
#define STR_FMT "%.*s"
#define STR_ARG(text) (int)(text).len, (text).ptr ? (text).ptr : ""

static inline struct str str_of(const char *text)
{
    return text ? (struct str){ text, strlen(text) } : (struct str){ NULL, 0 };
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_is(struct str a, const char *b)
{
    return a.ptr && strlen(b) == a.len && memcmp(a.ptr, b, a.len) == 0;
}

/* Byte order; shorter first when one begins the other. */
int str_cmp(struct str a, struct str b);

/* ASCII letters compared without case. */
static inline bool str_eq_nocase(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_starts(struct str text, struct str prefix);
bool str_ends(struct str text, struct str suffix);

/* Index of `c`, or -1. */
ptrdiff_t str_find_char(struct str text, char c);

/* Cuts `*rest` at the first `c`; gives what is before it. False when `*rest` is used up. */
bool str_split(struct str *rest, char c, struct str *part);

/* Without spaces and tabs (and CR, LF) at both ends. */
struct str str_trim(struct str text);

/* Whole decimal numbers; false (and *out untouched) on anything else, overflow included. */
bool str_to_int(struct str text, int64_t *out);
bool str_to_double(struct str text, double *out);

/* The number in decimal digits, in `room`. */
struct str str_of_int(int64_t value, char room[24]);

/* Well-formed UTF-8 (RFC 3629: no overlongs, no surrogates)? */
bool str_is_utf8(struct str text);

/* Number of code points of well-formed UTF-8. */
size_t str_utf8_length(struct str text);
