/* Inside of the consumer: one event on its way through its reactions. What happens when it does not get through differs
 * between stores that can go back to a savepoint (SQL) and those that can only undo the whole transaction. */
#pragma once

#include "platform/events/events_internal.h"

struct passage {
    struct consumer *consumer;
    const struct slice *slice;
    struct event event;
    bool any_parked; /* is anything parked for this consumer at all? */
    bool
        again; /* it is handled although its id was noted: when it was set aside, or because somebody wants it so */
    struct event_effects *effects;
    struct error why;           /* of FATE_RETRY and FATE_REJECTED */
    struct trace_context trace; /* of its handling */
};

/* Takes one record through, without undoing anything: that is the caller's. ctx has no error afterwards. */
enum fate passage_run(struct ctx *ctx, struct passage *passage, const struct record *record);

/* The same for one record alone. SQL: inside of a transaction, undone to before it where it is not done. Other stores:
 * in a transaction of theirs, with what it publishes. False: the transaction is broken, or the store does not commit. */
bool passage_try(struct ctx *ctx, struct passage *passage, const struct record *record,
                 enum fate *fate);
bool sql_try(struct ctx *ctx, struct passage *passage, const struct record *record,
             enum fate *fate);
bool store_try(struct ctx *ctx, struct passage *passage, const struct record *record,
               enum fate *fate);

/* The same of SQL, and what does not get through or must wait is set aside. */
bool sql_one_record(struct ctx *ctx, struct passage *passage, const struct record *record,
                    enum fate *fate);

/* What the error in ctx stands for; takes it out of ctx. */
enum fate passage_failed(struct ctx *ctx, struct passage *passage);

/* Does the event wait behind a dead letter of its key? ctx->sql must be open where anything is parked. */
bool passage_is_parked(struct ctx *ctx, const struct passage *passage, bool *parked);

/* Why it was set aside. */
struct parked passage_reason(const struct passage *passage, enum fate fate);

/* May others wait behind it? Without an id or a type nothing tells what the record would have been. */
bool event_has_followers(const struct event *event);

bool batch_run_sql(struct ctx *ctx, struct consumer *consumer, struct slice *slices, size_t n);
bool batch_run_store(struct ctx *ctx, struct consumer *consumer, struct slice *slices, size_t n);
