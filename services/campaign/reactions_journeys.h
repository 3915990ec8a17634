/* What journeys hear: a consumer of its own, so that a launch does not wait behind the clickstream. An event whose name no
 * journey asks for leaves no trace; ids are noted of the others (ids_on_demand). */
#pragma once

#include "platform/events/events.h"
#include "analytics_events.h"
#include "commerce_events.h"
#include "crm_events.h"
#include "email_events.h"
#include "loyalty_events.h"
#include "personalization_events.h"

#define JOURNEYS_CONSUMER "campaign.journeys"

extern const struct reaction journey_reactions[];
extern const size_t n_journey_reactions;
