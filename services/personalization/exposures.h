/* Which variants of experiments a person has seen: a record for each id, beside the person's in the projection. */
#pragma once

#include "services/personalization/people.h"

#define EXPOSURES_MOST 64 /* experiments kept for an id; the one seen first gives way */

struct exposure {
    struct str experiment_id, variant; /* of the first time */
    int64_t first_us;
    bool mixed; /* another variant was seen too */
};

/* In a reaction. What comes in any order gives the same; of an erased person nothing is noted any more. */
bool exposure_note(struct ctx *ctx, struct people *people, struct str person_id,
                   const struct exposure *seen);

/* The exposures of a record, which their texts point into; their number. */
size_t exposures_read(struct str record, struct exposure out[EXPOSURES_MOST]);

/* `visit` for everybody who has seen the experiment, once for all ids of a person, until it gives false. What it gets
 * lives until it comes back. */
typedef bool exposure_visit(const struct person *person, const struct exposure *exposure,
                            void *argument);
bool exposures_each(struct ctx *ctx, const struct lmdb_read *read, struct str experiment_id,
                    exposure_visit *visit, void *argument);
