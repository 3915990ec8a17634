#include "services/ads/pace.h"

#define WHOLE 1000

int64_t pace_allowed(const struct pace *pace, int64_t now_us)
{
    if (!pace->budget_milli)
        return INT64_MAX;
    if (now_us < pace->starts_us)
        return 0;
    if (pace->ends_us == INT64_MAX || now_us >= pace->ends_us)
        return pace->budget_milli;
    return (int64_t)((__int128)pace->budget_milli * (now_us - pace->starts_us) /
                     (pace->ends_us - pace->starts_us));
}

int64_t pace_share(const struct pace *pace, int64_t spent_milli, int64_t now_us)
{
    int64_t allowed = pace_allowed(pace, now_us);
    if (!pace->budget_milli || !allowed)
        return WHOLE;
    return (int64_t)((__int128)spent_milli * WHOLE / allowed);
}
