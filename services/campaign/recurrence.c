#include "services/campaign/recurrence.h"

#include "base/clock.h"

#define DAY_S 86400
#define INTERVAL_MOST 10000
#define COUNT_MOST 100000

/* ---- reading ---- */

static const char *const weekdays[] = { "MO", "TU", "WE", "TH", "FR", "SA", "SU" };

static int name_find(const char *const *names, size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_is(name, names[i]))
            return (int)i;
    return -1;
}

static bool number_read(struct str text, int64_t least, int64_t most, int64_t *out)
{
    return str_to_int(text, out) && *out >= least && *out <= most;
}

static bool read_freq(struct str value, struct recurrence *out)
{
    static const char *const names[] = { "DAILY", "WEEKLY", "MONTHLY", "YEARLY" };
    int found = name_find(names, COUNT(names), value);
    out->every = (enum recurrence_every)MAX(found, 0);
    return found >= 0;
}

static bool read_interval(struct str value, struct recurrence *out)
{
    return number_read(value, 1, INTERVAL_MOST, &out->interval);
}

static bool read_count(struct str value, struct recurrence *out)
{
    return number_read(value, 1, COUNT_MOST, &out->count);
}

/* 20271231T235959, and Z */
static bool read_until(struct str value, struct recurrence *out)
{
    char text[] = "0000-00-00T00:00:00Z";
    static const int places[] = { 0, 1, 2, 3, 5, 6, 8, 9, 10, 11, 12, 14, 15, 17, 18 };
    int64_t us;
    out->has_until = true;
    out->until_utc = value.len == 16 && value.ptr[15] == 'Z';
    if ((value.len != 15 && !out->until_utc) || value.ptr[8] != 'T')
        return false;
    for (size_t i = 0; i < COUNT(places); i++)
        text[places[i]] = value.ptr[i];
    if (!clock_parse(str_of(text), false, &us))
        return false;
    out->until_s = us / US_PER_S;
    return true;
}

static bool read_day(struct str part, struct recurrence_day *out)
{
    int64_t nth = 0;
    if (part.len < 2)
        return false;
    struct str number = { part.ptr, part.len - 2 };
    out->weekday = name_find(weekdays, COUNT(weekdays), (struct str){ part.ptr + number.len, 2 });
    if (number.len && number.ptr[0] == '+')
        number = (struct str){ number.ptr + 1, number.len - 1 };
    if (part.len > 2 && (!number_read(number, -53, 53, &nth) || nth == 0))
        return false;
    out->nth = (int)nth;
    return out->weekday >= 0;
}

static bool read_by_day(struct str value, struct recurrence *out)
{
    struct str part;
    while (str_split(&value, ',', &part))
        if (out->n_days == RECURRENCE_DAYS || !read_day(part, &out->days[out->n_days++]))
            return false;
    return out->n_days > 0;
}

static bool read_by_month_day(struct str value, struct recurrence *out)
{
    struct str part;
    int64_t day;
    while (str_split(&value, ',', &part)) {
        if (!number_read(part, -31, 31, &day) || day == 0)
            return false;
        if (day > 0)
            out->month_days |= 1U << day;
        else
            out->month_days_back |= 1U << -day;
    }
    return out->month_days || out->month_days_back;
}

static bool read_by_month(struct str value, struct recurrence *out)
{
    struct str part;
    int64_t month;
    while (str_split(&value, ',', &part)) {
        if (!number_read(part, 1, 12, &month))
            return false;
        out->months |= 1U << month;
    }
    return out->months != 0;
}

static bool read_by_set_pos(struct str value, struct recurrence *out)
{
    struct str part;
    int64_t position;
    while (str_split(&value, ',', &part)) {
        if (out->n_positions == RECURRENCE_DAYS || !number_read(part, -366, 366, &position) ||
            position == 0)
            return false;
        out->positions[out->n_positions++] = (int)position;
    }
    return out->n_positions > 0;
}

static bool read_week_start(struct str value, struct recurrence *out)
{
    int found = name_find(weekdays, COUNT(weekdays), value);
    out->week_start = MAX(found, 0);
    return found >= 0;
}

