/* The part of email's database that holds what launches asked for. As store.h. */
#pragma once

#include "platform/sql/sql.h"

struct delivery_row {
    struct str launch_id, campaign_id, state, asked, person_id,
        winner; /* asked ptr NULL: a tombstone */
    bool paused, expanded;
    int64_t segment, recipients, withheld, held_out, asked_us, released_us, finished_us;
};

bool store_delivery(struct ctx *ctx, struct str launch_id,
                    struct delivery_row *out); /* false, no error: no such */
bool store_delivery_put(struct ctx *ctx, const struct delivery_row *delivery); /* all of it */
/* Those that something may be left to do for: released, cancelled or undone. */
bool store_deliveries_open(struct ctx *ctx, size_t limit, struct delivery_row *out, size_t *n);
/* Launches that mail goes out for now. */
bool store_deliveries_sending(struct ctx *ctx, size_t limit, struct str *launches, size_t *n);

/* Up to `limit` persons after one: those with an address on record (segment ptr NULL), or of a segment. */
bool store_audience(struct ctx *ctx, struct str segment_id, struct str after, size_t limit,
                    struct str *persons, size_t *n);
bool store_is_member(struct ctx *ctx, const struct str *segments, size_t n, struct str person_id,
                     bool *is);
