#include "services/campaign/journey_intakes.h"

#include "base/clock.h"
#include "platform/faults/faults.h"
#include "platform/telemetry/log.h"
#include "services/campaign/journeys.h"
#include "services/campaign/schedule.h"
#include "services/campaign/store_intakes.h"
#include "campaign_contract.h"

#define PAGE 100 /* persons in one transaction: others wait for the writer meanwhile */
#define LATE_US US_PER_DAY

static bool is_scheduled(const struct shelf_program *program)
{
    return program->definition.entry.kind == JOURNEY_ENTRY_KIND_SCHEDULE;
}

static bool takes_in(const struct shelf_program *program)
{
    return program->newest && !program->held && journey_takes_in(&program->definition.entry);
}

/* ---- when ---- */

/* What an intake is of: with another activation, segment or schedule it is another one. */
static struct str plan_of(struct ctx *ctx, const struct journey_definition *definition,
                          int64_t activated_us)
{
    struct journey_entry entry = definition->entry;
    entry.filter = NULL;
    return arena_printf(ctx->arena, "%lld " STR_FMT " " STR_FMT, (long long)activated_us,
                        STR_ARG(definition->time_zone), STR_ARG(journey_entry_encode(ctx, &entry)));
}

static bool next_after(struct ctx *ctx, const struct shelf_program *program, int64_t after_us,
                       int64_t *out)
{
    struct schedule_start start;
    *out = INTAKE_NEVER;
    if (!is_scheduled(program))
        return true;
    const struct campaign_schedule schedule = journey_schedule(&program->definition);
    if (schedule_next(ctx, &schedule, after_us, &start))
        *out = start.us;
    return !ctx_failed(ctx);
}

/* The row as it is, or as it is to be made: with version 0, or with begun false and due_us 0 where the plan has changed. */
static bool intake_read(struct ctx *ctx, const struct shelf_program *program,
                        struct intake_row *out)
{
    struct str plan = plan_of(ctx, &program->definition, program->activated_us);
    struct intake_row row = { .journey_id = program->journey_id };
    if (!store_intake(ctx, program->journey_id, &row) && ctx_failed(ctx))
        return false;
    if (!str_eq(row.plan, plan))
        row = (struct intake_row){ .journey_id = program->journey_id,
                                   .plan = plan,
                                   .person_id = STR(""),
                                   .version = row.version };
    *out = row;
    return true;
}

/* From when on it counts: the definition may have been changed while the journey was active. */
static bool intake_plan(struct ctx *ctx, const struct shelf_program *program,
                        struct intake_row *row)
{
    struct journey_row journey;
    if (!store_journey(ctx, program->journey_id, &journey))
        return ctx_failed(ctx) ? false : ctx_fail(ctx, ERR_UNAVAILABLE, "the journey is gone");
    row->due_us = journey.saved_us;
    return (!is_scheduled(program) || next_after(ctx, program, journey.saved_us, &row->due_us)) &&
           store_intake_put(ctx, row);
}

/* ---- whom ---- */

static const struct json *properties_of(struct ctx *ctx, const struct shelf_program *program,
                                        struct str person_id, int64_t due_us)
{
    struct json_out out;
    char at[CLOCK_TEXT_BYTES];
    json_out_init(&out, ctx->arena);
    json_object(&out);
    json_key(&out, "person_id");
    json_put_str(&out, person_id);
    json_key(&out, "segment_id");
    json_put_str(&out, program->definition.entry.segment_id);
    clock_format(due_us, at);
    json_key(&out, is_scheduled(program) ? "scheduled_at" : "state");
    json_put_str(&out, is_scheduled(program) ? str_of(at) : STR("entered"));
    json_object_end(&out);
    return json_parse(ctx, json_out_str(&out));
}

static bool person_comes(struct ctx *ctx, const struct shelf_program *program,
                         const struct intake_row *row, struct str person_id)
{
    const char *name = is_scheduled(program) ? "fanfare.schedule.come" : "fanfare.segment.entered";
    const struct journey_event event = { .name = str_of(name),
                                         .person_id = person_id,
                                         .properties =
                                             properties_of(ctx, program, person_id, row->due_us),
                                         .at_us = row->due_us };
    struct str cause =
        arena_printf(ctx->arena, STR_FMT "/%lld", STR_ARG(person_id), (long long)row->due_us);
    bool in;
    if (!event.properties ||
        !store_member_hold(ctx, person_id, program->definition.entry.segment_id, &in))
        return false;
    return !in || journeys_bring(ctx, program, &event, cause);
}

