#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "platform/schema/program.h"

struct decimal decimal_of(const struct json *number)
{
    if (json_type(number) == JSON_INTEGER) {
        int64_t value = json_int(number);
        return (struct decimal){ value < 0 ? -(uint64_t)value : (uint64_t)value, 0 };
    }
    char text[32];
    double value = fabs(json_double(number));
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*e", digits - 1, value);
        if (strtod(text, NULL) == value)
            break;
    }
    struct decimal decimal = { 0 };
    const char *at = text;
    for (bool fraction = false; *at != 'e'; at++) {
        if (*at == '.') {
            fraction = true;
        } else {
            decimal.digits = decimal.digits * 10 + (uint64_t)(*at - '0');
            decimal.exponent -= fraction;
        }
    }
    decimal.exponent += atoi(at + 1);
    return decimal;
}

bool decimal_is_multiple(struct decimal number, struct decimal step)
{
    int shift = number.exponent - step.exponent;
    if (number.digits == 0)
        return true;
    for (; shift < 0; shift++)
        if (__builtin_mul_overflow(step.digits, 10, &step.digits) || step.digits > number.digits)
            return false;
    uint64_t rest = number.digits % step.digits;
    for (; shift > 0 && rest; shift--)
        rest = (uint64_t)((unsigned __int128)rest * 10 % step.digits);
    return rest == 0;
}
