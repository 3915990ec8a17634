#include "services/personalization/choose.h"

#include "services/personalization/experiments.h"

/* One decision under way. */
struct decider {
    struct ctx *ctx;
    struct asker *asker;
    void (*note)(void *argument, const struct step *step);
    void *argument;
};

static void tell(const struct decider *decider, struct step step)
{
    struct ctx *ctx = decider->ctx;
    step.error = ctx_failed(ctx) ? &ctx->error : NULL;
    decider->note(decider->argument, &step);
}

static bool holds(const struct decider *decider, const struct compiled_experience *experience,
                  const struct compiled_variant *variant)
{
    struct rule_input input = { .lookup = asker_lookup,
                                .argument = decider->asker,
                                .memo = decider->asker->memo };
    struct value value;
    bool yes = !variant->rule ||
               (rule_evaluate(decider->ctx, variant->rule, &input, &value) && rule_truthy(&value));
    bool failed = ctx_failed(decider->ctx);
    if (decider->note)
        tell(decider, (struct step){ .experience = experience,
                                     .variant = variant->variant,
                                     .rule = variant->rule_text,
                                     .outcome = failed ? STEP_OUTCOME_FAILED
                                                : yes  ? STEP_OUTCOME_HOLDS
                                                       : STEP_OUTCOME_DOES_NOT_HOLD,
                                     .place = -1 });
    if (failed)
        ctx_clear(decider->ctx);
    return yes;
}

static bool takes_variant(const struct decider *decider,
                          const struct compiled_experience *experience, struct chosen *out)
{
    for (size_t i = 0; i < experience->n_variants; i++)
        if (holds(decider, experience, &experience->variants[i])) {
            *out = (struct chosen){ experience, experience->variants[i].variant,
                                    DECISION_REASON_RULE };
            return true;
        }
    return false;
}

static bool takes_part(const struct decider *decider, const struct compiled_experience *experience,
                       struct chosen *out)
{
    struct assignment assignment =
        experiment_assign(decider->ctx, experience->experiment, decider->asker);
    if (decider->note)
        tell(decider, (struct step){ .experience = experience,
                                     .variant = assignment.variant,
                                     .rule = experience->audience_text,
                                     .outcome = assignment.outcome,
                                     .place = assignment.place });
    ctx_clear(decider->ctx);
    if (!assignment.variant.ptr)
        return false;
    *out = (struct chosen){ experience, assignment.variant,
                            assignment.outcome == STEP_OUTCOME_HELD_OUT
                                ? DECISION_REASON_HOLDOUT
                                : DECISION_REASON_EXPERIMENT };
    return true;
}

static bool is_shown_now(const struct decider *decider,
                         const struct compiled_experience *experience)
{
    if (schedule_is_open(experience->schedule, decider->asker->now_us))
        return true;
    if (decider->note)
        tell(decider, (struct step){
                          .experience = experience, .outcome = STEP_OUTCOME_NOT_NOW, .place = -1 });
    return false;
}

struct chosen decide_slot(struct ctx *ctx, const struct snapshot *snapshot, struct asker *asker,
                          struct str slot, void (*note)(void *argument, const struct step *step),
                          void *argument)
{
    struct decider decider = { ctx, asker, note, argument };
    struct chosen chosen = { NULL, STR("default"), DECISION_REASON_DEFAULT };
    size_t n;
    const struct compiled_experience *experience = snapshot_slot(snapshot, slot, &n);
    for (size_t i = 0; i < n; i++, experience++)
        if (is_shown_now(&decider, experience) &&
            (experience->experiment ? takes_part(&decider, experience, &chosen)
                                    : takes_variant(&decider, experience, &chosen)))
            break;
    return chosen;
}
