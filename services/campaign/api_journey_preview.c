#include "services/campaign/journey_step.h"
#include "campaign_contract.h"

#define MOST_STEPS 1000 /* of a preview; a journey may go round for ever */

struct preview {
    const struct journey_preview_put *put;
    const struct journey_program *program;
    const struct zone *zone;
    struct journey_world world;
    struct journey_preview_step *steps;
    size_t n_steps;
};

static bool preview_is_member(struct ctx *ctx, void *argument, struct str person_id,
                              struct str segment_id, bool *out)
{
    const struct preview *preview = argument;
    (void)ctx;
    (void)person_id;
    for (size_t i = 0; i < preview->put->n_segments; i++)
        *out = *out || str_eq(preview->put->segments[i], segment_id);
    return true;
}

static bool preview_zone(struct ctx *ctx, void *argument, struct str person_id,
                         const struct zone **out)
{
    const struct preview *preview = argument;
    (void)ctx;
    (void)person_id;
    *out = preview->zone;
    return true;
}

static bool preview_traits(struct ctx *ctx, void *argument, struct str person_id,
                           const struct json **out)
{
    const struct preview *preview = argument;
    (void)ctx;
    (void)person_id;
    *out = preview->put->traits;
    return true;
}

static bool preview_did(struct ctx *ctx, void *argument, const struct journey_visit_at *visit,
                        enum journey_did did)
{
    struct preview *preview = argument;
    if (preview->n_steps == MOST_STEPS)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/definition"),
                           "it takes more than %d steps, too many to show", MOST_STEPS);
    preview->steps[preview->n_steps++] = (struct journey_preview_step){
        .at = preview->world.now_us,
        .did = did,
        .node = preview->program->places[visit->node].node->id,
        .has_reason = visit->reason != JOURNEY_REASON_UNKNOWN,
        .reason = visit->reason,
    };
    return true;
}

/* Lets the timers before `until_us` run out. */
static bool preview_wait(struct ctx *ctx, struct preview *preview, struct journey_visit_at *visit,
                         int64_t until_us)
{
    while (visit->waits && visit->due_us <= until_us) {
        preview->world.now_us = visit->due_us;
        if (!journey_wake(ctx, preview->program, &preview->world, visit))
            return false;
    }
    return true;
}

static bool preview_run(struct ctx *ctx, struct preview *preview)
{
    struct journey_visit_at visit = { .visit_id = STR("vst_preview") };
    bool entered = false;
    for (size_t i = 0; i < preview->put->n_events; i++) {
        const struct journey_preview_event *told = &preview->put->events[i];
        const struct journey_event event = { .name = told->event,
                                             .person_id = preview->put->person_id,
                                             .properties = told->properties,
                                             .at_us = told->at };
        if (i > 0 && told->at < preview->put->events[i - 1].at)
            return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "/events/%zu/at", i),
                               "it is earlier than the event before it");
        if (entered && !preview_wait(ctx, preview, &visit, told->at))
            return false;
        preview->world.now_us = told->at;
        if (entered
                ? !journey_hear(ctx, preview->program, &preview->world, &event, &visit)
                : !journey_enter(ctx, preview->program, &preview->world, &event, &visit, &entered))
            return false;
    }
    return !entered || preview_wait(ctx, preview, &visit, INT64_MAX);
}

static bool definition_compile(struct ctx *ctx, const struct journey_definition *definition,
                               struct journey_program *program)
{
    if (journey_compile(ctx, definition, program))
        return true;
    ctx->error.pointer =
        arena_printf(ctx->arena, "/definition" STR_FMT, STR_ARG(ctx->error.pointer));
    return false;
}

static bool preview_zone_find(struct ctx *ctx, struct preview *preview)
{
    if (!preview->put->time_zone.ptr || (preview->zone = zone_find(ctx, preview->put->time_zone)))
        return true;
    ctx->error.pointer = STR("/time_zone");
    return false;
}

struct reply campaign_preview_journey(struct ctx *ctx, const struct preview_journey_in *in)
{
    struct journey_program program;
    struct preview preview = {
        .put = in->body,
        .program = &program,
        .steps = ARENA_ARRAY(ctx->arena, struct journey_preview_step, MOST_STEPS),
    };
    preview.world = (struct journey_world){ .argument = &preview,
                                            .is_member = preview_is_member,
                                            .zone = preview_zone,
                                            .traits = preview_traits,
                                            .did = preview_did };
    if (!definition_compile(ctx, &in->body->definition, &program) ||
        !preview_zone_find(ctx, &preview) || !preview_run(ctx, &preview))
        return reply_error(ctx);
    const struct journey_preview shown = { .steps = preview.steps, .n_steps = preview.n_steps };
    return reply_ok(ctx, journey_preview_encode(ctx, &shown));
}
