/* How fast a budget may be spent: evenly over its time. Pure. Amounts in thousandths of a minor unit. */
#pragma once

#include <stdint.h>

struct pace {
    int64_t budget_milli;       /* 0: without */
    int64_t starts_us, ends_us; /* ends INT64_MAX: all of it at once */
};

/* What may have been spent by now at most; INT64_MAX without a budget. */
int64_t pace_allowed(const struct pace *pace, int64_t now_us);

/* How far behind its pace it is: spent of allowed, in thousandths; less goes first. Without a budget: the last. */
int64_t pace_share(const struct pace *pace, int64_t spent_milli, int64_t now_us);
