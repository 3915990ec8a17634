/* Routes and what became of them, in SQL. */
#pragma once

#include "platform/sql/sql.h"
#include "gateway_types.h"

struct route_row {
    struct str route;
    int64_t version; /* 0: it has no row yet */
    enum route_colour live;
    struct str blue, green; /* addresses; ptr NULL: the setting's, and none */
    struct str canary_id;   /* ptr NULL: none is under way; it is of the colour that is not live */
    int64_t share, step, most, sample, hold_s;
    bool by_itself;
    int64_t updated_us;
};

/* One that has no row is as it was never touched: all of it blue. */
bool store_route(struct ctx *ctx, struct str route, struct route_row *out);

/* Takes the place of the version before. CONFLICT when somebody was quicker. */
bool store_route_put(struct ctx *ctx, const struct route_row *row);

struct route_change_row {
    struct str change_id, route, what, who, live, address;
    int64_t share, version;
    struct str judgement; /* JSON; ptr NULL: nothing was judged */
    int64_t at_us;
};
bool store_change_add(struct ctx *ctx, const struct route_change_row *change);
bool store_changes(struct ctx *ctx, struct str route, struct sql_moment before, size_t limit,
                   struct route_change_row *out, size_t *n);
