/* The part of email's database that is worked off: what is due, whose it is at the moment, how much waits. As
 * store_messages.h. */
#pragma once

#include "services/email/store_messages.h"

struct queue_depth {
    int64_t n, oldest_us; /* when the first one was due; 0: none waits */
};

/* Takes up to `limit` that are due and that nobody has claimed since `free_us`, and claims them as of now. In a
 * transaction; of two that claim at once each gets others. */
bool store_queue_claim(struct ctx *ctx, struct str queue, int64_t now_us, int64_t free_us,
                       size_t limit, struct message_row *out, size_t *n);
/* Is there one that could be claimed? */
bool store_queue_has(struct ctx *ctx, struct str queue, int64_t now_us, int64_t free_us, bool *has);
/* It is nobody's any more, and goes on waiting. */
bool store_queue_release(struct ctx *ctx, struct str message_id);
bool store_queue_depth(struct ctx *ctx, struct str queue, struct queue_depth *out);

/* Does mail of this launch go out at the moment: neither held nor paused nor over? */
bool store_launch_goes_on(struct ctx *ctx, struct str launch_id, bool *goes_on);
/* No other transaction counts the mails of this person before this one has ended; for engines with several writers. */
bool store_person_lock(struct ctx *ctx, struct str person_id);
