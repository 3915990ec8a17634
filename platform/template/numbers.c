#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/template/filters.h"

/* ---- from text ---- */

/* "-12abc" begins with -12. */
static bool leading_integer(struct run *run, struct str text, int64_t *out)
{
    text = str_trim(text);
    size_t n = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'), sign = n;
    while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9')
        n++;
    bool plus = sign && text.ptr[0] == '+';
    struct str digits = { text.ptr + plus, n - plus };
    *out = 0;
    return n == sign || str_to_int(digits, out) ||
           liquid_fail(run, "the number " STR_FMT " is too large", (int)MIN(digits.len, 40),
                       digits.ptr);
}

/* Digits, a point and digits, and nothing else. */
static bool is_decimal(struct str text)
{
    size_t at = text.len && text.ptr[0] == '-', from = at, point = 0;
    for (; at < text.len; at++)
        if (text.ptr[at] == '.' && !point && at > from)
            point = at;
        else if (text.ptr[at] < '0' || text.ptr[at] > '9')
            return false;
    return point && point + 1 < text.len;
}

bool liquid_number(struct run *run, const struct value *value, struct value *out)
{
    int64_t whole;
    double number;
    if (liquid_is_number(value)) {
        *out = *value;
        return true;
    }
    *out = int_value(0);
    if (value->kind != KIND_TEXT)
        return true;
    struct str text = str_trim(value->text);
    if (is_decimal(text) && str_to_double(text, &number)) {
        *out = float_value(number);
        return true;
    }
    if (!leading_integer(run, text, &whole))
        return false;
    *out = int_value(whole);
    return true;
}

static bool too_large(struct run *run)
{
    return liquid_fail(run, "a number is too large");
}

static bool whole_of(struct run *run, double number, int64_t *out)
{
    *out = 0;
    if (!(number >= -9.2e18 && number <= 9.2e18))
        return too_large(run);
    *out = (int64_t)number;
    return true;
}

bool liquid_integer(struct run *run, const struct value *value, int64_t *out)
{
    struct value number;
    if (!liquid_number(run, value, &number))
        return false;
    if (number.kind == KIND_FLOAT)
        return whole_of(run, number.number, out);
    *out = number.integer;
    return true;
}

/* ---- arithmetic ---- */

static bool give_integer(struct value *value, int64_t integer)
{
    *value = int_value(integer);
    return true;
}

/* The decimal number that a double was written as, so that 10.1 - 2.2 is 7.9, as people count. */
static long double decimal_of(const struct value *value)
{
    char text[40];
    if (value->kind == KIND_INTEGER)
        return (long double)value->integer;
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value->number);
        if (strtod(text, NULL) == value->number)
            break;
    }
    return strtold(text, NULL);
}

/* To 16 digits, what a double holds. */
static bool give_float(struct run *run, struct value *value, long double number)
{
    char text[48];
    snprintf(text, sizeof(text), "%.16Lg", number);
    double rounded = strtod(text, NULL);
    if (!isfinite(rounded))
        return too_large(run);
    *value = float_value(rounded);
    return true;
}

static bool both_whole(const struct value *a, const struct value *b)
{
    return a->kind == KIND_INTEGER && b->kind == KIND_INTEGER;
}

bool liquid_add(struct run *run, const struct value *a, const struct value *b, struct value *out)
{
    int64_t sum;
    if (both_whole(a, b))
        return __builtin_add_overflow(a->integer, b->integer, &sum) ? too_large(run)
                                                                    : give_integer(out, sum);
    return give_float(run, out, decimal_of(a) + decimal_of(b));
}

static bool subtract(struct run *run, const struct value *a, const struct value *b,
                     struct value *out)
{
    int64_t rest;
    if (both_whole(a, b))
        return __builtin_sub_overflow(a->integer, b->integer, &rest) ? too_large(run)
                                                                     : give_integer(out, rest);
    return give_float(run, out, decimal_of(a) - decimal_of(b));
}

static bool multiply(struct run *run, const struct value *a, const struct value *b,
                     struct value *out)
{
    int64_t product;
    if (both_whole(a, b))
        return __builtin_mul_overflow(a->integer, b->integer, &product)
                   ? too_large(run)
                   : give_integer(out, product);
    return give_float(run, out, decimal_of(a) * decimal_of(b));
}

