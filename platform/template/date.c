/* The filter date: moments as people write them, by strftime's words. */
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "base/clock.h"
#include "platform/template/filters.h"

#define DAY_S 86400
#define MOST_SECONDS 253402300799LL /* the end of the year 9999 */
#define MOST_WIDTH 64

/* ---- reading ---- */

struct moment {
    int64_t us;
    bool local; /* what clocks show, without a time zone */
};

struct reading {
    struct str rest;
    int year, month, day;       /* 0: not yet */
    int64_t time_us, offset_us; /* of the day */
    bool has_time, has_offset, afternoon, forenoon;
};

static const char *const months[] = { "january",   "february", "march",    "april",
                                      "may",       "june",     "july",     "august",
                                      "september", "october",  "november", "december" };
static const char *const weekdays[] = { "sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday" };
static const char *const fillers[] = { "t", "st", "nd", "rd", "th", "of", "at" };

/* The one that `word` is, or begins with three letters or more; -1: none. */
static int index_of(struct str word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((word.len >= 3 || word.len == strlen(words[i])) && word.len <= strlen(words[i]) &&
            strncasecmp(word.ptr, words[i], word.len) == 0)
            return (int)i;
    return -1;
}

static struct str take_run(struct str *rest, bool digits)
{
    size_t n = 0;
    for (; n < rest->len; n++) {
        char c = rest->ptr[n], letter = (char)(c | 32);
        if (digits ? c < '0' || c > '9' : letter < 'a' || letter > 'z')
            break;
    }
    struct str run = { rest->ptr, n };
    *rest = (struct str){ rest->ptr + n, rest->len - n };
    return run;
}

static bool take_char(struct str *rest, char c)
{
    if (!rest->len || rest->ptr[0] != c)
        return false;
    *rest = (struct str){ rest->ptr + 1, rest->len - 1 };
    return true;
}

static bool take_int(struct str *rest, size_t most_digits, int64_t most, int64_t *out)
{
    struct str digits = take_run(rest, true);
    return digits.len && digits.len <= most_digits && str_to_int(digits, out) && *out <= most;
}

static bool read_word(struct reading *r)
{
    struct str word = take_run(&r->rest, false);
    int month = index_of(word, months, COUNT(months));
    if (month >= 0) {
        bool first = !r->month;
        r->month = month + 1;
        return first;
    }
    if (str_eq_nocase(word, STR("am")) || str_eq_nocase(word, STR("pm"))) {
        r->afternoon = (word.ptr[0] | 32) == 'p';
        r->forenoon = !r->afternoon;
        return r->has_time;
    }
    if (str_eq_nocase(word, STR("z")) || str_eq_nocase(word, STR("utc")) ||
        str_eq_nocase(word, STR("gmt"))) {
        r->has_offset = true;
        return r->has_time;
    }
    for (size_t i = 0; i < COUNT(fillers); i++)
        if (str_eq_nocase(word, str_of(fillers[i])))
            return r->year || r->month || r->day;
    return index_of(word, weekdays, COUNT(weekdays)) >= 0;
}

/* +0100, +01:00, +01 */
static bool read_offset(struct reading *r, bool negative)
{
    int64_t hours, minutes = 0;
    struct str digits = take_run(&r->rest, true);
    if (digits.len == 4) {
        if (!str_to_int((struct str){ digits.ptr + 2, 2 }, &minutes))
            return false;
        digits.len = 2;
    } else if (digits.len != 2 ||
               (take_char(&r->rest, ':') && !take_int(&r->rest, 2, 59, &minutes)))
        return false;
    if (!str_to_int(digits, &hours) || hours > 23 || minutes > 59 || !r->has_time || r->has_offset)
        return false;
    r->has_offset = true;
    r->offset_us = (negative ? -1 : 1) * (hours * 60 + minutes) * 60 * US_PER_S;
    return true;
}

static bool read_time(struct reading *r, int64_t hours)
{
    int64_t minutes, seconds = 0, scale = US_PER_S / 10;
    if (r->has_time || hours > 23 || !take_int(&r->rest, 2, 59, &minutes) ||
        (take_char(&r->rest, ':') && !take_int(&r->rest, 2, 60, &seconds)))
        return false;
    r->has_time = true;
    r->time_us = ((hours * 60 + minutes) * 60 + MIN(seconds, 59)) * US_PER_S;
    if (take_char(&r->rest, '.')) {
        struct str digits = take_run(&r->rest, true);
        for (size_t i = 0; i < digits.len; i++, scale /= 10)
            r->time_us += (digits.ptr[i] - '0') * scale;
    }
    return true;
}

