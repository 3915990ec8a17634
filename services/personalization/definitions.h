/* The definitions as decisions use them: compiled, immutable, swapped as a whole. Readers take no lock. */
#pragma once

#include "platform/rules/rules.h"
#include "services/personalization/experiments_compiled.h"
#include "services/personalization/flags_compiled.h"
#include "services/personalization/schedule.h"
#include "services/personalization/store.h"

struct compiled_variant {
    struct str variant;
    struct rule *rule;        /* NULL: holds for everybody */
    struct str rule_text;     /* its JSON */
};

struct compiled_experience {
    struct str experience_id, slot;
    int64_t priority;
    const struct compiled_schedule *schedule; /* NULL: always */
    struct compiled_variant *variants;
    size_t n_variants;
    const struct compiled_experiment *experiment; /* NULL: its variants are chosen by their rules */
    struct str audience_text;                     /* JSON of the experiment's audience */
};

/* Where the experiences of a slot are; n 0: nowhere. */
struct slot_place {
    struct str slot;
    const struct compiled_experience *first;
    size_t n;
};

struct snapshot {
    struct rule_set *rules; /* of the experiences, and the audiences of the experiments */
    const struct compiled_experience
        *experiences; /* by slot, then priority (higher first), then id */
    size_t n;
    struct slot_place *places; /* a hash table */
    size_t last_place;
    struct compiled_experiments experiments;
    struct compiled_flags flags;
};

struct definitions;

struct definitions *definitions_new(void);
void definitions_free(struct definitions *definitions); /* NULL-safe; after all readers are gone */

/* The snapshot of now; good for DEFINITIONS_GRACE_S, longer than any request may take. */
#define DEFINITIONS_GRACE_S 60
const struct snapshot *definitions_now(const struct definitions *definitions);

/* Experiences of a slot: the first of them, and their number. */
const struct compiled_experience *snapshot_slot(const struct snapshot *snapshot, struct str slot,
                                                size_t *n);

/* Reads all definitions (ctx->sql) into a new snapshot when the revision has moved. One thread. */
bool definitions_refresh(struct ctx *ctx, struct definitions *definitions);

/* The revision that was read last. */
int64_t definitions_revision(const struct definitions *definitions);
