#include "services/personalization/choose.h"
#include "services/personalization/personalization.h"
#include "personalization_contract.h"

static bool decide_all(struct ctx *ctx, struct asker *asker, const struct decision_request *request,
                       struct decision *out)
{
    const struct personalization *app = ctx->app;
    const struct snapshot *snapshot = definitions_now(app->definitions);
    struct slot_decision *decisions =
        ARENA_ARRAY(ctx->arena, struct slot_decision, request->n_slots);
    for (size_t i = 0; i < request->n_slots; i++) {
        struct chosen chosen = decide_slot(ctx, snapshot, asker, request->slots[i], NULL, NULL);
        decisions[i] = (struct slot_decision){ .slot = request->slots[i],
                                               .variant = STR("default"),
                                               .reason = DECISION_REASON_DEFAULT };
        if (chosen.experience) {
            decisions[i].experience_id = chosen.experience->experience_id;
            decisions[i].variant = chosen.variant->variant;
            decisions[i].reason = DECISION_REASON_RULE;
        }
    }
    *out = (struct decision){ .decisions = decisions, .n_decisions = request->n_slots };
    return true;
}

struct reply personalization_decide(struct ctx *ctx, const struct decide_in *in)
{
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    const struct decision_request *request = in->body;
    struct str person_id = request->customer_id.ptr ? request->customer_id : request->visitor_id;
    struct asker *asker = ARENA_NEW(ctx->arena, struct asker);
    struct lmdb_read read;
    struct decision decision;
    if (!people_read_begin(ctx, people.model, &read))
        return reply_error(ctx);
    bool ok =
        asker_load(ctx, people.model, &read, person_id, request->customer_id.ptr != NULL, asker);
    asker->context = request->context;
    ok = ok && decide_all(ctx, asker, request, &decision);
    struct str body = ok ? decision_encode(ctx, &decision) : (struct str){ NULL, 0 };
    lmdb_read_end(&read);
    return ok ? reply_ok(ctx, body) : reply_error(ctx);
}

struct reply personalization_get_features(struct ctx *ctx, const struct get_features_in *in)
{
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    struct asker *asker = ARENA_NEW(ctx->arena, struct asker);
    struct lmdb_read read;
    if (!people_read_begin(ctx, people.model, &read))
        return reply_error(ctx);
    bool ok = asker_load(ctx, people.model, &read, in->person_id, true, asker);
    struct features features = { .person_id = in->person_id, .known = asker->known };
    if (ok)
        features.features = json_parse(ctx, asker_json(ctx, asker));
    lmdb_read_end(&read);
    return ok && features.features ? reply_ok(ctx, features_encode(ctx, &features))
                                   : reply_error(ctx);
}

struct steps {
    struct ctx *ctx;
    struct explain_step *items;
    size_t n, room;
};

static void note_step(void *argument, const struct compiled_experience *experience,
                      const struct compiled_variant *variant, bool holds, const struct error *error)
{
    struct steps *steps = argument;
    if (steps->n == steps->room)
        return;
    struct explain_step *step = &steps->items[steps->n++];
    *step = (struct explain_step){ .experience_id = experience->experience_id,
                                   .variant = variant->variant,
                                   .holds = holds };
    if (error)
        step->error = error->detail;
    struct error before = steps->ctx->error;
    ctx_clear(steps->ctx);
    if (variant->rule)
        step->rule = json_parse(steps->ctx, variant->rule_text);
    steps->ctx->error = before;
}

struct reply personalization_explain(struct ctx *ctx, const struct explain_in *in)
{
    const struct personalization *app = ctx->app;
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    const struct snapshot *snapshot = definitions_now(app->definitions);
    struct asker *asker = ARENA_NEW(ctx->arena, struct asker);
    struct lmdb_read read;
    size_t n;
    const struct compiled_experience *first = snapshot_slot(snapshot, in->slot, &n);
    struct steps steps = { .ctx = ctx };
    for (size_t i = 0; i < n; i++)
        steps.room += first[i].n_variants;
    steps.items = ARENA_ARRAY(ctx->arena, struct explain_step, steps.room);
    if (!people_read_begin(ctx, people.model, &read))
        return reply_error(ctx);
    struct explanation explanation = { .slot = in->slot, .variant = STR("default") };
    bool ok = asker_load(ctx, people.model, &read, in->person_id, true, asker);
    if (ok) {
        struct chosen chosen = decide_slot(ctx, snapshot, asker, in->slot, note_step, &steps);
        if (chosen.experience) {
            explanation.experience_id = chosen.experience->experience_id;
            explanation.variant = chosen.variant->variant;
        }
        explanation.features = json_parse(ctx, asker_json(ctx, asker));
    }
    lmdb_read_end(&read);
    if (!ok || !explanation.features)
        return reply_error(ctx);
    explanation.steps = steps.items;
    explanation.n_steps = steps.n;
    return reply_ok(ctx, explanation_encode(ctx, &explanation));
}
