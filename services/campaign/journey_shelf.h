/* The journeys that are active or paused, compiled, in memory: as the database has them in the transaction at hand. Read
 * again when the database says that one has changed, by whichever instance. */
#pragma once

#include "services/campaign/journey_definition.h"

struct shelf_program {
    struct str journey_id;
    int64_t revision, activated_us;
    bool newest; /* people come in by this one */
    bool held;   /* the journey is paused */
    struct journey_definition definition;
    struct journey_program program;
};

enum shelf_interest {
    SHELF_ENTRY,  /* who does this may come in */
    SHELF_PERSON, /* visits of who does this may hear it */
    SHELF_KEY,    /* visits of the key that its property `match` has */
};

struct shelf_name {
    struct str name; /* of an event */
    const struct shelf_program *program;
    enum shelf_interest interest;
    struct str match;
};

struct shelf {
    const struct shelf_program *programs;
    size_t n_programs;
    const struct shelf_name *names; /* by name */
    size_t n_names;
};

struct shelves;

struct shelves *shelves_new(void);
void shelves_free(struct shelves *shelves); /* NULL-safe; after all users are gone */

/* What holds in ctx->sql's transaction, until shelf_done: CLEANUP(shelf_done) const struct shelf *shelf = shelf_use(...).
 * NULL with the error. Thread-safe. */
const struct shelf *shelf_use(struct ctx *ctx, struct shelves *shelves);
void shelf_done(const struct shelf **shelf); /* NULL-safe */

/* Those of an event's name: *n of them. */
const struct shelf_name *shelf_names(const struct shelf *shelf, struct str name, size_t *n);
/* NULL: it is not active or paused (any more). */
const struct shelf_program *shelf_program(const struct shelf *shelf, struct str journey_id,
                                          int64_t revision);
