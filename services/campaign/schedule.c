#include "services/campaign/schedule.h"

#include "base/clock.h"
#include "platform/zone/zone.h"
#include "services/campaign/recurrence.h"

#define FIRST_ZONE_S (14 * 3600) /* nobody's clocks are further ahead of UTC (Pacific/Kiritimati) */
#define SETTLED_S (3 * 3600)     /* so long after a change of clocks it is over everywhere */

struct local {
    const struct zone *zone;
    int64_t at_s; /* what clocks show */
};

static bool local_read(struct ctx *ctx, const struct campaign_schedule *schedule, struct local *out)
{
    int64_t us;
    const char *seconds = schedule->local_at.len == 16 ? ":00" : "";
    struct str utc = arena_printf(ctx->arena, STR_FMT "%sZ", STR_ARG(schedule->local_at), seconds);
    if (!clock_parse(utc, false, &us))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/schedule/local_at"), "there is no such time");
    out->at_s = us / US_PER_S;
    out->zone = zone_find(ctx, schedule->zone);
    if (!out->zone)
        ctx->error.pointer = STR("/schedule/zone");
    return out->zone != NULL;
}

static bool rule_read(struct ctx *ctx, const struct campaign_schedule *schedule,
                      const struct zone *zone, struct recurrence *out)
{
    if (!recurrence_parse(ctx, schedule->rrule, out)) {
        ctx->error.pointer = STR("/schedule/rrule");
        return false;
    }
    if (out->until_utc)
        out->until_s += zone_at(zone, out->until_s).offset_s;
    return true;
}

/* ---- what may be said ---- */

static bool parts_check(struct ctx *ctx, const struct campaign_schedule *schedule)
{
    const struct {
        bool wrong;
        const char *pointer, *why;
    } rules[] = {
        { schedule->has_at && schedule->local_at.ptr, "/schedule/at",
          "it begins at a moment or when clocks show a time, not both" },
        { schedule->local_at.ptr && !schedule->zone.ptr, "/schedule/zone",
          "a time on clocks needs a zone" },
        { schedule->zone.ptr && !schedule->local_at.ptr, "/schedule/zone",
          "a zone needs a time on its clocks (local_at)" },
        { schedule->each && !schedule->local_at.ptr, "/schedule/each",
          "each person's own zone needs a time on clocks (local_at)" },
        { schedule->rrule.ptr && !schedule->local_at.ptr, "/schedule/rrule",
          "a rule needs the time on clocks (local_at) that it begins with" },
        { schedule->has_which && (!schedule->local_at.ptr || schedule->each || schedule->rrule.ptr),
          "/schedule/which", "which of two times goes with one time in one zone" },
    };
    for (size_t i = 0; i < COUNT(rules); i++)
        if (rules[i].wrong)
            return ctx_fail_at(ctx, ERR_INVALID, str_of(rules[i].pointer), "%s", rules[i].why);
    return true;
}

static bool rule_check(struct ctx *ctx, const struct campaign_schedule *schedule,
                       const struct local *local)
{
    struct recurrence rule;
    int64_t first_s;
    if (!rule_read(ctx, schedule, local->zone, &rule))
        return false;
    return recurrence_next(&rule, local->at_s, INT64_MIN, &first_s) ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/schedule/rrule"),
                       "no day matches this rule, of the %d years from local_at on",
                       RECURRENCE_YEARS);
}

static bool clock_check(struct ctx *ctx, const struct campaign_schedule *schedule,
                        const struct local *local)
{
    enum zone_fit fit;
    zone_utc_s(local->zone, local->at_s, &fit);
    if (fit == ZONE_SKIPPED)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/schedule/local_at"),
                           "clocks in " STR_FMT " skip " STR_FMT ": they are put forward over it",
                           STR_ARG(schedule->zone), STR_ARG(schedule->local_at));
    if (fit == ZONE_TWICE && !schedule->has_which)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/schedule/which"),
                           "clocks in " STR_FMT " show " STR_FMT
                           " twice: say which, first or second",
                           STR_ARG(schedule->zone), STR_ARG(schedule->local_at));
    if (fit == ZONE_ONCE && schedule->has_which)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/schedule/which"),
                           "clocks in " STR_FMT " show " STR_FMT " once", STR_ARG(schedule->zone),
                           STR_ARG(schedule->local_at));
    return true;
}

bool schedule_check(struct ctx *ctx, const struct campaign_schedule *schedule)
{
    struct local local;
    if (!schedule)
        return true;
    if (!parts_check(ctx, schedule))
        return false;
    if (!schedule->local_at.ptr)
        return true;
    if (!local_read(ctx, schedule, &local))
        return false;
    if (schedule->rrule.ptr)
        return rule_check(ctx, schedule, &local);
    return schedule->each || clock_check(ctx, schedule, &local);
}

/* ---- when it is ---- */

static int64_t moment_us(const struct campaign_schedule *schedule, const struct zone *zone,
                         int64_t local_s)
{
    if (schedule->each)
        return (local_s - FIRST_ZONE_S) * US_PER_S;
    int64_t utc_s = zone_utc_s(zone, local_s, NULL);
    if (schedule->has_which && schedule->which == CLOCK_CHOICE_SECOND)
        utc_s = local_s - zone_at(zone, utc_s + SETTLED_S).offset_s;
    return utc_s * US_PER_S;
}

static void start_set(struct ctx *ctx, const struct campaign_schedule *schedule,
                      const struct zone *zone, int64_t local_s, struct schedule_start *out)
{
    char text[CLOCK_TEXT_BYTES];
    *out = (struct schedule_start){ .us = moment_us(schedule, zone, local_s) };
    clock_format(local_s * US_PER_S, text);
    if (schedule->each)
        out->local_at = arena_printf(ctx->arena, "%.19s", text);
}

static bool next_of_rule(struct ctx *ctx, const struct campaign_schedule *schedule,
                         const struct local *local, int64_t after_us, struct schedule_start *out)
{
    struct recurrence rule;
    /* Nowhere do clocks show less than this. */
    int64_t local_s = after_us / US_PER_S - FIRST_ZONE_S;
    if (!rule_read(ctx, schedule, local->zone, &rule))
        return false;
    while (recurrence_next(&rule, local->at_s, local_s, &local_s)) {
        start_set(ctx, schedule, local->zone, local_s, out);
        if (out->us > after_us)
            return true;
    }
    return false;
}

bool schedule_next(struct ctx *ctx, const struct campaign_schedule *schedule, int64_t after_us,
                   struct schedule_start *out)
{
    struct local local;
    *out = (struct schedule_start){ 0 };
    if (!schedule || (!schedule->has_at && !schedule->local_at.ptr))
        return true;
    if (schedule->has_at) {
        out->us = schedule->at;
        return out->us > after_us;
    }
    if (!local_read(ctx, schedule, &local))
        return false;
    if (schedule->rrule.ptr)
        return next_of_rule(ctx, schedule, &local, after_us, out);
    start_set(ctx, schedule, local.zone, local.at_s, out);
    return out->us > after_us;
}
