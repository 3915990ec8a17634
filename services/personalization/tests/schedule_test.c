/* When something is shown: moments, windows of the week, midnight, and clocks that are put forward and back. */
#include "base/clock.h"
#include "base/tests/check.h"
#include "services/personalization/schedule.h"

static const struct compiled_schedule *compile(struct ctx *ctx, const char *text)
{
    struct experience_schedule schedule;
    const struct json *json = json_parse(ctx, str_of(text));
    return experience_schedule_decode(ctx, json, &schedule)
               ? schedule_compile(ctx, &schedule, "/schedule")
               : NULL;
}

static bool open_at(const struct compiled_schedule *schedule, const char *moment)
{
    int64_t us;
    REQUIRE(clock_parse(str_of(moment), false, &us));
    return schedule_is_open(schedule, us);
}

static void test_moments(struct ctx *ctx)
{
    const struct compiled_schedule *schedule = compile(
        ctx, "{\"from\":\"2026-11-27T00:00:00+01:00\",\"to\":\"2026-11-30T00:00:00+01:00\"}");
    REQUIRE(schedule != NULL);
    CHECK(!open_at(schedule, "2026-11-26T22:59:59.999Z"));
    CHECK(open_at(schedule, "2026-11-26T23:00:00Z"));
    CHECK(open_at(schedule, "2026-11-29T22:59:59.999Z"));
    CHECK(!open_at(schedule, "2026-11-29T23:00:00Z"));
    CHECK(open_at(NULL, "2026-11-29T23:00:00Z"));
    CHECK(open_at(compile(ctx, "{}"), "1999-11-29T23:00:00Z"));
}

static void test_windows(struct ctx *ctx)
{
    const struct compiled_schedule *schedule = compile(
        ctx,
        "{\"time_zone\":\"Europe/Berlin\",\"windows\":[{\"days\":[\"mon\",\"fri\"],\"from\":\"18:00\","
        "\"to\":\"20:30\"},{\"days\":[\"sun\"],\"from\":\"22:00\",\"to\":\"02:00\"},"
        "{\"days\":[\"wed\"],\"from\":\"00:00\",\"to\":\"24:00\"}]}");
    REQUIRE(schedule != NULL);
    CHECK(!open_at(schedule, "2026-11-23T16:59:59Z")); /* a Monday, 17:59:59 there */
    CHECK(open_at(schedule, "2026-11-23T17:00:00Z"));
    CHECK(open_at(schedule, "2026-11-23T19:29:59Z"));
    CHECK(!open_at(schedule, "2026-11-23T19:30:00Z"));
    CHECK(open_at(schedule, "2026-07-20T16:00:00Z")); /* in summer an hour earlier */
    CHECK(!open_at(schedule, "2026-07-20T19:00:00Z"));
    CHECK(open_at(schedule, "2026-11-22T21:00:00Z")); /* Sunday evening, and into Monday */
    CHECK(open_at(schedule, "2026-11-23T00:59:59Z"));
    CHECK(!open_at(schedule, "2026-11-23T01:00:00Z"));
    CHECK(!open_at(schedule, "2026-11-24T22:59:59Z"));
    CHECK(open_at(schedule, "2026-11-24T23:00:00Z")); /* all of Wednesday, there */
    CHECK(open_at(schedule, "2026-11-25T22:59:59Z"));
    CHECK(!open_at(schedule, "2026-11-25T23:00:00Z"));
    CHECK(open_at(schedule, "1969-12-31T00:00:00Z")); /* before 1970, a Wednesday too */
}

/* On 2026-03-29 clocks go from 02:00 to 03:00, on 2026-10-25 from 03:00 back to 02:00: both Sundays. */
static void test_changed_clocks(struct ctx *ctx)
{
    const struct compiled_schedule *schedule = compile(
        ctx,
        "{\"time_zone\":\"Europe/Berlin\",\"windows\":[{\"days\":[\"sun\"],\"from\":\"02:00\",\"to\":\"03:00\"}]}");
    REQUIRE(schedule != NULL);
    CHECK(!open_at(schedule, "2026-03-29T00:59:59Z"));
    CHECK(!open_at(schedule, "2026-03-29T01:00:00Z")); /* 03:00: the hour was left out */
    CHECK(open_at(schedule, "2026-10-25T00:00:00Z"));
    CHECK(open_at(schedule, "2026-10-25T01:59:59Z")); /* and here it comes twice */
    CHECK(!open_at(schedule, "2026-10-25T02:00:00Z"));
}

static void test_refused(struct ctx *ctx)
{
    static const struct {
        const char *text, *pointer;
    } cases[] = {
        { "{\"from\":\"2026-11-27T00:00:00Z\",\"to\":\"2026-11-27T00:00:00Z\"}", "/schedule/to" },
        { "{\"time_zone\":\"Europe/Nowhere\"}", "/schedule/time_zone" },
        { "{\"windows\":[{\"days\":[\"mon\"],\"from\":\"08:00\",\"to\":\"08:00\"}]}",
          "/schedule/windows/0/to" },
        { "{\"windows\":[{\"days\":[\"mon\"],\"from\":\"24:00\",\"to\":\"08:00\"}]}",
          "/windows/0/from" },
        { "{\"windows\":[{\"days\":[],\"from\":\"08:00\",\"to\":\"09:00\"}]}", "/windows/0/days" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CHECK(compile(ctx, cases[i].text) == NULL);
        CHECK_INT(ctx->error.code, ERR_INVALID);
        CHECK_STR(ctx->error.pointer, cases[i].pointer);
        ctx_clear(ctx);
    }
}

int main(void)
{
    CLEANUP(arena_freep) struct arena *arena = arena_new(0);
    struct ctx ctx = { .arena = arena };
    test_moments(&ctx);
    test_windows(&ctx);
    test_changed_clocks(&ctx);
    test_refused(&ctx);
    return check_end();
}
