#include "base/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/macros.h"

static _Atomic int64_t held_us;

static int64_t read_ns(clockid_t which)
{
    struct timespec now;
    clock_gettime(which, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int64_t clock_now_us(void)
{
    int64_t held = atomic_load_explicit(&held_us, memory_order_relaxed);
    return held ? held : read_ns(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_us(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000;
}

int64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

void clock_hold_us(int64_t us)
{
    atomic_store(&held_us, us);
}

/* The era method: years begin in March, so that the leap day comes last. */
int64_t clock_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void clock_civil(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = (int)(year_of_era + era * 400 + (*month <= 2));
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

size_t clock_format(int64_t us, char out[CLOCK_TEXT_BYTES])
{
    int64_t seconds = floor_div(us, US_PER_S);
    int fraction = (int)(us - seconds * US_PER_S);
    int64_t days = floor_div(seconds, 86400);
    int rest = (int)(seconds - days * 86400);
    int year, month, day;
    clock_civil(days, &year, &month, &day);
    if (year < 1 || year > 9999)
        year = year < 1 ? 1 : 9999;
    char text[64];
    int n = snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d", year, month, day,
                     rest / 3600, rest / 60 % 60, rest % 60);
    if (fraction % 1000)
        n += snprintf(text + n, sizeof(text) - (size_t)n, ".%06d", fraction);
    else if (fraction)
        n += snprintf(text + n, sizeof(text) - (size_t)n, ".%03d", fraction / 1000);
    text[n++] = 'Z';
    memcpy(out, text, (size_t)n);
    out[n] = '\0';
    return (size_t)n;
}

static bool digits(const char **at, const char *end, int count, int *out)
{
    if (end - *at < count)
        return false;
    int value = 0;
    for (int i = 0; i < count; i++) {
        char c = *(*at)++;
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *out = value;
    return true;
}

static bool letter(const char **at, const char *end, char wanted)
{
    return *at < end && *(*at)++ == wanted;
}

static bool parse_date(const char **at, const char *end, int64_t *days)
{
    int year, month, day;
    if (!digits(at, end, 4, &year) || !letter(at, end, '-') || !digits(at, end, 2, &month) ||
        !letter(at, end, '-') || !digits(at, end, 2, &day) || year < 1 || month < 1 || month > 12 ||
        day < 1)
        return false;
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (day > lengths[month - 1] + (month == 2 && leap))
        return false;
    *days = clock_days(year, month, day);
    return true;
}

static bool parse_time(const char **at, const char *end, int64_t *us)
{
    int hour, minute, second;
    if (!digits(at, end, 2, &hour) || !letter(at, end, ':') || !digits(at, end, 2, &minute) ||
        !letter(at, end, ':') || !digits(at, end, 2, &second) || hour > 23 || minute > 59 ||
        second > 60)
        return false;
    *us = ((hour * 60 + minute) * 60 + MIN(second, 59)) * US_PER_S;
    if (*at < end && **at == '.') {
        int64_t scale = US_PER_S / 10;
        const char *first = ++*at;
        for (; *at < end && **at >= '0' && **at <= '9'; ++*at, scale /= 10)
            *us += (**at - '0') * scale;
        return *at > first;
    }
    return true;
}

static bool parse_offset(const char **at, const char *end, int64_t *us)
{
    if (*at == end)
        return false;
    char sign = *(*at)++;
    if (sign == 'Z' || sign == 'z') {
        *us = 0;
        return true;
    }
    int hour, minute;
    if ((sign != '+' && sign != '-') || !digits(at, end, 2, &hour) || !letter(at, end, ':') ||
        !digits(at, end, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *us = (sign == '-' ? -1 : 1) * (hour * 60 + minute) * 60 * US_PER_S;
    return true;
}

bool clock_parse(struct str text, bool date_too, int64_t *out)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    int64_t days, time = 0, offset = 0;
    if (!at || !parse_date(&at, end, &days))
        return false;
    if (at == end && date_too) {
        *out = days * US_PER_DAY;
        return true;
    }
    if (at == end || (*at != 'T' && *at != 't' && *at != ' '))
        return false;
    at++;
    if (!parse_time(&at, end, &time) || !parse_offset(&at, end, &offset) || at != end)
        return false;
    *out = days * US_PER_DAY + time - offset;
    return true;
}
