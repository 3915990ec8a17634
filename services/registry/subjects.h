/* What may be done with subjects: register, find, judge, delete. No HTTP here; refusals are in ctx->error (refusal.h). */
#pragma once

#include "services/registry/levels.h"
#include "services/registry/proposal.h"

/* Sentences about what does not fit. */
struct judgement {
    struct str *sentences;
    size_t n;
};

/* Does the proposal keep to the rule, against these versions (oldest first)? Adds a sentence for each thing that does not.
 * False only when it cannot be said. */
bool subject_judge(struct ctx *ctx, const struct proposal *proposal, const struct level_rule *rule,
                   const struct version_row *versions, size_t n, struct judgement *out);

/* The rule that holds for a subject: its own, or the one for all. NULL: in ctx->error why it cannot be read. */
const struct level_rule *subject_rule(struct ctx *ctx, struct str subject);

/* Of the live versions, those that the rule asks about: all, the latest, or none. */
bool subject_asked(struct ctx *ctx, struct str subject, const struct level_rule *rule,
                   struct version_row **out, size_t *n);

/* The version of the subject that is this schema. False: NO_SUBJECT, NO_SCHEMA. */
bool subject_find(struct ctx *ctx, struct str subject, const struct bid *bid, enum store_wish wish,
                  struct version_row *version, struct schema_row *schema);

/* Makes it the next version, and tells so (schema registered); the same schema again is the version that it is. False:
 * BAD_SCHEMA, or INCOMPATIBLE with the sentences in *why. */
bool subject_register(struct ctx *ctx, struct str subject, const struct bid *bid,
                      struct version_row *out, struct judgement *why);

/* A number from 1, "latest" or "-1". False: BAD_VERSION. */
bool version_parse(struct ctx *ctx, struct str text, int64_t *version);

/* The version; `text` as above. False: BAD_VERSION, NO_SUBJECT, NO_VERSION. */
bool subject_version(struct ctx *ctx, struct str subject, struct str text, enum store_wish wish,
                     struct version_row *out);

/* Its versions, at least one. False: NO_SUBJECT. */
bool subject_versions(struct ctx *ctx, struct str subject, enum store_wish wish,
                      struct version_row **out, size_t *n);

/* Softly, or what is softly deleted for good. False: the refusals of these two. */
bool subject_delete_version(struct ctx *ctx, struct str subject, struct str text, bool permanent,
                            int64_t *version);
bool subject_delete(struct ctx *ctx, struct str subject, bool permanent, struct version_row **out,
                    size_t *n);