/* Whole numbers give whole ones, downwards: -7 / 2 is -4. */
static bool divide(struct run *run, const struct value *a, const struct value *b, struct value *out)
{
    if (decimal_of(b) == 0)
        return liquid_fail(run, "divided by 0");
    if (!both_whole(a, b))
        return give_float(run, out, decimal_of(a) / decimal_of(b));
    if (b->integer == -1)
        return subtract(run, &(struct value){ .kind = KIND_INTEGER }, a, out);
    int64_t quotient = a->integer / b->integer;
    bool down = a->integer % b->integer && (a->integer < 0) != (b->integer < 0);
    return give_integer(out, quotient - down);
}

/* The sign is that of the divisor. */
static bool remain(struct run *run, const struct value *a, const struct value *b, struct value *out)
{
    if (decimal_of(b) == 0)
        return liquid_fail(run, "divided by 0");
    if (!both_whole(a, b)) {
        long double divisor = decimal_of(b), rest = fmodl(decimal_of(a), divisor);
        bool other = rest != 0 && (rest < 0) != (divisor < 0);
        return give_float(run, out, other ? rest + divisor : rest);
    }
    int64_t rest = b->integer == -1 ? 0 : a->integer % b->integer;
    bool other = rest && (rest < 0) != (b->integer < 0);
    return give_integer(out, other ? rest + b->integer : rest);
}

typedef bool arithmetic(struct run *, const struct value *, const struct value *, struct value *);

static bool apply(struct run *run, const struct filter_input *in, struct value *value,
                  arithmetic *function)
{
    struct value a, b;
    return liquid_number(run, value, &a) && liquid_number(run, &in->args[0], &b) &&
           function(run, &a, &b, value);
}

FILTER(plus)
{
    return apply(run, in, value, liquid_add);
}

FILTER(minus)
{
    return apply(run, in, value, subtract);
}

FILTER(times)
{
    return apply(run, in, value, multiply);
}

FILTER(divided_by)
{
    return apply(run, in, value, divide);
}

FILTER(modulo)
{
    return apply(run, in, value, remain);
}

/* ---- limits and rounding ---- */

static bool larger(struct run *run, const struct value *a, const struct value *b, struct value *out)
{
    int order;
    if (!liquid_order(run, a, b, &order))
        return false;
    *out = order < 0 ? *b : *a;
    return true;
}

static bool smaller(struct run *run, const struct value *a, const struct value *b,
                    struct value *out)
{
    int order;
    if (!liquid_order(run, a, b, &order))
        return false;
    *out = order > 0 ? *b : *a;
    return true;
}

FILTER(at_least)
{
    return apply(run, in, value, larger);
}

FILTER(at_most)
{
    return apply(run, in, value, smaller);
}

FILTER(abs)
{
    struct value number;
    if (!liquid_number(run, value, &number))
        return false;
    if (number.kind == KIND_FLOAT)
        *value = float_value(fabs(number.number));
    else
        return number.integer < 0
                   ? subtract(run, &(struct value){ .kind = KIND_INTEGER }, &number, value)
                   : give_integer(value, number.integer);
    return true;
}

static bool rounded(struct run *run, struct value *value, double (*function)(double))
{
    struct value number;
    int64_t whole;
    if (!liquid_number(run, value, &number))
        return false;
    if (number.kind == KIND_FLOAT) {
        if (!whole_of(run, function(number.number), &whole))
            return false;
        number = int_value(whole);
    }
    *value = number;
    return true;
}

FILTER(ceil)
{
    return rounded(run, value, ceil);
}

FILTER(floor)
{
    return rounded(run, value, floor);
}

/* Halves go away from 0. */
FILTER(round)
{
    struct value number;
    int64_t digits = 0, whole;
    if (!liquid_number(run, value, &number) ||
        (in->n && !liquid_integer(run, &in->args[0], &digits)))
        return false;
    if (digits == 0)
        return rounded(run, value, round);
    long double scale = powl(10, (long double)MAX(MIN(digits, 18), -18));
    long double scaled = decimal_of(&number) * scale;
    if (digits < 0) {
        if (!whole_of(run, (double)(roundl(scaled) / scale), &whole))
            return false;
        *value = int_value(whole);
        return true;
    }
    *value = number;
    if (number.kind == KIND_INTEGER || fabsl(scaled) > 1e15L)
        return true;
    return give_float(run, value, roundl(scaled) / scale);
}
