#include "services/personalization/statistics.h"

#include <math.h>
#include <stdlib.h>

#define HALF_POINTS 800 /* of each arm's own places, on each side of its mean */

/* Near the mean every 1/130 of a standard deviation, and as far as 50 of them: a Beta of few successes has a long tail. */
#define NEAR_SD 6.0
#define FAR_SD 44.0

struct curve {
    double a, b, mean, sd, top; /* top: the logarithm of the density's shape where it is highest */
    double *below;              /* at each place: the probability of a lower rate */
};

/* ---- one arm ---- */

static double power_log(double exponent, double log_base)
{
    return exponent == 0 ? 0 : exponent * log_base; /* where 0 * -inf would be */
}

static double shape_log(const struct curve *curve, double x)
{
    return power_log(curve->a - 1, log(x)) + power_log(curve->b - 1, log1p(-x));
}

static struct curve curve_of(const struct arm *arm)
{
    struct curve curve = { .a = 1 + (double)arm->converted,
                           .b = 1 + (double)(arm->exposed - arm->converted) };
    double sum = curve.a + curve.b;
    curve.mean = curve.a / sum;
    curve.sd = sqrt(curve.a * curve.b / (sum * sum * (sum + 1)));
    curve.top = shape_log(&curve, arm->exposed ? (curve.a - 1) / (sum - 2) : 0.5);
    return curve;
}

/* The density's integral from 0 to each place, scaled to end at 1. */
static void curve_integrate(struct curve *curve, const double *places, size_t n)
{
    double before = exp(shape_log(curve, places[0]) - curve->top), sum = 0;
    curve->below[0] = 0;
    for (size_t i = 1; i < n; i++) {
        double here = exp(shape_log(curve, places[i]) - curve->top);
        sum += (before + here) / 2 * (places[i] - places[i - 1]);
        curve->below[i] = sum;
        before = here;
    }
    for (size_t i = 0; i < n; i++)
        curve->below[i] /= sum;
}

static double curve_quantile(const struct curve *curve, const double *places, size_t n,
                             double share)
{
    size_t i = 1;
    while (i < n - 1 && curve->below[i] < share)
        i++;
    double step = curve->below[i] - curve->below[i - 1];
    double part = step > 0 ? (share - curve->below[i - 1]) / step : 0;
    return places[i - 1] + part * (places[i] - places[i - 1]);
}

/* ---- all of them ---- */

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Where the densities are looked at: close together where any of them has something to show. */
static double *places_of(struct arena *arena, const struct curve *curves, size_t n,
                         size_t *n_places)
{
    double *places = ARENA_ARRAY(arena, double, n *(2 * HALF_POINTS + 1) + 2);
    size_t at = 0;
    places[at++] = 0;
    places[at++] = 1;
    for (size_t i = 0; i < n; i++)
        for (int k = -HALF_POINTS; k <= HALF_POINTS; k++) {
            double t = (double)k / HALF_POINTS;
            double x = curves[i].mean + curves[i].sd * (NEAR_SD * t + FAR_SD * t * t * t);
            if (x > 0 && x < 1)
                places[at++] = x;
        }
    qsort(places, at, sizeof(*places), by_size);
    *n_places = at;
    return places;
}

/* The probability that all arms but `without` (n: all) are below the place. */
static double all_below(const struct curve *curves, size_t n, size_t without, size_t place)
{
    double product = 1;
    for (size_t i = 0; i < n; i++)
        if (i != without)
            product *= curves[i].below[place];
    return product;
}

static double mean_of_highest(const struct curve *curves, size_t n, const double *places,
                              size_t n_places)
{
    double sum = 0, before = all_below(curves, n, n, 0);
    for (size_t k = 1; k < n_places; k++) {
        double here = all_below(curves, n, n, k);
        sum += (1 - (before + here) / 2) * (places[k] - places[k - 1]);
        before = here;
    }
    return sum;
}

static double probability_best(const struct curve *curves, size_t n, size_t arm, size_t n_places)
{
    double sum = 0, before = all_below(curves, n, arm, 0);
    for (size_t k = 1; k < n_places; k++) {
        double here = all_below(curves, n, arm, k);
        sum += (before + here) / 2 * (curves[arm].below[k] - curves[arm].below[k - 1]);
        before = here;
    }
    return sum;
}

void arms_read(const struct arm *arms, size_t n, struct reading *out)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct curve *curves = ARENA_ARRAY(arena, struct curve, n);
    size_t n_places;
    for (size_t i = 0; i < n; i++)
        curves[i] = curve_of(&arms[i]);
    double *places = places_of(arena, curves, n, &n_places);
    for (size_t i = 0; i < n; i++) {
        curves[i].below = ARENA_ARRAY(arena, double, n_places);
        curve_integrate(&curves[i], places, n_places);
    }
    double highest = mean_of_highest(curves, n, places, n_places);
    for (size_t i = 0; i < n; i++)
        out[i] = (struct reading){ .rate = curves[i].mean,
                                   .low = curve_quantile(&curves[i], places, n_places, 0.025),
                                   .high = curve_quantile(&curves[i], places, n_places, 0.975),
                                   .probability_best = probability_best(curves, n, i, n_places),
                                   .expected_loss = fmax(0, highest - curves[i].mean) };
}

/* ---- chi-square ---- */

double chi_square(const int64_t *counts, const double *shares, size_t n, int64_t *degrees)
{
    double total = 0, value = 0;
    *degrees = -1;
    for (size_t i = 0; i < n; i++)
        if (shares[i] > 0) {
            total += (double)counts[i];
            ++*degrees;
        }
    for (size_t i = 0; i < n; i++)
        if (shares[i] > 0) {
            double off = (double)counts[i] - total * shares[i];
            value += off * off / (total * shares[i]);
        }
    return value;
}

/* The regularised upper incomplete gamma function Q(degrees / 2, value / 2), by its recurrence (DLMF 8.8.6). */
double chi_square_p(double value, int64_t degrees)
{
    double x = value / 2, a = degrees % 2 ? 0.5 : 1;
    double q = degrees % 2 ? erfc(sqrt(x)) : exp(-x);
    double term = degrees % 2 ? sqrt(x / M_PI) * 2 * exp(-x)
                              : x * exp(-x); /* x^a e^-x / gamma(a + 1) */
    if (value <= 0 || degrees < 1)
        return 1;
    for (; a + 0.25 < (double)degrees / 2; a++) {
        q += term;
        term *= x / (a + 1);
    }
    return fmin(q, 1);
}
