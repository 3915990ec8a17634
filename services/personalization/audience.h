/* What is kept of people in memory, by row: who there is, who is in which segment, and the columns that are in use. One
 * of each struct people, made from it, changed when a transaction of it is committed. */
#pragma once

#include "services/personalization/program.h"

struct audience;

struct audience *audience_new(const struct percentile *percentile); /* which lives as long */
void audience_free(struct audience *audience); /* NULL-safe */

/* One person after a change. */
struct audience_row {
    uint32_t row;
    bool stands; /* is somebody: not erased, not another id of somebody else */
    const struct str *segment_ids;
    size_t n_segments;
    const struct value *values; /* of the columns, in their order */
};
/* Whom it is told of (bits): the writer's thread, or the one that opens. */
void audience_put(struct audience *audience, const struct audience_row *rows, size_t n);

/* The columns that there are; only who holds the writer's lock of people adds and removes them. */
size_t audience_columns(const struct audience *audience, struct column *const **columns);
/* Adds those of the program that are missing, to be filled; their number. */
size_t audience_want(struct audience *audience, const struct program *program);
/* A row of the filling: values of the columns that are being filled, in their order. */
void audience_fill(struct audience *audience, uint32_t row, const struct value *values);
void audience_filled(struct audience *audience);
/* Drops what nobody has asked for since then (monotonic). */
void audience_forget(struct audience *audience, int64_t before_us);
/* Columns that are not filled (any more): a filling that failed. */
void audience_unfill(struct audience *audience);

int64_t audience_people(struct audience *audience);
int64_t audience_size(struct audience *audience, struct str segment_id);
/* Up to `n` rows of a segment from this row on. */
size_t audience_members(struct audience *audience, struct str segment_id, uint32_t from,
                        uint32_t *rows, size_t n);

/* Whom the program holds for: their number, and up to `n_sample` of their rows. False: UNAVAILABLE, a column was dropped in
 * between; INVALID, it takes more than five seconds. */
bool audience_count(struct ctx *ctx, struct audience *audience, const struct program *program,
                    int64_t *size, uint32_t *sample, size_t *n_sample);

/* The rows, of those from *from on, for whom the program and the segment's membership say different things: up to `n`; *from
 * moves on, NO_ROW at the end. */
bool audience_differ(struct ctx *ctx, struct audience *audience, const struct program *program,
                     struct str segment_id, uint32_t *from, uint32_t *rows, size_t *n);
