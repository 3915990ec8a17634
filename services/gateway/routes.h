/* What may become of a route, each inside a transaction: the row moves on by one version, and the change is noted. */
#pragma once

#include "services/gateway/routing.h"
#include "gateway_types.h"

/* The address of a colour; ptr NULL: none. `own` is the setting's. */
struct str route_address(const struct route_row *row, enum route_colour colour, struct str own);
enum route_colour route_other(enum route_colour colour);

/* CONFLICT while another canary is under way; the same one again is no change. */
bool route_canary_start(struct ctx *ctx, struct str route, struct str own,
                        const struct route_canary_put *put, struct route_row *out);

/* All to one colour; ends a canary. CONFLICT where that colour has no address, or another than its canary's. */
bool route_switch(struct ctx *ctx, struct str route, struct str own, const struct route_switch *to,
                  struct route_row *out);

/* What the gateway decides by itself. No change, and no error, when the route has moved on since. */
bool route_rule(struct ctx *ctx, struct str own, const struct ruling *ruling);

/* The figures, as the contract has them. */
struct route_verdict route_verdict_of(struct ctx *ctx, enum verdict verdict,
                                      const struct canary_progress *progress);
