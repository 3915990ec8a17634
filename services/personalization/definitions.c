#include "services/personalization/definitions.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "platform/json/json.h"

#define PAGE 200 /* experiences read at a time */

/* A snapshot and all it points to live in one arena. */
struct held {
    struct snapshot snapshot;
    struct arena *arena;
    struct held *older;
    int64_t retired_us; /* monotonic */
};

struct definitions {
    _Atomic(struct held *) now;
    struct held *retired; /* the refreshing thread's */
    _Atomic int64_t revision;
};

static struct held *held_new(void)
{
    struct arena *arena = arena_new(0);
    struct held *held = ARENA_NEW(arena, struct held);
    held->arena = arena;
    held->snapshot.rules = rule_set_new(arena);
    return held;
}

static void held_free(struct held *held)
{
    arena_free(held->arena);
}

struct definitions *definitions_new(void)
{
    struct definitions *definitions = mem_alloc(sizeof(*definitions));
    atomic_store(&definitions->now, held_new());
    return definitions;
}

void definitions_free(struct definitions *definitions)
{
    if (!definitions)
        return;
    held_free(atomic_load(&definitions->now));
    while (definitions->retired) {
        struct held *held = definitions->retired;
        definitions->retired = held->older;
        held_free(held);
    }
    free(definitions);
}

const struct snapshot *definitions_now(const struct definitions *definitions)
{
    return &atomic_load_explicit(&definitions->now, memory_order_acquire)->snapshot;
}

/* The place of a slot in the table: its own, or the empty one where it belongs. */
static struct slot_place *place_of(const struct snapshot *snapshot, struct str slot)
{
    size_t at = hash_fnv1a(slot.ptr, slot.len) & snapshot->last_place;
    while (snapshot->places[at].n && !str_eq(snapshot->places[at].slot, slot))
        at = (at + 1) & snapshot->last_place;
    return &snapshot->places[at];
}

const struct compiled_experience *snapshot_slot(const struct snapshot *snapshot, struct str slot,
                                                size_t *n)
{
    *n = 0;
    if (!snapshot->places)
        return NULL;
    const struct slot_place *place = place_of(snapshot, slot);
    *n = place->n;
    return place->first;
}

/* Of the experiences, which are sorted by now; twice as many places as there may be slots. */
static void places_make(struct ctx *ctx, struct snapshot *snapshot)
{
    size_t room = 2;
    while (room < 2 * snapshot->n)
        room *= 2;
    snapshot->places = ARENA_ARRAY(ctx->arena, struct slot_place, room);
    snapshot->last_place = room - 1;
    for (size_t i = 0; i < snapshot->n; i++) {
        struct slot_place *place = place_of(snapshot, snapshot->experiences[i].slot);
        if (place->n++ == 0) {
            place->slot = snapshot->experiences[i].slot;
            place->first = &snapshot->experiences[i];
        }
    }
}

/* False for one that cannot be read, as of another version of the program: it is not shown. */
static bool schedule_read(struct ctx *ctx, struct str text, const struct compiled_schedule **out)
{
    struct experience_schedule schedule;
    *out = NULL;
    if (!text.ptr)
        return true;
    const struct json *json = json_parse(ctx, text);
    *out = json && experience_schedule_read(ctx, json, &schedule)
               ? schedule_compile(ctx, &schedule, "")
               : NULL;
    ctx_clear(ctx);
    return *out != NULL;
}

/* The variants of a row that was checked when it was stored; one that does not compile any more is left out. */
static void compile(struct ctx *ctx, struct rule_set *rules, const struct experience_row *row,
                    struct compiled_experience *out)
{
    const struct json *variants = json_parse(ctx, row->variants);
    *out = (struct compiled_experience){
        .experience_id = row->experience_id,
        .slot = row->slot,
        .priority = row->priority,
        .variants = ARENA_ARRAY(ctx->arena, struct compiled_variant, json_size(variants))
    };
    for (struct json_iter it = json_iter(variants); json_next(&it);) {
        struct compiled_variant *variant = &out->variants[out->n_variants];
        const struct json *logic = json_get(it.value, "rule");
        variant->variant = json_str(json_get(it.value, "variant"));
        if (logic) {
            variant->rule = rule_set_add(ctx, rules, logic);
            variant->rule_text = json_text(ctx->arena, logic);
            if (!variant->rule) {
                ctx_clear(ctx);
                continue;
            }
        }
        out->n_variants++;
    }
}

