#pragma once

#include "ads_events.h"
#include "analytics_events.h"
#include "campaign_events.h"
#include "commerce_events.h"
#include "content_events.h"
#include "crm_events.h"
#include "email_events.h"
#include "gateway_events.h"
#include "loyalty_events.h"

enum outcome on_entry_published(struct ctx *ctx, const struct entry_published *event);
enum outcome on_entry_unpublished(struct ctx *ctx, const struct entry_unpublished *event);

enum outcome on_campaign_saved(struct ctx *ctx, const struct campaign_saved *event);
enum outcome on_campaign_scheduled(struct ctx *ctx, const struct campaign_scheduled *event);
enum outcome on_campaign_launched(struct ctx *ctx, const struct campaign_launched *event);
enum outcome on_campaign_failed(struct ctx *ctx, const struct campaign_failed *event);
enum outcome on_campaign_paused(struct ctx *ctx, const struct campaign_paused *event);
enum outcome on_campaign_resumed(struct ctx *ctx, const struct campaign_resumed *event);
enum outcome on_campaign_cancelled(struct ctx *ctx, const struct campaign_cancelled *event);
enum outcome on_campaign_completed(struct ctx *ctx, const struct campaign_completed *event);
enum outcome on_launch_stepped(struct ctx *ctx, const struct launch_stepped *event);
enum outcome on_winner_chosen(struct ctx *ctx, const struct winner_chosen *event);
enum outcome on_journey_moved(struct ctx *ctx, const struct journey_moved *event);

enum outcome on_delivery_counted(struct ctx *ctx, const struct delivery_counted *event);
enum outcome on_delivery_finished(struct ctx *ctx, const struct delivery_finished *event);
enum outcome on_message_sent(struct ctx *ctx, const struct message_sent *event);
enum outcome on_message_delivered(struct ctx *ctx, const struct message_delivered *event);
enum outcome on_message_bounced(struct ctx *ctx, const struct message_bounced *event);
enum outcome on_message_failed(struct ctx *ctx, const struct message_failed *event);
enum outcome on_message_withheld(struct ctx *ctx, const struct message_withheld *event);
enum outcome on_message_doubted(struct ctx *ctx, const struct message_doubted *event);
enum outcome on_message_complained(struct ctx *ctx, const struct message_complained *event);
enum outcome on_message_opened(struct ctx *ctx, const struct message_opened *event);
enum outcome on_message_clicked(struct ctx *ctx, const struct message_clicked *event);
enum outcome on_message_unsubscribed(struct ctx *ctx, const struct message_unsubscribed *event);

enum outcome on_event_recorded(struct ctx *ctx, const struct event_recorded *event);
enum outcome on_page_viewed(struct ctx *ctx, const struct page_viewed *event);

enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *event);
enum outcome on_order_changed(struct ctx *ctx, const struct order_changed *event);
enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *event);
enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *event);

enum outcome on_points_earned(struct ctx *ctx, const struct points_earned *event);
enum outcome on_points_spent(struct ctx *ctx, const struct points_spent *event);

enum outcome on_impression_recorded(struct ctx *ctx, const struct impression_recorded *event);
enum outcome on_click_recorded(struct ctx *ctx, const struct click_recorded *event);
enum outcome on_spend_recorded(struct ctx *ctx, const struct spend_recorded *event);

enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *event);
