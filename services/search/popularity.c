#include "services/search/popularity.h"

#include <math.h>

#include "base/clock.h"
#include "base/macros.h"

#define HALF_US (14 * US_PER_DAY)
#define EPOCH_US (1577836800 * US_PER_S) /* 2020-01-01: what was before then adds little */
#define STEPS 4                          /* levels for each doubling */
#define FULL 12.0 /* doublings: as popular as 4,095 views just now is as popular as can be */

static double age(int64_t at_us)
{
    return (double)(at_us - EPOCH_US) / (double)HALF_US;
}

double popularity_of(double weight, int64_t at_us)
{
    return weight * exp2(MIN(age(at_us), 900)); /* a clock far ahead does not make it infinite */
}

uint32_t popularity_level(double sum)
{
    double level = sum > 0 ? round(log2(sum) * STEPS) + 1 : 0;
    return (uint32_t)MIN(MAX(level, 0), POPULARITY_LEVELS - 1);
}

double popularity_now(uint32_t level, int64_t now_us)
{
    if (level == 0)
        return 0;
    double left = exp2((level - 1.0) / STEPS - age(now_us));
    return MIN(log2(1 + left) / FULL, 1);
}
