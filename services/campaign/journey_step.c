#include "services/campaign/journey_step.h"

#include "base/clock.h"
#include "base/hash.h"

#define DAY_S 86400

/* What all functions below need. */
struct run {
    const struct journey_program *program;
    const struct journey_world *world;
};

static bool did(struct ctx *ctx, const struct run *run, struct journey_visit_at *visit,
                enum journey_did what)
{
    if (!run->world->did(ctx, run->world->argument, visit, what))
        return false;
    visit->steps++;
    return true;
}

/* ---- rules ---- */

/* The data with what is known of the person beside it, as `person`. */
static const struct json *with_person(struct ctx *ctx, const struct json *data,
                                      const struct json *traits)
{
    struct json_out out;
    json_out_init(&out, ctx->arena);
    json_object(&out);
    for (struct json_iter it = json_iter(data); json_next(&it);)
        if (!str_is(it.key, "person")) {
            json_key_n(&out, it.key);
            json_put(&out, it.value);
        }
    json_key(&out, "person");
    json_put(&out, traits);
    json_object_end(&out);
    return json_parse(ctx, json_out_str(&out));
}

static bool rule_data(struct ctx *ctx, const struct run *run, struct str person_id,
                      const struct json **data)
{
    const struct json *traits = NULL;
    if (!run->program->asks_person)
        return true;
    if (!run->world->traits(ctx, run->world->argument, person_id, &traits))
        return false;
    if (traits)
        *data = with_person(ctx, *data, traits);
    return !ctx_failed(ctx);
}

/* What cannot be evaluated is not true: *yes, or *broken (which may be NULL). No rule: true. */
static bool holds(struct ctx *ctx, const struct run *run, const struct rule *rule,
                  struct str person_id, const struct json *data, bool *yes, bool *broken)
{
    struct value value;
    *yes = !rule;
    if (!rule)
        return true;
    if (!rule_data(ctx, run, person_id, &data))
        return false;
    const struct rule_input input = { .data = data };
    if (rule_evaluate(ctx, rule, &input, &value)) {
        *yes = rule_truthy(&value);
        return true;
    }
    ctx_clear(ctx);
    if (broken)
        *broken = true;
    return true;
}

struct str journey_key(struct ctx *ctx, const struct json *properties, struct str name)
{
    const struct json *value = json_get_n(properties, name);
    if (json_type(value) == JSON_INTEGER)
        return arena_printf(ctx->arena, "%lld", (long long)json_int(value));
    struct str text = json_str(value);
    return text.len ? text : (struct str){ NULL, 0 };
}

/* ---- one node ---- */

