#include "services/campaign/journey_definition.h"

#include "platform/zone/zone.h"
#include "services/campaign/schedule.h"

static struct str node_pointer(struct ctx *ctx, size_t node, const char *member)
{
    return arena_printf(ctx->arena, "/nodes/%zu%s", node, member);
}

static bool is_not_person(void *argument, struct str name)
{
    (void)argument;
    return !str_is(name, "person") && !str_starts(name, STR("person."));
}

static bool rule_read(struct ctx *ctx, struct rule_set *set, const struct json *logic,
                      struct str pointer, const struct rule **out)
{
    if (!logic)
        return true;
    *out = rule_set_add(ctx, set, logic);
    if (!*out)
        ctx->error.pointer = arena_printf(ctx->arena, STR_FMT STR_FMT, STR_ARG(pointer),
                                          STR_ARG(ctx->error.pointer));
    return *out != NULL;
}

/* ---- entry ---- */

static bool entry_has(struct ctx *ctx, bool has, bool needed, const char *kind, const char *member)
{
    if (has == needed)
        return true;
    return ctx_fail_at(ctx, ERR_INVALID, arena_printf(ctx->arena, "/entry/%s", member),
                       needed ? "an entry by %s needs its %s" : "an entry by %s has no %s", kind,
                       member);
}

struct campaign_schedule journey_schedule(const struct journey_definition *definition)
{
    const struct journey_schedule *said = definition->entry.schedule;
    struct campaign_schedule schedule = { .has_at = said->has_at,
                                          .at = said->at,
                                          .local_at = said->local_at,
                                          .has_which = said->has_which,
                                          .which = said->which,
                                          .rrule = said->rrule };
    if (said->local_at.ptr)
        schedule.zone = definition->time_zone;
    return schedule;
}

bool journey_takes_in(const struct journey_entry *entry)
{
    return entry->kind == JOURNEY_ENTRY_KIND_SCHEDULE ||
           (entry->has_existing && entry->existing == JOURNEY_EXISTING_ENTER);
}

static bool times_check(struct ctx *ctx, const struct journey_definition *definition)
{
    if (!definition->entry.schedule)
        return true;
    const struct campaign_schedule schedule = journey_schedule(definition);
    if (!schedule.has_at && !schedule.local_at.ptr)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/entry/schedule"),
                           "a schedule needs a moment (at) or a time on clocks (local_at)");
    if (schedule_check(ctx, &schedule))
        return true;
    ctx->error.pointer = arena_printf(ctx->arena, "/entry" STR_FMT, STR_ARG(ctx->error.pointer));
    return false;
}

static bool entry_check(struct ctx *ctx, const struct journey_definition *definition)
{
    const struct journey_entry *entry = &definition->entry;
    const char *kind = journey_entry_kind_name(entry->kind);
    bool event = entry->kind == JOURNEY_ENTRY_KIND_EVENT,
         segment = entry->kind == JOURNEY_ENTRY_KIND_SEGMENT,
         schedule = entry->kind == JOURNEY_ENTRY_KIND_SCHEDULE;
    return entry_has(ctx, entry->event.ptr, event, kind, "event") &&
           entry_has(ctx, entry->segment_id.ptr, segment || schedule, kind, "segment_id") &&
           entry_has(ctx, entry->date, entry->kind == JOURNEY_ENTRY_KIND_DATE, kind, "date") &&
           entry_has(ctx, entry->schedule, schedule, kind, "schedule") &&
           (segment || entry_has(ctx, entry->has_existing, false, kind, "existing")) &&
           (event || entry_has(ctx, entry->key.ptr, false, kind, "key")) &&
           times_check(ctx, definition);
}

