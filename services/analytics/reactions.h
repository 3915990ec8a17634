/* What analytics does about events: each becomes rows of the warehouse, but for what launches ask (trackings.c). */
#pragma once

#include "platform/events/events.h"
#include "ads_events.h"
#include "analytics_events.h"
#include "commerce_events.h"
#include "crm_events.h"
#include "email_events.h"
#include "gateway_events.h"

enum outcome on_event_recorded(struct ctx *ctx, const struct event_recorded *recorded);
enum outcome on_page_viewed(struct ctx *ctx, const struct page_viewed *viewed);
enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *placed);
enum outcome on_order_changed(struct ctx *ctx, const struct order_changed *changed);
enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *refunded);
enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *cancelled);
enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased);
enum outcome on_message_sent(struct ctx *ctx, const struct message_sent *sent);
enum outcome on_impression_recorded(struct ctx *ctx, const struct impression_recorded *recorded);
enum outcome on_tracking_asked(struct ctx *ctx, const struct tracking_asked *asked);
