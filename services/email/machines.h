/* Who opened a mail or followed a link: a person, or a program that looks at mail before or without one. Pure rules. */
#pragma once

#include "base/ctx.h"

struct visit {
    struct str user_agent,
        purpose;      /* headers as sent; purpose: Sec-Purpose or Purpose; ptr NULL without */
    bool head;                      /* the method is HEAD */
    int64_t after_us; /* since the mail was handed over; negative: it is not known */
};

/* `within_us`: sooner after the hand-over nobody can have read the mail. */
bool visit_is_machine(const struct visit *visit, int64_t within_us);

/* So many links of one mail followed within so long are a scanner's work. */
#define MACHINE_LINKS 3
#define MACHINE_LINKS_WITHIN_US 1000000
