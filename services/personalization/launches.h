/* What personalization does about campaigns: their experiences are active from the launch to its end. In SQL. */
#pragma once

#include "platform/events/events.h"
#include "campaign_events.h"

enum outcome on_campaign_launched(struct ctx *ctx, const struct campaign_launched *launched);
enum outcome on_campaign_completed(struct ctx *ctx, const struct campaign_completed *completed);
enum outcome on_campaign_cancelled(struct ctx *ctx, const struct campaign_cancelled *cancelled);
