/* How much goes to one recipient's domain at once and in a second. One thread. */
#pragma once

#include "base/str.h"

struct throttle;

/* `most`: under way at once; `per_second`: at most so many; 0: any number. */
struct throttle *throttle_new(int64_t most, int64_t per_second);
void throttle_free(struct throttle *throttle); /* NULL-safe */

/* May one more go to the domain at `now_us` (monotonic)? Then it is counted. */
bool throttle_take(struct throttle *throttle, struct str domain, int64_t now_us);
void throttle_give(struct throttle *throttle, struct str domain); /* it has ended */
/* Where a mail that need not wait here is to come back: the first second in which nobody else was told to, so that what is
 * put off comes back as the rate allows. 0: there is no rate, or its turn is near. */
int64_t throttle_wait_us(struct throttle *throttle, struct str domain, int64_t now_us);
