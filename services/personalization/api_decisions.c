#include "services/personalization/choose.h"
#include "services/personalization/personalization.h"
#include "personalization_contract.h"

static bool decide_all(struct ctx *ctx, struct asker *asker, const struct decision_request *request,
                       struct decision *out)
{
    const struct personalization *app = ctx->app;
    const struct snapshot *snapshot = definitions_now(app->definitions);
    asker->memo = rule_memo_new(ctx->arena, snapshot->rules);
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

/* Nothing of it waits, so it never needs to be asked in another way. */
bool personalization_decide_at_once(struct ctx *ctx, const struct decide_in *in,
                                    struct reply *reply)
{
    *reply = personalization_decide(ctx, in);
    return true;
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
