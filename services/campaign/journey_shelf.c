#include "services/campaign/journey_shelf.h"

#include <pthread.h>
#include <stdlib.h>

#include "platform/telemetry/log.h"
#include "services/campaign/store_journeys.h"
#include "campaign_contract.h"

/* One reading of the database. */
struct held_shelf {
    struct shelf shelf; /* the first: users know no more */
    struct shelves *owner;
    struct arena *arena;
    struct str change;
    int users; /* and one while it is the newest */
};

struct shelves {
    pthread_mutex_t lock;
    struct held_shelf *newest;
};

struct shelves *shelves_new(void)
{
    struct shelves *shelves = mem_alloc(sizeof(*shelves));
    pthread_mutex_init(&shelves->lock, NULL);
    return shelves;
}

/* With the lock. */
static void release(struct held_shelf *held)
{
    if (held && --held->users == 0)
        arena_free(held->arena);
}

void shelves_free(struct shelves *shelves)
{
    if (!shelves)
        return;
    release(shelves->newest);
    pthread_mutex_destroy(&shelves->lock);
    free(shelves);
}

void shelf_done(const struct shelf **shelf)
{
    struct held_shelf *held = (struct held_shelf *)*shelf;
    if (!held)
        return;
    struct shelves *owner = held->owner;
    pthread_mutex_lock(&owner->lock);
    release(held);
    pthread_mutex_unlock(&owner->lock);
}

/* ---- reading ---- */

static bool program_make(struct ctx *ctx, const struct program_row *row, struct shelf_program *out)
{
    *out = (struct shelf_program){ .journey_id = row->journey_id,
                                   .revision = row->revision,
                                   .activated_us = row->activated_us,
                                   .newest = row->revision == row->newest,
                                   .held = str_is(row->state, "paused") };
    const struct json *json = json_parse(ctx, row->definition);
    if (json && journey_definition_read(ctx, json, &out->definition) &&
        journey_compile(ctx, &out->definition, &out->program))
        return true;
    log_line(LOG_ERROR, ctx, "journey_not_compiled", LOG_S("journey_id", row->journey_id),
             LOG_S("reason", ctx->error.detail));
    ctx_clear(ctx);
    return false; /* the others go on */
}

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct shelf_name *)a)->name, ((const struct shelf_name *)b)->name);
}

struct names {
    struct shelf_name *items;
    size_t n, cap;
    struct arena *arena;
};

static void name_add(struct names *names, struct shelf_name name)
{
    if (names->n == names->cap) {
        struct shelf_name *before = names->items;
        names->cap = names->cap ? 2 * names->cap : 64;
        names->items = ARENA_ARRAY(names->arena, struct shelf_name, names->cap);
        if (names->n)
            memcpy(names->items, before, names->n * sizeof(*before));
    }
    names->items[names->n++] = name;
}

static void heard_add(struct names *names, const struct shelf_program *program, struct str name,
                      struct str match)
{
    name_add(names, (struct shelf_name){ .name = name,
                                         .program = program,
                                         .interest = match.ptr ? SHELF_KEY : SHELF_PERSON,
                                         .match = match });
}

static void names_of(struct names *names, const struct shelf_program *program)
{
    const struct journey_definition *definition = &program->definition;
    const struct journey_entry *entry = &definition->entry;
    struct shelf_name comes = { .program = program, .interest = SHELF_ENTRY };
    comes.name = entry->kind == JOURNEY_ENTRY_KIND_SEGMENT ? STR("fanfare.segment.entered")
                                                           : entry->event;
    if (program->newest && !program->held && comes.name.ptr)
        name_add(names, comes);
    for (size_t i = 0; i < definition->n_nodes; i++)
        if (definition->nodes[i].wait_until)
            heard_add(names, program, definition->nodes[i].wait_until->event,
                      definition->nodes[i].wait_until->match);
    for (size_t i = 0; i < definition->n_goals; i++)
        heard_add(names, program, definition->goals[i].event, definition->goals[i].match);
    for (size_t i = 0; i < definition->n_exits; i++)
        heard_add(names, program, definition->exits[i].event, definition->exits[i].match);
}

/* All in ctx's arena. */
static bool shelf_read(struct ctx *ctx, struct shelf *out)
{
    struct program_row *rows;
    size_t n;
    struct names names = { .arena = ctx->arena };
    if (!store_programs(ctx, &rows, &n))
        return false;
    struct shelf_program *programs = ARENA_ARRAY(ctx->arena, struct shelf_program, n + 1);
    for (size_t i = 0; i < n; i++)
        if (program_make(ctx, &rows[i], &programs[out->n_programs]))
            names_of(&names, &programs[out->n_programs++]);
    if (names.n)
        qsort(names.items, names.n, sizeof(*names.items), by_name);
    out->programs = programs;
    out->names = names.items;
    out->n_names = names.n;
    return true;
}

static struct held_shelf *shelf_make(struct ctx *ctx, struct shelves *shelves, struct str change)
{
    struct arena *arena = arena_new(0);
    struct held_shelf *held = ARENA_NEW(arena, struct held_shelf);
    struct ctx own = *ctx;
    own.arena = arena;
    *held = (struct held_shelf){
        .owner = shelves, .arena = arena, .change = arena_str(arena, change), .users = 1
    };
    if (shelf_read(&own, &held->shelf))
        return held;
    ctx_fail(ctx, own.error.code, "reading journeys: " STR_FMT, STR_ARG(own.error.detail));
    arena_free(arena);
    return NULL;
}

static const struct shelf *newest_use(struct shelves *shelves, struct str change)
{
    const struct shelf *shelf = NULL;
    pthread_mutex_lock(&shelves->lock);
    if (shelves->newest && str_eq(shelves->newest->change, change)) {
        shelves->newest->users++;
        shelf = &shelves->newest->shelf;
    }
    pthread_mutex_unlock(&shelves->lock);
    return shelf;
}

const struct shelf *shelf_use(struct ctx *ctx, struct shelves *shelves)
{
    struct str change;
    if (!store_journey_change(ctx, &change))
        return NULL;
    if (!change.ptr)
        change = STR("none");
    const struct shelf *shelf = newest_use(shelves, change);
    if (shelf)
        return shelf;
    struct held_shelf *held = shelf_make(ctx, shelves, change);
    if (!held)
        return NULL;
    pthread_mutex_lock(&shelves->lock);
    release(shelves->newest);
    shelves->newest = held;
    held->users++;
    pthread_mutex_unlock(&shelves->lock);
    return &held->shelf;
}

/* ---- looking ---- */

const struct shelf_name *shelf_names(const struct shelf *shelf, struct str name, size_t *n)
{
    size_t low = 0, high = shelf->n_names;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(shelf->names[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *n = 0;
    while (low + *n < shelf->n_names && str_eq(shelf->names[low + *n].name, name))
        ++*n;
    return shelf->names + low;
}

const struct shelf_program *shelf_program(const struct shelf *shelf, struct str journey_id,
                                          int64_t revision)
{
    for (size_t i = 0; i < shelf->n_programs; i++)
        if (shelf->programs[i].revision == revision &&
            str_eq(shelf->programs[i].journey_id, journey_id))
            return &shelf->programs[i];
    return NULL;
}
