#include "services/gateway/judge.h"

#include <math.h>

#include "base/macros.h"

#define OCTAVE 32 /* buckets for each doubling */
#define OCTAVE_BITS 5

/* ---- tallies ---- */

static size_t bucket_of(int64_t us)
{
    uint64_t value = us < 1 ? 1 : (uint64_t)us;
    if (value < OCTAVE)
        return (size_t)value;
    unsigned high = 63u - (unsigned)__builtin_clzll(value), shift = high - OCTAVE_BITS;
    size_t bucket = ((size_t)(shift + 1) << OCTAVE_BITS) + ((value >> shift) & (OCTAVE - 1));
    return MIN(bucket, (size_t)TALLY_BUCKETS - 1);
}

/* The least latency that belongs into it. */
static int64_t bucket_us(size_t bucket)
{
    if (bucket < OCTAVE)
        return (int64_t)bucket;
    unsigned shift = (unsigned)(bucket >> OCTAVE_BITS) - 1;
    return (int64_t)(OCTAVE + (bucket & (OCTAVE - 1))) << shift;
}

void tally_add(struct tally *tally, bool error, int64_t took_us)
{
    tally->calls++;
    tally->errors += error;
    if (!error)
        tally->took[bucket_of(took_us)]++;
}

static int64_t answered(const struct tally *tally)
{
    return tally->calls - tally->errors;
}

/* How many were in this bucket or in a later one. */
static int64_t count_from(const struct tally *tally, size_t bucket)
{
    int64_t n = 0;
    for (size_t i = bucket; i < TALLY_BUCKETS; i++)
        n += tally->took[i];
    return n;
}

/* The first bucket after the quantile: at most `1 - quantile` of all are in it or later. */
static size_t bucket_after(const struct tally *tally, double quantile)
{
    double most = (double)answered(tally) * (1 - quantile);
    int64_t n = 0;
    size_t bucket = TALLY_BUCKETS;
    while (bucket > 1 && (double)(n + tally->took[bucket - 1]) <= most)
        n += tally->took[--bucket];
    return bucket;
}

int64_t tally_quantile_us(const struct tally *tally, double quantile)
{
    return answered(tally) ? bucket_us(bucket_after(tally, quantile)) : 0;
}

/* ---- the test ---- */

static double ln_choose(int64_t n, int64_t k)
{
    int sign;
    return lgamma_r((double)n + 1, &sign) - lgamma_r((double)k + 1, &sign) -
           lgamma_r((double)(n - k) + 1, &sign);
}

double fisher_upper(int64_t bad, int64_t calls, int64_t other_bad, int64_t other_calls)
{
    int64_t all = calls + other_calls, all_bad = bad + other_bad, most = MIN(all_bad, calls);
    if ((double)bad * (double)all <= (double)all_bad * (double)calls)
        return 1; /* no more than its part of them: nothing speaks against it */
    double term = exp(ln_choose(all_bad, bad) + ln_choose(all - all_bad, calls - bad) -
                      ln_choose(all, calls));
    double sum = 0;
    for (int64_t k = bad; k <= most && term > sum * 1e-12; k++) {
        sum += term;
        term *= (double)(all_bad - k) * (double)(calls - k) /
                ((double)(k + 1) * (double)(all - all_bad - calls + k + 1));
    }
    return MIN(sum, 1.0);
}

double look_alpha(int steps, int look)
{
    return JUDGE_ALPHA / steps / N_MEASURES * exp2(-look);
}

/* ---- the measures ---- */

static double ratio(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static struct finding errors_find(const struct tally *canary, const struct tally *stable)
{
    return (struct finding){ .canary = ratio(canary->errors, canary->calls),
                             .stable = ratio(stable->errors, stable->calls),
                             .canary_calls = canary->calls,
                             .canary_bad = canary->errors,
                             .stable_calls = stable->calls,
                             .stable_bad = stable->errors };
}

static struct finding slowness_find(const struct tally *canary, const struct tally *stable,
                                    double quantile)
{
    size_t limit = bucket_after(stable, quantile);
    int64_t limit_us = bucket_us(limit);
    int64_t allowed_us = limit_us + MAX((int64_t)(limit_us * JUDGE_SLOWER_RATIO), JUDGE_SLOWER_US);
    /* From the next whole bucket on, so that none is counted as slower that is not. */
    return (struct finding){ .canary = (double)tally_quantile_us(canary, quantile) / 1000,
                             .stable = (double)limit_us / 1000,
                             .canary_calls = answered(canary),
                             .canary_bad = count_from(canary, bucket_of(allowed_us) + 1),
                             .stable_calls = answered(stable),
                             .stable_bad = count_from(stable, limit) };
}

void judge(const struct tally *canary, const struct tally *stable, double alpha,
           struct judgement *out)
{
    *out = (struct judgement){ .alpha = alpha };
    out->findings[MEASURE_ERRORS] = errors_find(canary, stable);
    out->findings[MEASURE_MEDIAN] = slowness_find(canary, stable, 0.5);
    out->findings[MEASURE_P99] = slowness_find(canary, stable, 0.99);
    for (size_t i = 0; i < N_MEASURES; i++) {
        struct finding *finding = &out->findings[i];
        bool matters = i != MEASURE_ERRORS ||
                       finding->canary - finding->stable >= JUDGE_ERRORS_POINT;
        finding->p = fisher_upper(finding->canary_bad, finding->canary_calls, finding->stable_bad,
                                  finding->stable_calls);
        finding->worse = matters && finding->p < alpha;
        out->worse |= finding->worse;
        out->doubtful |= matters && finding->p < JUDGE_DOUBT;
    }
}
