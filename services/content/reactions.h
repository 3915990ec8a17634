/* What content does about events: what launches ask. */
#pragma once

#include "platform/events/events.h"
#include "content_events.h"

enum outcome on_publication_asked(struct ctx *ctx, const struct publication_asked *asked);
