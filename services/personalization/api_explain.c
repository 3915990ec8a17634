/* Why a person gets what: each step with the values that its rule read. */
#include "services/personalization/choose.h"
#include "services/personalization/flags.h"
#include "services/personalization/personalization.h"
#include "personalization_contract.h"

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

/* What the caller would give with a request; NULL for none. */
static bool context_read(struct ctx *ctx, struct str text, const struct json **out)
{
    *out = text.ptr ? json_parse(ctx, text) : NULL;
    if (!text.ptr || (*out && json_type(*out) == JSON_OBJECT))
        return true;
    ctx_clear(ctx);
    return ctx_fail_at(ctx, ERR_INVALID, STR("query/context"), "it is no JSON object");
}

/* ---- slots ---- */

struct steps {
    struct ctx *ctx;
    struct explain_step *items;
    size_t n, room;
    struct read_value *reads; /* of the step under way */
};

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

static struct steps steps_for(struct ctx *ctx, const struct snapshot *snapshot, struct str slot)
{
    size_t n;
    const struct compiled_experience *first = snapshot_slot(snapshot, slot, &n);
    struct steps steps = { .ctx = ctx };
    for (size_t i = 0; i < n; i++)
        steps.room += MAX(first[i].n_variants, 1);
    steps.items = ARENA_ARRAY(ctx->arena, struct explain_step, steps.room);
    return steps;
}

static void explain(struct ctx *ctx, struct asker *asker, struct str slot, struct explanation *out)
{
    const struct personalization *app = ctx->app;
    const struct snapshot *snapshot = definitions_now(app->definitions);
    struct steps steps = steps_for(ctx, snapshot, slot);
    asker->reads = &steps.reads;
    struct chosen chosen = decide_slot(ctx, snapshot, asker, slot, note_step, &steps);
    asker->reads = NULL;
    *out = (struct explanation){ .slot = slot,
                                 .variant = chosen.variant,
                                 .steps = steps.items,
                                 .n_steps = steps.n,
                                 .features = json_parse(ctx, asker_json(ctx, asker)) };
    if (chosen.experience)
        out->experience_id = chosen.experience->experience_id;
}

struct reply personalization_explain(struct ctx *ctx, const struct explain_in *in)
{
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    struct asker *asker = ARENA_NEW(ctx->arena, struct asker);
    const struct json *context;
    struct explanation explanation;
    struct lmdb_read read;
    if (!context_read(ctx, in->context, &context) || !people_read_begin(ctx, people.model, &read))
        return reply_error(ctx);
    bool ok = asker_load(ctx, people.model, &read, in->person_id, true, asker);
    asker->context = context;
    if (ok)
        explain(ctx, asker, in->slot, &explanation);
    lmdb_read_end(&read);
    return ok && explanation.features ? reply_ok(ctx, explanation_encode(ctx, &explanation))
                                      : reply_error(ctx);
}

/* ---- flags ---- */

static void explain_flag(struct ctx *ctx, const struct compiled_flag *flag,
                         struct flag_asker *asker, struct flag_explanation *out)
{
    struct read_value *reads = NULL;
    asker->asker.reads = &reads;
    struct flag_outcome outcome = flag_evaluate(ctx, flag, asker);
    *out = (struct flag_explanation){ .flag_key = flag->flag_key,
                                      .targeting = flag->put.targeting,
                                      .read = reads_json(ctx, reads) };
    if (outcome.error) {
        out->has_error_code = true;
        out->error_code = outcome.error;
        out->error = outcome.details;
    } else {
        out->variant = outcome.variant->variant;
        out->value = outcome.variant->value;
        out->has_reason = true;
        out->reason = outcome.reason;
    }
}

struct reply personalization_explain_flag(struct ctx *ctx, const struct explain_flag_in *in)
{
    const struct personalization *app = ctx->app;
    CLEANUP(model_done) struct model_use people = service_model(ctx);
    const struct compiled_flag *flag =
        flags_find(&definitions_now(app->definitions)->flags, in->flag_key);
    struct flag_asker *asker = ARENA_NEW(ctx->arena, struct flag_asker);
    struct flag_explanation explanation;
    struct lmdb_read read;
    if (!flag)
        ctx_fail(ctx, ERR_NOT_FOUND, "there is no flag with this key");
    if (!flag || !context_read(ctx, in->context, &asker->context) ||
        !people_read_begin(ctx, people.model, &read))
        return reply_error(ctx);
    asker->targeting_key = in->person_id;
    bool ok = flag_asker_load(ctx, people.model, &read, asker);
    if (ok)
        explain_flag(ctx, flag, asker, &explanation);
    lmdb_read_end(&read);
    return ok ? reply_ok(ctx, flag_explanation_encode(ctx, &explanation)) : reply_error(ctx);
}
