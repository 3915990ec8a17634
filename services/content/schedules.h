/* Schedules: when they are due, and the worker that does them. */
#pragma once

#include "services/content/store.h"

/* Due and clock of the schedule, from its local time and time zone. INVALID at "/at" or "/time_zone". */
bool schedule_resolve(struct ctx *ctx, struct schedule_row *schedule);

#define SCHEDULES_EVERY_US (1000 * 1000)

/* A worker's round (service_worker): does what is due, each once, with its end in the same transaction. What cannot be done
 * fails with its reason; what the database or the log does not take now is tried again. */
bool schedules_run(struct ctx *ctx);
