/* What follows from a step of a visit. */
#pragma once

#include "services/campaign/journey_shelf.h"
#include "services/campaign/journey_step.h"

/* One visit on its way: what a journey_world's `did` needs to know. */
struct moving {
    const struct shelf_program *program;
    int64_t now_us;
};

/* For journey_world.did, with a struct moving. */
bool journey_did(struct ctx *ctx, void *moving, const struct journey_visit_at *visit,
                 enum journey_did did);

/* An end that no step led to: cancelled, erased. `node` is where. */
bool journey_ended_tell(struct ctx *ctx, struct str journey_id, struct str visit_id,
                        struct str person_id, struct str node, enum journey_reason reason);
