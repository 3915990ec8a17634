/* A canary's way from its first share of visitors to all of them, or back to none: pure, with the clock passed in. */
#pragma once

#include "services/gateway/judge.h"

struct canary_plan {
    int step, most; /* percent of visitors: step, 2 * step, ... most */
    int64_t sample; /* calls of each side, below which there is no verdict */
    int64_t hold_us; /* no step is shorter */
};

enum verdict { VERDICT_NONE, VERDICT_GOOD, VERDICT_WORSE };

/* One step. Another share begins anew: with sides of other sizes, the sums of two steps would compare different hours. */
struct canary_step {
    int share;
    int64_t began_us;
    int looks;
    int64_t next_look; /* at so many calls of the canary; each is at twice the one before */
    struct tally canary, stable;
    struct judgement judgement; /* of the last look */
};

void canary_begin(struct canary_step *step, const struct canary_plan *plan, int share,
                  int64_t now_us);
enum verdict canary_judge(struct canary_step *step, const struct canary_plan *plan, int64_t now_us);

/* The share after a good verdict; 100 after the last step. */
int canary_next_share(const struct canary_plan *plan, int share);

/* Is this visitor among the `share` percent? The same ones at each call, and more of them as it grows; others in
 * another canary (`seed`). */
bool canary_takes(const char *visitor, size_t length, uint32_t seed, int share);
