/* The steps of a launch, in their order: whom each asks for what, and which campaigns need it. */
#pragma once

#include "services/campaign/store.h"

bool step_is_needed(enum step_name step, const struct campaign_plan *plan);

/* Its command's id is the same however often it is sent. */
struct str step_command_id(struct ctx *ctx, const struct launch_row *launch, enum step_name step,
                           bool undo);

/* Sends the command through the outbox. A `do` that is met after `expires_us` is refused. */
bool step_ask(struct ctx *ctx, const struct launch_row *launch, enum step_name step, bool undo,
              int64_t expires_us);
