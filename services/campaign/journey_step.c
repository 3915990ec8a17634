#include "services/campaign/journey_step.h"

#include "base/clock.h"
#include "base/hash.h"

#define DAY_S 86400

static bool did(struct ctx *ctx, const struct journey_world *world,
                const struct journey_visit_at *visit, enum journey_did what)
{
    return world->did(ctx, world->argument, visit, what);
}

/* What cannot be evaluated is not true, and *broken. */
static bool holds(struct ctx *ctx, const struct rule *rule, const struct json *data, bool *broken)
{
    struct value value;
    const struct rule_input input = { .data = data };
    if (!rule)
        return true;
    if (rule_evaluate(ctx, rule, &input, &value))
        return rule_truthy(&value);
    ctx_clear(ctx);
    *broken = true;
    return false;
}

/* A key is text or a whole number. */
static struct str key_of(struct ctx *ctx, const struct json *properties, struct str name)
{
    const struct json *value = json_get_n(properties, name);
    if (json_type(value) == JSON_INTEGER)
        return arena_printf(ctx->arena, "%lld", (long long)json_int(value));
    struct str text = json_str(value);
    return text.len ? text : (struct str){ NULL, 0 };
}

/* ---- one node ---- */

static bool end(struct ctx *ctx, const struct journey_world *world, struct journey_visit_at *visit,
                enum journey_reason reason)
{
    visit->reason = reason;
    visit->waits = false;
    visit->due_us = 0;
    return did(ctx, world, visit, JOURNEY_DID_ENDED);
}

/* The next moment at which clocks there show this time. */
static int64_t next_local_us(const struct zone *zone, struct str time, int64_t now_us)
{
    int64_t now_s = now_us / US_PER_S, local_s = now_s + zone_at(zone, now_s).offset_s;
    int64_t of_day = ((time.ptr[0] - '0') * 10 + time.ptr[1] - '0') * 3600 +
                     ((time.ptr[3] - '0') * 10 + time.ptr[4] - '0') * 60;
    int64_t midnight = local_s - local_s % DAY_S;
    for (int day = 0; day < 2; day++, midnight += DAY_S) {
        int64_t due_us = zone_utc_s(zone, midnight + of_day, NULL) * US_PER_S;
        if (due_us > now_us)
            return due_us;
    }
    return zone_utc_s(zone, midnight + of_day, NULL) * US_PER_S;
}

static bool wait_due(struct ctx *ctx, const struct journey_program *program,
                     const struct journey_world *world, const struct journey_visit_at *visit,
                     int64_t *out)
{
    const struct journey_node *node = program->places[visit->node].node;
    const struct zone *zone = NULL;
    if (node->wait_until)
        *out = world->now_us + node->wait_until->seconds * US_PER_S;
    else if (node->wait->has_seconds)
        *out = world->now_us + node->wait->seconds * US_PER_S;
    else if (world->zone(ctx, world->argument, visit->person_id, &zone) &&
             (zone || (zone = zone_find(ctx, program->definition->time_zone))))
        *out = next_local_us(zone, node->wait->local_time, world->now_us);
    else
        return false;
    return true;
}

static size_t split_way(const struct journey_place *place, struct str person_id)
{
    const struct journey_split *split = place->node->split;
    uint64_t sum = 0, at;
    uint32_t seed = hash_murmur3_32(place->node->id.ptr, place->node->id.len, 0);
    for (size_t i = 0; i < split->n_parts; i++)
        sum += (uint64_t)split->parts[i].weight;
    at = ((uint64_t)hash_murmur3_32(person_id.ptr, person_id.len, seed) * sum) >> 32;
    for (size_t i = 0;; i++) {
        if (at < (uint64_t)split->parts[i].weight)
            return place->parts[i];
        at -= (uint64_t)split->parts[i].weight;
    }
}

static bool condition_way(struct ctx *ctx, const struct journey_place *place,
                          const struct journey_world *world, struct journey_visit_at *visit)
{
    bool yes = false, broken = false;
    struct str segment_id = place->node->condition->segment_id;
    if (segment_id.ptr &&
        !world->is_member(ctx, world->argument, visit->person_id, segment_id, &yes))
        return false;
    if (!segment_id.ptr)
        yes = holds(ctx, place->rule, visit->data, &broken);
    if (broken && !did(ctx, world, visit, JOURNEY_DID_NOT_EVALUATED))
        return false;
    visit->node = yes ? place->next : place->otherwise;
    return true;
}

