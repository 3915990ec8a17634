/* What ads does about events: what launches ask, and what campaigns do (SQL); what is known of people (each instance). */
#pragma once

#include "platform/events/events.h"
#include "ads_events.h"
#include "campaign_events.h"
#include "crm_events.h"
#include "personalization_events.h"

enum outcome on_activation_asked(struct ctx *ctx, const struct activation_asked *asked);
enum outcome on_campaign_paused(struct ctx *ctx, const struct campaign_paused *paused);
enum outcome on_campaign_resumed(struct ctx *ctx, const struct campaign_resumed *resumed);
enum outcome on_campaign_completed(struct ctx *ctx, const struct campaign_completed *completed);
enum outcome on_campaign_cancelled(struct ctx *ctx, const struct campaign_cancelled *cancelled);
enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased);

enum outcome on_membership_changed(struct ctx *ctx, const struct membership_changed *changed);
enum outcome on_impression_recorded(struct ctx *ctx, const struct impression_recorded *recorded);
enum outcome on_person_erased(struct ctx *ctx, const struct profile_erased *erased);
