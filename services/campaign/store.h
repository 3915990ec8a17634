/* The campaigns' database: this and store_*.c know its tables. Functions need ctx->sql; false leaves the error in ctx, or
 * none where it says "no such". */
#pragma once

#include "platform/sql/sql.h"
#include "campaign_types.h"

struct campaign_row {
    struct str campaign_id, name, state, plan; /* plan: JSON text */
    struct str saved_by, approved_by;          /* approved_by ptr NULL: nobody has */
    int64_t version, saved_us, approved_us;
};

bool store_campaign(struct ctx *ctx, struct str campaign_id, struct campaign_row *out);

/* The newest version; CONFLICT when somebody else has changed it since it was read (version - 1). */
bool store_campaign_put(struct ctx *ctx, const struct campaign_row *campaign);
bool store_campaign_delete(struct ctx *ctx, const struct campaign_row *campaign);

/* Up to `limit` with an id beyond `after` (ptr NULL: from the first), of one state or (ptr NULL) all. */
bool store_campaigns(struct ctx *ctx, struct str state, struct str after, size_t limit,
                     struct campaign_row *out, size_t *n);

/* ---- launches ---- */

#define NEVER_DUE INT64_MAX

struct step_row {
    enum step_state state;
    int64_t attempt, asked_us, answered_us;
    int64_t expires_us; /* a step that is asked: from then on it is given up */
    struct str reason;  /* ptr NULL: none */
};

#define N_STEPS STEP_NAME_ANALYTICS /* the first is STEP_NAME_CONTENT, 1 */

struct launch_row {
    struct str launch_id, campaign_id;
    enum launch_state state;
    bool paused, mail_open; /* mail_open: mail of it is still to be sent */
    struct str plan;        /* JSON text, as it was launched */
    int64_t starts_us;
    struct str local_at; /* in each person's own zone; ptr NULL: at starts_us */
    int64_t due_us;      /* when it must be looked at next */
    int64_t created_us, launched_us, ended_us;
    enum step_name failed_step;
    struct str reason, winner; /* ptr NULL: none */
    int64_t version;
    struct step_row steps[N_STEPS + 1]; /* by step_name; 0 is none */
};

bool store_launch(struct ctx *ctx, struct str launch_id, struct launch_row *out);
bool store_launch_newest(struct ctx *ctx, struct str campaign_id, struct launch_row *out);

/* Writes it with its steps. UNAVAILABLE when somebody else has moved it since it was read: try again. */
bool store_launch_put(struct ctx *ctx, struct launch_row *launch);

/* Up to `limit`, with their steps: of a campaign, older than `before`, the newest first; of it, those that are not at their
 * end; all that are due. */
bool store_launches(struct ctx *ctx, struct str campaign_id, struct sql_moment before, size_t limit,
                    struct launch_row *out, size_t *n);
bool store_launches_open(struct ctx *ctx, struct str campaign_id, size_t limit,
                         struct launch_row *out, size_t *n);
bool store_launches_due(struct ctx *ctx, int64_t now_us, size_t limit, struct launch_row *out,
                        size_t *n);

/* What its launches make of a campaign; its plan and version stay. */
bool store_campaign_state_put(struct ctx *ctx, struct str campaign_id, enum campaign_state state);
