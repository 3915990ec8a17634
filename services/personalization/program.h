/* A segment's rule for everybody at once: a tree of and, or and not over tests of single columns. What cannot be such a
 * test is the rule itself, asked row by row. Immutable; thread-safe. */
#pragma once

#include "services/personalization/columns.h"
#include "services/personalization/percentile.h"

struct program;

/* Into ctx->arena. INVALID with the pointer: no rule; a name is not fixed, is no feature, or belongs to a request
 * (context). */
struct program *program_compile(struct ctx *ctx, const struct json *logic);

/* Does it change for people to whom nothing happens (now, spend_percentile)? */
bool program_moves(const struct program *program);

/* `each` gets every feature that has a column and is read, and (segment) every other segment's id, until it gives false. */
typedef bool program_name(void *argument, struct str name, bool segment);
bool program_names(const struct program *program, program_name *each, void *argument);

enum column_kind feature_kind(struct str name);

/* Where a program reads; under the audience's lock. NULL: there is no such (any more). What takes long pauses now and then,
 * for others to have the lock: columns stay, and may grow. After `until_us` (monotonic) it gives up: *late. */
struct program_input {
    struct column *(*column)(void *argument, struct str name);
    const struct bits *(*segment)(void *argument, struct str segment_id);
    void (*pause)(void *argument);
    void *argument;
    int64_t now_us; /* what the rule takes as now */
    const struct percentile *percentile;
    int64_t until_us;
    bool late;
};

/* The program on the columns of an input, which lives as long. In ctx's arena. NULL: a column is missing. */
struct bound;
struct bound *program_bind(struct ctx *ctx, const struct program *program,
                           struct program_input *input);

/* Whom it holds for, of those of a chunk whose bits are set in `mask`. For whom the rule cannot be evaluated, it does not
 * hold. */
void bound_run(struct ctx *ctx, struct bound *bound, size_t chunk,
               const uint64_t mask[WORDS_PER_CHUNK], uint64_t out[WORDS_PER_CHUNK]);
