/* What loyalty does about events of others. */
#pragma once

#include "platform/events/events.h"
#include "commerce_events.h"
#include "crm_events.h"

enum outcome on_order_placed(struct ctx *ctx, const struct order_placed *placed);
enum outcome on_order_changed(struct ctx *ctx, const struct order_changed *changed);
enum outcome on_order_refunded(struct ctx *ctx, const struct order_refunded *refunded);
enum outcome on_order_cancelled(struct ctx *ctx, const struct order_cancelled *cancelled);
enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased);
