/* Campaigns and their launches: the newest plan, and all that was told of each launch. */
#pragma once

#include "services/reporting/model.h"
#include "campaign_events.h"
#include "email_events.h"

/* Their order is that of their entries at one moment. */
#define TOLD(X)                                                                                    \
    X(SCHEDULED, "scheduled")                                                                      \
    X(STEPPED, "stepped")                                                                          \
    X(COUNTED, "counted")                                                                          \
    X(LAUNCHED, "launched")                                                                        \
    X(FAILED, "failed")                                                                            \
    X(PAUSED, "paused")                                                                            \
    X(RESUMED, "resumed")                                                                          \
    X(WINNER, "winner")                                                                            \
    X(FINISHED, "finished")                                                                        \
    X(CANCELLED, "cancelled")                                                                      \
    X(COMPLETED, "completed")

enum told {
#define X(name, text) TOLD_##name,
    TOLD(X)
#undef X
        N_TOLD
};
const char *told_name(enum told what);

/* ---- inside a reaction ---- */

bool campaign_planned(struct ctx *ctx, struct lmdb *db, const struct campaign_saved *plan);

/* `data`: the event's, as JSON. Told again, it is the same entry. */
bool launch_told(struct ctx *ctx, struct lmdb *db, struct str campaign_id, struct str launch_id,
                 enum told what, int64_t at_us, struct str data);

/* ---- reading ---- */

/* False without an error: there is no such plan. */
bool campaign_plan(struct ctx *ctx, const struct lmdb_read *read, struct str campaign_id,
                   struct campaign_saved *out);

struct launch_entry {
    enum told what;
    int64_t at_us;
    const struct json *data;
};

/* All that was told of a campaign, oldest first; at most the first `most`. False: not readable. */
bool campaign_history(struct ctx *ctx, const struct lmdb_read *read, struct str campaign_id,
                      size_t most, struct launch_entry **out, size_t *n);
