/* Journeys that people come into when a date comes: for each such person a row says when. Functions need ctx->sql. */
#pragma once

#include "platform/zone/zone.h"
#include "services/campaign/journey_shelf.h"

/* When the date that the traits have brings the person in, the first time after `after_us`; 0: never (any more). Pure. */
int64_t journey_date_due(const struct journey_date *date, const struct json *traits,
                         const struct zone *zone, int64_t after_us);

/* In a reaction: what is known of the person has changed. */
bool journey_dates_of(struct ctx *ctx, struct str person_id, const struct json *traits);

/* The same for the next persons of those whom the journey has not looked at yet; *more: there are others. */
bool journey_dates_fill(struct ctx *ctx, const struct shelf_program *program, bool *more);

/* The person's date has come: brings them in, unless it is over for more than a day. */
bool journey_date_comes(struct ctx *ctx, const struct shelf_program *program, struct str person_id,
                        int64_t due_us);
