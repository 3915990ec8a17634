/* Money: whole minor units and a currency (ISO 4217). Never a floating point number. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct money {
    int64_t amount; /* minor units: 1999 is 19.99 USD, or 1999 JPY */
    char currency[4];
};

/* Digits after the point of the currency's major unit; -1 for one that the table does not know. */
int money_exponent(const char *currency);

/* Sum and product; false on overflow or different currencies, *out untouched. */
bool money_add(struct money a, struct money b, struct money *out);
bool money_times(struct money a, int64_t n, struct money *out);

/* numerator / denominator of `a`, rounded half to even; false on overflow or a denominator <= 0. */
bool money_share(struct money a, int64_t numerator, int64_t denominator, struct money *out);

/* Exact decimal text ("261.96", "-3.825") to minor units with `exponent` digits, rounded half to even. */
bool money_parse(struct str text, int exponent, int64_t *out);
