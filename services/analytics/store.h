/* What analytics keeps in SQL: which campaigns are measured, and by what. Functions need ctx->sql. */
#pragma once

#include "platform/sql/sql.h"

struct tracking_row {
    struct str launch_id, campaign_id, name, goal; /* name, goal: ptr NULL without */
    int64_t within_days, starts_us, ends_us, asked_us;
    bool undone;
};

/* False without an error: there is none. */
bool store_tracking(struct ctx *ctx, struct str launch_id, struct tracking_row *out);
bool store_tracking_put(struct ctx *ctx, const struct tracking_row *row);

/* A campaign as all its launches that stand measure it: from the first beginning to the last end, by the newest goal.
 * False without an error: it is not measured. */
struct measure_row {
    int64_t launches, within_days, starts_us, ends_us;
    struct str name, goal;
};
bool store_measure(struct ctx *ctx, struct str campaign_id, struct measure_row *out);
