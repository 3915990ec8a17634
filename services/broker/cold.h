/* What of a log is not in memory: the loop does not wait for the disk, a worker reads it first. */
#pragma once

#include "services/broker/log.h"

bool slice_is_cold(const struct slice *slice);

/* Brings it into memory; for a worker. */
void slice_warm(const struct slice *slice);
