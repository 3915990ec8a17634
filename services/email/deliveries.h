/* What launches ask for: taken, held, released, paused, cancelled, undone; and the audience, gone through in batches. */
#pragma once

#include "base/clock.h"
#include "email_events.h"
#include "platform/service/service.h"

/* Takes it or not, and answers (delivery.answered). False: try again. */
bool delivery_do(struct ctx *ctx, const struct delivery_asked *asked);
/* At any time; before the `do` it leaves a tombstone that refuses it. */
bool delivery_undo(struct ctx *ctx, const struct delivery_asked *asked);

#define DELIVERIES_EVERY_US US_PER_S

/* One step of what is to be done for deliveries: expanding, handing the winner to those who wait, cancelling, ending.
 * For service_worker. */
bool deliveries_run(struct ctx *ctx);
