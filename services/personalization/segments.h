/* The segments that are defined, compiled: one set for all models of the process, immutable, held by who uses it. */
#pragma once

#include "services/personalization/program.h"
#include "services/personalization/store_definitions.h"

#define MOST_SEGMENTS 500
#define DEEPEST_SEGMENTS 10 /* made of each other */

struct compiled_segment {
    struct str segment_id;
    struct rule *rule;       /* NULL: a list */
    struct program *program; /* NULL: a list */
    int64_t stamp;           /* another one after each change */
    bool moves; /* people enter and leave without anything happening to them (program_moves) */
};

struct segment_set {
    struct arena *arena;
    struct compiled_segment *items; /* each behind those that it is made of */
    size_t n;
    int64_t revision; /* of the definitions */
    _Atomic int users;
};

/* As it is stored (ctx->sql). A segment that cannot be compiled any more has nobody in it. Owned by one user. */
struct segment_set *segment_set_read(struct ctx *ctx, int64_t revision);
struct segment_set *segment_set_hold(struct segment_set *set);
void segment_set_drop(struct segment_set *set); /* NULL-safe */

const struct compiled_segment *segment_find(const struct segment_set *set, struct str segment_id);

/* May it be stored beside the others (ctx->sql)? INVALID with the pointer: the rule, one that is missing, a circle, too
 * deep, too many. */
bool segment_check(struct ctx *ctx, struct str segment_id, const struct json *rule);

/* Those whose rules read this one (ctx->sql), the first by id; ptr NULL: none. */
bool segment_user(struct ctx *ctx, struct str segment_id, struct str *user);

/* Where the newest set lies, for all threads. */
struct segment_shelf;
struct segment_shelf *segment_shelf_new(void);
void segment_shelf_free(struct segment_shelf *shelf); /* NULL-safe */
void segment_shelf_put(struct segment_shelf *shelf, struct segment_set *set); /* takes it */
struct segment_set *segment_shelf_hold(struct segment_shelf *shelf); /* NULL: none yet */
int64_t segment_shelf_revision(struct segment_shelf *shelf);        /* -1: none yet */