static const struct rule_part {
    const char *name;
    bool (*read)(struct str value, struct recurrence *out);
    const char *like;
} rule_parts[] = {
    { "FREQ",       read_freq,         "DAILY, WEEKLY, MONTHLY or YEARLY" },
    { "INTERVAL",   read_interval,     "a number from 1 to 10000" },
    { "COUNT",      read_count,        "a number from 1 to 100000" },
    { "UNTIL",      read_until,        "a moment like 20271231T235959Z" },
    { "BYDAY",      read_by_day,       "days like MO,-1FR" },
    { "BYMONTHDAY", read_by_month_day, "numbers from 1 to 31, or from -31 to -1" },
    { "BYMONTH",    read_by_month,     "numbers from 1 to 12" },
    { "BYSETPOS",   read_by_set_pos,   "numbers from 1 to 366, or from -366 to -1" },
    { "WKST",       read_week_start,   "a day like MO" },
};

/* Gives the part's number, or -1. */
static int part_read(struct ctx *ctx, struct str text, struct recurrence *out)
{
    struct str value = text, name;
    if (!str_split(&value, '=', &name) || !value.ptr)
        value = STR("");
    for (size_t i = 0; i < COUNT(rule_parts); i++) {
        if (!str_is(name, rule_parts[i].name))
            continue;
        if (rule_parts[i].read(value, out))
            return (int)i;
        ctx_fail(ctx, ERR_INVALID, "%s is %s", rule_parts[i].name, rule_parts[i].like);
        return -1;
    }
    ctx_fail(ctx, ERR_INVALID, "a part \"" STR_FMT "\" of a rule is not known here", STR_ARG(name));
    return -1;
}

/* What the parts must not be together. */
static const char *parts_clash(const struct recurrence *rule)
{
    bool of_days = rule->every == RECURRENCE_MONTHLY || rule->every == RECURRENCE_YEARLY;
    for (size_t i = 0; i < rule->n_days; i++)
        if (rule->days[i].nth && !of_days)
            return "a number before a day goes with FREQ=MONTHLY and FREQ=YEARLY only";
    if (rule->every == RECURRENCE_WEEKLY && (rule->month_days || rule->month_days_back))
        return "BYMONTHDAY does not go with FREQ=WEEKLY";
    if (rule->count && rule->has_until)
        return "a rule has COUNT or UNTIL, not both";
    if (rule->n_positions && !rule->n_days && !rule->months && !rule->month_days &&
        !rule->month_days_back)
        return "BYSETPOS needs another part that begins with BY";
    return NULL;
}

bool recurrence_parse(struct ctx *ctx, struct str text, struct recurrence *out)
{
    struct recurrence rule = { .interval = 1 };
    unsigned seen = 0;
    struct str part;
    while (str_split(&text, ';', &part)) {
        int number = part_read(ctx, part, &rule);
        if (number < 0)
            return false;
        if (seen & 1U << number)
            return ctx_fail(ctx, ERR_INVALID, "%s is there twice", rule_parts[number].name);
        seen |= 1U << number;
    }
    if (!(seen & 1))
        return ctx_fail(ctx, ERR_INVALID, "a rule has FREQ");
    const char *clash = parts_clash(&rule);
    if (clash)
        return ctx_fail(ctx, ERR_INVALID, "%s", clash);
    *out = rule;
    return true;
}

/* ---- days ---- */

struct date {
    int64_t day; /* since 1970-01-01 */
    int year, month, month_day;
};

struct span_of_days {
    int64_t first, last;
};

static struct date date_of(int64_t day)
{
    struct date date = { .day = day };
    clock_civil(day, &date.year, &date.month, &date.month_day);
    return date;
}

static int weekday_of(int64_t day) /* 1970-01-01 was a Thursday */
{
    return (int)(((day + 3) % 7 + 7) % 7);
}

static struct span_of_days month_of(int year, int month)
{
    return (struct span_of_days){
        clock_days(year, month, 1),
        (month == 12 ? clock_days(year + 1, 1, 1) : clock_days(year, month + 1, 1)) - 1
    };
}

static struct span_of_days year_of(int year)
{
    return (struct span_of_days){ clock_days(year, 1, 1), clock_days(year + 1, 1, 1) - 1 };
}

/* ---- which days a rule takes ---- */

