#include "services/registry/subjects.h"

#include "base/clock.h"
#include "services/registry/refusal.h"
#include "registry_contract.h"

#define LARGEST_VERSION INT32_MAX /* as clients have it */

/* ---- finding ---- */

static bool no_subject(struct ctx *ctx, struct str subject)
{
    return !ctx_failed(ctx) &&
           refuse(ctx, REFUSAL_NO_SUBJECT, "Subject '" STR_FMT "' not found.", STR_ARG(subject));
}

bool version_parse(struct ctx *ctx, struct str text, int64_t *version)
{
    if (str_is(text, "latest") || str_is(text, "-1")) {
        *version = STORE_LATEST;
        return true;
    }
    if (str_to_int(text, version) && *version >= 1 && *version <= LARGEST_VERSION)
        return true;
    return refuse(
        ctx, REFUSAL_BAD_VERSION,
        "The specified version '" STR_FMT
        "' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\".",
        STR_ARG(text));
}

bool subject_version(struct ctx *ctx, struct str subject, struct str text, enum store_wish wish,
                     struct version_row *out)
{
    int64_t version;
    struct version_row any;
    if (!version_parse(ctx, text, &version))
        return false;
    if (store_version(ctx, subject, version, wish, out))
        return true;
    if (ctx_failed(ctx) || !store_version(ctx, subject, STORE_LATEST, wish, &any))
        return no_subject(ctx, subject);
    return refuse(ctx, REFUSAL_NO_VERSION, "Version " STR_FMT " not found.", STR_ARG(text));
}

bool subject_versions(struct ctx *ctx, struct str subject, enum store_wish wish,
                      struct version_row **out, size_t *n)
{
    return store_versions(ctx, subject, wish, out, n) && (*n > 0 || no_subject(ctx, subject));
}

bool subject_find(struct ctx *ctx, struct str subject, const struct bid *bid, enum store_wish wish,
                  struct version_row *version, struct schema_row *schema)
{
    int64_t id;
    struct proposal proposal;
    if (!store_version(ctx, subject, STORE_LATEST, wish, version))
        return no_subject(ctx, subject);
    if (!proposal_read(ctx, bid, &proposal))
        return false;
    if (store_schema_named(ctx, proposal.row.fingerprint, &id) &&
        store_version_of(ctx, subject, id, wish, version))
        return store_schema(ctx, id, schema);
    if (ctx_failed(ctx) || !proposal_check(ctx, &proposal))
        return false;
    return refuse(ctx, REFUSAL_NO_SCHEMA, "Schema not found.");
}

/* ---- judging ---- */

const struct level_rule *subject_rule(struct ctx *ctx, struct str subject)
{
    struct str level = LEVEL_DEFAULT;
    if (!store_level(ctx, subject, &level) && !ctx_failed(ctx))
        store_level(ctx, STR(""), &level);
    return ctx_failed(ctx) ? NULL : level_rule_of(level);
}

bool subject_asked(struct ctx *ctx, struct str subject, const struct level_rule *rule,
                   struct version_row **out, size_t *n)
{
    *n = 0;
    if (!rule->backward && !rule->forward)
        return true;
    if (!store_versions(ctx, subject, STORE_LIVE, out, n))
        return false;
    if (!rule->transitive && *n > 1) {
        *out += *n - 1;
        *n = 1;
    }
    return true;
}

/* ---- registering ---- */

static struct str joined(struct ctx *ctx, const struct judgement *why)
{
    struct str all = STR("");
    for (size_t i = 0; i < why->n; i++)
        all = arena_printf(ctx->arena, STR_FMT "%s" STR_FMT, STR_ARG(all), i ? "; " : "",
                           STR_ARG(why->sentences[i]));
    return all;
}

static bool known_version(struct ctx *ctx, struct str subject, const struct proposal *proposal,
                          struct version_row *out)
{
    int64_t id;
    return store_schema_named(ctx, proposal->row.fingerprint, &id) &&
           store_version_of(ctx, subject, id, STORE_LIVE, out);
}

static bool keeps_to_level(struct ctx *ctx, struct str subject, const struct proposal *proposal,
                           struct judgement *why)
{
    struct version_row *asked;
    size_t n;
    const struct level_rule *rule = subject_rule(ctx, subject);
    if (!rule || !subject_asked(ctx, subject, rule, &asked, &n) ||
        !subject_judge(ctx, proposal, rule, asked, n, why))
        return false;
    return why->n == 0 ||
           refuse(
               ctx, REFUSAL_INCOMPATIBLE,
               "Schema being registered is incompatible with an earlier schema for subject \"" STR_FMT
               "\" (%s): " STR_FMT,
               STR_ARG(subject), rule->name, STR_ARG(joined(ctx, why)));
}

