/* What the index hears. */
#pragma once

#include "analytics_events.h"
#include "commerce_events.h"
#include "content_events.h"
#include "gateway_events.h"

enum outcome on_product_upserted(struct ctx *ctx, const struct product_upserted *event);
enum outcome on_entry_published(struct ctx *ctx, const struct entry_published *event);
enum outcome on_entry_unpublished(struct ctx *ctx, const struct entry_unpublished *event);
enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *placed);
enum outcome on_page_viewed(struct ctx *ctx, const struct page_viewed *event);
enum outcome on_event_recorded(struct ctx *ctx, const struct event_recorded *event);
