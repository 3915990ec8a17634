/* What personalization does about events of others: each keeps one person's record. */
#pragma once

#include "platform/events/events.h"
#include "analytics_events.h"
#include "commerce_events.h"
#include "crm_events.h"
#include "email_events.h"
#include "gateway_events.h"
#include "loyalty_events.h"

enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *placed);
enum outcome on_order_changed(struct ctx *ctx, const struct order_changed *changed);
enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *refunded);
enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *cancelled);
enum outcome on_page_viewed(struct ctx *ctx, const struct page_viewed *viewed);
enum outcome on_event_recorded(struct ctx *ctx, const struct event_recorded *recorded);
enum outcome on_profile_updated(struct ctx *ctx, const struct profile_updated *updated);
enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased);
enum outcome on_consent_changed(struct ctx *ctx, const struct consent_changed *changed);
enum outcome on_tier_changed(struct ctx *ctx, const struct tier_changed *changed);
enum outcome on_message_sent(struct ctx *ctx, const struct message_sent *sent);
enum outcome on_message_opened(struct ctx *ctx, const struct message_opened *opened);
enum outcome on_message_clicked(struct ctx *ctx, const struct message_clicked *clicked);
enum outcome on_message_bounced(struct ctx *ctx, const struct message_bounced *bounced);
