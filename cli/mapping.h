/* Which column of a file is which member of the contract, where the file does not call them so. */
#pragma once

#include "base/ctx.h"

#define MAPPING_MOST 100

struct mapping_pair {
    struct str from, to; /* a column, or (of `set`) a member; and a member, or its value */
};

struct mapping {
    struct mapping_pair columns[MAPPING_MOST], set[MAPPING_MOST];
    size_t n_columns, n_set;
};

/* "COLUMN=member,COLUMN=member" and "member=value,member=value"; NULL: none. A comma that belongs to a value has a backslash before
 * it. INVALID. The texts live in ctx's arena. */
bool mapping_read(struct ctx *ctx, const char *map, const char *set, struct mapping *out);

/* What the column is; ptr NULL: nothing is said of it. */
struct str mapping_member(const struct mapping *mapping, struct str column);
/* The value that a member always has; ptr NULL: none. mapping NULL: none. */
struct str mapping_value(const struct mapping *mapping, struct str member);
