/* What commerce does about events of others. */
#pragma once

#include "platform/events/events.h"
#include "crm_events.h"

enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased);
