#include "base/clock.h"
#include "services/content/reply.h"
#include "services/content/schedules.h"
#include "content_contract.h"

static struct schedule schedule_answer(const struct schedule_row *row)
{
    return (struct schedule){ .entry_id = row->entry_id,
                              .schedule_id = row->schedule_id,
                              .action = schedule_action_parse(row->action),
                              .has_version = row->version > 0,
                              .version = row->version,
                              .at = row->local_time,
                              .time_zone = row->time_zone,
                              .clock = schedule_clock_parse(row->clock),
                              .due_at = row->due_us,
                              .state = schedule_state_parse(row->state),
                              .reason = row->reason,
                              .has_done_at = row->done_us > 0,
                              .done_at = row->done_us };
}

/* The entry and the version that are meant are there, and the time is still to come. */
static bool schedule_check(struct ctx *ctx, struct schedule_row *schedule)
{
    struct entry_row entry;
    struct version_row version;
    if (!entry_find(ctx, schedule->entry_id, &entry) ||
        (schedule->version &&
         !version_find(ctx, schedule->entry_id, schedule->version, &version)) ||
        !schedule_resolve(ctx, schedule))
        return false;
    return schedule->due_us > clock_now_us() ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/at"), "this time is over");
}

struct reply content_put_schedule(struct ctx *ctx, const struct put_schedule_in *in)
{
    const struct schedule_put *put = in->body;
    struct schedule_row schedule = { .entry_id = in->entry_id,
                                     .schedule_id = in->schedule_id,
                                     .action = str_of(schedule_action_name(put->action)),
                                     .version = put->has_version ? put->version : 0,
                                     .local_time = put->at,
                                     .time_zone = put->time_zone,
                                     .state = STR("waiting") };
    if (put->has_version && put->action != SCHEDULE_ACTION_PUBLISH)
        ctx_fail_at(ctx, ERR_INVALID, STR("/version"), "only publishing takes a version");
    if (ctx_failed(ctx) || !schedule_check(ctx, &schedule) || !store_schedule_put(ctx, &schedule))
        return reply_error(ctx);
    struct schedule answer = schedule_answer(&schedule);
    return reply_ok(ctx, schedule_encode(ctx, &answer));
}

struct reply content_delete_schedule(struct ctx *ctx, const struct delete_schedule_in *in)
{
    bool was;
    if (!store_schedule_delete(ctx, in->entry_id, in->schedule_id, &was))
        return reply_error(ctx);
    if (was)
        return reply_empty(ctx);
    ctx_fail(ctx, ERR_NOT_FOUND, "the entry has no such schedule");
    return reply_error(ctx);
}

static bool beyond_parse(struct ctx *ctx, struct str cursor, struct schedule_row *out)
{
    struct str parts[3];
    *out =
        (struct schedule_row){ .due_us = INT64_MIN, .entry_id = STR(""), .schedule_id = STR("") };
    if (!cursor.ptr)
        return true;
    if (!sql_cursor_parse(ctx, cursor, parts, COUNT(parts)))
        return false;
    out->entry_id = parts[1];
    out->schedule_id = parts[2];
    return str_to_int(parts[0], &out->due_us) || ctx_fail_at(ctx, ERR_INVALID, STR("query/cursor"),
                                                             "this cursor is not one of this list");
}

static struct str beyond_cursor(struct ctx *ctx, const struct schedule_row *last)
{
    const struct str parts[] = { arena_printf(ctx->arena, "%lld", (long long)last->due_us),
                                 last->entry_id, last->schedule_id };
    return sql_cursor(ctx->arena, parts, COUNT(parts));
}

struct reply content_list_schedules(struct ctx *ctx, const struct list_schedules_in *in)
{
    struct schedule_row beyond;
    struct str entry_id = in->entry_id.ptr ? in->entry_id : STR("");
    struct str state = in->has_state ? str_of(schedule_state_name(in->state)) : STR("");
    size_t n, limit = (size_t)in->limit;
    struct schedule_row *rows = ARENA_ARRAY(ctx->arena, struct schedule_row, limit + 1);
    if (!beyond_parse(ctx, in->cursor, &beyond) ||
        !store_schedules(ctx, entry_id, state, &beyond, limit + 1, rows, &n))
        return reply_error(ctx);
    struct schedule_list list = { .n_items = MIN(n, limit) };
    struct schedule *items = ARENA_ARRAY(ctx->arena, struct schedule, list.n_items);
    for (size_t i = 0; i < list.n_items; i++)
        items[i] = schedule_answer(&rows[i]);
    list.items = items;
    if (n > limit)
        list.next_cursor = beyond_cursor(ctx, &rows[limit - 1]);
    return reply_ok(ctx, schedule_list_encode(ctx, &list));
}
