#include "services/personalization/choose.h"

static bool holds(struct ctx *ctx, const struct compiled_variant *variant, struct asker *asker)
{
    struct rule_input input = { .lookup = asker_lookup, .argument = asker };
    struct value value;
    return !variant->rule ||
           (rule_evaluate(ctx, variant->rule, &input, &value) && rule_truthy(&value));
}

struct chosen decide_slot(struct ctx *ctx, const struct snapshot *snapshot, struct asker *asker,
                          struct str slot, decide_step step, void *argument)
{
    size_t n;
    const struct compiled_experience *experience = snapshot_slot(snapshot, slot, &n);
    for (size_t i = 0; i < n; i++, experience++)
        for (size_t v = 0; v < experience->n_variants; v++) {
            bool yes = holds(ctx, &experience->variants[v], asker);
            if (step)
                step(argument, experience, &experience->variants[v], yes,
                     ctx_failed(ctx) ? &ctx->error : NULL);
            ctx_clear(ctx);
            if (yes)
                return (struct chosen){ experience, &experience->variants[v] };
        }
    return (struct chosen){ NULL, NULL };
}
