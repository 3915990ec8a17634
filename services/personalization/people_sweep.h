/* What concerns many people at once: counting, looking at everybody again, those who are due. From any thread but the
 * consumer's. */
#pragma once

#include "services/personalization/columns.h"
#include "services/personalization/people.h"
#include "services/personalization/segments.h"

/* How many people the program holds for, of how many, and up to *n ids of them. Makes the columns that are missing. */
struct people_count {
    int64_t size, people;
    struct str *ids;
    size_t n_ids, most_ids;
};
bool people_count(struct ctx *ctx, struct people *people, const struct program *program,
                  struct people_count *count);

/* Up to *n members of a segment from this row on; *from: where the next page begins, NO_ROW after the last. */
struct member {
    struct str person_id;
    int64_t since_us;
};
bool people_members(struct ctx *ctx, struct people *people, struct str segment_id, uint32_t *from,
                    struct member *out, size_t *n);
int64_t people_segment_size(struct people *people, struct str segment_id);

/* Looks at everybody for whom a segment has changed since it was looked at last, until nothing is left to do. */
bool people_catch_up(struct ctx *ctx, struct people *people, bool *changed);

/* Looks at everybody for whom a segment that moves says something else by now. */
bool people_pass_moment(struct ctx *ctx, struct people *people);

/* Looks at some of those whose windows show less as of today; *more: there are others. */
bool people_pass_day(struct ctx *ctx, struct people *people, bool *more);

/* Columns that nobody has asked for in ten minutes are dropped. */
void people_forget_columns(struct people *people);
