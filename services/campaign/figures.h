/* What came of a launch: counts that are kept from events, by variant. Functions need ctx->sql. */
#pragma once

#include "platform/sql/sql.h"

/*      figure, as the contract has it */
#define FIGURE_TABLE(X)                                                                            \
    X(recipients)                                                                                  \
    X(held_out)                                                                                    \
    X(sent)                                                                                        \
    X(delivered)                                                                                   \
    X(opened)                                                                                      \
    X(clicked)                                                                                     \
    X(bounced)                                                                                     \
    X(complained)                                                                                  \
    X(unsubscribed)                                                                                \
    X(withheld)                                                                                    \
    X(doubted)                                                                                     \
    X(failed)                                                                                      \
    X(impressions)                                                                                 \
    X(ad_clicks)

struct figures {
    struct str variant; /* empty: none, or all */
#define X(name) int64_t name;
    FIGURE_TABLE(X)
#undef X
};

/* Adds `n` to a figure; a launch_id that is absent (ptr NULL) is of no launch. */
bool figure_add(struct ctx *ctx, struct str launch_id, struct str variant, const char *figure,
                int64_t n);

/* Is it the first link of this mail that was followed? */
bool figure_first_click(struct ctx *ctx, struct str launch_id, struct str message_id, bool *first);

#define FIGURES_MOST 12 /* variants, and what has none */

/* The figures of each variant that has any, and their sum in *all. */
bool figures_read(struct ctx *ctx, struct str launch_id, struct figures *all,
                  struct figures variants[FIGURES_MOST], size_t *n);

/* Another one whenever anything that a status shows has changed. */
bool store_status_revision(struct ctx *ctx, int64_t *revision);
