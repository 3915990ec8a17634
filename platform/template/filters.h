/* The filters, in one table. For the files of this folder that hold them. */
#pragma once

#include "platform/template/program.h"

/*    name                  arguments, keeps markup, takes by name */
#define FILTERS(X)                                                                                 \
    /* text.c */                                                                                   \
    X(append,                 1, 1, false, NULL)                                                   \
    X(capitalize,             0, 0, false, NULL)                                                   \
    X(downcase,               0, 0, false, NULL)                                                   \
    X(lstrip,                 0, 0, true,  NULL)                                                   \
    X(prepend,                1, 1, false, NULL)                                                   \
    X(rstrip,                 0, 0, true,  NULL)                                                   \
    X(slice,                  1, 2, false, NULL)                                                   \
    X(split,                  1, 1, false, NULL)                                                   \
    X(strip,                  0, 0, true,  NULL)                                                   \
    X(strip_newlines,         0, 0, true,  NULL)                                                   \
    X(truncate,               0, 2, false, NULL)                                                   \
    X(truncatewords,          0, 2, false, NULL)                                                   \
    X(upcase,                 0, 0, false, NULL)                                                   \
    /* replace.c */                                                                                \
    X(remove,                 1, 1, false, NULL)                                                   \
    X(remove_first,           1, 1, false, NULL)                                                   \
    X(remove_last,            1, 1, false, NULL)                                                   \
    X(replace,                1, 2, false, NULL)                                                   \
    X(replace_first,          1, 2, false, NULL)                                                   \
    X(replace_last,           2, 2, false, NULL)                                                   \
    X(strip_html,             0, 0, false, NULL)                                                   \
    /* encode.c */                                                                                 \
    X(base64_decode,          0, 0, false, NULL)                                                   \
    X(base64_encode,          0, 0, false, NULL)                                                   \
    X(base64_url_safe_decode, 0, 0, false, NULL)                                                   \
    X(base64_url_safe_encode, 0, 0, false, NULL)                                                   \
    X(escape,                 0, 0, false, NULL)                                                   \
    X(escape_once,            0, 0, false, NULL)                                                   \
    X(newline_to_br,          0, 0, false, NULL)                                                   \
    X(raw,                    0, 0, false, NULL)                                                   \
    X(url_decode,             0, 0, false, NULL)                                                   \
    X(url_encode,             0, 0, false, NULL)                                                   \
    /* numbers.c */                                                                                \
    X(abs,                    0, 0, false, NULL)                                                   \
    X(at_least,               1, 1, false, NULL)                                                   \
    X(at_most,                1, 1, false, NULL)                                                   \
    X(ceil,                   0, 0, false, NULL)                                                   \
    X(divided_by,             1, 1, false, NULL)                                                   \
    X(floor,                  0, 0, false, NULL)                                                   \
    X(minus,                  1, 1, false, NULL)                                                   \
    X(modulo,                 1, 1, false, NULL)                                                   \
    X(plus,                   1, 1, false, NULL)                                                   \
    X(round,                  0, 1, false, NULL)                                                   \
    X(times,                  1, 1, false, NULL)                                                   \
    /* lists.c */                                                                                  \
    X(compact,                0, 1, false, NULL)                                                   \
    X(concat,                 1, 1, false, NULL)                                                   \
    X(default,                0, 1, false, "allow_false")                                          \
    X(first,                  0, 0, false, NULL)                                                   \
    X(join,                   0, 1, false, NULL)                                                   \
    X(last,                   0, 0, false, NULL)                                                   \
    X(map,                    1, 1, false, NULL)                                                   \
    X(reverse,                0, 0, false, NULL)                                                   \
    X(size,                   0, 0, false, NULL)                                                   \
    X(sort,                   0, 1, false, NULL)                                                   \
    X(sort_natural,           0, 1, false, NULL)                                                   \
    X(sum,                    0, 1, false, NULL)                                                   \
    X(uniq,                   0, 1, false, NULL)                                                   \
    /* select.c */                                                                                 \
    X(find,                   1, 2, false, NULL)                                                   \
    X(find_index,             1, 2, false, NULL)                                                   \
    X(has,                    1, 2, false, NULL)                                                   \
    X(reject,                 1, 2, false, NULL)                                                   \
    X(where,                  1, 2, false, NULL)                                                   \
    /* date.c, money.c */                                                                          \
    X(date,                   1, 1, false, NULL)                                                   \
    X(money,                  0, 1, false, "locale")

#define FILTER(name)                                                                               \
    bool liquid_do_##name(struct run *run, const struct filter_input *in, struct value *value)

#define X(name, least, most, keeps_safe, keyword) FILTER(name);
FILTERS(X)
#undef X

/* *value becomes this text; as it was, not markup. */
static inline bool give_text(struct value *value, struct str text)
{
    *value = text_value(text);
    return true;
}

static inline bool give_safe(struct value *value, struct str text)
{
    *value = text_value(text);
    value->safe = true;
    return true;
}

/* ---- encode.c ---- */

bool liquid_escape(struct run *run, struct str text, struct str *out);

/* ---- numbers.c ---- */

/* An INTEGER or a FLOAT: of a text that is one, else of what it begins with, else 0. */
bool liquid_number(struct run *run, const struct value *value, struct value *out);
bool liquid_add(struct run *run, const struct value *a, const struct value *b, struct value *out);
