#include "services/content/schedules.h"

#include "base/clock.h"
#include "platform/service/service.h"
#include "platform/zone/zone.h"
#include "services/content/publish.h"

/* ---- when ---- */

bool schedule_resolve(struct ctx *ctx, struct schedule_row *schedule)
{
    static const char *const clocks[] = {
        [ZONE_ONCE] = "once", [ZONE_SKIPPED] = "skipped", [ZONE_TWICE] = "twice"
    };
    int64_t local_us;
    enum zone_fit fit;
    struct str utc = arena_printf(ctx->arena, STR_FMT "Z", STR_ARG(schedule->local_time));
    if (!clock_parse(utc, false, &local_us))
        return ctx_fail_at(ctx, ERR_INVALID, STR("/at"), "there is no such time");
    const struct zone *zone = zone_find(ctx, schedule->time_zone);
    if (!zone) {
        ctx->error.pointer = STR("/time_zone");
        return false;
    }
    schedule->due_us = zone_utc_s(zone, local_us / US_PER_S, &fit) * US_PER_S;
    schedule->clock = str_of(clocks[fit]);
    return true;
}

/* ---- doing it ---- */

#define ROUND_MOST 50

static bool schedule_act(struct ctx *ctx, const struct schedule_row *schedule)
{
    struct shown_row shown;
    struct entry_row entry;
    return str_is(schedule->action, "publish")
               ? entry_publish(ctx, schedule->entry_id, schedule->version, &shown)
               : entry_unpublish(ctx, schedule->entry_id, &entry);
}

/* Inside a transaction: what is done and that it is done stand or fall together, so it happens once. */
static bool schedule_do(struct ctx *ctx, void *argument)
{
    const struct schedule_row *schedule = argument;
    bool mine;
    if (!store_schedule_end(ctx, schedule, clock_now_us(), (struct str){ NULL, 0 }, &mine))
        return false;
    return !mine || schedule_act(ctx, schedule);
}

static bool schedule_fail(struct ctx *ctx, void *argument)
{
    struct schedule_row *schedule = argument;
    bool mine;
    return store_schedule_end(ctx, schedule, clock_now_us(), schedule->reason, &mine);
}

/* What is refused today would be refused tomorrow; what is not there (503 and such) may be in a moment. */
static bool schedule_run(struct ctx *ctx, struct schedule_row *schedule)
{
    struct sql_db *db = service_db(ctx);
    if (!events_accepting(ctx, service_events(ctx)))
        return false;
    for (int tries = 0; tries < 2;
         tries++) { /* somebody may have been at the entry at that moment */
        ctx_clear(ctx);
        if (sql_write(ctx, db, schedule_do, schedule))
            return true;
        if (outcome_of(ctx) != REJECT)
            return false;
    }
    schedule->reason = ctx->error.detail;
    ctx_clear(ctx);
    return sql_write(ctx, db, schedule_fail, schedule);
}

struct due {
    struct schedule_row rows[ROUND_MOST];
    size_t n;
};

static bool due_read(struct ctx *ctx, void *argument)
{
    struct due *due = argument;
    return store_schedules_due(ctx, clock_now_us(), ROUND_MOST, due->rows, &due->n);
}

bool schedules_run(struct ctx *ctx)
{
    struct due *due = ARENA_NEW(ctx->arena, struct due);
    if (!sql_read(ctx, service_db(ctx), due_read, due))
        return false;
    for (size_t i = 0; i < due->n; i++)
        if (!schedule_run(ctx, &due->rows[i]))
            return false;
    return due->n == ROUND_MOST;
}
