#include "services/campaign/journeys.h"

#include "base/clock.h"
#include "platform/crypto/crypto.h"
#include "platform/events/events.h"
#include "services/campaign/app.h"
#include "services/campaign/journey_effects.h"
#include "services/campaign/journey_intakes.h"
#include "services/campaign/store_journeys.h"

#define PAGE 100 /* visits read at a time */

/* ---- what a journey asks of the world ---- */

static bool world_is_member(struct ctx *ctx, void *argument, struct str person_id,
                            struct str segment_id, bool *out)
{
    (void)argument;
    return store_member_is(ctx, person_id, segment_id, out);
}

static bool world_traits(struct ctx *ctx, void *argument, struct str person_id,
                         const struct json **out)
{
    struct str traits;
    (void)argument;
    if (!store_person(ctx, person_id, &traits))
        return false;
    *out = traits.ptr ? json_parse(ctx, traits) : NULL;
    return !ctx_failed(ctx);
}

const struct zone *journeys_zone(struct ctx *ctx, const struct json *traits)
{
    struct str name = json_str(json_get(traits, "timezone"));
    const struct zone *zone = name.len ? zone_find(ctx, name) : NULL;
    ctx_clear(ctx);
    return zone;
}

static bool world_zone(struct ctx *ctx, void *argument, struct str person_id,
                       const struct zone **out)
{
    const struct json *traits;
    if (!world_traits(ctx, argument, person_id, &traits))
        return false;
    *out = journeys_zone(ctx, traits);
    return true;
}

static struct journey_world world_of(struct moving *moving)
{
    return (struct journey_world){ .now_us = moving->now_us,
                                   .held = moving->program->held,
                                   .argument = moving,
                                   .is_member = world_is_member,
                                   .zone = world_zone,
                                   .traits = world_traits,
                                   .did = journey_did };
}

static struct moving moving_of(const struct shelf_program *program)
{
    return (struct moving){ .program = program, .now_us = clock_now_us() };
}

/* ---- rows ---- */

static bool visit_read(struct ctx *ctx, const struct shelf_program *program,
                       const struct visit_row *row, struct journey_visit_at *out)
{
    const struct journey_definition *definition = &program->definition;
    *out = (struct journey_visit_at){ .visit_id = row->visit_id,
                                      .person_id = row->person_id,
                                      .steps = row->steps,
                                      .waits = row->waits,
                                      .due_us = row->due_us,
                                      .reason = row->reason };
    if (row->key.len)
        out->key = row->key;
    if (row->data.ptr && !(out->data = json_parse(ctx, row->data)))
        return false;
    while (out->node < definition->n_nodes && !str_eq(definition->nodes[out->node].id, row->node))
        out->node++;
    return out->node < definition->n_nodes ||
           ctx_fail(ctx, ERR_INTERNAL, "a visit is at a node that its journey has not");
}

static void visit_write(const struct shelf_program *program, const struct journey_visit_at *visit,
                        int64_t now_us, struct visit_row *row)
{
    row->node = program->definition.nodes[visit->node].id;
    row->waits = visit->waits;
    row->steps = visit->steps;
    row->due_us = visit->due_us;
    row->reason = visit->reason;
    if (visit->reason == JOURNEY_REASON_UNKNOWN)
        return;
    row->ended_us = now_us;
    row->data = (struct str){ NULL, 0 }; /* nobody asks for it any more */
}

/* ---- coming in ---- */

/* By the rules on coming in again. */
static bool may_enter(struct ctx *ctx, const struct shelf_program *program, struct str person_id,
                      struct str key, bool *may)
{
    const struct journey_again *again = program->definition.again;
    enum journey_again_rule rule = again ? again->rule : JOURNEY_AGAIN_RULE_NEVER;
    struct visit_row last;
    bool by_key = rule == JOURNEY_AGAIN_RULE_OTHER_KEY;
    *may = true;
    if (!store_visit_last(ctx, program->journey_id, person_id,
                          by_key ? key : (struct str){ NULL, 0 }, &last))
        return !ctx_failed(ctx);
    if (!again && program->definition.entry.kind == JOURNEY_ENTRY_KIND_SCHEDULE)
        *may = last.ended_us > 0;
    else
        *may = rule == JOURNEY_AGAIN_RULE_AFTER && last.ended_us &&
               last.entered_us + again->days * US_PER_DAY <= clock_now_us();
    return true;
}

static struct str visit_id_of(struct ctx *ctx, const struct shelf_program *program,
                              struct str cause)
{
    char id[37];
    crypto_derive_id(cause, program->journey_id, 0, id);
    return arena_printf(ctx->arena, "vst_%s", id);
}