static bool end(struct ctx *ctx, const struct run *run, struct journey_visit_at *visit,
                enum journey_reason reason)
{
    visit->reason = reason;
    visit->waits = false;
    visit->due_us = 0;
    return did(ctx, run, visit, JOURNEY_DID_ENDED);
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

static bool wait_due(struct ctx *ctx, const struct run *run, const struct journey_visit_at *visit,
                     int64_t *out)
{
    const struct journey_node *node = run->program->places[visit->node].node;
    const struct journey_world *world = run->world;
    const struct zone *zone = NULL;
    if (node->wait_until)
        *out = world->now_us + node->wait_until->seconds * US_PER_S;
    else if (node->wait->has_seconds)
        *out = world->now_us + node->wait->seconds * US_PER_S;
    else if (world->zone(ctx, world->argument, visit->person_id, &zone) &&
             (zone || (zone = zone_find(ctx, run->program->definition->time_zone))))
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

static bool condition_way(struct ctx *ctx, const struct run *run, const struct journey_place *place,
                          struct journey_visit_at *visit)
{
    bool yes = false, broken = false;
    struct str segment_id = place->node->condition->segment_id;
    if (segment_id.ptr &&
        !run->world->is_member(ctx, run->world->argument, visit->person_id, segment_id, &yes))
        return false;
    if (!segment_id.ptr &&
        !holds(ctx, run, place->rule, visit->person_id, visit->data, &yes, &broken))
        return false;
    if (broken && !did(ctx, run, visit, JOURNEY_DID_NOT_EVALUATED))
        return false;
    visit->node = yes ? place->next : place->otherwise;
    return true;
}

/* It has come to a node: does what that says, and is at the next one then, or waits, or has ended. */
static bool step(struct ctx *ctx, const struct run *run, struct journey_visit_at *visit)
{
    const struct journey_place *place = &run->program->places[visit->node];
    if (!did(ctx, run, visit, JOURNEY_DID_ARRIVED))
        return false;
    switch (place->node->kind) {
    case JOURNEY_NODE_KIND_SEND:
    case JOURNEY_NODE_KIND_WEBHOOK:
        if (!did(ctx, run, visit, place->node->send ? JOURNEY_DID_SENT : JOURNEY_DID_CALLED))
            return false;
        visit->node = place->next;
        return true;
    case JOURNEY_NODE_KIND_CONDITION:
        return condition_way(ctx, run, place, visit);
    case JOURNEY_NODE_KIND_SPLIT:
        visit->node = split_way(place, visit->person_id);
        return true;
    case JOURNEY_NODE_KIND_WAIT:
    case JOURNEY_NODE_KIND_WAIT_UNTIL:
        visit->waits = true;
        return wait_due(ctx, run, visit, &visit->due_us);
    default:
        return end(ctx, run, visit, JOURNEY_REASON_END);
    }
}

static bool go_on(struct ctx *ctx, const struct run *run, struct journey_visit_at *visit)
{
    while (!visit->waits && visit->reason == JOURNEY_REASON_UNKNOWN)
        if (!step(ctx, run, visit))
            return false;
    return true;
}

static bool leave_wait(struct ctx *ctx, const struct run *run, struct journey_visit_at *visit,
                       size_t to)
{
    if (!did(ctx, run, visit, JOURNEY_DID_GOES_ON))
        return false;
    visit->waits = false;
    visit->due_us = run->world->now_us;
    visit->node = to;
    return run->world->held || go_on(ctx, run, visit);
}

/* ---- what happens to a visit ---- */

static bool is_entry(const struct journey_entry *entry, const struct journey_event *event)
{
    if (entry->kind == JOURNEY_ENTRY_KIND_EVENT)
        return str_eq(event->name, entry->event);
    if (entry->kind == JOURNEY_ENTRY_KIND_DATE)
        return str_is(event->name, "fanfare.date.come") &&
               str_eq(json_str(json_get(event->properties, "trait")), entry->date->trait);
    return str_is(event->name, entry->kind == JOURNEY_ENTRY_KIND_SCHEDULE
                                   ? "fanfare.schedule.come"
                                   : "fanfare.segment.entered") &&
           str_eq(json_str(json_get(event->properties, "segment_id")), entry->segment_id);
}

bool journey_enter(struct ctx *ctx, const struct journey_program *program,
                   const struct journey_world *world, const struct journey_event *event,
                   struct journey_visit_at *visit, bool *entered)
{
    const struct journey_entry *entry = &program->definition->entry;
    const struct run run = { program, world };
    struct str key = { NULL, 0 };
    *entered = false;
    if (!is_entry(entry, event))
        return true;
    if (entry->key.ptr)
        key = journey_key(ctx, event->properties, entry->key);
    if (entry->key.ptr && !key.ptr)
        return true;
    if (!holds(ctx, &run, program->filter, event->person_id, event->properties, entered, NULL))
        return false;
    if (!*entered)
        return true;
    *visit = (struct journey_visit_at){ .visit_id = visit->visit_id,
                                        .person_id = event->person_id,
                                        .key = key,
                                        .data = event->properties };
    return did(ctx, &run, visit, JOURNEY_DID_ENTERED) && go_on(ctx, &run, visit);
}

/* What is to be fitted: of wait_until, a goal or an exit rule. */
struct pattern {
    struct str name, match;
    const struct rule *filter;
};

static bool fits(struct ctx *ctx, const struct run *run, const struct journey_event *event,
                 const struct journey_visit_at *visit, struct pattern pattern, bool *yes)
{
    *yes = str_eq(event->name, pattern.name) &&
           (pattern.match.ptr
                ? visit->key.ptr &&
                      str_eq(journey_key(ctx, event->properties, pattern.match), visit->key)
                : str_eq(event->person_id, visit->person_id));
    return !*yes || holds(ctx, run, pattern.filter, visit->person_id, event->properties, yes, NULL);
}

static bool fits_any(struct ctx *ctx, const struct run *run, const struct journey_event *event,
                     const struct journey_visit_at *visit, const struct journey_leave *leaves,
                     size_t n, const struct rule *const *filters, bool *yes)
{
    *yes = false;
    for (size_t i = 0; i < n && !*yes; i++)
        if (!fits(ctx, run, event, visit,
                  (struct pattern){ leaves[i].event, leaves[i].match, filters[i] }, yes))
            return false;
    return true;
}

/* A goal or an exit rule, UNKNOWN: neither. */
static bool leaves(struct ctx *ctx, const struct run *run, const struct journey_event *event,
                   const struct journey_visit_at *visit, enum journey_reason *out)
{
    const struct journey_program *program = run->program;
    const struct journey_definition *definition = program->definition;
    bool goal, rule = false;
    if (!fits_any(ctx, run, event, visit, definition->goals, definition->n_goals, program->goals,
                  &goal))
        return false;
    if (!goal && !fits_any(ctx, run, event, visit, definition->exits, definition->n_exits,
                           program->exits, &rule))
        return false;
    *out = goal ? JOURNEY_REASON_GOAL : rule ? JOURNEY_REASON_RULE : JOURNEY_REASON_UNKNOWN;
    return true;
}

bool journey_hear(struct ctx *ctx, const struct journey_program *program,
                  const struct journey_world *world, const struct journey_event *event,
                  struct journey_visit_at *visit)
{
    const struct run run = { program, world };
    const struct journey_place *place = &program->places[visit->node];
    const struct journey_wait_until *until = place->node->wait_until;
    enum journey_reason reason;
    bool comes = false;
    if (visit->reason != JOURNEY_REASON_UNKNOWN)
        return true;
    if (!leaves(ctx, &run, event, visit, &reason))
        return false;
    if (reason != JOURNEY_REASON_UNKNOWN)
        return end(ctx, &run, visit, reason);
    if (visit->waits && until &&
        !fits(ctx, &run, event, visit, (struct pattern){ until->event, until->match, place->rule },
              &comes))
        return false;
    return !comes || leave_wait(ctx, &run, visit, place->next);
}

bool journey_wake(struct ctx *ctx, const struct journey_program *program,
                  const struct journey_world *world, struct journey_visit_at *visit)
{
    const struct run run = { program, world };
    const struct journey_place *place = &program->places[visit->node];
    if (visit->reason != JOURNEY_REASON_UNKNOWN || visit->due_us > world->now_us)
        return true;
    if (!visit->waits)
        return go_on(ctx, &run, visit);
    if (!place->node->wait_until)
        return leave_wait(ctx, &run, visit, place->next);
    return place->otherwise == JOURNEY_NOWHERE ? end(ctx, &run, visit, JOURNEY_REASON_EXPIRED)
                                               : leave_wait(ctx, &run, visit, place->otherwise);
}
