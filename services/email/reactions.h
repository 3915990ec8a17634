/* What email hears: one function per event. */
#pragma once

#include "campaign_events.h"
#include "commerce_events.h"
#include "content_events.h"
#include "crm_events.h"
#include "email_events.h"
#include "personalization_events.h"
#include "platform/events/events.h"

enum outcome on_profile_updated(struct ctx *ctx, const struct profile_updated *profile);
enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased);
enum outcome on_consent_changed(struct ctx *ctx, const struct consent_changed *consent);
enum outcome on_membership_changed(struct ctx *ctx, const struct membership_changed *membership);
enum outcome on_entry_published(struct ctx *ctx, const struct entry_published *published);
enum outcome on_entry_unpublished(struct ctx *ctx, const struct entry_unpublished *unpublished);

enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *order);
enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *order);
enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *refund);

enum outcome on_delivery_asked(struct ctx *ctx, const struct delivery_asked *asked);
enum outcome on_message_asked(struct ctx *ctx, const struct message_asked *asked);
enum outcome on_campaign_launched(struct ctx *ctx, const struct campaign_launched *launched);
enum outcome on_campaign_paused(struct ctx *ctx, const struct campaign_paused *paused);
enum outcome on_campaign_resumed(struct ctx *ctx, const struct campaign_resumed *resumed);
enum outcome on_campaign_cancelled(struct ctx *ctx, const struct campaign_cancelled *cancelled);
enum outcome on_winner_chosen(struct ctx *ctx, const struct winner_chosen *chosen);
