/* Which version of a neighbour a call goes to, in memory: each call takes a leg and gives it back with its outcome. What
 * routes are is in SQL; a worker brings it here (REFRESH) and has canaries judged. Thread-safe. */
#pragma once

#include "platform/client/client.h"
#include "services/gateway/canary.h"
#include "services/gateway/store.h"

#define ROUTING_MOST 8 /* neighbours */

struct routing;

/* `peers` as the service's table has them; they go to the addresses of the settings until a route says otherwise. */
struct routing *routing_new(struct ctx *ctx, const char *const *peers);
void routing_free(struct routing *routing); /* NULL-safe */

/* A call on its way: the peer stays there until it is given back. */
struct leg {
    struct upstream *upstream;
    struct target *target;
    struct peer *peer;
    bool canary;
    uint64_t step; /* which one it is counted for */
};

/* `visitor` is who sticks to one side. */
struct leg routing_take(struct routing *routing, const char *peer, struct str visitor);
void routing_give(struct leg *leg, const struct call *call);

/* True while a canary has a part of the calls, so that it matters who the visitor is. */
bool routing_splits(struct routing *routing, const char *peer);

/* The route, as it is known here: its name, or NULL; the address of the setting; how its canary does. */
const char *routing_find(const struct routing *routing, struct str route);
const char *routing_name(const struct routing *routing, size_t index); /* NULL after the last */
struct str routing_own_address(const struct routing *routing, const char *route);

struct canary_progress {
    int64_t canary_calls, stable_calls;
    int looks;
    struct judgement judgement;
};
struct canary_progress routing_progress(struct routing *routing, const char *route);

/* Takes the routes over as they are stored; with a reader. */
bool routing_refresh(struct ctx *ctx, struct routing *routing);

/* What a canary has come to. A bad verdict has taken its visitors from it already. */
struct ruling {
    enum verdict verdict;
    const char *route;
    struct str canary_id; /* in the ctx's arena */
    int64_t version;
    int share, next_share; /* 100: it is promoted; the same: it waits for a hand */
    struct canary_progress progress;
};
struct ruling routing_judge(struct ctx *ctx, struct routing *routing, const char *route);