static bool read_number(struct reading *r)
{
    struct str digits = take_run(&r->rest, true);
    int64_t number, month, day;
    if (!str_to_int(digits, &number) || digits.len > 4)
        return false;
    if (digits.len <= 2 && take_char(&r->rest, ':'))
        return read_time(r, number);
    if (digits.len == 4) {
        if (r->year)
            return false;
        r->year = (int)number;
        bool dashes = take_char(&r->rest, '-');
        if (!dashes && !take_char(&r->rest, '/'))
            return true;
        if (r->month || r->day || !take_int(&r->rest, 2, 12, &month) ||
            !take_char(&r->rest, dashes ? '-' : '/') || !take_int(&r->rest, 2, 31, &day))
            return false;
        r->month = (int)month;
        r->day = (int)day;
        return true;
    }
    bool first = !r->day;
    r->day = (int)number;
    return first && number > 0 && number <= 31;
}

static bool read_part(struct reading *r)
{
    char c = r->rest.ptr[0];
    if (c >= '0' && c <= '9')
        return read_number(r);
    if ((c | 32) >= 'a' && (c | 32) <= 'z')
        return read_word(r);
    r->rest = (struct str){ r->rest.ptr + 1, r->rest.len - 1 };
    if ((c == '+' || c == '-') && r->has_time)
        return read_offset(r, c == '-');
    return c == ' ' || c == ',' || c == '.';
}

static bool exists(const struct reading *r)
{
    int year, month, day;
    if (!r->year || !r->month || !r->day)
        return false;
    clock_civil(clock_days(r->year, r->month, r->day), &year, &month, &day);
    return month == r->month && day == r->day;
}

/* "March 14, 2016", "Mon, 14 Mar 2016 10:20:30 +0100", "2016-03-14 10:20", "14 March 2016 3:04 pm" and their like. */
static bool read_moment(struct str text, struct moment *out)
{
    struct reading r = { .rest = text };
    out->local = false;
    if (clock_parse(text, false, &out->us))
        return true;
    if (text.len > 64)
        return false;
    while (r.rest.len)
        if (!read_part(&r))
            return false;
    if (!exists(&r))
        return false;
    int64_t hour = r.time_us / (3600 * US_PER_S);
    if ((r.afternoon || r.forenoon) && (hour < 1 || hour > 12))
        return false;
    int64_t shift = r.afternoon && hour < 12 ? 12 : r.forenoon && hour == 12 ? -12 : 0;
    out->us = clock_days(r.year, r.month, r.day) * US_PER_DAY + r.time_us +
              shift * 3600 * US_PER_S - r.offset_us;
    out->local = !r.has_offset;
    return true;
}

static bool is_digits(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
    return text.len > 0;
}

/* False for what is no moment. */
static bool moment_of(const struct value *value, struct moment *out)
{
    int64_t seconds;
    *out = (struct moment){ 0 };
    switch (value->kind) {
    case KIND_INTEGER:
        seconds = value->integer;
        break;
    case KIND_FLOAT:
        if (!(value->number >= -(double)MOST_SECONDS && value->number <= (double)MOST_SECONDS))
            return false;
        out->us = (int64_t)(value->number * US_PER_S);
        return true;
    case KIND_TEXT:
        if (str_eq_nocase(value->text, STR("now")) || str_eq_nocase(value->text, STR("today"))) {
            out->us = clock_now_us();
            return true;
        }
        if (!is_digits(value->text))
            return read_moment(str_trim(value->text), out);
        if (!str_to_int(value->text, &seconds))
            return false;
        break;
    default:
        return false;
    }
    out->us = seconds >= -MOST_SECONDS && seconds <= MOST_SECONDS ? seconds * US_PER_S : 0;
    return seconds >= -MOST_SECONDS && seconds <= MOST_SECONDS;
}

/* ---- writing ---- */

struct shown {
    struct tm tm;
    struct zone_clock clock;
    int64_t second; /* since 1970, UTC */
    int microsecond;
};

static struct shown show(const struct zone *zone, struct moment moment)
{
    struct shown shown = { 0 };
    shown.second = moment.us / US_PER_S - (moment.us % US_PER_S < 0);
    shown.microsecond = (int)(moment.us - shown.second * US_PER_S);
    if (moment.local)
        shown.second = zone_utc_s(zone, shown.second, NULL);
    shown.clock = zone_at(zone, shown.second);
    int64_t local = shown.second + shown.clock.offset_s;
    int64_t days = local / DAY_S - (local % DAY_S < 0);
    int year, month, day, second = (int)(local - days * DAY_S);
    clock_civil(days, &year, &month, &day);
    shown.tm = (struct tm){
        .tm_year = year - 1900,
        .tm_mon = month - 1,
        .tm_mday = day,
        .tm_hour = second / 3600,
        .tm_min = second / 60 % 60,
        .tm_sec = second % 60,
        .tm_wday = (int)(((days + 4) % 7 + 7) % 7),
        .tm_yday = (int)(days - clock_days(year, 1, 1)),
    };
    return shown;
}

struct word {
    bool no_padding, spaces, zeros, upper, swapped, colon;
    size_t width;
    char letter;
};

