/* The part of email's database that is what came back of messages. As store.h. */
#pragma once

#include "platform/sql/sql.h"

struct feedback_row {
    struct str message_id, what, detail;
    bool machine;
    int64_t at_us;
};

/* *first false: it is there already. */
bool store_feedback_add(struct ctx *ctx, const struct feedback_row *row, bool told, bool *first);
/* Up to `limit` that are not told and older, the oldest first. */
bool store_feedback_untold(struct ctx *ctx, int64_t before_us, size_t limit,
                           struct feedback_row *out, size_t *n);
/* How many links of the message were followed by people, as it seems, in this time. */
bool store_feedback_clicks(struct ctx *ctx, struct str message_id, int64_t from_us, int64_t to_us,
                           int64_t *n);
/* It is told from now on. *moved false: it was, or is not there. */
bool store_feedback_tell(struct ctx *ctx, const struct feedback_row *row, bool *moved);
bool store_feedback_delete(struct ctx *ctx, const struct feedback_row *row);

/* All that came back of a person's messages. */
bool store_feedback_erase(struct ctx *ctx, struct str person_id);

/* One more in a row; those from before `since_us` are forgotten. */
bool store_soft_bounce(struct ctx *ctx, struct str target, int64_t at_us, int64_t since_us,
                       int64_t *n);
bool store_soft_bounces_end(struct ctx *ctx, struct str target);
