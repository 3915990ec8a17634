/* Journeys, and what is known of the people in them: tables. Functions need ctx->sql; false leaves the error in ctx, or
 * none where it says "no such". */
#pragma once

#include "platform/sql/sql.h"
#include "campaign_types.h"

struct journey_row {
    struct str journey_id;
    /* As the contract has it, or "stopping" (its visits are being ended), "deleted" (removed). */
    struct str state;
    struct str definition; /* JSON, of the newest revision */
    int64_t version, revision, saved_us, activated_us;
    struct str saved_by;
    struct str dated_to; /* ptr NULL: of all persons the dates were looked at */
};

bool store_journey(struct ctx *ctx, struct str journey_id, struct journey_row *out);

/* CONFLICT when somebody else has changed it since it was read (version - 1). A revision that is the version is new. */
bool store_journey_put(struct ctx *ctx, const struct journey_row *journey);

/* Up to `limit` with an id beyond `after`, of one state or (ptr NULL) all but deleted ones. */
bool store_journeys(struct ctx *ctx, struct str state, struct str after, size_t limit,
                    struct journey_row *out, size_t *n);

/* One of those that have something left to do: a stop, a deletion, dates to look at. False without an error: none. */
bool store_journey_untidy(struct ctx *ctx, struct journey_row *out);

/* The journey itself, its definitions and figures. */
bool store_journey_remove(struct ctx *ctx, struct str journey_id);
bool store_journey_dated_to(struct ctx *ctx, struct str journey_id, struct str dated_to);

/* Which state of all journeys it is: changed by each put. ptr NULL: there has never been a journey. */
bool store_journey_change(struct ctx *ctx, struct str *out);

/* One definition of a journey that is active or paused. */
struct program_row {
    struct str journey_id, state, definition;
    int64_t newest, revision, activated_us;
};
bool store_programs(struct ctx *ctx, struct program_row **out, size_t *n);

/* Removes definitions that nobody goes by any more. */
bool store_revisions_tidy(struct ctx *ctx, int64_t *removed);

/* ---- figures ---- */

bool store_journey_count(struct ctx *ctx, struct str journey_id, struct str node,
                         const char *figure);

struct journey_figure {
    struct str node, figure;
    int64_t count;
};
bool store_journey_figures(struct ctx *ctx, struct str journey_id, struct journey_figure **out,
                           size_t *n);

/* ---- people ---- */

/* An older version than the one that is known is nothing: *taken false. */
bool store_person_put(struct ctx *ctx, struct str person_id, struct str traits, int64_t version,
                      bool *taken);
bool store_person(struct ctx *ctx, struct str person_id, struct str *traits);
/* Up to `limit` beyond `after`, with what is known of them. */
struct person_row {
    struct str person_id, traits;
};
bool store_people(struct ctx *ctx, struct str after, size_t limit, struct person_row *out,
                  size_t *n);

bool store_member_set(struct ctx *ctx, struct str person_id, struct str segment_id, bool in);
bool store_member_is(struct ctx *ctx, struct str person_id, struct str segment_id, bool *in);

bool store_person_erased(struct ctx *ctx, struct str person_id, bool *erased);
/* Notes it, and removes all that is kept of the person but visits (store_visits.h). */
bool store_person_erase(struct ctx *ctx, struct str person_id, int64_t erased_us);

/* ---- dates to come ---- */

bool store_date_put(struct ctx *ctx, struct str journey_id, struct str person_id, int64_t due_us);
bool store_date_remove(struct ctx *ctx, struct str journey_id, struct str person_id);
bool store_dates_remove(struct ctx *ctx, struct str journey_id);

struct date_row {
    struct str person_id;
    int64_t due_us;
};
bool store_dates_due(struct ctx *ctx, struct str journey_id, int64_t now_us, size_t limit,
                     struct date_row *out, size_t *n);
