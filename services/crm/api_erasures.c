#include "base/clock.h"
#include "base/id.h"
#include "services/crm/profiles.h"
#include "crm_contract.h"

/* Who holds people, and answers that they are erased. */
static const struct str answering[] = {
    STR_INIT("ads"),     STR_INIT("analytics"),       STR_INIT("campaign"),  STR_INIT("email"),
    STR_INIT("loyalty"), STR_INIT("personalization"), STR_INIT("reporting"),
};

static bool answers_await(struct ctx *ctx, struct str request_id)
{
    for (size_t i = 0; i < COUNT(answering); i++)
        if (!store_answer_await(ctx, request_id, answering[i]))
            return false;
    return true;
}

static bool erase(struct ctx *ctx, struct str profile_id, struct str *request_id)
{
    if (store_erased(ctx, profile_id, request_id))
        return true;
    struct profile_row row;
    if (ctx_failed(ctx) || !profile_get(ctx, profile_id, &row))
        return false;
    *request_id = id_new(ctx->arena, "ers");
    int64_t now_us = clock_now_us();
    /* The tombstone first: the word that the profile is erased is what stays on the compacted topic. */
    return store_erase(ctx, profile_id, *request_id, now_us) && answers_await(ctx, *request_id) &&
           publish_profile_updated_tombstone(ctx, profile_id) &&
           publish_profile_erased(ctx, &(struct profile_erased){ .profile_id = profile_id,
                                                                 .request_id = *request_id,
                                                                 .erased_at = now_us });
}

struct reply crm_erase_profile(struct ctx *ctx, const struct erase_profile_in *in)
{
    struct erasure_accepted accepted = { .profile_id = in->profile_id };
    if (!erase(ctx, in->profile_id, &accepted.request_id))
        return reply_error(ctx);
    return reply_ok(ctx, erasure_accepted_encode(ctx, &accepted));
}

static bool erasure_of(struct ctx *ctx, struct str request_id, struct erasure *out)
{
    size_t n_open = 0;
    struct erasure_row row;
    if (!store_erasure(ctx, request_id, &row))
        return !ctx_failed(ctx) &&
               ctx_fail(ctx, ERR_NOT_FOUND, "there is no such request to erase");
    struct erasure_answer_row *rows =
        ARENA_ARRAY(ctx->arena, struct erasure_answer_row, STORE_ANSWERS);
    *out = (struct erasure){ .request_id = request_id,
                             .profile_id = row.profile_id,
                             .asked_at = row.asked_us };
    if (!store_answers(ctx, request_id, rows, &out->n_services))
        return false;
    struct erasure_answer *services =
        ARENA_ARRAY(ctx->arena, struct erasure_answer, out->n_services);
    for (size_t i = 0; i < out->n_services; i++) {
        bool answered = rows[i].erased_us != 0;
        services[i] = (struct erasure_answer){ .service = rows[i].service,
                                               .state = answered ? ERASURE_STATE_ANSWERED
                                                                 : ERASURE_STATE_OPEN,
                                               .has_erased_at = answered,
                                               .erased_at = rows[i].erased_us };
        n_open += !answered;
    }
    out->services = services;
    out->state = n_open == 0 && out->n_services > 0 ? ERASURE_STATE_ANSWERED : ERASURE_STATE_OPEN;
    return true;
}

struct reply crm_get_erasure(struct ctx *ctx, const struct get_erasure_in *in)
{
    struct erasure erasure;
    if (!erasure_of(ctx, in->request_id, &erasure))
        return reply_error(ctx);
    return reply_ok(ctx, erasure_encode(ctx, &erasure));
}
