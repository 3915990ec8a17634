#include "platform/zone/rule.h"

#include <ctype.h>

#include "base/clock.h"

#define DAY_S 86400

/* ---- reading ---- */

static bool take(struct str *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    *rest = (struct str){ rest->ptr + 1, rest->len - 1 };
    return true;
}

static bool take_number(struct str *rest, int64_t *out)
{
    size_t n = 0;
    int64_t number = 0;
    for (; n < rest->len && n < 6 && isdigit((unsigned char)rest->ptr[n]); n++)
        number = number * 10 + (rest->ptr[n] - '0');
    *rest = (struct str){ rest->ptr + n, rest->len - n };
    *out = number;
    return n > 0;
}

/* "CET" or "<+0530>" */
static bool take_name(struct str *rest, struct zone_clock *out)
{
    size_t n = 0;
    bool quoted = take(rest, '<');
    while (n < rest->len && (quoted ? rest->ptr[n] != '>' : isalpha((unsigned char)rest->ptr[n])))
        n++;
    if (n >= sizeof(out->name))
        return false;
    memcpy(out->name, rest->ptr, n);
    *rest = (struct str){ rest->ptr + n, rest->len - n };
    return n > 0 && (!quoted || take(rest, '>'));
}

/* "2", "-5:45", "+10:30:00", in seconds */
static bool take_time(struct str *rest, int64_t *out)
{
    int64_t sign = take(rest, '-') ? -1 : 1, total = 0, part;
    if (sign > 0)
        take(rest, '+');
    for (int unit = 3600; unit; unit /= 60) {
        if (!take_number(rest, &part))
            return false;
        total += part * unit;
        if (!take(rest, ':'))
            break;
    }
    *out = sign * total;
    return true;
}

static bool take_month_day(struct str *rest, struct rule_day *out)
{
    int64_t month, week, weekday;
    if (!take_number(rest, &month) || !take(rest, '.') || !take_number(rest, &week) ||
        !take(rest, '.') || !take_number(rest, &weekday))
        return false;
    *out = (struct rule_day){ RULE_MONTH, (int)month, (int)week, (int)weekday };
    return month >= 1 && month <= 12 && week >= 1 && week <= 5 && weekday <= 6;
}

static bool take_day(struct str *rest, struct rule_day *out)
{
    int64_t day;
    if (take(rest, 'M')) {
        if (!take_month_day(rest, out))
            return false;
    } else {
        bool julian = take(rest, 'J');
        if (!take_number(rest, &day) || day > 365 || (julian && day == 0))
            return false;
        *out = (struct rule_day){ .kind = julian ? RULE_JULIAN : RULE_DAY, .day = (int)day };
    }
    out->time_s = 2 * 3600;
    return !take(rest, '/') || take_time(rest, &out->time_s);
}

bool rule_parse(struct str text, struct rule *out)
{
    struct rule rule = { 0 };
    if (!take_name(&text, &rule.standard) || !take_time(&text, &rule.standard.offset_s))
        return false;
    rule.standard.offset_s *= -1; /* written as what is added to local time */
    rule.has_summer = text.len > 0;
    rule.summer.offset_s = rule.standard.offset_s + 3600;
    if (rule.has_summer) {
        int64_t behind_s;
        if (!take_name(&text, &rule.summer))
            return false;
        if (text.len && text.ptr[0] != ',') {
            if (!take_time(&text, &behind_s))
                return false;
            rule.summer.offset_s = -behind_s;
        }
        if (!take(&text, ',') || !take_day(&text, &rule.begin) || !take(&text, ',') ||
            !take_day(&text, &rule.end))
            return false;
    }
    if (text.len)
        return false;
    *out = rule;
    return true;
}

/* ---- asking ---- */

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_of(const struct rule_day *day, int year)
{
    if (day->kind != RULE_MONTH) {
        bool after_february = day->kind == RULE_JULIAN && is_leap(year) && day->day >= 60;
        return clock_days(year, 1, 1) + day->day - (day->kind == RULE_JULIAN) + after_february;
    }
    int64_t first = clock_days(year, day->month, 1);
    int64_t next = day->month == 12 ? clock_days(year + 1, 1, 1)
                                    : clock_days(year, day->month + 1, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1 January 1970 was a Thursday */
    int64_t at = first + (day->weekday - weekday + 7) % 7 + 7 * (day->week - 1);
    while (at >= next) /* the fifth is the last */
        at -= 7;
    return at;
}

struct zone_clock rule_at(const struct rule *rule, int64_t utc_s)
{
    int year, month, day;
    if (!rule->has_summer)
        return rule->standard;
    int64_t local_s = utc_s + rule->standard.offset_s;
    clock_civil((local_s - (local_s % DAY_S + DAY_S) % DAY_S) / DAY_S, &year, &month, &day);
    int64_t begin_s = days_of(&rule->begin, year) * DAY_S + rule->begin.time_s -
                      rule->standard.offset_s;
    int64_t end_s = days_of(&rule->end, year) * DAY_S + rule->end.time_s - rule->summer.offset_s;
    bool summer = begin_s < end_s ? utc_s >= begin_s && utc_s < end_s
                                  : utc_s >= begin_s || utc_s < end_s;
    return summer ? rule->summer : rule->standard;
}
