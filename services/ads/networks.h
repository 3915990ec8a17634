/* Outside networks: what each is to do for a launch, told by a signed webhook (platform/webhook), and what it tells of that.
 * Each call says the whole of what is to be, with a version that grows: so they may be repeated, and come in any order. */
#pragma once

#include "platform/webhook/webhooks.h"
#include "services/ads/activations.h"
#include "services/ads/store_networks.h"

#define NETWORK_AMOUNT_MOST 1000000000000 /* minor units, of one ad of a launch */
#define ACTIVATION_NETWORKS 10 /* of one launch, as the command's schema says */

/* The reason against showing the wish on its networks; ptr NULL: none, or an error in ctx. Needs ctx->sql, as all here. */
struct str networks_refusal(struct ctx *ctx, const struct wish *wish);

/* The launch was accepted: each of them has a part in it. */
bool networks_join(struct ctx *ctx, struct str launch_id, const struct str *networks, size_t n);

/* Tells those networks of the launch that do other than they are to, now that it stands as it does. */
bool networks_settle(struct ctx *ctx, struct str launch_id);

/* What a network says of one ad of a launch, in all from its start or of a day: what is more than was known is told, and charged;
 * with a later version what is less, too. */
bool network_figures(struct ctx *ctx, const struct activation_row *launch,
                     const struct network_row *network, const struct figures_row *said);

/* Why it stands as it does: refused, failed, or not answered yet; may be empty. */
bool network_why(struct ctx *ctx, const struct part_row *part, struct str *out);

/* It shows it no more by its own will: `state` is refused or stopped. */
bool network_leaves(struct ctx *ctx, struct part_row *part, const char *state, struct str reason);

/* For the worker of platform/webhook, and a worker of ours: launches whose time or budget is over. */
#define NETWORKS_EVERY_US (1000 * 1000)
bool network_secret(struct ctx *ctx, const struct call_row *call, struct str *out);
bool network_told(struct ctx *ctx, const struct call_row *call);
bool networks_run(struct ctx *ctx);
