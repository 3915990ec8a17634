#include "services/personalization/experiments_compiled.h"

#include <stdlib.h>

#include "services/personalization/store_definitions.h"

/* ---- what may be stored ---- */

static bool variants_check(struct ctx *ctx, const struct experiment_put *put)
{
    int64_t sum = 0;
    for (size_t i = 0; i < put->n_variants; i++) {
        struct str pointer = arena_printf(ctx->arena, "/variants/%zu/variant", i);
        if (str_eq(put->variants[i].variant, HOLDOUT_VARIANT))
            return ctx_fail_at(ctx, ERR_INVALID, pointer,
                               "\"holdout\" is who is held out; that is no variant");
        for (size_t k = 0; k < i; k++)
            if (str_eq(put->variants[k].variant, put->variants[i].variant))
                return ctx_fail_at(ctx, ERR_INVALID, pointer, "two variants have this name");
        sum += put->variants[i].weight;
    }
    return sum == PLACES ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/variants"), "the weights sum to %lld, not to %d",
                       (long long)sum, PLACES);
}

static bool goals_check(struct ctx *ctx, const struct experiment_put *put)
{
    for (size_t i = 0; i < put->n_goals; i++)
        for (size_t k = 0; k < i; k++)
            if (str_eq(put->goals[k], put->goals[i]))
                return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "/goals/%zu", i),
                                   "this goal is there already");
    return true;
}

bool experiment_check(struct ctx *ctx, const struct experiment_put *put)
{
    if (!variants_check(ctx, put) || !goals_check(ctx, put))
        return false;
    if (put->exclusion && put->exclusion->from >= put->exclusion->to)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/exclusion/to"), "there is nobody in this range");
    if (put->schedule && !schedule_compile(ctx, put->schedule, "/schedule"))
        return false;
    struct rule *audience = put->audience ? rule_compile(ctx, put->audience) : NULL;
    if (put->audience && !audience) {
        ctx->error.pointer =
            arena_printf(ctx->arena, "/audience" STR_FMT, STR_ARG(ctx->error.pointer));
        return false;
    }
    rule_free(audience);
    return true;
}

/* ---- compiling ---- */

struct compilation {
    struct rule_set *rules;
    struct compiled_experiments *out;
};

static struct compiled_experiment compile(struct ctx *ctx, struct rule_set *rules,
                                          const struct definition_row *row)
{
    struct compiled_experiment out = { .experiment_id = row->id };
    const struct json *json = json_parse(ctx, row->definition);
    bool ok = json && experiment_put_read(ctx, json, &out.put) && experiment_check(ctx, &out.put);
    if (ok && out.put.schedule)
        out.schedule = schedule_compile(ctx, out.put.schedule, "/schedule");
    if (ok && out.put.audience)
        out.audience = rule_set_add(ctx, rules, out.put.audience);
    out.broken = ctx_failed(ctx);
    out.salt = out.put.salt.ptr ? out.put.salt : out.experiment_id;
    ctx_clear(ctx);
    return out;
}

static bool add(struct ctx *ctx, const struct definition_row *row, void *argument)
{
    const struct compilation *compilation = argument;
    struct compiled_experiments *out = compilation->out;
    if ((out->n & (out->n + 1)) == 0) { /* full: 0, 1, 3, 7, ... */
        struct compiled_experiment *more =
            ARENA_ARRAY(ctx->arena, struct compiled_experiment, out->n * 2 + 1);
        if (out->n)
            memcpy(more, out->items, out->n * sizeof(*more));
        out->items = more;
    }
    out->items[out->n++] = compile(ctx, compilation->rules, row);
    return true;
}

static int by_id(const void *a, const void *b)
{
    return str_cmp(((const struct compiled_experiment *)a)->experiment_id,
                   ((const struct compiled_experiment *)b)->experiment_id);
}

/* Sorted here: a database may have another order of texts. */
bool experiments_compile(struct ctx *ctx, struct rule_set *rules, struct compiled_experiments *out)
{
    *out = (struct compiled_experiments){ 0 };
    if (!store_definitions_each(ctx, DEFINITION_EXPERIMENT, add,
                                &(struct compilation){ rules, out }))
        return false;
    if (out->n)
        qsort(out->items, out->n, sizeof(*out->items), by_id);
    return true;
}

const struct compiled_experiment *experiments_find(const struct compiled_experiments *experiments,
                                                   struct str experiment_id)
{
    struct compiled_experiment wanted = { .experiment_id = experiment_id };
    return experiments->n
               ? bsearch(&wanted, experiments->items, experiments->n, sizeof(wanted), by_id)
               : NULL;
}
