/* How often a password may be tried: five wrong ones are free, then each further one has to wait, 30 s doubling to 15
 * minutes. An attempt is counted before the password is looked at, so that many at once are counted too. */
#pragma once

#include "base/ctx.h"

/* For this address, whether somebody has it or not. RATE_LIMITED, with the seconds to wait. */
bool attempt_begin(struct ctx *ctx, struct str email, int64_t *wait_s);
bool attempt_succeeded(struct ctx *ctx, struct str email); /* all is forgotten */
