/* What crm does about events of others. */
#pragma once

#include "platform/events/events.h"
#include "analytics_events.h"
#include "commerce_events.h"
#include "crm_events.h"
#include "email_events.h"
#include "loyalty_events.h"

enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *placed);
enum outcome on_order_changed(struct ctx *ctx, const struct order_changed *changed);
enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *refunded);
enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *cancelled);
enum outcome on_tier_changed(struct ctx *ctx, const struct tier_changed *changed);
enum outcome on_traits_told(struct ctx *ctx, const struct traits_told *told);
enum outcome on_suppression_added(struct ctx *ctx, const struct suppression_added *added);
enum outcome on_message_resubscribed(struct ctx *ctx,
                                     const struct message_resubscribed *resubscribed);
enum outcome on_erasure_done(struct ctx *ctx, const struct erasure_done *done);
