/* Flags as evaluations use them: a part of a snapshot of definitions. */
#pragma once

#include "platform/rules/rules.h"
#include "personalization_types.h"

struct compiled_flag {
    struct str flag_key;
    struct flag_put put;
    struct rule *rule;   /* NULL: no targeting, or one that is broken */
    struct str broken;   /* why the targeting does not compile; ptr NULL: it does */
};

/* Sorted by key. */
struct compiled_flags {
    struct compiled_flag *items;
    size_t n;
};

/* Everything into ctx->arena, rules too. A definition that cannot be read any more is kept as broken. */
bool flags_compile(struct ctx *ctx, struct compiled_flags *out);
const struct compiled_flag *flags_find(const struct compiled_flags *flags, struct str flag_key);

/* May it be stored: values of its type, names used once, a default and rules that exist. INVALID with the pointer. */
bool flag_check(struct ctx *ctx, const struct flag_put *put);
