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
                                               .variant = chosen.variant,
                                               .reason = chosen.reason };
        if (chosen.experience)
            decisions[i].experience_id = chosen.experience->experience_id;
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
    struct read_value *reads; /* of the step under way */
};

static const struct json *reads_json(struct ctx *ctx, const struct read_value *reads)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    for (; reads; reads = reads->next) {
        json_key_n(&out, reads->name);
        rule_put_value(&out, &reads->value);
    }
    json_object_end(&out);
    return json_parse(ctx, json_out_str(&out));
}

static void note_step(void *argument, const struct step *told)
{
    struct steps *steps = argument;
    if (steps->n == steps->room)
        return;
    struct explain_step *step = &steps->items[steps->n++];
    struct error before = steps->ctx->error;
    ctx_clear(steps->ctx);
    *step =
        (struct explain_step){ .experience_id = told->experience->experience_id,
                               .variant = told->variant.ptr ? told->variant : STR(""),
                               .holds = told->outcome == STEP_OUTCOME_HOLDS ||
                                        told->outcome == STEP_OUTCOME_ASSIGNED,
                               .has_outcome = true,
                               .outcome = told->outcome,
                               .rule = told->rule.ptr ? json_parse(steps->ctx, told->rule) : NULL,
                               .read = steps->reads ? reads_json(steps->ctx, steps->reads) : NULL,
                               .has_place = told->place >= 0,
                               .place = told->place };
    if (told->error)
        step->error = before.detail;
    steps->reads = NULL;
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
        steps.room += MAX(first[i].n_variants, 1);
    steps.items = ARENA_ARRAY(ctx->arena, struct explain_step, steps.room);
    if (!people_read_begin(ctx, people.model, &read))
        return reply_error(ctx);
    struct explanation explanation = { .slot = in->slot };
    bool ok = asker_load(ctx, people.model, &read, in->person_id, true, asker);
    if (ok) {
        asker->reads = &steps.reads;
        struct chosen chosen = decide_slot(ctx, snapshot, asker, in->slot, note_step, &steps);
        asker->reads = NULL;
        explanation.variant = chosen.variant;
        if (chosen.experience)
            explanation.experience_id = chosen.experience->experience_id;
        explanation.features = json_parse(ctx, asker_json(ctx, asker));
    }
    lmdb_read_end(&read);
    if (!ok || !explanation.features)
        return reply_error(ctx);
    explanation.steps = steps.items;
    explanation.n_steps = steps.n;
    return reply_ok(ctx, explanation_encode(ctx, &explanation));
}
