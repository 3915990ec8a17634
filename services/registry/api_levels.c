/* What new versions must keep to, and whether one would. */
#include "platform/service/service.h"
#include "services/registry/api.h"
#include "services/registry/refusal.h"

#define FOR_ALL STR("")

/* ---- levels ---- */

static struct reply answer_level(struct ctx *ctx, struct str name)
{
    return answer(ctx, level_encode(ctx, &(struct level){ .compatibility_level = name }));
}

static struct reply put_level(struct ctx *ctx, struct str subject, struct str name)
{
    if (!level_rule_of(name))
        refuse(
            ctx, REFUSAL_BAD_LEVEL,
            "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, "
            "forward_transitive, and full_transitive, in capitals.");
    if (ctx_failed(ctx) || !store_level_put(ctx, subject, name))
        return refusal_reply(ctx);
    return answer(ctx, level_set_encode(ctx, &(struct level_set){ .compatibility = name }));
}

static bool no_level(struct ctx *ctx, struct str subject)
{
    return !ctx_failed(ctx) &&
           refuse(ctx, REFUSAL_NO_LEVEL,
                  "Subject '" STR_FMT "' does not have subject-level compatibility configured",
                  STR_ARG(subject));
}

struct reply registry_get_level(struct ctx *ctx, const struct get_level_in *in)
{
    struct str name = LEVEL_DEFAULT;
    if (!store_level(ctx, FOR_ALL, &name) && ctx_failed(ctx))
        return refusal_reply(ctx);
    return answer_level(ctx, name);
}

struct reply registry_put_level(struct ctx *ctx, const struct put_level_in *in)
{
    return put_level(ctx, FOR_ALL, in->body->compatibility);
}

struct reply registry_delete_level(struct ctx *ctx, const struct delete_level_in *in)
{
    struct str name = LEVEL_DEFAULT;
    if ((!store_level(ctx, FOR_ALL, &name) && ctx_failed(ctx)) || !store_level_delete(ctx, FOR_ALL))
        return refusal_reply(ctx);
    return answer_level(ctx, name);
}

struct reply registry_get_subject_level(struct ctx *ctx, const struct get_subject_level_in *in)
{
    struct str name;
    if (is_true(in->default_to_global)) {
        const struct level_rule *rule = subject_rule(ctx, in->subject);
        return rule ? answer_level(ctx, str_of(rule->name)) : refusal_reply(ctx);
    }
    if (!store_level(ctx, in->subject, &name)) {
        no_level(ctx, in->subject);
        return refusal_reply(ctx);
    }
    return answer_level(ctx, name);
}

struct reply registry_put_subject_level(struct ctx *ctx, const struct put_subject_level_in *in)
{
    return put_level(ctx, in->subject, in->body->compatibility);
}

struct reply registry_delete_subject_level(struct ctx *ctx,
                                           const struct delete_subject_level_in *in)
{
    struct str name;
    if (!store_level(ctx, in->subject, &name))
        no_level(ctx, in->subject);
    if (ctx_failed(ctx) || !store_level_delete(ctx, in->subject))
        return refusal_reply(ctx);
    return answer_level(ctx, name);
}

/* ---- modes: there is one ---- */

static struct reply answer_mode(struct ctx *ctx)
{
    return answer(ctx, mode_encode(ctx, &(struct mode){ .mode = STR("READWRITE") }));
}

struct reply registry_get_mode(struct ctx *ctx, const struct get_mode_in *in)
{
    return answer_mode(ctx);
}

struct reply registry_get_subject_mode(struct ctx *ctx, const struct get_subject_mode_in *in)
{
    if (is_true(in->default_to_global))
        return answer_mode(ctx);
    refuse(ctx, REFUSAL_NO_MODE,
           "Subject '" STR_FMT "' does not have subject-level mode configured",
           STR_ARG(in->subject));
    return refusal_reply(ctx);
}

/* ---- would it be taken? ---- */

struct trial {
    struct str subject, version; /* version ptr NULL: those that the level asks about */
    struct bid bid;
    struct judgement judgement;
};

/* One version, or none where "latest" is asked of a subject that has none. */
static bool trial_version(struct ctx *ctx, const struct trial *trial, struct version_row **versions,
                          size_t *n)
{
    int64_t number;
    *versions = ARENA_NEW(ctx->arena, struct version_row);
    *n = 1;
    if (!version_parse(ctx, trial->version, &number))
        return false;
    if (number != STORE_LATEST)
        return subject_version(ctx, trial->subject, trial->version, STORE_LIVE, *versions);
    *n = store_version(ctx, trial->subject, number, STORE_LIVE, *versions);
    return !ctx_failed(ctx);
}

static bool trial_run(struct ctx *ctx, void *argument)
{
    struct trial *trial = argument;
    struct proposal proposal;
    struct version_row *versions;
    size_t n;
    const struct level_rule *rule = subject_rule(ctx, trial->subject);
    if (!rule || !proposal_read(ctx, &trial->bid, &proposal) || !proposal_check(ctx, &proposal))
        return false;
    bool found = trial->version.ptr ? trial_version(ctx, trial, &versions, &n)
                                    : subject_asked(ctx, trial->subject, rule, &versions, &n);
    return found && subject_judge(ctx, &proposal, rule, versions, n, &trial->judgement);
}

static struct reply answer_trial(struct ctx *ctx, struct trial *trial, bool verbose)
{
    if (!sql_read(ctx, service_db(ctx), trial_run, trial))
        return refusal_reply(ctx);
    struct compatibility verdict = { .is_compatible = trial->judgement.n == 0 };
    if (verbose) {
        verdict.messages = trial->judgement.n ? trial->judgement.sentences
                                              : ARENA_NEW(ctx->arena, struct str);
        verdict.n_messages = trial->judgement.n;
    }
    return answer(ctx, compatibility_encode(ctx, &verdict));
}

struct reply registry_test_all_versions(struct ctx *ctx, const struct test_all_versions_in *in)
{
    struct trial trial = { .subject = in->subject, .bid = bid_of(ctx, in->body, in->normalize) };
    return answer_trial(ctx, &trial, is_true(in->verbose));
}

struct reply registry_test_version(struct ctx *ctx, const struct test_version_in *in)
{
    struct trial trial = { .subject = in->subject,
                           .version = in->version,
                           .bid = bid_of(ctx, in->body, in->normalize) };
    return answer_trial(ctx, &trial, is_true(in->verbose));
}
