#include "services/personalization/flags_compiled.h"

#include <stdlib.h>

#include "services/personalization/store_definitions.h"

/* ---- what may be stored ---- */

static bool is_of_type(const struct json *value, enum flag_value_type type)
{
    switch (json_type(value)) {
    case JSON_BOOL:
        return type == FLAG_VALUE_TYPE_BOOLEAN;
    case JSON_STRING:
        return type == FLAG_VALUE_TYPE_STRING;
    case JSON_INTEGER:
    case JSON_NUMBER:
        return type == FLAG_VALUE_TYPE_NUMBER;
    case JSON_OBJECT:
        return type == FLAG_VALUE_TYPE_OBJECT;
    default:
        return false;
    }
}

static const struct flag_variant *variant_find(const struct flag_put *put, struct str name)
{
    for (size_t i = 0; i < put->n_variants; i++)
        if (str_eq(put->variants[i].variant, name))
            return &put->variants[i];
    return NULL;
}

static bool variants_check(struct ctx *ctx, const struct flag_put *put)
{
    for (size_t i = 0; i < put->n_variants; i++) {
        const struct flag_variant *variant = &put->variants[i];
        if (variant_find(put, variant->variant) != variant)
            return ctx_fail_at(ctx, ERR_INVALID,
                               arena_printf(ctx->arena, "/variants/%zu/variant", i),
                               "two variants have this name");
        if (!is_of_type(variant->value, put->type))
            return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "/variants/%zu/value", i),
                               "the value is not of the flag's type, %s",
                               flag_value_type_name(put->type));
    }
    return variant_find(put, put->default_variant) ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/default_variant"), "there is no such variant");
}

static bool metadata_check(struct ctx *ctx, const struct json *metadata)
{
    for (struct json_iter it = json_iter(metadata); json_next(&it);)
        if (json_type(it.value) < JSON_BOOL || json_type(it.value) > JSON_STRING)
            return ctx_fail_at(ctx, ERR_INVALID, STR("/metadata"),
                               STR_FMT " is neither a boolean nor a text nor a number",
                               STR_ARG(it.key));
    return true;
}

bool flag_check(struct ctx *ctx, const struct flag_put *put)
{
    if (!variants_check(ctx, put) || (put->metadata && !metadata_check(ctx, put->metadata)))
        return false;
    struct rule *rule = put->targeting ? rule_compile(ctx, put->targeting) : NULL;
    if (put->targeting && !rule) {
        ctx->error.pointer =
            arena_printf(ctx->arena, "/targeting" STR_FMT, STR_ARG(ctx->error.pointer));
        return false;
    }
    rule_free(rule);
    return true;
}

/* ---- compiling ---- */

struct compilation {
    struct rule_set *rules;
    struct compiled_flags *out;
};

static struct compiled_flag compile(struct ctx *ctx, struct rule_set *rules,
                                    const struct definition_row *row)
{
    struct compiled_flag flag = { .flag_key = row->id };
    const struct json *json = json_parse(ctx, row->definition);
    bool ok = json && flag_put_read(ctx, json, &flag.put) && flag_check(ctx, &flag.put);
    if (ok && flag.put.targeting)
        flag.rule = rule_set_add(ctx, rules, flag.put.targeting);
    if (ctx_failed(ctx))
        flag.broken = arena_str(ctx->arena, ctx->error.detail);
    ctx_clear(ctx);
    return flag;
}

static bool add(struct ctx *ctx, const struct definition_row *row, void *argument)
{
    const struct compilation *compilation = argument;
    struct compiled_flags *flags = compilation->out;
    if ((flags->n & (flags->n + 1)) == 0) { /* full: 0, 1, 3, 7, ... */
        struct compiled_flag *more =
            ARENA_ARRAY(ctx->arena, struct compiled_flag, flags->n * 2 + 1);
        if (flags->n)
            memcpy(more, flags->items, flags->n * sizeof(*more));
        flags->items = more;
    }
    flags->items[flags->n++] = compile(ctx, compilation->rules, row);
    return true;
}

static int by_key(const void *a, const void *b)
{
    return str_cmp(((const struct compiled_flag *)a)->flag_key,
                   ((const struct compiled_flag *)b)->flag_key);
}

/* Sorted here: a database may have another order of texts. */
bool flags_compile(struct ctx *ctx, struct compiled_flags *out)
{
    *out = (struct compiled_flags){ 0 };
    if (!store_definitions_each(ctx, DEFINITION_FLAG, add,
                                &(struct compilation){ rule_set_new(ctx->arena), out }))
        return false;
    if (out->n)
        qsort(out->items, out->n, sizeof(*out->items), by_key);
    return true;
}

const struct compiled_flag *flags_find(const struct compiled_flags *flags, struct str flag_key)
{
    struct compiled_flag wanted = { .flag_key = flag_key };
    return flags->n ? bsearch(&wanted, flags->items, flags->n, sizeof(wanted), by_key) : NULL;
}