static bool again_check(struct ctx *ctx, const struct journey_definition *definition)
{
    const struct journey_again *again = definition->again;
    bool after = again && again->rule == JOURNEY_AGAIN_RULE_AFTER;
    if (again && again->has_days != after)
        return ctx_fail_at(ctx, ERR_INVALID, STR("/again/days"),
                           "days belong to the rule `after`, and to no other");
    return !again || again->rule != JOURNEY_AGAIN_RULE_OTHER_KEY || definition->entry.key.ptr ||
           ctx_fail_at(ctx, ERR_INVALID, STR("/again/rule"), "the entry names no key");
}

/* ---- nodes ---- */

static bool kind_check(struct ctx *ctx, const struct journey_node *node, size_t i)
{
    const struct {
        enum journey_node_kind kind;
        bool has;
        const char *member;
    } members[] = {
        { JOURNEY_NODE_KIND_SEND,       node->send,       "/send" },
        { JOURNEY_NODE_KIND_WAIT,       node->wait,       "/wait" },
        { JOURNEY_NODE_KIND_WAIT_UNTIL, node->wait_until, "/wait_until" },
        { JOURNEY_NODE_KIND_CONDITION,  node->condition,  "/condition" },
        { JOURNEY_NODE_KIND_SPLIT,      node->split,      "/split" },
        { JOURNEY_NODE_KIND_WEBHOOK,    node->webhook,    "/webhook" },
    };
    for (size_t m = 0; m < COUNT(members); m++)
        if (members[m].has != (members[m].kind == node->kind))
            return ctx_fail_at(ctx, ERR_INVALID, node_pointer(ctx, i, members[m].member),
                               members[m].has ? "a node of the kind %s has no %s"
                                              : "a node of the kind %s needs its %s",
                               journey_node_kind_name(node->kind), members[m].member + 1);
    return true;
}

static bool wait_check(struct ctx *ctx, const struct journey_node *node, size_t i)
{
    return !node->wait || node->wait->has_seconds != (node->wait->local_time.ptr != NULL) ||
           ctx_fail_at(ctx, ERR_INVALID, node_pointer(ctx, i, "/wait"),
                       "a wait is either so many seconds or until a local time");
}

static bool condition_check(struct ctx *ctx, const struct journey_node *node, size_t i)
{
    return !node->condition || !node->condition->segment_id.ptr != !node->condition->rule ||
           ctx_fail_at(ctx, ERR_INVALID, node_pointer(ctx, i, "/condition"),
                       "a condition is either a segment or a rule");
}

static bool split_check(struct ctx *ctx, const struct journey_node *node, size_t i)
{
    int64_t sum = 0;
    for (size_t part = 0; node->split && part < node->split->n_parts; part++)
        sum += node->split->parts[part].weight;
    return !node->split || sum > 0 ||
           ctx_fail_at(ctx, ERR_INVALID, node_pointer(ctx, i, "/split/parts"), "all weights are 0");
}

static bool match_check(struct ctx *ctx, const struct journey_definition *definition,
                        struct str match, struct str pointer)
{
    return !match.ptr || definition->entry.key.ptr ||
           ctx_fail_at(ctx, ERR_INVALID, pointer,
                       "visits of this journey have no key: the entry names none");
}

static bool id_check(struct ctx *ctx, const struct journey_definition *definition, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (str_eq(definition->nodes[i].id, definition->nodes[j].id))
            return ctx_fail_at(ctx, ERR_INVALID, node_pointer(ctx, i, "/id"),
                               "another node is called " STR_FMT, STR_ARG(definition->nodes[i].id));
    return true;
}

static bool node_check(struct ctx *ctx, const struct journey_definition *definition, size_t i)
{
    const struct journey_node *node = &definition->nodes[i];
    bool ends = node->kind == JOURNEY_NODE_KIND_EXIT || node->kind == JOURNEY_NODE_KIND_SPLIT;
    if (!id_check(ctx, definition, i) || !kind_check(ctx, node, i))
        return false;
    if (ends == (node->next.ptr != NULL))
        return ctx_fail_at(ctx, ERR_INVALID, node_pointer(ctx, i, "/next"),
                           ends ? "a node of the kind %s has no next"
                                : "a node of the kind %s needs a next",
                           journey_node_kind_name(node->kind));
    return wait_check(ctx, node, i) && condition_check(ctx, node, i) && split_check(ctx, node, i) &&
           (!node->wait_until || match_check(ctx, definition, node->wait_until->match,
                                             node_pointer(ctx, i, "/wait_until/match")));
}

