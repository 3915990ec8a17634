/* What the figures of an experiment say. Pure. */
#pragma once

#include "base/arena.h"

/* People who saw a variant, and those of them who did what counts. */
struct arm {
    int64_t exposed, converted;
};

/* Of the Beta distribution that the figures leave of a flat one, Beta(1, 1). */
struct reading {
    double rate, low, high;  /* mean; 95% lie between */
    double probability_best; /* that no other arm has a higher rate */
    double expected_loss;    /* E[highest rate of all - this one's] */
};

/* Of all arms, by quadrature: good to 1e-4, whatever the numbers. One arm alone is best, with no loss. */
void arms_read(const struct arm *arms, size_t n, struct reading *out);

/* Pearson's chi-square of counts against the shares that were to be, which sum to 1; those without a share are left
 * out. *degrees: of freedom. */
double chi_square(const int64_t *counts, const double *shares, size_t n, int64_t *degrees);

/* How likely one as large, or larger, is by chance. */
double chi_square_p(double value, int64_t degrees);
