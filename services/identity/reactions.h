/* What identity hears. */
#pragma once

#include "platform/events/events.h"
#include "identity_events.h"

/* A key was used somewhere; told by each service that verifies keys (platform/service/uses.h). */
enum outcome on_key_used(struct ctx *ctx, const struct key_used *used);
