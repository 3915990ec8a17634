/* Against what is known of some zones; the rules after the last transition too. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "base/zone.h"

static int64_t at(const char *text)
{
    int64_t us;
    REQUIRE(clock_parse(str_of(text), false, &us));
    return us;
}

static const struct {
    const char *zone, *at, *name;
    int offset_s;
} known[] = {
    { "UTC", "2026-07-01T00:00:00Z", "UTC", 0 },
    { "Europe/Berlin", "2026-03-29T00:59:59Z", "CET", 3600 },
    { "Europe/Berlin", "2026-03-29T01:00:00Z", "CEST", 7200 },
    { "Europe/Berlin", "2026-10-25T00:59:59Z", "CEST", 7200 },
    { "Europe/Berlin", "2026-10-25T01:00:00Z", "CET", 3600 },
    { "Europe/Berlin", "2150-07-01T00:00:00Z", "CEST", 7200 },
    { "Europe/Berlin", "2150-12-31T23:59:59Z", "CET", 3600 },
    { "Europe/Berlin", "1970-01-01T00:00:00Z", "CET", 3600 },
    { "Europe/Berlin", "1880-01-01T00:00:00Z", "LMT", 3208 },
    { "America/New_York", "2026-03-08T06:59:59Z", "EST", -18000 },
    { "America/New_York", "2100-03-14T07:00:00Z", "EDT", -14400 },
    { "America/New_York", "2100-03-14T06:59:59Z", "EST", -18000 },
    { "Australia/Sydney", "2100-01-01T00:00:00Z", "AEDT", 39600 },
    { "Australia/Sydney", "2100-07-01T00:00:00Z", "AEST", 36000 },
    { "Asia/Kolkata", "2100-07-01T00:00:00Z", "IST", 19800 },
    { "America/Sao_Paulo", "2100-07-01T00:00:00Z", "-03", -10800 },
    { "Europe/Dublin", "2100-01-15T12:00:00Z", "GMT", 0 },
    { "Europe/Dublin", "2100-07-15T12:00:00Z", "IST", 3600 },
};

static const struct {
    const char *zone, *local, *moment;
} moments[] = {
    { "Europe/Berlin", "2026-07-01T09:00:00Z", "2026-07-01T07:00:00Z" },
    { "Europe/Berlin", "2026-10-25T02:30:00Z", "2026-10-25T00:30:00Z" }, /* twice: the first */
    { "Europe/Berlin", "2026-03-29T02:30:00Z", "2026-03-29T01:30:00Z" }, /* never */
    { "Europe/Berlin", "2026-03-29T03:00:00Z", "2026-03-29T01:00:00Z" },
    { "America/New_York", "2026-11-01T01:30:00Z", "2026-11-01T05:30:00Z" },
};

int main(void)
{
    struct arena *arena CLEANUP(arena_freep) = arena_new(0);
    struct ctx ctx = { .arena = arena };
    for (size_t i = 0; i < COUNT(known); i++) {
        struct zone *zone CLEANUP(zone_freep) = zone_open(&ctx, str_of(known[i].zone));
        REQUIRE(zone);
        struct zone_time got = zone_at(zone, at(known[i].at));
        check_int(got.offset_s, known[i].offset_s, known[i].at, __FILE__, __LINE__);
        CHECK_STR(str_of(got.name), known[i].name);
    }
    for (size_t i = 0; i < COUNT(moments); i++) {
        struct zone *zone CLEANUP(zone_freep) = zone_open(&ctx, str_of(moments[i].zone));
        check_int(zone_moment(zone, at(moments[i].local)), at(moments[i].moment), moments[i].local,
                  __FILE__, __LINE__);
    }
    CHECK_INT(zone_at(NULL, 0).offset_s, 0);
    const char *bad[] = { "",       "Nowhere/City", "../../../etc/passwd", "/etc/localtime",
                          "Europe", "zone.tab",     "Europe/Ber lin" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        ctx_clear(&ctx);
        CHECK(!zone_open(&ctx, str_of(bad[i])));
        CHECK_INT(ctx.error.code, ERR_INVALID);
    }
    return check_end();
}
