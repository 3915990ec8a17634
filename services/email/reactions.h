/* What email hears: one function per event. */
#pragma once

#include "content_events.h"
#include "crm_events.h"
#include "personalization_events.h"
#include "platform/events/events.h"

enum outcome on_profile_updated(struct ctx *ctx, const struct profile_updated *profile);
enum outcome on_profile_erased(struct ctx *ctx, const struct profile_erased *erased);
enum outcome on_consent_changed(struct ctx *ctx, const struct consent_changed *consent);
enum outcome on_membership_changed(struct ctx *ctx, const struct membership_changed *membership);
enum outcome on_entry_published(struct ctx *ctx, const struct entry_published *published);
enum outcome on_entry_unpublished(struct ctx *ctx, const struct entry_unpublished *unpublished);
