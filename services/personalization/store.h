/* Definitions of experiences in SQL: the only file that knows the tables. Functions need ctx->sql; false leaves the error
 * in ctx, or none where it says "no such". */
#pragma once

#include "platform/sql/sql.h"

struct experience_row {
    struct str experience_id, slot, name, variants; /* variants: JSON text */
    struct str status;   /* what it is where it is not active: "draft", "paused" */
    struct str schedule; /* JSON text; ptr NULL: always */
    int64_t priority, version, updated_us;
    bool active;
};

bool store_experience(struct ctx *ctx, struct str experience_id,
                      struct experience_row *out); /* false, no error: no such */
bool store_experience_put(struct ctx *ctx,
                          const struct experience_row *experience); /* moves the revision */
bool store_experience_delete(struct ctx *ctx, struct str experience_id); /* moves the revision */

/* Up to `limit` experiences with an id beyond `after`, of one slot or (ptr NULL) all. */
bool store_experiences(struct ctx *ctx, struct str slot, struct str after, size_t limit,
                       struct experience_row *out, size_t *n);
bool store_revision(struct ctx *ctx, int64_t *out);
bool store_revision_move(struct ctx *ctx); /* says that what is defined has changed */
