/* Journeys that people come into because they are in a segment: those who are in it when the journey is activated, and those
 * who are in it at the times of its schedule.
 *
 * An intake begins once all is heard that the log had at its time, so that who was in the segment then is known to be; it goes
 * on in pages of one transaction each, in which stands how far it has come: a kill at any moment leaves it there. Functions
 * need ctx->sql. */
#pragma once

#include "services/campaign/journey_shelf.h"
#include "services/campaign/store_journeys.h"

/* Is one due by now, or not planned yet? */
bool journey_intakes_due(struct ctx *ctx, const struct shelf *shelf, int64_t now_us, bool *due);

/* A page of each that was due by `until_us`, up to which all is heard; *more: there is another one. */
bool journey_intakes_go_on(struct ctx *ctx, const struct shelf *shelf, int64_t until_us,
                           bool *more);

/* Those who are in the segment are coming in, or have: who is told later to have entered it earlier belongs to them. */
bool journey_intake_begun(struct ctx *ctx, const struct shelf_program *program, bool *begun);

/* When the next one is, of a journey whose definition is this; 0: there is none. */
bool journey_intake_at(struct ctx *ctx, const struct journey_row *journey,
                       const struct journey_definition *definition, int64_t *at_us);