static int by_slot_and_priority(const void *a, const void *b)
{
    const struct compiled_experience *x = a, *y = b;
    int order = str_cmp(x->slot, y->slot);
    if (order == 0)
        order = (x->priority < y->priority) - (x->priority > y->priority);
    return order ? order : str_cmp(x->experience_id, y->experience_id);
}

/* The experiences so far, with room for more. */
static struct compiled_experience *grown(struct ctx *ctx, struct snapshot *snapshot, size_t more)
{
    struct compiled_experience *all =
        ARENA_ARRAY(ctx->arena, struct compiled_experience, snapshot->n + more);
    if (snapshot->n)
        memcpy(all, snapshot->experiences, snapshot->n * sizeof(*all));
    snapshot->experiences = all;
    return all;
}

static bool experiences_read(struct ctx *ctx, struct snapshot *out)
{
    struct compiled_experience *all = NULL;
    size_t n = PAGE;
    struct str after = { NULL, 0 };
    const struct compiled_schedule *schedule;
    out->n = 0;
    while (n == PAGE) {
        struct experience_row *rows = ARENA_ARRAY(ctx->arena, struct experience_row, PAGE);
        if (!store_experiences(ctx, (struct str){ NULL, 0 }, after, PAGE, rows, &n))
            return false;
        all = grown(ctx, out, n);
        for (size_t i = 0; i < n; i++)
            if (rows[i].active && schedule_read(ctx, rows[i].schedule, &schedule)) {
                compile(ctx, out->rules, &rows[i], &all[out->n]);
                all[out->n++].schedule = schedule;
            }
        if (n)
            after = rows[n - 1].experience_id;
    }
    return true;
}

/* Experiments that run stand among the experiences of their slots. */
static bool experiments_read(struct ctx *ctx, struct snapshot *out)
{
    if (!experiments_compile(ctx, out->rules, &out->experiments))
        return false;
    struct compiled_experience *all = grown(ctx, out, out->experiments.n);
    for (size_t i = 0; i < out->experiments.n; i++) {
        const struct compiled_experiment *experiment = &out->experiments.items[i];
        if (experiment->broken || experiment->put.status != EXPERIMENT_STATUS_ACTIVE)
            continue;
        all[out->n] = (struct compiled_experience){ .experience_id = experiment->experiment_id,
                                                    .slot = experiment->put.slot,
                                                    .priority = experiment->put.priority,
                                                    .schedule = experiment->schedule,
                                                    .experiment = experiment };
        if (experiment->put.audience)
            all[out->n].audience_text = json_text(ctx->arena, experiment->put.audience);
        out->n++;
    }
    qsort(all, out->n, sizeof(*all), by_slot_and_priority);
    places_make(ctx, out);
    return true;
}

/* Into the arena of the snapshot; what went wrong into the caller's. */
static bool read_all(struct ctx *ctx, struct held *held)
{
    struct ctx own = *ctx;
    struct snapshot *snapshot = &held->snapshot;
    own.arena = held->arena;
    snapshot->rules = rule_set_new(held->arena);
    if (experiences_read(&own, snapshot) && experiments_read(&own, snapshot) &&
        flags_compile(&own, &snapshot->flags))
        return true;
    ctx->error = own.error;
    ctx->error.detail = arena_str(ctx->arena, own.error.detail);
    return false;
}

static void free_retired(struct definitions *definitions)
{
    int64_t before_us = clock_mono_us() - DEFINITIONS_GRACE_S * US_PER_S;
    for (struct held **at = &definitions->retired; *at;) {
        struct held *held = *at;
        if (held->retired_us > before_us) {
            at = &held->older;
            continue;
        }
        *at = held->older;
        held_free(held);
    }
}

bool definitions_refresh(struct ctx *ctx, struct definitions *definitions)
{
    int64_t revision;
    free_retired(definitions);
    if (!store_revision(ctx, &revision))
        return false;
    if (revision == definitions->revision)
        return true;
    struct held *fresh = held_new();
    if (!read_all(ctx, fresh)) {
        held_free(fresh);
        return false;
    }
    struct held *old = atomic_exchange(&definitions->now, fresh);
    old->retired_us = clock_mono_us();
    old->older = definitions->retired;
    definitions->retired = old;
    definitions->revision = revision;
    return true;
}

int64_t definitions_revision(const struct definitions *definitions)
{
    return definitions->revision;
}
