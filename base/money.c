#include "base/money.h"

#include "base/macros.h"

/* ISO 4217 exponents that differ from 2, and the currencies with 2 that shops commonly use. */
static const struct {
    char code[4];
    signed char exponent;
} currencies[] = {
    { "USD", 2 }, { "EUR", 2 }, { "GBP", 2 }, { "JPY", 0 }, { "CHF", 2 }, { "CAD", 2 },
    { "AUD", 2 }, { "NZD", 2 }, { "CNY", 2 }, { "HKD", 2 }, { "SGD", 2 }, { "INR", 2 },
    { "KRW", 0 }, { "SEK", 2 }, { "NOK", 2 }, { "DKK", 2 }, { "PLN", 2 }, { "CZK", 2 },
    { "HUF", 2 }, { "RON", 2 }, { "BGN", 2 }, { "TRY", 2 }, { "ILS", 2 }, { "AED", 2 },
    { "SAR", 2 }, { "ZAR", 2 }, { "BRL", 2 }, { "MXN", 2 }, { "ARS", 2 }, { "COP", 2 },
    { "PEN", 2 }, { "THB", 2 }, { "MYR", 2 }, { "IDR", 2 }, { "PHP", 2 }, { "TWD", 2 },
    { "UAH", 2 }, { "EGP", 2 }, { "MAD", 2 }, { "NGN", 2 }, { "KES", 2 }, { "PKR", 2 },
    { "BDT", 2 }, { "LKR", 2 }, { "QAR", 2 }, { "BHD", 3 }, { "KWD", 3 }, { "OMR", 3 },
    { "JOD", 3 }, { "TND", 3 }, { "IQD", 3 }, { "LYD", 3 }, { "CLP", 0 }, { "ISK", 0 },
    { "VND", 0 }, { "PYG", 0 }, { "UGX", 0 }, { "XAF", 0 }, { "XOF", 0 }, { "XPF", 0 },
    { "RWF", 0 }, { "KMF", 0 }, { "GNF", 0 }, { "DJF", 0 }, { "BIF", 0 }, { "VUV", 0 },
    { "CLF", 4 }, { "UYW", 4 },
};

int money_exponent(const char *currency)
{
    for (size_t i = 0; i < COUNT(currencies); i++)
        if (strcmp(currencies[i].code, currency) == 0)
            return currencies[i].exponent;
    return -1;
}

bool money_add(struct money a, struct money b, struct money *out)
{
    int64_t sum;
    if (memcmp(a.currency, b.currency, 4) != 0 || __builtin_add_overflow(a.amount, b.amount, &sum))
        return false;
    *out = a;
    out->amount = sum;
    return true;
}

bool money_times(struct money a, int64_t n, struct money *out)
{
    int64_t product;
    if (__builtin_mul_overflow(a.amount, n, &product))
        return false;
    *out = a;
    out->amount = product;
    return true;
}

bool money_share(struct money a, int64_t numerator, int64_t denominator, struct money *out)
{
    if (denominator <= 0)
        return false;
    __int128 product = (__int128)a.amount * numerator;
    __int128 whole = product / denominator, rest = product % denominator;
    __int128 twice = (rest < 0 ? -rest : rest) * 2;
    if (twice > denominator || (twice == denominator && (whole & 1)))
        whole += product < 0 ? -1 : 1;
    if (whole > INT64_MAX || whole < INT64_MIN)
        return false;
    *out = a;
    out->amount = (int64_t)whole;
    return true;
}

bool money_parse(struct str text, int exponent, int64_t *out)
{
    text = str_trim(text);
    bool negative = text.len && text.ptr[0] == '-';
    size_t at = negative, digits = 0;
    int64_t value = 0;
    int after = -1, first_cut = 0;
    bool rest_not_zero = false;
    for (; at < text.len; at++) {
        char c = text.ptr[at];
        if (c == '.' && after < 0) {
            after = 0;
            continue;
        }
        if (c < '0' || c > '9')
            return false;
        digits++;
        if (after >= 0 && after++ >= exponent) {
            if (after == exponent + 1)
                first_cut = c - '0';
            else
                rest_not_zero |= c != '0';
            continue;
        }
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, c - '0', &value))
            return false;
    }
    if (!digits)
        return false;
    for (int have = after < 0 ? 0 : MIN(after, exponent); have < exponent; have++)
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
    if (first_cut > 5 || (first_cut == 5 && (rest_not_zero || (value & 1))))
        value++;
    *out = negative ? -value : value;
    return true;
}
