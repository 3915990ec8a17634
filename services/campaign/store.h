/* The campaigns' database: this and store_*.c know its tables. Functions need ctx->sql; false leaves the error in ctx, or
 * none where it says "no such". */
#pragma once

#include "platform/sql/sql.h"

struct campaign_row {
    struct str campaign_id, name, state, plan; /* plan: JSON text */
    struct str saved_by, approved_by;          /* approved_by ptr NULL: nobody has */
    int64_t version, saved_us, approved_us;
};

bool store_campaign(struct ctx *ctx, struct str campaign_id, struct campaign_row *out);

/* The newest version; CONFLICT when somebody else has changed it since it was read (version - 1). */
bool store_campaign_put(struct ctx *ctx, const struct campaign_row *campaign);
bool store_campaign_delete(struct ctx *ctx, const struct campaign_row *campaign);

/* Up to `limit` with an id beyond `after` (ptr NULL: from the first), of one state or (ptr NULL) all. */
bool store_campaigns(struct ctx *ctx, struct str state, struct str after, size_t limit,
                     struct campaign_row *out, size_t *n);
