/* Visits of journeys: tables. Functions need ctx->sql; false leaves the error in ctx, or none where it says "no such". */
#pragma once

#include "platform/sql/sql.h"
#include "campaign_types.h"

struct visit_row {
    struct str visit_id, journey_id, person_id;
    struct str key;  /* empty: none */
    struct str data; /* JSON; ptr NULL: none, or it has ended */
    struct str node;
    bool waits;
    int64_t revision, steps, due_us, entered_us;
    int64_t ended_us; /* 0: under way */
    enum journey_reason reason;
    int64_t version;
};

bool store_visit_add(struct ctx *ctx, const struct visit_row *visit);

/* UNAVAILABLE when it was moved since it was read: try again. */
bool store_visit_move(struct ctx *ctx, const struct visit_row *visit);
bool store_visit(struct ctx *ctx, struct str visit_id, struct visit_row *out); /* under way */
/* It is looked at again then; nothing else changes. */
bool store_visit_later(struct ctx *ctx, struct str visit_id, int64_t due_us);

/* The newest one of a person in a journey; with this key, where key.ptr is not NULL. */
bool store_visit_last(struct ctx *ctx, struct str journey_id, struct str person_id, struct str key,
                      struct visit_row *out);

/* Pages of those under way, beyond `after` (an id). */
bool store_visits_of_person(struct ctx *ctx, struct str person_id, struct str after, size_t limit,
                            struct visit_row *out, size_t *n);
bool store_visits_of_key(struct ctx *ctx, struct str journey_id, struct str key, struct str after,
                         size_t limit, struct visit_row *out, size_t *n);
bool store_visits_due(struct ctx *ctx, struct str journey_id, int64_t now_us, size_t limit,
                      struct visit_row *out, size_t *n);

/* For people who look: the newest first. person_id or node ptr NULL: all. */
struct visits_wanted {
    struct str journey_id, person_id, node;
    struct sql_moment before;
    size_t limit;
};
bool store_visits(struct ctx *ctx, const struct visits_wanted *wanted, struct visit_row *out,
                  size_t *n);

struct node_count {
    struct str node;
    int64_t count;
};
bool store_visits_count(struct ctx *ctx, struct str journey_id, struct node_count **out, size_t *n);

/* Up to `limit` of a journey, with their paths; *n is how many there were. */
bool store_visits_remove(struct ctx *ctx, struct str journey_id, size_t limit, int64_t *n);
bool store_visits_erase(struct ctx *ctx, struct str person_id);

/* ---- paths ---- */

struct path_row {
    int64_t step, at_us;
    enum journey_did did;
    struct str node;
    enum journey_reason reason; /* UNKNOWN: none */
};
bool store_path_add(struct ctx *ctx, struct str visit_id, const struct path_row *step);
/* The first `most` steps. */
bool store_path(struct ctx *ctx, struct str visit_id, size_t most, struct path_row *out, size_t *n);