/* It has come to a node: does what that says, and is at the next one then, or waits, or has ended. */
static bool step(struct ctx *ctx, const struct journey_program *program,
                 const struct journey_world *world, struct journey_visit_at *visit)
{
    const struct journey_place *place = &program->places[visit->node];
    if (!did(ctx, world, visit, JOURNEY_DID_ARRIVED))
        return false;
    switch (place->node->kind) {
    case JOURNEY_NODE_KIND_SEND:
    case JOURNEY_NODE_KIND_WEBHOOK:
        if (!did(ctx, world, visit, place->node->send ? JOURNEY_DID_SENT : JOURNEY_DID_CALLED))
            return false;
        visit->node = place->next;
        return true;
    case JOURNEY_NODE_KIND_CONDITION:
        return condition_way(ctx, place, world, visit);
    case JOURNEY_NODE_KIND_SPLIT:
        visit->node = split_way(place, visit->person_id);
        return true;
    case JOURNEY_NODE_KIND_WAIT:
    case JOURNEY_NODE_KIND_WAIT_UNTIL:
        visit->waits = true;
        return wait_due(ctx, program, world, visit, &visit->due_us);
    default:
        return end(ctx, world, visit, JOURNEY_REASON_END);
    }
}

static bool go_on(struct ctx *ctx, const struct journey_program *program,
                  const struct journey_world *world, struct journey_visit_at *visit)
{
    while (!visit->waits && visit->reason == JOURNEY_REASON_UNKNOWN)
        if (!step(ctx, program, world, visit))
            return false;
    return true;
}

static bool leave_wait(struct ctx *ctx, const struct journey_program *program,
                       const struct journey_world *world, struct journey_visit_at *visit, size_t to)
{
    if (!did(ctx, world, visit, JOURNEY_DID_GOES_ON))
        return false;
    visit->waits = false;
    visit->due_us = 0;
    visit->node = to;
    return go_on(ctx, program, world, visit);
}

/* ---- what happens to a visit ---- */

bool journey_enter(struct ctx *ctx, const struct journey_program *program,
                   const struct journey_world *world, const struct journey_event *event,
                   struct journey_visit_at *visit, bool *entered)
{
    const struct journey_entry *entry = &program->definition->entry;
    struct str key = { NULL, 0 };
    bool broken = false;
    *entered = false;
    if (entry->kind == JOURNEY_ENTRY_KIND_SEGMENT &&
        (!str_is(event->name, "fanfare.segment.entered") ||
         !str_eq(json_str(json_get(event->properties, "segment_id")), entry->segment_id)))
        return true;
    if (entry->kind == JOURNEY_ENTRY_KIND_EVENT && !str_eq(event->name, entry->event))
        return true;
    if (entry->key.ptr)
        key = key_of(ctx, event->properties, entry->key);
    if ((entry->key.ptr && !key.ptr) || !holds(ctx, program->filter, event->properties, &broken))
        return true;
    *visit = (struct journey_visit_at){ .visit_id = visit->visit_id,
                                        .person_id = event->person_id,
                                        .key = key,
                                        .data = event->properties };
    *entered = true;
    return did(ctx, world, visit, JOURNEY_DID_ENTERED) && go_on(ctx, program, world, visit);
}

static bool fits(struct ctx *ctx, const struct journey_event *event,
                 const struct journey_visit_at *visit, struct str name, struct str match,
                 const struct rule *filter)
{
    bool broken = false;
    return str_eq(event->name, name) &&
           (match.ptr ? visit->key.ptr && str_eq(key_of(ctx, event->properties, match), visit->key)
                      : str_eq(event->person_id, visit->person_id)) &&
           holds(ctx, filter, event->properties, &broken);
}

static bool fits_any(struct ctx *ctx, const struct journey_event *event,
                     const struct journey_visit_at *visit, const struct journey_leave *leaves,
                     size_t n, const struct rule *const *filters)
{
    for (size_t i = 0; i < n; i++)
        if (fits(ctx, event, visit, leaves[i].event, leaves[i].match, filters[i]))
            return true;
    return false;
}

bool journey_hear(struct ctx *ctx, const struct journey_program *program,
                  const struct journey_world *world, const struct journey_event *event,
                  struct journey_visit_at *visit)
{
    const struct journey_definition *definition = program->definition;
    const struct journey_place *place = &program->places[visit->node];
    if (visit->reason != JOURNEY_REASON_UNKNOWN)
        return true;
    if (fits_any(ctx, event, visit, definition->goals, definition->n_goals, program->goals))
        return end(ctx, world, visit, JOURNEY_REASON_GOAL);
    if (fits_any(ctx, event, visit, definition->exits, definition->n_exits, program->exits))
        return end(ctx, world, visit, JOURNEY_REASON_RULE);
    if (visit->waits && place->node->wait_until &&
        fits(ctx, event, visit, place->node->wait_until->event, place->node->wait_until->match,
             place->rule))
        return leave_wait(ctx, program, world, visit, place->next);
    return true;
}

bool journey_wake(struct ctx *ctx, const struct journey_program *program,
                  const struct journey_world *world, struct journey_visit_at *visit)
{
    const struct journey_place *place = &program->places[visit->node];
    if (!visit->waits || visit->due_us > world->now_us)
        return true;
    if (!place->node->wait_until)
        return leave_wait(ctx, program, world, visit, place->next);
    return place->otherwise == JOURNEY_NOWHERE
               ? end(ctx, world, visit, JOURNEY_REASON_EXPIRED)
               : leave_wait(ctx, program, world, visit, place->otherwise);
}
