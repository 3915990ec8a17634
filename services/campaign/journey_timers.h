/* What time does in journeys: waits that are over, dates that come, and what is left to do after a stop or a deletion.
 *
 * A wait is over when its time has come and all that the log had by then has been handled (heard_until): an event that was
 * told before that is stronger, also when the service was down meanwhile; and so is one that is handled before the
 * service comes to the wait. A visit is moved by compare-and-set in one transaction with all that follows from it, so
 * that a kill at any moment leaves it waiting, or gone on. */
#pragma once

#include "base/ctx.h"

/* Workers' rounds (service_worker). */
#define JOURNEYS_EVERY_US (250 * 1000)
bool journeys_run(struct ctx *ctx);

#define JOURNEYS_TIDY_US (1000 * 1000)
bool journeys_tidy(struct ctx *ctx);
