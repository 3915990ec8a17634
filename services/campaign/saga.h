/* The launch saga: content, email (held), ads and analytics are asked one after the other; when all stand, the launch has
 * gone out (campaign.launched), and there is no way back. Refused, given up or cancelled before that, what was done or may
 * have been done is taken back in reverse, for as long as it takes. Each state is stored with the command that follows from
 * it, in one transaction. model/launch.pml is the same in Promela. Functions need ctx->sql. */
#pragma once

#include "services/campaign/steps.h"

struct saga_limits {
    int64_t give_up_us; /* a step that is not answered so long */
    int64_t again_us;   /* between two times that it is asked */
    int64_t
        winner_us; /* a test of variants of which nothing was sent is decided so long after its time */
};

/* A launch of the campaign's plan at `start`, stored. */
bool launch_begin(struct ctx *ctx, const struct campaign_row *campaign, int64_t starts_us,
                  struct str local_at, struct launch_row *out);

/* Its time has come: begins, asks again, gives up, ends. */
bool launch_due(struct ctx *ctx, struct launch_row *launch);

struct step_answer {
    struct str command_id, launch_id, reason;
    bool undo, refused;
};

/* What a step says. What is not asked any more is nothing. */
bool launch_answered(struct ctx *ctx, enum step_name step, const struct step_answer *answer);

/* Its mail is sent. */
bool launch_mailed(struct ctx *ctx, struct str launch_id);

/* A person chooses the variant that the rest gets (winner.h). */
bool launch_choose(struct ctx *ctx, struct launch_row *launch, struct str variant);

/* By a person. False with CONFLICT, or for the state it is in without change. */
bool launch_pause(struct ctx *ctx, struct launch_row *launch);
bool launch_resume(struct ctx *ctx, struct launch_row *launch);
bool launch_cancel(struct ctx *ctx, struct launch_row *launch);

/* A worker's round (service_worker): what is due, each in its own transaction. */
#define LAUNCHES_EVERY_US (250 * 1000)
bool launches_run(struct ctx *ctx);