static bool visit_begin(struct ctx *ctx, const struct shelf_program *program,
                        const struct journey_event *event, struct str cause)
{
    struct moving moving = moving_of(program);
    const struct journey_world world = world_of(&moving);
    struct journey_visit_at visit = { .visit_id = visit_id_of(ctx, program, cause) };
    bool in;
    if (!journey_enter(ctx, &program->program, &world, event, &visit, &in))
        return false;
    if (!in)
        return true;
    struct visit_row row = { .visit_id = visit.visit_id,
                             .journey_id = program->journey_id,
                             .revision = program->revision,
                             .person_id = visit.person_id,
                             .key = visit.key.ptr ? visit.key : STR(""),
                             .data = visit.data ? json_text(ctx->arena, visit.data)
                                                : (struct str){ NULL, 0 },
                             .entered_us = moving.now_us };
    visit_write(program, &visit, moving.now_us, &row);
    return store_visit_add(ctx, &row);
}

bool journeys_bring(struct ctx *ctx, const struct shelf_program *program,
                    const struct journey_event *event, struct str cause)
{
    const struct journey_entry *entry = &program->definition.entry;
    struct str key = { NULL, 0 };
    bool may;
    if (entry->key.ptr && !(key = journey_key(ctx, event->properties, entry->key)).ptr)
        return true;
    return may_enter(ctx, program, event->person_id, key, &may) &&
           (!may || visit_begin(ctx, program, event, cause));
}

/* ---- moving ---- */

static bool visit_save(struct ctx *ctx, const struct moving *moving,
                       const struct journey_visit_at *visit, struct visit_row *row)
{
    if (visit->steps == row->steps)
        return true;
    visit_write(moving->program, visit, moving->now_us, row);
    return store_visit_move(ctx, row);
}

static bool visit_hear(struct ctx *ctx, const struct shelf_program *program,
                       const struct journey_event *event, struct visit_row *row)
{
    struct moving moving = moving_of(program);
    const struct journey_world world = world_of(&moving);
    struct journey_visit_at visit;
    return visit_read(ctx, program, row, &visit) &&
           journey_hear(ctx, &program->program, &world, event, &visit) &&
           visit_save(ctx, &moving, &visit, row);
}

bool journeys_wake(struct ctx *ctx, const struct shelf_program *program, struct visit_row *row)
{
    struct moving moving = moving_of(program);
    const struct journey_world world = world_of(&moving);
    struct journey_visit_at visit;
    return visit_read(ctx, program, row, &visit) &&
           journey_wake(ctx, &program->program, &world, &visit) &&
           visit_save(ctx, &moving, &visit, row);
}

bool journeys_end(struct ctx *ctx, struct visit_row *row, enum journey_reason reason)
{
    const struct path_row step = { .step = row->steps++,
                                   .did = JOURNEY_DID_ENDED,
                                   .node = row->node,
                                   .reason = reason,
                                   .at_us = clock_now_us() };
    row->reason = reason;
    row->ended_us = step.at_us;
    row->data = (struct str){ NULL, 0 };
    row->waits = false;
    return store_path_add(ctx, row->visit_id, &step) &&
           journey_ended_tell(ctx, row->journey_id, row->visit_id, row->person_id, row->node,
                              reason) &&
           store_visit_move(ctx, row);
}

/* ---- hearing ---- */

/* Who asked to hear the event: names of the shelf. */
struct interest {
    const struct shelf *shelf;
    const struct shelf_name *names;
    size_t n, n_keys; /* n_keys: of them, those that ask by a key */
    struct str *heard; /* visits that were asked by one of several keys: each hears an event once */
    size_t n_heard, cap_heard;
};

static bool is_interested(const struct interest *interest, const struct shelf_program *program)
{
    for (size_t i = 0; i < interest->n; i++)
        if (interest->names[i].program == program && interest->names[i].interest != SHELF_ENTRY)
            return true;
    return false;
}

/* Where only one name asks by a key nothing is heard twice. */
static bool has_heard(struct ctx *ctx, struct interest *interest, struct str visit_id)
{
    if (interest->n_keys < 2)
        return false;
    for (size_t i = 0; i < interest->n_heard; i++)
        if (str_eq(interest->heard[i], visit_id))
            return true;
    if (interest->n_heard == interest->cap_heard) {
        struct str *before = interest->heard;
        interest->cap_heard = 2 * interest->cap_heard + PAGE;
        interest->heard = ARENA_ARRAY(ctx->arena, struct str, interest->cap_heard);
        if (before)
            memcpy(interest->heard, before, interest->n_heard * sizeof(*before));
    }
    interest->heard[interest->n_heard++] = visit_id;
    return false;
}

static bool row_hears(struct ctx *ctx, const struct interest *interest,
                      const struct journey_event *event, struct visit_row *row)
{
    const struct shelf_program *program =
        shelf_program(interest->shelf, row->journey_id, row->revision);
    return !program || !is_interested(interest, program) || visit_hear(ctx, program, event, row);
}

