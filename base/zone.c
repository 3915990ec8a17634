#include "base/zone.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define MOST_BYTES 65536 /* the largest files have some 4 KB */
#define HEADER_BYTES 44

/* The day of a rule: "M3.5.0", the last Sunday in March; "J60", never 29 February; "59", counted from 0. */
struct change {
    enum { CHANGE_WEEKDAY, CHANGE_DAY, CHANGE_DAY_NO_LEAP } kind;
    int month, week, day;
    int at_s; /* local time of that day */
};

/* What holds after the last transition, as POSIX's TZ says it. */
struct rule {
    bool set, has_summer;
    struct zone_time standard, summer;
    struct change to_summer, to_standard;
};

struct zone {
    size_t n_times, n_types;
    int64_t *times;       /* seconds; what holds from each on: */
    uint8_t *types;       /* an index into `kinds` */
    struct zone_time *kinds;
    struct rule rule;
};

/* ---- POSIX TZ: "CET-1CEST,M3.5.0,M10.5.0/3" ---- */

static bool take(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_number(const char **at, int most, int *out)
{
    int value = 0;
    const char *from = *at;
    for (; **at >= '0' && **at <= '9' && *at - from < 4; (*at)++)
        value = value * 10 + (**at - '0');
    *out = value;
    return *at > from && value <= most;
}

static bool take_name(const char **at, char name[8])
{
    bool quoted = take(at, '<');
    size_t n = 0;
    for (; **at; (*at)++) {
        char c = **at, letter = (char)(c | 32);
        bool belongs = (letter >= 'a' && letter <= 'z') ||
                       (quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
        if (!belongs)
            break;
        if (n == 7)
            return false;
        name[n++] = c;
    }
    name[n] = '\0';
    return n && (!quoted || take(at, '>'));
}

/* [+-]h[:mm[:ss]] */
static bool take_time(const char **at, int *out)
{
    int hours, minutes = 0, seconds = 0, sign = take(at, '-') ? -1 : 1;
    if (sign == 1)
        take(at, '+');
    if (!take_number(at, 167, &hours) ||
        (take(at, ':') &&
         (!take_number(at, 59, &minutes) || (take(at, ':') && !take_number(at, 59, &seconds)))))
        return false;
    *out = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool take_change(const char **at, struct change *out)
{
    *out = (struct change){ .at_s = 2 * 3600 };
    bool ok;
    if (take(at, 'M')) {
        out->kind = CHANGE_WEEKDAY;
        ok = take_number(at, 12, &out->month) && out->month && take(at, '.') &&
             take_number(at, 5, &out->week) && out->week && take(at, '.') &&
             take_number(at, 6, &out->day);
    } else {
        out->kind = take(at, 'J') ? CHANGE_DAY_NO_LEAP : CHANGE_DAY;
        ok = take_number(at, 365, &out->day);
    }
    return ok && (!take(at, '/') || take_time(at, &out->at_s));
}

static bool parse_rule(const char *at, struct rule *out)
{
    *out = (struct rule){ .set = true };
    if (!take_name(&at, out->standard.name) || !take_time(&at, &out->standard.offset_s))
        return false;
    out->standard.offset_s *= -1; /* POSIX counts westwards */
    if (!*at)
        return true;
    out->has_summer = true;
    out->summer.offset_s = out->standard.offset_s + 3600;
    if (!take_name(&at, out->summer.name))
        return false;
    if (*at != ',') {
        if (!take_time(&at, &out->summer.offset_s))
            return false;
        out->summer.offset_s *= -1;
    }
    return take(&at, ',') && take_change(&at, &out->to_summer) && take(&at, ',') &&
           take_change(&at, &out->to_standard) && !*at;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Seconds since 1970, local. */
static int64_t change_in(const struct change *change, int year)
{
    int64_t day;
    if (change->kind == CHANGE_WEEKDAY) {
        int64_t first = clock_days(year, change->month, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        day = first + (change->day - weekday + 7) % 7 + (change->week - 1) * 7;
        int64_t next = change->month == 12 ? clock_days(year + 1, 1, 1)
                                           : clock_days(year, change->month + 1, 1);
        if (day >= next)
            day -= 7; /* the fifth is the last */
    } else {
        day = clock_days(year, 1, 1) + change->day;
        if (change->kind == CHANGE_DAY_NO_LEAP)
            day += -1 + (is_leap(year) && change->day >= 60);
    }
    return day * 86400 + change->at_s;
}

static struct zone_time by_rule(const struct rule *rule, int64_t second)
{
    int year, month, day;
    if (!rule->has_summer)
        return rule->standard;
    int64_t local = second + rule->standard.offset_s;
    clock_civil(local / 86400 - (local % 86400 < 0), &year, &month, &day);
    int64_t begins = change_in(&rule->to_summer, year) - rule->standard.offset_s;
    int64_t ends = change_in(&rule->to_standard, year) - rule->summer.offset_s;
    bool summer = begins < ends ? second >= begins && second < ends
                                : second >= begins || second < ends;
    return summer ? rule->summer : rule->standard;
}

/* ---- TZif (RFC 8536) ---- */

struct counts {
    uint32_t is_ut, is_std, leaps, times, types, chars;
};

static int64_t big_endian(const unsigned char *at, int bytes)
{
    uint64_t value = bytes == 4 && at[0] & 0x80 ? UINT32_MAX : 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

static bool read_header(const unsigned char *at, size_t left, struct counts *out)
{
    uint32_t *counts[] = { &out->is_ut, &out->is_std, &out->leaps,
                           &out->times, &out->types,  &out->chars };
    if (left < HEADER_BYTES || memcmp(at, "TZif", 4) != 0 || at[4] < '2')
        return false;
    for (size_t i = 0; i < COUNT(counts); i++) {
        *counts[i] = (uint32_t)big_endian(at + 20 + 4 * i, 4);
        if (*counts[i] > MOST_BYTES)
            return false;
    }
    return out->types && out->chars;
}

static size_t data_bytes(const struct counts *n, size_t time_bytes)
{
    return n->times * (time_bytes + 1) + n->types * 6 + n->chars + n->leaps * (time_bytes + 4) +
           n->is_std + n->is_ut;
}

static bool read_types(struct zone *zone, const unsigned char *at, const struct counts *n)
{
    const unsigned char *chars = at + n->types * 6;
    zone->n_types = n->types;
    zone->kinds = mem_alloc(n->types * sizeof(*zone->kinds));
    for (size_t i = 0; i < n->types; i++, at += 6) {
        zone->kinds[i].offset_s = (int)big_endian(at, 4);
        for (size_t from = at[5], j = 0; j < 7 && from + j < n->chars && chars[from + j]; j++)
            zone->kinds[i].name[j] = (char)chars[from + j];
    }
    for (size_t i = 0; i < zone->n_times; i++)
        if (zone->types[i] >= n->types)
            return false;
    return true;
}

static bool read_zone(struct zone *zone, const unsigned char *at, size_t left)
{
    struct counts n;
    if (!read_header(at, left, &n))
        return false;
    size_t skipped = HEADER_BYTES + data_bytes(&n, 4); /* the part with times of 32 bits */
    if (skipped > left || !read_header(at + skipped, left - skipped, &n))
        return false;
    at += skipped + HEADER_BYTES;
    left -= skipped + HEADER_BYTES;
    size_t bytes = data_bytes(&n, 8);
    if (bytes + 2 > left || at[bytes] != '\n' || at[left - 1] != '\n')
        return false;
    zone->n_times = n.times;
    zone->times = mem_alloc(n.times * sizeof(*zone->times));
    zone->types = mem_alloc(n.times);
    for (size_t i = 0; i < n.times; i++)
        zone->times[i] = big_endian(at + 8 * i, 8);
    if (n.times)
        memcpy(zone->types, at + n.times * 8, n.times);
    if (!read_types(zone, at + n.times * 9, &n))
        return false;
    char footer[128] = { 0 };
    size_t length = left - bytes - 2;
    if (length >= sizeof(footer))
        return false;
    memcpy(footer, at + bytes + 1, length);
    return !length || parse_rule(footer, &zone->rule);
}

/* ---- the file ---- */

/* No path but one below the folder. */
static bool is_zone_name(struct str name)
{
    if (!name.len || name.len > 64 || name.ptr[0] == '/')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i], letter = (char)(c | 32);
        if (!((letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || strchr("_+-/", c)) ||
            !c)
            return false;
    }
    return true;
}

static ssize_t read_file(const char *path, unsigned char *out, size_t most)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    size_t have = 0;
    ssize_t got = 0;
    while (have < most && (got = read(file, out + have, most - have)) > 0)
        have += (size_t)got;
    close(file);
    return got < 0 || have == most ? -1 : (ssize_t)have;
}

struct zone *zone_open(struct ctx *ctx, struct str name)
{
    const char *folder = getenv("TZDIR");
    struct zone *zone = NULL;
    if (is_zone_name(name)) {
        const char *path = arena_printf(ctx->arena, "%s/" STR_FMT,
                                        folder && *folder ? folder : "/usr/share/zoneinfo",
                                        STR_ARG(name))
                               .ptr;
        unsigned char *bytes = arena_alloc_raw(ctx->arena, MOST_BYTES);
        ssize_t n = read_file(path, bytes, MOST_BYTES);
        zone = mem_alloc(sizeof(*zone));
        if (n > 0 && read_zone(zone, bytes, (size_t)n))
            return zone;
    }
    zone_free(zone);
    ctx_fail(ctx, ERR_INVALID, "there is no time zone " STR_FMT, (int)MIN(name.len, 64), name.ptr);
    return NULL;
}

void zone_free(struct zone *zone)
{
    if (!zone)
        return;
    free(zone->times);
    free(zone->types);
    free(zone->kinds);
    free(zone);
}

void zone_freep(struct zone **zone)
{
    zone_free(*zone);
    *zone = NULL;
}

/* ---- asking ---- */

struct zone_time zone_at(const struct zone *zone, int64_t us)
{
    if (!zone)
        return (struct zone_time){ 0, "UTC" };
    int64_t second = us / US_PER_S - (us % US_PER_S < 0);
    size_t low = 0, high = zone->n_times; /* the first transition after the moment */
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (zone->times[middle] <= second)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->n_times && zone->rule.set)
        return by_rule(&zone->rule, second);
    return zone->kinds[low ? zone->types[low - 1] : 0];
}

int64_t zone_moment(const struct zone *zone, int64_t local_us)
{
    /* What held a day before: no zone changes twice in a day. */
    int64_t before = local_us - zone_at(zone, local_us - US_PER_DAY).offset_s * US_PER_S;
    int64_t after = local_us - zone_at(zone, local_us + US_PER_DAY).offset_s * US_PER_S;
    bool before_fits = before + zone_at(zone, before).offset_s * US_PER_S == local_us;
    bool after_fits = after + zone_at(zone, after).offset_s * US_PER_S == local_us;
    return before_fits || !after_fits ? before : after;
}
