/* Readings against closed forms, which share nothing with the quadrature: sums of Beta functions for two arms, the
 * binomial for intervals, symmetry for many; chi-square against tables. */
#include <math.h>

#include "base/tests/check.h"
#include "services/personalization/statistics.h"

static double log_beta(double a, double b)
{
    return lgamma(a) + lgamma(b) - lgamma(a + b);
}

/* P(Y > X) of X ~ Beta(ax, bx), Y ~ Beta(ay, by), ay a whole number: a sum over the terms of Y's distribution. */
static double probability_above(double ax, double bx, double ay, double by)
{
    double sum = 0;
    for (int i = 0; i < (int)ay; i++)
        sum +=
            exp(log_beta(ax + i, bx + by) - log(by + i) - log_beta(1 + i, by) - log_beta(ax, bx));
    return sum;
}

/* E[max(Y - X, 0)]: each mean times the probability with one success more. */
static double gain(double ax, double bx, double ay, double by)
{
    return ay / (ay + by) * probability_above(ax, bx, ay + 1, by) -
           ax / (ax + bx) * probability_above(ax + 1, bx, ay, by);
}

/* P(X < x) of X ~ Beta(a, b), whole numbers: the binomial's upper tail. */
static double below(int a, int b, double x)
{
    double sum = 0;
    for (int k = a; k < a + b; k++)
        sum += exp(lgamma(a + b) - lgamma(k + 1) - lgamma(a + b - k) + k * log(x) +
                   (a + b - 1 - k) * log1p(-x));
    return sum;
}

static bool near(double got, double wanted, double tolerance)
{
    if (fabs(got - wanted) <= tolerance)
        return true;
    fprintf(stderr, "%.9g, wanted %.9g\n", got, wanted);
    return false;
}

static void test_two(void)
{
    static const struct arm cases[][2] = {
        { { 0, 0 }, { 0, 0 } },
        { { 1, 0 }, { 1, 1 } },
        { { 10, 0 }, { 10, 3 } },
        { { 100, 10 }, { 110, 18 } },
        { { 1000, 0 }, { 1000, 2 } },
        { { 5000, 250 }, { 5000, 300 } },
        { { 10, 10 }, { 20000, 19990 } },
        { { 20000, 400 }, { 30, 2 } },
        { { 20000, 1000 }, { 20000, 1000 } },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct arm *x = &cases[i][0], *y = &cases[i][1];
        double ax = 1 + (double)x->converted, bx = 1 + (double)(x->exposed - x->converted);
        double ay = 1 + (double)y->converted, by = 1 + (double)(y->exposed - y->converted);
        struct reading readings[2];
        arms_read(cases[i], 2, readings);
        CHECK(near(readings[0].rate, ax / (ax + bx), 1e-12));
        CHECK(near(readings[1].probability_best, probability_above(ax, bx, ay, by), 1e-4));
        CHECK(near(readings[0].probability_best + readings[1].probability_best, 1, 1e-4));
        CHECK(near(readings[0].expected_loss, gain(ax, bx, ay, by), 1e-5));
        CHECK(near(readings[1].expected_loss, gain(ay, by, ax, bx), 1e-5));
        CHECK(near(below((int)ax, (int)bx, readings[0].low), 0.025, 1e-4));
        CHECK(near(below((int)ay, (int)by, readings[1].high), 0.975, 1e-4));
    }
}

static void test_many(void)
{
    struct arm arms[20];
    struct reading readings[20];
    for (int i = 0; i < 20; i++)
        arms[i] = (struct arm){ 1000, 100 };
    arms_read(arms, 20, readings);
    double sum = 0;
    for (int i = 0; i < 20; i++) {
        CHECK(near(readings[i].probability_best, 1 / 20.0, 1e-4));
        sum += readings[i].probability_best;
    }
    CHECK(near(sum, 1, 1e-4));
    arms[3].converted = 200; /* far above the others: alone */
    arms_read(arms, 20, readings);
    CHECK(near(readings[3].probability_best, 1, 1e-4));
    CHECK(near(readings[3].expected_loss, 0, 1e-5));
    CHECK(near(readings[0].expected_loss, readings[3].rate - readings[0].rate, 1e-4));
}

/* 40 million people: the densities are narrow, and nothing overflows. For figures like these the normal distribution
 * says it: P = Phi(difference / sqrt(sum of variances)). */
static void test_large(void)
{
    struct arm arms[2] = { { 20000000, 1000000 }, { 20000000, 1001000 } };
    struct reading readings[2];
    arms_read(arms, 2, readings);
    double sd = sqrt(0.05 * 0.95 / 2e7 + 0.05005 * 0.94995 / 2e7);
    CHECK(near(readings[1].probability_best, erfc(-0.00005 / sd / sqrt(2)) / 2, 1e-4));
    CHECK(near(readings[0].high, readings[0].rate + 1.959964 * sqrt(0.05 * 0.95 / 2e7), 1e-7));
}

static void test_alone(void)
{
    struct reading reading;
    arms_read(&(struct arm){ 50, 5 }, 1, &reading);
    CHECK(near(reading.probability_best, 1, 1e-9));
    CHECK(near(reading.expected_loss, 0, 1e-6));
}

/* Upper points of the chi-square distribution, as tables print them. */
static void test_chi_square(void)
{
    static const struct {
        double value;
        int64_t degrees;
        double p;
    } cases[] = { { 3.841459, 1, 0.05 },   { 10.827566, 1, 0.001 }, { 5.991465, 2, 0.05 },
                  { 13.815511, 2, 0.001 }, { 7.814728, 3, 0.05 },   { 9.487729, 4, 0.05 },
                  { 16.918978, 9, 0.05 },  { 30.143527, 19, 0.05 }, { 43.820196, 19, 0.001 } };
    for (size_t i = 0; i < COUNT(cases); i++)
        CHECK(near(chi_square_p(cases[i].value, cases[i].degrees), cases[i].p, 1e-7));
    int64_t degrees;
    CHECK(near(
        chi_square((const int64_t[]){ 44, 56, 9 }, (const double[]){ 0.5, 0.5, 0 }, 3, &degrees),
        1.44, 1e-12));
    CHECK_INT(degrees, 1); /* one that was to have no share has no say */
    CHECK(near(chi_square_p(0, 1), 1, 0));
    CHECK(chi_square_p(5000, 1) < 1e-300);
}

int main(void)
{
    test_two();
    test_many();
    test_large();
    test_alone();
    test_chi_square();
    return check_end();
}