/* What strftime does not know of the zone and of fractions. */
static int write_own(const struct shown *shown, const struct word *word, char *out, size_t size)
{
    int offset = (int)shown->clock.offset_s, minutes = (offset < 0 ? -offset : offset) / 60;
    switch (word->letter) {
    case 'z':
        return snprintf(out, size, word->colon ? "%c%02d:%02d" : "%c%02d%02d",
                        offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
    case 'Z':
        return snprintf(out, size, "%s", shown->clock.name);
    case 's':
        return snprintf(out, size, "%lld", (long long)shown->second);
    case 'L':
        return snprintf(out, size, "%03d", shown->microsecond / 1000);
    case 'N':
        return snprintf(out, size, "%06d000", shown->microsecond);
    default:
        return -1;
    }
}

static void change_letters(char *text, size_t n, const struct word *word)
{
    for (size_t i = 0; i < n; i++) {
        bool lower = text[i] >= 'a' && text[i] <= 'z', upper = text[i] >= 'A' && text[i] <= 'Z';
        if (lower && (word->upper || word->swapped))
            text[i] = (char)(text[i] - 32);
        else if (upper && word->swapped && word->letter == 'p')
            text[i] = (char)(text[i] + 32);
    }
}

static bool put_padded(struct run *run, const struct word *word, struct str text)
{
    bool number = text.len && (text.ptr[0] == ' ' || (text.ptr[0] >= '0' && text.ptr[0] <= '9'));
    size_t width = word->width;
    if (number && text.len > 1 && (word->no_padding || word->spaces || word->zeros)) {
        width = word->no_padding ? 0 : MAX(width, text.len);
        while (text.len > 1 && (text.ptr[0] == '0' || text.ptr[0] == ' '))
            text = (struct str){ text.ptr + 1, text.len - 1 };
    }
    struct str fill = number && !word->spaces ? STR("0") : STR(" ");
    for (size_t n = text.len; n < width; n++)
        if (!liquid_put(run, fill))
            return false;
    return liquid_put(run, text);
}

/* source: as it stands in the format, and stays where it means nothing. */
static bool put_word(struct run *run, const struct shown *shown, const struct word *word,
                     struct str source)
{
    char text[128], format[] = { '%', word->letter, '\0' };
    if (word->letter == '%')
        return liquid_put(run, STR("%"));
    int n = write_own(shown, word, text, sizeof(text));
    if (n < 0) {
        if (!strchr("aAbBcCdDeFgGhHIjklmMnprRStTuUVwWxXyYP", word->letter))
            return liquid_put(run, source);
        n = (int)strftime(text, sizeof(text), format, &shown->tm);
    }
    change_letters(text, (size_t)n, word);
    return put_padded(run, word, (struct str){ text, (size_t)n });
}

/* Past the word that begins with %; false where there is none. */
static bool next_word(struct str *rest, struct word *word)
{
    size_t at = 1;
    *word = (struct word){ 0 };
    for (; at < rest->len && strchr("-_0^#:", rest->ptr[at]); at++) {
        word->no_padding |= rest->ptr[at] == '-';
        word->spaces |= rest->ptr[at] == '_';
        word->zeros |= rest->ptr[at] == '0';
        word->upper |= rest->ptr[at] == '^';
        word->swapped |= rest->ptr[at] == '#';
        word->colon |= rest->ptr[at] == ':';
    }
    for (; at < rest->len && rest->ptr[at] >= '0' && rest->ptr[at] <= '9'; at++)
        word->width = MIN(word->width * 10 + (size_t)(rest->ptr[at] - '0'), MOST_WIDTH);
    if (at == rest->len || !rest->ptr[at])
        return false;
    word->letter = rest->ptr[at];
    *rest = (struct str){ rest->ptr + at + 1, rest->len - at - 1 };
    return true;
}

static bool put_date(struct run *run, const struct shown *shown, struct str format)
{
    while (format.len) {
        struct str before = format;
        struct word word;
        ptrdiff_t n = str_find_char(format, '%');
        if (n) {
            before.len = n < 0 ? format.len : (size_t)n;
            if (!liquid_put(run, before))
                return false;
            format = (struct str){ format.ptr + before.len, format.len - before.len };
            continue;
        }
        if (!next_word(&format, &word))
            return liquid_put(run, format);
        before.len -= format.len;
        if (!put_word(run, shown, &word, before))
            return false;
    }
    return true;
}

/* What is no moment, and a moment without a format, stays as it is. */
FILTER(date)
{
    struct moment moment;
    struct str format;
    struct output *outer = run->out, out = { .outer = outer };
    if (!liquid_text(run, &in->args[0], &format))
        return false;
    if (!format.len || !moment_of(value, &moment))
        return true;
    struct shown shown = show(run->options->zone, moment);
    run->out = &out;
    bool ok = liquid_steps(run, format.len / 8) && put_date(run, &shown, format);
    run->out = outer;
    return ok && give_text(value, (struct str){ out.ptr ? out.ptr : "", out.len });
}
