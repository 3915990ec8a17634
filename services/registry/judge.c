#include "platform/compat/compat.h"
#include "services/registry/subjects.h"

static void add_sentence(struct ctx *ctx, struct judgement *out, struct str sentence)
{
    if ((out->n & (out->n - 1)) == 0) { /* doubles */
        struct str *grown = ARENA_ARRAY(ctx->arena, struct str, MAX(out->n * 2, 1));
        if (out->n)
            memcpy(grown, out->sentences, out->n * sizeof(*grown));
        out->sentences = grown;
    }
    out->sentences[out->n++] = sentence;
}

static bool judge_one(struct ctx *ctx, const struct compat_document *old,
                      const struct compat_document *new, enum compat_direction direction,
                      int64_t version, struct judgement *out)
{
    struct compat_findings findings = { 0 };
    const char *who = direction == COMPAT_BACKWARD ? "readers of it cannot read version"
                                                   : "it cannot be read by version";
    if (!compat_json_schema(ctx, old, new, direction, &findings))
        return false;
    for (size_t i = 0; i < findings.n; i++) {
        const struct compat_finding *finding = &findings.items[i];
        if (finding->severity != COMPAT_BREAKING)
            continue;
        bool root = finding->pointer.len == 0;
        add_sentence(ctx, out,
                     arena_printf(ctx->arena, "%s %lld: %s" STR_FMT ": " STR_FMT " (%s)", who,
                                  (long long)version, finding->in_old ? "its " : "",
                                  STR_ARG(root ? STR("#") : finding->pointer),
                                  STR_ARG(finding->sentence), finding->rule));
    }
    return true;
}

bool subject_judge(struct ctx *ctx, const struct proposal *proposal, const struct level_rule *rule,
                   const struct version_row *versions, size_t n, struct judgement *out)
{
    const struct compat_document new = { .root = proposal->document,
                                         .resolve = known_resolve,
                                         .argument = (void *)&proposal->known };
    for (size_t i = 0; i < n; i++) {
        struct known_documents known;
        struct schema_row row;
        struct compat_document old = { .resolve = known_resolve, .argument = &known };
        if (!store_schema(ctx, versions[i].schema_id, &row) ||
            !stored_read(ctx, &row, &old.root, &known))
            return false;
        if (rule->backward &&
            !judge_one(ctx, &old, &new, COMPAT_BACKWARD, versions[i].version, out))
            return false;
        if (rule->forward && !judge_one(ctx, &old, &new, COMPAT_FORWARD, versions[i].version, out))
            return false;
    }
    return true;
}