static bool add_version(struct ctx *ctx, struct str subject, struct proposal *proposal,
                        struct version_row *out)
{
    struct version_row last = { 0 };
    int64_t id;
    if (!store_version(ctx, subject, STORE_LATEST, STORE_ALL, &last) && ctx_failed(ctx))
        return false;
    if (!store_schema_named(ctx, proposal->row.fingerprint, &id)) {
        if (ctx_failed(ctx) ||
            !store_schema_add(ctx, &proposal->row, proposal->references, proposal->n_references))
            return false;
        id = proposal->row.schema_id;
    }
    *out = (struct version_row){ .subject = subject,
                                 .version = last.version + 1,
                                 .schema_id = id,
                                 .registered_us = clock_now_us() };
    return store_version_add(ctx, out) &&
           publish_schema_registered(
               ctx, &(struct schema_registered){ .subject = subject,
                                                 .version = out->version,
                                                 .schema_id = id,
                                                 .registered_at = out->registered_us });
}

bool subject_register(struct ctx *ctx, struct str subject, const struct bid *bid,
                      struct version_row *out, struct judgement *why)
{
    struct proposal proposal;
    *why = (struct judgement){ 0 };
    if (!proposal_read(ctx, bid, &proposal))
        return false;
    if (known_version(ctx, subject, &proposal, out))
        return true;
    if (ctx_failed(ctx) || !proposal_check(ctx, &proposal) || !store_lock(ctx))
        return false;
    if (known_version(ctx, subject, &proposal, out)) /* by another, before this one had the lock */
        return true;
    return !ctx_failed(ctx) && keeps_to_level(ctx, subject, &proposal, why) &&
           add_version(ctx, subject, &proposal, out);
}

/* ---- deleting ---- */

static bool not_referenced(struct ctx *ctx, const struct version_row *version)
{
    int64_t *ids;
    size_t n;
    if (!store_referencing(ctx, version->subject, version->version, &ids, &n))
        return false;
    return n == 0 || refuse(ctx, REFUSAL_REFERENCED,
                            "One or more references exist to the schema of subject '" STR_FMT
                            "', version %lld.",
                            STR_ARG(version->subject), (long long)version->version);
}

static bool delete_one(struct ctx *ctx, const struct version_row *version, bool permanent)
{
    return not_referenced(ctx, version) &&
           (permanent ? store_version_remove(ctx, version)
                      : store_version_delete(ctx, version->subject, version->version));
}

bool subject_delete_version(struct ctx *ctx, struct str subject, struct str text, bool permanent,
                            int64_t *version)
{
    struct version_row row;
    bool latest = version_parse(ctx, text, version) && *version == STORE_LATEST;
    enum store_wish wish = latest && !permanent ? STORE_LIVE : STORE_ALL;
    if (ctx_failed(ctx) || !store_lock(ctx) || !subject_version(ctx, subject, text, wish, &row))
        return false;
    if (row.deleted && !permanent)
        return refuse(ctx, REFUSAL_VERSION_DELETED,
                      "Subject '" STR_FMT "' Version " STR_FMT
                      " was soft deleted. Set permanent=true to delete permanently.",
                      STR_ARG(subject), STR_ARG(text));
    if (!row.deleted && permanent)
        return refuse(ctx, REFUSAL_VERSION_NOT_DELETED,
                      "Subject '" STR_FMT "' Version " STR_FMT
                      " was not deleted first before being permanently deleted.",
                      STR_ARG(subject), STR_ARG(text));
    *version = row.version;
    return delete_one(ctx, &row, permanent);
}

bool subject_delete(struct ctx *ctx, struct str subject, bool permanent, struct version_row **out,
                    size_t *n)
{
    struct version_row latest;
    if (!store_lock(ctx) || !subject_versions(ctx, subject, STORE_ALL, out, n))
        return false;
    bool live = store_version(ctx, subject, STORE_LATEST, STORE_LIVE, &latest);
    if (ctx_failed(ctx))
        return false;
    if (!live && !permanent)
        return refuse(ctx, REFUSAL_SUBJECT_DELETED,
                      "Subject '" STR_FMT
                      "' was soft deleted. Set permanent=true to delete permanently.",
                      STR_ARG(subject));
    if (live && permanent)
        return refuse(ctx, REFUSAL_SUBJECT_NOT_DELETED,
                      "Subject '" STR_FMT
                      "' was not deleted first before being permanently deleted.",
                      STR_ARG(subject));
    if (!permanent && !store_versions(ctx, subject, STORE_LIVE, out, n))
        return false;
    for (size_t i = 0; i < *n; i++)
        if (!delete_one(ctx, &(*out)[i], permanent))
            return false;
    return !permanent || store_level_delete(ctx, subject);
}
