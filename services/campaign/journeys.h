/* People in journeys: what is heard brings them in, moves them and lets them out; what follows (a mail that is asked for,
 * a webhook that is owed, the path, what is told) is stored with it, in the transaction at hand. Functions need ctx->sql. */
#pragma once

#include "services/campaign/journey_shelf.h"
#include "services/campaign/journey_step.h"
#include "services/campaign/store_visits.h"

/* In a reaction: visits hear the event first, then it may begin new ones. Where its properties are NULL they are the data
 * of the CloudEvent at hand. What happened before a journey was activated brings nobody in. */
bool journeys_hear(struct ctx *ctx, const struct journey_event *event);

/* The person comes into the journey, if its rules let them; `cause` is what the visit's id is made of. */
bool journeys_bring(struct ctx *ctx, const struct shelf_program *program,
                    const struct journey_event *event, struct str cause);

/* The visit's time has come. */
bool journeys_wake(struct ctx *ctx, const struct shelf_program *program, struct visit_row *visit);

/* The visit ends where it is. */
bool journeys_end(struct ctx *ctx, struct visit_row *visit, enum journey_reason reason);

/* All of the person is forgotten. */
bool journeys_erase(struct ctx *ctx, struct str person_id, int64_t erased_us);

/* The zone that the traits of a person name; NULL: none that there is. */
const struct zone *journeys_zone(struct ctx *ctx, const struct json *traits);
