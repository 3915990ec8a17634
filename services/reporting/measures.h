/* What is counted, and the channels it is counted by. Their order is that of the sums on the disk. */
#pragma once

#include <stdint.h>

#define MEASURES(X)                                                                                \
    X(visitors)                                                                                    \
    X(orders)                                                                                      \
    X(revenue)                                                                                     \
    X(refunded)                                                                                    \
    X(impressions)                                                                                 \
    X(ad_clicks)                                                                                   \
    X(spend)                                                                                       \
    X(sent)                                                                                        \
    X(delivered)                                                                                   \
    X(bounced)                                                                                     \
    X(failed)                                                                                      \
    X(withheld)                                                                                    \
    X(doubted)                                                                                     \
    X(complained)                                                                                  \
    X(opened)                                                                                      \
    X(clicked)                                                                                     \
    X(unsubscribed)                                                                                \
    X(journeys_entered)                                                                            \
    X(journeys_ended)                                                                              \
    X(journeys_won)                                                                                \
    X(published)                                                                                   \
    X(points_earned)                                                                               \
    X(points_spent)                                                                                \
    X(completed)

enum measure {
#define X(name) MEASURE_##name,
    MEASURES(X)
#undef X
        N_MEASURES
};

struct sums {
    int64_t of[N_MEASURES];
};

/* ALL is no channel: what belongs to none, and visitors whichever way they came. */
#define CHANNELS(X)                                                                                \
    X(ALL, "all")                                                                                  \
    X(DIRECT, "direct")                                                                            \
    X(EMAIL, "email")                                                                              \
    X(ADS, "ads")                                                                                  \
    X(SEARCH, "search")                                                                            \
    X(SOCIAL, "social")                                                                            \
    X(REFERRAL, "referral")                                                                        \
    X(OTHER, "other")

enum channel {
#define X(name, text) CHANNEL_##name,
    CHANNELS(X)
#undef X
        N_CHANNELS
};
