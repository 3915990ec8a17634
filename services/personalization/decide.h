/* Deciding: rules over what is known of a person. */
#pragma once

#include "services/personalization/definitions.h"
#include "services/personalization/people.h"

/* One person in one request, as rules see it. */
struct asker {
    struct person person;
    bool known, customer; /* anything heard; asked by customer id */
    double spend_percentile;
    int64_t now_us;
    const struct json *context; /* NULL: none */
    const struct json *traits;  /* read at first use */
    bool traits_read;
};

/* Who asks: features from the projection; the texts in it live until lmdb_read_end of `read`. */
bool asker_load(struct ctx *ctx, struct people *people, const struct lmdb_read *read,
                struct str person_id, bool customer, struct asker *out);

/* What rules read of the asker, as rule_input has it (argument: a struct asker); false: it is no name of a feature. */
bool asker_lookup(struct ctx *ctx, struct str name, void *argument, struct value *out);

struct chosen {
    const struct compiled_experience *experience; /* NULL: the default */
    const struct compiled_variant *variant;
};

/* Called for each rule asked, in order; error is NULL when it could be evaluated. */
typedef void (*decide_step)(void *argument, const struct compiled_experience *experience,
                            const struct compiled_variant *variant, bool holds,
                            const struct error *error);

/* The first variant whose rule holds, by priority. A rule that cannot be evaluated does not hold. */
struct chosen decide_slot(struct ctx *ctx, const struct snapshot *snapshot, struct asker *asker,
                          struct str slot, decide_step step, void *argument);

/* All features as an object, as rules would read them. */
struct str asker_json(struct ctx *ctx, struct asker *asker);
