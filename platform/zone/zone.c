#include "platform/zone/zone.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "platform/zone/rule.h"

#define ZONES "/usr/share/zoneinfo/"
#define FILE_MOST (64 * 1024) /* the largest of them has some 4 KB */
#define HEADER_BYTES 44
#define DAY_S 86400

struct zone {
    size_t n;
    int64_t *changes_s;       /* in order */
    struct zone_clock *since; /* that change */
    struct zone_clock first;  /* before them all */
    struct rule rule;         /* after them all */
    bool has_rule;
};

/* ---- the file (RFC 8536 section 3) ---- */

static int64_t big_endian(const uint8_t *at, size_t bytes)
{
    uint64_t value = bytes && at[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

struct counts {
    size_t isut, isstd, leap, time, type, chars;
};

static bool header_read(struct str file, size_t at, struct counts *out)
{
    if (file.len < at + HEADER_BYTES || memcmp(file.ptr + at, "TZif", 4) != 0 ||
        file.ptr[at + 4] < '2')
        return false;
    size_t counts[6];
    for (size_t i = 0; i < 6; i++) {
        int64_t count = big_endian((const uint8_t *)file.ptr + at + 20 + 4 * i, 4);
        if (count < 0 || count > FILE_MOST)
            return false;
        counts[i] = (size_t)count;
    }
    *out = (struct counts){ counts[0], counts[1], counts[2], counts[3], counts[4], counts[5] };
    return true;
}

static size_t block_bytes(const struct counts *counts, size_t time_bytes)
{
    return counts->time * (time_bytes + 1) + counts->type * 6 + counts->chars +
           counts->leap * (time_bytes + 4) + counts->isstd + counts->isut;
}

static struct zone_clock clock_read(const uint8_t *types, size_t i, const struct counts *counts)
{
    const uint8_t *type = types + 6 * i, *names = types + 6 * counts->type;
    struct zone_clock clock = { .offset_s = big_endian(type, 4) };
    size_t most = MIN(sizeof(clock.name) - 1, counts->chars - MIN(counts->chars, type[5]));
    for (size_t j = 0; j < most && names[type[5] + j]; j++)
        clock.name[j] = (char)names[type[5] + j];
    return clock;
}

/* The second block, in 64 bits; `at` is where its data begin, and they are there. */
static bool block_read(struct ctx *ctx, const uint8_t *at, const struct counts *counts,
                       struct zone *zone)
{
    const uint8_t *indexes = at + 8 * counts->time, *types = indexes + counts->time;
    zone->n = counts->time;
    zone->changes_s = ARENA_ARRAY(ctx->arena, int64_t, counts->time);
    zone->since = ARENA_ARRAY(ctx->arena, struct zone_clock, counts->time);
    for (size_t i = 0; i < counts->time; i++) {
        if (indexes[i] >= counts->type)
            return false;
        zone->changes_s[i] = big_endian(at + 8 * i, 8);
        zone->since[i] = clock_read(types, indexes[i], counts);
        if (i && zone->changes_s[i] <= zone->changes_s[i - 1])
            return false;
    }
    zone->first = clock_read(types, 0, counts);
    return true;
}

static bool zone_read(struct ctx *ctx, struct str file, struct zone *zone)
{
    struct counts counts;
    if (!header_read(file, 0, &counts))
        return false;
    size_t at = HEADER_BYTES + block_bytes(&counts, 4);
    if (!header_read(file, at, &counts) || counts.type == 0 || counts.leap)
        return false;
    at += HEADER_BYTES;
    size_t bytes = block_bytes(&counts, 8);
    if (file.len < at + bytes + 2 ||
        !block_read(ctx, (const uint8_t *)file.ptr + at, &counts, zone))
        return false;
    struct str footer = { file.ptr + at + bytes + 1, file.len - at - bytes - 2 };
    if (file.ptr[at + bytes] != '\n' || file.ptr[file.len - 1] != '\n')
        return false;
    zone->has_rule = footer.len > 0;
    return !zone->has_rule || rule_parse(footer, &zone->rule);
}

/* ---- finding it ---- */

/* A path below the folder that leads nowhere else, and not to the copies that count leap seconds. */
static bool name_is_fit(struct str name)
{
    if (name.len == 0 || name.len > 64 || str_starts(name, STR("right/")))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        bool begins = i == 0 || name.ptr[i - 1] == '/';
        if (!isalnum((unsigned char)name.ptr[i]) && (begins || !strchr("_+-/", name.ptr[i])))
            return false;
    }
    return name.ptr[name.len - 1] != '/';
}

static struct str file_read(struct ctx *ctx, struct str name)
{
    struct str path = arena_printf(ctx->arena, ZONES STR_FMT, STR_ARG(name));
    int file = open(path.ptr, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return (struct str){ NULL, 0 };
    char *bytes = arena_alloc(ctx->arena, FILE_MOST);
    ssize_t n = read(file, bytes, FILE_MOST); /* a folder gives EISDIR */
    close(file);
    return n < 0 ? (struct str){ NULL, 0 } : (struct str){ bytes, (size_t)n };
}

const struct zone *zone_find(struct ctx *ctx, struct str name)
{
    struct zone *zone = ARENA_NEW(ctx->arena, struct zone);
    struct str file = name_is_fit(name) ? file_read(ctx, name) : (struct str){ NULL, 0 };
    if (file.ptr && zone_read(ctx, file, zone))
        return zone;
    if (access(ZONES, R_OK) != 0)
        ctx_fail_openly(ctx, ERR_UNAVAILABLE, "there are no time zones on this machine (tzdata)");
    else
        ctx_fail(ctx, ERR_INVALID, "there is no time zone " STR_FMT, STR_ARG(name));
    return NULL;
}

/* ---- asking ---- */

struct zone_clock zone_at(const struct zone *zone, int64_t utc_s)
{
    if (!zone)
        return (struct zone_clock){ 0, "UTC" };
    size_t low = 0, high = zone->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (zone->changes_s[middle] <= utc_s)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == zone->n && zone->has_rule)
        return rule_at(&zone->rule, utc_s);
    return low ? zone->since[low - 1] : zone->first;
}

int64_t zone_utc_s(const struct zone *zone, int64_t local_s, enum zone_fit *fit)
{
    enum zone_fit ignored;
    int64_t before_s = zone_at(zone, local_s - DAY_S).offset_s;
    int64_t after_s = zone_at(zone, local_s + DAY_S).offset_s;
    bool by_before = zone_at(zone, local_s - before_s).offset_s == before_s;
    bool by_after = zone_at(zone, local_s - after_s).offset_s == after_s;
    fit = fit ? fit : &ignored;
    if (!by_before && !by_after)
        *fit = ZONE_SKIPPED;
    else
        *fit = by_before && by_after && before_s != after_s ? ZONE_TWICE : ZONE_ONCE;
    return local_s - (by_before || !by_after ? before_s : after_s);
}
