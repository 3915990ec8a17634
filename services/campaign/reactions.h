/* What is heard of others. */
#pragma once

#include "platform/events/events.h"
#include "ads_events.h"
#include "analytics_events.h"
#include "content_events.h"
#include "email_events.h"

enum outcome on_publication_answered(struct ctx *ctx, const struct publication_answered *answered);
enum outcome on_delivery_answered(struct ctx *ctx, const struct delivery_answered *answered);
enum outcome on_activation_answered(struct ctx *ctx, const struct activation_answered *answered);
enum outcome on_tracking_answered(struct ctx *ctx, const struct tracking_answered *answered);
enum outcome on_delivery_finished(struct ctx *ctx, const struct delivery_finished *finished);
