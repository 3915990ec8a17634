/* How a visit goes through a journey: pure; what is looked up and what is done about it is the caller's. */
#pragma once

#include "platform/zone/zone.h"
#include "services/campaign/journey_definition.h"

struct journey_event {
    struct str name, person_id;
    const struct json *properties; /* NULL: none */
    int64_t at_us;
};

struct journey_visit_at {
    struct str visit_id, person_id, key; /* key ptr NULL: none */
    const struct json *data; /* properties of the event that it began with; NULL: none */
    size_t node;
    int64_t steps; /* things that it did: the number of the next one */
    bool waits;     /* at the node, until due_us at most; otherwise it has not come to it yet */
    int64_t due_us;
    enum journey_reason reason; /* UNKNOWN while it is under way */
};

struct journey_world {
    int64_t now_us;
    bool held; /* the journey is paused: what a visit waited for has come, but it does not go on */
    void *argument;
    bool (*is_member)(struct ctx *ctx, void *argument, struct str person_id, struct str segment_id,
                      bool *out);
    /* *out stays NULL where it is not known. */
    bool (*zone)(struct ctx *ctx, void *argument, struct str person_id, const struct zone **out);
    /* What is known of the person, which rules see as `person`; *out stays NULL where nothing is. */
    bool (*traits)(struct ctx *ctx, void *argument, struct str person_id, const struct json **out);
    /* Called for each thing in its order; `visit->node` is where. */
    bool (*did)(struct ctx *ctx, void *argument, const struct journey_visit_at *visit,
                enum journey_did did);
};

/* The property that is a key: text or a whole number. ptr NULL: none. */
struct str journey_key(struct ctx *ctx, const struct json *properties, struct str name);

/* Begins a visit where the event is one that the entry takes: *entered, and it is as far as it goes now. A filter that
 * cannot be evaluated is as one that is not true. False: a function of the world failed. */
bool journey_enter(struct ctx *ctx, const struct journey_program *program,
                   const struct journey_world *world, const struct journey_event *event,
                   struct journey_visit_at *visit, bool *entered);

/* The visit hears of an event: a goal or exit rule ends it, what it waits for lets it go on. */
bool journey_hear(struct ctx *ctx, const struct journey_program *program,
                  const struct journey_world *world, const struct journey_event *event,
                  struct journey_visit_at *visit);

/* What it waits for is over (due_us has come), or it was held: it goes on. */
bool journey_wake(struct ctx *ctx, const struct journey_program *program,
                  const struct journey_world *world, struct journey_visit_at *visit);