/* ---- ways ---- */

static bool way_find(struct ctx *ctx, const struct journey_definition *definition, struct str id,
                     struct str pointer, size_t *out)
{
    *out = JOURNEY_NOWHERE;
    if (!id.ptr)
        return true;
    for (size_t i = 0; i < definition->n_nodes; i++)
        if (str_eq(definition->nodes[i].id, id)) {
            *out = i;
            return true;
        }
    return ctx_fail_at(ctx, ERR_INVALID, pointer, "there is no node " STR_FMT, STR_ARG(id));
}

static bool parts_find(struct ctx *ctx, const struct journey_definition *definition, size_t i,
                       struct journey_place *place)
{
    const struct journey_split *split = place->node->split;
    size_t *parts = ARENA_ARRAY(ctx->arena, size_t, split->n_parts);
    for (size_t part = 0; part < split->n_parts; part++)
        if (!way_find(ctx, definition, split->parts[part].next,
                      arena_printf(ctx->arena, "/nodes/%zu/split/parts/%zu/next", i, part),
                      &parts[part]))
            return false;
    place->parts = parts;
    return true;
}

static bool place_make(struct ctx *ctx, struct rule_set *set,
                       const struct journey_definition *definition, size_t i,
                       struct journey_place *place)
{
    const struct journey_node *node = place->node = &definition->nodes[i];
    place->otherwise = JOURNEY_NOWHERE;
    if (!way_find(ctx, definition, node->next, node_pointer(ctx, i, "/next"), &place->next))
        return false;
    if (node->condition)
        return way_find(ctx, definition, node->condition->otherwise,
                        node_pointer(ctx, i, "/condition/otherwise"), &place->otherwise) &&
               rule_read(ctx, set, node->condition->rule, node_pointer(ctx, i, "/condition/rule"),
                         &place->rule);
    if (node->wait_until)
        return way_find(ctx, definition, node->wait_until->otherwise,
                        node_pointer(ctx, i, "/wait_until/otherwise"), &place->otherwise) &&
               rule_read(ctx, set, node->wait_until->filter,
                         node_pointer(ctx, i, "/wait_until/filter"), &place->rule);
    return !node->split || parts_find(ctx, definition, i, place);
}

static size_t place_ways(const struct journey_place *place, size_t way)
{
    const struct journey_split *split = place->node->split;
    if (split)
        return way < split->n_parts ? place->parts[way] : JOURNEY_NOWHERE;
    return way == 0 ? place->next : way == 1 ? place->otherwise : JOURNEY_NOWHERE;
}

#define MOST_WAYS 10

enum mark { MARK_NEW, MARK_OPEN, MARK_DONE };

static bool place_waits(const struct journey_place *place)
{
    return place->node->kind == JOURNEY_NODE_KIND_WAIT ||
           place->node->kind == JOURNEY_NODE_KIND_WAIT_UNTIL;
}

/* Depth first (200 nodes at most); what is left by a wait is no part of a way round. */
static bool no_way_round(struct ctx *ctx, const struct journey_program *program, enum mark *marks,
                         size_t i)
{
    marks[i] = MARK_OPEN;
    for (size_t way = 0; way < MOST_WAYS && !place_waits(&program->places[i]); way++) {
        size_t to = place_ways(&program->places[i], way);
        if (to == JOURNEY_NOWHERE || marks[to] == MARK_DONE)
            continue;
        if (marks[to] == MARK_OPEN)
            return ctx_fail_at(ctx, ERR_INVALID, node_pointer(ctx, i, ""),
                               "from here it goes back to " STR_FMT " without a wait",
                               STR_ARG(program->places[to].node->id));
        if (!no_way_round(ctx, program, marks, to))
            return false;
    }
    marks[i] = MARK_DONE;
    return true;
}

