/* The plan of a campaign: what goes together, beyond what its contract says. */
#pragma once

#include "base/ctx.h"
#include "campaign_types.h"

/* INVALID at the member's pointer. `webhook_hosts`: those that may be told, separated by commas. */
bool plan_check(struct ctx *ctx, const struct campaign_plan *plan, struct str webhook_hosts);

/* CONFLICT: there is nothing that it would do. */
bool plan_does_something(struct ctx *ctx, const struct campaign_plan *plan);

/* As it is stored. INTERNAL when it cannot be read. */
bool plan_read(struct ctx *ctx, struct str text, struct campaign_plan *out);

/* "hooks.example.com:8443" of "https://hooks.example.com:8443/x"; empty when there is none. */
struct str url_host(struct str url);

/* Is it one of a list, separated by commas? Letters count without case. */
bool host_listed(struct str host, struct str list);
