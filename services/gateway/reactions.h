/* What the gateway does about events of others: it keeps what it needs to serve pages alone. */
#pragma once

#include "platform/events/events.h"
#include "commerce_events.h"
#include "content_events.h"

enum outcome on_entry_published(struct ctx *ctx, const struct entry_published *event);
enum outcome on_entry_unpublished(struct ctx *ctx, const struct entry_unpublished *event);
enum outcome on_product_upserted(struct ctx *ctx, const struct product_upserted *event);
