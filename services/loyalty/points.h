/* Moving points: the one path by which a balance changes, from requests and from events alike. */
#pragma once

#include "services/loyalty/store.h"

struct movement {
    struct str customer_id;
    int64_t points;            /* credited (+) or taken (-) */
    bool lifetime;             /* counts towards the tier; spending does not */
    const char *reason;        /* a member of EntryReason */
    struct str order_id, note; /* ptr NULL: none */
    int64_t at_us;
};

/* Appends the entry, stores the new balance, and publishes points earned or spent and a change of tier. *balance is the
 * balance after it; it may be NULL. CONFLICT when a spend is more than there is. */
bool points_move(struct ctx *ctx, const struct movement *movement, struct balance_row *balance);