static bool person_hears(struct ctx *ctx, const struct interest *interest,
                         const struct journey_event *event)
{
    struct visit_row *rows = ARENA_ARRAY(ctx->arena, struct visit_row, PAGE);
    struct str after = STR("");
    size_t n = PAGE;
    while (n == PAGE) {
        if (!store_visits_of_person(ctx, event->person_id, after, PAGE, rows, &n))
            return false;
        for (size_t i = 0; i < n; i++, after = rows[i - 1].visit_id)
            if (!row_hears(ctx, interest, event, &rows[i]))
                return false;
    }
    return true;
}

/* Visits with the key, of others too. Those of the person may have heard it already. */
static bool key_hears(struct ctx *ctx, struct interest *interest, const struct journey_event *event,
                      const struct shelf_name *name, bool person_has_heard)
{
    struct visit_row *rows = ARENA_ARRAY(ctx->arena, struct visit_row, PAGE);
    struct str after = STR(""), key = journey_key(ctx, event->properties, name->match);
    size_t n = key.ptr ? PAGE : 0;
    while (n == PAGE) {
        if (!store_visits_of_key(ctx, name->program->journey_id, key, after, PAGE, rows, &n))
            return false;
        for (size_t i = 0; i < n; i++, after = rows[i - 1].visit_id)
            if (rows[i].revision == name->program->revision &&
                !(person_has_heard && str_eq(rows[i].person_id, event->person_id)) &&
                !has_heard(ctx, interest, rows[i].visit_id) &&
                !row_hears(ctx, interest, event, &rows[i]))
                return false;
    }
    return true;
}

/* Did an earlier name of the same program ask by the same property? */
static bool is_repeated(const struct interest *interest, size_t i)
{
    const struct shelf_name *name = &interest->names[i];
    for (size_t j = 0; j < i; j++)
        if (interest->names[j].program == name->program &&
            interest->names[j].interest == name->interest &&
            str_eq(interest->names[j].match, name->match))
            return true;
    return false;
}

static bool visits_hear(struct ctx *ctx, struct interest *interest,
                        const struct journey_event *event)
{
    bool person = false;
    for (size_t i = 0; i < interest->n; i++) {
        person = person || interest->names[i].interest == SHELF_PERSON;
        interest->n_keys += interest->names[i].interest == SHELF_KEY;
    }
    if (person && !person_hears(ctx, interest, event))
        return false;
    for (size_t i = 0; i < interest->n; i++)
        if (interest->names[i].interest == SHELF_KEY && !is_repeated(interest, i) &&
            !key_hears(ctx, interest, event, &interest->names[i], person))
            return false;
    return true;
}

static bool other_enters(struct ctx *ctx, const struct shelf_program *program,
                         const struct journey_event *event)
{
    bool in_time = event->at_us >= program->activated_us;
    if (!in_time && !journey_intake_begun(ctx, program, &in_time))
        return false;
    return !in_time || journeys_bring(ctx, program, event, ctx->event->id);
}

static bool others_enter(struct ctx *ctx, const struct interest *interest,
                         const struct journey_event *event)
{
    for (size_t i = 0; i < interest->n; i++)
        if (interest->names[i].interest == SHELF_ENTRY &&
            !other_enters(ctx, interest->names[i].program, event))
            return false;
    return true;
}

static bool is_to_be_heard(struct ctx *ctx, struct str person_id, bool *yes)
{
    bool erased;
    return event_first(ctx, yes) && (!*yes || store_person_erased(ctx, person_id, &erased)) &&
           ((*yes = *yes && !erased), true);
}

bool journeys_hear(struct ctx *ctx, const struct journey_event *told)
{
    CLEANUP(shelf_done) const struct shelf *shelf = shelf_use(ctx, campaign_of(ctx)->shelves);
    struct journey_event event = *told;
    struct interest interest = { .shelf = shelf };
    bool yes;
    if (!shelf)
        return false;
    interest.names = shelf_names(shelf, event.name, &interest.n);
    if (interest.n == 0)
        return true;
    if (!is_to_be_heard(ctx, event.person_id, &yes))
        return false;
    if (!yes)
        return true;
    if (!event.properties && !(event.properties = json_parse(ctx, ctx->event->data)))
        return false;
    return visits_hear(ctx, &interest, &event) && others_enter(ctx, &interest, &event);
}

/* ---- forgetting ---- */

bool journeys_erase(struct ctx *ctx, struct str person_id, int64_t erased_us)
{
    struct visit_row *rows = ARENA_ARRAY(ctx->arena, struct visit_row, PAGE);
    size_t n = PAGE;
    while (n == PAGE) { /* they are under way no more then */
        if (!store_visits_of_person(ctx, person_id, STR(""), PAGE, rows, &n))
            return false;
        for (size_t i = 0; i < n; i++)
            if (!journeys_end(ctx, &rows[i], JOURNEY_REASON_ERASED))
                return false;
    }
    return store_visits_erase(ctx, person_id) && store_person_erase(ctx, person_id, erased_us);
}
