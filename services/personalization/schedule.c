#include "services/personalization/schedule.h"

#include "base/clock.h"

#define MINUTES_PER_DAY 1440
#define MINUTES_PER_WEEK (7 * MINUTES_PER_DAY)
#define FIRST_MONDAY 4 /* days after 1970-01-01, a Thursday */

/* Minutes since Monday 00:00. */
struct window {
    int from, minutes;
};

struct compiled_schedule {
    int64_t from_us, to_us;
    const struct zone *zone;
    struct window *windows;
    size_t n_windows; /* 0: all week */
};

static int minute_of(struct str clock)
{
    const char *at = clock.ptr;
    return ((at[0] - '0') * 10 + at[1] - '0') * 60 + (at[3] - '0') * 10 + at[4] - '0';
}

static void windows_compile(struct ctx *ctx, const struct experience_schedule *schedule,
                            struct compiled_schedule *out)
{
    size_t n = 0;
    for (size_t i = 0; i < schedule->n_windows; i++)
        n += schedule->windows[i].n_days;
    out->windows = ARENA_ARRAY(ctx->arena, struct window, n);
    for (size_t i = 0; i < schedule->n_windows; i++) {
        const struct schedule_window *window = &schedule->windows[i];
        int from = minute_of(window->from), to = minute_of(window->to);
        for (size_t k = 0; k < window->n_days; k++)
            out->windows[out->n_windows++] =
                (struct window){ (int)(window->days[k] - WEEKDAY_MON) * MINUTES_PER_DAY + from,
                                 to > from ? to - from : to - from + MINUTES_PER_DAY };
    }
}

static bool fail_at(struct ctx *ctx, const char *at, const char *member, const char *sentence)
{
    return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "%s/%s", at, member), "%s",
                       sentence);
}

const struct compiled_schedule *schedule_compile(struct ctx *ctx,
                                                 const struct experience_schedule *schedule,
                                                 const char *at)
{
    struct compiled_schedule *out = ARENA_NEW(ctx->arena, struct compiled_schedule);
    out->from_us = schedule->has_from ? schedule->from : INT64_MIN;
    out->to_us = schedule->has_to ? schedule->to : INT64_MAX;
    if (out->to_us <= out->from_us && !fail_at(ctx, at, "to", "it ends before it begins"))
        return NULL;
    for (size_t i = 0; i < schedule->n_windows; i++)
        if (str_eq(schedule->windows[i].from, schedule->windows[i].to) &&
            !fail_at(ctx, at, arena_printf(ctx->arena, "windows/%zu/to", i).ptr,
                     "there is no time in this window; a whole day is 00:00 to 24:00"))
            return NULL;
    out->zone = zone_find(ctx, schedule->time_zone);
    if (!out->zone) {
        if (ctx->error.code == ERR_INVALID)
            ctx->error.pointer = arena_printf(ctx->arena, "%s/time_zone", at);
        return NULL;
    }
    windows_compile(ctx, schedule, out);
    return out;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

bool schedule_is_open(const struct compiled_schedule *schedule, int64_t now_us)
{
    if (!schedule)
        return true;
    if (now_us < schedule->from_us || now_us >= schedule->to_us)
        return false;
    if (schedule->n_windows == 0)
        return true;
    int64_t utc_s = floor_div(now_us, US_PER_S);
    int64_t minutes = floor_div(utc_s + zone_at(schedule->zone, utc_s).offset_s, 60);
    int64_t since = minutes - FIRST_MONDAY * MINUTES_PER_DAY;
    int64_t of_week = since - floor_div(since, MINUTES_PER_WEEK) * MINUTES_PER_WEEK;
    for (size_t i = 0; i < schedule->n_windows; i++) {
        int64_t into = of_week - schedule->windows[i].from;
        if (into < 0) /* one that began on the last evening of the week before */
            into += MINUTES_PER_WEEK;
        if (into < schedule->windows[i].minutes)
            return true;
    }
    return false;
}
