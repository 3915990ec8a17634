/* Events that were set aside, and events that are to be handed again to one service's reactions: from the log, by their
 * positions, on the thread of the consumer they belong to. */
#pragma once

#include "platform/events/events.h"
#include "platform/json/json.h"

/* What a service keeps of what it has set aside, in the order of consumer, topic, partition and offset; `dead`: a dead
 * letter, else it waits behind one of its key. `first` of its key: redriving begins there. Writes up to `limit` objects
 * into the open array of `out`; *next: a cursor when there are more, else ptr NULL. NOT_FOUND: the service keeps none. */
bool redrive_list(struct ctx *ctx, struct events *events, struct str cursor, size_t limit,
                  struct json_out *out, struct str *next);

struct redrive_place {
    struct str consumer, topic;
    int partition;
    int64_t offset;
};

enum redrive_wish {
    REDRIVE_AGAIN, /* it and then those behind it are handled, until one is rejected again */
    REDRIVE_DROP,  /* it is given up; those behind it are handled, up to the next dead letter */
};

struct redrive_result {
    int64_t done, dropped, rejected; /* rejected: again, and what is behind it still waits */
    struct error why;                /* of the rejected one, or why it did not go on */
};

/* From any thread but the consumer's. Each event and the end of its waiting are one transaction (a store without SQL: the
 * store first, which knows what it has seen). False: what is in ctx kept it from (all of) it; what was done is done.
 * NOT_FOUND: nothing is set aside there (any more). */
bool redrive_run(struct ctx *ctx, struct events *events, const struct redrive_place *place,
                 enum redrive_wish wish, struct redrive_result *result);

/* Hands events of one partition, at ascending offsets, once more to all consumers of the service that react to them.
 * Those that were handled are dropped by their ids; with `force` they are handled all the same. What waits behind a dead
 * letter goes on waiting, what the consumer has not reached yet is left to it. Without `force`, events that are older
 * than ids are kept are refused (PRECONDITION_FAILED): nothing tells that they were handled. */
struct replay_result {
    int64_t done, duplicate, rejected, parked, skipped, ahead, gone;
};
bool replay_run(struct ctx *ctx, struct events *events, struct str topic, int partition,
                const int64_t *offsets, size_t n, bool force, struct replay_result *result);
