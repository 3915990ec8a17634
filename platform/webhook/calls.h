/* Calls that webhooks are owed: the table webhook_calls, which is in the migrations of each service that owes them.
 * Functions need ctx->sql. */
#pragma once

#include "platform/sql/sql.h"

struct call_row {
    struct str call_id, url, body, person_id, source_id;
    int64_t attempts, due_us, created_us;
    int64_t ended_us; /* 0: not yet */
    int64_t status;   /* of the last answer; 0: none came */
    struct str
        reason; /* why it has not been taken yet, or was given up; ptr NULL: it was taken, or not tried yet */
    struct str secret; /* what it is signed with; not in the table */
};

bool store_call_add(struct ctx *ctx, const struct call_row *call); /* one of each id */
bool store_calls_due(struct ctx *ctx, int64_t now_us, size_t limit, struct call_row *out,
                     size_t *n);

/* This instance makes it: the next attempt is at lease_us at the earliest. False without an error: another one does. */
bool store_call_take(struct ctx *ctx, struct call_row *call, int64_t lease_us);
/* What came of it. At its end the body goes. One that was removed meanwhile is nothing: *was is false. */
bool store_call_put(struct ctx *ctx, const struct call_row *call, bool *was);
bool store_calls_drop(struct ctx *ctx, struct str source_id); /* that are open */
bool store_calls_forget(struct ctx *ctx, int64_t ended_before_us);

/* Why the call that this source is owed has not been taken yet; ptr NULL: it has, or was not tried. */
bool store_calls_why(struct ctx *ctx, struct str source_id, struct str *out);

/* For people who look, the newest first. `state`: "open", "taken", "given_up", ptr NULL: all. */
bool store_calls(struct ctx *ctx, struct str state, struct sql_moment before, size_t limit,
                 struct call_row *out, size_t *n);