/* What is not said is as the start has it. */
static struct recurrence completed(const struct recurrence *rule, struct date start)
{
    struct recurrence whole = *rule;
    if (rule->n_days || rule->month_days || rule->month_days_back)
        return whole;
    if (rule->every == RECURRENCE_WEEKLY)
        whole.days[whole.n_days++] = (struct recurrence_day){ .weekday = weekday_of(start.day) };
    if (rule->every == RECURRENCE_YEARLY && !rule->months)
        whole.months = 1U << start.month;
    if (rule->every == RECURRENCE_MONTHLY || rule->every == RECURRENCE_YEARLY)
        whole.month_days = 1U << start.month_day;
    return whole;
}

static bool takes_weekday(const struct recurrence *rule, struct date date)
{
    struct span_of_days in = rule->every == RECURRENCE_YEARLY && !rule->months
                                 ? year_of(date.year)
                                 : month_of(date.year, date.month);
    int from_first = (int)(date.day - in.first) / 7 + 1,
        from_last = -(int)(in.last - date.day) / 7 - 1;
    for (size_t i = 0; i < rule->n_days; i++) {
        const struct recurrence_day *day = &rule->days[i];
        if (day->weekday == weekday_of(date.day) &&
            (day->nth == 0 || day->nth == from_first || day->nth == from_last))
            return true;
    }
    return rule->n_days == 0;
}

static bool takes(const struct recurrence *rule, struct date date)
{
    if (rule->months && !(rule->months & 1U << date.month))
        return false;
    if (rule->month_days || rule->month_days_back) {
        int64_t back = month_of(date.year, date.month).last - date.day + 1;
        if (!(rule->month_days & 1U << date.month_day) && !(rule->month_days_back & 1U << back))
            return false;
    }
    return takes_weekday(rule, date);
}

/* The k-th period of the rule. */
static struct span_of_days period_of(const struct recurrence *rule, struct date start, int64_t k)
{
    int64_t n = k * rule->interval;
    int64_t week = start.day - (weekday_of(start.day) - rule->week_start + 7) % 7 + 7 * n;
    int64_t month = start.year * 12LL + start.month - 1 + n;
    switch (rule->every) {
    case RECURRENCE_DAILY:
        return (struct span_of_days){ start.day + n, start.day + n };
    case RECURRENCE_WEEKLY:
        return (struct span_of_days){ week, week + 6 };
    case RECURRENCE_MONTHLY:
        return month_of((int)(month / 12), (int)(month % 12) + 1);
    default:
        return year_of((int)(start.year + n));
    }
}

static bool position_taken(const struct recurrence *rule, size_t index, size_t n)
{
    for (size_t i = 0; i < rule->n_positions; i++) {
        int position = rule->positions[i];
        if (position == (int)index + 1 || position == (int)index - (int)n)
            return true;
    }
    return rule->n_positions == 0;
}

static size_t period_days(const struct recurrence *rule, struct span_of_days period,
                          int64_t days[366])
{
    size_t n_taken = 0, n = 0;
    for (int64_t day = period.first; day <= period.last; day++)
        if (takes(rule, date_of(day)))
            days[n_taken++] = day;
    for (size_t i = 0; i < n_taken; i++)
        if (position_taken(rule, i, n_taken))
            days[n++] = days[i];
    return n;
}

/* The first period worth a look: with COUNT, all are. */
static int64_t period_first(const struct recurrence *rule, int64_t start_day, int64_t after_day)
{
    static const int longest[] = { 1, 7, 31, 366 };
    if (rule->count || after_day <= start_day)
        return 0;
    return MAX((after_day - start_day) / (longest[rule->every] * rule->interval) - 1, 0);
}

bool recurrence_next(const struct recurrence *rule, int64_t start_s, int64_t after_s, int64_t *out)
{
    struct date start = date_of(start_s / DAY_S);
    struct recurrence whole = completed(rule, start);
    int64_t after_day = after_s == INT64_MIN ? start.day : MAX(after_s / DAY_S, start.day);
    int64_t days[366], count = 0;
    for (int64_t k = period_first(rule, start.day, after_day);; k++) {
        struct span_of_days period = period_of(&whole, start, k);
        if (period.first > after_day + RECURRENCE_YEARS * 366LL)
            return false;
        size_t n = period_days(&whole, period, days);
        for (size_t i = 0; i < n; i++) {
            int64_t at_s = days[i] * DAY_S + start_s % DAY_S;
            if (days[i] < start.day)
                continue;
            if ((rule->count && ++count > rule->count) || (rule->has_until && at_s > rule->until_s))
                return false;
            if (at_s > after_s) {
                *out = at_s;
                return true;
            }
        }
    }
}