/* One whom something is wrong with does not keep out the others. */
static bool person_try(struct ctx *ctx, const struct shelf_program *program,
                       const struct intake_row *row, struct str person_id)
{
    if (!sql_savepoint(ctx))
        return false;
    if (person_comes(ctx, program, row, person_id))
        return sql_savepoint_keep(ctx);
    struct error error = ctx->error;
    ctx_clear(ctx);
    if (!sql_savepoint_undo(ctx))
        return false;
    if (error.code == ERR_UNAVAILABLE)
        return ctx_fail(ctx, error.code, STR_FMT, STR_ARG(error.detail));
    log_line(LOG_ERROR, ctx, "journey_intake_left_out", LOG_S("journey_id", program->journey_id),
             LOG_S("reason", error.detail));
    return true;
}

static bool page_go_on(struct ctx *ctx, const struct shelf_program *program, struct intake_row *row,
                       bool *more)
{
    struct str *people = ARENA_ARRAY(ctx->arena, struct str, PAGE);
    size_t n;
    if (!store_members(ctx, program->definition.entry.segment_id, row->person_id, PAGE, people, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!person_try(ctx, program, row, people[i]))
            return false;
    fault_at("campaign.intake", program->journey_id.ptr);
    *more = n == PAGE;
    row->begun = true;
    if (*more)
        row->person_id = people[n - 1];
    return true;
}

/* An entry by schedule waits for its next time; of what was missed meanwhile nothing is made up for. */
static bool intake_end(struct ctx *ctx, const struct shelf_program *program, struct intake_row *row)
{
    row->person_id = STR("");
    row->begun = !is_scheduled(program);
    return next_after(ctx, program, MAX(row->due_us, clock_now_us()), &row->due_us);
}

static bool is_late(const struct shelf_program *program, const struct intake_row *row)
{
    return is_scheduled(program) && !row->begun && clock_now_us() - row->due_us > LATE_US;
}

static bool intake_go_on(struct ctx *ctx, const struct shelf_program *program, int64_t until_us,
                         bool *more)
{
    struct intake_row row;
    bool here = false;
    if (!intake_read(ctx, program, &row))
        return false;
    if (!row.due_us) {
        if (!intake_plan(ctx, program, &row))
            return false;
        *more = *more || row.due_us <= until_us;
        return true;
    }
    if (row.due_us > until_us)
        return true;
    if (!is_late(program, &row) && !page_go_on(ctx, program, &row, &here))
        return false;
    *more = *more || here;
    return (here || intake_end(ctx, program, &row)) && store_intake_put(ctx, &row);
}

/* ---- all of them ---- */

bool journey_intakes_due(struct ctx *ctx, const struct shelf *shelf, int64_t now_us, bool *due)
{
    struct intake_row row;
    for (size_t i = 0; i < shelf->n_programs && !*due; i++) {
        if (!takes_in(&shelf->programs[i]))
            continue;
        if (!intake_read(ctx, &shelf->programs[i], &row))
            return false;
        *due = row.due_us <= now_us;
    }
    return true;
}

/* A page that could not be kept is tried again with the next round; other journeys go on. */
static bool intake_try(struct ctx *ctx, const struct shelf_program *program, int64_t until_us,
                       bool *more)
{
    if (!sql_savepoint(ctx))
        return false;
    if (intake_go_on(ctx, program, until_us, more))
        return sql_savepoint_keep(ctx);
    struct error error = ctx->error;
    ctx_clear(ctx);
    if (!sql_savepoint_undo(ctx))
        return false;
    return error.code == ERR_UNAVAILABLE ||
           ctx_fail(ctx, error.code, STR_FMT, STR_ARG(error.detail));
}

bool journey_intakes_go_on(struct ctx *ctx, const struct shelf *shelf, int64_t until_us, bool *more)
{
    for (size_t i = 0; i < shelf->n_programs; i++)
        if (takes_in(&shelf->programs[i]) && !intake_try(ctx, &shelf->programs[i], until_us, more))
            return false;
    return true;
}

bool journey_intake_begun(struct ctx *ctx, const struct shelf_program *program, bool *begun)
{
    struct intake_row row;
    *begun = false;
    if (is_scheduled(program) || !journey_takes_in(&program->definition.entry))
        return true;
    if (!intake_read(ctx, program, &row))
        return false;
    *begun = row.begun;
    return true;
}

bool journey_intake_at(struct ctx *ctx, const struct journey_row *journey,
                       const struct journey_definition *definition, int64_t *at_us)
{
    struct intake_row row;
    *at_us = 0;
    if (!journey_takes_in(&definition->entry))
        return true;
    if (!store_intake(ctx, journey->journey_id, &row))
        return !ctx_failed(ctx);
    if (row.due_us != INTAKE_NEVER &&
        str_eq(row.plan, plan_of(ctx, definition, journey->activated_us)))
        *at_us = row.due_us;
    return true;
}
