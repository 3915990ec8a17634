/* Outside networks: their tables. As store.h. */
#pragma once

#include "services/ads/store.h"

struct network_row {
    struct str network_id, name, url, secret; /* secret: whsec_... */
    char currency[4];
    int64_t updated_us;
};
bool store_network(struct ctx *ctx, struct str network_id, struct network_row *out);
bool store_network_put(struct ctx *ctx, const struct network_row *row);
/* What it is owed goes to this URL from now on, at once. */
bool store_network_moved(struct ctx *ctx, struct str network_id, struct str url);
bool store_network_delete(struct ctx *ctx, struct str network_id);
bool store_networks(struct ctx *ctx, struct str after, size_t limit, struct network_row *out,
                    size_t *n);

struct part_row {
    struct str launch_id, network_id;
    struct str wanted; /* active, paused, stopped */
    struct str state;  /* waiting, active, paused, stopped, refused, failed */
    struct str reason; /* may be empty */
    int64_t version;
    char currency[4]; /* that it is paid in; read only */
};
bool store_part(struct ctx *ctx, struct str launch_id, struct str network_id, struct part_row *out);
bool store_part_put(struct ctx *ctx, const struct part_row *row);
bool store_parts(struct ctx *ctx, struct str launch_id, size_t limit, struct part_row *out,
                 size_t *n); /* by network */

/* Nobody else decides about the networks of this launch, nor charges it, until this is committed. */
bool store_launch_hold(struct ctx *ctx, struct str launch_id);

/* Is a launch on it, or is it still to be told that one is not? */
bool store_network_busy(struct ctx *ctx, struct str network_id, bool *busy);
/* For the launches that it has had, also before it was deleted; ptr NULL: none. */
bool store_network_paid_in(struct ctx *ctx, struct str network_id, struct str *currency);

/* Launches that networks show, though their time or budget is over. */
bool store_parts_over(struct ctx *ctx, int64_t now_us, size_t limit, struct str *launches,
                      size_t *n);

/* What a network says of an ad, from the start of the launch, or of one day. */
struct figures_row {
    struct str launch_id, network_id, ad_id;
    struct str day; /* ptr NULL: in all */
    int64_t amount, impressions, clicks, until_us;
    int64_t version; /* of what it said; 0: that had none */
};
bool store_figures(struct ctx *ctx, struct figures_row *row); /* in: its key; false: none yet */
bool store_figures_put(struct ctx *ctx, const struct figures_row *row);

/* Is the ad told the other way: by day, where the row is in all; in all, where it is of a day? */
bool store_figures_otherwise(struct ctx *ctx, const struct figures_row *row, bool *otherwise);
bool store_figures_sum(struct ctx *ctx, struct str launch_id, struct str network_id,
                       struct figures_row *out);

/* What is spent outside is spent, whatever the budget. */
bool store_spent_add(struct ctx *ctx, struct str launch_id, int64_t milli);

bool store_word(struct ctx *ctx, struct str network_id, struct str webhook_id, bool *again);
bool store_words_prune(struct ctx *ctx, int64_t before_us);
