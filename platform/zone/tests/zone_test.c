/* zone.c and rule.c: beside the C library, over all of history and beyond its end, and at the hours that are not or twice. */
#include <time.h>

#include "base/clock.h"
#include "base/tests/check.h"
#include "platform/zone/rule.h"
#include "platform/zone/zone.h"

static const char *const names[] = {
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/London",
    "Europe/Lisbon",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Nuuk",
    "America/Santiago",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Gaza",
    "Asia/Tehran",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Antarctica/Troll",
    "Etc/UTC",
    "UTC",
    "Etc/GMT+5",
};

static struct str text_of(int64_t seconds)
{
    static char text[CLOCK_TEXT_BYTES];
    return (struct str){ text, clock_format(seconds * US_PER_S, text) - 1 }; /* without the Z */
}

/* Offsets and names, every eighteen hours and a bit for two centuries: more would only be slower. */
static void test_beside_the_c_library(struct ctx *ctx)
{
    for (size_t i = 0; i < COUNT(names); i++) {
        const struct zone *zone = zone_find(ctx, str_of(names[i]));
        REQUIRE(zone);
        setenv("TZ", names[i], 1);
        tzset();
        int64_t differing = 0, first = 0;
        for (time_t at = -2208988800; at < 4102444800 + 86400 * 365; at += 18 * 3600 + 101) {
            struct tm there;
            localtime_r(&at, &there);
            struct zone_clock clock = zone_at(zone, at);
            bool same = clock.offset_s == there.tm_gmtoff && strcmp(clock.name, there.tm_zone) == 0;
            if (!same && !differing++)
                first = at;
        }
        if (!CHECK_INT(differing, 0))
            fprintf(stderr, "%s, from " STR_FMT "\n", names[i], STR_ARG(text_of(first)));
    }
}

static const struct {
    const char *name, *local, *utc;
    enum zone_fit fit;
} clocks[] = {
    { "Europe/Berlin",       "2026-01-15T09:00:00", "2026-01-15T08:00:00", ZONE_ONCE },
    { "Europe/Berlin",       "2026-07-15T09:00:00", "2026-07-15T07:00:00", ZONE_ONCE },
    { "Europe/Berlin",       "2026-03-29T01:59:59", "2026-03-29T00:59:59", ZONE_ONCE },
    { "Europe/Berlin",       "2026-03-29T02:00:00", "2026-03-29T01:00:00", ZONE_SKIPPED },
    { "Europe/Berlin",       "2026-03-29T02:30:00", "2026-03-29T01:30:00", ZONE_SKIPPED },
    { "Europe/Berlin",       "2026-03-29T03:00:00", "2026-03-29T01:00:00", ZONE_ONCE },
    { "Europe/Berlin",       "2026-10-25T01:59:59", "2026-10-24T23:59:59", ZONE_ONCE },
    { "Europe/Berlin",       "2026-10-25T02:00:00", "2026-10-25T00:00:00", ZONE_TWICE },
    { "Europe/Berlin",       "2026-10-25T02:59:59", "2026-10-25T00:59:59", ZONE_TWICE },
    { "Europe/Berlin",       "2026-10-25T03:00:00", "2026-10-25T02:00:00", ZONE_ONCE },
    { "Europe/Berlin",       "2099-03-29T02:30:00", "2099-03-29T01:30:00", ZONE_SKIPPED },
    { "Europe/Berlin",       "2099-10-25T02:30:00", "2099-10-25T00:30:00", ZONE_TWICE },
    { "Europe/Dublin",       "2026-10-25T01:30:00", "2026-10-25T00:30:00", ZONE_TWICE },
    { "America/New_York",    "2026-03-08T02:30:00", "2026-03-08T07:30:00", ZONE_SKIPPED },
    { "America/New_York",    "2026-11-01T01:30:00", "2026-11-01T05:30:00", ZONE_TWICE },
    { "Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:45:00", ZONE_SKIPPED },
    { "Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00", ZONE_TWICE },
    { "Asia/Kathmandu",      "2026-05-01T00:00:00", "2026-04-30T18:15:00", ZONE_ONCE },
    { "Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T22:00:00",
      ZONE_SKIPPED }, /* a whole day */
    { "UTC",                 "2026-05-01T00:00:00", "2026-05-01T00:00:00", ZONE_ONCE },
};

static void test_clocks(struct ctx *ctx)
{
    for (size_t i = 0; i < COUNT(clocks); i++) {
        int64_t local_us = 0;
        enum zone_fit fit;
        const struct zone *zone = zone_find(ctx, str_of(clocks[i].name));
        REQUIRE(zone &&
                clock_parse(arena_printf(ctx->arena, "%sZ", clocks[i].local), false, &local_us));
        if (!CHECK_STR(text_of(zone_utc_s(zone, local_us / US_PER_S, &fit)), clocks[i].utc) ||
            !CHECK_INT(fit, clocks[i].fit))
            fprintf(stderr, "%s in %s\n", clocks[i].local, clocks[i].name);
    }
}

static void test_names(struct ctx *ctx)
{
    static const char *const strange[] = { "",
                                           "Europe",
                                           "Europe/Atlantis",
                                           "../zoneinfo/UTC",
                                           "/etc/passwd",
                                           "zone.tab",
                                           "right/UTC",
                                           "Europe/./Berlin",
                                           "UTC/",
                                           "tzdata.zi",
                                           "Europe//Berlin" };
    for (size_t i = 0; i < COUNT(strange); i++) {
        CHECK(!zone_find(ctx, str_of(strange[i])));
        CHECK_INT(ctx->error.code, ERR_INVALID);
        ctx_clear(ctx);
    }
}

static void test_rules(void)
{
    struct rule rule;
    static const char *const bad[] = { "",
                                       "CET",
                                       "CET-1CEST",
                                       "CET-1CEST,M3.5.0",
                                       "C-1D,M13.1.0,M1.1.0",
                                       "<CET-1",
                                       "CET-1CEST,M3.6.0,M10.5.0",
                                       "CET-1CEST,J0,J9",
                                       "CET-1x",
                                       "UTC0 " };
    for (size_t i = 0; i < COUNT(bad); i++)
        CHECK(!rule_parse(str_of(bad[i]), &rule));
    REQUIRE(rule_parse(STR("X3Y,J60/0,J61/0"), &rule)); /* 1 March, in leap years too */
    CHECK_INT(rule_at(&rule, clock_days(2028, 3, 1) * 86400 + 3 * 3600).offset_s, -2 * 3600);
    CHECK_INT(rule_at(&rule, clock_days(2028, 2, 29) * 86400 + 12 * 3600).offset_s, -3 * 3600);
    REQUIRE(rule_parse(STR("X0Y,59/0,60/0"), &rule)); /* the 60th day of the year */
    CHECK_INT(rule_at(&rule, clock_days(2028, 2, 29) * 86400).offset_s, 3600);
    CHECK_INT(rule_at(&rule, clock_days(2027, 3, 1) * 86400).offset_s, 3600);
}

static void test_no_zone(void)
{
    struct zone_clock utc = zone_at(NULL, 1000);
    CHECK_INT(utc.offset_s, 0);
    CHECK_STR(str_of(utc.name), "UTC");
    CHECK_INT(zone_utc_s(NULL, 1000, NULL), 1000);
}

int main(void)
{
    struct ctx ctx = { .arena = arena_new(0) };
    test_beside_the_c_library(&ctx);
    test_clocks(&ctx);
    test_names(&ctx);
    test_rules();
    test_no_zone();
    arena_free(ctx.arena);
    return check_end();
}
