/* What the operations share: finding a campaign, and answering with it. */
#pragma once

#include "platform/http/expectation.h"
#include "services/campaign/plan.h"
#include "services/campaign/store.h"
#include "campaign_contract.h"

bool campaign_find(struct ctx *ctx, struct str campaign_id,
                   struct campaign_row *out); /* NOT_FOUND */

/* The same, which is to be changed: PRECONDITION_FAILED where If-Match names another version. */
bool campaign_find_at(struct ctx *ctx, struct str campaign_id, struct str if_match,
                      struct campaign_row *out);

/* CONFLICT while a launch of it is under way. */
bool campaign_rests(struct ctx *ctx, const struct campaign_row *row);

enum campaign_state campaign_state_of(const struct campaign_row *row);
struct reply reply_campaign(struct ctx *ctx, const struct campaign_row *row);
