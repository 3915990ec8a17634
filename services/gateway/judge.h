/* Is the canary worse than what serves everybody else at the same time? Pure: tallies in, a judgement out.
 *
 * One test answers for each measure: of so many calls on each side, so many were bad; Fisher's exact test, one-sided, gives
 * the chance of at least as many on the canary's side if it were no worse. Bad is, for
 *   errors       no answer, an answer from 500 on, or one that took a second attempt;
 *   median, p99  slower than that quantile of the stable side, the canary being given SLOWER_RATIO and SLOWER_US more. With
 *                the threshold at a value of the stable sample this is the precedence test, whose exact distribution is
 *                the same; it assumes no shape of the latencies, whose tails fit none.
 * The median stands beside the p99 since what is slower as a whole shows there with a twentieth of the calls.
 *
 * No sign of being worse is not yet good: where as much would be seen of a version that is no worse less than once in ten
 * times (JUDGE_DOUBT), it is in doubt, and more calls are waited for.
 *
 * A canary is judged again and again, so each look spends a part of one chance of a false verdict (look_alpha): their sum,
 * over all looks, steps and measures, is ALPHA. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JUDGE_ALPHA                                                                                \
    0.01 /* the chance that a canary as good as the stable version is called worse */
#define JUDGE_DOUBT 0.1
#define JUDGE_ERRORS_POINT                                                                         \
    0.005 /* a ratio of errors that is higher by less than half a percent point is let be */
#define JUDGE_SLOWER_RATIO 0.10  /* what is slower by less than a tenth is let be ... */
#define JUDGE_SLOWER_US                                                                            \
    250 /* ... or by less than this: a side with few calls finds its caches cold */

#define TALLY_BUCKETS 768 /* 32 for each doubling, 1 us to 67 s: within 3 percent */

/* What one side did since the step began. */
struct tally {
    int64_t calls, errors;
    uint32_t took[TALLY_BUCKETS]; /* of those that were answered */
};

void tally_add(struct tally *tally, bool error, int64_t took_us);

/* Of the calls that were answered: the latency that the share `quantile` of them did not pass; 0 without any. */
int64_t tally_quantile_us(const struct tally *tally, double quantile);

enum measure { MEASURE_ERRORS, MEASURE_MEDIAN, MEASURE_P99, N_MEASURES };

struct finding {
    double canary, stable; /* ratio of errors; latency in milliseconds */
    int64_t canary_calls, canary_bad, stable_calls, stable_bad; /* what was tested */
    double p;
    bool worse; /* p is below what the look may spend, and the difference is one that matters */
};

struct judgement {
    double alpha; /* of each measure at this look */
    struct finding findings[N_MEASURES];
    bool worse, doubtful;
};

void judge(const struct tally *canary, const struct tally *stable, double alpha,
           struct judgement *out);

/* What each measure may spend at look 1, 2, ... of one of `steps`. */
double look_alpha(int steps, int look);

/* The chance of `bad` or more of the `bad + other_bad` being among `calls`, where those are drawn from all calls alike. */
double fisher_upper(int64_t bad, int64_t calls, int64_t other_bad, int64_t other_calls);
