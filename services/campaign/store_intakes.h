/* Intakes of journeys, and who is in a segment: tables. Functions need ctx->sql; false leaves the error in ctx, or none where
 * it says "no such". */
#pragma once

#include "platform/sql/sql.h"

#define INTAKE_NEVER INT64_MAX

struct intake_row {
    struct str journey_id;
    struct str plan; /* the entry that it was made for */
    int64_t due_us;  /* INTAKE_NEVER: there is none to come */
    bool begun;
    struct str person_id; /* the last one that was looked at; empty: none */
    int64_t version;      /* 0: it is new */
};

bool store_intake(struct ctx *ctx, struct str journey_id, struct intake_row *out);

/* UNAVAILABLE when it was moved since it was read: another instance does it. */
bool store_intake_put(struct ctx *ctx, const struct intake_row *intake);

/* Up to `limit` persons of a segment beyond `after`. */
bool store_members(struct ctx *ctx, struct str segment_id, struct str after, size_t limit,
                   struct str *out, size_t *n);

/* *in: the person is in the segment, and stays there until the transaction at hand is over. */
bool store_member_hold(struct ctx *ctx, struct str person_id, struct str segment_id, bool *in);
