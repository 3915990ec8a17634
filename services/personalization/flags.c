#include "services/personalization/flags.h"

bool flag_asker_load(struct ctx *ctx, struct people *people, const struct lmdb_read *read,
                     struct flag_asker *asker)
{
    struct str key = asker->targeting_key;
    if (!asker_load(ctx, people, read, key, str_starts(key, STR("prf_")), &asker->asker))
        return false;
    asker->asker.context = asker->context;
    return true;
}

static struct flag_outcome failed(enum flag_error_code error, struct str details)
{
    return (struct flag_outcome){ .error = error, .details = details };
}

static struct flag_outcome given(const struct compiled_flag *flag, struct str variant,
                                 enum flag_reason reason)
{
    for (size_t i = 0; i < flag->put.n_variants; i++)
        if (str_eq(flag->put.variants[i].variant, variant))
            return (struct flag_outcome){ .reason = reason, .variant = &flag->put.variants[i] };
    return failed(FLAG_ERROR_CODE_GENERAL,
                  STR("The targeting gives a variant that the flag does not have."));
}

/* Nobody asked for is nobody's features: then only the context can answer. */
static bool look_up(struct ctx *ctx, struct str name, void *argument, struct value *out)
{
    struct flag_asker *asker = argument;
    struct str first, rest = name;
    if (!asker_lookup(ctx, name, &asker->asker, out))
        return asker_context(ctx, &asker->asker, name, out);
    str_split(&rest, '.', &first);
    if (asker->targeting_key.ptr || str_is(first, "context") || str_is(first, "now"))
        return true;
    if (asker_context(ctx, &asker->asker, name, out))
        return true;
    asker->key_missed |= json_get_n(asker->context, first) == NULL;
    return false;
}

/* The targeting's answer: true, false and text name variants. ptr NULL: none of these. */
static struct str variant_named(const struct value *value)
{
    if (value->kind == VALUE_BOOL)
        return value->boolean ? STR("true") : STR("false");
    return value->kind == VALUE_STRING ? value->str : (struct str){ NULL, 0 };
}

static struct flag_outcome target(struct ctx *ctx, const struct compiled_flag *flag,
                                  struct flag_asker *asker)
{
    struct rule_notes notes = { 0 };
    struct rule_input input = { .data = asker->context,
                                .lookup = look_up,
                                .argument = asker,
                                .flag_key = flag->flag_key,
                                .targeting_key = asker->targeting_key,
                                .notes = &notes };
    struct value value;
    asker->key_missed = false;
    bool ok = rule_evaluate(ctx, flag->rule, &input, &value);
    struct str why = ctx->error.detail;
    ctx_clear(ctx);
    if (!ok)
        return failed(FLAG_ERROR_CODE_PARSE_ERROR, why);
    if (asker->key_missed || notes.key_missed)
        return failed(FLAG_ERROR_CODE_TARGETING_KEY_MISSING,
                      STR("The flag's targeting needs the targetingKey of the context."));
    if (value.kind == VALUE_NULL)
        return given(flag, flag->put.default_variant, FLAG_REASON_DEFAULT);
    return given(flag, variant_named(&value),
                 notes.split ? FLAG_REASON_SPLIT : FLAG_REASON_TARGETING_MATCH);
}

struct flag_outcome flag_evaluate(struct ctx *ctx, const struct compiled_flag *flag,
                                  struct flag_asker *asker)
{
    if (flag->broken.ptr)
        return failed(FLAG_ERROR_CODE_PARSE_ERROR, flag->broken);
    if (flag->put.state == FLAG_STATE_DISABLED)
        return given(flag, flag->put.default_variant, FLAG_REASON_DISABLED);
    if (!flag->rule)
        return given(flag, flag->put.default_variant, FLAG_REASON_STATIC);
    return target(ctx, flag, asker);
}