static void reach(const struct journey_program *program, bool *reached, size_t i)
{
    reached[i] = true;
    for (size_t way = 0; way < MOST_WAYS; way++) {
        size_t to = place_ways(&program->places[i], way);
        if (to != JOURNEY_NOWHERE && !reached[to])
            reach(program, reached, to);
    }
}

static bool ways_check(struct ctx *ctx, const struct journey_program *program)
{
    size_t n = program->definition->n_nodes;
    enum mark *marks = ARENA_ARRAY(ctx->arena, enum mark, n);
    bool *reached = ARENA_ARRAY(ctx->arena, bool, n);
    reach(program, reached, 0);
    for (size_t i = 0; i < n; i++)
        if (!reached[i])
            return ctx_fail_at(ctx, ERR_INVALID, node_pointer(ctx, i, ""),
                               "nothing leads to " STR_FMT, STR_ARG(program->places[i].node->id));
    for (size_t i = 0; i < n; i++)
        if (marks[i] == MARK_NEW && !no_way_round(ctx, program, marks, i))
            return false;
    return true;
}

/* ---- what ends a visit ---- */

static bool leaves_read(struct ctx *ctx, struct rule_set *set,
                        const struct journey_definition *definition, const char *list,
                        const struct journey_leave *leaves, size_t n, const struct rule ***out)
{
    *out = ARENA_ARRAY(ctx->arena, const struct rule *, n);
    for (size_t i = 0; i < n; i++)
        if (!match_check(ctx, definition, leaves[i].match,
                         arena_printf(ctx->arena, "/%s/%zu/match", list, i)) ||
            !rule_read(ctx, set, leaves[i].filter,
                       arena_printf(ctx->arena, "/%s/%zu/filter", list, i), &(*out)[i]))
            return false;
    return true;
}

static bool zone_check(struct ctx *ctx, const struct journey_definition *definition)
{
    if (zone_find(ctx, definition->time_zone))
        return true;
    ctx->error.pointer = STR("/time_zone");
    return false;
}

/* Also where which names it looks up shows only when it runs. */
static bool rules_ask_person(const struct rule *const *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (rules[i] && !rule_names(rules[i], is_not_person, NULL))
            return true;
    return false;
}

static bool asks_person(const struct journey_program *program)
{
    const struct journey_definition *definition = program->definition;
    for (size_t i = 0; i < definition->n_nodes; i++)
        if (rules_ask_person(&program->places[i].rule, 1))
            return true;
    return rules_ask_person(&program->filter, 1) ||
           rules_ask_person(program->goals, definition->n_goals) ||
           rules_ask_person(program->exits, definition->n_exits);
}

bool journey_compile(struct ctx *ctx, const struct journey_definition *definition,
                     struct journey_program *out)
{
    struct rule_set *set = rule_set_new(ctx->arena);
    struct journey_program program = { .definition = definition };
    if (!zone_check(ctx, definition) || !entry_check(ctx, definition) ||
        !again_check(ctx, definition) ||
        !rule_read(ctx, set, definition->entry.filter, STR("/entry/filter"), &program.filter))
        return false;
    program.places = ARENA_ARRAY(ctx->arena, struct journey_place, definition->n_nodes);
    for (size_t i = 0; i < definition->n_nodes; i++)
        if (!node_check(ctx, definition, i) ||
            !place_make(ctx, set, definition, i, &program.places[i]))
            return false;
    if (!ways_check(ctx, &program) ||
        !leaves_read(ctx, set, definition, "goals", definition->goals, definition->n_goals,
                     &program.goals) ||
        !leaves_read(ctx, set, definition, "exits", definition->exits, definition->n_exits,
                     &program.exits))
        return false;
    program.asks_person = asks_person(&program);
    *out = program;
    return true;
}
