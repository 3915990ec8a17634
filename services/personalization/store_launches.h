/* Which experiences launches show, in SQL. Functions need ctx->sql. */
#pragma once

#include "platform/sql/sql.h"

struct launch_experience {
    struct str experience_id;
    bool ours; /* a launch has made it active, nobody else */
};

/* The same again changes nothing. */
bool store_launch_experience_put(struct ctx *ctx, struct str launch_id,
                                 const struct launch_experience *row);

/* Does any launch show it, and has one of these made it active? */
bool store_launches_of(struct ctx *ctx, struct str experience_id, bool *any, bool *ours);

/* Up to `limit` of a launch. */
bool store_launch_experiences(struct ctx *ctx, struct str launch_id, size_t limit,
                              struct launch_experience *out, size_t *n);
bool store_launch_delete(struct ctx *ctx, struct str launch_id);
